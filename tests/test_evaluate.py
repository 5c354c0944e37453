"""Evaluation: against scipy and gensim on the same vectors."""

import contextlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from sajeon import evaluate, search
from sajeon.errors import EvaluationError, FormatError
from sajeon.evaluate import bootstrap
from sajeon.evaluate.bands import bands_of, ranks_of
from sajeon.evaluate.correlation import WeightedRanks, weighted_pearson, weighted_spearman
from sajeon.formats import testsets
from sajeon.subwords import NGrams, Subwords
from sajeon.vectors import Vectors

PAIRS = """tiger\tcat\t7.35
tiger\ttiger\t10
book\tpaper\t7.46
stock\tjaguar\t0.92
book\tzebra\t1
"""
WORDS = ["tiger", "cat", "book", "paper", "stock", "jaguar"]
COUNTRIES = ["athens", "greece", "oslo", "norway", "paris", "france", "rome", "italy"]


def some_vectors(tokens=WORDS, dim=5, seed=0, **more):
    matrix = np.random.default_rng(seed).normal(size=(len(tokens), dim)).astype(np.float32)
    return Vectors(tokens, matrix, **more)


def in_gensim(vectors, path):
    """The same vectors read by gensim from a word2vec text file."""
    from gensim.models import KeyedVectors

    with path.open("w", encoding="utf-8") as file:
        file.write(f"{len(vectors)} {vectors.dim}\n")
        for token, row in zip(vectors.tokens, vectors.matrix, strict=True):
            file.write(f"{token} {' '.join(map(repr, row.tolist()))}\n")
    return KeyedVectors.load_word2vec_format(path)


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


VALUES = st.lists(
    st.tuples(st.integers(-3, 3) | st.floats(-1, 1), st.integers(0, 4) | st.floats(0, 10)),
    min_size=3,
    max_size=40,
)


@given(values=VALUES)
def test_correlations_are_those_of_scipy(values):
    x, y = np.array(values, dtype=float).T
    assume(np.ptp(x) > 1e-6 and np.ptp(y) > 1e-6)  # scipy warns of nearly constant input
    assert evaluate.spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert evaluate.pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)


def test_a_correlation_with_a_constant_is_nan():
    assert np.isnan(evaluate.pearson(np.ones(3), np.arange(3)))


def test_similarity_is_that_of_gensim(tmp_path):
    vectors = some_vectors(["Tiger", *WORDS, "TIGER"])  # the first of them counts
    path = write(tmp_path / "pairs.tsv", PAIRS)
    result = evaluate.similarity(vectors, path)
    keyed = in_gensim(vectors, tmp_path / "v.txt")
    pearson, spearman, lost = keyed.evaluate_word_pairs(str(path))
    assert result.spearman == pytest.approx(spearman.statistic, abs=1e-12)
    assert result.pearson == pytest.approx(pearson.statistic, abs=1e-6)  # theirs is float32
    assert (result.pairs_used, result.pairs_lost) == (4, 1)
    assert lost == 20
    assert result.name == "pairs.tsv"


@pytest.mark.parametrize("restrict", [None, 12])
def test_lost_pairs_count_as_with_dummies_of_gensim(tmp_path, restrict):
    words = [f"w{i}" for i in range(40)]
    vectors = some_vectors(words[:25])
    rng = np.random.default_rng(0)
    rows = [(*rng.choice(words, 2, replace=False), rng.integers(5)) for _ in range(200)]
    path = write(tmp_path / "pairs.tsv", "".join(f"{a}\t{b}\t{c}\n" for a, b, c in rows))
    keyed = in_gensim(vectors, tmp_path / "v.txt")
    options = {"dummy4unknown": True, "restrict_vocab": restrict or 300_000}
    pearson, spearman, lost = keyed.evaluate_word_pairs(str(path), **options)
    result = evaluate.similarity(vectors, path, restrict=restrict)
    assert result.spearman_all == pytest.approx(spearman.statistic, abs=1e-12)
    assert result.pearson_all == pytest.approx(pearson.statistic, abs=1e-6)
    assert result.pairs_lost == round(lost * 2)
    assert result.spearman_all != result.spearman


def test_similarity_takes_pairs_as_they_are():
    pairs = [("tiger", "cat", 7), ("book", "paper", 3), ("Stock", "Jaguar", 1), ("x", "y", 2)]
    vectors = some_vectors()
    result = evaluate.similarity(vectors, iter(pairs), name="mine")
    cosines = [vectors.similarity(a.lower(), b.lower()) for a, b, _ in pairs[:3]]
    assert result.spearman == pytest.approx(stats.spearmanr(cosines, [7, 3, 1]).statistic)
    assert result == evaluate.similarity(vectors, pairs, name="mine")
    assert (result.name, result.pairs_lost) == ("mine", 1)


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [
        ("wordsim/EN-WS-353-ALL.txt", "\t"),
        ("wordsim/EN-MEN-TR-3k.txt", None),
        ("wordsim/EN-MTurk-771.txt", "\t"),
        ("wordsim/EN-RW-STANFORD.txt", None),
        ("wordsim/EN-SimVerb-3500.txt", "\t"),
        ("ko/WS353_korean.csv", ","),
        ("wordsim/EN-RG-65.txt", "\t"),
        ("wordsim/EN-WS-353-REL.txt", "\t"),
        ("wordsim/EN-WS-353-SIM.txt", "\t"),
        ("wordsim/SimLex-999.full.txt", "\t"),
    ],
)
def test_real_similarity_sets_give_what_gensim_gives(data, tmp_path, name, delimiter):
    path = data / name
    lines = path.read_text("utf-8-sig").splitlines()
    cells = [line.split(delimiter) for line in lines]
    column = 3 if "SimLex" in name else 2
    rows = [(row[0], row[1], row[column]) for row in cells if row[column][0].isdigit()]
    assert len(rows) >= len(lines) - 1
    words = sorted({word.lower() for row in rows[: len(rows) * 2 // 3] for word in row[:2]})
    vectors = some_vectors(words, dim=20)
    plain = write(tmp_path / "plain.tsv", "".join(f"{a}\t{b}\t{c}\n" for a, b, c in rows))
    keyed = in_gensim(vectors, tmp_path / "v.txt")
    pearson, spearman, lost = keyed.evaluate_word_pairs(str(plain))
    result = evaluate.similarity(vectors, path)
    assert testsets.kind_of(path) == "similarity"
    assert result.pairs_used + result.pairs_lost == len(rows)
    assert result.pairs_lost == round(lost / 100 * len(rows))
    assert result.spearman == pytest.approx(spearman.statistic, abs=1e-6)
    assert result.pearson == pytest.approx(pearson.statistic, abs=1e-6)


QUESTIONS = """: capitals
Athens Greece Oslo Norway
Oslo Norway Paris France
Paris France Rome Italy

: lost
Athens Greece Nowhere Land
: capitals again
Rome Italy ATHENS greece
"""


def test_analogies_are_counted_by_section(tmp_path):
    matrix = np.zeros((8, 8), np.float32)
    matrix[np.arange(8), np.arange(8) // 2] = 1  # a city and its country share an axis
    matrix[1::2, 4] = 1  # and a country is a country
    matrix[7] = [0, 0, 0, -1, 0, 0, 0, 1]  # Italy lies elsewhere
    result = evaluate.analogies(Vectors(COUNTRIES, matrix), write(tmp_path / "q.txt", QUESTIONS))
    assert (result.correct, result.total, result.lost) == (3, 4, 1)
    assert result.accuracy == 0.75
    assert result.name == "q.txt"
    summary = [(s.name, s.correct, s.total, s.lost, s.accuracy) for s in result.sections]
    assert summary == [
        ("capitals", 2, 3, 0, 2 / 3),
        ("lost", 0, 0, 1, 0.0),
        ("capitals again", 1, 1, 0, 1.0),
    ]


@pytest.mark.parametrize("restrict", [None, 8, 6])
@pytest.mark.parametrize("seed", range(3))
def test_analogies_are_those_of_gensim(tmp_path, restrict, seed):
    """With tokens that differ in case alone, and one question's word twice."""
    tokens = [*COUNTRIES[:5], "Oslo", *COUNTRIES[5:], "ITALY", "x", "y"]
    vectors = some_vectors(tokens, dim=3, seed=seed)
    rng = np.random.default_rng(seed)
    lines = [" ".join(rng.choice(COUNTRIES, 4)) for _ in range(200)]
    path = write(tmp_path / "q.txt", ": all\n" + "\n".join(lines) + "\n")
    keyed = in_gensim(vectors, tmp_path / "v.txt")
    score, sections = keyed.evaluate_word_analogies(str(path), restrict_vocab=restrict or 300_000)
    result = evaluate.analogies(vectors, path, restrict=restrict)
    assert result.total == sum(len(sections[-1][kind]) for kind in ("correct", "incorrect"))
    assert result.correct == len(sections[-1]["correct"])
    assert result.accuracy == score
    options = {"dummy4unknown": True, "restrict_vocab": restrict or 300_000}
    assert result.accuracy_all == keyed.evaluate_word_analogies(str(path), **options)[0]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_products_are_those_of_the_paper(tmp_path, dtype):
    """3CosMul: Levy and Goldberg (CoNLL 2014), equation 4, over every token, with equal rows."""
    matrix = np.random.default_rng(0).normal(size=(60, 4)) * 20
    matrix[7], matrix[9] = matrix[5], 0
    scales = np.ones(60, np.float32) if dtype == "int8" else None
    words = [f"w{i}" for i in range(60)]
    vectors = Vectors(words, matrix.astype(dtype), scales=scales)
    rng = np.random.default_rng(1)
    asked = [rng.choice(60, 4, replace=False) for _ in range(300)]
    units = search.unit(vectors.matrix)
    right = []
    for a, b, c, d in asked:
        like_a, like_b, like_c = (1 + units @ units[[a, b, c]].T).T / 2
        scores = like_b * like_c / (like_a + 0.001)
        scores[[a, b, c]] = -1
        best = np.flatnonzero(scores > scores.max() - 1e-9)[0]
        right.append(best == d)
        assert vectors.analogy(*(words[i] for i in (a, b, c)), k=1, method="mul") == [
            (words[best], pytest.approx(scores[best], rel=1e-6))
        ]
    lines = [" ".join(words[i] for i in question) for question in asked]
    path = write(tmp_path / "q.txt", "\n".join(lines))
    result = evaluate.analogies(vectors, path, method="mul")
    assert result.method == "mul"
    assert 0 < result.correct == sum(right) < 300
    assert result.correct != evaluate.analogies(vectors, path).correct


def test_products_pass_over_rows_that_are_no_numbers_and_are_exact_in_ties():
    matrix = np.array([[1, 0], [0, 1], [1, 1], [np.nan, 1], [2, 3], [4, 6]], np.float32)
    norms = search.row_norms(matrix)
    questions = np.array([[0, 1, 2], [1, 0, 2]])
    exclude = np.array([[0, 1, 2], [-1, 4, 5]])
    found = search.best_by_product(matrix, norms, matrix[:3], questions, exclude)
    expected = [
        search.nearest_by_product(matrix, norms, matrix[[b, c]], matrix[[a]], 1, out)[0][0]
        for (a, b, c), out in zip(questions, exclude, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)
    assert found[0] == 4  # of equal ones the first
    nobody = search.best_by_product(matrix, norms, matrix[:3], questions, np.array([range(6)] * 2))
    np.testing.assert_array_equal(nobody, -1)


def test_products_add_what_the_paper_adds_to_the_denominator():
    """The row opposite to a would win by dividing by nothing."""
    angles = np.radians([0, 5, 180, 175])  # a; b and c; opposite; nearly so, and nearer to b
    matrix = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    norms, exclude = search.row_norms(matrix), np.array([[0, 1]])
    found = search.best_by_product(matrix, norms, matrix, np.array([[0, 1, 1]]), exclude)
    assert found.tolist() == [3]


def test_products_decide_near_ties_as_the_search_for_one_does():
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 9, size=(40, 3))
    matrix = np.concatenate([3 * rows, 7 * rows, rows]).astype(
        np.float32
    )  # three of each direction
    norms = search.row_norms(matrix)
    questions = rng.integers(40, size=(300, 3))
    found = search.best_by_product(matrix, norms, matrix, questions, questions)
    expected = [
        search.nearest_by_product(
            matrix, norms, matrix[[b, c]], matrix[[a]], 1, np.array([a, b, c])
        )
        for a, b, c in questions
    ]
    np.testing.assert_array_equal(found, [ids[0] for ids, _ in expected])


def test_another_method_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'add' or 'mul', got 'div'"):
        evaluate.analogies(some_vectors(), write(tmp_path / "q.txt", QUESTIONS), method="div")


def test_real_analogies_are_those_of_gensim(data, tmp_path):
    path = data / "analogy" / "questions-words.txt"
    questions = testsets.read_questions(path)
    assert len(questions) == 19_544
    words = list(dict.fromkeys(word.lower() for question in questions for word in question[1:]))
    matrix = np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32)
    second = {question.b.lower(): question.a.lower() for question in questions}
    for i, word in enumerate(words[:600]):  # a country lies in one direction from its capital
        if second.get(word) in words[:i]:
            matrix[i] = matrix[words.index(second[word])] + 0.7 * matrix[i] + 3
    vectors = Vectors(words[:600], matrix)
    short = write(tmp_path / "q.txt", "\n".join(path.read_text().splitlines()[:2001]))
    keyed = in_gensim(vectors, tmp_path / "v.txt")
    score, sections = keyed.evaluate_word_analogies(str(short))
    result = evaluate.analogies(vectors, short)
    assert 0.02 < score < 0.9
    assert result.accuracy == score
    assert [s.correct for s in result.sections] == [len(s["correct"]) for s in sections[:-1]]
    assert testsets.kind_of(path) == "analogies"


@pytest.mark.parametrize(
    "text",
    [
        "tiger cat 7\nbook paper 3\nstock jaguar 1",
        "tiger\tcat\t7\r\nbook\tpaper\t3\r\nstock\tjaguar\t1\r\n",
        "\ufeffword 1,word 2,kor_score\ntiger,cat,7\nbook,paper,3\nstock,jaguar,1",
        'Word 1;Word 2;Human (mean)\n"tiger";cat;7\nbook;paper;3\nstock;jaguar;1',
        "# a comment\n\nw1\tw2\tPOS\tSimLex999\tx\ntiger\tcat\tN\t7\t0\nbook\tpaper\tN\t3\t1\n"
        "stock\tjaguar\tV\t1\t2\n",
        "w1,w2,id,score\ntiger,cat,1,7\nbook,paper,2,3\nstock,jaguar,3,1",
        "tiger cat 7 1 2 3\nbook paper 3 1 2 3\nstock jaguar 1 1 2 3",
    ],
)
def test_similarity_files_of_all_forms_are_read(tmp_path, text):
    path = write(tmp_path / "p", text)
    assert testsets.read_pairs(path) == [
        ("tiger", "cat", 7),
        ("book", "paper", 3),
        ("stock", "jaguar", 1),
    ]
    assert testsets.kind_of(path) == "similarity"


def test_a_file_is_evaluated_by_what_it_holds(tmp_path):
    pairs = write(tmp_path / "pairs", PAIRS)
    questions = write(tmp_path / "questions", QUESTIONS)
    bare = write(tmp_path / "bare", "Athens Greece Oslo Norway\n")
    vectors = some_vectors([*WORDS, *COUNTRIES])
    assert evaluate.evaluate_file(vectors, pairs) == evaluate.similarity(vectors, pairs)
    assert evaluate.evaluate_file(vectors, questions) == evaluate.analogies(vectors, questions)
    assert evaluate.evaluate_file(vectors, bare).total == 1
    assert evaluate.evaluate_file(vectors, bare, restrict=14).total == 1
    with pytest.raises(EvaluationError, match="the first 7 tokens"):
        evaluate.evaluate_file(vectors, bare, restrict=7)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", "", "is empty"),
        ("\n \n# only this\n", "", "is empty"),
        (b"tiger cat 7\n\xff cat 1\n", ":2", "not UTF-8"),
        ("tiger cat 7\nbook paper\n", ":2", "expected two words and a number in column 3"),
        ("tiger\tcat\t7\n\nbook\tpaper\tx\n", ":3", "two words and a number"),
        ("tiger\tcat\t7\nbook\tpaper\tnan\n", ":2", "two words and a number"),
        ("tiger\tcat\t7\n\tpaper\t3\n", ":2", "two words and a number"),
        ("tiger cat\n", ":1", "expected two words and a score"),
        (f"tiger,cat,7\nbook,{'x' * 200_000},1", ":2", "field larger"),
        ("word1 word2 score\n", ":1", "expected two words and a score"),
        (": a\nAthens Greece Oslo\n", ":2", "expected four words"),
        (": a\n: b\n", "", "no analogy question"),
    ],
)
def test_a_bad_test_set_is_refused_with_its_line(tmp_path, text, where, message):
    path = write(tmp_path / "set", text)
    with pytest.raises(FormatError, match=message) as caught:
        evaluate.evaluate_file(some_vectors(), path)
    assert f"{path}{where}: " in str(caught.value)


def test_old_line_ends_are_counted_as_lines(tmp_path):
    with pytest.raises(FormatError, match=":3: expected"):
        testsets.read_pairs(write(tmp_path / "p", "a b 1\rc d 2\re f\r"))


@given(content=st.binary(max_size=60) | st.text('ab :\t,;1.#\r\n"', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = write(tmp_path_factory.mktemp("fuzz") / "set", content)
    for reader in (testsets.kind_of, testsets.read_pairs, testsets.read_questions):
        with contextlib.suppress(FormatError):
            assert reader(path)


def test_a_test_set_without_known_words_says_so(tmp_path):
    with pytest.raises(EvaluationError, match=r"both words of 0 of 2 pairs are among the 6 tokens"):
        evaluate.similarity(some_vectors(), [("사랑", "섹스", 6), ("책", "종이", 7)])
    with pytest.raises(EvaluationError, match="none of 5 questions"):
        evaluate.analogies(some_vectors(), write(tmp_path / "q", QUESTIONS))
    with pytest.raises(EvaluationError, match="none of 5 questions"):
        evaluate.analogies(Vectors([], np.zeros((0, 3))), tmp_path / "q")
    with pytest.raises(FileNotFoundError):
        evaluate.evaluate_file(some_vectors(), tmp_path / "nothing")


def test_equal_cosines_have_no_correlation():
    vectors = Vectors(WORDS, np.ones((6, 3)))
    with pytest.raises(EvaluationError, match="all 2 cosines are equal"):
        evaluate.similarity(vectors, [("tiger", "cat", 6), ("book", "paper", 7)])
    with pytest.raises(EvaluationError, match="all 2 scores are equal"):
        evaluate.similarity(some_vectors(), [("tiger", "cat", 6), ("book", "paper", 6)])


# --- intervals -----------------------------------------------------------------------------------


@given(values=VALUES, seed=st.integers(0, 99))
def test_correlations_under_weights_are_those_of_repeated_items(values, seed):
    x, y = np.array(values, dtype=float).T
    drawn = np.random.default_rng(seed).integers(len(x), size=len(x))
    assume(np.ptp(x[drawn]) > 1e-6 and np.ptp(y[drawn]) > 1e-6)
    weights = np.bincount(drawn, minlength=len(x))[None]
    ranks = weighted_spearman(WeightedRanks(x), WeightedRanks(y), weights)
    expected = stats.spearmanr(x[drawn], y[drawn]).statistic
    np.testing.assert_allclose(ranks, [expected], atol=1e-9)
    linear = weighted_pearson(x, y, weights)
    np.testing.assert_allclose(linear, [stats.pearsonr(x[drawn], y[drawn]).statistic], atol=1e-6)


def test_intervals_are_those_of_scipy_but_for_the_draws():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = np.round(x + rng.normal(size=200))
    options = {"paired": True, "vectorized": False, "method": "percentile", "n_resamples": 400}
    ours = bootstrap.spearman_interval(x, y), bootstrap.pearson_interval(x, y)
    for interval, score in zip(ours, (stats.spearmanr, stats.pearsonr), strict=True):
        theirs = stats.bootstrap((x, y), lambda a, b, s=score: s(a, b).statistic, rng=1, **options)
        np.testing.assert_allclose(interval, theirs.confidence_interval, atol=0.02)


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution():
    low, high = bootstrap.share_interval(300, 1000)
    expected = stats.binom(1000, 0.3).ppf([0.025, 0.975]) / 1000
    np.testing.assert_allclose([low, high], expected, atol=0.004)


def test_few_items_have_no_interval():
    x = np.arange(9.0)
    assert bootstrap.spearman_interval(x, x) is None
    assert bootstrap.pearson_interval(x, x) is None
    assert bootstrap.share_interval(5, 9) is None
    assert bootstrap.spearman_interval(np.arange(10.0), np.arange(10.0)) == (1, 1)


# --- frequency bands -----------------------------------------------------------------------------


def test_bands_are_told_by_the_rarest_word(tmp_path):
    words = [f"w{i}" for i in range(1500)]
    vectors = some_vectors(words[::-1], counts=np.arange(1500)[::-1] + 1)
    pairs = [("w1499", f"w{i}", i % 7) for i in range(480, 520)]
    result = evaluate.similarity(vectors, pairs)
    assert [(band.name, band.pairs_used) for band in result.bands] == [
        ("1-1,000", 20),  # w500 has rank 1,000
        ("1,001-10,000", 20),
    ]
    rare = evaluate.similarity(vectors, pairs[:20])
    assert result.bands[1].spearman == rare.spearman
    assert result.bands[1].spearman_interval == rare.spearman_interval
    lines = [f"w1499 w1498 w1497 w{i}" for i in (480, 481, 900)]
    questions = evaluate.analogies(vectors, write(tmp_path / "q", "\n".join(lines)), restrict=None)
    assert [(band.name, band.total) for band in questions.bands] == [
        ("1-1,000", 1),
        ("1,001-10,000", 2),
    ]


def test_ranks_come_from_counts_or_from_the_order():
    assert ranks_of(some_vectors(["a", "b", "c"], counts=[1, 5, 1])).tolist() == [1, 0, 2]
    assert ranks_of(some_vectors(["the", "of", "and"])).tolist() == [0, 1, 2]
    assert ranks_of(some_vectors(["a", "b", "c"])) is None
    result = evaluate.similarity(
        some_vectors(sorted(WORDS)), [("tiger", "cat", 7), ("book", "paper", 1)]
    )
    assert result.bands == ()


def test_the_edges_of_bands_belong_to_the_more_frequent():
    ranks = np.array([0, 999, 1000, 9999, 10_000, 99_999, 100_000])
    assert [(name, where.tolist()) for name, where in bands_of(ranks)] == [
        ("1-1,000", [0, 1]),
        ("1,001-10,000", [2, 3]),
        ("10,001-100,000", [4, 5]),
        ("over 100,000", [6]),
    ]


# --- subwords ------------------------------------------------------------------------------------


def test_subwords_make_vectors_of_unknown_words_only_where_asked():
    rows = np.random.default_rng(1).normal(size=(50, 5)).astype(np.float32)
    subwords = Subwords(rows, NGrams("chars", 3, 4, 50))
    vectors = some_vectors(tokenizer="words", subwords=subwords)
    pairs = [("tiger", "cat", 7), ("book", "Zebra", 3), ("Emu", "zebra", 1), ("paper", "book", 2)]
    plain = evaluate.similarity(vectors, pairs)
    assert (plain.pairs_used, plain.pairs_lost, plain.pairs_made) == (2, 2, 0)
    made = evaluate.similarity(vectors, pairs, subwords=True)
    assert (made.pairs_used, made.pairs_lost, made.pairs_made) == (4, 0, 2)
    cosines = [vectors.similarity(a.lower(), b.lower()) for a, b, _ in pairs]
    assert made.spearman == pytest.approx(stats.spearmanr(cosines, [7, 3, 1, 2]).statistic)
    assert made.pearson == pytest.approx(stats.pearsonr(cosines, [7, 3, 1, 2]).statistic)
    assert sum(band.pairs_used for band in made.bands) == 2
    assert evaluate.similarity(some_vectors(), pairs, subwords=True) == evaluate.similarity(
        some_vectors(), pairs
    )
