"""`sajeon.load` of files from elsewhere: the same vectors and answers as those who wrote them."""

from __future__ import annotations

import unicodedata
import warnings

import numpy as np
import pytest

import sajeon
from sajeon.errors import FormatError, UnknownTokenError
from sajeon.subwords import NGrams, Subwords
from sajeon.vectors import Vectors

TEXT = ["gensim.crime-and-punishment.vec", "gensim.high_precision.kv.txt", "gensim.toy-model.vec",
        "magnitude.fasttext.vec", "magnitude.word2vec.txt"]  # fmt: skip
BINARY = ["gensim.euclidean_vectors.bin", "gensim.high_precision.kv.bin", "magnitude.word2vec.bin"]
GLOVE = ["gensim.test_glove.txt", "glove-python.stanford_test.txt", "magnitude.glove.txt",
         "allennlp.glove.6B.100d.sample.txt.gz"]  # fmt: skip
FASTTEXT = ["gensim.crime-and-punishment.bin", "gensim.lee_fasttext_new.bin",
            "gensim.toy-model.bin"]  # fmt: skip


def gensim_vectors(path, name):
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in FASTTEXT:
            return load_facebook_vectors(str(path))
        return KeyedVectors.load_word2vec_format(
            path, binary=name in BINARY, no_header=name in GLOVE
        )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's open file
@pytest.mark.parametrize("name", [*TEXT, *BINARY, *GLOVE, *FASTTEXT])
def test_files_are_what_gensim_reads_and_answer_as_it_does(data, name):
    path = data / "formats" / name
    theirs = gensim_vectors(path, name)
    ours = sajeon.load(path)
    assert ours.tokens == theirs.index_to_key
    # fastText gives the end of a line no n-grams, gensim does.
    rows = [i for i, token in enumerate(theirs.index_to_key) if token != "</s>"]
    np.testing.assert_allclose(ours.matrix[rows], theirs.vectors[rows], rtol=1e-6, atol=1e-7)
    for i in rows[:: max(1, len(rows) // 20)]:
        expected = dict(theirs.most_similar(theirs.index_to_key[i], topn=10))
        found = dict(ours.nearest(ours.tokens[i], 10))
        assert sorted(found.values()) == pytest.approx(sorted(expected.values()), abs=1e-5)
        near_ties = min(expected.values()) + 1e-5
        assert all(token in found for token, s in expected.items() if s > near_ties)


def test_words_outside_the_vocabulary_have_the_vectors_that_gensim_gives(data):
    path = data / "formats" / "gensim.lee_fasttext_new.bin"
    theirs, ours = gensim_vectors(path, path.name), sajeon.load(path)
    for word in ("nights", "nightly", "강아지", "zzzz", "naïve"):
        assert word not in ours
        np.testing.assert_allclose(ours[word], theirs[word], rtol=1e-5, atol=1e-7)
    expected = theirs.most_similar("nightly", topn=5)
    found = ours.nearest("nightly", 5)
    assert [token for token, _ in found] == [token for token, _ in expected]


@pytest.fixture
def spelled(tmp_path):
    """Vectors with subwords: two tokens and five buckets."""
    rng = np.random.default_rng(0)
    buckets = rng.normal(size=(5, 3)).astype(np.float32)
    return Vectors(
        ["cat", "dog"], np.eye(2, 3, dtype=np.float32), [3, 1], tokenizer="whitespace",
        settings={"min_n": 3, "max_n": 4, "num_buckets": 5},
        subwords=Subwords(buckets, NGrams("chars", 3, 4, 5)),
    )  # fmt: skip


def test_subwords_answer_in_every_method(spelled):
    made = spelled.subwords.vector("cats")
    assert made is not None
    assert "cats" not in spelled
    np.testing.assert_array_equal(spelled["cats"], made)
    np.testing.assert_array_equal(spelled[["dog", "cats"]], [spelled["dog"], made])
    assert spelled.similarity("cats", "cats") == pytest.approx(1)
    assert spelled.nearest("cats") == spelled.nearest(made)
    np.testing.assert_allclose(
        spelled.encode(["cat cats", "cats cats"]), [(spelled["cat"] + made) / 2, made], rtol=1e-6
    )
    weight = 1e-3 / (1e-3 + 0.75)
    np.testing.assert_allclose(
        spelled.encode(["cat cats"], weights="sif")[0], (weight * spelled["cat"] + made) / 2,
        rtol=1e-6,
    )  # fmt: skip
    matrix, found = spelled.embedding_matrix(["cats", "dog", ""])
    np.testing.assert_array_equal(matrix, [made, spelled["dog"], [0, 0, 0]])
    assert found.tolist() == [True, True, False]
    assert spelled.search(["cats", "cat"], 1)[0][1].tolist() == [1]
    with pytest.raises(UnknownTokenError):
        spelled.rank("cats", "dog")
    with pytest.raises(UnknownTokenError):
        spelled[""]


def test_subwords_are_saved_and_converted(spelled, tmp_path):
    spelled.save(tmp_path / "m")
    sajeon.convert(tmp_path / "m", tmp_path / "n", dtype="float16")
    for name in "mn":
        opened = sajeon.load(tmp_path / name)
        np.testing.assert_array_equal(opened["cats"], spelled["cats"])


def test_subwords_that_do_not_fit_are_refused(spelled, tmp_path):
    wrong = Vectors(["a"], np.ones((1, 3)), settings={"min_n": 3}, subwords=spelled.subwords)
    wrong.save(tmp_path / "m")
    with pytest.raises(FormatError, match="whole min_n, max_n and num_buckets"):
        sajeon.load(tmp_path / "m")


def test_a_token_is_found_in_either_unicode_form(tmp_path):
    forms = [unicodedata.normalize(form, "강아지") for form in ("NFC", "NFD")]
    for here, other in (forms, forms[::-1]):
        vectors = Vectors([here], np.ones((1, 2), np.float32))
        assert other in vectors
        assert vectors[other].tolist() == [1, 1]
        assert vectors.similarity(here, other) == pytest.approx(1)


def test_missing_rows_of_an_embedding_matrix_are_zeros_or_small(tmp_path):
    vectors = Vectors(["the", "cat"], np.full((2, 4), 9, np.float32))
    vocab = sajeon.Vocabulary.from_texts(["The cat sat"], tokens="words:case=keep")
    matrix, found = vectors.embedding_matrix(vocab)
    assert found.tolist() == [token == "cat" for token in vocab.tokens]
    assert not matrix[~found].any()
    matrix, found = vectors.embedding_matrix(vocab, lower=True, missing="random", seed=3)
    assert found.tolist() == [token in ("The", "cat") for token in vocab.tokens]
    assert (matrix[found] == 9).all()
    assert not matrix[vocab.pad_id].any()
    others = matrix[[vocab.unk_id, vocab["sat"]]]
    assert (np.abs(others) > 0).all()
    assert np.abs(others).max() <= 0.5 / 4
    again, _ = vectors.embedding_matrix(vocab, lower=True, missing="random", seed=3)
    np.testing.assert_array_equal(matrix, again)
    with pytest.raises(ValueError, match="missing must be 'zeros' or 'random', got 'mean'"):
        vectors.embedding_matrix(vocab, missing="mean")


def test_the_google_news_file_fills_every_row_of_the_note(tmp_path):
    """S10: binary, gzipped; the note's loop over ``i > 2`` left out id 2, "nice"."""
    import gzip

    words = ["nice", "great", "best", "amazing", "stop", "lies"]
    rows = np.random.default_rng(0).normal(size=(6, 300)).astype("<f4")
    body = b"".join(
        w.encode() + b" " + r.tobytes() + b"\n" for w, r in zip(words, rows, strict=True)
    )
    path = tmp_path / "GoogleNews-vectors-negative300.bin.gz"
    path.write_bytes(gzip.compress(b"6 300\n" + body))
    vocab = sajeon.Vocabulary.from_texts(["nice great best amazing", "stop lies pitiful"],
                                         order="first")  # fmt: skip
    matrix, found = sajeon.load(path).embedding_matrix(vocab)
    assert [t for t, there in zip(vocab.tokens, found, strict=True) if not there] == [
        "<pad>", "<unk>", "pitiful",
    ]  # fmt: skip
    np.testing.assert_array_equal(matrix[vocab["nice"]], rows[0])
    np.testing.assert_array_equal(matrix[2:8], rows)


def test_loading_takes_part_of_a_folder_too(tmp_path):
    vectors = Vectors(
        [f"w{i}" for i in range(20)], np.arange(40.0).reshape(20, 2), range(20, 0, -1)
    )
    vectors.save(tmp_path / "m")
    first = sajeon.load(tmp_path / "m", limit=3)
    assert (list(first.tokens), first.counts.tolist()) == (["w0", "w1", "w2"], [20, 19, 18])
    some = sajeon.load(tmp_path / "m", tokens=["w19", "w7", "zebra"])
    assert (list(some.tokens), some.counts.tolist()) == (["w7", "w19"], [13, 1])
    np.testing.assert_array_equal(some.matrix, vectors[["w7", "w19"]])


def test_nothing_is_unpickled(tmp_path):
    gensim_models = pytest.importorskip("gensim.models")
    model = gensim_models.KeyedVectors(2)
    model.add_vectors(["a"], np.ones((1, 2), np.float32))
    model.save(str(tmp_path / "vectors.kv"))
    with pytest.raises(FormatError, match=r"gensim's own format. It is not read, since .* code"):
        sajeon.load(tmp_path / "vectors.kv")
