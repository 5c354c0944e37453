"""fastText's models read, and its character n-grams. Oracles: fastText itself, and gensim."""

import random
import struct
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sajeon
from sajeon.errors import FormatError
from sajeon.formats.fasttext import looks_like_fasttext, open_fasttext
from sajeon.formats.source import Source
from sajeon.kernels import ngrams as kernel
from sajeon.subwords import NGrams, Subwords
from sajeon.tokens import ngrams as plain
from sajeon.tokens.ngrams import bucket_ids, bucket_ids_of, fasttext_hash, mean_of_rows, ngrams

WORDS = [
    "바다",
    "하늘",
    "나",
    "a",
    "of",
    "the",
    "seas",
    "🌊🐟",
    "naïve",
    "don't",
    "<",
    ">",
    "한국어의",
]
UNKNOWN = ["바다의", "하늘나라", "힣", "z", "🐳", "🌊🐟🌊", "unseen", "", "x" * 300, "é", "<>"]
REAL = ["toy-model", "crime-and-punishment", "lee_fasttext_new", "non_ascii_fasttext"]


def composed(path, **options):
    """The file, and its composed rows, (num_rows, dim)."""
    file = open_fasttext(Source(path), **options)
    rows = [np.array(chunk.rows) for chunk in file.chunks()]
    return file, np.concatenate([*rows, np.zeros((0, file.dim), np.float32)])


def subwords_of(file):
    named = {name: file.settings[name] for name in ("min_n", "max_n", "num_buckets")}
    rows = file.tensors.get("subwords.rows")
    return Subwords(file.tensors["subwords"], NGrams("chars", **named), rows)


# A writer of our own, so that files can be wrong in any way.

ARGUMENTS = {
    "dim": 3, "ws": 5, "epoch": 5, "minCount": 1, "neg": 5, "wordNgrams": 1, "loss": 2, "model": 2,
    "bucket": 7, "minn": 2, "maxn": 3, "lrUpdateRate": 100, "t": 1e-4,
}  # fmt: skip


def dense(rows, dim, seed=0):
    values = np.random.default_rng(seed).normal(size=(rows, dim)).astype("<f4")
    return struct.pack("<2q", rows, dim) + values.tobytes()


def quantiser(dim, width, rng):
    parts = -(-dim // width)
    shape = struct.pack("<4i", dim, parts, width, dim - width * (parts - 1))
    return parts, shape + rng.normal(size=dim * 256).astype("<f4").tobytes()


def quantised(rows, dim, width=2, norms=False, seed=0):
    rng = np.random.default_rng(seed)
    parts, centroids = quantiser(dim, width, rng)
    data = struct.pack("<?2qi", norms, rows, dim, rows * parts)
    data += rng.integers(0, 256, rows * parts).astype(np.uint8).tobytes() + centroids
    if norms:
        data += rng.integers(0, 256, rows).astype(np.uint8).tobytes() + quantiser(1, 1, rng)[1]
    return data


def written(
    words=("</s>", "ab", "나"),
    labels=(),
    version=12,
    pruned=None,
    inputs=None,
    output=None,
    **other,
):
    """The bytes of a model; `pruned` is None or a list of (bucket, row)."""
    arguments = ARGUMENTS | other
    rows = len(words) + (arguments["bucket"] if pruned is None else len(pruned))
    data = b"" if version is None else struct.pack("<2i", 793712314, version)
    data += struct.pack("<12id", *arguments.values())
    data += struct.pack("<3iq", len(words) + len(labels), len(words), len(labels), 100)
    if version is not None:
        data += struct.pack("<q", -1 if pruned is None else len(pruned))
    for kind, entries in enumerate((words, labels)):
        for i, word in enumerate(entries):
            token = word.encode() if isinstance(word, str) else word
            data += token + b"\0" + struct.pack("<qb", max(0, 50 - i), kind)
    for pair in pruned or []:
        data += struct.pack("<2i", *pair)
    flag = [b"\0", b"\1"] if version is not None else [b"", b""]
    data += flag[inputs is not None] + (inputs or dense(rows, arguments["dim"]))
    return data + flag[0] + (output or dense(max(1, len(labels)), arguments["dim"], 1))


# n-grams


def test_ngrams_of_a_word_are_cut_at_characters_and_single_marks_are_left_out():
    assert ngrams("뜰", 1, 3) == ["<뜰", "<뜰>", "뜰", "뜰>"]
    assert ngrams("ab", 3, 6) == ["<ab", "<ab>", "ab>"]
    assert ngrams("", 1, 2) == ["<>"]
    assert ngrams("</s>", 1, 6) == []
    assert ngrams("ab", 0, 0) == ngrams("ab", 3, 2) == []


def test_the_hash_is_fnv_1a_with_signed_bytes():
    """Worked: (2166136261 ^ 97) * 16777619 mod 2**32 = 3826002220 for "a"."""
    assert fasttext_hash(b"") == 2166136261
    assert fasttext_hash(b"a") == 0xE40C292C == 3826002220
    assert fasttext_hash(b"foobar") == 0xBF9CF968
    unsigned = (2166136261 ^ 0xFF) * 16777619 % 2**32
    assert fasttext_hash(b"\xff") == (2166136261 ^ 0xFFFFFFFF) * 16777619 % 2**32 != unsigned


@given(
    tokens=st.lists(
        st.one_of(
            st.binary(max_size=12),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(str.encode),
            st.sampled_from([b"", b"</s>", b"\x80", "\u0800".encode()[1:]]),
        ),
        min_size=1,
        max_size=6,
    ),
    min_n=st.integers(0, 5),
    max_n=st.integers(0, 7),
    num_buckets=st.integers(1, 2**31 - 1),
)
@example(tokens=[b"\x80\x81"], min_n=1, max_n=1, num_buckets=10)
@pytest.mark.parametrize("of_many", [plain._compiled, plain._vectorised])
def test_ngrams_of_many_equal_the_plain_ones_for_any_bytes(
    of_many, tokens, min_n, max_n, num_buckets
):
    ids, offsets = of_many(tokens, min_n, max_n, num_buckets)
    assert ids.dtype == offsets.dtype == np.int64
    for t, token in enumerate(tokens):
        expected = bucket_ids(token, min_n, max_n, num_buckets)
        np.testing.assert_array_equal(ids[offsets[t] : offsets[t + 1]], expected)
    assert offsets[-1] == len(ids)


def test_many_tokens_give_what_each_gives_compiled_or_not(monkeypatch):
    draw = random.Random(0)
    tokens = ["".join(draw.choices("ab나€🐟", k=draw.randrange(9))).encode() for _ in range(4000)]
    fast = bucket_ids_of(tokens, 2, 5, 1000)
    monkeypatch.setattr("sajeon.kernels._compile.HAVE_NUMBA", False)
    slow = bucket_ids_of(tokens, 2, 5, 1000)
    for ours, theirs in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    matrix = np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)
    means = mean_of_rows(matrix, *slow)
    monkeypatch.undo()
    np.testing.assert_array_equal(mean_of_rows(matrix, *fast), means)  # the same bits


def test_kernels_do_the_same_uncompiled():
    python = {name: getattr(getattr(kernel, name), "py_func", getattr(kernel, name))
              for name in ("fill_buckets", "mean_of_rows")}  # fmt: skip
    data = np.frombuffer("<나a><b>".encode(), np.uint8)
    starts, offsets = np.array([0, 6, 9]), np.array([0, 6, 9])
    ids = np.zeros(9, np.int64)
    python["fill_buckets"](data, starts, 2, 9, 100, offsets, ids)
    expected = [bucket_ids(word, 2, 9, 100) for word in ("나a", "b")]
    np.testing.assert_array_equal(ids, np.concatenate(expected))
    matrix = np.arange(200, dtype=np.float32).reshape(100, 2)
    means = np.ones((3, 2), np.float32)
    python["mean_of_rows"](matrix, ids, np.array([0, 6, 6, 7]), means)
    np.testing.assert_allclose(means[0], matrix[ids[:6]].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(means[2], matrix[ids[6]])
    assert means[1].tolist() == [0, 0]


# fastText itself


@pytest.fixture(scope="module")
def fasttext():
    """The module, quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("fasttext")
    module.FastText.eprint = lambda *_args: None
    return module


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """400 lines with 300 labels, so that the output matrix can be quantised as well."""
    draw = random.Random(0)
    words = [*WORDS, *(f"w{i}" for i in range(300))]
    lines = [f"__label__{i % 300} " + " ".join(draw.choices(words, k=12)) for i in range(400)]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def trained(fasttext, corpus, path, quantise=None, model="skipgram", **more):
    """Train a tiny model and save it. Fewer threads would begin with uninitialised memory."""
    common = {"dim": 10, "epoch": 1, "minCount": 1, "thread": 12, "verbose": 0}
    if model == "supervised":
        theirs = fasttext.train_supervised(corpus, **common, **more)
    else:
        theirs = fasttext.train_unsupervised(corpus, model, **common, **more)
    if quantise is not None:
        theirs.quantize(input=corpus, verbose=0, thread=12, epoch=1, **quantise)
    theirs.save_model(str(path))
    return fasttext.load_model(str(path))


def assert_same_vectors(theirs, path, rtol=0.0):
    """Compare every word and some unknown ones, bit for bit unless `rtol` is given."""
    file, rows = composed(path)
    assert [token.decode() for token in file.tokens] == theirs.get_words()
    assert file.counts.tolist() == theirs.get_words(include_freq=True)[1].tolist()
    expected = np.array([theirs.get_word_vector(word) for word in theirs.get_words()])
    atol = rtol * np.abs(expected).max()
    np.testing.assert_allclose(rows, expected, rtol=rtol, atol=atol)
    unknown = [word for word in UNKNOWN if word not in theirs.get_words()]
    expected = np.array([theirs.get_word_vector(word) for word in unknown])
    if "subwords" not in file.tensors:
        assert not expected.any()
        return file
    ours, found = subwords_of(file).vectors(unknown)
    np.testing.assert_allclose(ours, expected, rtol=rtol, atol=atol)
    np.testing.assert_array_equal(found, [len(theirs.get_subwords(w)[1]) > 0 for w in unknown])
    return file


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("skipgram", {"bucket": 50, "minn": 1, "maxn": 4}),
        ("cbow", {"bucket": 300, "minn": 3, "maxn": 6, "loss": "hs"}),
        ("skipgram", {"bucket": 100, "minn": 0, "maxn": 0, "loss": "softmax"}),
        ("skipgram", {"bucket": 60, "minn": 4, "maxn": 3}),
        ("supervised", {}),
        ("supervised", {"bucket": 200, "wordNgrams": 2}),
        ("supervised", {"bucket": 200, "minn": 2, "maxn": 4, "wordNgrams": 2, "loss": "ova"}),
    ],
)
def test_vectors_have_the_bits_of_fasttext(fasttext, corpus, tmp_path, model, more):
    path = tmp_path / "model.bin"
    theirs = trained(fasttext, corpus, path, model=model, **more)
    file = assert_same_vectors(theirs, path)
    assert file.settings["model"] == model
    assert (file.settings["dim"], file.settings["epochs"], file.settings["window"]) == (10, 1, 5)
    losses = {"hs": "hierarchical", "softmax": "softmax", "ova": "one-vs-all", "ns": "negative"}
    default = "softmax" if model == "supervised" else "ns"
    assert file.settings["loss"] == losses[more.get("loss", default)]
    if "subwords" in file.tensors:
        inputs = theirs.get_input_matrix()[len(file.tokens) :]
        np.testing.assert_array_equal(file.tensors["subwords"], inputs)
        for word in UNKNOWN:
            ids = bucket_ids(word, more["minn"], more["maxn"], more["bucket"])
            assert (ids + len(file.tokens)).tolist() == theirs.get_subwords(word)[1].tolist()


@pytest.mark.parametrize(
    ("quantise", "more"),
    [
        ({}, {"bucket": 200, "minn": 2, "maxn": 4}),
        ({"qnorm": True, "qout": True}, {"bucket": 200, "minn": 2, "maxn": 4, "wordNgrams": 2}),
        ({"cutoff": 300, "dsub": 3}, {"bucket": 400, "minn": 1, "maxn": 5}),
        ({"cutoff": 300, "qnorm": True, "retrain": True}, {"bucket": 400, "minn": 2, "maxn": 4}),
        ({"cutoff": 280, "qout": True}, {"bucket": 300, "wordNgrams": 2}),
        ({"qnorm": True}, {}),
    ],
)
def test_quantised_and_pruned_models_give_what_fasttext_gives(
    fasttext, corpus, tmp_path, quantise, more
):
    path = tmp_path / "model.ftz"
    theirs = trained(fasttext, corpus, path, quantise, "supervised", **more)
    assert theirs.f.isQuant() if hasattr(theirs.f, "isQuant") else theirs.is_quantized()
    file = assert_same_vectors(theirs, path, rtol=1e-6)
    assert ("subwords.rows" in file.tensors) == ("cutoff" in quantise and "minn" in more)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_rows_that_we_train_give_the_same_vectors_in_fasttext(fasttext, tmp_path, model):
    """Our rows in a file of theirs: known words and unseen ones are composed alike."""
    draw = random.Random(1)
    lines = [draw.choices(WORDS, k=12) for _ in range(60)]
    ours = sajeon.train(
        lines, model=model, subwords="chars:2-4,buckets=20", dim=10, min_count=1, epochs=1,
        progress=False,
    )  # fmt: skip
    table, of_bucket = ours.subwords.matrix, ours.subwords.rows
    assert (of_bucket >= 0).all()  # then fastText has no row that we have not
    rows = np.concatenate([ours.training["input"], table[of_bucket]])
    data = written(ours.tokens, dim=10, bucket=20, minn=2, maxn=4)
    random_rows = dense(len(rows), 10)
    assert data.count(random_rows) == 1
    path = tmp_path / "ours.bin"
    path.write_bytes(data.replace(random_rows, random_rows[:16] + rows.tobytes()))
    theirs = fasttext.load_model(str(path))
    assert theirs.get_words() == list(ours.tokens)
    words = [*ours.tokens, *(word for word in UNKNOWN if word)]
    expected = np.array([theirs.get_word_vector(word) for word in words])
    np.testing.assert_allclose(ours[words], expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(sajeon.load(path).matrix, ours.matrix)


def test_classifiers_of_version_11_have_no_character_ngrams(fasttext, corpus, tmp_path):
    path = tmp_path / "model.bin"
    trained(fasttext, corpus, path, model="supervised", bucket=100, minn=2, maxn=3)
    data = bytearray(path.read_bytes())
    data[4] = 11
    path.write_bytes(data)
    file = assert_same_vectors(fasttext.load_model(str(path)), path)
    assert file.settings["max_n"] == 0
    assert not file.tensors


# gensim, on real files and its own


@pytest.mark.parametrize("name", REAL)
def test_real_files_of_all_versions_agree_with_gensim(data, name):
    from gensim.models.fasttext import load_facebook_vectors

    path = data / "formats" / f"gensim.{name}.bin"
    source = Source(path)
    assert looks_like_fasttext(source.head, source.size)
    theirs = load_facebook_vectors(str(path))
    file, rows = composed(path)
    tokens = [token.decode() for token in file.tokens]
    assert tokens == theirs.index_to_key
    assert file.counts.tolist() == [theirs.get_vecattr(token, "count") for token in tokens]
    same = [i for i, token in enumerate(tokens) if token != "</s>"]  # gensim gives it n-grams
    np.testing.assert_allclose(rows[same], theirs.vectors[same], rtol=1e-5, atol=1e-6)
    for word in ("바다의", "unseen", "příliš"):
        ours = subwords_of(file).vector(word)
        np.testing.assert_allclose(ours, theirs[word], rtol=1e-5, atol=1e-6)


def test_a_model_that_gensim_saved_is_read(tmp_path):
    from gensim.models.fasttext import FastText, save_facebook_model

    texts = [["바다", "하늘", "seas"], ["seas", "skies", "바다"]] * 5
    theirs = FastText(texts, vector_size=6, min_count=1, bucket=40, min_n=2, max_n=3, epochs=2)
    path = str(tmp_path / "gensim.bin")
    save_facebook_model(theirs, path)
    file, rows = composed(path)
    assert [token.decode() for token in file.tokens] == theirs.wv.index_to_key
    np.testing.assert_allclose(rows, theirs.wv.vectors, rtol=1e-5, atol=1e-7)


# Files of our own writing


def naive_rows(data, words, dim, width, norms):
    """The rows of `quantised` data, number by number."""
    parts = -(-dim // width)
    rows = struct.unpack_from("<q", data, 1)[0]
    codes = data[21 : 21 + rows * parts]
    centroids = np.frombuffer(data, "<f4", dim * 256, 21 + rows * parts + 16)
    after = 21 + rows * parts + 16 + dim * 1024
    result = np.zeros((rows, dim), np.float32)
    for i in range(rows):
        for j in range(dim):
            part = j // width
            width_here = min(width, dim - part * width)
            first = part * 256 * width + codes[i * parts + part] * width_here
            result[i, j] = centroids[first + j % width]
        if norms:
            result[i] *= np.frombuffer(data, "<f4", 256, after + rows + 16)[data[after + i]]
    return result[words:]


@pytest.mark.parametrize("norms", [False, True])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_quantised_rows_are_put_together_part_by_part(text_file, width, norms):
    inputs = quantised(3 + 7, 4, width, norms)
    file, rows = composed(text_file(written(dim=4, inputs=inputs), "q.ftz"))
    expected = naive_rows(inputs, 0, 4, width, norms)
    np.testing.assert_array_equal(file.tensors["subwords"], expected[3:])
    np.testing.assert_array_equal(rows[0], expected[0])  # </s> has its own row alone
    used = [1, *(3 + bucket_ids("ab", 2, 3, 7))]
    np.testing.assert_allclose(rows[1], expected[used].mean(axis=0), rtol=1e-5, atol=1e-6)


def test_pruned_buckets_have_no_part_in_a_mean(text_file):
    kept = [(b, row) for row, b in enumerate(bucket_ids("ab", 2, 3, 7)[:2])]
    inputs = quantised(3 + 2, 4)
    path = text_file(written(dim=4, pruned=kept, inputs=inputs), "p.ftz")
    file, rows = composed(path)
    assert file.tensors["subwords"].shape == (2, 4)
    mapping = file.tensors["subwords.rows"]
    assert [(b, mapping[b]) for b, _ in kept] == kept
    assert np.count_nonzero(mapping == -1) == 5
    buckets = bucket_ids("ab", 2, 3, 7)
    used = [1, *(3 + mapping[buckets[mapping[buckets] >= 0]])]
    expected = naive_rows(inputs, 0, 4, 2, False)
    np.testing.assert_allclose(rows[1], expected[used].mean(axis=0), rtol=1e-5, atol=1e-6)
    assert subwords_of(file).vector("</s>") is None
    everything = text_file(written(dim=4, pruned=[], inputs=quantised(3, 4)), "e.ftz")
    assert not composed(everything)[0].tensors


def test_the_oldest_files_give_what_the_same_model_gives_today(text_file):
    _, today = composed(text_file(written(), "today.bin"))
    data = written(version=None)
    path = text_file(data, "oldest.bin")
    file, rows = composed(path)
    np.testing.assert_array_equal(rows, today)
    assert file.settings["max_n"] == 3
    assert looks_like_fasttext(data, len(data))
    assert composed(text_file(written(version=None, model=3), "s.bin"))[0].settings["max_n"] == 0


def test_many_words_in_many_chunks_give_what_one_chunk_gives(text_file, monkeypatch):
    words = [f"단어{i}" for i in range(5000)]  # also more than one block of the dictionary
    path = text_file(written(words, bucket=50, dim=4), "m.bin")
    file, whole = composed(path)
    assert [token.decode() for token in file.tokens] == words
    monkeypatch.setattr("sajeon.formats.fasttext._MOST_NGRAMS", 300)
    chunks = list(file.chunks())
    assert len(chunks) > 100
    assert [token for chunk in chunks for token in chunk.tokens] == file.tokens
    np.testing.assert_array_equal(np.concatenate([chunk.rows for chunk in file.chunks()]), whole)
    done = [chunk.done for chunk in chunks]
    assert done == sorted(done)
    assert done[-1] == file.stored == path.stat().st_size


def test_labels_are_no_tokens_and_compressed_models_open(text_file):
    import gzip

    data = written(labels=["__label__a", "__label__b"], model=3)
    file, _ = composed(text_file(gzip.compress(data), "model.bin.gz"))
    assert list(file.tokens) == [b"</s>", b"ab", "나".encode()]
    assert file.counts.tolist() == [50, 49, 48]


def test_subwords_refuse_rows_that_do_not_fit():
    matrix = np.zeros((4, 2), np.float32)
    with pytest.raises(ValueError, match="expected rows for 5 buckets, got 4"):
        Subwords(matrix, NGrams("chars", 3, 6, 5))
    with pytest.raises(ValueError, match="expected rows from -1 to 3, got 0 to 4"):
        Subwords(matrix, NGrams("chars", 3, 6, 2), np.array([0, 4]))
    assert Subwords(matrix, NGrams("chars", 3, 6, 4)).vector("") is None
    assert Subwords(matrix, NGrams("chars", 3, 6, 4)).vectors([])[0].shape == (0, 2)


# What is not a model, or a damaged one


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"2 3\nab 0.1 0.2 0.3\n" * 100,
        b"3000000 300\nthe " + bytes(range(256)) * 10,
        bytes(1000),
        np.ones(100, "<i4").tobytes(),
        np.arange(100, dtype="<i4").tobytes(),
        np.random.default_rng(0).bytes(1000),
    ],
    ids=["empty", "text", "word2vec", "zeros", "ones", "range", "random"],
)
def test_other_files_are_not_mistaken_for_models(text_file, head):
    assert not looks_like_fasttext(head, len(head))
    with pytest.raises(FormatError, match=r"byte 0: expected fastText's magic number ba 16 4f 2f"):
        open_fasttext(Source(text_file(head)))


def changed(at, code, value, **other):
    data = bytearray(written(**other))
    struct.pack_into("<" + code, data, at, *(value if isinstance(value, tuple) else (value,)))
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(4, "i", 13), r"byte 4: expected version 11 or 12 of fastText's format, got 13"),
        (changed(8, "i", 0), r"byte 8: expected dim from 1 to 65536, got 0"),
        (changed(36, "i", 9), r"byte 36: expected model from 1 to 3, got 9"),
        (changed(56, "d", np.nan), r"byte 56: expected sample from 0 to 1000000000, got nan"),
        (changed(64, "i", 4), r"byte 64: expected entries .* got 4, 3 and 0"),
        (changed(64, "2i", (99, 99)), r"byte 64: expected entries for the \d+ bytes that follow"),
        (changed(76, "q", -1), r"byte 76: expected a number of occurrences, got -1"),
        (changed(84, "q", 8), r"byte 84: expected up to 7 kept buckets, or -1 for all, got 8"),
        (changed(84, "q", 0), r"byte 131: expected a quantised matrix in a pruned model"),
        (changed(97, "q", -5), r"byte 97: expected a count from 0, got -5"),
        (changed(105, "b", 1), r"byte 105: expected kind 0 of the first 3 entries"),
        (written(["a" * 70_000]), r"byte 92: expected entry 0: a word of at most 65,526 bytes"),
        (written() + b"more", r"expected the end of the file, got 4 more bytes"),
        (written()[:-1], r"expected 12 bytes of the output matrix, 1 rows of 3 numbers, got 11"),
        (written()[:140], r"byte 132: expected 16 bytes of shape .* got 8; the file was cut short"),
        (written(output=dense(2, 4)), r"expected an output matrix of some rows and 3 columns"),
        (written(inputs=quantised(9, 3)), r"expected an input matrix of 10 rows and 3 columns"),
        (written(pruned=[(7, 0)], inputs=quantised(4, 3)), r"expected a bucket below 7 and a row"),
        (written(pruned=[(1, 0), (1, 1)], inputs=quantised(5, 3)), r"2 buckets, each once"),
    ],
)
def test_damage_is_named_with_its_byte(text_file, content, message):
    with pytest.raises(FormatError, match=message):
        open_fasttext(Source(text_file(content, "bad.bin")))


def test_what_follows_the_input_matrix_does_not_matter_when_not_strict(text_file):
    _, whole = composed(text_file(written(), "whole.bin"))
    _, cut = composed(text_file(written()[:-9], "cut.bin"), strict=False)
    np.testing.assert_array_equal(cut, whole)


def test_parts_of_a_quantiser_must_cover_the_columns(text_file):
    inputs = bytearray(quantised(10, 3))
    struct.pack_into("<i", inputs, 21 + 20 + 12, 2)  # the width of the last part, which is 1
    with pytest.raises(FormatError, match="got 3 columns in 2 parts, 2 wide, the last 2"):
        open_fasttext(Source(text_file(written(inputs=bytes(inputs)), "parts.bin")))


def test_a_quantised_output_matrix_is_expected_only_in_a_quantised_model(text_file):
    data = bytearray(written())
    data[-len(dense(1, 3)) - 1] = 1  # fastText writes the flag it was trained with
    assert composed(text_file(bytes(data), "dense.bin"))[1].shape == (3, 3)
    data = written(inputs=quantised(10, 3), output=quantised(1, 3))
    with pytest.raises(FormatError, match="expected an output matrix"):
        open_fasttext(Source(text_file(data, "unsaid.bin")))


def test_sums_of_large_groups_are_made_in_order():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(500, 3)).astype(np.float32)
    ids = rng.integers(0, 500, 9000)
    offsets = np.array([0, 8990, 8990, 9000])
    means = mean_of_rows(matrix, ids, offsets)  # few and large ones
    expected = np.ones((3, 3), np.float32)
    kernel.mean_of_rows(matrix, ids, offsets, expected)
    np.testing.assert_array_equal(means, expected)  # the same bits


def test_numbers_that_promise_too_much_cost_neither_time_nor_memory(text_file):
    large = 2**31 - 1
    hostile = [
        written(["a" * 20_000], maxn=64, bucket=1),
        changed(64, "2i", (large, large)),
        changed(40, "i", large),
        changed(40, "i", large, pruned=[], inputs=quantised(3, 3)),
        changed(84, "q", 7),
        written([b""] * 70_000, dim=4096, bucket=0, inputs=quantised(70_000, 4096, 4096)),
    ]
    refused = 0
    for i, content in enumerate(hostile):
        path = text_file(content, f"{i}.bin")
        tracemalloc.start()
        began = time.perf_counter()
        try:
            for chunk in open_fasttext(Source(path)).chunks():
                assert len(chunk.rows) == len(chunk.tokens)
        except FormatError:
            refused += 1
        assert time.perf_counter() - began < 10
        assert tracemalloc.get_traced_memory()[1] < 150e6 + 2 * len(content)
        tracemalloc.stop()
    assert refused == len(hostile) - 1


MODELS = [
    written(),
    written(version=None),
    written(labels=["__label__a"], model=3, pruned=[(2, 0), (5, 1)], inputs=quantised(5, 3)),
    written(inputs=quantised(10, 3, 2, norms=True)),
]


@settings(max_examples=200)
@given(
    model=st.sampled_from(MODELS),
    at=st.one_of(st.integers(0, 260), st.integers(0, 12_000)),
    cut=st.integers(0, 9),
    put=st.binary(max_size=9),
)
def test_mutated_models_give_rows_or_a_format_error(tmp_path_factory, model, at, cut, put):
    at %= len(model)
    path = tmp_path_factory.getbasetemp() / "mutated.bin"
    path.write_bytes(model[:at] + put + model[at + cut :])
    try:
        file, rows = composed(path)
        tensors = dict(file.tensors)
    except FormatError:
        return
    assert rows.shape == (file.num_rows, file.dim) == (len(file.tokens), file.dim)
    if tensors:
        assert subwords_of(file).vectors(["unseen", "나비"])[0].shape == (2, file.dim)


@settings(max_examples=40)
@given(at=st.integers(0, 200_000), put=st.binary(max_size=8), cut=st.integers(0, 8))
@pytest.mark.parametrize("name", ["toy-model", "non_ascii_fasttext"])
def test_mutated_real_models_give_rows_or_a_format_error(
    data, tmp_path_factory, name, at, put, cut
):
    model = (data / "formats" / f"gensim.{name}.bin").read_bytes()
    at %= min(len(model), 6000)
    path = tmp_path_factory.getbasetemp() / "real.bin"
    path.write_bytes(model[:at] + put + model[at + cut :])
    try:
        file, rows = composed(path)
    except FormatError:
        return
    assert rows.shape == (len(file.tokens), file.dim)
