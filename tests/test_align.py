"""Alignment: SciPy's rotation, a rotation that is known, held-out pairs, dictionaries."""

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

import sajeon
from sajeon import Vectors
from sajeon.alignment import _mean_of_nearest, procrustes, read_dictionary
from sajeon.cli import app

WORDS = [f"w{i}" for i in range(400)]


@pytest.fixture
def turned():
    """A model; and the same, turned, in another order, with some words of its own."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, 12)).astype(np.float32)
    rotation = ortho_group.rvs(12, random_state=0)
    order = rng.permutation(400)
    other = np.vstack([(matrix @ rotation)[order], rng.normal(size=(5, 12))])
    tokens = [WORDS[i] for i in order] + [f"own{i}" for i in range(5)]
    return Vectors(WORDS, matrix, np.arange(400, 0, -1)), Vectors(tokens, other), rotation


def test_the_rotation_is_that_of_scipy():
    x, y = np.random.default_rng(1).normal(size=(2, 50, 7))
    np.testing.assert_allclose(procrustes(x, y), orthogonal_procrustes(x, y)[0], atol=1e-12)


def test_a_rotation_that_is_known_is_found(turned):
    source, target, rotation = turned
    found = sajeon.align(source, target)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-5)
    assert (found.pairs, found.lost) == (400, 0)
    for word in WORDS[:5]:
        np.testing.assert_allclose(found.vectors[word], target[word], atol=1e-4)
        assert found.vectors.similarity(word, "w7") == pytest.approx(
            source.similarity(word, "w7"), abs=1e-5
        )
    assert found.held_out == 40
    assert found.precision == {"cosine@1": 1, "cosine@5": 1, "csls@1": 1, "csls@5": 1}
    assert (found.vectors.counts == source.counts).all()


def test_pairs_of_chance_are_not_found(turned):
    source, target, _ = turned
    shuffled = np.random.default_rng(2).permutation(WORDS)
    found = sajeon.align(source, target, zip(WORDS, shuffled, strict=True))
    assert found.precision["cosine@5"] < 0.2


def test_a_dictionary_is_read_and_its_lost_words_counted(turned, tmp_path):
    source, target, rotation = turned
    renamed = Vectors([f"t:{token}" for token in target.tokens], target.matrix)
    path = tmp_path / "pairs.tsv"
    lines = [f"{w}\tt:{w}" for w in WORDS[:100]] + ["", "w1 t:none", "none\tt:w1"]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert len(read_dictionary(path)) == 102
    found = sajeon.align(source, renamed, path)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-5)
    assert (found.pairs, found.lost) == (100, 2)
    with pytest.raises(sajeon.EvaluationError, match="no word in common: give a dictionary"):
        sajeon.align(source, renamed)
    with pytest.raises(sajeon.EvaluationError, match="other way round"):
        sajeon.align(renamed, source, path)


def test_a_word_with_two_translations_is_right_with_either(turned):
    source, target, _ = turned
    pairs = [pair for w in WORDS for pair in ((w, w), (w, WORDS[0]))]
    found = sajeon.align(source, target, [(w, w) for w in WORDS] * 3 + pairs[1:40:2])
    assert found.precision["cosine@1"] > 0.9


def test_csls_takes_the_mean_of_the_ten_nearest():
    rows, others = (
        x / np.linalg.norm(x, axis=1, keepdims=True)
        for x in np.random.default_rng(3).normal(size=(2, 30, 5))
    )
    expected = [np.mean(sorted(row @ other for other in others)[-10:]) for row in rows]
    np.testing.assert_allclose(_mean_of_nearest(rows, others), expected)


def test_what_cannot_be_aligned_is_refused(turned, tmp_path):
    source, target, _ = turned
    with pytest.raises(ValueError, match="same dim, got 12 and 3"):
        sajeon.align(source, Vectors(["w1"], np.ones((1, 3))))
    with pytest.warns(RuntimeWarning, match="5 pairs do not determine"):
        sajeon.align(source, target, [(w, w) for w in WORDS[:5]])
    for text, said in (("a b c\n", ":1: expected two words"), ("", "holds none"), ("\n\na", ":3:")):
        (tmp_path / "d").write_text(text)
        with pytest.raises(sajeon.FormatError, match=said):
            sajeon.align(source, target, tmp_path / "d")


def test_from_the_command_line(turned, tmp_path):
    source, target, _ = turned
    source.save(tmp_path / "s")
    target.save(tmp_path / "t")
    run = CliRunner().invoke(
        app, ["align", str(tmp_path / "s"), str(tmp_path / "t"), "-o", str(tmp_path / "a")]
    )
    assert run.exit_code == 0, run.output
    assert run.stdout.splitlines()[0] == "cosine@1\t1.0000\t40"
    assert "400 pairs; saved in" in run.stderr
    made = sajeon.load(tmp_path / "a")
    np.testing.assert_allclose(made["w3"], target["w3"], atol=1e-4)
