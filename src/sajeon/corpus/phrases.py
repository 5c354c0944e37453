"""Find pairs of tokens that belong together in a corpus of ids, and join them there.

    word2vec:  score(a b) = (count(a b) - δ) / (count(a) count(b)) * tokens
    npmi:      score(a b) = ln(P(a b) / (P(a) P(b))) / -ln P(a b),  from -1 to 1

The first is that of word2phrase, with δ the minimum count (Mikolov et al. 2013, equation 6, has no
factor; gensim's has the number of distinct words and pairs in place of all tokens). The second is
normalised pointwise mutual information (Bouma, "Normalized (pointwise) mutual information in
collocation extraction", 2009).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..kernels import phrases as kernel
from ..kernels._compile import HAVE_NUMBA
from ..tokens.phrases import Found, Phrases
from ..types import Array, Counts, Doubles, Ids, Ids32
from .spool import Spool

_FIRST_PLACES = 1 << 16
_TOKENS_A_PART = 1 << 27
"""Tokens for which all pairs are counted at once: there may be a place of 16 bytes, twice, for
each. Larger corpora are counted in parts, reading the ids once for each."""
_AT_ONCE = 1 << 20  # tokens joined together


class Types(Protocol):
    """Spells the ids of a corpus."""

    @property
    def num_types(self) -> int: ...  # noqa: D102
    def tokens(self, ids: Any) -> list[str]: ...  # noqa: D102


class JoinedTypes:
    """Spells the ids of another, and behind them those of phrases."""

    def __init__(self, types: Types, phrases: Sequence[str]) -> None:
        self._types, self._phrases = types, phrases
        self.num_types = types.num_types + len(phrases)

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        ids, first = np.asarray(ids, np.int64), self._types.num_types
        plain = iter(self._types.tokens(ids[ids < first].tolist()))
        return [self._phrases[i - first] if i >= first else next(plain) for i in ids.tolist()]


def join_phrases(
    types: Types, spool: Spool, tokenizer: Phrases, directory: Path | None
) -> tuple[Types, Spool, list[list[Found]]]:
    """Learn phrases in as many passes as the tokenizer says, joining after each.

    Args:
        types: Spells the ids of `spool`.
        spool: The corpus; closed on return.
        tokenizer: Its settings.
        directory: See `Spool`.

    Returns:
        What spells the ids of the new corpus; that corpus; and the phrases of each pass, best
        first.
    """
    passes: list[list[Found]] = []
    for _ in range(tokenizer.passes if spool.num_tokens else 0):
        counts = spool.counts(types.num_types)
        ids, offsets = spool.mapped()
        pairs, together = _frequent_pairs(ids, offsets, counts, tokenizer.min_count)
        scores = score(together, counts[pairs >> 32], counts[pairs & 0xFFFFFFFF],
                       int(counts.sum()), tokenizer)  # fmt: skip
        good = np.flatnonzero(scores > tokenizer.threshold)
        good = good[np.lexsort((pairs[good], -scores[good]))]
        found = _spelled(types, pairs[good], together[good], scores[good])
        types, new_ids = _named(types, [tokenizer.joiner.join(one[:2]) for one in found])
        spool = _joined(ids, offsets, pairs[good], new_ids, directory)
        passes.append(found)
    return types, spool, passes


def score(together: Counts, first: Counts, second: Counts, total: int, how: Phrases) -> Doubles:
    """Return (pairs,) float64 scores; see the top of this file.

    Args:
        together: (pairs,) How often each pair came.
        first: (pairs,) How often its first token came.
        second: (pairs,) How often its second token came.
        total: Tokens in the corpus.
        how: Its `scoring` and `min_count`.
    """
    product = first.astype(np.float64) * second.astype(np.float64)
    if how.scoring == "npmi":
        return _npmi(together, product, total)
    scores: Doubles = (together - how.min_count) / product * total
    return scores


def _npmi(together: Counts, product: Doubles, total: int) -> Doubles:
    share = together / total
    with np.errstate(divide="ignore", invalid="ignore"):
        scores: Doubles = np.log(share * total * total / product) / -np.log(share)
    return np.where(share < 1, scores, 1.0)  # a corpus of this pair alone


def _frequent_pairs(ids: Ids32, offsets: Ids, counts: Counts, min_count: int) -> tuple[Ids, Counts]:
    """Return pairs seen `min_count` times or more, and their counts.

    A pair is not more frequent than its parts, so that those with a rare part need no place.
    """
    frequent = counts >= min_count
    parts = len(ids) // _TOKENS_A_PART + 1
    kept: list[tuple[Ids, Counts]] = []
    for part in range(parts):
        pairs, together = _counted(ids, offsets, frequent, part, parts)
        often = together >= min_count
        kept.append((pairs[often], together[often]))
    return np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept])


def _counted(
    ids: Ids32, offsets: Ids, frequent: Array, part: int, parts: int
) -> tuple[Ids, Counts]:
    if not HAVE_NUMBA:
        return kernel.count_pairs_reference(ids, offsets, frequent, part, parts)
    longest = int(np.diff(offsets).max(initial=0))
    places = max(_FIRST_PLACES, 1 << (4 * longest).bit_length())
    keys, counts = np.full(places, kernel.EMPTY, np.int64), np.zeros(places, np.int64)
    done, used = 0, 0
    while True:
        done, used = kernel.count_pairs(
            ids, offsets, frequent, part, parts, done, keys, counts, used
        )
        if done == len(offsets) - 1:
            taken = keys != kernel.EMPTY
            return keys[taken], counts[taken]
        larger = np.full(2 * len(keys), kernel.EMPTY, np.int64), np.zeros(2 * len(keys), np.int64)
        kernel.rehash_pairs(keys, counts, *larger)
        keys, counts = larger


def _spelled(types: Types, pairs: Ids, together: Counts, scores: Doubles) -> list[Found]:
    first, second = types.tokens(pairs >> 32), types.tokens(pairs & 0xFFFFFFFF)
    rows = zip(first, second, together.tolist(), scores.tolist(), strict=True)
    return [Found(*row) for row in rows]


def _named(types: Types, phrases: list[str]) -> tuple[Types, Ids32]:
    """Give each phrase an id: that of a token which is spelled so already, or a new one."""
    wanted, taken = set(phrases), dict[str, int]()
    for i, token in enumerate(types.tokens(range(types.num_types))):
        if token in wanted:
            taken.setdefault(token, i)
    new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in taken]
    taken.update((phrase, types.num_types + i) for i, phrase in enumerate(new))
    return JoinedTypes(types, new), np.array([taken[p] for p in phrases], np.int32)


def _joined(ids: Ids32, offsets: Ids, pairs: Ids, new_ids: Ids32, directory: Path | None) -> Spool:
    spool = Spool(directory)
    try:
        table = kernel.table_of(pairs, new_ids) if HAVE_NUMBA else None
        of_pair = dict(zip(pairs.tolist(), new_ids.tolist(), strict=True))
        for begin, end in _chunks(offsets):
            some = ids[offsets[begin] : offsets[end]]
            ends = offsets[begin + 1 : end + 1] - offsets[begin]
            out = np.empty(len(some), np.int32)
            if table is None:
                kept = kernel.join_pairs_reference(some, ends, of_pair, out)
            else:
                kept = kernel.join_pairs(some, ends, *table, out)
            spool.add(out[:kept], ends)
    except BaseException:
        spool.discard()
        raise
    return spool


def _chunks(offsets: Ids) -> Iterator[tuple[int, int]]:
    """Yield ranges of sequences, of about `_AT_ONCE` tokens each, one sequence at least."""
    begin, last = 0, len(offsets) - 1
    while begin < last:
        end = int(np.searchsorted(offsets, offsets[begin] + _AT_ONCE, side="right")) - 1
        end = min(max(end, begin + 1), last)
        yield begin, end
        begin = end
