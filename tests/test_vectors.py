"""Vectors: looking up, neighbours, analogies, means of texts, rows for a layer, start-up."""

import copy
import os
import pickle
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sajeon
from sajeon.errors import UnknownTokenError
from sajeon.formats.spelling import near_spellings
from sajeon.formats.tokentable import TokenTable
from sajeon.loading import load
from sajeon.vectors import Vectors
from sajeon.vocab import Vocabulary

TOKENS = ["king", "queen", "man", "woman", "apple", "zero", "고양이"]
# Two axes, royal and female, and some fruit: king - man + woman is queen.
MATRIX = np.array(
    [[1, 0, 0], [1, 1, 0], [0.1, 0, 0], [0.1, 1, 0], [0, 0, 2], [0, 0, 0], [0.3, 0.4, 0.5]],
    np.float32,
)
COUNTS = [10, 9, 8, 7, 6, 5, 4]


@pytest.fixture(params=["made", "loaded"])
def vectors(request, tmp_path):
    """The same vectors, held in memory and memory-mapped."""
    made = Vectors(TOKENS, MATRIX, COUNTS, tokenizer="words", settings={"model": "skipgram"})
    if request.param == "made":
        return made
    made.save(tmp_path / "m")
    return load(tmp_path / "m")


def many_tokens(num, seed=0):
    """Distinct pseudo-words with lengths as in a text."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    words = set()
    while len(words) < num:
        words.add("".join(letters[rng.geometric(0.12, rng.integers(2, 14)) % 26]))
    return sorted(words)


def test_a_token_gives_its_row_and_a_list_gives_rows(vectors):
    assert vectors["queen"].tolist() == [1, 1, 0]
    assert vectors["queen"].dtype == np.float32
    assert vectors[["queen", "apple", "queen"]].tolist() == [[1, 1, 0], [0, 0, 2], [1, 1, 0]]
    assert vectors[[]].shape == (0, 3)
    assert "고양이" in vectors
    assert "dog" not in vectors
    assert 3 not in vectors
    assert len(vectors) == 7
    assert vectors.dim == 3
    assert list(vectors) == TOKENS == vectors.tokens
    assert vectors.counts.tolist() == COUNTS
    assert repr(vectors) == "<Vectors: 7 tokens, dim 3, skipgram>"


@pytest.mark.parametrize("key", [3, None, b"king", [1, 2], 1.5])
def test_what_is_no_token_is_a_type_error(vectors, key):
    with pytest.raises(TypeError, match="expected a token or a list of tokens"):
        vectors[key]


def test_vectors_are_read_only(vectors):
    for array in (vectors.matrix, vectors.counts, vectors["king"], vectors.norms):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        vectors.settings["model"] = "cbow"


def test_an_unknown_token_is_named_with_near_spellings(vectors):
    for ask in (
        lambda: vectors["quean"],
        lambda: vectors[["king", "quean"]],
        lambda: vectors.nearest("quean"),
        lambda: vectors.similarity("king", "quean"),
        lambda: vectors.analogy("king", "quean", "man"),
    ):
        with pytest.raises(UnknownTokenError) as caught:
            ask()
        assert str(caught.value) == "'quean' is not among the 7 tokens. Near spellings: queen."
        assert caught.value.suggestions == ["queen"]
    with pytest.raises(KeyError, match="Near spellings: king"):
        vectors["KING"]


def test_near_spellings_are_those_of_difflib():
    from difflib import get_close_matches

    tokens = many_tokens(3000)
    table = TokenTable.from_tokens(tokens)
    for token in tokens[::100]:
        query = f"{token[1:]}{token[:1]}e"
        expected = get_close_matches(query, tokens, n=3, cutoff=0.7)
        found = near_spellings(table, query)
        assert len(found) == len(expected)
        if expected:  # equal ratios may stand in another order
            assert found[0] in get_close_matches(query, tokens, n=20, cutoff=0.7)


@given(tokens=st.lists(st.text("abAB가é", max_size=5), unique=True), query=st.text("abAB가é\ud800"))
@example(tokens=[], query="")
@example(tokens=["", "a"], query="")
def test_near_spellings_are_tokens_and_never_fail(tokens, query):
    found = near_spellings(TokenTable.from_tokens(tokens), query)
    assert set(found) <= set(tokens)
    assert len(found) == len(set(found)) <= 3


def test_near_spellings_among_70000_tokens_take_no_time():
    tokens = TokenTable.from_tokens(many_tokens(70_000))
    near_spellings(tokens, "warm")  # the import of difflib
    times = []
    for query in ("philosphy", "thereforee", "xqzjj", "estaoin", "a"):
        before = time.process_time()
        near_spellings(tokens, query)
        times.append(time.process_time() - before)
    assert statistics.median(times) < 0.05


def test_nearest_takes_a_token_a_vector_or_several_tokens(vectors):
    assert [token for token, _ in vectors.nearest("king", k=2)] == ["man", "queen"]
    assert vectors.nearest("king", 1)[0][1] == pytest.approx(1)
    by_vector = vectors.nearest(np.array([5.0, 0, 0]), k=2)
    assert [token for token, _ in by_vector] == ["king", "man"]  # nothing is left out; ties by id
    mean = MATRIX[1] / np.sqrt(2) + MATRIX[4] / 2
    several = vectors.nearest(["queen", "apple"], k=1)
    assert several[0][0] == "고양이"
    assert several[0][1] == pytest.approx(mean @ MATRIX[6] / np.linalg.norm(mean) / np.sqrt(0.5))
    assert len(vectors.nearest("king", k=100)) == 6
    assert vectors.nearest("king") == vectors.nearest(["king"])


def test_zero_vectors_are_similar_to_nothing_and_never_nan(vectors):
    assert vectors.similarity("zero", "king") == 0
    assert vectors.similarity("zero", "zero") == 0
    assert [score for _, score in vectors.nearest("zero", k=3)] == [0, 0, 0]
    assert dict(vectors.nearest("king", k=10))["zero"] == 0


def test_similarity_is_the_cosine_of_tokens_or_vectors(vectors):
    assert vectors.similarity("king", "queen") == pytest.approx(np.sqrt(0.5))
    assert vectors.similarity("king", np.array([-2.0, 0, 0])) == -1
    assert type(vectors.similarity("king", "queen")) is float


def test_an_analogy_leaves_its_words_out(vectors):
    assert vectors.analogy("man", "king", "woman", k=1)[0][0] == "queen"
    assert {token for token, _ in vectors.analogy("man", "king", "woman", k=9)} == {*TOKENS} - {
        "man",
        "king",
        "woman",
    }


def test_analogy_is_3cosadd_of_unit_vectors():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(50, 6)).astype(np.float32)
    vectors = Vectors([f"t{i}" for i in range(50)], matrix)
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    target = units[2] - units[1] + units[3]
    cosines = units @ target / np.linalg.norm(target)
    expected = [i for i in np.argsort(-cosines) if i not in (1, 2, 3)][:5]
    answer = vectors.analogy("t1", "t2", "t3")
    assert [token for token, _ in answer] == [f"t{i}" for i in expected]
    np.testing.assert_allclose([score for _, score in answer], cosines[expected], atol=1e-6)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (np.ones(4), r"shape \(3,\), got \(4,\)"),
        (np.ones((1, 3)), r"shape \(3,\)"),
        (np.array([1, np.nan, 0]), "finite"),
        ([], "at least one token"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(vectors, query, message):
    with pytest.raises(ValueError, match=message):
        vectors.nearest(query)


def test_k_below_one_is_refused(vectors):
    for ask in (vectors.nearest, lambda _, k: vectors.analogy("man", "king", "woman", k)):
        with pytest.raises(ValueError, match="k must be at least 1, got 0"):
            ask("king", 0)


def test_encode_is_the_mean_of_known_tokens(vectors):
    texts = ["King, king; queen!", ["apple", "unheard-of"], "nothing known", "", ("man", "고양이")]
    expected = [
        (2 * MATRIX[0] + MATRIX[1]) / 3,
        MATRIX[4],
        np.zeros(3),
        np.zeros(3),
        (MATRIX[2] + MATRIX[6]) / 2,
    ]
    encoded = vectors.encode(texts)
    np.testing.assert_allclose(encoded, expected, rtol=1e-6)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(vectors.encode(iter(texts)), encoded)
    assert vectors.encode([]).shape == (0, 3)


@given(
    bags=st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=30),
    weighted=st.booleans(),
    limit=st.integers(1, 200),
)
def test_means_do_not_depend_on_how_texts_are_batched(bags, weighted, limit):
    from sajeon import pooling

    matrix = np.random.default_rng(0).normal(size=(41, 5)).astype(np.float32)
    weights = np.linspace(0.1, 1, 41, dtype=np.float32) if weighted else None
    arrays = [np.array(bag, dtype=np.int64) for bag in bags]
    scale = np.ones(41) if weights is None else weights.astype(np.float64)
    expected = [
        (matrix[bag] * scale[bag, None]).sum(axis=0) / len(bag) if len(bag) else np.zeros(5)
        for bag in arrays
    ]
    normal, pooling._GATHERED = pooling._GATHERED, limit
    try:
        means = pooling.mean_rows(lambda ids: matrix[ids] * scale[ids, None], 5, iter(arrays))
    finally:
        pooling._GATHERED = normal
    np.testing.assert_allclose(means, np.array(expected).reshape(len(bags), 5), atol=1e-6)


def test_sif_weights_frequent_words_down(vectors):
    share = np.array(COUNTS) / sum(COUNTS)
    weight = 1e-3 / (1e-3 + share)
    expected = (weight[0] * MATRIX[0] + weight[4] * MATRIX[4]) / 2
    np.testing.assert_allclose(
        vectors.encode(["king apple unknown"], weights="sif"), [expected], rtol=1e-5
    )
    with pytest.raises(ValueError, match="needs the tokens' counts"):
        Vectors(TOKENS, MATRIX).encode([["king"]], weights="sif")
    with pytest.raises(ValueError, match="None or 'sif', got 'idf'"):
        vectors.encode([["king"]], weights="idf")


def test_encode_needs_several_texts_and_a_tokenizer_for_them(vectors, tmp_path):
    with pytest.raises(TypeError, match=r"write encode\(\[text\]\)"):
        vectors.encode("king")
    bare = Vectors(TOKENS, MATRIX)
    assert bare.encode([["king"]]).tolist() == [[1, 0, 0]]
    with pytest.raises(TypeError, match="have no tokenizer"):
        bare.encode(["king"])
    Vectors(TOKENS, MATRIX, tokenizer=str.split).save(tmp_path / "m")
    custom = load(tmp_path / "m")
    assert custom.encode([["king"]]).tolist() == [[1, 0, 0]]
    with pytest.raises(TypeError, match="token"):
        custom.encode(["king"])


def test_embedding_matrix_puts_every_found_word_in_place(vectors):
    vocab = Vocabulary(["<pad>", "<unk>", "apple", "dog", "king"], specials=("<pad>", "<unk>"))
    matrix, found = vectors.embedding_matrix(vocab)
    assert matrix.tolist() == [[0] * 3, [0] * 3, [0, 0, 2], [0] * 3, [1, 0, 0]]
    assert found.tolist() == [False, False, True, False, True]
    assert matrix.dtype == np.float32
    matrix[0] = 1  # a new array
    again, _ = vectors.embedding_matrix(vocab.tokens)
    assert not again[0].any()


def test_a_special_token_stays_zero_even_where_the_vectors_have_one():
    vectors = Vectors(["<unk>", "a"], np.ones((2, 3)))
    vocab = Vocabulary(["<unk>", "a"], specials=("<unk>",), unk="<unk>")
    matrix, found = vectors.embedding_matrix(vocab)
    assert matrix.tolist() == [[0] * 3, [1] * 3]
    assert found.tolist() == [False, True]


@pytest.mark.parametrize(
    ("matrix", "counts", "message"),
    [
        (np.zeros((2, 3)), None, r"matrix must be \(3, dim\) for 3 tokens"),
        (np.zeros(3), None, "matrix must be"),
        (np.zeros((3, 0)), None, "matrix must be"),
        (np.zeros((3, 2)), [1, 2], "counts must be"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(matrix, counts, message):
    with pytest.raises(ValueError, match=message):
        Vectors(["a", "b", "c"], matrix, counts)


def test_a_matrix_of_the_right_kind_is_held_and_another_is_converted():
    assert np.shares_memory(Vectors(TOKENS, MATRIX).matrix, MATRIX)
    assert MATRIX.flags.writeable
    assert Vectors(["a"], np.array([[1, 2]])).matrix.dtype == np.float32


def test_vectors_can_be_pickled_and_copied(vectors):
    for other in (pickle.loads(pickle.dumps(vectors.tokens)), copy.deepcopy(vectors.tokens)):
        assert other == vectors.tokens
        assert other.find("apple") == 4


# Start-up.


def run_python(code, *arguments):
    """Run code in a fresh interpreter that may cache compiled modules; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(Path(sajeon.__path__[0]).parent)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return result.stdout


def test_importing_vectors_loads_numpy_and_nothing_else_of_others():
    code = (
        "import sys, numpy; before = set(sys.modules); import sajeon.vectors;"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before};"
        "print(new - set(sys.stdlib_module_names) - {'numpy'})"
    )
    assert run_python(code).strip() == "{'sajeon'}"


def test_loading_and_one_query_of_a_large_model_feel_instant(tmp_path):
    rng = np.random.default_rng(0)
    tokens = many_tokens(70_000)
    matrix = rng.normal(size=(70_000, 100)).astype(np.float32)
    Vectors(tokens, matrix, range(70_000), tokenizer="words").save(tmp_path / "m")
    query = (
        "import sys; from sajeon.loading import load;"
        "print(load(sys.argv[1]).nearest(sys.argv[2]));"
        "import os; print(sum(os.times()[:2]))"
    )
    bare = "import numpy; import os; print(sum(os.times()[:2]))"  # the larger part by far
    used = [float(run_python(query, tmp_path / "m", tokens[7]).split()[-1]) for _ in range(5)]
    start = [float(run_python(bare)) for _ in range(5)]
    assert statistics.median(used) - statistics.median(start) < 0.2


def test_ids_of_few_and_short_tokens_are_kept(monkeypatch):
    monkeypatch.setattr("sajeon.vectors._KEPT", 3)
    vectors = sajeon.Vectors(["a", "b", "\u1100\u1161"], np.eye(3))
    for _ in range(2):
        for token, expected in (("a", 0), ("b", 1), ("가", 2), ("x", -1), ("y" * 200, -1)):
            assert vectors._find(token) == expected
            assert len(vectors._found) <= 3
            assert "y" * 200 not in vectors._found
    assert vectors._find(None) == vectors._find(["a"]) == -1
