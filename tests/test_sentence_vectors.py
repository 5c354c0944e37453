"""Vectors of texts: the plain way and the compiled one give the same bits, whatever is encoded."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sajeon import Vectors, pooling, sentences
from sajeon.errors import FormatError
from sajeon.formats.tokentable import TokenTable
from sajeon.kernels._compile import HAVE_NUMBA
from sajeon.subwords import NGrams, Subwords

DIM = 7
KNOWN = [
    "the",
    "cat",
    "naïve",
    "강아지",
    unicodedata.normalize("NFD", "고양이"),
    "a",
    "2nd",
    "😀",
    "don't",
]
ODD = [
    "The cat, the CAT; the cat!",
    "",
    " \t\r\n",
    "nothing known here",
    unicodedata.normalize("NFD", "강아지 없는 naïve"),
    unicodedata.normalize("NFC", "고양이가 고양이"),
    "😀 cat 😀😀 👩‍👩‍👧 e\u0301",
    "don’t\ncat\0the",
    "cat " * 50,
    "강아지",
    "cats catty",
    "cat \ud800 the",
]  # fmt: skip

needs_numba = pytest.mark.skipif(not HAVE_NUMBA, reason="Numba is missing or switched off")


def vectors_of(kind: str) -> Vectors:
    """Vectors over `KNOWN`, as each kind of model has them."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(len(KNOWN), DIM)).astype(np.float32)
    given = {"counts": range(90, 90 - len(KNOWN), -1), "tokenizer": "words"}
    if kind == "int8":
        scales = rng.random(len(KNOWN)).astype(np.float32)
        return Vectors(KNOWN, (20 * matrix).astype(np.int8), scales=scales, **given)
    if kind == "float16":
        return Vectors(KNOWN, matrix.astype(np.float16), **given)
    if kind == "subwords":
        buckets = rng.normal(size=(50, DIM)).astype(np.float32)
        rows = rng.permutation(np.repeat(np.arange(-1, 50, 1), 3)).astype(np.int32)
        given |= {
            "subwords": Subwords(buckets, NGrams("chars", 3, 4, len(rows)), rows),
            "tokenizer": "whitespace",
        }
    if kind == "characters":
        given["tokenizer"] = "chars"
    return Vectors(KNOWN, matrix, **given)


KINDS = ["float32", "float16", "int8", "subwords", "characters"]


def encoded(vectors, items, weights, together):
    """Encode in parts of so many characters, compiled if there is more than one."""
    normal, sentences._TOGETHER = sentences._TOGETHER, together
    try:
        return vectors.encode(items, weights=weights)
    finally:
        sentences._TOGETHER = normal


def assert_same_both_ways(vectors, items, weights, together=40):
    plain = encoded(vectors, items, weights, 1 << 60)
    np.testing.assert_array_equal(encoded(vectors, items, weights, together), plain)
    return plain


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", [None, "sif"])
def test_odd_texts_have_the_same_vectors_both_ways(kind, weights):
    vectors = vectors_of(kind)
    for items in (ODD, ODD * 3, [text.split() for text in ODD], [*ODD, ["cat", "", "x"], []]):
        plain = assert_same_both_ways(vectors, items, weights)
        assert plain.shape == (len(items), DIM)
        one_by_one = [vectors.encode([item], weights=weights)[0] for item in items]
        np.testing.assert_array_equal(plain, one_by_one)
    assert plain[0].any()
    assert not plain[1].any()


@needs_numba
@settings(max_examples=50)
@given(
    texts=st.lists(st.text(st.sampled_from("catTHE ’'-\n\0é가강아지\u1100\u1161\u0301😀2\ud800"))),
    kind=st.sampled_from(KINDS),
    weights=st.sampled_from([None, "sif"]),
    together=st.integers(1, 60),
)
@example([], "float32", None, 1)
def test_any_texts_have_the_same_vectors_both_ways(texts, kind, weights, together):
    assert_same_both_ways(vectors_of(kind), texts, weights, together)


@needs_numba
def test_the_order_of_a_sum_is_that_of_the_text():
    """Rows that cancel each other but for the rounding, which depends on the order."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(100, DIM)) * 2.0 ** rng.integers(-40, 40, (100, DIM))
    table = np.concatenate([rows, -rows]).astype(np.float32)
    bags = []
    for size in (0, 1, 300, 7, 9, 17, 1000):
        ids = rng.integers(0, 100, size)
        bags.append(rng.permutation(np.concatenate([ids, ids + 100])))
    expected = []
    for bag in bags:
        total = np.zeros(DIM)
        for row in bag:
            total = total + table[row]
        expected.append((total / max(1, len(bag))).astype(np.float32))
    np.testing.assert_array_equal(pooling.mean_rows(table.__getitem__, DIM, bags), expected)
    offsets = np.cumsum([0, *map(len, bags)])
    found = pooling.mean_many(table.__getitem__, DIM, np.concatenate(bags), offsets)
    np.testing.assert_array_equal(found, expected)
    backwards = [bag[::-1] for bag in bags]  # else the test could not fail
    assert (pooling.mean_rows(table.__getitem__, DIM, backwards) != expected).any()


@needs_numba
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_means(threads, monkeypatch):
    rng = np.random.default_rng(2)
    table = rng.normal(size=(30, DIM)).astype(np.float32)
    ids, offsets = rng.integers(-1, 30, 900), np.arange(0, 901, 3)
    expected = [
        table[bag[bag >= 0]].sum(axis=0) / max(1, (bag >= 0).sum()) for bag in ids.reshape(-1, 3)
    ]
    monkeypatch.setattr(pooling, "available_cores", lambda: threads)
    monkeypatch.setattr(pooling, "_MEANS", 5 * DIM)
    found = pooling.mean_many(table.__getitem__, DIM, ids, offsets)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@needs_numba
def test_a_large_call_is_compiled_and_a_small_one_loads_no_numba(tmp_path):
    vectors = vectors_of("float32")
    vectors.save(tmp_path / "m")
    code = (
        "import sys, sajeon\n"
        f"vectors = sajeon.load({str(tmp_path / 'm')!r})\n"
        "texts = ['the cat 2nd', 'a 강아지'] * 2000\n"
        "small = vectors.encode(texts)\n"
        "assert 'numba' not in sys.modules\n"
        "large = vectors.encode(texts * 50)\n"
        "assert 'numba' in sys.modules\n"
        "assert (large.reshape(50, *small.shape) == small).all()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_many_texts_are_cut_at_once_and_stay_in_order(tmp_path):
    class Halves:
        name, settings, reads = "halves", {}, "text"
        asked = ()

        def tokens(self, item):
            return [item.stem] if isinstance(item, Path) else item.split("-")

        def token_lists(self, items):
            self.asked = (*self.asked, len(items))
            return [self.tokens(item) for item in items]

    halves = Halves()
    vectors = Vectors(["a", "b", "c"], np.eye(3), tokenizer=halves)
    items = ["a-b", ["c"], Path("b.wav"), iter("ac"), "c-c"]
    expected = [[0.5, 0.5, 0], [0, 0, 1], [0, 1, 0], [0.5, 0, 0.5], [0, 0, 1]]
    assert vectors.encode(items).tolist() == expected
    assert halves.asked == (2,)


def test_items_are_read_as_they_come():
    """The groups of `groupby` are gone as soon as the next one is asked for."""
    vectors = Vectors(["a", "b"], np.eye(2))
    groups = (group for _, group in groupby("aabbb"))
    assert vectors.encode(groups).tolist() == [[1, 0], [0, 1]]


def find_all(known, data, spans):
    from sajeon.kernels.find import find_tokens

    ids = np.empty(len(spans) - 1, np.int64)
    find_tokens(data, spans, known.data, known.offsets, known.table, ids)
    return ids.tolist()


def spelled(tokens):
    encoded = [token.encode() for token in tokens]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    return data, np.cumsum([0, *map(len, encoded)], dtype=np.int64)


words = st.lists(st.text(st.sampled_from("abé가\U0001f600"), min_size=1, max_size=6))


@needs_numba
@given(known=words.map(lambda some: list(dict.fromkeys(some))), asked=words)
def test_tokens_are_found_as_one_by_one(known, asked):
    table = TokenTable.from_tokens(known)
    expected = [table.find(token) for token in asked]
    for token, i in zip(asked, expected, strict=True):
        assert i == (known.index(token) if token in known else -1)
    assert find_all(table, *spelled(asked)) == expected


@needs_numba
@given(st.binary(min_size=60, max_size=60), st.sampled_from(["table", "offsets"]))
def test_a_damaged_vocabulary_is_read_nowhere_but_within_its_arrays(noise, name):
    table = TokenTable.from_tokens(["ab", "cd", "ef"])
    array = getattr(table, name).copy()
    values = np.frombuffer(noise[: len(noise) // array.itemsize * array.itemsize], array.dtype)
    inner = slice(1, -1) if name == "offsets" else slice(0, -1)  # the ends are checked on opening
    array[inner] = np.resize(values, len(array[inner]))
    damaged = TokenTable(
        table.data,
        array if name == "offsets" else table.offsets,
        array if name == "table" else table.table,
    )
    asked = ["ab", "cd", "ef", "gh"]
    found = find_all(damaged, *spelled(asked))
    for token, i in zip(asked, found, strict=True):
        if i == -2:
            continue
        try:
            expected = damaged.find(token)
        except FormatError:
            pytest.fail("the kernel found what the vocabulary cannot hold")
        assert i == expected
