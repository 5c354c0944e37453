"""The rows of a file that are wanted, cleaned: tokens in UTF-8, each once.

What is odd in a file has one meaning everywhere. A repeated token counts once, where it first
stands; a row that holds NaN or infinity is kept, and no search finds it. Of both a `FormatWarning`
tells at the end. A token that is not UTF-8 is an error, unless `errors` says how to mend it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import FormatError, FormatWarning
from ..types import Array, Counts, Ids
from .tokentable import TokenTable
from .vectorfile import Chunk, Errors, Progress, VectorFile

_FIRST_ROWS = 1 << 14


@dataclass(frozen=True)
class Selection:
    """Which rows of a file are taken, and how.

    Attributes:
        limit: Only the first so many rows are looked at. None: all.
        tokens: Only these. None: all.
        errors: What to do with bytes that are not UTF-8, as in `bytes.decode`.

    Raises:
        ValueError: `limit` is negative, or `errors` is unknown.
    """

    limit: int | None = None
    tokens: Collection[str] | None = None
    errors: Errors = "strict"

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 0:
            raise ValueError(f"limit must be 0 or more, got {self.limit}.")
        if isinstance(self.tokens, str):
            raise TypeError("tokens must be several tokens, got one str; write [token].")
        if self.errors not in ("strict", "replace", "ignore"):
            raise ValueError(f"errors must be strict, replace or ignore, got {self.errors!r}.")


ALL = Selection()


class Selected(NamedTuple):
    """Rows that are taken.

    Attributes:
        tokens: (rows,) UTF-8, none of which came before.
        rows: (rows, dim), valid until the next ones are asked for.
        places: (rows,) int64. Where each row stands in the file.
        done: Bytes on disk that are read by now.
    """

    tokens: list[bytes]
    rows: Array
    places: Ids
    done: int


def selected(file: VectorFile, selection: Selection = ALL) -> Iterator[Selected]:
    """Yield the wanted rows of a file in its order, each token once.

    Raises:
        FormatError: The file is damaged, or a token is not UTF-8.
    """
    wanted = None if selection.tokens is None else {t.encode() for t in set(selection.tokens)}
    seen = set[bytes]()
    first = repeated = odd = 0
    for chunk in _limited(file, selection.limit):
        if wanted is not None and len(seen) == len(wanted):
            break
        tokens = _valid(file.name, first, chunk.tokens, selection.errors)
        keep, again = _kept(tokens, seen, wanted)
        repeated += again
        index, rows = np.arange(first, first + len(tokens)), chunk.rows
        first += len(tokens)
        if keep is not None:
            tokens, rows, index = [tokens[i] for i in keep], rows[keep], index[keep]
        if tokens:
            odd += _num_not_finite(rows)
            yield Selected(tokens, rows, index, chunk.done)
    _warn(file.name, repeated, odd)


def _limited(file: VectorFile, limit: int | None) -> Iterator[Chunk]:
    if limit == 0:
        return
    left = limit
    for chunk in file.chunks():
        if left is None:
            yield chunk
        elif left <= len(chunk.tokens):
            yield Chunk(chunk.tokens[:left], chunk.rows[:left], chunk.done)
            return
        else:
            left -= len(chunk.tokens)
            yield chunk


def _valid(name: str, first: int, tokens: list[bytes], errors: Errors) -> list[bytes]:
    try:
        b"\n".join(tokens).decode()  # all at once: ten times as fast as one by one
    except UnicodeDecodeError:
        return [_decodable(name, first + i, token, errors) for i, token in enumerate(tokens)]
    return tokens


def _decodable(name: str, row: int, token: bytes, errors: Errors) -> bytes:
    try:
        return token.decode(errors=errors).encode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{name}: row {row + 1}: expected a token in UTF-8, got {token[:40]!r}; "
            "errors='replace' (--encoding-errors replace) puts U+FFFD in place of such bytes, "
            "'ignore' drops them."
        ) from error


def _kept(
    tokens: list[bytes], seen: set[bytes], wanted: set[bytes] | None
) -> tuple[list[int] | None, int]:
    """Return which tokens are new and wanted (None: all), and how many came before."""
    distinct = set(tokens)
    if wanted is None and len(distinct) == len(tokens) and seen.isdisjoint(distinct):
        seen |= distinct  # the usual case, several times as fast as the loop
        return None, 0
    keep, repeated = list[int](), 0
    for i, token in enumerate(tokens):
        if wanted is not None and token not in wanted:
            continue
        if token in seen:
            repeated += 1
            continue
        seen.add(token)
        keep.append(i)
    return keep, repeated


def _num_not_finite(rows: Array) -> int:
    with np.errstate(all="ignore"):  # one sum tells nearly always that there are none
        if rows.dtype.kind != "f" or np.isfinite(rows.sum(dtype=np.float32)):
            return 0
    return int((~np.isfinite(rows).all(axis=1)).sum())


def _warn(name: str, repeated: int, odd: int) -> None:
    parts = []
    if repeated:
        parts.append(f"{repeated:,} rows repeat a token and were left out (the first one counts)")
    if odd:
        parts.append(f"{odd:,} rows hold NaN or infinity; no search will find them")
    if parts:
        warnings.warn(f"{name}: {'; '.join(parts)}.", FormatWarning, stacklevel=2)


class Collected(NamedTuple):
    """What was taken from a file.

    Attributes:
        tokens: The n tokens.
        matrix: (n, dim), of the file's own dtype; a view of the file where it can be.
        counts: (n,) int64, or None.
        places: (n,) int64 or a slice. Where each row stands in the file.
    """

    tokens: TokenTable
    matrix: Array
    counts: Counts | None
    places: Ids | slice


def collect(
    file: VectorFile, selection: Selection = ALL, progress: Progress | None = None
) -> Collected:
    """Take the wanted rows of a file into memory, or of a mapped one a view.

    What that takes is the matrix and the tokens, and no more.

    Raises:
        FormatError: See `selected`.
    """
    view = _view(file, selection)
    if view is not None:
        return view
    matrix, num = _room(file, selection), 0
    tokens, places = list[bytes](), list[Ids]()
    for part in selected(file, selection):
        if num + len(part.tokens) > len(matrix):
            rows = _expected(num + len(part.tokens), len(matrix), part.done, file)
            matrix.resize((rows, file.dim), refcheck=False)  # the system moves pages, not bytes
        matrix[num : num + len(part.tokens)] = part.rows
        num += len(part.tokens)
        tokens += part.tokens
        places.append(part.places)
        if progress is not None:
            progress(part.done, file.stored)
    matrix.resize((num, file.dim), refcheck=False)
    where = np.concatenate([np.zeros(0, np.int64), *places])
    counts = None if file.counts is None else file.counts[where]
    return Collected(TokenTable.from_encoded(tokens, distinct=True), matrix, counts, where)


def _room(file: VectorFile, selection: Selection) -> Array:
    """Return an empty matrix with as many rows as are certain to come."""
    certain = file.num_rows if file.num_rows_certain and selection.tokens is None else 0
    rows = min(x for x in (certain, selection.limit) if x is not None)
    dtype = np.float32 if file.matrix is None else file.matrix.dtype
    return np.empty((rows, file.dim), dtype)


def _expected(needed: int, room: int, done: int, file: VectorFile) -> int:
    """Return for how many rows to make room, by how much of the file the rows so far took."""
    likely = int(needed * file.stored / max(1, done) * 1.02) + 1
    if file.num_rows is not None:
        likely = min(likely, file.num_rows)
    return max(needed, min(likely, max(2 * room, _FIRST_ROWS)))


def _view(file: VectorFile, selection: Selection) -> Collected | None:
    """Return the first rows of a mapped matrix as they are; None where some must be chosen."""
    if file.matrix is None or file.tokens is None or selection.tokens is not None:
        return None
    rows = slice(0, selection.limit)
    encoded = _valid(file.name, 0, list(file.tokens[rows]), selection.errors)
    if len(set(encoded)) < len(encoded):
        return None
    counts = None if file.counts is None else file.counts[rows]
    return Collected(TokenTable.from_encoded(encoded), file.matrix[rows], counts, rows)
