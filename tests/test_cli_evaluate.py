"""``sajeon evaluate`` and ``sajeon compare``: what is printed, and what is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import sajeon
from sajeon.cli import app, output
from sajeon.subwords import NGrams, Subwords
from sajeon.vectors import Vectors

WORDS = [f"word{i}" for i in range(60)]
PAIRS = [(WORDS[i], WORDS[(7 * i + 3) % 60], i % 11) for i in range(0, 60, 2)]


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], prog_name="sajeon")


def rows_of(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.stderr
    return [line.split("\t") for line in result.stdout.splitlines()]


def lines_of(pairs) -> str:
    return "".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Two models in two formats, and test sets, in the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = rng.normal(size=(60, 5))
    for name in ("one", "other"):
        matrix = (base + 0.5 * rng.normal(size=(60, 5))).astype(np.float32)
        Vectors(WORDS, matrix, counts=np.arange(60, 0, -1)).save(name)
    sajeon.convert("other", "other.glove")
    Path("pairs.tsv").write_text(lines_of([*PAIRS, ("word1", "queen", 3)]))
    questions = [f"word{i} word{i + 1} word{i + 2} word{i + 3}" for i in range(50)]
    Path("questions.txt").write_text(": made\n" + "\n".join(questions) + "\na b c d\n")
    Path("other.tsv").write_text("roi\treine\t9\nchat\tchien\t8\n")
    Path("few.tsv").write_text("word1\tword2\t9\nword3\tword4\t8\nword5\tword9\t1\n")
    Path("prose.txt").write_text("Of men and mice, of ships\nand wax and more of it\n")
    return tmp_path


# --- evaluate ------------------------------------------------------------------------------------


def test_evaluate_prints_a_line_for_each_score(folder):
    spearman, pearson, add, mul = rows_of(run("evaluate", "one", "pairs.tsv", "questions.txt"))
    vectors = sajeon.load("one")
    found = sajeon.evaluate.similarity(vectors, "pairs.tsv")
    low, high = found.spearman_interval
    numbers = [f"{x:.4f}" for x in (found.spearman, low, high, found.spearman_all)]
    assert spearman == ["pairs.tsv", "all", "spearman", *numbers, "30", "1"]
    assert pearson[2:4] == ["pearson", f"{found.pearson:.4f}"]
    for row, method in ((add, "add"), (mul, "mul")):
        found = sajeon.evaluate.analogies(vectors, "questions.txt", method=method)
        numbers = [f"{x:.4f}" for x in (found.accuracy, *found.accuracy_interval)]
        share = f"{found.accuracy_all:.4f}"
        measure = {"add": "3CosAdd", "mul": "3CosMul"}[method]
        assert row == ["questions.txt", "all", measure, *numbers, share, "50", "1"]


def test_evaluate_adds_sections_and_bands(folder):
    options = ["--sections", "--bands", "--method", "add"]
    rows = rows_of(run("evaluate", "one", "pairs.tsv", "questions.txt", *options))
    assert [row[:3] for row in rows] == [
        ["pairs.tsv", "all", "spearman"],
        ["pairs.tsv", "all", "pearson"],
        ["pairs.tsv", "band 1-1,000", "spearman"],
        ["questions.txt", "all", "3CosAdd"],
        ["questions.txt", "section made", "3CosAdd"],
        ["questions.txt", "band 1-1,000", "3CosAdd"],
    ]
    assert rows[2][3:6] == rows[0][3:6]
    assert rows[2][6:] == ["-", "30", "0"]  # what is lost has no rank
    assert rows[4][3:] == rows[3][3:]
    assert rows[5][6:] == ["-", "50", "0"]


def test_evaluate_restricts_what_analogies_know(folder):
    (row,) = rows_of(run("evaluate", "one", "questions.txt", "--method", "add", "--restrict", 30))
    assert row[-2:] == ["27", "24"]


def test_evaluate_as_json_has_everything(folder):
    result = run("evaluate", "one", "pairs.tsv", "questions.txt", "--json")
    pairs, add, mul = json.loads(result.stdout)
    found = sajeon.evaluate.similarity(sajeon.load("one"), "pairs.tsv")
    assert (pairs["name"], pairs["kind"]) == ("pairs.tsv", "similarity")
    assert pairs["pearson"] == found.pearson
    assert pairs["spearman_all_interval"] == list(found.spearman_all_interval)
    assert pairs["bands"][0]["name"] == "1-1,000"
    assert [section["name"] for section in add["sections"]] == ["made"]
    assert (add["kind"], add["method"], mul["method"]) == ("analogies", "add", "mul")


def test_evaluate_makes_vectors_of_subwords_where_asked(folder):
    rows = np.random.default_rng(1).normal(size=(50, 5)).astype(np.float32)
    one = sajeon.load("one")
    settings = {"min_n": 3, "max_n": 4, "num_buckets": 50}
    made = Vectors(
        one.tokens,
        one.matrix,
        settings=settings,
        subwords=Subwords(rows, NGrams("chars", 3, 4, 50)),
    )
    made.save("made")
    assert rows_of(run("evaluate", "made", "pairs.tsv"))[0][-2:] == ["30", "1"]
    assert rows_of(run("evaluate", "made", "pairs.tsv", "--subwords"))[0][-2:] == ["31", "0"]


def test_a_test_set_that_says_nothing_does_not_hide_the_others(folder):
    result = run("evaluate", "one", "other.tsv", "pairs.tsv")
    assert result.exit_code == 1
    assert result.stdout.startswith("pairs.tsv\tall\tspearman")
    assert result.stderr.startswith("sajeon: other.tsv: both words of 0 of 2 pairs")
    assert result.stderr.count("\n") == 1
    alone = run("evaluate", "one", "other.tsv", "--json")
    assert (alone.exit_code, alone.stdout) == (1, "")


def test_a_score_of_few_pairs_comes_with_a_warning(folder):
    result = run("evaluate", "one", "few.tsv")
    assert rows_of(result)[0][4:6] == ["-", "-"]
    assert result.stderr == "sajeon: warning: few.tsv: a score of 3 of 3 items says nothing.\n"
    assert (
        json.loads(run("evaluate", "one", "few.tsv", "--json").stdout)[0]["spearman_interval"]
        is None
    )


def test_a_file_that_is_no_test_set_is_named(folder):
    result = run("evaluate", "one", "prose.txt")
    assert result.exit_code == 1
    assert result.stderr.startswith("sajeon: prose.txt:2: expected two words and a score")


# --- compare -------------------------------------------------------------------------------------


def test_compare_tells_models_from_test_sets_in_any_order(folder):
    rows = rows_of(run("compare", "pairs.tsv", "one", "questions.txt", "other.glove"))
    found = sajeon.compare(
        ["one", "other.glove"], ["pairs.tsv", "questions.txt"], names=["one", "other.glove"]
    )
    kinds = [row[0] for row in rows]
    assert kinds == ["score"] * 4 + ["difference"] * 2 + ["overlap"] * 2 + ["word"] * 10
    file = found.files[0]
    numbers = [f"{x:.4f}" for x in (file.scores[0].score, *file.scores[0].interval)]
    assert rows[0] == ["score", "pairs.tsv", "spearman", "one", *numbers, "30", "1"]
    assert rows[3][1:4] == ["questions.txt", "3CosAdd", "other.glove"]
    first = found.differences[0]
    numbers = [f"{x:+.4f}" for x in (first.difference, *first.interval)]
    p = [f"{x:.2g}" for x in (first.p, first.p_holm)]
    assert rows[4] == ["difference", "pairs.tsv", "one", "other.glove", *numbers, *p, "no"]
    overlap = found.overlaps[0]
    numbers = [f"{x:.4f}" for x in (overlap.overlap, *overlap.interval, overlap.jaccard)]
    assert rows[6] == ["overlap", "one", "other.glove", "all", *numbers, "60"]
    changed = overlap.changed[0]
    both = [" ".join(side) for side in (changed.neighbours_a, changed.neighbours_b)]
    assert rows[8] == [
        "word", "one", "other.glove", changed.word, *both, f"{changed.overlap:.4f}",
    ]  # fmt: skip


def test_compare_passes_its_options_on(folder):
    options = ["--method", "mul", "--restrict", 30, "-k", 3, "--sample", 20]
    found = json.loads(run("compare", "one", "other", "questions.txt", *options, "--json").stdout)
    assert found["files"][0]["measure"] == "3CosMul"
    assert found["files"][0]["used"] == 27
    assert found["overlaps"][0]["k"] == 3
    assert found["overlaps"][0]["bands"][0]["sampled"] == 20
    assert found["models"] == ["one", "other"]


def test_compare_on_a_terminal_has_tables_with_headings(folder, monkeypatch):
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    monkeypatch.setattr("sajeon.cli.compare.on_terminal", lambda: True)
    text = run("compare", "one", "other", "pairs.tsv").stdout
    assert "Scores on what all models know (60 words), 95 % intervals\n" in text
    assert "Differences on the same items, sure if p_holm < 0.05: one and other\n" in text
    assert "Share of the 10 nearest neighbours in common" in text
    assert "Words whose neighbours differ most: one and other\n" in text


def test_models_of_the_same_name_are_told_apart_by_their_paths(folder):
    (folder / "more").mkdir()
    sajeon.load("other").save("more/one")
    rows = rows_of(run("compare", "one", "more/one"))
    assert rows[0][1:3] == ["one", "more/one"]


def test_models_of_other_languages_are_refused(folder):
    korean = [f"말{i}" for i in range(60)]
    Vectors(korean, sajeon.load("one").matrix).save("korean")
    result = run("compare", "one", "korean", "pairs.tsv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("sajeon: one and korean have 0 words in common")
    assert "of different languages" in result.stderr


def test_compare_says_what_it_doubts_and_goes_on(folder):
    result = run("compare", "one", "other", "few.tsv", "other.tsv")
    assert result.exit_code == 1
    assert result.stdout.startswith("score\tfew.tsv")
    assert "warning: few.tsv: scores of 3 items" in result.stderr
    assert "sajeon: other.tsv: all models know both words of 0 of 2 pairs" in result.stderr


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["one", "pairs.tsv"], 2, "give two models or more, got one"),
        (["pairs.tsv"], 2, "give two models or more, got none"),
        (["one", "one"], 2, "the model one is given twice"),
        (["one", "./one"], 2, "the model ./one is given twice"),
        (["one", "prose.txt"], 1, "prose.txt: neither a model nor a test set. As a model: "),
        (["one", "empty"], 1, "empty: neither a model nor a test set"),
        (["one", "nothing"], 1, "nothing: "),
        (["one", "."], 1, "expected a model folder"),
        (["one", "other", "--seeds", "3"], 2, "--seeds and --threads need --retrain"),
        (["one", "other", "--retrain", "prose.txt"], 2, "--retrain needs one MODEL, got 2"),
        (["one", "--retrain", "-"], 2, "give a file, not -"),
        (["one", "--retrain", "prose.txt"], 1, "found none"),
        (["one", "other", "-k", "0"], 2, "x>=1"),
    ],
)
def test_what_cannot_be_compared_is_said(folder, args, code, message):
    (folder / "empty").touch()
    result = run("compare", *args)
    assert result.exit_code == code
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())


def test_pairs_of_every_form_are_not_taken_for_vectors(folder):
    """Two words and numbers look much like a token and its vector."""
    forms = {
        "blanks": "word1 word2 7 1 2 3\nword3 word4 3 1 2 3\nword5 word6 1 1 2 3\n",
        "simlex": "a\tb\tPOS\tscore\tx\nword1\tword2\tN\t7\t0\nword3\tword4\tN\t3\t1\n",
        "csv": "a,b,score\nword1,word2,7\nword3,word4,3\n",
        "bare": "word1 word2 word3 word4\n",
    }
    for name, text in forms.items():
        Path(name).write_text(text)
    rows = rows_of(run("compare", "one", "other", *forms))
    assert [row[1] for row in rows if row[0] == "score"][::2] == list(forms)


def test_real_test_sets_are_told_from_vectors(data):
    from sajeon.cli.compare import _is_model

    files = [*sorted((data / "wordsim").iterdir()), *sorted((data / "analogy").iterdir())]
    files.append(data / "ko" / "WS353_korean.csv")
    assert [path.name for path in files if _is_model(str(path))] == []
    formats = data / "formats"
    for name in ("gensim.test_glove.txt", "gensim.toy-model.vec", "gensim.lee_fasttext_new.bin"):
        assert _is_model(str(formats / name))


def test_compare_trains_again_with_other_seeds(folder):
    draw = random.Random(0)
    text = "\n".join(" ".join(draw.choices(WORDS, k=12)) for _ in range(200))
    Path("corpus.txt").write_text(text)
    sajeon.train("corpus.txt", dim=6, min_count=1, epochs=1, output="trained")
    rows = rows_of(run("compare", "trained", "pairs.tsv", "--retrain", "corpus.txt", "--seeds", 2))
    found = sajeon.stability("trained", "corpus.txt", seeds=2, files=["pairs.tsv"])
    spread, band = found.spreads[0], found.bands[0]
    numbers = [f"{x:.4f}" for x in (spread.mean, spread.deviation, spread.low, spread.high)]
    assert rows[0] == ["spread", "pairs.tsv", "spearman", *numbers]
    numbers = [f"{x:.4f}" for x in (band.overlap, band.low, band.high, band.jaccard)]
    assert rows[1] == ["overlap", "all", *numbers]
    word = found.comparison.words[0]
    assert rows[3] == ["word", word.word, f"{word.overlap:.4f}"]
    result = run("compare", "trained", "--retrain", "corpus.txt", "--seeds", 2, "--json")
    assert json.loads(result.stdout)["overlap"] == found.overlap
