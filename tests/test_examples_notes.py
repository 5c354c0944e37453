"""The notes, replayed: what the scripts compute, and that their notebooks say and do the same."""

import importlib
import io
import json
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import sajeon

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[1] / "examples" / "notes"
SCRIPTS = sorted(FOLDER.glob("[0-9][0-9][0-9]_*.py"))
NAMES = [script.stem for script in SCRIPTS]


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Let the scripts find each other, and leave torch and the environment as they were."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def replay(monkeypatch):
    """Function that runs a script with arguments, and returns its names and what it printed."""

    def run(number, *arguments):
        (script,) = FOLDER.glob(f"{number}_*.py")
        monkeypatch.setattr(sys, "argv", [str(script), *arguments])
        with redirect_stdout(io.StringIO()) as out:
            names = runpy.run_path(str(script), run_name="__main__")
        return names, out.getvalue()

    return run


def test_000_linear_and_embedding(replay):
    names, printed = replay("000")
    assert dict(names["vocab"].token_to_id) == {
        "<unk>": 0, "<pad>": 1, "son": 2, "is": 3, "world-class": 4, "football": 5, "player": 6,
    }  # fmt: skip
    assert names["ids"].tolist() == [0, 3, 4, 5, 0, 6, 0, 0]
    assert names["table"].weight.shape == (7, 4)
    assert (names["rows"][[0, 4, 6, 7]] == names["rows"][0]).all()
    assert "a set has another order" in names["refusal"]
    assert names["gradient"].tolist() == [4, 0, 0, 1, 1, 1, 1]
    assert names["moved"].tolist() == [0, 3, 4, 5, 6]
    assert names["same_forward"]
    assert names["same_gradient"]
    assert names["on_one_line"]
    assert "Ids are row numbers" in names["float_error"]
    assert [sparse for _, _, sparse in names["costs"].values()] == [32e3, 320e3, 1600e3]
    assert "## 7. An id is a place" in printed


def test_001_lookup_table(replay):
    names, printed = replay("001", "--lang", "ko")
    assert len(set(names["from_sets"])) > 1  # the slip
    expected = [[0.1, 0.5, 0.7], [0.1, 0.8, 0.9], [0.4, 0.1, 0.1], [0, 0, 0]]
    assert names["rows"].tolist() == expected
    expected = [[0.2, 0.1, 0.8], [0.2, 0.9, 0.3], [0.4, 0.1, 0.1], [0, 0, 0]]
    assert names["rows_003"].tolist() == expected
    assert names["moved"] == [0, 3, 5, 6]
    assert names["layer"].weight[1].tolist() == [0, 0, 0]
    assert names["same"]
    assert "룩업 테이블이다" in printed
    assert "An embedding layer" not in printed


def test_002_ngram_language_model(replay):
    names, printed = replay("002")
    assert names["refused"] == ["TypeError", "RuntimeError"]
    phonemes = names["phonemes"]
    assert phonemes("knight") == phonemes("night")
    assert phonemes("국물") == ["ㄱ", "ㅜ", "ㅇ", "ㅁ", "ㅜ", "ㄹ"]
    assert phonemes("값") == ["ㄱ", "ㅏ", "ㅄ"]

    midi = [60, 62, 64, 64, 71, 65, 60]
    assert names["by_appearance"].tolist() == [0, 1, 2, 2, 3, 4, 0]
    assert names["by_step"].tolist() == [0, 1, 2, 2, 6, 3, 0]
    assert names["midi"].tolist() == midi
    assert names["levels"].tolist() == [*np.repeat(midi, 5), 128, 128]
    assert names["same_by_frame"]
    assert not names["same_by_level"]
    assert names["same_mean"]
    tune, backwards, higher = names["intervals"].values()
    assert tune == higher != backwards

    first, second = names["as_commented"][0][0], names["as_coded"][0][0]
    assert first == second[::-1] == names["tokens"][:2]
    losses, guessing = names["losses"], names["guessing"]
    assert abs(losses[0] / guessing - 1) < 0.05
    assert 0.9 < losses[-1] / losses[0] < 1
    assert 0 < names["note_moved"] < 0.005
    assert names["learnt_sum"] < 0.5 * names["pairs"]
    assert names["learnt_moved"] > 0.1
    assert '"beauty"' in printed


def test_002_takes_another_text(replay, tmp_path):
    (tmp_path / "own.txt").write_text("one two three four five six one two three", "utf-8")
    names, printed = replay("002", "--text", str(tmp_path / "own.txt"), "--word", "six")
    assert (len(names["vocab"]), names["pairs"], names["word"]) == (6, 7, "six")
    assert "7 · ln 6 = 12.5" in printed


def test_003_sentence_classifier(replay):
    names, printed = replay("003", "--lang", "ko")
    assert names["lookup_ids"].tolist() == [4, 2, 5, 0]
    expected = [[0.2, 0.1, 0.8], [0.2, 0.9, 0.3], [0.4, 0.1, 0.1], [0, 0, 0]]
    assert names["lookup_rows"].tolist() == expected
    assert names["vocab"].tokens == (
        "<PAD>", "<UNK>", "nice", "great", "best", "amazing", "stop", "lies", "pitiful", "nerd",
        "excellent", "work", "supreme", "quality", "bad", "highly", "respectable",
    )  # fmt: skip
    assert names["batch"].tolist() == [
        [2, 3, 4, 5], [6, 7, 0, 0], [8, 9, 0, 0], [10, 11, 0, 0], [12, 13, 0, 0], [14, 0, 0, 0],
        [15, 16, 0, 0],
    ]  # fmt: skip
    assert names["cut"].tolist() == [[1, 2, 3, 4]]
    assert len(names["in_batches"]) == 4

    last = names["last_losses"]
    assert last != names["mean_losses"]
    assert names["pad_moved"] > 0 == names["unk_moved"]
    assert not names["rows"][0].any()
    assert names["unk_learnt"] > 0
    assert names["classifier"].predict(names["sentences"]).tolist() == [1, 0, 0, 1, 1, 0, 1]

    assert names["differ"] == ["nice"]
    assert names["in_place"]
    assert names["missing"] == ["<PAD>", "<UNK>"]
    assert names["found"].tolist() == [False, False] + [True] * 15
    continued = names["continued_losses"]
    assert last[-1] - 0.03 < continued[0] < last[-1]
    assert continued[-1] < 0.5 * last[-1]
    assert names["still_after_note"]
    assert names["still_after_half"]
    assert len(set(names["repeated_losses"])) == 1
    assert names["right_losses"][-1] < 0.5 * names["right_losses"][0]
    assert names["pad_drift"] > 0.01

    assert not names["moved_rows"][True].any()
    assert names["moved_rows"][False][2:].all()
    assert not names["moved_rows"][False][0]
    random, frozen, trained = (accuracy for _, accuracy in names["results"])
    assert min(frozen, trained) > random
    assert "정직한 비교" in printed


def test_004_cbow_and_negative_sampling(replay):
    names, printed = replay("004")
    assert "'return' outside function" in names["syntax_error"]
    assert names["adds_up"]
    assert not np.allclose(names["stored"], names["by_torch"].grad)
    assert names["to_k"].sum() > 2
    assert names["to_v"].sum() == pytest.approx(1)
    assert names["by_hand"] == pytest.approx(1.414267, abs=1e-6)
    np.testing.assert_allclose(names["d_scores"], names["y"] - names["labels"])
    np.testing.assert_allclose(names["d_scores"], names["s"].grad)

    right, answers = names["right"], names["answers"]
    assert answers[0][~right].min() > 0.99  # yes to everything
    assert answers[2][right].mean() > answers[2][~right].mean() + 0.3
    np.testing.assert_allclose(names["multiplied"], names["p"])
    expected = [0.4070, 0.1217, 0.0724, 0.2047, 0.0724, 0.1217]
    np.testing.assert_allclose(names["noise"].probabilities, expected, atol=5e-5)
    assert 0 not in names["without_you"]

    assert names["softmax_losses"][-1] < 0.5 * names["softmax_losses"][0]
    for learnt in (names["counted"], names["by_softmax"], names["vectors"]):
        assert learnt.nearest("cat", k=1)[0][0] == "dog"
    assert names["vectors"].analogy("man", "king", "woman")[0][0] == "queen"

    assert "Ids are row numbers" in names["float_error"]
    assert names["unchanged"] == [0, 6, 7, 8]
    assert (names["norms"] - 1).abs().max() < 1e-4
    assert names["norms"].shape == (2, 4)
    assert "modified by an inplace operation" in names["in_place_error"]
    assert names["out"].shape == (2, 3, 7)
    assert names["w"].grad.shape == (7, 5)
    assert "P ^ 0.75" in printed


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_notebook_is_in_step_with_its_script(script):
    builder = importlib.import_module("build_notebooks")
    cells = builder.cells_of(script)
    notebook = json.loads(script.with_suffix(".ipynb").read_text("utf-8"))
    expected = builder.as_notebook(cells, [""] * len(cells))
    for cell in (*expected["cells"], *notebook["cells"]):
        cell.pop("outputs", None)
    assert notebook == expected, "run python examples/notes/build_notebooks.py"
    assert all(re.search("[가-힣]", cell.text) for cell in cells if cell.kind == "markdown")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_notebook_runs_and_shows_what_it_printed(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    builder = importlib.import_module("build_notebooks")
    notebook = json.loads(script.with_suffix(".ipynb").read_text("utf-8"))
    cells = [builder.Cell(c["cell_type"], "".join(c["source"])) for c in notebook["cells"]]
    printed, _ = builder.run_cells(cells)
    for cell, text in zip(notebook["cells"], printed, strict=True):
        shown = "".join(line for out in cell.get("outputs", []) for line in out["text"])
        assert _wording(shown) == _wording(text), "run python examples/notes/build_notebooks.py"


def _wording(text):
    """Return the words of an output: numbers, and what is learnt, may differ between machines."""
    return re.findall(r"^\W*[^\W\d]+", text, re.M)


def test_a_script_runs_from_anywhere_and_refuses_unknown_options(tmp_path):
    command = [sys.executable, str(FOLDER / "001_lookup_table.py")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert "An embedding layer is a lookup table" in run.stdout.decode()
    wrong = subprocess.run([*command, "--lang", "fr"], capture_output=True, check=False)
    assert wrong.returncode == 2
    assert b"invalid choice" in wrong.stderr


def test_small_vectors_are_made_anew(tmp_path):
    made = tmp_path / "made.bin.gz"
    importlib.import_module("make_vectors").make(made)
    kept = FOLDER / "small.bin.gz"
    assert kept.stat().st_size < 100_000
    for vectors in (sajeon.load(made), sajeon.load(kept)):
        assert vectors.dim == 300
        assert len(vectors) == 39
        assert {t for t, _ in vectors.nearest("great", k=5)} < {
            "nice", "best", "amazing", "excellent", "supreme", "good", "wonderful", "superb",
            "lovely", "splendid", "respectable",
        }  # fmt: skip
    assert sorted(sajeon.load(made).tokens) == sorted(sajeon.load(kept).tokens)
