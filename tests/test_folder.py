"""The model folder: safetensors files, the vocabulary on disk, saving all at once."""

import errno
import json
import os
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sajeon.errors import FormatError
from sajeon.formats import atomic, folder, safetensors
from sajeon.formats.folder import read_folder
from sajeon.formats.tokentable import EMPTY, TokenTable, num_slots
from sajeon.loading import load
from sajeon.vectors import Vectors

DTYPES = ["b1", "u1", "i1", "<u2", "<i2", "<f2", "<u4", "<i4", "<f4", "<u8", "<i8", "<f8"]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda name: name != "__metadata__"
)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
)


def header_and_data(entries, data=b"", pad=0):
    """A safetensors file with any header; a str or bytes is taken as it is."""
    text = entries if isinstance(entries, (str, bytes)) else json.dumps(entries)
    text = text.encode() if isinstance(text, str) else text
    return (len(text) + pad).to_bytes(8, "little") + text + data


def small_vectors(value=1.0, **more):
    matrix = np.full((3, 4), value, dtype=np.float32)
    return Vectors(["a", "나", "c"], matrix, counts=[3, 2, 1], tokenizer="words", **more)


def names(path):
    return sorted(entry.name for entry in Path(path).iterdir())


def contents(path):
    return {entry.name: entry.read_bytes() for entry in Path(path).iterdir()}


# Safetensors: the safetensors package is the oracle.


@given(tensors=st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_the_safetensors_package_reads_what_we_write(tmp_path_factory, tensors):
    path = tmp_path_factory.mktemp("write") / "x.safetensors"
    safetensors.write(path, tensors, {"made": "here"})
    theirs = load_file(path)
    assert set(theirs) == set(tensors)
    for name, tensor in tensors.items():
        assert theirs[name].dtype == tensor.dtype
        np.testing.assert_array_equal(theirs[name], tensor)
        assert theirs[name].shape == tensor.shape


@given(tensors=st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_we_read_what_the_safetensors_package_writes(tmp_path_factory, tensors):
    path = tmp_path_factory.mktemp("read") / "x.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    ours, metadata = safetensors.read(path)
    assert metadata == {}
    assert set(ours) == set(tensors)
    for name, tensor in tensors.items():
        assert ours[name].dtype == tensor.dtype
        np.testing.assert_array_equal(ours[name].ravel(), tensor.ravel())


def test_stacked_parts_and_foreign_byte_orders_are_written_as_one_little_endian_tensor(tmp_path):
    big = np.arange(6.0, dtype=">f4").reshape(2, 3)
    parts = [big, np.zeros((0, 3), "<f4"), np.ones((1, 3), "f4")]
    safetensors.write(tmp_path / "x", {"all": parts, "view": np.arange(12)[::3]})
    theirs = load_file(tmp_path / "x")
    np.testing.assert_array_equal(theirs["all"], [[0, 1, 2], [3, 4, 5], [1, 1, 1]])
    np.testing.assert_array_equal(theirs["view"], [0, 3, 6, 9])


def test_data_starts_at_a_multiple_of_64_and_views_are_read_only(tmp_path):
    safetensors.write(tmp_path / "x", {"a": np.ones((3, 5), "f4")})
    raw = (tmp_path / "x").read_bytes()
    assert (8 + int.from_bytes(raw[:8], "little")) % 64 == 0
    tensor = safetensors.read(tmp_path / "x")[0]["a"]
    assert not tensor.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        tensor[0] = 1


def test_writing_and_reading_a_large_tensor_takes_no_memory_of_its_size(tmp_path):
    source = np.memmap(tmp_path / "raw", np.float32, "w+", shape=(100_000, 200))  # 80 MB
    tracemalloc.start()
    unknown = np.zeros((1, 200), np.float32)
    every_second = source[:, ::2]  # has to be copied to be written, but not as a whole
    safetensors.write(tmp_path / "x", {"embeddings": [source, unknown], "half": every_second})
    tensors, _ = safetensors.read(tmp_path / "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tensors["embeddings"].shape == (100_001, 200)
    assert peak < 30_000_000


@pytest.mark.parametrize("dtype", ["O", "U3", "M8[s]", "c16"])
def test_a_dtype_the_format_lacks_is_refused(tmp_path, dtype):
    with pytest.raises(ValueError, match="cannot write dtype"):
        safetensors.write(tmp_path / "x", {"a": np.zeros(3, dtype)})


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


BAD_FILES = {
    "empty": (b"", "byte 0"),
    "seven bytes": (b"1234567", "byte 0"),
    "header longer than the file": (header_and_data("{}", pad=1), "byte 0"),
    "huge header": ((2**63).to_bytes(8, "little") + b"{}", "byte 0"),
    "not JSON": (header_and_data("{nope"), "not JSON"),
    "not UTF-8": (header_and_data(b'{"\xff": 1}'), "not JSON"),
    "deeply nested": (header_and_data("[" * 100_000), "not JSON"),
    "a list": (header_and_data("[]"), "not a JSON object"),
    "a name twice": (header_and_data('{"__metadata__":{},"__metadata__":{}}'), "stands twice"),
    "metadata": (header_and_data({"__metadata__": {"a": 1}}), "__metadata__"),
    "not an entry": (header_and_data({"a": 1}), "expected dtype"),
    "three offsets": (header_and_data({"a": entry(offsets=(0, 4, 8))}, bytes(8)), "expected dtype"),
    "unknown dtype": (header_and_data({"a": entry("F7")}, bytes(8)), "dtype 'F7'"),
    "dtype a list": (header_and_data({"a": entry([])}, bytes(8)), "dtype"),
    "negative": (header_and_data({"a": entry(shape=(-2, -1))}, bytes(8)), "whole numbers"),
    "fraction": (header_and_data({"a": entry(shape=(2.0,))}, bytes(8)), "whole numbers"),
    "true": (header_and_data({"a": entry(shape=(2, True))}, bytes(8)), "whole numbers"),
    "shape and offsets differ": (header_and_data({"a": entry(shape=(3,))}, bytes(8)), "8 bytes"),
    "cut short": (header_and_data({"a": entry()}, bytes(7)), "cut short"),
    "trailing bytes": (header_and_data({"a": entry()}, bytes(9)), "this one has"),
    "gap": (header_and_data({"a": entry(offsets=(4, 12))}, bytes(12)), "a gap or an overlap"),
    "overlap": (
        header_and_data({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
        "a gap or an overlap",
    ),
    "reversed": (header_and_data({"a": entry(offsets=(8, 0))}, bytes(8)), "does not take"),
    "huge claim": (header_and_data({"a": entry(shape=(2**40,), offsets=(0, 2**42))}), "cut short"),
    "too many axes": (header_and_data({"a": entry(shape=[1] * 99 + [2])}, bytes(8)), "tensor 'a'"),
    "axes too long": (
        header_and_data({"a": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))}),
        "tensor 'a'",
    ),
    "not a bool": (header_and_data({"a": entry("BOOL", (1,), (0, 1))}, b"\x02"), "other than 0"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_safetensors_file_is_refused_with_its_path_and_byte(tmp_path, name):
    content, message = BAD_FILES[name]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        safetensors.read(path)
    assert f"{path}: byte " in str(caught.value)


KEYS = st.sampled_from(["dtype", "shape", "data_offsets", "a", "__metadata__"])
HEADERS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**70) | st.sampled_from(["F32", "U8", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "BOOL", "I64", "BF16"]),
        "shape": st.lists(st.integers(-1, 4), max_size=3),
        "data_offsets": st.lists(st.integers(-1, 40), min_size=2, max_size=2),
    }
)
FILES = (
    st.binary(max_size=64)
    | st.builds(header_and_data, HEADERS, st.binary(max_size=40))
    | st.builds(
        header_and_data,
        st.dictionaries(st.sampled_from("abc"), ENTRIES, max_size=3),
        st.binary(max_size=40),
    )
)


@settings(max_examples=400)
@given(content=FILES)
@example(header_and_data({"a": entry(shape=(), offsets=(0, 4))}, bytes(4)))
def test_a_reader_returns_what_the_safetensors_package_does_or_says_what_is_wrong(
    tmp_path_factory, content
):
    path = tmp_path_factory.mktemp("fuzz") / "x.safetensors"
    path.write_bytes(content)
    try:
        ours, _ = safetensors.read(path)
    except FormatError:
        return
    try:
        theirs = load_file(path)
    except (SafetensorError, KeyError):  # stricter in small things, such as blanks before {
        return
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        assert tensor.tobytes() == theirs[name].tobytes()


# The vocabulary.

TOKENS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), unique=True)


@given(tokens=TOKENS, others=TOKENS)
@example(tokens=["", "\0", "\0\0"], others=["\0\0\0"])
def test_a_token_table_behaves_as_the_list_of_its_tokens(tokens, others):
    table = TokenTable.from_tokens(tokens)
    assert table == tokens
    assert table == tuple(tokens)
    assert list(table) == tokens
    assert len(table) == len(tokens)
    assert table[1:7:2] == tokens[1:7:2]
    assert table[::-1] == tokens[::-1]
    assert [table[i] for i in range(-len(tokens), len(tokens))] == tokens + tokens
    assert table.ids(tokens).tolist() == list(range(len(tokens)))
    for other in others:
        assert (other in table) == (other in tokens)
        assert table.count(other) == tokens.count(other)
    assert (table == others) == (tokens == others)
    assert (table == TokenTable.from_tokens(others)) == (tokens == others)
    with pytest.raises(IndexError):
        table[len(tokens)]


def test_things_that_are_no_token_are_not_in_a_table():
    table = TokenTable.from_tokens(["1", "a"])
    for thing in (1, None, b"a", "\ud800", ["a"]):
        assert thing not in table
    with pytest.raises(ValueError, match="not in the tokens"):
        table.index("b")
    assert table.index("a") == 1


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["a", "b", "a"], "'a' stands twice"),
        (["\ud800"], "UTF-8"),
        (["a", 7], "token 1 must be a str"),
    ],
)
def test_tokens_that_cannot_be_a_vocabulary_are_refused(tokens, message):
    with pytest.raises(ValueError, match=message):
        TokenTable.from_tokens(tokens)


def test_the_hash_table_is_what_inserting_one_token_after_the_other_gives():
    tokens = [f"{i:x}" for i in range(500)]
    table = TokenTable.from_tokens(tokens).table
    assert sorted(table[table != EMPTY].tolist()) == list(range(500))
    runs = np.split(table, np.flatnonzero(table == EMPTY))
    assert max(map(len, runs)) < 40  # numerals do not pile up
    assert table[-1] == EMPTY
    assert len(table) > num_slots(500)


@given(data=st.data())
def test_a_damaged_vocabulary_never_crashes_and_never_answers_wrongly(data):
    tokens = ["the", "cat", "고양이", "sat"]
    good = TokenTable.from_tokens(tokens)
    arrays = [good.data.copy(), good.offsets.copy(), good.table.copy()]
    which = data.draw(st.integers(0, 2))
    place = data.draw(st.integers(0, len(arrays[which]) - 1))
    low, high = [(0, 255), (-(2**62), 2**62), (-5, 9)][which]
    arrays[which][place] = data.draw(st.integers(low, high))
    try:
        damaged = TokenTable(*arrays)
        for i, token in enumerate(tokens):
            found = damaged.find(token)
            assert found == -1 or damaged[found] == token or which == 1
            damaged[i]
        list(damaged)
    except FormatError:
        pass


def test_three_million_tokens_open_at_once(tmp_path):
    num = 3_000_000
    vectors = Vectors((f"t{i}" for i in range(num)), np.zeros((num, 1), np.float32))
    vectors.save(tmp_path / "m")
    before = time.process_time()
    opened = load(tmp_path / "m")
    assert opened.tokens.find("t2999999") == num - 1
    assert time.process_time() - before < 0.1


# The folder.


def test_what_is_saved_is_what_is_loaded(tmp_path):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(3, 5)).astype(np.float32)
    saved = Vectors(
        ["a", "나", "[UNK]"],
        matrix,
        [5, 4, 3],
        tokenizer="words:case=keep",
        settings={"model": "skipgram", "lr": 0.025, "seed": 1, "min_count": 5},
        training={"output": -matrix, "steps": np.array(7)},
    )
    saved.save(tmp_path / "m")
    loaded = load(tmp_path / "m")
    assert loaded.tokens == ["a", "나", "[UNK]"]
    np.testing.assert_array_equal(loaded.matrix, matrix)
    assert loaded.matrix.dtype == np.float32
    np.testing.assert_array_equal(loaded.counts, [5, 4, 3])
    assert loaded.settings == saved.settings
    assert loaded.tokenizer == saved.tokenizer
    np.testing.assert_array_equal(loaded.training["output"], -matrix)
    assert loaded.training["steps"] == 7
    saved.save(tmp_path / "m", training_state=False)
    assert load(tmp_path / "m").training is None
    assert not (tmp_path / "m" / "training.safetensors").exists()


def test_the_folder_has_the_agreed_form(tmp_path):
    small_vectors(settings={"model": "cbow", "min_count": 2}).save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text("utf-8"))
    assert config["sajeon"] == {
        "format": 1,
        "kind": "vectors",
        "tokenizer": {"name": "words", "settings": {"case": "lower", "punctuation": "drop"}},
        "vocabulary": {"min_count": 2, "specials": []},
        "training": {"model": "cbow", "min_count": 2},
    }
    assert config["model_type"] == "model2vec"
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    assert tensors["embeddings"].shape == (4, 4)
    assert not tensors["embeddings"][3].any()
    assert tensors["counts"].tolist() == [3, 2, 1]
    assert bytes(tensors["vocabulary.bytes"]).decode() == "a나c"
    assert tensors["vocabulary.offsets"].tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize("shape", [(n, dim) for n in (1, 2, 5) for dim in (1, 2, 3)])
def test_every_array_of_the_file_stands_where_its_dtype_may(tmp_path, shape):
    tokens = [str(i) for i in range(shape[0])]
    Vectors(tokens, np.ones(shape, np.float32), range(shape[0])).save(tmp_path / "m")
    tensors, _ = safetensors.read(tmp_path / "m" / "model.safetensors")
    assert all(tensor.flags.aligned for tensor in tensors.values())
    assert load(tmp_path / "m").tokens == tokens


def test_the_same_model_gives_the_same_bytes_saved_again_from_a_file_too(tmp_path):
    made = small_vectors(settings={"seed": 1}, training={"output": np.ones((3, 4), np.float32)})
    for name in ("one", "two"):
        made.save(tmp_path / name)
    load(tmp_path / "one").save(tmp_path / "three")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")


def test_an_open_model_is_not_changed_by_saving_over_it(tmp_path):
    small_vectors(1.0).save(tmp_path / "m")
    opened = load(tmp_path / "m")
    small_vectors(2.0).save(tmp_path / "m")
    assert (opened.matrix == 1).all()
    assert opened.tokens == ["a", "나", "c"]
    opened.save(tmp_path / "m")  # onto the file whose older self it maps
    assert (load(tmp_path / "m").matrix == 1).all()
    assert names(tmp_path) == ["m"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("step", range(8))
def test_a_save_that_breaks_off_leaves_the_old_model_and_no_litter(
    tmp_path, monkeypatch, step, error
):
    small_vectors(1.0).save(tmp_path / "m")
    before = contents(tmp_path / "m")
    calls = 0
    real = os.fsync

    def failing(handle):
        nonlocal calls
        calls += 1
        if calls == step + 1:
            raise error
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    new = small_vectors(2.0, training={"output": np.ones((3, 4), np.float32)})
    if step < 6:  # five files, then the folder
        with pytest.raises(type(error)):
            new.save(tmp_path / "m")
        assert contents(tmp_path / "m") == before
    elif step == 6:  # the exchange is made, flushing its name to the disk fails
        with pytest.raises(type(error)):
            new.save(tmp_path / "m")
        assert (load(tmp_path / "m").matrix == 2).all()
    else:
        new.save(tmp_path / "m")
        assert calls == 7
    assert names(tmp_path) == ["m"]


def test_a_full_disk_is_named_with_the_folder(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(safetensors, "_write_data", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        small_vectors().save(tmp_path / "deep" / "er" / "m")
    assert caught.value.errno == errno.ENOSPC
    assert str(tmp_path / "deep" / "er" / "m") in str(caught.value)
    assert names(tmp_path) == []


def test_missing_parents_are_made(tmp_path):
    small_vectors().save(tmp_path / "deep" / "er" / "m")
    assert len(load(tmp_path / "deep" / "er" / "m")) == 3


def test_a_link_to_a_model_stays_a_link(tmp_path):
    small_vectors(1.0).save(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    small_vectors(2.0).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (load(tmp_path / "real").matrix == 2).all()


def test_without_an_exchange_two_renames_do_and_the_old_name_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_renameat2", lambda: None)
    small_vectors(1.0).save(tmp_path / "m")
    small_vectors(2.0).save(tmp_path / "m")
    assert (load(tmp_path / "m").matrix == 2).all()
    assert names(tmp_path) == ["m"]
    real = Path.rename

    def failing(self, target):
        if self.name.endswith(".saving"):
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises(KeyboardInterrupt):
            small_vectors(3.0).save(tmp_path / "m")
    assert (load(tmp_path / "m").matrix == 2).all()
    assert names(tmp_path) == ["m"]
    (tmp_path / "m").rename(tmp_path / "m.old")  # the power failed between the renames
    assert (load(tmp_path / "m").matrix == 2).all()
    small_vectors(3.0).save(tmp_path / "m")
    assert (load(tmp_path / "m").matrix == 3).all()
    assert names(tmp_path) == ["m"]


def other_files(path):
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


def foreign_config(path):
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "bert"}')


def model_with_notes(path):
    small_vectors().save(path)
    (path / "NOTES.md").write_text("mine")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (other_files, "thesis.txt"),
        (foreign_config, "config.json"),
        (model_with_notes, "NOTES.md"),
        (Path.touch, "is a file"),
    ],
)
def test_a_target_that_holds_something_else_is_left_alone(tmp_path, make, message):
    make(tmp_path / "m")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FormatError, match=message):
        small_vectors().save(tmp_path / "m")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_taken_and_the_current_one_is_not(tmp_path, monkeypatch):
    (tmp_path / "m").mkdir()
    small_vectors().save(tmp_path / "m")
    assert len(load(tmp_path / "m")) == 3
    monkeypatch.chdir(tmp_path / "m")
    with pytest.raises(FormatError, match="current folder"):
        small_vectors().save(".")


def test_settings_that_are_not_json_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match="JSON"):
        small_vectors(settings={"seed": np.int64(1)}).save(tmp_path / "m")
    assert names(tmp_path) == []


# Loading what is not, or no longer, a model.


def test_a_path_without_a_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here: there is no such file or folder"):
        load(tmp_path / "nothing-here")
    (tmp_path / "notes.txt").write_text("nothing of the kind")
    with pytest.raises(FormatError, match=r"notes.txt: expected vectors in a known form"):
        load(tmp_path / "notes.txt")
    with pytest.raises(FormatError, match=r"expected a model folder .* it holds notes.txt"):
        load(tmp_path)
    with pytest.raises(FormatError, match=r"notes.txt: is a file; expected a model folder"):
        read_folder(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"config.json:1: not JSON"),
        ("[" * 100_000, r"config.json: not JSON"),
        ("\xff", r"config.json: not JSON"),
        ("[]", r"config.json:1: expected a JSON object"),
        ('{"sajeon": 1}', 'has no "sajeon" block'),
        ('{"sajeon": {}}', r"has format None, sajeon .* reads format 1"),
        ('{"sajeon": {"format": 2}}', r"has format 2, sajeon .* reads format 1.*--upgrade sajeon"),
        ('{"sajeon": {"format": true}}', "has format True"),
        ('{"sajeon": {"format": 1, "kind": "x"}}', r"of kind 'x', sajeon .* knows vectors"),
        ('{"sajeon": {"format": 1, "kind": "ngram"}}', r"expected .* 'vectors', got 'ngram'"),
        ('{"sajeon": {"format": 1, "kind": "vectors", "training": 3}}', '"training" must be'),
        ('{"sajeon": {"format": 1, "kind": "vectors", "tokenizer": "x"}}', '"tokenizer" must be'),
    ],
)
def test_a_config_that_is_not_ours_is_refused(tmp_path, text, message):
    small_vectors().save(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError, match=message) as caught:
        load(tmp_path / "m")
    assert "\n" not in str(caught.value)


def changed(**changes):
    """The tensors of a small model with some replaced, or left out where None is given."""
    table = TokenTable.from_tokens(["a", "b"])
    tensors = {
        "embeddings": np.zeros((3, 4), np.float32),
        "counts": np.ones(2, np.int64),
        "vocabulary.bytes": table.data,
        "vocabulary.offsets": table.offsets,
        "vocabulary.table": table.table,
        **{name.replace("_", "."): value for name, value in changes.items()},
    }
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (changed(embeddings=None), 'no tensor "embeddings"'),
        (changed(embeddings=np.zeros((3, 4), np.float64)), "float32"),
        (changed(embeddings=np.zeros((3, 4), np.int8)), "expected scales"),
        (changed(scales=np.ones(2, np.float32)), "expected scales None"),
        (changed(embeddings=np.zeros(3, np.float32)), "float32"),
        (changed(embeddings=np.zeros((0, 4), np.float32)), "float32"),
        (changed(embeddings=np.ones((3, 4), np.float32)), "must be zero"),
        (changed(embeddings=np.zeros((4, 4), np.float32)), "3 vectors but 2 tokens"),
        (changed(counts=np.ones(3, np.int64)), "expected counts"),
        (changed(counts=np.ones(2, np.int32)), "expected counts"),
        (changed(vocabulary_table=None), "no tensor 'vocabulary.table'"),
        (changed(vocabulary_table=np.full(5, EMPTY, np.int32)), "entries"),
        (changed(vocabulary_table=np.zeros(9, np.int32)), "the last one empty"),
        (changed(vocabulary_table=np.full(9, EMPTY)), "table must be one row of int32"),
        (changed(vocabulary_offsets=np.array([0, 1, 9])), "from 0 to its 2 bytes"),
        (changed(vocabulary_offsets=np.zeros(0, np.int64)), "from 0 to its 2 bytes"),
        (changed(vocabulary_bytes=np.zeros((1, 2), np.uint8)), "one row"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(tmp_path, tensors, message):
    small_vectors().save(tmp_path / "m")
    safetensors.write(tmp_path / "m" / "model.safetensors", tensors)
    with pytest.raises(FormatError, match=message) as caught:
        load(tmp_path / "m")
    assert "model.safetensors: " in str(caught.value)


def test_a_model_file_that_is_missing_or_cut_short_is_refused(tmp_path):
    small_vectors().save(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    whole = path.read_bytes()
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            load(tmp_path / "m")
    path.unlink()
    with pytest.raises(FormatError, match=r"model.safetensors is missing"):
        load(tmp_path / "m")


def test_a_model_that_is_replaced_while_it_is_opened_is_opened_whole(tmp_path, monkeypatch):
    small_vectors(1.0, settings={"epoch": 1}).save(tmp_path / "m")
    real = folder._read
    calls = []

    def replaced_meanwhile(path, kind):
        calls.append(path)
        result = real(path, kind)
        if len(calls) == 1:
            small_vectors(2.0, settings={"epoch": 2}).save(tmp_path / "m")
        return result

    monkeypatch.setattr(folder, "_read", replaced_meanwhile)
    loaded = load(tmp_path / "m")
    assert (loaded.matrix == 2).all()
    assert loaded.settings == {"epoch": 2}
    shutil.rmtree(tmp_path / "m")
    assert loaded["a"].tolist() == [2.0] * 4


def test_a_model_opens_from_inside_its_folder(tmp_path, monkeypatch):
    Vectors(["a", "b"], np.eye(2, dtype=np.float32)).save(tmp_path / "m")
    monkeypatch.chdir(tmp_path / "m")
    assert list(load(".").tokens) == ["a", "b"]
