"""Tokens to the rows of a bag of features, and the means of those rows.

A feature is a row of one table: rows 0 to V - 1 belong to the V words, and each bucket that has a
row at all has one of those behind them (`sajeon.bags` says which). Word n-grams are hashed as
fastText 0.9.3 does it, from the 32-bit hashes of their words:

    h = hash(w_1);  h = h * 116049371 + hash(w_j) for j = 2 .. n;  bucket = h mod num_buckets

with hashes taken as signed numbers and sums modulo 2**64 (Joulin, Grave, Bojanowski and Mikolov,
"Bag of Tricks for Efficient Text Classification", 2016, section 2.2).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..types import Array, Ids, Ids32
from ._compile import helper, inline, jit
from .lookup import GROUP, HALF, ID, fetch_slots, probe
from .simd import VECTOR_BYTES, add, load, mul, prefetch, splat, store, zero

_BASIS = 2166136261  # FNV-1a, 32 bits
_PRIME = 16777619
_MASK = 0xFFFFFFFF
_SIGN = 0xFFFFFF00  # what a byte from 128 on brings along as a signed char
_WORDS = np.uint64(116049371)
_NO_TEXT = np.uint64(0xFF << 56)  # in the words of a token: no UTF-8, so no scan finds it
_BYTE = np.uint64(0xFF)
_END_OF_LINE = np.uint64(0x3E732F3C)  # "</s>"
_AHEAD = 6  # tokens
_ENTRIES_AHEAD = 24


class Lexicon(NamedTuple):
    """A vocabulary as `kernels.lookup` keeps it, and what each of its words is made of."""

    slots: Array  # (2 * a power of two,) uint64
    arena: Array  # (used,) uint64
    starts: Ids  # (V + 1,) int64
    hashes: Array  # (V,) uint32
    piece_rows: Ids32  # (total,) int32, rows of the character n-grams of all words
    piece_offsets: Ids  # (V + 1,) int64
    row_of: Ids32  # (num_buckets,) int32, the row of each bucket, or -1; one entry if none is used
    min_n: int
    max_n: int
    word_ngrams: int


def hash_tokens_reference(data: Array, offsets: Ids) -> Array:
    """Return (tokens,) uint32: fastText's hash of each token, 32-bit FNV-1a of signed bytes.

    Args:
        data: (bytes,) uint8. The tokens one after another.
        offsets: (tokens + 1,) int64. Where each begins.
    """
    hashes = []
    for begin, end in pairwise(offsets.tolist()):
        key = _BASIS
        for byte in data[begin:end].tolist():
            key = (key ^ (byte if byte < 128 else byte | _SIGN)) * _PRIME & _MASK
        hashes.append(key)
    return np.array(hashes, np.uint32)


@jit
def hash_tokens(data: Array, offsets: Ids) -> Array:
    """See `hash_tokens_reference`."""
    hashes = np.empty(len(offsets) - 1, np.uint32)
    for t in range(len(hashes)):
        key: Any = np.int64(_BASIS)
        for i in range(offsets[t], offsets[t + 1]):
            byte = np.int64(data[i])
            key = (key ^ (byte | _SIGN if byte >= 128 else byte)) * _PRIME & _MASK
        hashes[t] = key
    return hashes


@jit
def pack_tokens(data: Array, offsets: Ids) -> tuple[Array, Ids]:
    """Lay tokens out as `kernels.scan` leaves them: 8-byte words padded with zeros, and their ends.

    What no scan can find, an empty token or one that holds NUL, becomes a word of its own kind.
    """
    words = np.zeros((offsets[-1] + 7 * (len(offsets) - 1)) // 8 + len(offsets), np.uint64)
    ends = np.empty(len(offsets) - 1, np.int64)
    used = 0
    for t in range(len(ends)):
        begin, end = offsets[t], offsets[t + 1]
        whole = end > begin
        for i in range(begin, end):
            whole = whole and data[i] != 0
        if not whole:
            words[used] = _NO_TEXT | np.uint64(t)
            used += 1
        else:
            for i in range(end - begin):
                shift = np.uint64(8 * (i & 7))
                words[used + (i >> 3)] |= np.uint64(data[begin + i]) << shift
            used += (end - begin + 7) >> 3
        ends[t] = used
    return words[:used], ends


@jit
def unpack_tokens(arena: Array, starts: Ids, ids: Ids) -> tuple[Array, Ids]:
    """Return the bytes of some tokens of an arena, (bytes,) uint8, and their (n + 1,) offsets."""
    offsets = np.zeros(len(ids) + 1, np.int64)
    for t in range(len(ids)):
        size = 8 * (starts[ids[t] + 1] - starts[ids[t]])
        last = arena[starts[ids[t] + 1] - 1]
        while size > 0 and last >> np.uint64(8 * ((size - 1) & 7)) & _BYTE == 0:
            size -= 1
        offsets[t + 1] = offsets[t] + size
    data = np.empty(offsets[-1], np.uint8)
    for t in range(len(ids)):
        begin, at = starts[ids[t]], offsets[t]
        for i in range(offsets[t + 1] - at):
            data[at + i] = arena[begin + (i >> 3)] >> np.uint64(8 * (i & 7)) & _BYTE
    return data, offsets


def number_buckets_reference(buckets: Ids, row_of: Ids32, next_row: int) -> int:
    """Give each bucket that has no row yet the next one, in order; return the next free row.

    Args:
        buckets: (total,) int64, changed: each bucket becomes its row.
        row_of: (num_buckets,) int32, changed. The row of each bucket, or -1.
        next_row: The first free row.
    """
    for i, bucket in enumerate(buckets.tolist()):
        if row_of[bucket] < 0:
            row_of[bucket] = next_row
            next_row += 1
        buckets[i] = row_of[bucket]
    return next_row


@jit
def number_buckets(buckets: Ids, row_of: Ids32, next_row: int) -> int:
    """See `number_buckets_reference`."""
    for i in range(len(buckets)):
        bucket = buckets[i]
        if row_of[bucket] < 0:
            row_of[bucket] = next_row
            next_row += 1
        buckets[i] = row_of[bucket]
    return next_row


def list_items_reference(
    ids: Ids32,
    offsets: Ids,
    order: Ids,
    item_of: Ids32,
    hashes: Array,
    word_ngrams: int,
    row_of: Ids32,
    next_row: int,
    shift: int,
    items: Ids32,
    item_offsets: Ids,
) -> int:
    """List the items of each text: its tokens, each followed by the word n-grams that end there.

    Args:
        ids: (tokens,) int32. Types of tokens, text after text.
        offsets: (texts + 1,) int64. Where each text begins.
        order: (texts,) int64. The texts, in the order in which they are to be listed.
        item_of: (types,) int32. The item that a type is, or -1: it is left out, though the word
            n-grams that it is part of are not.
        hashes: (types,) uint32.
        word_ngrams: Words of the longest n-gram; 1 for none.
        row_of: (num_buckets,) int32, changed. The row of each bucket, or -1.
        next_row: The next free row, for a bucket that has none; -1: leave the n-gram out.
        shift: What to add to a row to make it an item.
        items: (at least tokens * word_ngrams,) int32, changed.
        item_offsets: (texts + 1,) int64, changed. Where the items of each text begin.

    Returns:
        The next free row.
    """
    used = 0
    item_offsets[0] = 0
    for place, text in enumerate(order):
        types = ids[offsets[text] : offsets[text + 1]]
        for i, kind in enumerate(types.tolist()):
            if item_of[kind] >= 0:
                items[used] = item_of[kind]
                used += 1
            for n in range(2, min(word_ngrams, i + 1) + 1):
                bucket = word_ngram_bucket(hashes[types[i + 1 - n : i + 1]], len(row_of))
                if row_of[bucket] < 0 <= next_row:
                    row_of[bucket] = next_row
                    next_row += 1
                if row_of[bucket] >= 0:
                    items[used] = row_of[bucket] + shift
                    used += 1
        item_offsets[place + 1] = used
    return next_row


def word_ngram_bucket(hashes: Array, num_buckets: int) -> int:
    """Return the bucket of an n-gram of words, given their hashes (n,) uint32."""
    key = 0
    for value in hashes.astype(np.int32).tolist():
        key = (key * int(_WORDS) + value) % 2**64
    return key % num_buckets


@jit
def list_items(
    ids: Ids32,
    offsets: Ids,
    order: Ids,
    item_of: Ids32,
    hashes: Array,
    word_ngrams: int,
    row_of: Ids32,
    next_row: int,
    shift: int,
    items: Ids32,
    item_offsets: Ids,
) -> int:
    """See `list_items_reference`."""
    used = 0
    item_offsets[0] = 0
    num_buckets = np.uint64(len(row_of))
    for place in range(len(order)):
        begin, end = offsets[order[place]], offsets[order[place] + 1]
        for i in range(begin, end):
            item = item_of[ids[i]]
            if item >= 0:
                items[used] = item
                used += 1
            for n in range(2, min(word_ngrams, i + 1 - begin) + 1):
                key = np.uint64(0)
                for j in range(i + 1 - n, i + 1):
                    key = key * _WORDS + np.uint64(np.int64(np.int32(hashes[ids[j]])))
                bucket = np.int64(key % num_buckets)
                if row_of[bucket] < 0 and next_row >= 0:
                    row_of[bucket] = next_row
                    next_row += 1
                if row_of[bucket] >= 0:
                    items[used] = row_of[bucket] + shift
                    used += 1
        item_offsets[place + 1] = used
    return next_row


def expand_items_reference(
    items: Ids32, item_offsets: Ids, num_words: int, pieces: Ids32, piece_offsets: Ids
) -> tuple[Ids, Ids]:
    """Return the rows of each text: of a word its own and those of its n-grams.

    Args:
        items: (total,) int32. Below T, the number of types, a type; from there on T - V more than
            the row of a bucket.
        item_offsets: (texts + 1,) int64.
        num_words: V: types from there on have no row of their own.
        pieces: (total pieces,) int32. Rows of the character n-grams of each type.
        piece_offsets: (T + 1,) int64. Where those of each type begin.

    Returns:
        Rows, (total,) int64, and their offsets, (texts + 1,) int64.
    """
    num_types = len(piece_offsets) - 1
    rows: list[int] = []
    offsets = [0]
    for text in range(len(item_offsets) - 1):
        for item in items[item_offsets[text] : item_offsets[text + 1]].tolist():
            if item >= num_types:
                rows.append(item - num_types + num_words)
                continue
            if item < num_words:
                rows.append(item)
            rows.extend(pieces[piece_offsets[item] : piece_offsets[item + 1]].tolist())
        offsets.append(len(rows))
    return np.array(rows, np.int64), np.array(offsets, np.int64)


@jit
def expand_items(
    items: Ids32, item_offsets: Ids, num_words: int, pieces: Ids32, piece_offsets: Ids
) -> tuple[Ids, Ids]:
    """See `expand_items_reference`."""
    num_types = len(piece_offsets) - 1
    offsets = np.zeros(len(item_offsets), np.int64)
    sizes = item_sizes(items, item_offsets, num_words, piece_offsets)
    for text in range(len(sizes)):
        offsets[text + 1] = offsets[text] + sizes[text]
    rows = np.empty(offsets[-1], np.int64)
    at = 0
    for i in range(item_offsets[-1]):
        item = np.int64(items[i])
        if item >= num_types:
            rows[at] = item - num_types + num_words
            at += 1
            continue
        if item < num_words:
            rows[at] = item
            at += 1
        for p in range(piece_offsets[item], piece_offsets[item + 1]):
            rows[at] = pieces[p]
            at += 1
    return rows, offsets


@jit
def item_sizes(items: Ids32, item_offsets: Ids, num_words: int, piece_offsets: Ids) -> Ids:
    """Return (texts,) int64: how many rows the items of each text stand for."""
    num_types = len(piece_offsets) - 1
    sizes = np.zeros(len(item_offsets) - 1, np.int64)
    for text in range(len(sizes)):
        size: Any = 0
        for i in range(item_offsets[text], item_offsets[text + 1]):
            item = np.int64(items[i])
            size += np.int64(item < num_words or item >= num_types)
            if item < num_types:
                size += piece_offsets[item + 1] - piece_offsets[item]
        sizes[text] = size
    return sizes


@jit
def find_tokens(
    words: Array, ends: Ids, slots: Array, arena: Array, starts: Ids, ids: Ids32
) -> None:
    """Look tokens up without adding any; -1 for one that is not there. See `lookup.lookup`."""
    keys, places = np.empty(GROUP, np.uint64), np.empty(GROUP, np.int64)
    firsts, entries = np.empty(GROUP, np.uint64), np.empty(GROUP, np.uint64)
    for group in range(0, len(ends), GROUP):
        size_of_group = min(GROUP, len(ends) - group)
        fetch_slots(words, ends, group, size_of_group, slots, keys, places, firsts, entries)
        begin = ends[group - 1] if group > 0 else 0
        for t in range(size_of_group):
            size = ends[group + t] - begin
            entry = entries[t]
            if size != 1 or firsts[t] != keys[t] or entry >> HALF != 1:
                at = probe(slots, places[t], keys[t], words, begin, size, arena, starts)
                entry = slots[2 * at + 1]
            ids[group + t] = np.int64(entry & ID) - 1
            begin += size


@helper
def _byte_of(words: Array, begin: int, i: int) -> Any:
    """Byte `i` of the token whose words begin there."""
    return np.int64(words[begin + (i >> 3)] >> np.uint64(8 * (i & 7)) & _BYTE)


@helper
def _num_bytes(words: Array, begin: int, end: int) -> int:
    size = 8 * (end - begin)
    while size > 0 and _byte_of(words, begin, size - 1) == 0:
        size -= 1
    return size


@helper
def _step(key: Any, byte: Any) -> Any:
    return (key ^ (byte | _SIGN if byte >= 128 else byte)) * _PRIME & _MASK


@jit
def rows_of_ngrams(words, ends, lines, ids, lexicon, rows):
    """Write the row of the n-gram of n words that ends at each token, or -1.

    Apart from the sums, so that what a hash leads to can be fetched in time: sums that waited for
    it took five times as long.

    Args:
        words: (used,) uint64. Tokens as `scan` leaves them.
        ends: (tokens,) int64. As `scan` leaves them.
        lines: (texts,) int64. How many tokens stand before the end of each text.
        ids: (tokens,) int32. As `find_tokens` leaves them.
        lexicon: A `Lexicon`.
        rows: (tokens, word_ngrams - 1) int64, changed: n = 2, 3, ...
    """
    longest = lexicon.word_ngrams
    hashes = np.empty(len(ends), np.uint32)
    row_of, num_buckets = lexicon.row_of, np.uint64(len(lexicon.row_of))
    begin: Any = np.int64(0)
    for t in range(len(ends)):
        word = np.int64(ids[t])
        hashes[t] = lexicon.hashes[word] if word >= 0 else _hash_of(words, begin, ends[t])
        begin = ends[t]
    first = 0
    for text in range(len(lines)):
        for t in range(first, lines[text]):
            for n in range(2, longest + 1):
                rows[t, n - 2] = -1
                if n <= t + 1 - first:
                    key = np.uint64(0)
                    for j in range(t + 1 - n, t + 1):
                        key = key * _WORDS + np.uint64(np.int64(np.int32(hashes[j])))
                    rows[t, n - 2] = np.int64(key % num_buckets)
        first = lines[text]
    flat = rows.reshape(-1)
    entries = np.int64(row_of.ctypes.data)
    for i in range(len(flat)):
        if i + _ENTRIES_AHEAD < len(flat) and flat[i + _ENTRIES_AHEAD] >= 0:
            prefetch(entries + 4 * flat[i + _ENTRIES_AHEAD])
        if flat[i] >= 0:
            flat[i] = row_of[flat[i]]


@jit
def mean_of_tokens(
    words, ends, lines, ids, ngrams, lexicon, table, buckets, row_bytes, tail, means
):
    """Write the mean of the rows of each text.

    Args:
        words: (used,) uint64. Tokens as `scan` leaves them.
        ends: (tokens,) int64. As `scan` leaves them.
        lines: (texts,) int64. How many tokens stand before the end of each text.
        ids: (tokens,) int32. As `find_tokens` leaves them.
        ngrams: (tokens, word_ngrams - 1) int64. As `rows_of_ngrams` leaves them.
        lexicon: A `Lexicon`.
        table: Address of the rows of words, float32.
        buckets: Address at which row 0 would stand if the rows of buckets went on to there.
        row_bytes: From one row to the next.
        tail: Where in a row its last sixteen numbers begin, bytes: rows that are not padded end in
            a vector that overlaps the one before.
        means: (texts, stride) float32, changed; zeros at the beginning, and for empty bags.
    """
    pieces, offsets = lexicon.piece_rows, lexicon.piece_offsets
    first = 0
    for text in range(len(lines)):
        mean = np.int64(means[text].ctypes.data)
        count = 0
        for t in range(first, lines[text]):
            if t + _AHEAD < len(ids):
                if ids[t + _AHEAD] >= 0:
                    _fetch(table + np.int64(ids[t + _AHEAD]) * row_bytes, row_bytes)
                for n in range(ngrams.shape[1]):
                    if ngrams[t + _AHEAD, n] >= 0:
                        _fetch(buckets + ngrams[t + _AHEAD, n] * row_bytes, row_bytes)
            word = np.int64(ids[t])
            if word >= 0:
                _add_row(mean, table + word * row_bytes, tail)
                count += 1
                for p in range(offsets[word], offsets[word + 1]):
                    _add_row(mean, buckets + np.int64(pieces[p]) * row_bytes, tail)
                count += offsets[word + 1] - offsets[word]
            elif lexicon.max_n > 0:
                begin = ends[t - 1] if t > 0 else 0
                count += _add_pieces(words, begin, ends[t], lexicon, mean, buckets, row_bytes, tail)
            for n in range(ngrams.shape[1]):
                if ngrams[t, n] >= 0:
                    _add_row(mean, buckets + ngrams[t, n] * row_bytes, tail)
                    count += 1
        first = lines[text]
        if count > 0:
            _scale_row(mean, np.float32(1) / np.float32(count), tail)


@helper
def _hash_of(words: Array, begin: int, end: int) -> Any:
    key: Any = np.int64(_BASIS)
    for i in range(_num_bytes(words, begin, end)):
        key = _step(key, _byte_of(words, begin, i))
    return np.uint32(key)


@jit
def _add_pieces(words, begin, end, lexicon, mean, buckets, row_bytes, tail):
    """Add the rows of a token's character n-grams; return how many. See `ngrams.fill_buckets`."""
    if end - begin == 1 and words[begin] == _END_OF_LINE:  # has no n-grams
        return 0
    size = _num_bytes(words, begin, end) + 2
    count = 0
    num_buckets, row_of = len(lexicon.row_of), lexicon.row_of
    for first in range(size):
        if _framed(words, begin, first, size) & 0xC0 == 0x80:
            continue
        key: Any = np.int64(_BASIS)
        n, i = 0, first
        while i < size and n < lexicon.max_n:
            n += 1
            key = _step(key, _framed(words, begin, i, size))
            i += 1
            while i < size and _framed(words, begin, i, size) & 0xC0 == 0x80:
                key = _step(key, _framed(words, begin, i, size))
                i += 1
            alone = n == 1 and (first == 0 or i == size)
            if n >= lexicon.min_n and not alone:
                row = np.int64(row_of[key % num_buckets])
                if row >= 0:
                    _add_row(mean, buckets + row * row_bytes, tail)
                    count += 1
    return count


@helper
def _framed(words: Array, begin: int, i: int, size: int) -> Any:
    """Byte `i` of a token between ``<`` and ``>``, `size` bytes in all."""
    if i == 0:
        return np.int64(60)
    if i == size - 1:
        return np.int64(62)
    return _byte_of(words, begin, i - 1)


@inline
def _fetch(row, row_bytes):
    for k in range(0, row_bytes, 64):
        prefetch(row + k)


@inline
def _add_row(mean, row, tail):
    for k in range(0, tail, VECTOR_BYTES):
        store(mean + k, add(load(mean + k), load(row + k)))
    # The sums of the overlap were stored just now: the last vector is kept behind the row.
    last = mean + tail + VECTOR_BYTES
    store(last, add(load(last), load(row + tail)))


@inline
def _scale_row(mean, share, tail):
    part = splat(share)
    for k in range(0, tail, VECTOR_BYTES):
        store(mean + k, mul(part, load(mean + k)))
    last = mean + tail + VECTOR_BYTES
    store(mean + tail, mul(part, load(last)))
    store(last, zero())
