"""fastText's own models, ``.bin`` and ``.ftz``: words, and rows for character n-grams.

The layout, little-endian, without gaps: in versions 11 and 12 a magic number and the version; 12
int32 and a double, the arguments of training; the dictionary (int32 entries, words and labels,
int64 occurrences; from version 11 int64 kept buckets, or -1 for all; for each entry the word, a
zero byte, int64 count, int8 kind; the kept buckets as pairs of int32, bucket and row); from version
11 a byte, whether the input matrix is quantised; the input matrix, words first, then buckets; the
same for the output matrix. A dense matrix is int64 rows and columns, then float32. A quantised one
is described in `fasttextmatrix.Quantised`. Source: the files of fastText 0.1 to 0.9.3.

The row of a word is the mean of its own row and those of its n-grams. It is composed here, chunk by
chunk from the mapped file, with the very bits of fastText's `get_word_vector` if the matrix is
dense; otherwise to a rounding of float32.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tokens.ngrams import bucket_ids_of, rows_of_buckets
from ..types import Array, Counts, Floats, Ids
from .fasttextmatrix import Cursor, Dense, Quantised, read_dense, read_quantised
from .source import Source
from .vectorfile import Chunk, VectorFile, rows_per_chunk

_MAGIC = (793712314).to_bytes(4, "little")
_VERSIONS = (11, 12)
_OLDEST = 0  # stands for files without a magic number
_MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
_LOSSES = {1: "hierarchical", 2: "negative", 3: "softmax", 4: "one-vs-all"}

_BLOCK = 1 << 16  # bytes of the dictionary looked at together: no word may be longer
_MOST_NGRAMS = 1 << 20  # of the words of a chunk, so that long words do not fill the memory
_MOST_PRUNED = 1 << 25  # buckets, of which a map is made; fastText's own choice ends at 10 million

_ARGUMENTS = struct.Struct("<12id")
_SIZES = struct.Struct("<3iq")
_LARGEST = 2**31 - 1
_LIMITS = {
    "dim": (1, 1 << 16),
    "window": (0, 1 << 16),
    "epochs": (0, 1 << 20),
    "min_count": (0, _LARGEST),
    "negatives": (0, 1 << 16),
    "word_ngrams": (0, 1 << 10),
    "loss": (1, 4),
    "model": (1, 3),
    "num_buckets": (0, _LARGEST),
    "min_n": (0, 64),
    "max_n": (0, 64),
    "lr_update_rate": (0, _LARGEST),
    "sample": (0, 1e9),
}
"""The arguments in the order of the file, and from where to where each is believed."""


def looks_like_fasttext(head: bytes, size: int | None = None) -> bool:
    """Return whether a file is a fastText model, by its beginning.

    The oldest have no magic number. They are told by 13 arguments that all make sense, and a
    dictionary that begins as it should and fits into the file.

    Args:
        head: The first bytes, some hundred at least.
        size: Bytes of the whole file, where known.
    """
    if head.startswith(_MAGIC):
        return True
    at = _ARGUMENTS.size + _SIZES.size
    if len(head) < at or _wrong(_ARGUMENTS.unpack_from(head)):
        return False
    total, words, labels, occurrences = _SIZES.unpack_from(head, _ARGUMENTS.size)
    if not (0 < words <= total == words + labels and occurrences >= 0):
        return False
    dim = int.from_bytes(head[:4], "little")
    if size is not None and at + 10 * total + 4 * words * dim > size:
        return False
    end = head.find(b"\0", at)
    return end > at and end + 10 <= len(head) and head[end + 8] < 128 and head[end + 9] == 0


def open_fasttext(source: Source, *, strict: bool = True) -> VectorFile:
    """Open a fastText model of any version, dense or quantised, pruned or whole.

    All numbers are checked before the return, so that reading rows cannot fail. Of a classifier it
    gives the words; labels are not tokens.

    Args:
        source: The file.
        strict: Whether the output matrix, which is not used, must be whole and end the file.

    Returns:
        Settings are the arguments of training. Where words have n-grams, `tensors` has "subwords"
        (rows, dim) float32, row ``b`` for bucket ``b``: a view of the file, whose numbers need not
        be aligned, or made when asked for if the file is quantised. If it is pruned as well, there
        is "subwords.rows" (num_buckets,) int32, the row of each bucket, or -1 where it was pruned;
        if every bucket was, there is neither. `sajeon.subwords.Subwords` makes vectors of them.

    Raises:
        FormatError: It is no fastText model, or is damaged; with the byte.
    """
    cursor = Cursor(source.name, source.mapped())
    version = _read_version(cursor, source)
    model = _read_model(cursor, version)
    if strict:
        _check_output(cursor, model, version)
    return VectorFile(
        format="fasttext",
        name=source.name,
        dim=model.arguments["dim"],
        num_rows=len(model.tokens),
        num_rows_certain=True,
        stored=source.stored,
        chunks=lambda: model.chunks(source.stored),
        tokens=model.tokens,
        counts=model.counts,
        settings=_settings(model.arguments),
        tensors=_Tensors(model.tensors()),
    )


@dataclass(frozen=True)
class _Model:
    """What a file holds up to its output matrix.

    Attributes:
        arguments: As in `_LIMITS`.
        tokens: The words.
        counts: (words,) int64.
        inputs: Rows of words, then of buckets.
        num_subwords: How many rows of buckets there are.
        rows: (num_buckets,) int32. Row of each bucket behind the words, or -1; None if bucket ``b``
            has row ``b``.
        quantised: Whether the input matrix is.
    """

    arguments: Mapping[str, Any]
    tokens: list[bytes]
    counts: Counts
    inputs: Dense | Quantised
    num_subwords: int
    rows: Array | None
    quantised: bool

    @property
    def has_ngrams(self) -> bool:
        """Whether words have character n-grams, and these have rows."""
        return self.arguments["max_n"] > 0 and self.num_subwords > 0

    def tensors(self) -> dict[str, Callable[[], Array]]:
        """Return by name what makes each further array."""
        if not self.has_ngrams:
            return {}
        first, rows = len(self.tokens), self.rows
        made = {"subwords": lambda: self.inputs.rows(first, first + self.num_subwords)}
        return made if rows is None else made | {"subwords.rows": lambda: rows}

    def chunks(self, stored: int) -> Iterator[Chunk]:
        """Yield the composed rows of all words; `stored` is the size of the file on disk."""
        for first, last in self._spans():
            tokens = self.tokens[first:last]
            yield Chunk(tokens, self._composed(first, last), stored * last // len(self.tokens))

    def _composed(self, first: int, last: int) -> Floats:
        if not self.has_ngrams:
            return self.inputs.rows(first, last)
        lengths = self.arguments["min_n"], self.arguments["max_n"]
        tokens, num_buckets = self.tokens[first:last], self.arguments["num_buckets"]
        ids, offsets = bucket_ids_of(tokens, *lengths, num_buckets)
        if self.rows is not None:
            ids, offsets = rows_of_buckets(self.rows, ids, offsets)
        own = np.arange(first, last)
        ids = np.insert(ids + len(self.tokens), offsets[:-1], own)  # a word's own row comes first
        return self.inputs.means(ids, offsets + np.arange(len(offsets)))

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Yield from which word to which a chunk goes: not too many rows, nor too many n-grams."""
        most = rows_per_chunk(self.arguments["dim"])
        span = max(1, self.arguments["max_n"] - max(1, self.arguments["min_n"]) + 1)
        ngrams = np.cumsum([(len(token) + 2) * span for token in self.tokens])  # at most so many
        first = 0
        while first < len(self.tokens):
            before = ngrams[first - 1] if first else 0
            fitting = int(np.searchsorted(ngrams, before + _MOST_NGRAMS))
            last = min(max(fitting, first + 1), first + most, len(self.tokens))
            yield first, last
            first = last


class _Tensors(Mapping[str, Array]):
    """Arrays by name, each made when asked for: a quantised table takes several times the file."""

    def __init__(self, made: Mapping[str, Callable[[], Array]]) -> None:
        self._made = made

    def __getitem__(self, name: str) -> Array:
        return self._made[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _read_version(cursor: Cursor, source: Source) -> int:
    if not looks_like_fasttext(source.head, len(cursor.data)):
        raise cursor.wrong(
            0,
            f"fastText's magic number {_MAGIC.hex(' ')}",
            source.head[:4].hex(" ") or "the end of the file",
            "nor does it begin as files did before there was one: it is no fastText model",
        )
    if not source.head.startswith(_MAGIC):
        return _OLDEST
    _, version = cursor.numbers("4si", "magic number and version")
    if version not in _VERSIONS:
        raise cursor.wrong(
            4,
            f"version {' or '.join(map(str, _VERSIONS))} of fastText's format",
            version,
            "the file is damaged, or newer than this program",
        )
    return int(version)


def _read_model(cursor: Cursor, version: int) -> _Model:
    arguments = _read_arguments(cursor, version)
    total, words, kept = _read_sizes(cursor, arguments, version)
    tokens, counts = _read_entries(cursor, total, words)
    rows = None if kept is None else _read_pruned(cursor, arguments["num_buckets"], kept)
    num_subwords = arguments["num_buckets"] if kept is None else kept
    quantised = version != _OLDEST and cursor.flag("whether the input matrix is quantised")
    if kept is not None and not quantised:
        raise cursor.wrong(
            cursor.at - 1,
            "a quantised matrix in a pruned model",
            "a dense one",
            "fastText refuses these too: take a newer copy of the model",
        )
    read: Callable[..., Any] = read_quantised if quantised else read_dense
    inputs = read(cursor, words + num_subwords, arguments["dim"], "input")
    return _Model(arguments, tokens[:words], counts[:words], inputs, num_subwords, rows, quantised)


def _read_arguments(cursor: Cursor, version: int) -> dict[str, Any]:
    start = cursor.at
    values = cursor.numbers(_ARGUMENTS, "arguments")
    if name := _wrong(values):
        i = list(_LIMITS).index(name)
        low, high = _LIMITS[name]
        cursor.check(False, start + 4 * i, f"{name} from {low} to {high:.0f}", values[i])
    arguments = dict(zip(_LIMITS, values, strict=True))
    if version < 12 and _MODELS[arguments["model"]] == "supervised":
        arguments["max_n"] = 0  # classifiers had no character n-grams then, whatever the file says
    return arguments


def _wrong(values: tuple[float, ...]) -> str | None:
    """Return the name of the first argument that cannot be believed."""
    for (name, (low, high)), value in zip(_LIMITS.items(), values, strict=True):
        if not low <= value <= high:
            return name
    return None


def _settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    names = {"model": _MODELS[arguments["model"]], "loss": _LOSSES[arguments["loss"]]}
    return {name: names.get(name, arguments[name]) for name in _LIMITS if name != "lr_update_rate"}


def _read_sizes(
    cursor: Cursor, arguments: Mapping[str, Any], version: int
) -> tuple[int, int, int | None]:
    """Return entries and words of the dictionary, and kept buckets, None if all are."""
    start = cursor.at
    total, words, labels, occurrences = cursor.numbers(_SIZES, "sizes of the dictionary")
    good = 0 <= words <= total == words + labels
    expected = "entries of the dictionary, of which are words and labels"
    cursor.check(good, start, expected, f"{total}, {words} and {labels}")
    cursor.check(occurrences >= 0, start + 12, "a number of occurrences", occurrences)
    kept = -1
    if version != _OLDEST:
        (kept,) = cursor.numbers("q", "number of kept buckets")
        good = -1 <= kept <= arguments["num_buckets"]
        expected = f"up to {arguments['num_buckets']:,} kept buckets, or -1 for all"
        cursor.check(good, cursor.at - 8, expected, kept)
    left = len(cursor.data) - cursor.at
    cursor.check(10 * total <= left, start, f"entries for the {left:,} bytes that follow", total)
    return total, words, None if kept < 0 else kept


def _read_entries(cursor: Cursor, total: int, words: int) -> tuple[list[bytes], Counts]:
    """Return the words and labels of the dictionary, and how often each occurred."""
    tokens: list[bytes] = []
    counts = np.empty(total, np.int64)
    while len(tokens) < total:
        first = len(tokens)
        block = cursor.data[cursor.at : cursor.at + _BLOCK].tobytes()
        ends = _cut(block, total - first, tokens)
        if not len(ends):
            expected = f"entry {first}: a word of at most {_BLOCK - 10:,} bytes, a zero byte and 9"
            cursor.check(False, cursor.at, f"{expected} more", f"{block[:16]!r} ...")
        tails = np.frombuffer(block, np.uint8)[ends[:, None] + np.arange(1, 10)]  # (entries, 9)
        some = tails[:, :8].copy().view("<i8")[:, 0]
        kinds = np.arange(first, len(tokens)) >= words
        for good, offset, expected in (
            (some >= 0, 1, "a count from 0"),
            (tails[:, 8] == kinds, 9, f"kind 0 of the first {words:,} entries, 1 of the rest"),
        ):
            if not good.all():
                i = int(np.argmin(good))
                got = int(some[i]) if offset == 1 else f"{tails[i, 8]} of entry {first + i}"
                cursor.check(False, cursor.at + int(ends[i]) + offset, expected, got)
        counts[first : len(tokens)] = some
        cursor.at += int(ends[-1]) + 10
    return tokens, counts


def _cut(block: bytes, most: int, tokens: list[bytes]) -> Ids:
    """Append the words of whole entries to `tokens`, and return where each ends in the block."""
    at, ends = 0, []
    for _ in range(most):
        end = block.find(b"\0", at)
        if end < 0 or end + 10 > len(block):
            break
        tokens.append(block[at:end])
        ends.append(end)
        at = end + 10
    return np.array(ends, np.int64)


def _read_pruned(cursor: Cursor, num_buckets: int, kept: int) -> Array:
    """Return (num_buckets,) int32: the row of each bucket behind the words, or -1."""
    start = cursor.at
    good = num_buckets <= _MOST_PRUNED
    cursor.check(good, start, f"at most {_MOST_PRUNED:,} buckets, if pruned", num_buckets)
    pairs = cursor.array("<i4", 2 * kept, "kept buckets").reshape(kept, 2)
    known = ((pairs >= 0) & (pairs < [num_buckets, kept])).all(axis=1)  # (kept,)
    if not known.all():
        i = int(np.argmin(known))
        expected = f"a bucket below {num_buckets} and a row below {kept}"
        cursor.check(False, start + 8 * i, expected, pairs[i].tolist())
    rows = np.full(num_buckets, -1, np.int32)
    rows[pairs[:, 0]] = pairs[:, 1]
    once = np.count_nonzero(rows >= 0) == kept
    cursor.check(once, start, f"{kept} buckets, each once", "one that stands twice")
    return rows


def _check_output(cursor: Cursor, model: _Model, version: int) -> None:
    """Check that what follows the input matrix is an output matrix, and then the end."""
    flag = version != _OLDEST and cursor.flag("whether the output matrix is quantised")
    read: Callable[..., Any] = read_quantised if flag and model.quantised else read_dense
    read(cursor, None, model.arguments["dim"], "output")
    left = len(cursor.data) - cursor.at
    cursor.check(left == 0, cursor.at, "the end of the file", f"{left:,} more bytes")
