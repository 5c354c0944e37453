"""Items in order (item2vec): neighbours of a genre, and the next item, gensim beside.

    python benchmarks/items.py RATINGS MOVIES [--epochs 20] [--window 30] [--seeds 3] [--out F]

For the files of MovieLens "ml-latest-small": ratings.csv and movies.csv. The last film of each user
is held out and the rest learned from, in the order in which they were rated. Printed is how many of
the 10 nearest films share a genre with a film, beside chance (any two films), and how often the
held-out film is among the 20 that are nearest to the mean of the user's last 10, the films they
have rated left out; beside the 20 most popular films, and gensim's skip-gram on the same lists with
the same settings, one thread each. Means of the seeds, recall with the least and the most of them.

The settings were chosen by our recall with seed 1: dim 50 and 20 epochs 0.175, dim 100 0.116, dim
100 and 60 epochs 0.154; a window of 10 in place of 30, dim 50, 0.103.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from statistics import mean, median

import numpy as np
from _common import machine, say, show, table, versions

import sajeon
from sajeon.formats.columns import read_columns

LAST, TOP, NEAR = 10, 20, 10


def genres_of(path: str) -> dict[str, frozenset[str]]:
    """Return the genres of each film."""
    rows = read_columns(path, ["movieId", "genres"])
    return {film: frozenset(genres.split("|")) for film, genres in rows}


def ours(
    lists: list[list[str]], seed: int, options: argparse.Namespace
) -> tuple[list[str], np.ndarray]:
    """Return films and their vectors."""
    vectors = sajeon.train(
        lists, dim=options.dim, window=options.window, epochs=options.epochs, min_count=5,
        sample=options.sample, lr=options.lr, seed=seed, threads=1,
    )  # fmt: skip
    return list(vectors.tokens), np.asarray(vectors.matrix)


def gensims(
    lists: list[list[str]], seed: int, options: argparse.Namespace
) -> tuple[list[str], np.ndarray]:
    """Likewise of gensim."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        lists, sg=1, vector_size=options.dim, window=options.window, epochs=options.epochs,
        min_count=5, sample=options.sample, alpha=options.lr, seed=seed, workers=1,
    )  # fmt: skip
    return model.wv.index_to_key, model.wv.vectors


def same_genre(films: list[str], unit: np.ndarray, genres: dict[str, frozenset[str]]) -> float:
    """Return the share of the nearest films that have a genre in common with the film."""
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    nearest = np.argpartition(-scores, NEAR)[:, :NEAR]
    shared = [
        bool(genres[films[i]] & genres[films[j]]) for i in range(len(films)) for j in nearest[i]
    ]
    return mean(shared)


def chance(films: list[str], genres: dict[str, frozenset[str]]) -> float:
    """Return the share of pairs of films, drawn evenly, that have a genre in common."""
    pairs = np.random.default_rng(0).integers(len(films), size=(100_000, 2))
    return mean(bool(genres[films[i]] & genres[films[j]]) for i, j in pairs if i != j)


def recall(films: list[str], unit: np.ndarray, lists: list[list[str]]) -> float:
    """Return how often the last film of a list is among the `TOP` that are put forward."""
    ids = {film: i for i, film in enumerate(films)}
    hits = []
    for *seen, last in lists:
        known = [ids[film] for film in seen if film in ids]
        scores = unit @ unit[known[-LAST:]].sum(axis=0)
        scores[known] = -np.inf
        hits.append(ids.get(last, -1) in np.argpartition(-scores, TOP)[:TOP])
    return mean(hits)


def popular(lists: list[list[str]]) -> float:
    """Return the recall of the most popular films that the user has not rated."""
    ranked = [
        film for film, _ in Counter(film for *seen, _ in lists for film in seen).most_common()
    ]
    hits = []
    for *seen, last in lists:
        known = set(seen)
        offered = [film for film in ranked[: TOP + len(known)] if film not in known][:TOP]
        hits.append(last in offered)
    return mean(hits)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ratings")
    parser.add_argument("movies")
    parser.add_argument("--dim", type=int, default=50)
    parser.add_argument("--window", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--sample", type=float, default=0)
    parser.add_argument("--lr", type=float, default=0.025)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    given = {"sequence": "userId", "item": "movieId", "order": "timestamp"}
    lists = list(sajeon.read_sequences(options.ratings, **given))
    genres = genres_of(options.movies)
    history = [films[:-1] for films in lists]
    lines = []
    sides = {"sajeon, skip-gram": ours, "gensim, skip-gram": gensims}
    for name, learn in sides.items():
        genre, hit, seconds = [], [], []
        for seed in range(1, options.seeds + 1):
            start = time.perf_counter()
            films, rows = learn(history, seed, options)
            seconds.append(time.perf_counter() - start)
            unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            genre.append(same_genre(films, unit, genres))
            hit.append(recall(films, unit, lists))
            say(f"{name}, seed {seed}: {genre[-1]:.3f} {hit[-1]:.3f} {seconds[-1]:.1f} s")
        spread = f"{mean(hit):.3f} ({min(hit):.3f} to {max(hit):.3f})"
        lines.append([name, f"{mean(genre):.3f}", spread, f"{median(seconds):.1f}"])
    lines.append(["two films by chance", f"{chance(films, genres):.3f}", "", ""])
    lines.append(["the most popular", "", f"{popular(lists):.3f}", ""])
    head = [
        f"{len(lists):,} users, {sum(map(len, lists)):,} ratings",
        f"genre@{NEAR}",
        f"recall@{TOP}",
        "s",
    ]
    show(f"{machine()}; {versions(('sajeon', 'gensim'))}\n\n{table(head, lines)}", options.out)


if __name__ == "__main__":
    main()
