"""A corpus from any source: the ids, counts and order that Counter and plain Python give."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
from collections import Counter
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sajeon.corpus import build, build_corpus, exact, listing, scanner, spool
from sajeon.errors import CorpusError, FormatError
from sajeon.kernels import scan as kernel
from sajeon.tokens import Whitespace, Words

LINES = [
    "The cat sat on the mat, the DOG too.",
    "",
    "Don't stop; self-made 학교에서 the CAT",
    "ΟΔΟΣ café cafe\u0301",
    "the the the",
]
ODD = st.one_of(st.text(max_size=9), st.text("ab\0\1\2\3\4 \n", max_size=5))
TEXT = "\n".join(LINES) + "\n"


def sequences(corpus):
    bounds = zip(corpus.offsets, corpus.offsets[1:], strict=False)
    return [[corpus.vocab.tokens[i] for i in corpus.ids[a:b]] for a, b in bounds]


def expected_of(token_lists, min_count):
    """Kept lists, and tokens with counts in id order, by Counter and sorted."""
    counts = Counter(chain.from_iterable(token_lists))
    kept = {token: n for token, n in counts.items() if n >= min_count}
    order = sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))
    return [[t for t in tokens if t in kept] for tokens in token_lists], order


def check(corpus, token_lists, min_count):
    lists, order = expected_of(token_lists, min_count)
    assert sequences(corpus) == lists
    assert list(zip(corpus.vocab.tokens, corpus.vocab.counts.tolist(), strict=True)) == order
    assert corpus.num_raw_tokens == sum(map(len, token_lists))
    assert corpus.num_types == len(set(chain.from_iterable(token_lists)))


@pytest.fixture(params=["compiled", "plain"])
def way(request, monkeypatch):
    """Both ways to read: through the kernels, and as where Numba is missing."""
    if request.param == "plain":
        monkeypatch.setattr(kernel, "scan", lambda *args: pytest.fail("the kernel was called"))
        monkeypatch.setattr(spool, "HAVE_NUMBA", False)
        monkeypatch.setattr(build, "HAVE_NUMBA", False)
    elif not hasattr(kernel.scan, "py_func"):
        pytest.skip("nothing is compiled here")
    return request.param


@pytest.mark.parametrize("tokenizer", [Words(), Words("keep", "keep"), Whitespace()], ids=repr)
@pytest.mark.parametrize("min_count", [1, 2])
def test_a_file_gives_the_ids_and_counts_of_counter(
    way, text_file, corpus_of, tokenizer, min_count
):
    corpus = corpus_of(text_file(TEXT), tokenizer, min_count=min_count)
    check(corpus, [tokenizer.tokens(line) for line in LINES], min_count)
    assert (corpus.ids.dtype, corpus.offsets.dtype) == (np.int32, np.int64)
    for array in (corpus.ids, corpus.offsets):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable


def test_worked_example(way, corpus_of):
    """b 3, a 2, c 2 (ties by spelling), d 1 dropped: ids b 0, a 1, c 2."""
    corpus = corpus_of(["b a d b", "", "c a c b"], "whitespace", min_count=2)
    assert corpus.ids.tolist() == [0, 1, 0, 2, 1, 2, 0]
    assert corpus.offsets.tolist() == [0, 3, 3, 7]
    assert corpus.vocab.tokens == ("b", "a", "c")
    assert corpus.vocab.counts.tolist() == [3, 2, 2]
    assert (corpus.num_raw_tokens, corpus.num_types) == (8, 4)


def test_many_ties_are_ordered_by_spelling(way, corpus_of):
    words = [f"w{i * 7919 % 1000:03}" for i in range(1000)]
    assert corpus_of([" ".join(words)]).vocab.tokens == tuple(sorted(words))


def test_all_forms_of_a_source_give_the_same(way, text_file, corpus_of, tmp_path, monkeypatch):
    zstandard = pytest.importorskip("zstandard", reason="writes .zst files")
    data = TEXT.encode()
    forms = {
        "plain": data,
        "no-last-newline": data[:-1],
        "crlf": data.replace(b"\n", b"\r\n"),
        "bom": b"\xef\xbb\xbf" + data,
        "gz": gzip.compress(data),
        "bz2": bz2.compress(data),
        "xz": lzma.compress(data),
        "zst": zstandard.ZstdCompressor().compress(data),
    }
    sources = [text_file(form, f"{name}.txt") for name, form in forms.items()]
    sources += [[sources[0]], str(tmp_path / "pla*.txt"), [str(sources[0])], "-"]
    sources += [LINES, (line for line in LINES), [Words().tokens(line) for line in LINES]]
    sources += [tuple(tuple(Words().tokens(line)) for line in LINES)]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    for source in sources:
        check(corpus_of(source), [Words().tokens(line) for line in LINES], 1)


def test_several_files_come_in_order_and_their_lines_stay_apart(way, text_file, corpus_of):
    paths = [text_file("b b\na", "2.txt"), text_file("", "e.txt"), text_file("c c", "1.txt")]
    assert sequences(corpus_of(paths)) == [["b", "b"], ["a"], ["c", "c"]]
    pattern = paths[0].parent / "?.txt"
    assert sequences(corpus_of(pattern)) == [["c", "c"], ["b", "b"], ["a"]]


def test_a_line_of_fifty_thousand_tokens_is_one_sequence(way, text_file, corpus_of):
    words = [f"w{i % 700}" for i in range(50_000)]
    corpus = corpus_of(text_file(" ".join(words)))
    assert sequences(corpus) == [words]


@given(st.lists(st.lists(ODD), min_size=1), st.integers(1, 3), st.integers(1, 9))
def test_token_lists_keep_their_exact_strings(way, tmp_path_factory, lists, min_count, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_BATCH", batch)
        patch.setattr(exact, "BATCH", batch)
        patch.setattr(spool, "_BLOCK", batch)
        lists = [*lists, ["Two words", "a\0", "a", "", "\x01", "\x01\x04"] * 3]
        folder = tmp_path_factory.mktemp("corpus")
        corpus = build_corpus(lists, Words(), min_count=min_count, directory=folder)
    check(corpus, lists, min_count)


@given(st.lists(st.text("ab \n", max_size=30), min_size=1), st.integers(1, 99))
def test_texts_are_the_same_in_any_batches(tmp_path_factory, texts, batch):
    texts = ["a b a", *texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "TEXT_BATCH", batch)
        patch.setattr(spool, "_BLOCK", batch)
        folder = tmp_path_factory.mktemp("corpus")
        corpus = build_corpus(texts, Whitespace(), min_count=2, directory=folder)
    check(corpus, [text.split() for text in texts], 2)


def test_a_function_as_tokenizer_sees_each_line_without_its_end(text_file, corpus_of):
    seen = []
    corpus = corpus_of(text_file("a-b\r\nc-c"), lambda t: seen.append(t) or t.split("-"))
    assert seen == ["a-b", "c-c"]
    assert sequences(corpus) == [["a", "b"], ["c", "c"]]


def test_bytes_that_are_not_utf8_name_the_line_and_can_be_replaced(way, text_file, corpus_of):
    path = text_file(b"good one\nbad \xff one one\n")
    with pytest.raises(FormatError, match=r"corpus.txt:2: byte offset 13: not UTF-8; .*replace"):
        corpus_of(path)
    corpus = corpus_of(path, encoding_errors="replace")
    assert sequences(corpus) == [["good", "one"], ["bad", "one", "one"]]


def test_a_lone_surrogate_names_its_text_and_can_be_replaced(way, corpus_of):
    texts = ["good one", "bad \ud800 one"]
    with pytest.raises(FormatError, match="text 2: holds a lone surrogate"):
        corpus_of(texts)
    assert sequences(corpus_of(texts, encoding_errors="replace"))[1] == ["bad", "one"]
    with pytest.raises(FormatError, match=r"token 'a\\ud800': holds a lone surrogate"):
        corpus_of([["b", "a\ud800"]])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "the source is empty"),
        (iter(()), "the source is empty"),
        (["", "  "], "there is no word in the source"),
        ([[], []], "there is no word in the source"),
        (["a a a b", "c"], r"min_count=5: 5 words, 3 distinct.* 3 times; --min-count 3 would"),
        (["a", "a"] * 9, "nothing to learn"),
        (["a b c d e"] * 4 + ["a", "a"], "nothing to learn"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_and_leaves_no_files(tmp_path, source, message):
    with pytest.raises(CorpusError, match=message):
        build_corpus(source, Words(), directory=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_empty_file_is_named(way, text_file, corpus_of):
    with pytest.raises(CorpusError, match=r"corpus.txt: empty, expected text"):
        corpus_of(text_file(""))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"text", "got bytes; decode"),
        ([b"text"], "item 1: expected a text .* got bytes; decode bytes to str first"),
        (["a", ["b"]], "item 2: expected a text .* like the first, got list"),
        ([["a"], "b"], "item 2: expected a list of tokens, got str"),
        ([["a", 1]], "a token must be a str, got 1"),
        ([1, 2], "item 1: expected a text .* got int"),
        ({"a": 1}, "got dict"),
        (3, "got int"),
    ],
)
def test_a_source_of_another_kind_is_refused(corpus_of, source, message):
    with pytest.raises(TypeError, match=message):
        corpus_of(source)


@pytest.mark.parametrize("source", ["missing.txt", ["missing.txt"], ["some/where"]])
def test_what_is_written_like_a_file_is_not_taken_for_a_text(corpus_of, source):
    with pytest.raises(FileNotFoundError, match="no such file"):
        corpus_of(source)


def test_progress_ends_at_the_size_of_the_files(text_file, corpus_of):
    path, seen = text_file(gzip.compress(TEXT.encode())), []
    corpus_of([path, path], progress=lambda *step: seen.append(step))
    assert seen[-1] == (2 * path.stat().st_size, 2 * path.stat().st_size)
    corpus_of(["a a"], progress=lambda *step: seen.append(step))
    assert seen[-1] == (4, None)


def test_a_full_disk_is_one_clear_message(text_file, corpus_of, monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def add(self, ids, ends, real=spool.Spool.add):
        self._ids.close()
        self._ids = Full()
        real(self, ids, ends)

    monkeypatch.setattr(spool.Spool, "add", add)
    with pytest.raises(OSError, match=r"no space left on the disk of .* MB .* set TMPDIR") as error:
        corpus_of(text_file(TEXT))
    assert error.value.errno == errno.ENOSPC


def test_the_share_of_hangul_is_that_of_the_kept_characters(way, corpus_of):
    corpus = corpus_of(["학교 ab ab 학교"])
    assert corpus.hangul_share == 0.5
    assert corpus_of(["ab ab"]).hangul_share == 0


def test_the_kind_of_reader_does_not_depend_on_a_name(corpus_of):
    assert build._is_file_name("a.txt")
    assert build._is_file_name("-")
    assert not build._is_file_name("a text that ends in a.txt")
    assert not build._is_file_name("One.\nTwo.")
    assert not build._is_file_name("word")


@pytest.mark.slow
def test_the_korean_corpus_is_the_same_composed_and_decomposed(data, corpus_of, tmp_path):
    import unicodedata

    with lzma.open(data / "corpus.ko.txt.xz", "rt", encoding="utf-8", newline="\n") as file:
        lines = [file.readline() for _ in range(5000)]
    decomposed = tmp_path / "nfd.txt"
    decomposed.write_text(unicodedata.normalize("NFD", "".join(lines)), encoding="utf-8")
    check(corpus_of(decomposed), [Words().tokens(line) for line in lines], 1)
