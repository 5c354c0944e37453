"""Alignment against SciPy, a rotation that is known, and a plain loop for CSLS."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

import sajeon
from sajeon.cli.app import app
from sajeon.csls import csls, mean_nearest, ranks
from sajeon.errors import FormatError
from sajeon.formats.dictionary import read_dictionary
from sajeon.search import unit
from sajeon.subwords import NGrams, Subwords

DIM = 8


def model(matrix, prefix="w", **more) -> sajeon.Vectors:
    return sajeon.Vectors([f"{prefix}{i}" for i in range(len(matrix))], matrix, **more)


@pytest.fixture
def pair():
    """Two models of one shape: the second is the first, rotated, with noise."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, DIM)) * rng.uniform(0.5, 3, (300, 1))
    rotation = ortho_group.rvs(DIM, random_state=rng)
    noisy = rows @ rotation + 0.2 * rng.normal(size=rows.shape)
    return model(rows), model(noisy), rotation


@pytest.mark.parametrize("centre", [False, True])
def test_the_rotation_is_that_of_scipy(pair, centre):
    source, target, _ = pair
    found = sajeon.align(source, target, centre=centre)
    x, y = unit(source.matrix), unit(target.matrix)
    if centre:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    expected, _ = orthogonal_procrustes(x, y)
    np.testing.assert_allclose(found.rotation, expected, atol=1e-9)
    mapped = x @ expected + (unit(target.matrix).mean(axis=0) if centre else 0)
    lengths = np.linalg.norm(source.matrix, axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors.matrix, lengths * mapped, atol=1e-5)
    assert (found.pairs, found.lost) == (300, 0)


def test_a_known_rotation_is_recovered(pair):
    source, _, rotation = pair
    target = model(source.matrix.astype(np.float64) @ rotation)
    found = sajeon.align(source, target)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-6)
    np.testing.assert_allclose(found.vectors.matrix, target.matrix, atol=1e-5)
    p = found.precision
    assert (p.words, p.among) == (30, 300)
    assert (p.nearest_1, p.nearest_5, p.csls_1, p.csls_5) == (1, 1, 1, 1)


def test_a_rotation_into_more_dimensions_keeps_cosines(pair):
    source, target, _ = pair
    wide = ortho_group.rvs(12, random_state=1)[:DIM]
    larger = model(target.matrix @ wide)
    found = sajeon.align(source, larger)
    assert found.rotation.shape == (DIM, 12)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(DIM), atol=1e-12)
    same_space = sajeon.align(source, target)
    np.testing.assert_allclose(found.vectors.matrix, same_space.vectors.matrix @ wide, atol=1e-5)
    with pytest.raises(ValueError, match=r"the source has 12 dimensions and the target 8: .*round"):
        sajeon.align(larger, source)


def test_two_languages_are_aligned_by_a_dictionary(pair, text_file):
    source, target, _ = pair
    foreign = model(target.matrix, prefix="x")
    pairs = [(f"w{i}", f"x{i}") for i in range(200)]
    found = sajeon.align(source, foreign, [*pairs, ("w1", "x1"), ("zzz", "x1"), ("w1", "zzz")])
    assert (found.pairs, found.lost) == (200, 2)
    right = [foreign.nearest(found.vectors[f"w{i}"], k=1)[0][0] == f"x{i}" for i in range(200, 300)]
    assert np.mean(right) > 0.95  # words that the dictionary does not have
    tabs = "\ufeff" + "".join(f"{a}\t{b}\r\n" for a, b in pairs) + "\n"
    blanks = "\n".join(f"{a}  {b}" for a, b in pairs)
    for same in (dict(pairs), text_file(tabs, "t.tsv"), str(text_file(blanks, "b.txt"))):
        np.testing.assert_array_equal(
            sajeon.align(source, foreign, same).rotation,
            sajeon.align(source, foreign, pairs).rotation,
        )


def test_precision_is_of_words_that_were_held_out(pair):
    source, target, _ = pair
    noise = np.random.default_rng(0).normal(size=target.matrix.shape)
    target = model(target.matrix + 1.5 * noise)
    found = sajeon.align(source, target, held_out=0.5, restrict=50, seed=3)
    tested = np.random.default_rng(3).choice(50, 50, replace=False)
    rest = np.setdiff1d(np.arange(300), tested)
    rotation, _ = orthogonal_procrustes(unit(source.matrix[rest]), unit(target.matrix[rest]))
    x, y = unit(source.matrix[:50]) @ rotation, unit(target.matrix[:50])
    order = np.argsort(-(x @ y.T), axis=1)
    assert found.precision.words == 50
    assert found.precision.nearest_1 == np.mean(order[:, 0] == np.arange(50))
    assert found.precision.nearest_5 == np.mean((order[:, :5] == np.arange(50)[:, None]).any(1))
    local = np.argsort(-naive_csls(x, x, y, 10), axis=1)
    assert found.precision.csls_1 == np.mean(local[:, 0] == np.arange(50))
    assert found.precision.nearest_1 < found.precision.nearest_5 < 1
    assert sajeon.align(source, target, held_out=0).precision is None
    assert sajeon.align(source, target, [(f"w{i}", f"w{i}") for i in range(9)]).precision is None


def test_any_of_several_answers_is_right(pair):
    source, target, rotation = pair
    target = model(source.matrix.astype(np.float64) @ rotation)
    pairs = [(f"w{i}", f"w{i}") for i in range(300)]
    wrong = [(f"w{i}", f"w{(i + 1) % 300}") for i in range(0, 300, 10)]
    found = sajeon.align(source, target, [*wrong, *pairs], held_out=0.9)
    assert found.precision.nearest_1 > 0.9
    assert found.precision.words == 270


def naive_csls(queries, source, target, k):
    """Conneau et al. (2018), section 2.3, row by row."""
    scores = np.empty((len(queries), len(target)))
    for i, x in enumerate(queries):
        own = np.mean(sorted((float(x @ y) for y in target), reverse=True)[:k])
        for j, y in enumerate(target):
            theirs = np.mean(sorted((float(x @ y) for x in source), reverse=True)[:k])
            scores[i, j] = 2 * (x @ y) - own - theirs
    return scores


@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_csls_is_that_of_a_plain_loop(k, n, m, seed):
    rng = np.random.default_rng(seed)
    source, target = (unit(rng.normal(size=(rows, 3))).astype(np.float32) for rows in (n, m))
    np.testing.assert_allclose(
        csls(source[:4], source, target, k), naive_csls(source[:4], source, target, k), atol=1e-5
    )


def test_blocks_do_not_change_means(monkeypatch):
    rng = np.random.default_rng(0)
    rows, others = (unit(rng.normal(size=(n, 4))).astype(np.float32) for n in (50, 30))
    whole = mean_nearest(rows, others)
    monkeypatch.setattr("sajeon.csls._HELD", 70)
    np.testing.assert_allclose(mean_nearest(rows, others), whole, atol=1e-6)


def test_ranks_count_what_is_better():
    scores = np.array([[0.1, 0.5, 0.3], [0.9, 0.2, 0.9]], np.float32)
    assert ranks(scores, [np.array([2]), np.array([1, 0])]).tolist() == [1, 0]


def test_small_numbers_and_subwords_are_rotated_too(pair):
    source, target, _ = pair
    int8 = np.round(source.matrix * 20).clip(-127, 127).astype(np.int8)
    scales = np.full(300, 0.05, np.float32)
    small = model(int8, scales=scales)
    found = sajeon.align(small, target)
    np.testing.assert_allclose(found.vectors.matrix, 0.05 * int8 @ found.rotation, atol=1e-5)
    ngrams = np.random.default_rng(0).normal(size=(50, DIM)).astype("f4")
    subwords = Subwords(ngrams, NGrams("chars", 2, 3, 50))
    found = sajeon.align(model(source.matrix, subwords=subwords), target)
    expected = subwords.vector("unseen") @ found.rotation
    np.testing.assert_allclose(found.vectors["unseen"], expected, atol=1e-5)
    centred = sajeon.align(model(source.matrix, subwords=subwords), target, centre=True)
    assert centred.vectors.subwords is None


def test_what_belongs_to_the_source_stays(pair, tmp_path):
    source, target, _ = pair
    counts = np.arange(300)[::-1]
    source = model(source.matrix, counts=counts, tokenizer="whitespace", settings={"model": "cbow"})
    found = sajeon.align(source, target).vectors
    found.save(tmp_path / "aligned")
    again = sajeon.load(tmp_path / "aligned")
    assert list(again.tokens) == list(source.tokens)
    np.testing.assert_array_equal(again.counts, counts)
    assert again.tokenizer == source.tokenizer
    assert again.settings["model"] == "cbow"
    assert again.settings["aligned"] == {"pairs": 300, "centre": False}


def test_vectors_without_direction_are_lost(pair):
    source, target, _ = pair
    broken = source.matrix.copy()
    broken[0], broken[1], broken[2] = 0, np.nan, np.inf
    found = sajeon.align(model(broken), target)
    assert (found.pairs, found.lost) == (297, 3)
    assert np.isfinite(found.rotation).all()
    assert np.isfinite(sajeon.align(model(broken), target, centre=True).rotation).all()
    assert found.vectors.nearest("w5", k=1)


def test_fewer_pairs_than_dimensions_are_warned_of(pair):
    source, target, _ = pair
    with pytest.warns(RuntimeWarning, match="5 pairs are known for 8 dimensions"):
        sajeon.align(source, target, [(f"w{i}", f"w{i}") for i in range(5)])


def test_errors_say_what_to_do(pair):
    source, target, _ = pair
    foreign = model(target.matrix, prefix="x")
    with pytest.raises(ValueError, match="none in common; two languages need a dictionary"):
        sajeon.align(source, foreign)
    with pytest.raises(ValueError, match=r"none of 2 pairs .* The other way round 1 are: turn"):
        sajeon.align(source, foreign, [("x1", "w1"), ("y", "y")])
    with pytest.raises(ValueError, match="pair 2: expected two words, got 'ab'"):
        sajeon.align(source, foreign, [("w1", "x1"), "ab"])
    with pytest.raises(ValueError, match="held_out must be"):
        sajeon.align(source, target, held_out=1)
    with pytest.raises(ValueError, match="restrict must be"):
        sajeon.align(source, target, restrict=0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a\tb\nc\n", r"d.tsv:2: expected two words"),
        ("a b c\n", r"d.tsv:1: expected two words"),
        ("a\t\n", r"d.tsv:1: expected two words"),
        ("\n\n", "there is none"),
        (b"a\t\xff\n", r"d.tsv:1: .*not UTF-8"),
        (b"\0\0\0", "binary file"),
    ],
)
def test_a_file_of_something_else_is_refused(text_file, data, said):
    with pytest.raises(FormatError, match=said):
        read_dictionary(text_file(data, "d.tsv"))


def run(*args):
    return CliRunner().invoke(app, list(map(str, args)), prog_name="sajeon")


def test_the_command(pair, tmp_path, text_file):
    source, target, _ = pair
    source.save(tmp_path / "a")
    target.save(tmp_path / "b")
    done = run("align", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "c")
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    p = sajeon.align(source, target).precision
    assert rows[0] == ["cosine", f"{p.nearest_1:.4f}", f"{p.nearest_5:.4f}", "30", "300"]
    assert rows[1][0] == "csls"
    assert "300 pairs, 0 lost; saved in" in done.stderr
    np.testing.assert_array_equal(
        sajeon.load(tmp_path / "c").matrix, sajeon.align(source, target).vectors.matrix
    )
    few = text_file("w1\tw2\nw3\tw3\nw4\tw7\nno\tno\n", "d.tsv")
    args = ("align", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "c", "--dictionary", few)
    facts = json.loads(run(*args, "--json").stdout)
    assert (facts["pairs"], facts["lost"], facts["precision"]) == (3, 1, None)
    done = run(*args)
    assert "fewer pairs than the 8 dimensions" in done.stderr
    assert "was not measured" in done.stderr
    assert run("align", tmp_path / "a", tmp_path / "no", "-o", tmp_path / "c").exit_code == 1
