"""The n-gram language model beside Kneser-Ney: perplexity on unseen text, alone and interpolated.

Run ``python benchmarks/ngram.py wikitext.valid.txt wikitext.test.txt``: trained on the first file,
measured on the second. One text a line, blank lines left out, cut at blanks. The vocabulary is
closed and the same for both: words seen at least `--min-count` times in training, ``<unk>`` for all
others, and ``</s>``, the end of a line, which is predicted like a word.

Kneser-Ney is that of `nltk.lm.KneserNeyInterpolated` (checked against it on a sample), with its own
discount of 0.1 and with the best one. That discount and the weight of the interpolation are chosen
on the last tenth of the training text, by models of the other nine; then both are trained on all.
"""

from __future__ import annotations

import argparse
import platform
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from _kneserney import BEGIN, END, KneserNey, grams, padded

from sajeon import Vocabulary
from sajeon.models import NGramLanguageModel

DISCOUNTS = (0.1, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
NLTKS_OWN = DISCOUNTS[0]
UNKNOWN = "<unk>"
Texts = list[list[str]]


@dataclass(frozen=True)
class Choice:
    """What the held-out part of the training text says."""

    discount: float
    weight: float  # of the neural model


def read(path: str) -> Texts:
    """Return the lines of a file as token lists."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.strip()]


def closed(train: Texts, others: Sequence[Texts], min_count: int) -> list[Texts]:
    """Return all texts with ``<unk>`` for the words that are rare in the first."""
    counts = Counter(word for text in train for word in text)
    kept = {word for word, n in counts.items() if n >= min_count} - {BEGIN, END}
    return [[[w if w in kept else UNKNOWN for w in text] for text in t] for t in (train, *others)]


def perplexity(chances: np.ndarray) -> float:
    """Return e to the mean of -log p."""
    return float(np.exp(-np.log(chances).mean()))


def neural(train: Texts, order: int, options: argparse.Namespace) -> NGramLanguageModel:
    """Train the neural model on token lists whose vocabulary is closed."""
    vocab = Vocabulary.from_tokens(train, (UNKNOWN, END), None, UNKNOWN, tokens="whitespace")
    return NGramLanguageModel(
        vocab,
        context=order - 1,
        dim=options.dim,
        hidden=options.hidden,
        init_std=0.1,
        dropout=options.dropout,
        loss=options.loss,
        negatives=options.negatives,
        lr=options.lr,
        weight_decay=options.weight_decay,
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        progress=options.verbose,
    ).fit(train)


def choose(train: Texts, order: int, options: argparse.Namespace) -> Choice:
    """Choose discount and weight on the last tenth of the training text."""
    cut = len(train) * 9 // 10
    first, last = closed(train[:cut], [train[cut:]], options.min_count)
    counted = {d: KneserNey(first, order, d).probabilities(last) for d in DISCOUNTS}
    discount = min(counted, key=lambda d: perplexity(counted[d]))
    ours = np.exp(neural(first, order, options).log_probs(last))
    weights = np.linspace(0, 1, 101)
    mixed = [perplexity(w * ours + (1 - w) * counted[discount]) for w in weights]
    return Choice(discount, float(weights[int(np.argmin(mixed))]))


def check_nltk(train: Texts, test: Texts, order: int, discount: float, sample: int) -> str:
    """Compare our sums with nltk's own perplexity on a sample of n-grams."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm import Vocabulary as NltkVocabulary
    from nltk.util import everygrams

    lines = [padded(text, order) for text in train]
    vocabulary = NltkVocabulary((w for line in lines for w in line), 1, UNKNOWN)
    peer = KneserNeyInterpolated(order, discount, vocabulary=vocabulary)
    peer.fit(everygrams(line, max_len=order) for line in lines)
    chosen = random.Random(0).sample(list(grams(test, order)), sample)
    ours = KneserNey(train, order, discount)
    here, theirs = (
        perplexity(np.array([ours.probability(g) for g in chosen])),
        peer.perplexity(chosen),
    )
    if not np.isclose(here, theirs, rtol=1e-9):
        raise SystemExit(f"order {order}: our sums give {here}, nltk's own {theirs}")
    return f"order {order}, {sample} n-grams: {theirs:.6f} both"


def measure(train: Texts, test: Texts, order: int, options: argparse.Namespace) -> list[str]:
    """Return the lines of the table for one order."""
    choice = choose(train, order, options)
    known, unseen = closed(train, [test], options.min_count)
    start = time.process_time()  # the machine may be busy
    model = neural(known, order, options)
    seconds = time.process_time() - start
    ours = np.exp(model.log_probs(unseen))
    own = KneserNey(known, order, NLTKS_OWN).probabilities(unseen)
    best = KneserNey(known, order, choice.discount).probabilities(unseen)
    mixed = choice.weight * ours + (1 - choice.weight) * best
    base = perplexity(best)
    rows = [
        (f"Kneser-Ney, nltk's discount {NLTKS_OWN}", own),
        (f"Kneser-Ney, discount {choice.discount} (held out)", best),
        (f"sajeon, context {order - 1} ({seconds:.0f} CPU seconds of training)", ours),
        (f"interpolated, {choice.weight:.2f} of sajeon (held out)", mixed),
    ]
    return [
        f"| {order} | {name} | {perplexity(p):.1f} | {perplexity(p) / base - 1:+.1%} |"
        for name, p in rows
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--orders", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--min-count", type=int, default=2)
    parser.add_argument("--dim", type=int, default=200)
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--loss", default="auto")
    parser.add_argument("--negatives", type=int, default=512)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=100, help="n-grams that nltk scores too")
    parser.add_argument("--out", help="also write the table there")
    parser.add_argument("--verbose", action="store_true", help="a line an epoch")
    options = parser.parse_args(arguments)
    train, test = read(options.train), read(options.test)
    known, unseen = closed(train, [test], options.min_count)
    kept = len({word for text in known for word in text}) + 1
    words = [sum(map(len, texts)) + len(texts) for texts in (train, test)]
    share = np.mean([word == UNKNOWN for text in unseen for word in text])
    lines = [
        f"{words[0]:,} words and line ends of training, {words[1]:,} of test; {kept:,} in the "
        f"vocabulary, {share:.1%} of the test's words are <unk>. torch {torch.__version__}, "
        f"Python {platform.python_version()}, {torch.get_num_threads()} threads.\n",
        "| order | model | perplexity | to Kneser-Ney |",
        "|---:|---|---:|---:|",
    ]
    for order in options.orders:
        lines += measure(train, test, order, options)
    checks = [check_nltk(known, unseen, order, 0.75, options.sample) for order in options.orders]
    report = "\n".join([*lines, "", f"Checked against nltk's perplexity: {'; '.join(checks)}."])
    print(report)
    if options.out:
        Path(options.out).write_text(report + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
