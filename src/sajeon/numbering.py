"""Which token gets which id: by counting, from a list, or from a mapping; and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from sajeon.ids import as_ids

if TYPE_CHECKING:
    from sajeon.types import Counts

Order: TypeAlias = Literal["frequency", "first", "spelling"]
Ties: TypeAlias = Literal["spelling", "first"]


@dataclass(frozen=True)
class Ranking:
    """The rules by which counted tokens get their ids; see `Vocabulary.from_texts`.

    Raises:
        ValueError: The rules contradict each other. They are checked before anything is counted.
    """

    specials: Sequence[str]
    min_count: int
    max_size: int | None
    order: Order
    ties: Ties

    def __post_init__(self) -> None:
        if self.order not in ("frequency", "first", "spelling"):
            raise ValueError(
                f"order must be 'frequency', 'first' or 'spelling', got {self.order!r}."
            )
        if self.ties not in ("spelling", "first"):
            raise ValueError(f"ties must be 'spelling' or 'first', got {self.ties!r}.")
        if self.min_count < 0:
            raise ValueError(f"min_count must not be negative, got {self.min_count}.")
        if self.max_size is not None and self.max_size < len(self.specials):
            raise ValueError(
                f"max_size counts the {len(self.specials)} special tokens too, so it must be at "
                f"least {len(self.specials)}, got {self.max_size}."
            )

    def count(self, lists: Iterable[Iterable[str]], source: object) -> Counter[str]:
        """Count the tokens of `lists`, which are made from `source`, in order of appearance."""
        if isinstance(source, set | frozenset) and "first" in (self.order, self.ties):
            raise TypeError(
                "a set has no first element: its order, and so the ids, would differ from run to "
                "run. Pass a list, or order='frequency' with ties='spelling'."
            )
        counter: Counter[str] = Counter()
        for tokens in lists:
            counter.update(tokens)
        return counter

    def apply(self, counts: Mapping[str, int], unk: str | None) -> tuple[list[str], list[int]]:
        """Return the tokens in id order, special ones first, and the count of each.

        What is left out becomes `unk`, so it counts for `unk`.
        """
        check_strings(counts)
        room = None if self.max_size is None else self.max_size - len(self.specials)
        kept = self._in_order(counts, room)
        tokens = [*self.specials, *kept]
        numbers = [counts.get(token, 0) for token in self.specials]
        numbers += map(counts.__getitem__, kept)
        if unk is not None:
            numbers[tokens.index(unk)] += sum(counts.values()) - sum(numbers)
        return tokens, numbers

    def _in_order(self, counts: Mapping[str, int], room: int | None) -> list[str]:
        special = set(self.specials)
        frequent = [t for t, n in counts.items() if n >= self.min_count and t not in special]
        by_count = _by_falling_count(frequent, counts, self.ties)[:room]
        if self.order == "spelling":
            return sorted(by_count)
        if self.order == "first":
            kept = set(by_count)
            return [token for token in frequent if token in kept]
        return by_count


def check_strings(tokens: Iterable[object]) -> None:
    """Raise TypeError for the first token that is no str."""
    tokens = tokens if isinstance(tokens, Sequence | Mapping) else list(tokens)
    if {str}.issuperset(map(type, tokens)):  # the usual case, ten times as fast as the loop
        return
    for i, token in enumerate(tokens):
        if not isinstance(token, str):
            raise TypeError(
                f"tokens must be str, got {type(token).__name__} ({token!r}), token {i}."
            )


def token_lists(lists: Iterable[Iterable[str]]) -> Iterator[Iterable[str]]:
    """Pass token lists on; a text among them would be counted letter by letter."""
    for i, tokens in enumerate(lists):
        if isinstance(tokens, str | bytes):
            raise TypeError(
                f"expected token lists, got the text {tokens[:40]!r} as element {i}: "
                "use from_texts for texts, or put one token list into a list."
            )
        yield tokens


def refuse_text(value: object, message: str) -> None:
    """Raise TypeError for one text where several were expected: it would be read by letters."""
    if isinstance(value, str | bytes):
        raise TypeError(f"{message}; got the text {value[:40]!r}.")


def _by_falling_count(tokens: list[str], counts: Mapping[str, int], ties: Ties) -> list[str]:
    """Sort by count; `tokens` come in order of appearance."""
    if ties == "spelling":
        tokens = sorted(tokens)  # str compares by code points, as UTF-8 does by bytes
    numbers = np.fromiter(map(counts.__getitem__, tokens), dtype=np.int64, count=len(tokens))
    return [tokens[i] for i in np.argsort(-numbers, kind="stable").tolist()]


def roles(
    specials: Sequence[str], pad: str | None, unk: str | None
) -> tuple[str | None, str | None]:
    """Return `pad` and `unk`; without special tokens there is neither."""
    named = as_specials(specials)
    if not named:
        return None, None
    for name, token in (("pad", pad), ("unk", unk)):
        if token is not None and token not in named:
            raise ValueError(
                f"{name}={token!r} is not among the specials {named}: "
                f"name one of them, or pass {name}=None."
            )
    return pad, unk


def as_specials(specials: Sequence[str]) -> tuple[str, ...]:
    """Return special tokens as a tuple of distinct str."""
    if isinstance(specials, str | set | frozenset):
        raise TypeError(f"specials must be a list or tuple of tokens, got {specials!r}.")
    named = tuple(specials)
    check_strings(named)
    check_distinct(named, len(set(named)))
    return named


def number_list(
    tokens: Iterable[str], specials: tuple[str, ...]
) -> tuple[tuple[str, ...], list[int]]:
    """Return all tokens in id order, and the ids of the special ones that were added."""
    if isinstance(tokens, set | frozenset):
        raise TypeError(
            "a set has another order, and so other ids, in each run of Python: pass "
            "sorted(tokens), or count with Vocabulary.from_tokens."
        )
    refuse_text(tokens, "Vocabulary takes tokens: write Vocabulary.from_texts([text])")
    given = list(tokens)
    check_strings(given)
    known = set(given) if specials else set()
    missing = [token for token in specials if token not in known]
    return (*missing, *given), list(range(len(missing)))


def number_mapping(
    ids: Mapping[str, int], specials: tuple[str, ...]
) -> tuple[tuple[str, ...], list[int]]:
    """Return all tokens in id order, and the ids of the special ones that were added."""
    check_strings(ids)
    missing = [token for token in specials if token not in ids]
    places: list[str | None] = [None] * (len(ids) + len(missing))
    numbers = as_ids(list(ids.values()), name="the ids of a mapping").tolist()
    for token, i in zip(ids, numbers, strict=True):
        if not 0 <= i < len(places):
            raise ValueError(_gap_message(token, i, len(places), set(numbers)))
        if places[i] is not None:
            raise ValueError(f"the id {i} belongs to both {places[i]!r} and {token!r}.")
        places[i] = token
    added = [i for i, token in enumerate(places) if token is None]
    for i, token in zip(added, missing, strict=True):
        places[i] = token
    return tuple(token for token in places if token is not None), added


def _gap_message(token: str, number: int, size: int, used: set[int]) -> str:
    free = [i for i in range(size) if i not in used]
    return (
        f"{size} tokens need the ids 0 to {size - 1}, each once, but {token!r} has {number}, and "
        f"nothing has {', '.join(map(str, free[:5]))}. Special tokens that belong there can be "
        "named: specials=('<unk>', '<pad>')."
    )


def check_distinct(tokens: tuple[str, ...], num_distinct: int) -> None:
    """Raise ValueError where tokens repeat, which shows in how many there really are."""
    if num_distinct == len(tokens):
        return
    seen: set[str] = set()
    repeated = next(token for token in tokens if token in seen or seen.add(token))  # type: ignore[func-returns-value]
    raise ValueError(
        f"tokens must be distinct, got {repeated!r} twice. To count tokens that repeat, use "
        "Vocabulary.from_tokens([tokens])."
    )


def as_counts(counts: Iterable[int] | Counts, size: int, added: list[int]) -> Counts:
    """Return the counts of `size` tokens, 0 for those added: (size,) int64, read-only."""
    given = np.asarray(counts if isinstance(counts, np.ndarray) else list(counts))
    if given.dtype.kind not in "iu" and given.size:
        raise TypeError(f"counts must be integers, got {given.dtype}.")
    if given.shape != (size - len(added),):
        raise ValueError(f"{size - len(added)} tokens need as many counts, got {given.shape}.")
    if (given < 0).any():
        raise ValueError(f"counts must not be negative, got {given.min()}.")
    out = np.zeros(size, dtype=np.int64)
    counted = np.ones(size, dtype=np.bool_)
    counted[added] = False
    out[counted] = given
    out.flags.writeable = False
    return out
