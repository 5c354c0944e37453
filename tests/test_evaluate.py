"""Evaluation: against scipy and gensim on the same vectors."""

import contextlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from sajeon import evaluate
from sajeon.errors import EvaluationError, FormatError
from sajeon.formats import testsets
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
    with pytest.raises(FileNotFoundError):
        evaluate.evaluate_file(some_vectors(), tmp_path / "nothing")


def test_equal_cosines_have_no_correlation():
    vectors = Vectors(WORDS, np.ones((6, 3)))
    with pytest.raises(EvaluationError, match="all 2 cosines are equal"):
        evaluate.similarity(vectors, [("tiger", "cat", 6), ("book", "paper", 7)])
    with pytest.raises(EvaluationError, match="all 2 scores are equal"):
        evaluate.similarity(some_vectors(), [("tiger", "cat", 6), ("book", "paper", 6)])
