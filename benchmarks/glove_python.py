"""GloVe: seconds of an epoch, sajeon and glove-python (its maintained fork) on the same counts.

    pip install bicleaner-ai-glove scipy
    python benchmarks/glove_python.py TEXT --epochs 5 --reps 3 --threads 2 --save FOLDER

Both are given the co-occurrences that sajeon counts, and take turns. glove-python trains one table
in float64, its threads without locks; sajeon two tables in float32, with the same bits on any
number of threads. With --save, both models are kept in FOLDER, for `sajeon evaluate`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from glove import Glove
from scipy.sparse import coo_matrix

import sajeon
from sajeon.corpus import build_corpus
from sajeon.learn.cells import make_cells
from sajeon.learn.cooccurrence import UNIT, Cooccurrences, cooccurrences, rows_of
from sajeon.learn.glove import GloveObjective
from sajeon.learn.trainer import Trainer
from sajeon.tokens import make_tokenizer

X_MAX, ALPHA, LR = 10.0, 0.75, 0.05


def ours(counts: Cooccurrences, options: argparse.Namespace) -> tuple[float, np.ndarray]:
    """Return the seconds of an epoch, dealing into cells included, and the vectors."""
    started = time.perf_counter()
    cells = make_cells(counts, x_max=X_MAX, alpha=ALPHA, seed=1, threads=options.threads)
    dealing = time.perf_counter() - started
    objective = GloveObjective(cells, counts.num_words, dim=options.dim, seed=1)
    trained = Trainer(
        objective, 1, epochs=options.epochs, lr=LR, lr_end=LR, threads=options.threads
    ).run()
    tables = trained.tables
    vectors = tables["words"][:, :-1] + tables["contexts"][:, :-1]
    return (dealing + trained.seconds) / options.epochs, vectors


def theirs(counts: Cooccurrences, options: argparse.Namespace) -> tuple[float, np.ndarray]:
    """Return the seconds of an epoch of glove-python, and the vectors."""
    rows = rows_of(counts, 0, counts.num_words)
    shape = (counts.num_words, counts.num_words)
    matrix = coo_matrix((counts.values / UNIT, (rows, np.array(counts.columns))), shape=shape)
    model: Any = Glove(options.dim, LR, alpha=ALPHA, max_count=X_MAX, random_state=1)
    started = time.perf_counter()
    model.fit(matrix, epochs=options.epochs, no_threads=options.threads)
    return (time.perf_counter() - started) / options.epochs, model.word_vectors.astype(np.float32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    corpus = build_corpus(options.text, make_tokenizer("words"), min_count=5)
    counts = cooccurrences(
        corpus, window=5, decay="harmonic", sample=1e-3, seed=1, threads=options.threads
    )
    print(f"{len(corpus.vocab):,} words, {len(counts):,} pairs, {options.threads} threads")
    sides = {"sajeon": ours, "glove-python": theirs}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(options.reps):
        for name, side in sides.items():
            took, vectors = side(counts, options)
            seconds[name].append(took)
            if options.save is not None:
                made = sajeon.Vectors(list(corpus.vocab.tokens), vectors, corpus.vocab.counts)
                made.save(options.save / name)
    for name, took_each in seconds.items():
        median = statistics.median(took_each)
        print(f"{name:14} {median:.2f} s an epoch, {len(counts) / median / 1e6:.2f} M pairs/s")
    ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
    print(f"ratio {statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})")


if __name__ == "__main__":
    main()
