"""Any bytes, and real files with damage: each reader returns or says what is wrong, in bounds."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sajeon.errors import FormatError, FormatWarning
from sajeon.formats.registry import open_file
from sajeon.formats.selection import Selection, collect

FILES = [
    "allennlp.glove.6B.100d.sample.txt.gz", "gensim.crime-and-punishment.bin",
    "gensim.crime-and-punishment.vec", "gensim.euclidean_vectors.bin",
    "gensim.high_precision.kv.bin", "gensim.high_precision.kv.txt", "gensim.lee_fasttext_new.bin",
    "gensim.non_ascii_fasttext.bin", "gensim.pretrained.vec", "gensim.test_glove.txt",
    "gensim.toy-model.bin", "gensim.toy-model.vec", "gensim.w2v_keyedvectors_load_test.modeldata",
    "glove-python.stanford_test.txt", "magnitude.fasttext.vec", "magnitude.glove.txt",
    "magnitude.word2vec.bin", "magnitude.word2vec.txt",
]  # fmt: skip


def read_or_refuse(path: Path, strict: bool) -> int | None:
    """Read a file of any bytes; return the number of rows, None where it is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormatWarning)
        try:
            found = collect(open_file(path, strict=strict), Selection(errors="replace"))
        except FormatError:
            return None
    assert found.matrix.shape[0] == len(found.tokens)
    assert found.matrix.dtype.kind == "f"
    return len(found.tokens)


HEADS = [b"2 3\n", b"999999999999 300\n", b"\x93NUMPY", b"PAR1", b"ARROW1\x00\x00", b"PK\x03\x04",
         b"\x1f\x8b\x08", b"\xba\x16\x4f\x2f\x0c\x00\x00\x00", b"\x80\x04\x95", b"\xef\xbb\xbf",
         b"\x10\x00\x00\x00\x00\x00\x00\x00{\"", b"a 1 2 3\n"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(
        st.binary(),
        st.text("0123456789 .a-\n").map(str.encode),
        st.tuples(st.sampled_from(HEADS), st.binary()).map(b"".join),
    ),
    strict=st.booleans(),
)
@example(content=b"1 1\n\xff 1\n", strict=True)
@example(content=b"3 1\n", strict=False)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, strict):
    path = tmp_path_factory.mktemp("fuzz") / "bytes"
    path.write_bytes(content)
    (path.parent / "vocab.txt").write_bytes(b"a\nb\n")
    read_or_refuse(path, strict)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Change, cut, insert or repeat some bytes."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, many = rng.randrange(len(content)), rng.choice([1, 1, 4, 40])
        what = rng.randrange(5)
        if what == 0:
            content[at : at + many] = rng.randbytes(many)
        elif what == 1:
            del content[at : at + many]
        elif what == 2:
            content[at:at] = rng.randbytes(many)
        elif what == 3:
            content[at:at] = rng.choice([b"\n", b" ", b"\r\n", b"\x00", b"9" * 20, b"\xff" * 8])
        else:
            del content[at:]
        if not content:
            return b""
    return bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_real_files_with_damage_are_read_or_refused_in_bounds(data, tmp_path, name):
    content = (data / "formats" / name).read_bytes()
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    rng = random.Random(name)
    path = tmp_path / "damaged"
    path.write_bytes(content)
    assert read_or_refuse(path, name != "gensim.pretrained.vec")  # whose header is wrong
    tracemalloc.start()
    try:
        for i in range(40):
            path.write_bytes(damaged(content if i % 4 == 0 else plain, rng))
            began = time.perf_counter()
            read_or_refuse(path, rng.random() < 0.5)
            assert time.perf_counter() - began < 5
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["parquet", "arrow", "npy", "model.safetensors"])
def test_files_of_ours_with_damage_are_read_or_refused(tmp_path, name):
    from sajeon.conversion import convert
    from sajeon.vectors import Vectors

    rng = random.Random(1)
    vectors = Vectors([f"w{i}" for i in range(50)], np.ones((50, 4), np.float32))
    if name == "model.safetensors":
        vectors.save(tmp_path / "m")
        path = tmp_path / "m" / name
        whole = path.parent
    else:
        path = whole = tmp_path / f"x.{name}"
        convert(vectors, path)
    content = path.read_bytes()
    for _ in range(60):
        path.write_bytes(damaged(content, rng))
        read_or_refuse(whole, True)


def test_a_header_that_promises_far_too_much_is_an_error_or_what_is_there(data):
    path = data / "formats" / "torchtext.wiki.en.vec"
    with pytest.raises(FormatError, match=r"wiki.en.vec:1: the header promises 2,519,370 rows"):
        open_file(path)
    assert read_or_refuse(path, False) == 100 - 1
