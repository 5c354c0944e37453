"""What do vectors of pitches know of music? Learned from tunes in ABC.

    python melody.py tunes/*.abc [--plot intervals.png]

Pitches become tokens, skip-gram learns a vector for each from the notes around it, as for words.
Then: are pitches an octave or a fifth apart more alike than those a tritone apart? Can a tune be
found by its first four bars sung in another key? And what does a mean over a tune not know?
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import sajeon
from sajeon.tokens.melody import Melody
from sajeon.tokens.music.melodies import Score

KEYS = range(-5, 7)  # semitones by which a tune is sung higher
NAMES = ["unison", "minor second", "major second", "minor third", "major third", "fourth",
         "tritone", "fifth", "minor sixth", "major sixth", "minor seventh", "major seventh",
         "octave"]  # fmt: skip


def learn(lists: list[list[str]], tokenizer: Melody, dim: int, epochs: int) -> sajeon.Vectors:
    """Learn a vector for each token; none is thinned out, since all are frequent."""
    vectors = sajeon.train(
        lists, dim=dim, window=5, min_count=3, sample=0, epochs=epochs, threads=1, progress=False
    )
    return sajeon.Vectors(vectors.tokens, vectors.matrix, vectors.counts, tokenizer=tokenizer)


def cosine_by_interval(vectors: sajeon.Vectors) -> np.ndarray:
    """Return (13,): the mean cosine of pitches 0 to 12 semitones apart, NaN where there is none."""
    found: list[list[float]] = [[] for _ in NAMES]
    pitches = {int(token[1:]): token for token in vectors.tokens}
    for low, token in pitches.items():
        for step in range(len(NAMES)):
            if low + step in pitches:
                found[step].append(vectors.similarity(token, pitches[low + step]))
    return np.array([np.mean(cosines) if cosines else np.nan for cosines in found])


def draw(cosines: np.ndarray, path: str) -> None:
    """Draw the cosines as bars."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("not drawn: matplotlib is not installed")
        return
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    axes.bar(range(len(cosines)), np.nan_to_num(cosines))
    axes.set_xticks(range(len(cosines)))
    axes.set_xlabel("semitones apart")
    axes.set_ylabel("mean cosine of pitch vectors")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    print(f"drawn: {path}")


def beginning(tune: Score, semitones: int) -> Score:
    """Return the first four bars, sung higher."""
    end = 4 * tune.bar - 1e-6
    notes = [n._replace(midi=n.midi + semitones) for n in tune.line if n.start < end]
    return Score(tune.name, tune.title, notes)


def reciprocal_rank(scores: np.ndarray, right: int) -> float:
    """Return 1 / rank of the right one by falling score; of equal ones the middle rank."""
    better = int((scores > scores[right]).sum())
    equal = int((scores == scores[right]).sum()) - 1
    return 1 / (1 + better + equal / 2)


def mrr_of_vectors(tunes: Sequence[Score], vectors: sajeon.Vectors, queries: range) -> list[float]:
    """Return the mean reciprocal rank in each key: nearest mean vectors by cosine."""
    tokens = vectors.tokenizer.tokens_of
    known = _unit(vectors.encode([tokens(tune) for tune in tunes]))
    result = []
    for key in KEYS:
        asked = _unit(vectors.encode([tokens(beginning(tunes[i], key)) for i in queries]))
        scores = asked @ known.T  # (queries, tunes)
        ranks = [reciprocal_rank(row, i) for row, i in zip(scores, queries, strict=True)]
        result.append(float(np.mean(ranks)))
    return result


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def mrr_of_edits(tunes: Sequence[Score], intervals: Melody, queries: range) -> float:
    """Return the mean reciprocal rank by edit distance to the best stretch of each tune.

    One key is enough: intervals are the same in all.
    """
    lists = [intervals.tokens_of(tune) for tune in tunes]
    number = {token: i for i, token in enumerate(sorted({t for one in lists for t in one}))}
    padded = np.full((len(lists), max(map(len, lists))), -1)
    for row, one in zip(padded, lists, strict=True):
        row[: len(one)] = [number[token] for token in one]
    ranks = []
    for i in queries:
        asked = [number[token] for token in intervals.tokens_of(beginning(tunes[i], 0))]
        ranks.append(reciprocal_rank(-edits(asked, padded), i))
    return float(np.mean(ranks))


def edits(asked: Sequence[int], rows: np.ndarray) -> np.ndarray:
    """Return (tunes,): edits from `asked` to what is nearest to it within each row (Sellers, 1980).

    Args:
        asked: Numbers of tokens.
        rows: (tunes, length), padded with -1, which equals none.
    """
    places = np.arange(rows.shape[1] + 1)
    before = np.zeros((len(rows), rows.shape[1] + 1), np.int32)  # a match may begin anywhere
    for done, token in enumerate(asked, 1):
        now = before + 1  # a token of the query is left out
        now[:, 0] = done
        now[:, 1:] = np.minimum(now[:, 1:], before[:, :-1] + (rows != token))
        before = np.minimum.accumulate(now - places, axis=1) + places  # or one of the tune's is
    return before.min(axis=1)


def tell_apart(tune: Score, models: dict[str, sajeon.Vectors]) -> None:
    """Print how alike a tune and the same notes backwards are to each model."""
    pitches = [note.midi for note in tune.line][::-1]
    turned = [note._replace(midi=p) for note, p in zip(tune.line, pitches, strict=True)]
    backwards = Score(tune.name, tune.title, turned)
    print(f"\n{tune.title!r} and the same notes backwards:")
    for name, vectors in models.items():
        lists = [vectors.tokenizer.tokens_of(one) for one in (tune, backwards)]
        a, b = _unit(vectors.encode(lists))
        shared = len(set(lists[0]) & set(lists[1])) / len(set(lists[0]) | set(lists[1]))
        print(f"  {name:24}  cosine of the means {a @ b:7.4f}   tokens shared {shared:4.0%}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--plot", default="intervals.png")
    parser.add_argument("--dim", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--queries", type=int, default=200, help="tunes that are looked for")
    options = parser.parse_args(arguments)

    notes, intervals = Melody("note"), Melody("interval")
    tunes = [tune for file in options.files for tune in notes.tunes(file)]
    tunes = [tune for tune in tunes if len(beginning(tune, 0).line) > 4]
    if len(tunes) < 2:
        parser.error("expected at least two tunes in ABC, of four bars or more")
    runs = Melody("interval", ngrams=3)
    tokenizers = {"notes": notes, "intervals": intervals, "runs of 3 intervals": runs}
    models = {
        name: learn([t.tokens_of(tune) for tune in tunes], t, options.dim, options.epochs)
        for name, t in tokenizers.items()
    }
    print(f"{len(tunes)} tunes; {len(models['notes'])} pitches\n\nsemitones  mean cosine")
    cosines = cosine_by_interval(models["notes"])
    for step, (name, cosine) in enumerate(zip(NAMES, cosines, strict=True)):
        print(f"{step:9}  {cosine:11.3f}  {name}")
    draw(cosines, options.plot)

    queries = range(0, len(tunes), max(1, len(tunes) // options.queries))
    print(f"\nfound by its first four bars, {len(queries)} tunes asked among {len(tunes)}: MRR")
    print("  sung higher by, semitones    ", *(f"{key:+5}" for key in KEYS))
    for name, vectors in models.items():
        shown = (f"{mrr:.3f}" for mrr in mrr_of_vectors(tunes, vectors, queries))
        print(f"  mean over {name:19}", *shown)
    mrr = mrr_of_edits(tunes, intervals, queries)
    print(f"  edit distance of intervals    {mrr:.3f} in every key")
    tell_apart(tunes[0], models)


if __name__ == "__main__":
    main()
