"""How much of a word's neighbourhood two models share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import search
from .bands import bands_of
from .bootstrap import FEWEST, Interval, interval_of, resampled_means

if TYPE_CHECKING:
    from ..types import Doubles, Ids
    from ..vectors import Vectors
    from .common import CommonWords

_SHOWN = 10


@dataclass(frozen=True)
class OverlapBand:
    """Words of one band of frequency.

    Attributes:
        name: Ranks in the vocabulary, as in "1,001-10,000".
        overlap: Mean share of the neighbours in one model that are neighbours in the other.
        jaccard: Mean of the neighbours in both over those in either.
        interval: 95 % bootstrap interval of `overlap`; None for fewer than ten words.
        sampled: Words looked at.
        words: Words there are.
    """

    name: str
    overlap: float
    jaccard: float
    interval: Interval | None
    sampled: int
    words: int


@dataclass(frozen=True)
class ChangedWord:
    """A word with other neighbours in one model than in another.

    Attributes:
        word: As the first of the two models spells it.
        overlap: Share of neighbours in common.
        neighbours_a: In one model, nearest first.
        neighbours_b: In the other.
    """

    word: str
    overlap: float
    neighbours_a: tuple[str, ...]
    neighbours_b: tuple[str, ...]


@dataclass(frozen=True)
class Overlap:
    """How much two models agree on which words are alike.

    Of each band the same number of words is looked at; the means of all words weigh the bands by
    the words in them. Neighbours are sought among the words that all models have in common.

    Attributes:
        a: One model.
        b: The other.
        k: Neighbours of each word.
        overlap: Mean share of the neighbours in one model that are neighbours in the other.
        jaccard: Mean of the neighbours in both over those in either.
        interval: 95 % bootstrap interval of `overlap`, over words; None for fewer than ten.
        bands: The same by frequency.
        changed: Words with the least overlap, of equal ones the most frequent.
    """

    a: str
    b: str
    k: int
    overlap: float
    jaccard: float
    interval: Interval | None
    bands: tuple[OverlapBand, ...]
    changed: tuple[ChangedWord, ...]


@dataclass(frozen=True)
class WordOverlap:
    """How much of a word's neighbourhood several models share.

    Attributes:
        word: As the first model spells it.
        overlap: Mean share of neighbours in common, over all pairs of models.
    """

    word: str
    overlap: float


@dataclass(frozen=True)
class Neighbourhoods:
    """The neighbours of a sample of words in several models.

    Attributes:
        models: The models.
        names: Of the models.
        common: The words that they share, two at least.
        bands: Of each its name, how many words it has, and (any,) which of them are in the sample.
        words: (sampled,) int64. The places of all of these among the common words.
        found: (models, sampled, k) int64. Places of their neighbours, nearest first; -1 for none.
    """

    models: Sequence[Vectors]
    names: Sequence[str]
    common: CommonWords
    bands: list[tuple[str, int, Ids]]
    words: Ids
    found: Ids

    @classmethod
    def of(
        cls,
        models: Sequence[Vectors],
        names: Sequence[str],
        common: CommonWords,
        *,
        k: int,
        sample: int,
        seed: int,
    ) -> Neighbourhoods:
        """Find `k` neighbours, or all there are, of `sample` words drawn evenly from the bands."""
        bands = _sampled(common, sample, seed)
        words = np.concatenate([chosen for _, _, chosen in bands])
        k = min(k, len(common.ranks) - 1)
        pairs = zip(models, common.ids, strict=True)
        found = np.stack([_neighbours(model, ids, words, k) for model, ids in pairs])
        return cls(models, names, common, bands, words, found)

    def overlaps(self) -> tuple[Overlap, ...]:
        """Compare each two models."""
        pairs = itertools.combinations(range(len(self.models)), 2)
        return tuple(self._overlap(i, j) for i, j in pairs)

    def least(self) -> tuple[WordOverlap, ...]:
        """Return the words whose neighbours differ most among all models."""
        pairs = itertools.combinations(self.found, 2)
        shares = np.mean([_shared(one, other) for one, other in pairs], axis=0) / self.k
        return tuple(
            WordOverlap(self._spelled(0, self.words[n : n + 1])[0], float(shares[n]))
            for n in self._first(shares)
        )

    @property
    def k(self) -> int:
        """Neighbours of each word."""
        return int(self.found.shape[2])

    def _overlap(self, i: int, j: int) -> Overlap:
        shared = _shared(self.found[i], self.found[j])
        changed = tuple(
            ChangedWord(
                self._spelled(i, self.words[n : n + 1])[0],
                float(shared[n] / self.k),
                self._spelled(i, self.found[i, n]),
                self._spelled(j, self.found[j, n]),
            )
            for n in self._first(shared)
        )
        sizes = [len(chosen) for _, _, chosen in self.bands]
        at = np.split(shared, np.cumsum(sizes)[:-1])
        parts = [(name, num, part) for (name, num, _), part in zip(self.bands, at, strict=True)]
        return Overlap(self.names[i], self.names[j], self.k, *_means(parts, self.k), changed)

    def _first(self, shared: Doubles) -> list[int]:
        """Return the sampled words with the least, of equal ones the most frequent."""
        order: list[int] = np.lexsort((self.words, shared))[:_SHOWN].tolist()
        return order

    def _spelled(self, model: int, places: Ids) -> tuple[str, ...]:
        tokens, ids = self.models[model].tokens, self.common.ids[model]
        return tuple(tokens[i] for i in ids[places[places >= 0]].tolist())


def _sampled(common: CommonWords, sample: int, seed: int) -> list[tuple[str, int, Ids]]:
    """Return each band's name, how many words it has, and which of them are looked at."""
    bands = bands_of(common.ranks)
    rng, share = np.random.default_rng(seed), max(1, sample // len(bands))
    return [(name, len(places), np.sort(rng.permutation(places)[:share])) for name, places in bands]


def _neighbours(model: Vectors, ids: Ids, words: Ids, k: int) -> Ids:
    """Return (sampled, k) int64: the nearest common words of each, -1 where there are fewer."""
    place = np.full(len(model), -1, dtype=np.int64)
    place[ids] = np.arange(len(ids))
    own = ids[words]
    rows = search.unit(model.matrix[own])
    nearest, _ = search.nearest_many(
        model.matrix, model.norms, rows, k, own[:, None], allowed=place >= 0
    )
    return np.where(nearest >= 0, place[nearest], -1)


def _shared(one: Ids, other: Ids) -> Doubles:
    """Return (sampled,) float64: how many neighbours are in both."""
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    twice = (both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)
    shared: Doubles = twice.sum(axis=1).astype(np.float64)
    return shared


def _means(
    parts: list[tuple[str, int, Doubles]], k: int
) -> tuple[float, float, Interval | None, tuple[OverlapBand, ...]]:
    """Return overlap, Jaccard, interval and bands, from the neighbours shared in each band."""
    bands, draws = [], []
    for seed, (name, num, shared) in enumerate(parts):
        draws.append(resampled_means(shared / k, seed))
        interval = interval_of(draws[-1]) if len(shared) >= FEWEST else None
        jaccard = float((shared / (2 * k - shared)).mean())
        band = OverlapBand(name, float(shared.mean() / k), jaccard, interval, len(shared), num)
        bands.append(band)
    weights = np.array([band.words for band in bands]) / sum(band.words for band in bands)
    overlap, jaccard = (
        float(weights @ [getattr(band, what) for band in bands]) for what in ("overlap", "jaccard")
    )
    many = sum(band.sampled for band in bands) >= FEWEST
    return overlap, jaccard, interval_of(weights @ draws) if many else None, tuple(bands)
