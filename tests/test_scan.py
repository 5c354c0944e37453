"""The compiled scan against the plain tokenizers, and its kernels against their twins."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_words import TEXTS

from sajeon.corpus import scanner
from sajeon.errors import FormatError
from sajeon.kernels import scan as kernel
from sajeon.kernels.lookup import hash_token, renumber, renumber_reference, tally, tally_reference
from sajeon.tokens import Whitespace, Words, characters

pytestmark = pytest.mark.skipif(
    not hasattr(kernel.scan, "py_func"), reason="nothing is compiled here, so the scan is not used"
)

TOKENIZERS = st.sampled_from(
    [Words(c, p) for c in ("lower", "keep") for p in ("drop", "keep")]
    + [Whitespace("keep"), Whitespace("lower")]
)


class _List:
    """A spool that keeps everything in lists."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.ends: list[int] = []

    def add(self, ids, ends):
        self.ends += [len(self.ids) + int(end) for end in ends]
        self.ids += ids.tolist()


def scan_blocks(blocks, tokenizer, errors="strict"):
    spool = _List()
    reader = scanner.Scanner(tokenizer, spool, errors)
    reader.add_file(blocks, "file.txt")
    return sequences(reader, spool)


def sequences(reader, spool):
    spelled = reader.tokens(range(reader.num_types))
    bounds = zip([0, *spool.ends], spool.ends, strict=False)
    return [[spelled[i] for i in spool.ids[a:b]] for a, b in bounds]


def lines_of(text):
    return text.removesuffix("\n").split("\n") if text else []


def cut(data, sizes):
    """Cut bytes into blocks of the given sizes, over and over."""
    blocks, start, i = [], 0, 0
    while start < len(data):
        blocks.append(data[start : start + sizes[i % len(sizes)]])
        start += sizes[i % len(sizes)]
        i += 1
    return blocks


@given(
    TEXTS,
    TOKENIZERS,
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.integers(0, 30),
    st.integers(1, 30),
)
def test_the_scan_gives_the_tokens_of_the_plain_tokenizer(text, tokenizer, sizes, piece, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "PIECE", piece)
        patch.setattr(scanner, "NORMALISED_PART", part)
        found = scan_blocks(cut(text.encode(), sizes), tokenizer)
    assert found == [tokenizer.tokens(line) for line in lines_of(text)]


@given(st.binary(), TOKENIZERS, st.integers(1, 9))
def test_bytes_that_are_not_utf8_are_replaced_as_decode_does(data, tokenizer, size):
    found = scan_blocks(cut(data, [size]), tokenizer, "replace")
    lines = lines_of(data.decode("utf-8", "replace"))
    assert found == [tokenizer.tokens(line) for line in lines]


@given(st.binary().filter(lambda b: b.decode("utf-8", "ignore").encode() != b), st.integers(1, 9))
def test_bytes_that_are_not_utf8_are_found_where_decode_finds_them(data, size):
    with pytest.raises(UnicodeDecodeError) as expected:
        data.decode()
    at = expected.value.start
    with pytest.raises(FormatError) as error:
        scan_blocks(cut(data, [size]), Words())
    line = data.count(b"\n", 0, at) + 1
    assert f"file.txt:{line}: byte offset {at:,}: not UTF-8" in str(error.value)


@given(st.lists(TEXTS, min_size=1), TOKENIZERS)
def test_each_text_is_one_sequence_whatever_newlines_it_holds(texts, tokenizer):
    spool = _List()
    reader = scanner.Scanner(tokenizer, spool)
    list(reader.add_texts(texts))
    assert sequences(reader, spool) == [tokenizer.tokens(text) for text in texts]


@pytest.mark.parametrize("tokenizer", [Words(), Words("keep", "keep"), Whitespace()], ids=repr)
def test_every_character_of_unicode_is_read_as_the_plain_tokenizer_reads_it(tokenizer):
    points = [*range(0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE0200), 0x10FFFF]
    text = "".join(f"a{chr(c)}b{chr(c)} " for c in points if c != 10)
    assert scan_blocks([text.encode()], tokenizer) == [tokenizer.tokens(text)]


def test_marks_in_another_order_are_the_same_word():
    """Arabic fatha (combining class 30) stands before shadda (33) in NFC; neither composes."""
    found = scan_blocks(["ب\u0651\u064e ب\u064e\u0651".encode()], Words())
    assert found == [["ب\u064e\u0651"] * 2]


def test_long_tokens_with_the_same_hash_stay_apart():
    """The hash of two words a, b depends on h(a) ^ b alone, so b' = h(a) ^ b ^ h(a') collides."""
    multiplier, full = 0x9E3779B97F4A7C15, (1 << 64) - 1

    def first_step(word):
        mixed = word * multiplier & full
        return (mixed ^ mixed >> 32) * multiplier & full

    words = [1234567, 7654321, 1234568, first_step(1234567) ^ 7654321 ^ first_step(1234568)]
    words = np.array([*words, *words], np.uint64)
    ends = np.arange(2, 9, 2)
    assert hash_token(words, 0, 2) == hash_token(words, 2, 4)
    assert scanner.TokenTable().ids(words, ends).tolist() == [0, 1, 0, 1]


def test_characters_that_may_compose_are_all_of_them():
    """Found again from every decomposition of Unicode, Hangul by its algorithm."""
    pairs = (unicodedata.decomposition(chr(c)).split() for c in range(0x110000))
    expected = {chr(int(p[1], 16)) for p in pairs if len(p) == 2 and p[0][0] != "<"}
    for syllable in map(chr, range(0xAC00, 0xD7A4)):
        expected |= set(unicodedata.normalize("NFD", syllable)[1:])
    assert characters._composing() == expected


def test_words_longer_than_blocks_and_pieces_come_whole(monkeypatch):
    monkeypatch.setattr(scanner, "PIECE", 64)
    words = ["a" * 100_000, "ß" * 30_001, "학" * 50_000, "x" * 8, "y" * 7, "z" * 9]
    data = " ".join(words).encode()
    assert scan_blocks(cut(data, [1000]), Words()) == [words]


def test_the_table_grows_and_counts_as_counter_does():
    rng = np.random.default_rng(0)
    words = [f"word{n}" + "-long" * (n % 4) for n in rng.zipf(1.2, 200_000) % 70_000]
    found = scan_blocks([" ".join(words).encode()], Words())
    assert Counter(chain(*found)) == Counter(words)
    assert found == [words]


@given(st.lists(st.lists(st.integers(0, 9))), st.sets(st.integers(0, 9)))
def test_renumber_agrees_with_its_twin(lists, dropped):
    ends = np.cumsum([len(one) for one in lists], dtype=np.int64)
    ids = np.array([*chain(*lists)], np.int32)
    new_id = np.array([-1 if i in dropped else 9 - i for i in range(10)], np.int32)
    ids_twin, ends_twin = ids.copy(), ends.copy()
    left = renumber(ids, new_id, ends)
    assert left == renumber_reference(ids_twin, new_id, ends_twin)
    np.testing.assert_array_equal(ids[:left], ids_twin[:left])
    np.testing.assert_array_equal(ends, ends_twin)
    expected = [[9 - i for i in one if i not in dropped] for one in lists]
    bounds = zip([0, *ends], ends, strict=False)
    assert [ids[a:b].tolist() for a, b in bounds] == expected


@given(st.lists(st.integers(0, 9)))
def test_tally_agrees_with_its_twin(ids):
    counts, twin = np.zeros(10, np.int64), np.zeros(10, np.int64)
    tally(np.array(ids, np.int32), counts)
    tally_reference(np.array(ids, np.int32), twin)
    np.testing.assert_array_equal(counts, twin)
    np.testing.assert_array_equal(counts, np.bincount(np.array(ids, np.int64), minlength=10))


def test_the_kinds_fit_their_bits():
    assert kernel.CODE_POINTS <= 1 << kernel.KIND_SHIFT
    assert kernel.NEWLINE << kernel.KIND_SHIFT < kernel.KNOWN
