"""Does a classifier learn better from pretrained vectors? An honest comparison.

    python examples/pretrained_or_not.py reviews.tsv --corpus corpus.txt
    python examples/pretrained_or_not.py positive.txt negative.txt --vectors model

Give one labelled file (a table with a header line, or fastText's lines), or several files that each
hold the texts of one class, one a line. Three classifiers learn from the same texts, in the same
order, by the same number of steps: one whose rows begin at random, one with pretrained rows that
stay as they are, one with pretrained rows that are trained. A tenth of the texts is held out to
choose the epoch whose weights are kept, a fifth is for the test and looked at once. With each seed
split, order and random numbers are others; printed are the mean over seeds and the standard
deviation. The picture shows the loss by epoch, on the texts learnt from and on those held out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import sajeon
from sajeon.labelled import read_labelled
from sajeon.models import TextClassifier

WAYS = ("random", "pretrained, frozen", "pretrained, trained")
PICTURE = "pretrained_or_not.png"


@dataclass
class Result:
    """What one way of beginning came to: a number, or a curve by epoch, for each seed."""

    accuracy: list[float] = field(default_factory=list)
    learnt: list[list[float]] = field(default_factory=list)
    held_out: list[list[float]] = field(default_factory=list)

    def line(self, way: str) -> str:
        """Return its line of the table."""
        mean = statistics.mean(self.accuracy)
        spread = statistics.stdev(self.accuracy) if len(self.accuracy) > 1 else 0.0
        best = statistics.mean(min(curve) for curve in self.held_out)
        last = statistics.mean(curve[-1] for curve in self.learnt)
        return f"| {way} | {mean:.1%} ± {100 * spread:.1f} | {last:.3f} | {best:.3f} |"


def read(files: Sequence[str], text: str | None, label: str | None) -> tuple[list[str], list[Any]]:
    """Return texts and labels of one labelled file, or of a file for each class."""
    if len(files) == 1:
        found = read_labelled(files[0], text, label)
        return found.texts, list(found.labels)
    texts: list[str] = []
    labels: list[str] = []
    for file in files:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        texts += filter(str.strip, lines)
        labels += [file] * (len(texts) - len(labels))
    return texts, labels


def classifier(way: str, vectors: sajeon.Vectors, seed: int, options: Any) -> TextClassifier:
    """Return a classifier that begins in this way; all else is the same."""
    return TextClassifier(
        dim=vectors.dim,
        pretrained=None if way == "random" else vectors,
        freeze=way == "pretrained, frozen",
        unk="mean",  # no words replaced at random, which a frozen table would not profit from
        lr=options.lr,
        epochs=options.epochs,
        patience=options.epochs,  # never stop early: equal steps
        tokens=options.tokens,
        seed=seed,
        progress=False,
    )


def compare(
    texts: list[str], labels: list[Any], vectors: sajeon.Vectors, options: Any
) -> dict[str, Result]:
    """Train each way with each seed, and test it."""
    results = {way: Result() for way in WAYS}
    for seed in range(1, options.seeds + 1):
        order = np.random.default_rng(seed).permutation(len(texts))[: options.most].tolist()
        parts = order[: len(order) // 5], order[len(order) // 5 : len(order) * 3 // 10]
        test, held_out, train = (
            ([texts[i] for i in part], [labels[i] for i in part])
            for part in (*parts, order[len(order) * 3 // 10 :])
        )
        for way, result in results.items():
            model = classifier(way, vectors, seed, options).fit(*train, validation=held_out)
            result.learnt.append(model.history_)
            result.held_out.append(model.validation_history_)
            result.accuracy.append(model.score(*test))
            print(f"seed {seed}, {way}: {result.accuracy[-1]:.1%}", file=sys.stderr)
    return results


def draw(results: dict[str, Result], path: str) -> None:
    """Draw the mean loss by epoch, and how far the seeds lie apart."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        sys.exit("the picture needs matplotlib: pip install matplotlib (or say --picture '')")
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, part, title in zip(
        axes, ("learnt", "held_out"), ("learnt from", "held out"), strict=True
    ):
        for way, result in results.items():
            curves = np.array(getattr(result, part))  # (seeds, epochs)
            epochs = np.arange(1, curves.shape[1] + 1)
            axis.plot(epochs, curves.mean(axis=0), label=way)
            axis.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), alpha=0.2)
        axis.set(title=f"texts {title}", xlabel="epoch")
    axes[0].set_ylabel("mean loss of a text, nats")
    axes[1].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--vectors", help="a model folder or a file of vectors")
    source.add_argument("--corpus", help="a text to learn vectors from first")
    parser.add_argument("--text", help="column of the texts")
    parser.add_argument("--label", help="column of the labels")
    parser.add_argument("--tokens", default="words", help="as in sajeon train")
    parser.add_argument("--dim", type=int, default=100, help="of vectors learnt from --corpus")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--most", type=int, default=10_000, help="texts to use, at most")
    parser.add_argument("--picture", default=PICTURE, help="where to draw the curves; '': nowhere")
    options = parser.parse_args(arguments)
    texts, labels = read(options.files, options.text, options.label)
    if options.vectors:
        vectors = sajeon.load(options.vectors)
    else:
        vectors = sajeon.train(options.corpus, dim=options.dim, tokens=options.tokens)
    used = min(len(texts), options.most)
    print(f"{used:,} texts, {options.seeds} seeds, {options.epochs} epochs, {vectors}\n")
    results = compare(texts, labels, vectors, options)
    print("| rows begin | accuracy | loss, learnt from | best loss, held out |")
    print("|---|---:|---:|---:|")
    for way, result in results.items():
        print(result.line(way))
    if options.picture:
        draw(results, options.picture)
        print(f"\nCurves: {options.picture}")


if __name__ == "__main__":
    main()
