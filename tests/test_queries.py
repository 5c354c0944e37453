"""What vectors can be asked: against gensim on the same vectors, and against plain formulas."""

import gensim
import numpy as np
import pytest

from sajeon.errors import UnknownTokenError
from sajeon.vectors import Vectors

NUM, DIM = 400, 12
TOKENS = [f"t{i}" for i in range(NUM)]


def make_matrix():
    matrix = np.random.default_rng(0).normal(size=(NUM, DIM)).astype(np.float32)
    return matrix * np.linspace(0.1, 3, NUM, dtype=np.float32)[:, None]


def make_vectors(dtype):
    matrix = make_matrix()
    if dtype != "int8":
        return Vectors(TOKENS, matrix.astype(dtype))
    scales = np.abs(matrix).max(axis=1) / 127
    return Vectors(TOKENS, np.rint(matrix / scales[:, None]).astype(np.int8), scales=scales)


@pytest.fixture(params=["float32", "float16", "int8"])
def vectors(request):
    return make_vectors(request.param)


@pytest.fixture
def peer(vectors):
    """gensim's vectors with the same numbers in float32."""
    peer = gensim.models.KeyedVectors(DIM)
    peer.add_vectors(TOKENS, vectors[TOKENS])
    return peer


def assert_same(found, expected, atol=1e-6):
    assert [token for token, _ in found] == [token for token, _ in expected]
    np.testing.assert_allclose([x for _, x in found], [x for _, x in expected], atol=atol)


def test_nearest_with_negative_tokens_weights_and_a_limit_is_most_similar(vectors, peer):
    assert_same(vectors.nearest("t5"), peer.most_similar("t5"))
    for positive, negative in ((["t1", "t2"], ["t3"]), (["t9"], ["t8", "t7"])):
        found = vectors.nearest(positive, 7, negative=negative)
        assert_same(found, peer.most_similar(positive, negative, topn=7))
        found = vectors.nearest(positive, 7, negative=negative, restrict=50)
        assert_same(found, peer.most_similar(positive, negative, topn=7, restrict_vocab=50))
    found = vectors.nearest(["t1", "t2", "t300"], weights=[0.5, -1, 2], negative="t4", restrict=20)
    pairs = [("t1", 0.5), ("t2", -1), ("t300", 2)]
    assert_same(found, peer.most_similar(pairs, ["t4"], restrict_vocab=20))


def test_a_vector_counts_as_one_of_length_1(vectors, peer):
    query = np.arange(1.0, DIM + 1)
    unit = (query / np.linalg.norm(query)).astype(np.float32)
    expected = peer.most_similar([unit], ["t3"])
    assert_same(vectors.nearest(query, negative=["t3"]), expected)
    assert_same(vectors.nearest(1000 * query, negative=["t3"]), expected)


def test_analogies_are_those_of_gensim(vectors, peer):
    for a, b, c in (("t1", "t2", "t3"), ("t99", "t6", "t300"), ("t5", "t5", "t7")):
        assert_same(vectors.analogy(a, b, c), peer.most_similar([b, c], [a], topn=5))
        assert_same(
            vectors.analogy(a, b, c, 9, restrict=80),
            peer.most_similar([b, c], [a], topn=9, restrict_vocab=80),
        )


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`")  # gensim's call of its own
def test_analogies_by_product_are_those_of_gensim_but_for_the_constant(vectors, peer):
    for a, b, c in (("t1", "t2", "t3"), ("t99", "t6", "t300")):
        found = vectors.analogy(a, b, c, 20, method="mul")
        theirs = dict(peer.most_similar_cosmul([b, c], [a], topn=NUM))
        for token, score in found:
            similar = (1 + vectors.similarity(a, token)) / 2
            ours = theirs[token] * (similar + 1e-6) / (similar + 1e-3)
            assert score == pytest.approx(ours, rel=1e-4)
        corrected = {
            t: s * (0.5 + vectors.similarity(a, t) / 2 + 1e-6)
            / (0.5 + vectors.similarity(a, t) / 2 + 1e-3)
            for t, s in theirs.items()
        }  # fmt: skip
        best = sorted(corrected, key=corrected.get, reverse=True)[:20]
        assert [token for token, _ in found] == best
        few = vectors.analogy(a, b, c, NUM, method="mul", restrict=80)
        assert {t for t, _ in few} == set(TOKENS[:80]) - {a, b, c}
        assert_same(few, [x for x in vectors.analogy(a, b, c, NUM, method="mul") if x in few])


def test_similarity_rank_and_closer_are_those_of_gensim(vectors, peer):
    rng = np.random.default_rng(1)
    for i, j in rng.integers(0, NUM, size=(40, 2)):
        a, b = f"t{i}", f"t{j}"
        assert vectors.similarity(a, b) == pytest.approx(float(peer.similarity(a, b)), abs=1e-6)
        if i != j:  # gensim compares a token with itself in float32
            assert vectors.rank(a, b) == peer.rank(a, b)
            assert vectors.closer_than(a, b) == peer.closer_than(a, b)
    assert vectors.rank("t3", vectors.nearest("t3")[0][0]) == 1
    assert vectors.rank("t3", vectors.nearest("t3", NUM)[-1][0]) == NUM - 1
    assert vectors.closer_than("t3", "t3") == []


def test_equally_near_tokens_share_a_rank():
    vectors = Vectors(["a", "b", "c", "d"], np.array([[1, 0], [1, 1], [2, 2], [0, 1]], float))
    assert [vectors.rank("a", other) for other in "bcd"] == [1, 1, 3]
    assert vectors.closer_than("a", "d") == ["b", "c"]
    broken = Vectors(["a", "b"], np.array([[1, 0], [np.nan, 1]]))
    for pair in ("ab", "ba"):
        with pytest.raises(ValueError, match="'b' holds NaN"):
            broken.rank(*pair)


def test_what_does_not_match_is_what_gensim_says(vectors, peer):
    rng = np.random.default_rng(2)
    for size in (1, 2, 3, 8):
        tokens = [f"t{i}" for i in rng.choice(NUM, size, replace=False)]
        if size == 2:  # both are equally far
            assert vectors.doesnt_match(tokens) in tokens
        else:
            assert vectors.doesnt_match(tokens) == peer.doesnt_match(tokens)
    with pytest.raises(ValueError, match="at least one token"):
        vectors.doesnt_match([])


@pytest.mark.parametrize("number", [1, 20, 60])
def test_many_queries_give_what_each_gives(vectors, number):
    tokens = TOKENS[100 : 100 + number]
    for restrict in (None, 90):
        ids, scores = vectors.search(tokens, 6, restrict=restrict)
        assert ids.dtype == np.int64
        assert scores.dtype == np.float64
        for token, row, cosines in zip(tokens, ids.tolist(), scores.tolist(), strict=True):
            expected = vectors.nearest(token, 6, restrict=restrict)
            assert [(TOKENS[i], s) for i, s in zip(row, cosines, strict=True)] == expected
    asked = np.random.default_rng(3).normal(size=(number, DIM))
    ids, scores = vectors.search(asked, 6)
    for query, row, cosines in zip(asked, ids.tolist(), scores.tolist(), strict=True):
        named = [(TOKENS[i], s) for i, s in zip(row, cosines, strict=True)]
        assert named == vectors.nearest(query, 6)


def test_a_query_that_lacks_neighbours_is_filled_up():
    vectors = Vectors(["a", "b"], np.eye(2))
    ids, scores = vectors.search(["a", "b"], 10)
    assert ids.tolist() == [[1, -1], [0, -1]]
    assert scores.tolist() == [[0, -np.inf]] * 2
    assert vectors.search([], 3)[0].shape == (0, 2)
    assert vectors.search(np.zeros((0, 2)))[0].shape == (0, 2)


def test_a_predicate_is_asked_in_order_until_enough_pass(vectors):
    everything = vectors.nearest("t7", NUM)
    for wanted in (lambda token: token.endswith("3"), lambda token: int(token[1:]) % 50 == 1):
        for k in (1, 5, 30):
            asked = []
            found = vectors.nearest("t7", k, where=lambda t, w=wanted, a=asked: a.append(t) or w(t))
            assert found == [pair for pair in everything if wanted(pair[0])][:k]
            assert asked == [token for token, _ in everything[: len(asked)]]
            if len(found) == k:
                assert asked[-1] == found[-1][0]  # none is asked in vain
    found = vectors.nearest("t7", 5, where=lambda token: token.endswith("3"), restrict=60)
    assert found == [p for p in everything if p[0].endswith("3") and int(p[0][1:]) < 60][:5]
    assert vectors.nearest("t7", where=lambda token: False) == []


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda v: v.nearest("t1", 0), "k must be at least 1, got 0"),
        (lambda v: v.search(["t1"], 0), "k must be at least 1, got 0"),
        (lambda v: v.nearest("t1", restrict=0), "restrict must be at least 1, got 0"),
        (lambda v: v.analogy("t1", "t2", "t3", restrict=-1), "restrict must be at least 1, got -1"),
        (lambda v: v.search(["t1"], restrict=0), "restrict must be at least 1"),
        (lambda v: v.nearest(["t1", "t2"], weights=[1]), r"expected 2 weights.*got shape \(1,\)"),
        (lambda v: v.nearest(["t1"], weights=[np.nan]), "finite weights"),
        (lambda v: v.nearest(np.ones(DIM), weights=[1]), "weights go with a list of tokens"),
        (lambda v: v.nearest([], negative=["t1"]), "at least one token"),
        (lambda v: v.analogy("t1", "t2", "t3", method="max"), "'add' or 'mul', got 'max'"),
        (lambda v: v.search(np.ones(DIM)), r"shape \(queries, 12\), got \(12,\)"),
        (lambda v: v.search(np.full((2, DIM), np.inf)), "finite"),
    ],
)
def test_what_makes_no_sense_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(make_vectors("float32"))


def test_unknown_tokens_are_refused_everywhere(vectors):
    for ask in (
        lambda: vectors.nearest("t1", negative=["x"]),
        lambda: vectors.search(["t1", "x"]),
        lambda: vectors.rank("t1", "x"),
        lambda: vectors.closer_than("x", "t1"),
        lambda: vectors.doesnt_match(["t1", "x"]),
        lambda: vectors.analogy("t1", "t2", "x", method="mul"),
    ):
        with pytest.raises(UnknownTokenError):
            ask()
    with pytest.raises(TypeError, match=r"write search\(\[token\]\)"):
        vectors.search("t1")
    with pytest.raises(TypeError, match="takes several tokens"):
        vectors.doesnt_match("t1")


def test_vectors_of_every_dtype_are_read_as_float32():
    matrix = make_matrix()
    for dtype, atol in (("float32", 0), ("float16", 2e-3), ("int8", 4e-2)):
        vectors = make_vectors(dtype)
        assert vectors.matrix.dtype == dtype
        for rows, expected in (
            (vectors["t9"], matrix[9]),
            (vectors[["t9", "t2"]], matrix[[9, 2]]),
            (vectors.embedding_matrix(["t9", "no", "t2"])[0][[0, 2]], matrix[[9, 2]]),
            (vectors.encode([["t9"], ["t2"]]), matrix[[9, 2]]),
        ):
            assert rows.dtype == np.float32
            np.testing.assert_allclose(rows, expected, atol=atol)
        assert vectors.encode([["t9", "t2"]]) == pytest.approx(
            vectors[["t9", "t2"]].mean(axis=0)[None], abs=1e-6
        )


def test_scales_go_with_int8_and_nothing_else():
    rows = np.ones((2, 3), np.int8)
    with pytest.raises(ValueError, match="needs scales; got none"):
        Vectors(["a", "b"], rows)
    with pytest.raises(ValueError, match="needs scales; got them for float32"):
        Vectors(["a", "b"], rows.astype(np.float32), scales=np.ones(2))
    with pytest.raises(ValueError, match=r"scales must be \(2,\) for 2 tokens, got \(3,\)"):
        Vectors(["a", "b"], rows, scales=np.ones(3))
    vectors = Vectors(["a", "b"], rows, scales=np.array([0.5, 2]))
    assert vectors["b"].tolist() == [2, 2, 2]
    assert vectors.scales.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        vectors.scales[0] = 1
    assert Vectors(["a", "b"], rows.astype(float)).scales is None
