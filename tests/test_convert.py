"""Vectors from one format to another, and what other programs make of what was written."""

import gzip
import json

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given
from hypothesis import strategies as st

import sajeon
from sajeon.conversion import convert
from sajeon.errors import FormatError, FormatWarning
from sajeon.formats.registry import open_file
from sajeon.formats.selection import ALL, collect
from sajeon.formats.targets import TARGETS
from sajeon.kept import KeptNeighbours
from sajeon.loading import load
from sajeon.vectors import Vectors

FILES = {name: target.suffixes[0] for name, target in TARGETS.items()}
READ_BACK = [name for name in FILES if name != "projector"]


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 12)).astype(np.float32)
    matrix[0, :5] = [0, -0.0, 1e-45, 3.4e38, 0.1]
    tokens = [f"단어{i}" if i % 2 else f"w{i}" for i in range(200)]
    return Vectors(tokens, matrix, range(200, 0, -1), tokenizer="whitespace", settings={"dim": 12})


def written(vectors, tmp_path, name, **options):
    path = tmp_path / f"out{FILES[name]}"
    convert(vectors, path, to=name, **options)
    return path


def read(path, selection=ALL, **options):
    return collect(open_file(path, **options), selection)


@pytest.mark.parametrize("name", READ_BACK)
def test_what_is_written_is_read_back_to_the_same_bits(vectors, tmp_path, name):
    found = read(written(vectors, tmp_path, name))
    assert found.tokens == vectors.tokens
    assert found.matrix.tobytes() == vectors.matrix.tobytes()
    if name in ("sajeon", "parquet", "arrow"):
        np.testing.assert_array_equal(found.counts, vectors.counts)


@pytest.mark.parametrize("name", READ_BACK)
def test_from_any_format_to_the_folder(vectors, tmp_path, name):
    done = convert(written(vectors, tmp_path, name), tmp_path / "model")
    opened = load(tmp_path / "model")
    assert (done.rows, done.dim, done.kept) == (200, 12, None)
    assert opened.tokens == vectors.tokens
    assert opened.matrix.tobytes() == vectors.matrix.tobytes()
    assert opened.encode(["w0 단어1 zebra"]).any()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's open file
@pytest.mark.parametrize("name", ["word2vec", "word2vec-text", "glove"])
def test_gensim_reads_what_is_written(vectors, tmp_path, name):
    theirs = KeyedVectors.load_word2vec_format(
        written(vectors, tmp_path, name), binary=name == "word2vec", no_header=name == "glove"
    )
    assert theirs.index_to_key == list(vectors.tokens)
    assert theirs.vectors.tobytes() == vectors.matrix.tobytes()


@pytest.mark.parametrize("binary", [True, False])
def test_what_gensim_writes_is_read(vectors, tmp_path, binary):
    theirs = KeyedVectors(12)
    theirs.add_vectors(list(vectors.tokens), vectors.matrix)
    theirs.save_word2vec_format(tmp_path / "x", binary=binary)
    found = read(tmp_path / "x")
    assert found.tokens == theirs.index_to_key
    assert found.matrix.tobytes() == vectors.matrix.tobytes()


def test_the_projector_gets_numbers_and_names_in_two_files(vectors, tmp_path):
    path = written(vectors, tmp_path, "projector")
    np.testing.assert_array_equal(np.loadtxt(path, np.float32, delimiter="\t"), vectors.matrix)
    names = (tmp_path / "out.metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert names == list(vectors.tokens)


def test_numpy_and_pyarrow_read_what_is_written(vectors, tmp_path):
    assert np.load(written(vectors, tmp_path, "npy")).tobytes() == vectors.matrix.tobytes()
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(written(vectors, tmp_path, "parquet"))
    assert table.column_names == ["token", "count", "vector"]
    assert table["token"].to_pylist() == list(vectors.tokens)
    np.testing.assert_array_equal(np.stack(table["vector"].to_numpy()), vectors.matrix)


@pytest.mark.parametrize(("dtype", "least"), [("float16", 0.95), ("int8", 0.85)])
def test_smaller_numbers_are_stored_and_the_loss_is_reported(vectors, tmp_path, dtype, least):
    matrix = np.random.default_rng(1).normal(size=(3000, 50)).astype(np.float32)
    source = Vectors([f"w{i}" for i in range(3000)], matrix, tokenizer="whitespace")
    done = convert(source, tmp_path / "m", dtype=dtype)
    opened = load(tmp_path / "m")
    assert opened.matrix.dtype == done.dtype == dtype
    bound = np.abs(matrix).max() / 127 / 2 if dtype == "int8" else np.abs(matrix).max() / 2**11
    assert opened[opened.tokens].dtype == np.float32
    np.testing.assert_allclose(opened[list(opened.tokens)], matrix, atol=bound * 1.001)
    expected = np.mean([
        len({t for t, _ in source.nearest(token)} & {t for t, _ in opened.nearest(token)}) / 10
        for token in list(source.tokens)[:: 3000 // 100]
    ])  # fmt: skip
    assert least < done.kept <= 1
    assert abs(done.kept - expected) < 0.03
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert ("model_type" in config) == (dtype == "float16")  # others know nothing of scales


def test_numbers_that_do_not_fit_into_float16_are_refused(vectors, tmp_path):
    with pytest.raises(FormatError, match=r"float16 holds numbers up to 65,504; .* 3.4e\+38"):
        convert(vectors, tmp_path / "m", dtype="float16")
    assert not (tmp_path / "m").exists()


def test_an_int8_folder_is_converted_back_with_its_scales(vectors, tmp_path):
    convert(vectors, tmp_path / "m", dtype="int8", limit=None)
    convert(tmp_path / "m", tmp_path / "back.txt")
    np.testing.assert_array_equal(
        read(tmp_path / "back.txt").matrix, load(tmp_path / "m")[list(vectors.tokens)]
    )


@given(data=st.data())
def test_kept_neighbours_are_those_of_a_plain_search(data):
    num, dim = data.draw(st.integers(2, 40)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    before = rng.normal(size=(num, dim)).astype(np.float32)
    after = rng.normal(size=(num, dim)).astype(np.float32)
    cut = data.draw(st.integers(1, num))
    kept = KeptNeighbours()
    kept.see(before[:cut], after[:cut])
    kept.see(before[cut:], after[cut:])

    def best(rows, i):
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        scores = units @ units[i]
        scores[i] = -np.inf
        return set(np.argsort(-scores)[: min(10, num - 1)].tolist())

    shares = [len(best(before, i) & best(after, i)) / min(10, num - 1) for i in range(cut)]
    if dim > 1:  # in one dimension all cosines are ties
        assert kept.share() == pytest.approx(np.mean(shares))


def test_some_rows_and_tokens_without_blanks(tmp_path):
    source = Vectors(["new york", "a", "b"], np.eye(3, dtype=np.float32))
    with pytest.raises(FormatError, match="'new york' cannot be written in word2vec's binary form"):
        convert(source, tmp_path / "x.bin")
    assert not list(tmp_path.iterdir())
    convert(source, tmp_path / "x.bin", blanks="_", limit=2)
    assert read(tmp_path / "x.bin").tokens == ["new_york", "a"]
    convert(source, tmp_path / "x.txt", tokens=["b", "new york"])
    assert read(tmp_path / "x.txt").tokens == ["new york", "b"]


@pytest.mark.parametrize(
    ("name", "token"),
    [("word2vec-text", "a\nb"), ("word2vec-text", " a"), ("glove", "a\r"), ("npy", "a\nb"),
     ("projector", "a\nb"), ("word2vec", "a\nb")],
)  # fmt: skip
def test_a_token_that_a_format_cannot_hold_is_refused_and_nothing_written(tmp_path, name, token):
    source = Vectors([token], np.ones((1, 2), np.float32))
    with pytest.raises(FormatError, match="cannot be written"):
        convert(source, tmp_path / "x", to=name)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_the_old_file_as_it_was(vectors, tmp_path):
    path = written(vectors, tmp_path, "word2vec-text")
    before = path.read_bytes()
    (tmp_path / "bad.txt").write_text("3 2\na 1 2\nb 1 x\n")
    with pytest.raises(FormatError, match=r"bad\.txt:[13]"):
        convert(tmp_path / "bad.txt", path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.txt", path.name]


def test_a_header_that_promised_more_is_put_right(tmp_path):
    (tmp_path / "x.txt").write_text("99 2\na 1 2\na 3 4\nb 5 6\n")
    with pytest.warns(FormatWarning, match="1 rows repeat"):
        convert(tmp_path / "x.txt", tmp_path / "y.bin", strict=False)
    assert (tmp_path / "y.bin").read_bytes().startswith(b" 2 2\na ")
    theirs = KeyedVectors.load_word2vec_format(tmp_path / "y.bin", binary=True)
    assert theirs.index_to_key == read(tmp_path / "y.bin").tokens == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"to": "gensim"}, ValueError, "to must be one of sajeon, word2vec"),
        ({"target": "x.xyz"}, ValueError, "the ending '.xyz' says no format"),
        ({"target": "x.bin", "dtype": "int8"}, ValueError, "dtype is for our own folder"),
        ({"dtype": "int4"}, ValueError, "dtype must be one of float32, float16, int8"),
        ({"limit": -1}, ValueError, "limit must be 0 or more"),
        ({"errors": "xml"}, ValueError, "errors must be strict, replace or ignore"),
        ({"tokens": "cat"}, TypeError, "tokens must be several tokens"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(vectors, tmp_path, arguments, error, message):
    target = tmp_path / arguments.pop("target", "x")
    with pytest.raises(error, match=message):
        convert(vectors, target, **arguments)
    assert not list(tmp_path.iterdir())


def test_progress_rises_to_the_size_of_the_file(vectors, tmp_path):
    path, seen = written(vectors, tmp_path, "word2vec"), []
    convert(path, tmp_path / "m", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size,) * 2


def test_a_matrix_alone_wants_its_tokens(tmp_path):
    np.save(tmp_path / "m.npy", np.eye(2, dtype=np.float32))
    with pytest.raises(FormatError, match=r"expected them beside it, .* m.vocab.txt"):
        read(tmp_path / "m.npy")
    (tmp_path / "v").write_text("a\nb c\n")
    assert read(tmp_path / "m.npy", vocab=tmp_path / "v").tokens == ["a", "b c"]
    (tmp_path / "m.vocab.txt").write_text("a 3\nb c 2\n")
    found = read(tmp_path / "m.npy")
    assert (list(found.tokens), found.counts.tolist()) == (["a", "b c"], [3, 2])
    (tmp_path / "m.vocab.txt").unlink()
    (tmp_path / "vocab.json").write_text('{"b": 1, "a": 0}')
    assert read(tmp_path / "m.npy").tokens == ["a", "b"]
    (tmp_path / "vocab.json").write_text('["a"]')
    with pytest.raises(FormatError, match=r"expected a token for each of the 2 rows .* got 1"):
        read(tmp_path / "m.npy")


@pytest.mark.parametrize("matrix", [np.eye(2, dtype=object), np.zeros(3), np.eye(2, dtype=int)])
def test_a_matrix_of_anything_else_is_refused(tmp_path, matrix):
    np.save(tmp_path / "m.npy", matrix, allow_pickle=True)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(FormatError, match=r"m\.npy: (not a whole|expected floating)"):
        read(tmp_path / "m.npy")


def test_a_bare_safetensors_file_is_opened(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.eye(2, dtype=np.float16), "y": np.ones(3)}, tmp_path / "m.safetensors")
    (tmp_path / "vocab.txt").write_text("a\r\nb\r\n", newline="")
    found = read(tmp_path / "m.safetensors")
    assert (list(found.tokens), found.matrix.dtype) == (["a", "b"], np.float16)


def test_counts_come_from_a_vocabulary_file(tmp_path):
    (tmp_path / "x.txt").write_text("2 1\na 1\nb 2\n")
    (tmp_path / "v").write_text("b 5\na 7\nc 1\n")
    found = read(tmp_path / "x.txt", vocab=tmp_path / "v")
    assert found.counts.tolist() == [7, 5]
    (tmp_path / "v").write_text("b 5\n")
    with pytest.raises(FormatError, match="has no count for the token 'a'"):
        read(tmp_path / "x.txt", vocab=tmp_path / "v")


def test_convert_is_a_name_of_the_package():
    assert sajeon.convert is convert


@pytest.mark.parametrize("name", ["npy", "parquet", "arrow"])
def test_formats_that_are_mapped_are_not_read_compressed(vectors, tmp_path, name):
    path = written(vectors, tmp_path, name)
    (tmp_path / "x.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(FormatError, match=r"x\.gz: expected this format as it is, .* unpack it"):
        read(tmp_path / "x.gz")
