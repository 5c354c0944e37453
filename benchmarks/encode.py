"""Vectors of many short texts: sajeon's encode and model2vec on the same folder; Spearman on STS-B.

    python benchmarks/encode.py MODEL CORPUS [--sts FOLDER] [--texts 100000] [--repeat 5] [--out F]

MODEL is a folder of `sajeon train`, cut by `words` or `whitespace`, which model2vec opens as well.
CORPUS is text whose words, in order, are cut into texts of 5 to 15. Both sides get the same list,
in turn: model2vec in one process and as it comes, which is on all cores from 10,000 texts on; SIF
weights are given to it as its own. Shown are medians, and those of the ratios within a repetition.
The first call of each side, which loads or compiles, is left out and shown apart.

With --sts, a folder of sts-dev.csv and sts-test.csv (tab-separated: score and both sentences in
columns 5 to 7), Spearman's correlation of cosines with the scores, 0 where a sentence has no
vector; beside it gensim's `get_mean_vector` on the same table as it comes, rows scaled to length 1.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from _common import machine, say, show, table, versions

import sajeon
from sajeon import search
from sajeon.evaluate import spearman
from sajeon.pooling import sif_weights
from sajeon.tokens.readers import find_files

Encode: TypeAlias = Callable[[list[str]], np.ndarray]
OURS = "sajeon"
PEERS = {"model2vec, one process": {"use_multiprocessing": False}, "model2vec, as it comes": {}}


def short_texts(corpus: Path, number: int) -> Iterator[str]:
    """Yield texts of 5 to 15 words."""
    rng = np.random.default_rng(0)
    words: list[str] = []
    for file in find_files(corpus):
        for block in file.blocks():
            words += block.decode(errors="ignore").split()
            while len(words) > 15 and number:
                size = int(rng.integers(5, 16))
                yield " ".join(words[:size])
                del words[:size]
                number -= 1
            if not number:
                return


def sides(model: str, vectors: sajeon.Vectors, weights: Any) -> dict[str, Encode]:
    """Return what encodes texts, by name."""
    from model2vec import StaticModel

    peer = StaticModel.from_pretrained(model)
    if weights == "sif":
        own = np.append(sif_weights(vectors.counts), np.float32(0))  # the last: of unknown words
        peer = StaticModel(peer.embedding, peer.tokenizer, peer.config, weights=own)
    works: dict[str, Encode] = {OURS: lambda texts: vectors.encode(texts, weights=weights)}
    for name, given in PEERS.items():
        works[name] = lambda texts, given=given: peer.encode(texts, **given)
    return works


def speed(
    model: str, vectors: sajeon.Vectors, texts: list[str], repeat: int
) -> Iterator[list[str]]:
    """Yield a line for each kind of mean and side."""
    for weights in (None, "sif"):
        works = sides(model, vectors, weights)
        seconds: dict[str, list[float]] = {name: [] for name in works}
        answers = {}
        for _ in range(repeat + 1):
            for name, work in works.items():
                start = time.perf_counter()
                answers[name] = work(texts)
                seconds[name].append(time.perf_counter() - start)
        for name, (first, *taken) in seconds.items():
            ratios = [theirs / ours for theirs, ours in zip(taken, seconds[OURS][1:], strict=True)]
            apart = np.abs(answers[name] - answers[OURS]).max()
            figures = f"{first:.2f}", f"{median(taken):.2f}", f"{len(texts) / median(taken):,.0f}"
            yield [name, weights or "mean", *figures, f"{median(ratios):.1f}", f"{apart:.0e}"]
            say(f"{name}, {weights or 'mean'}: {median(taken):.2f} s")


def pairs_of(path: Path) -> tuple[np.ndarray, list[str], list[str]]:
    """Return scores, first and second sentences."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return np.array([float(row[4]) for row in rows]), [r[5] for r in rows], [r[6] for r in rows]


def gensim_means(vectors: sajeon.Vectors) -> Encode:
    """Return gensim's mean over the same table and tokenizer."""
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(vectors.dim)
    keyed.add_vectors(list(vectors.tokens), np.asarray(vectors.matrix, np.float32))
    cut = vectors.tokenizer.tokens
    return lambda texts: np.array([keyed.get_mean_vector(cut(text) or ["\0"]) for text in texts])


def correlations(vectors: sajeon.Vectors, folder: Path) -> Iterator[list[str]]:
    """Yield a line for each way to encode."""
    works: dict[str, Encode] = {
        "sajeon, mean": vectors.encode,
        "sajeon, sif": lambda texts: vectors.encode(texts, weights="sif"),
        "gensim, `get_mean_vector`": gensim_means(vectors),
    }
    sets = [pairs_of(folder / f"sts-{name}.csv") for name in ("dev", "test")]
    for name, work in works.items():
        found = [
            spearman(search.cosine(work(first), work(second)), scores)
            for scores, first, second in sets
        ]
        yield [name, *(f"{value:.4f}" for value in found)]


def main(arguments: list[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sts", type=Path)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    vectors = sajeon.load(options.model)
    texts = list(short_texts(options.corpus, options.texts))
    words = sum(text.count(" ") + 1 for text in texts)
    head = ["", "weights", "first call, s", "s", "texts/s", "times ours", "furthest apart"]
    lines = list(speed(options.model, vectors, texts, options.repeat))
    packages = ("sajeon", "numpy", "numba", "model2vec", "tokenizers", "gensim")
    report = (
        f"{machine()}; {versions(packages)}. {len(texts):,} texts of {words:,} words; "
        f"{len(vectors):,} vectors, dim {vectors.dim}.\n\n{table(head, lines, left=2)}"
    )
    if options.sts is not None:
        found = correlations(vectors, options.sts)
        report += f"\n\n{table(['Spearman', 'STS-B dev', 'STS-B test'], found)}"
    show(report, options.out)


if __name__ == "__main__":
    main()
