"""The benchmarks run, and their statistics are right. Speed is not tested: machines differ."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

import sajeon

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = (
    "_bootstrap",
    "_common",
    "_report",
    "_sides",
    "determinism",
    "encode",
    "items",
    "quality",
    "scaling",
    "search",
    "word2vec",
)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Function that imports a benchmark; they are scripts in a folder, not a package."""
    if not FOLDER.is_dir():
        pytest.skip("the benchmarks are not here: this is not the source folder")
    monkeypatch.syspath_prepend(FOLDER)
    yield import_module
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def bootstrap(load) -> ModuleType:
    return load("_bootstrap")


def text_of(num_lines: int) -> str:
    """Lines of ten words each, the frequent ones more often."""
    rng = np.random.default_rng(0)
    ids = (60 * rng.random((num_lines, 10)) ** 2).astype(int)
    return "".join(" ".join(f"Word{i:02}" for i in line) + ".\n" for line in ids)


def test_weighted_scores_are_those_of_the_resample_written_out(bootstrap):
    rng = np.random.default_rng(1)
    human = rng.integers(0, 10, 50).astype(float)  # with ties
    values = np.round(rng.normal(size=(3, 50)), 1)
    weights = rng.multinomial(50, np.full(50, 0.02), size=20)
    found = bootstrap.scores(values, human, weights)
    for r, row in enumerate(weights):
        drawn = np.repeat(np.arange(50), row)
        expected = [stats.spearmanr(x[drawn], human[drawn]).statistic for x in values]
        np.testing.assert_allclose(found[:, r], expected, atol=1e-12)
    right = (values > 0).astype(float)
    shares = bootstrap.scores(right, None, weights)
    np.testing.assert_allclose(shares[:, 0], [np.average(x, weights=weights[0]) for x in right])


def test_the_interval_of_a_share_is_the_one_of_theory(bootstrap):
    """Ours right on 60 % of 4,000 questions, theirs on a random half of all."""
    rng = np.random.default_rng(2)
    ours, theirs = rng.random((1, 4000)) < 0.6, rng.random((1, 4000)) < 0.5
    items = bootstrap.Items("set", ours.astype(float), theirs.astype(float), None, 0)
    row = bootstrap.compare([items], 4000)[0]
    difference = ours.astype(float) - theirs
    error = 1.96 * difference.std() / np.sqrt(4000)
    assert row.low == pytest.approx(difference.mean() - error, abs=0.003)
    assert row.high == pytest.approx(difference.mean() + error, abs=0.003)


def test_the_interval_knows_that_seeds_differ(bootstrap):
    """All items agree within a seed, so only the choice of seeds can move the difference."""
    ours = np.repeat([[0.0], [1.0], [0.0], [1.0]], 500, axis=1)
    items = bootstrap.Items("set", ours, np.zeros((4, 500)), None, 0)
    row = bootstrap.compare([items], 2000)[0]
    assert row.ours - row.theirs == 0.5
    assert (row.low, row.high) == (0.0, 1.0)


def test_the_same_vectors_are_not_worse_and_noise_is(bootstrap):
    rng = np.random.default_rng(3)
    human = rng.random(400)
    good = human + 0.3 * rng.normal(size=(5, 400))
    bad = human + 0.9 * rng.normal(size=(5, 400))
    same = bootstrap.Items("same", good, good, human, 0)
    worse = bootstrap.Items("worse", bad, good, human, 0)
    rows = bootstrap.compare([same, worse], 300)
    assert [row.not_worse for row in rows] == [True, False, False]
    assert (rows[0].low, rows[0].high) == (0.0, 0.0)
    assert [row.floor for row in rows] == [-0.015, -0.015, -0.005]
    assert rows[2].ours == pytest.approx((rows[0].ours + rows[1].ours) / 2)


@pytest.mark.parametrize(("low", "expected"), [(-0.0149, True), (-0.0151, False)])
def test_the_lower_end_of_the_interval_decides(bootstrap, low, expected):
    row = bootstrap.Comparison("set", 0.5, 0.5, low, 0.02, bootstrap.ONE_SET)
    assert row.not_worse is expected


def test_both_sides_are_evaluated_on_the_same_items(load, text_file):
    """The peer knows its words in another order, one more, and one less."""
    quality = load("quality")
    rng = np.random.default_rng(4)
    words = [f"w{i}" for i in range(20)]
    matrix = rng.normal(size=(20, 5)).astype(np.float32)
    order = rng.permutation(19)
    theirs = [words[i] for i in order] + ["</s>"]
    their_matrix = np.vstack([matrix[order], np.ones((1, 5), np.float32)])
    lines = [f"w{i}\tw{i + 1}\t{rng.random():.3f}" for i in range(19)]
    path = text_file("\n".join(lines), "pairs.txt")
    (items,) = quality.items_of([(words, matrix)], [(theirs, their_matrix)], [path])
    assert items.lost == 1  # w18 w19
    np.testing.assert_array_equal(items.ours, items.theirs)
    vectors = quality.Vectors(words[:19], matrix[:19])
    expected = quality.evaluate.similarity(vectors, path).spearman
    assert load("_bootstrap").scores(items.ours, items.human)[0, 0] == pytest.approx(expected)


def test_ratios_are_taken_in_each_repetition_to_the_faster_mode(load):
    """Of the modes 30 and 20 s, then 12 and 16 s, against 2 s and 1 s: 10 and 12 times."""
    common, report = load("_common"), load("_report")
    job = common.Job("text", "sajeon", "skipgram", 8, 1, 0.025, 2, 1)
    seconds = {"sajeon": (2, 1), "gensim-list": (30, 12), "gensim-file": (20, 16)}
    runs = [
        report.Run(i, replace(job, side=side), common.Result(s, s, s, 0.0, 1000, 10, 5_000_000))
        for side, both in seconds.items()
        for i, s in enumerate(both)
    ]
    whole = common.Result(None, 40.0, 50.0, 1.0, 1000, 11)
    for threads, time in ((10, 40.0), (16, 30.0)):
        result = replace(whole, count_and_train=time)
        runs.append(report.Run(0, replace(job, side="fasttext", threads=threads), result))
    summary = report.Summary(runs)
    assert summary.ratio(["gensim-list", "gensim-file"], "train", spread=True) == (
        "11.0 (10.0 to 12.0)"
    )
    assert summary.ratio(["fasttext"], "count_and_train") == "15.0"
    assert summary.ratio(["fasttext"], "train") == ""
    assert summary.fasttext_threads == 16
    assert (summary.rates("sajeon"), summary.rates("fasttext")) == ("1k", "not parted")
    assert (summary.memory("sajeon"), summary.memory("fasttext")) == ("5 MB", "not known")


def test_text_is_cut_where_it_holds_enough_words(load, text_file, tmp_path):
    common = load("_common")
    long = "x " * 10_003 + "\n"
    text = common.unpack(text_file("One two.\nthree\n" + long + "four\n"), tmp_path, 10_000)
    assert (text.tokens, text.lines, text.cut_lines, text.cut_tokens) == (10_006, 3, 1, 3)
    assert text.path.read_text() == "One two.\nthree\n" + long


@pytest.mark.slow
def test_the_benchmark_of_word_vectors_runs(load, text_file, tmp_path):
    """With both modes of gensim; fastText is left out, since it has to be built from source."""
    pytest.importorskip("gensim")
    word2vec = load("word2vec")
    pairs = "\n".join(f"word{i:02}\tword{i + 20:02}\t{i}" for i in range(15))
    command = [str(text_file(text_of(500))), "--models", "skipgram", "--dims", "8", "--epochs", "1"]
    command += ["--reps", "1", "--peers", "gensim-list,gensim-file", "--threads", "1"]
    command += ["--quality", "--seeds", "1", "--sets", str(text_file(pairs, "pairs.txt"))]
    command += ["--resamples", "20", "--cache", str(tmp_path / "vectors")]
    command += ["--results", str(tmp_path / "runs.jsonl"), "--out", str(tmp_path / "table.md")]
    word2vec.main(command)
    table = (tmp_path / "table.md").read_text()
    rows = [line.split("|")[2].strip() for line in table.splitlines() if "skip-gram, dim 8" in line]
    assert rows[1:] == ["sajeon", "gensim, lists", "gensim, `corpus_file`"]
    assert "| pairs.txt | 15 | 0 |" in table
    assert "5,000 words in 500 lines" in table
    assert len(list((tmp_path / "vectors").glob("*.npy"))) == 3

    measured = (tmp_path / "runs.jsonl").read_text()
    word2vec.main(command)  # everything is there already, so nothing is trained
    assert (tmp_path / "runs.jsonl").read_text() == measured
    assert (tmp_path / "table.md").read_text() == table


@pytest.mark.slow
def test_the_benchmark_of_sentence_vectors_runs(load, text_file, tmp_path):
    """model2vec gives the same vectors, weighted or not."""
    pytest.importorskip("model2vec")
    pytest.importorskip("gensim")
    corpus, model = text_file(text_of(400)), tmp_path / "model"
    sajeon.train(str(corpus), dim=8, epochs=1, min_count=1, tokens="words").save(model)
    sentence = "Word01 word02."
    for name in ("dev", "test"):
        lines = [f"g\tf\ty\t{i}\t{i % 5}\t{sentence}\tWord{i:02}" for i in range(30)]
        (tmp_path / f"sts-{name}.csv").write_text("\n".join(lines))
    command = [str(model), str(corpus), "--sts", str(tmp_path), "--texts", "300", "--repeat", "1"]
    load("encode").main([*command, "--out", str(tmp_path / "table.md")])
    report = (tmp_path / "table.md").read_text()
    apart = [float(row.split("|")[-2]) for row in report.splitlines() if "| model2vec," in row]
    assert len(apart) == 4
    assert max(apart) < 1e-6
    assert "| sajeon, sif |" in report


@pytest.mark.slow
def test_the_benchmark_of_search_runs(load, tmp_path):
    """faiss takes part only where it is installed."""
    pytest.importorskip("gensim")
    search = load("search")
    out = tmp_path / "table.md"
    command = ["--rows", "3000", "--dim", "20", "--queries", "40", "--repeat", "1"]
    search.main([*command, "--out", str(out)])
    report = out.read_text()
    assert "3,000 x 20, the 10 nearest" in report
    for side in ("float32", "float16", "int8"):
        assert report.count(f"| sajeon, {side} |") == 3
    assert report.count("| gensim `most_similar` |") == 2
    assert report.count("| NumPy product and `argpartition` |") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["determinism", "scaling"])
def test_the_benchmarks_of_rounds_run(load, text_file, tmp_path, name):
    rng = np.random.default_rng(0)
    lines = (9000 * rng.random((80_000, 10)) ** 2).astype(int)
    text = text_file("\n".join(" ".join(f"w{i}" for i in line) for line in lines))
    few = {"determinism": ["--threads", "2", "--reps", "1"], "scaling": []}[name]
    benchmark = load(name)
    command = [str(text), "--models", "skipgram", "--dims", "8", "--out", str(tmp_path / "t.md")]
    benchmark.main([*command, *few])
    rows = [
        line for line in (tmp_path / "t.md").read_text().splitlines() if "skip-gram | 8 |" in line
    ]
    assert len(rows) == {"determinism": 1, "scaling": 5}[name]
