"""Texts as bags of features: words, their character n-grams, and n-grams of words.

A bag is a list of rows of one table. Rows 0 to V - 1 are the words that are kept, by falling count.
n-grams are hashed into `num_buckets` buckets, as fastText does it, and only the buckets that occur
in the training texts have a row, in order of appearance: a table for 2,000,000 buckets would take
800 MB at dim 100, of which a small data set uses a hundredth. A bucket without a row is left out of
its bag, where fastText would add a row of small random numbers; the label with the highest score is
the same as if it counted as zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import TypeAlias, TypeGuard

import numpy as np

from .corpus.scanner import TokenTable, joined
from .errors import CorpusError, FormatError
from .kernels import bags as kernel
from .kernels import scan
from .kernels._compile import HAVE_NUMBA
from .tokens import Tokenizer, Whitespace, Words
from .tokens.characters import CharacterTable
from .tokens.ngrams import bucket_ids_of
from .types import Array, Counts, Ids, Ids32

Text: TypeAlias = "str | Sequence[str]"

_CUT_AHEAD = 4

BATCH = 1 << 16
"""Characters scanned together: what the scan leaves stays in the processor's cache."""


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers of the distinct tokens in them, in order of appearance.

    Attributes:
        ids: (tokens,) int32, text after text.
        offsets: (texts + 1,) int64. Where each text begins.
        data: (bytes,) uint8. The spelling of the distinct tokens, UTF-8, one after another.
        spans: (types + 1,) int64. Where each of them begins.
    """

    ids: Ids32
    offsets: Ids
    data: Array
    spans: Ids


@dataclass(frozen=True)
class Cut:
    """Some texts cut into tokens, as `kernels.scan` leaves them."""

    words: Array  # (used,) uint64
    ends: Ids  # (tokens,) int64
    lines: Ids  # (texts,) int64


@dataclass(frozen=True)
class Features:
    """What bags are made of; all that is needed to make those of further texts.

    Attributes:
        data: (bytes,) uint8. The spelling of the V words, UTF-8, by falling count.
        spans: (V + 1,) int64. Where each of them begins.
        buckets: (B,) int32. Row V + k belongs to bucket ``buckets[k]``.
        min_n: Characters of the shortest n-gram of a word.
        max_n: Characters of the longest; 0 for none.
        word_ngrams: Words of the longest n-gram of words; 1 for none.
        num_buckets: Buckets into which n-grams are hashed.
    """

    data: Array
    spans: Ids
    buckets: Ids32
    min_n: int
    max_n: int
    word_ngrams: int
    num_buckets: int

    def __len__(self) -> int:
        """V: how many words have a row."""
        return len(self.spans) - 1

    def spelling(self) -> list[bytes]:
        """Return the words in the order of their rows."""
        return _spelled(self.data, self.spans)

    def row_of_bucket(self) -> Ids32:
        """Return (num_buckets,) int32: the row of each bucket, or -1."""
        if not len(self.buckets):
            return np.full(1, -1, np.int32)
        row_of = np.full(self.num_buckets, -1, np.int32)
        row_of[self.buckets] = np.arange(len(self), len(self) + len(self.buckets), dtype=np.int32)
        return row_of


@dataclass(frozen=True)
class Bags:
    """Bags of training texts, in the order in which they are trained.

    A word stands for its row and those of its character n-grams, so a bag is kept as *items*: see
    `kernels.bags.expand_items_reference`.

    Attributes:
        items: (total,) int32.
        offsets: (texts + 1,) int64. Where the items of each text begin.
        pieces: (total pieces,) int32. Rows of the character n-grams of each type.
        piece_offsets: (types + 1,) int64. Where those of each type begin.
        sizes: (texts,) int64. How many rows each bag has.
        num_words: Rows of words, V.
        num_rows: Rows of words and buckets, V + B.
        num_tokens: Tokens of all texts, those without a row included.
    """

    items: Ids32
    offsets: Ids
    pieces: Ids32
    piece_offsets: Ids
    sizes: Ids
    num_words: int
    num_rows: int
    num_tokens: int


class Cutter:
    """Cuts texts with one of the built-in tokenizers, compiled; threads may share one."""

    def __init__(self, tokenizer: Words | Whitespace) -> None:
        self._tokenizer = tokenizer
        self._characters = CharacterTable(tokenizer)

    def cut(self, texts: Sequence[str], first: int) -> Cut:
        """Return the tokens of some texts, of which the first is number `first`, from 0.

        Raises:
            FormatError: A text holds a lone surrogate.
        """
        parts = list(self._parts(joined(texts), first, normalised=False))
        if len(parts) == 1:
            return parts[0]
        used = np.cumsum([0, *(len(part.words) for part in parts)])
        tokens = np.cumsum([0, *(len(part.ends) for part in parts)])
        return Cut(
            np.concatenate([part.words for part in parts]),
            np.concatenate([p.ends + n for p, n in zip(parts, used[:-1], strict=True)]),
            np.concatenate([p.lines + n for p, n in zip(parts, tokens[:-1], strict=True)]),
        )

    def _parts(self, data: bytes, first: int, *, normalised: bool) -> Iterator[Cut]:
        """Yield what lies between characters that the scan needs help with."""
        array, start = np.frombuffer(data, np.uint8), 0
        size = len(data) + 1
        line = first
        while True:
            words, ends, lines = np.empty(size, np.uint64), *np.empty((2, size), np.int64)
            status, start, tokens, num_lines, detail = scan.scan(
                array, start, size, normalised, self._characters.entries,
                self._characters.letters, words, ends, lines,
            )  # fmt: skip
            used = ends[tokens - 1] if tokens else 0
            yield Cut(words[:used], ends[:tokens], lines[:num_lines])
            line += num_lines
            if status in (scan.OUT_OF_DATA, scan.PAUSED):
                return
            if status == scan.UNKNOWN:
                self._characters.fill(detail)
                continue
            if status == scan.NOT_UTF8:
                raise _lone_surrogate(line)
            end = data.index(b"\n", detail)  # that of the text
            try:
                text = data[start:end].decode()
            except UnicodeDecodeError as error:
                raise _lone_surrogate(line) from error
            folded = self._tokenizer.normalise(text) + " "
            yield from self._parts(folded.encode(), line, normalised=True)
            start = end


def in_batches(texts: Sequence[Text], size: int = BATCH) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts that hold about `size` characters, and at least one text."""
    first = held = 0
    for number, text in enumerate(texts):
        held += len(text)
        if held >= size:
            yield first, number + 1
            first, held = number + 1, 0
    if first < len(texts):
        yield first, len(texts)


def is_compiled(tokenizer: Tokenizer) -> TypeGuard[Words | Whitespace]:
    """Return whether texts can be cut by a compiled scan."""
    return HAVE_NUMBA and isinstance(tokenizer, Words | Whitespace)


def number_texts(texts: Sequence[Text], tokenizer: Tokenizer) -> Numbered:
    """Cut texts into tokens and number the distinct ones.

    Args:
        texts: Texts, or token lists, as `check_texts` leaves them.
        tokenizer: What cuts texts.

    Raises:
        FormatError: A text or token holds a lone surrogate.
        TypeError: A token is not a str.
    """
    if is_compiled(tokenizer) and texts and isinstance(texts[0], str):
        return _number_compiled(texts, tokenizer)  # type: ignore[arg-type]  # all are str
    return _number_lists([cut_text(text, tokenizer) for text in texts])


def cut_text(text: Text, tokenizer: Tokenizer) -> Sequence[str]:
    """Return the tokens of a text; a token list is returned as it is."""
    return tokenizer.tokens(text) if isinstance(text, str) else text


def _number_compiled(texts: Sequence[str], tokenizer: Words | Whitespace) -> Numbered:
    cutter, types = Cutter(tokenizer), TokenTable()
    ids, lines, held = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)], 0
    for cut in _cut_ahead(cutter, texts):
        ids.append(types.ids(cut.words, cut.ends))
        lines.append(cut.lines + held)
        held += len(cut.ends)
    _, arena, starts = types.arrays()
    spelling = kernel.unpack_tokens(arena, starts, np.arange(types.num_types))
    return Numbered(np.concatenate(ids), np.concatenate(lines), *spelling)


def _cut_ahead(cutter: Cutter, texts: Sequence[str]) -> Iterator[Cut]:
    """Cut all texts, in order; a thread is ahead of who takes the tokens."""
    ranges = in_batches(texts)
    with ThreadPoolExecutor(1) as others:
        waiting = [
            others.submit(cutter.cut, texts[first:last], first)
            for first, last in islice(ranges, _CUT_AHEAD)
        ]
        while waiting:
            yield waiting.pop(0).result()
            for first, last in islice(ranges, 1):
                waiting.append(others.submit(cutter.cut, texts[first:last], first))


class _Numbers(dict[str, int]):
    def __missing__(self, token: str) -> int:
        self[token] = number = len(self)
        return number


def _number_lists(lists: Sequence[Sequence[str]]) -> Numbered:
    numbers = _Numbers()
    lengths = [len(tokens) for tokens in lists]
    ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(lists)), np.int32, sum(lengths))
    return Numbered(ids, _offsets(lengths), *spell([_encoded(token) for token in numbers]))


def _encoded(token: object) -> bytes:
    if not isinstance(token, str):
        raise TypeError(f"a token must be a str, got {token!r} ({type(token).__name__})")
    try:
        return token.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"token {token!r}: holds a lone surrogate, no character") from error


def spell(tokens: Sequence[bytes]) -> tuple[Array, Ids]:
    """Return the bytes of all tokens, (bytes,) uint8, and where each begins, (n + 1,) int64."""
    return np.frombuffer(b"".join(tokens), np.uint8), _offsets([len(token) for token in tokens])


def _spelled(data: Array, spans: Ids) -> list[bytes]:
    raw = data.tobytes()
    return [raw[begin:end] for begin, end in pairwise(spans.tolist())]


def collect_bags(
    numbered: Numbered,
    order: Ids,
    *,
    min_count: int,
    min_n: int,
    max_n: int,
    word_ngrams: int,
    num_buckets: int,
) -> tuple[Features, Counts, Bags]:
    """Choose the words that have a row, number the buckets that occur, and list the bags.

    Args:
        numbered: The training texts.
        order: (texts,) int64. In which order they are trained.
        min_count: Words seen less often have no row; their n-grams may have.
        min_n: See `Features`.
        max_n: See `Features`.
        word_ngrams: See `Features`.
        num_buckets: See `Features`.

    Returns:
        The features, the counts of their words, (V,) int64, and the bags.

    Raises:
        CorpusError: There is no token, or none with a row.
    """
    counts = np.bincount(numbered.ids, minlength=len(numbered.spans) - 1)
    ranked = np.argsort(-counts, kind="stable")  # types by falling count
    num_words = int((counts >= min_count).sum())
    if num_words == 0:
        raise _nothing_kept(counts, min_count)
    if max_n == 0:
        ranked = ranked[:num_words]
    item_of = np.full(len(counts), -1, np.int32)
    item_of[ranked] = np.arange(len(ranked))
    data, spans = _chosen(numbered, ranked)
    wants_buckets = max_n > 0 or word_ngrams > 1
    row_of = np.full(num_buckets if wants_buckets else 1, -1, np.int32)
    pieces, piece_offsets = _pieces_of(data, spans, min_n, max_n, num_buckets)
    next_row = _number_buckets(pieces, row_of, num_words)
    items = np.empty(len(numbered.ids) * word_ngrams, np.int32)
    offsets = np.zeros(len(order) + 1, np.int64)
    list_items = kernel.list_items if HAVE_NUMBA else kernel.list_items_reference
    num_rows = list_items(
        numbered.ids, numbered.offsets, order, item_of, _hashes(numbered.data, numbered.spans),
        word_ngrams, row_of, next_row, len(ranked) - num_words, items, offsets,
    )  # fmt: skip
    bags = Bags(
        items[: offsets[-1]],
        offsets,
        pieces.astype(np.int32),
        piece_offsets,
        _sizes(items, offsets, num_words, piece_offsets),
        num_words,
        num_rows,
        len(numbered.ids),
    )
    words = data[: spans[num_words]], spans[: num_words + 1]
    buckets = _buckets_by_row(row_of, num_words, num_rows)
    features = Features(*words, buckets, min_n, max_n, word_ngrams, num_buckets)
    return features, counts[ranked[:num_words]].astype(np.int64), bags


def _chosen(numbered: Numbered, types: Ids) -> tuple[Array, Ids]:
    """Return the spelling of some types."""
    lengths = np.diff(numbered.spans)[types]
    spans = _offsets(lengths)
    starts = np.repeat(numbered.spans[types] - spans[:-1], lengths)
    return numbered.data[starts + np.arange(spans[-1])], spans


def _pieces_of(
    data: Array, spans: Ids, min_n: int, max_n: int, num_buckets: int
) -> tuple[Ids, Ids]:
    if max_n == 0:
        return np.zeros(0, np.int64), np.zeros(len(spans), np.int64)
    return bucket_ids_of(_spelled(data, spans), min_n, max_n, num_buckets)


def _number_buckets(buckets: Ids, row_of: Ids32, next_row: int) -> int:
    number = kernel.number_buckets if HAVE_NUMBA else kernel.number_buckets_reference
    return number(buckets, row_of, next_row)


def _hashes(data: Array, spans: Ids) -> Array:
    return (kernel.hash_tokens if HAVE_NUMBA else kernel.hash_tokens_reference)(data, spans)


def _sizes(items: Ids32, offsets: Ids, num_words: int, piece_offsets: Ids) -> Ids:
    if HAVE_NUMBA:
        return kernel.item_sizes(items, offsets, num_words, piece_offsets)
    pieces = np.zeros(0, np.int32)
    return np.diff(
        kernel.expand_items_reference(items, offsets, num_words, pieces, piece_offsets)[1]
    )


def _buckets_by_row(row_of: Ids32, num_words: int, num_rows: int) -> Ids32:
    buckets = np.empty(num_rows - num_words, np.int32)
    used = np.flatnonzero(row_of >= 0)
    buckets[row_of[used] - num_words] = used
    return buckets


def _nothing_kept(counts: Counts, min_count: int) -> CorpusError:
    if not len(counts):
        return CorpusError(
            "expected texts with words to learn from, but all of them are empty: they hold only "
            "spaces, signs or nothing"
        )
    return CorpusError(
        f"every word is rarer than min_count={min_count}: {len(counts):,} distinct words, the most "
        f"frequent seen {counts.max():,} times; min_count={counts.max()} would keep some, 1 all"
    )


def _lone_surrogate(number: int) -> FormatError:
    return FormatError(f"text {number}: holds a lone surrogate, which is no character; replace it")


def _offsets(lengths: Sequence[int] | Array) -> Ids:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
