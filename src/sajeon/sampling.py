"""What training draws: noise words and which tokens to keep; and the loss of those draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sajeon.ids import as_ids

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sajeon.types import Array, Doubles, Ids, Ids32

_SLOT = 1 << 32  # what one slot of an alias table holds: probabilities are counted in whole units
_ROUNDS = 32  # redraws before the rest is drawn from a distribution without the target


class NoiseSampler:
    """Draws the wrong words of negative sampling, by count to the power of 0.75.

    ``P'(w) = P(w)**power / sum(P**power)``: a power below 1 gives rare words a larger share, 0
    gives all words the same one (Mikolov et al., "Distributed representations of words and phrases
    and their compositionality", 2013, section 2.2). A draw costs the same for any vocabulary.

    Args:
        counts: (n,) How often each word occurs; probabilities do as well. A word of count 0 is
            never drawn.
        power: The exponent.
        seed: Where the draws begin. The same seed gives the same sequence of calls the same words.

    Attributes:
        probabilities: (n,) float64. P', read-only.
        threshold: (n,) uint32. The alias table that training kernels draw from, see `build_alias`.
        alias: (n,) int32. Likewise.

    Raises:
        ValueError: A count is negative or not finite, or none is above 0.

    >>> sampler = NoiseSampler([0.5, 0.1, 0.05, 0.2, 0.05, 0.1])
    >>> sampler.probabilities.round(4).tolist()
    [0.407, 0.1217, 0.0724, 0.2047, 0.0724, 0.1217]
    """

    def __init__(self, counts: ArrayLike, power: float = 0.75, *, seed: int = 1) -> None:
        self.power = float(power)
        self.probabilities = _noise_probabilities(_checked_counts(counts), self.power)
        self.probabilities.flags.writeable = False
        self.threshold, self.alias = build_alias(self.probabilities)
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.probabilities)

    def __repr__(self) -> str:
        return f"NoiseSampler({len(self):,} words, power={self.power:g})"

    def sample(
        self,
        size: int | tuple[int, ...],
        *,
        target: ArrayLike | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> Ids:
        """Draw words, with replacement.

        Args:
            size: Shape of the result.
            target: (...,) int64, broadcast to `size`. The right word of each place, which is not
                drawn there: for targets (pairs,) and negatives a pair, ``size=(pairs, negatives)``
                and ``target=targets[:, None]``.
            seed: Draw from this seed, or this generator, and not where the last call stopped.

        Returns:
            `size` int64, a new array.

        Raises:
            IndexError: A target is no word of this sampler.
            ValueError: There is no other word than the target to draw.
        """
        rng = self._rng if seed is None else np.random.default_rng(seed)
        ids = self._draw(rng, size)
        if target is None:
            return ids
        return self._redraw(rng, ids, as_ids(target, len(self), name="target"))

    def _draw(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Ids:
        slot = rng.integers(len(self), size=size)
        part = rng.integers(_SLOT, size=size, dtype=np.uint32)
        return np.where(part < self.threshold[slot], slot, self.alias[slot])

    def _redraw(self, rng: np.random.Generator, ids: Ids, target: Ids) -> Ids:
        """Draw again wherever the target came up, which leaves the other words' shares as is."""
        targets = np.broadcast_to(target, ids.shape)
        hit = np.nonzero(ids == targets)
        for _ in range(_ROUNDS):
            if not len(hit[0]):
                return ids
            ids[hit] = self._draw(rng, len(hit[0]))
            again = ids[hit] == targets[hit]
            hit = tuple(axis[again] for axis in hit)
        for word in np.unique(targets[hit]):  # words of nearly all probability: one or two
            places = tuple(axis[targets[hit] == word] for axis in hit)
            ids[places] = self._draw_other(rng, int(word), len(places[0]))
        return ids

    def _draw_other(self, rng: np.random.Generator, word: int, size: int) -> Ids:
        others = self.probabilities.copy()
        others[word] = 0.0
        total = np.cumsum(others)
        if total[-1] == 0.0:
            raise ValueError(
                f"cannot draw a word other than the target {word}: of {len(self)} words no other "
                "has a count. Negative sampling needs at least two words."
            )
        below: Ids = np.searchsorted(total, rng.random(size) * total[-1], side="right")
        return below.astype(np.int64)


def build_alias(probabilities: ArrayLike) -> tuple[NDArray[np.uint32], Ids32]:
    """Make the table with which a word is drawn in constant time (Walker 1977, Vose 1991).

    Each of ``n`` slots holds ``2**32`` units: `threshold` of them are the slot's own word, the rest
    is its alias. Weights are whole units that add up to ``n * 2**32``, so the table is exact for
    them and the same wherever it is built. Words below average are filled up by those above,
    one after another in order; who fills whom follows from running sums of what is missing and what
    is over, so there is no loop (3 million words: 0.4 s; Vose's loop in Python: 1.4 s).

    Args:
        probabilities: (n,) Shares of the words, not negative, with a sum above 0.

    Returns:
        threshold: (n,) uint32. Draw a slot and 32 bits: bits below this mean the slot itself.
        alias: (n,) int32. The word meant otherwise; a full slot is its own alias.
    """
    weights = _whole_weights(_checked_counts(probabilities))
    n = len(weights)
    threshold = np.full(n, _SLOT - 1, dtype=np.uint32)
    alias = np.arange(n, dtype=np.int32)
    light, heavy = np.flatnonzero(weights < _SLOT), np.flatnonzero(weights >= _SLOT)
    missing = np.cumsum(_SLOT - weights[light])  # up to and with each light word
    over = np.cumsum(weights[heavy] - _SLOT)
    threshold[light] = weights[light]
    before = missing - (_SLOT - weights[light])
    alias[light] = heavy[np.searchsorted(over, before, side="left")]
    if len(light):  # a heavy word that gave more than it had is filled up by the next one
        empty = np.flatnonzero(over < missing[-1])
        taken = missing[np.searchsorted(missing, over[empty], side="right")]
        threshold[heavy[empty]] = _SLOT + over[empty] - taken
        alias[heavy[empty]] = heavy[empty + 1]
    return threshold, alias


def negative_sampling_loss(scores: ArrayLike, labels: ArrayLike) -> tuple[float, Array]:
    """Return the loss of yes/no answers and its gradient: is this word the right one?

    With ``y = sigmoid(score)`` and the label ``t``, the loss of one score is
    ``L = -(t log y + (1 - t) log(1 - y))``, and ``dL/dscore = y - t`` (Mikolov et al. 2013,
    equation 4, as a loss). Written with ``log(1 + exp)``, so no score is too large for it.

    Args:
        scores: (...,) Inner products of a word with its neighbour and with noise words.
        labels: The shape of `scores`. 1: the right word, 0: a wrong one.

    Returns:
        loss: The sum over all scores.
        d_scores: The shape and float type of `scores` (float64 for integers), a new array.

    Raises:
        ValueError: The shapes differ, or a label is neither 0 nor 1.

    >>> loss, d_scores = negative_sampling_loss([0.0, 0.0], [1, 0])
    >>> round(loss, 4), d_scores.tolist()
    (1.3863, [-0.5, 0.5])
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.shape != labels.shape:
        raise ValueError(
            f"scores and labels must have one shape, got {scores.shape} and {labels.shape}."
        )
    if not ((labels == 0) | (labels == 1)).all():
        raise ValueError(f"labels must be 0 or 1, got {np.unique(labels)[:5].tolist()}.")
    sign = np.where(labels == 1, 1.0, -1.0)
    agreement = sign * scores.astype(np.float64)  # large and positive: sure and right
    loss = float(np.logaddexp(0.0, -agreement).sum())
    # |y - t| is sigmoid(-agreement); taking y - t itself would cancel to 0 for sure answers.
    d_scores = -sign * np.exp(-np.logaddexp(0.0, agreement))
    return loss, d_scores.astype(scores.dtype if scores.dtype.kind == "f" else np.float64)


def keep_probability(counts: ArrayLike, sample: float | None) -> Doubles:
    """Return how likely each token is kept when frequent ones are thinned out.

    ``p = min(1, sqrt(sample / f) + sample / f)`` with ``f = count / total``: the rule of the
    word2vec program and of gensim. Mikolov et al. 2013, equation 5, has the square root alone.

    Args:
        counts: (n,) How often each token occurs.
        sample: The share of the corpus from which on a token is thinned out: a token of share
            ``2.62 * sample`` and less is always kept. None or 0 keeps everything.

    Returns:
        (n,) float64, in (0, 1]; 1 for a token that does not occur.

    Raises:
        ValueError: `sample` is negative or not finite, or a count is.
    """
    array = np.asarray(counts)
    if sample is not None and not 0.0 <= sample < np.inf:
        raise ValueError(f"sample must be 0 or a small share such as 1e-3, got {sample}.")
    keep = np.ones(array.shape, dtype=np.float64)
    if not sample or not array.any():
        return keep
    checked = _checked_counts(array)
    occurs = checked > 0
    ratio = sample * checked.sum() / checked[occurs]
    keep[occurs] = np.minimum(1.0, np.sqrt(ratio) + ratio)
    return keep


def _checked_counts(counts: ArrayLike) -> Doubles:
    array = np.asarray(counts)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"counts must be one number a word, got {array.dtype} of the shape {array.shape}."
        )
    checked = array.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(checked) & (checked >= 0.0)))
    if len(wrong):
        raise ValueError(f"counts must be 0 or more, got {array[wrong[0]]} for word {wrong[0]}.")
    if not (checked > 0.0).any():
        raise ValueError(f"at least one count must be above 0, got {len(checked)} counts, all 0.")
    return checked


def _noise_probabilities(counts: Doubles, power: float) -> Doubles:
    if not np.isfinite(power):
        raise ValueError(f"power must be a number such as 0.75, got {power}.")
    weights = np.zeros_like(counts)
    occurs = counts > 0.0  # 0 to the power of 0 is 1, and a word without a count is no noise
    weights[occurs] = (counts[occurs] / counts.max()) ** power
    total: float = weights.sum()
    return weights / total


def _whole_weights(shares: Doubles) -> Ids:
    """Round shares to whole units that add up to ``n * 2**32``; none above 0 becomes 0."""
    total = len(shares) * _SLOT
    weights: Ids = np.rint(shares / shares.sum() * total).astype(np.int64)
    weights[(weights == 0) & (shares > 0.0)] = 1
    weights[weights.argmax()] += total - weights.sum()  # at most half a unit a word
    return weights
