"""Going on from a model: its words stay, those that only the new text holds are added."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import sajeon
from sajeon.cli import app
from sajeon.learn import trainer

OLD = [["cat", "dog", "milk", "cat", "bone"], ["king", "queen", "crown", "king"]] * 60
NEW = [["cat", "robot", "cat", "laser"], ["robot", "queen", "laser", "dog"]] * 80
SMALL = {"dim": 12, "min_count": 2, "sample": 0, "progress": False, "seed": 3}


@pytest.fixture(scope="module", params=["skipgram", "cbow"])
def old(request):
    return sajeon.train(OLD, model=request.param, **SMALL)


def test_words_the_new_text_lacks_keep_their_vectors_to_the_bit(old):
    both = sajeon.train(NEW, start_from=old, **SMALL)
    for token in ("milk", "bone", "king", "crown"):
        assert (both[token] == old[token]).all()
        output = {v: v.training["output"][v.tokens.find(token)] for v in (old, both)}
        assert (output[old] == output[both]).all()
    assert (both["cat"] != old["cat"]).any()
    assert set(both.tokens) == {*old.tokens, "robot", "laser"}


def test_counts_add_up_and_order_the_words(old):
    both = sajeon.train(NEW, start_from=old, **SMALL)
    counts = dict(zip(both.tokens, both.counts.tolist(), strict=True))
    assert counts["cat"] == 2 * 60 + 2 * 80
    assert counts["milk"] == 60
    assert counts["robot"] == 2 * 80
    assert (np.diff(both.counts) <= 0).all()


def test_known_words_move_from_where_they_are(old, monkeypatch):
    """With a learning rate of nearly nothing the model is what it was."""
    both = sajeon.train(NEW, start_from=old, lr=1e-12, **SMALL)
    np.testing.assert_allclose(both[list(old.tokens)], old[list(old.tokens)], atol=1e-6)
    assert 0 < np.abs(both["robot"]).max() <= 0.5 / 12


def test_a_known_word_counts_however_rare_it_is_in_the_new_text(old):
    both = sajeon.train([*NEW, ["milk", "robot"], ["rare", "robot"]], start_from=old, **SMALL)
    assert (both["milk"] != old["milk"]).any()
    assert "rare" not in both  # min_count is of the new words


def test_what_the_model_is_decides_what_is_learned(old):
    both = sajeon.train(NEW, start_from=old, min_count=2)
    assert both.settings["model"] == old.settings["model"]
    assert both.dim == 12
    assert len(both.settings["start_from"]) == 64
    with pytest.raises(ValueError, match="dim must be 12 as in the model to start from; got 50"):
        sajeon.train(NEW, start_from=old, dim=50)
    with pytest.raises(ValueError, match=r"learned with tokens=.*leave it out"):
        sajeon.train(["a b"], start_from=sajeon.train(["a b c"] * 9, min_count=1), tokens="chars")


def test_any_vectors_will_do(tmp_path):
    words = sajeon.Vectors(["robot", "far"], np.eye(2, 6, dtype=np.float32))
    both = sajeon.train(NEW, start_from=words, min_count=2, lr=1e-12)
    np.testing.assert_allclose(both["robot"], words["robot"], atol=1e-6)
    assert (both["far"] == words["far"]).all()
    assert both.dim == 6


def test_the_same_bits_on_any_number_of_threads_and_after_a_pause(old, tmp_path, monkeypatch):
    once = sajeon.train(NEW, start_from=old, threads=1, **SMALL)
    again = sajeon.train(NEW, start_from=old, threads=3, **SMALL)
    assert (once.matrix == again.matrix).all()

    def stopped(self, progress):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_look", lambda self: stopped(self, None))
        with pytest.raises(KeyboardInterrupt):
            sajeon.train(NEW, start_from=old, output=tmp_path / "m", checkpoint_every=1e-3, **SMALL)
    resumed = sajeon.train(NEW, start_from=old, output=tmp_path / "m", resume=True, **SMALL)
    assert (once.matrix == resumed.matrix).all()


def test_from_the_command_line_into_the_same_folder(tmp_path):
    def run(*args):
        return CliRunner().invoke(app, list(args), prog_name="sajeon")

    old, new, model = tmp_path / "old.txt", tmp_path / "new.txt", str(tmp_path / "m")
    old.write_text("\n".join(" ".join(line) for line in OLD), encoding="utf-8")
    new.write_text("\n".join(" ".join(line) for line in NEW), encoding="utf-8")
    assert run("train", str(old), "-o", model, "--dim", "8").exit_code == 0
    before = sajeon.load(model)["milk"].copy()
    said = run("train", str(new), "-o", model, "--from", model)
    assert said.exit_code == 0
    assert "2 of the words are new; 4 of the model's do not occur" in said.stderr
    assert (sajeon.load(model)["milk"] == before).all()
    config = json.loads((tmp_path / "m/config.json").read_text())
    assert len(config["sajeon"]["training"]["start_from"]) == 64
    lost = run("train", str(new), "-o", model, "--from", str(tmp_path / "none"))
    assert lost.exit_code == 1
    assert "none: there is no such file" in lost.stderr
