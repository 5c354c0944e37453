"""``sajeon classify``: train, predict and test, from files to files."""

from __future__ import annotations

import csv
import inspect
import io
import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner, Result

import sajeon
from sajeon.cli import app, output
from sajeon.cli.classify_options import char_ngrams, num_bytes

GOOD = ["fine", "lovely", "great", "superb", "warm"]
BAD = ["dull", "awful", "poor", "boring", "cold"]
FILLER = ["the", "film", "was", "a", "very", "really", "plot", "and", "actors", "it"]
SMALL = ["--dim", "10", "--epochs", "5", "--quiet"]


def examples(num: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return texts of fillers and one telling word, with the label that word means."""
    rng = random.Random(seed)
    made = []
    for _ in range(num):
        label = rng.choice(["good film", "bad"])
        words = [*rng.choices(FILLER, k=6), rng.choice(GOOD if label == "good film" else BAD)]
        rng.shuffle(words)
        made.append((" ".join(words), label))
    return made


def tsv_of(rows: list[tuple[str, str]]) -> str:
    return "".join(f"{a}\t{b}\n" for a, b in [("text", "label"), *rows])


def run(*args: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["classify", *map(str, args)], input=stdin, prog_name="sajeon")


def the_one_line_of(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("sajeon: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def trained(*args: str) -> str:
    result = run("train", *args)
    assert result.exit_code == 0, result.stderr
    return result.stderr


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Labelled files, and a model trained on one of them."""
    folder = tmp_path_factory.mktemp("classify")
    (folder / "train.tsv").write_text(tsv_of(examples(400)), "utf-8")
    (folder / "test.tsv").write_text(tsv_of(examples(100, seed=1)), "utf-8")
    trained(folder / "train.tsv", "-o", folder / "model", *SMALL)
    return folder


# --- train ---------------------------------------------------------------------------------------


def test_train_sums_up_on_standard_error(folder, tmp_path):
    result = run("train", folder / "train.tsv", "-o", tmp_path / "m", "--dim", "10")
    assert result.exit_code == 0
    assert result.stdout == ""
    first, last = result.stderr.splitlines()[-2:]
    assert "400 texts, 2 labels" in first
    assert "words/s to a loss of 0." in first
    assert str(tmp_path / "m") in first
    assert "sajeon classify predict" in last


def test_train_is_what_the_python_function_does(folder, tmp_path):
    chosen = ["--dim", "12", "--word-ngrams", "2", "--chars", "2-3", "--buckets", "5000"]
    trained(folder / "train.tsv", "-o", tmp_path / "m", *chosen, "--seed", "3", "--quiet")
    ours = sajeon.classify.train(
        folder / "train.tsv", dim=12, word_ngrams=2, min_n=2, max_n=3, num_buckets=5000, seed=3
    )
    ours.save(tmp_path / "n")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "n" / name).read_bytes()


def test_the_defaults_are_those_of_the_classifier():
    theirs = {
        name: parameter.default
        for name, parameter in inspect.signature(sajeon.BagClassifier).parameters.items()
    }
    options = {
        option.name: option for option in app.get_command(None, "classify").commands["train"].params
    }
    for name in ("lr", "epochs", "word_ngrams", "min_count", "tokens", "seed"):
        assert options[name].default == theirs[name], name
    assert options["buckets"].default == theirs["num_buckets"]
    assert (theirs["min_n"], theirs["max_n"], theirs["loss"]) == (0, 0, "softmax")


def test_several_labels_are_learned_one_against_all(text_file, tmp_path):
    path = text_file("__label__a __label__b x y\n__label__a x z\n__label__b y w\n" * 20)
    trained(path, "-o", tmp_path / "m", "--quiet")
    model = sajeon.classify.load(tmp_path / "m")
    assert model.get_params()["loss"] == "ova"
    assert model.predict(["x y"]).shape == (1, 2)


def test_pretrained_vectors(folder, tmp_path):
    vectors = sajeon.Vectors(["fine", "dull"], np.eye(2, 10, dtype=np.float32))
    vectors.save(tmp_path / "v")
    args = ["--pretrained", tmp_path / "v", "--epochs", "1", "--lr", "1e-9", *SMALL[:2], "--quiet"]
    trained(folder / "train.tsv", "-o", tmp_path / "m", *args)
    found = sajeon.classify.load(tmp_path / "m").to_vectors()
    np.testing.assert_allclose(found["fine"], np.eye(2, 10)[0], atol=1e-6)


def test_quantize(folder, tmp_path):
    model = tmp_path / "m"
    said = trained(folder / "train.tsv", "-o", model, "--dim", "10", "--quantize", "8kB")
    assert sum(file.stat().st_size for file in model.iterdir()) <= 8000
    assert "accuracy on the training texts" in said
    assert accuracy_of(model, folder / "test.tsv") > 0.9


def test_autotune(folder, tmp_path):
    args = ["--autotune", folder / "test.tsv", "--seconds", "3", "--dim", "7"]
    said = trained(folder / "train.tsv", "-o", tmp_path / "m", *args)
    assert "trial 1:" in said
    assert "best of" in said
    assert sajeon.classify.load(tmp_path / "m").get_params()["dim"] == 7  # it was given
    assert accuracy_of(tmp_path / "m", folder / "test.tsv") > 0.9


# --- predict -------------------------------------------------------------------------------------


def accuracy_of(model, file) -> float:
    result = run("test", model, file, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["accuracy"]


def test_predict_answers_each_line_of_standard_input(folder):
    result = run("predict", folder / "model", stdin="the film was superb\r\n\nawful plot")
    lines = result.stdout.split("\n")
    assert (lines[0], lines[2], lines[3:]) == ("good film", "bad", [""])
    assert lines[1] in ("good film", "bad")  # an empty text has an answer, so that lines agree


def test_predict_reads_a_file_of_texts(folder, text_file):
    path = text_file("superb film\nboring actors\n")
    assert run("predict", folder / "model", path).stdout == "good film\nbad\n"


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_predict_reads_a_column(folder, text_file, name):
    rows = [("superb, film", "1"), ("boring\nactors", "2")]
    if name.endswith("csv"):
        file = io.StringIO()
        csv.writer(file).writerows([("words", "id"), *rows])
        text = file.getvalue()
    else:
        text = "".join(json.dumps({"words": a, "id": b}) + "\n" for a, b in rows)
    path = text_file(text, name)
    result = run("predict", folder / "model", path, "--text", "words")
    assert result.stdout == "good film\nbad\n"
    assert run("predict", folder / "model", "--text", "words", stdin=text).stdout == result.stdout


def test_predict_prints_the_likeliest_with_probabilities(folder):
    stdin = "superb film\n"
    result = run("predict", folder / "model", "-k", "5", "--proba", stdin=stdin)
    first, a, second, b = result.stdout.rstrip("\n").split("\t")
    assert (first, second) == ("good film", "bad")
    assert float(a) + float(b) == pytest.approx(1, abs=1e-3)
    assert float(a) > float(b)
    assert run("predict", folder / "model", "-k", "5", stdin=stdin).stdout == "good film\tbad\n"
    certain = run("predict", folder / "model", "-k", "5", "--threshold", "0.5", stdin=stdin)
    assert certain.stdout == "good film\n"
    unsure = run("predict", folder / "model", "--threshold", "1", stdin="it was a film\n")
    assert unsure.stdout == "\n"


def test_predict_as_json(folder):
    result = run("predict", folder / "model", "-k", "2", "--json", stdin='a "superb" film\nx\n')
    first, second = json.loads(result.stdout)
    assert first["text"] == 'a "superb" film'
    assert [one["label"] for one in first["labels"]] == ["good film", "bad"]
    assert sum(one["probability"] for one in second["labels"]) == pytest.approx(1)
    assert json.loads(run("predict", folder / "model", "--json", stdin="").stdout) == []


def test_predict_on_a_terminal_shows_the_text(folder, monkeypatch):
    monkeypatch.setattr("sajeon.cli.classify_predict.on_terminal", lambda: True)
    result = run("predict", folder / "model", "--proba", stdin="superb \x1b film\n")
    assert result.stdout.startswith("good film ")
    assert result.stdout.endswith("  superb \\x1b film\n")


def test_a_slow_pipe_is_answered_line_by_line(folder):
    command = [sys.executable, "-m", "sajeon", "classify", "predict", str(folder / "model")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        for text, label in [("superb film", b"good film\n"), ("boring", b"bad\n")]:
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == label  # while the input is still open
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_predict_of_many_lines_keeps_their_order(folder):
    rows = examples(5000, seed=2)
    result = run("predict", folder / "model", stdin="\n".join(text for text, _ in rows))
    labels = result.stdout.splitlines()
    assert len(labels) == 5000
    assert np.mean([a == b for a, (_, b) in zip(labels, rows, strict=True)]) > 0.95


# --- test ----------------------------------------------------------------------------------------


def test_test_prints_metrics_for_programs(folder):
    result = run("test", folder / "model", folder / "test.tsv", "-k", "2", "--confusion")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    named = {row[0]: row[1] for row in rows if len(row) == 2}
    assert named["texts"] == "100"
    assert float(named["accuracy"]) > 0.9
    assert named["at 2 recall"] == "1.0000"
    labels = {row[0]: row[1:] for row in rows if len(row) == 5}
    assert set(labels) == {"good film", "bad"}
    assert sum(int(row[3]) for row in labels.values()) == 100
    pairs = [row for row in rows if len(row) == 3]
    assert sum(int(row[2]) for row in pairs) == 100


def test_test_agrees_with_predict(folder):
    truth = examples(100, seed=1)
    texts = "\n".join(text for text, _ in truth)
    labels = run("predict", folder / "model", stdin=texts).stdout.splitlines()
    share = np.mean([a == b for a, (_, b) in zip(labels, truth, strict=True)])
    assert accuracy_of(folder / "model", folder / "test.tsv") == pytest.approx(share)


def test_test_as_json(folder):
    args = [folder / "model", folder / "test.tsv", "--json", "--confusion", "-k", "1"]
    facts = json.loads(run("test", *args).stdout)
    assert facts["at_1"]["precision"] == facts["accuracy"]
    assert {one["label"] for one in facts["labels"]} == {"good film", "bad"}
    assert sum(one["texts"] for one in facts["confusion"]) == facts["texts"] == 100
    assert facts["unseen"] == []


def test_test_shows_tables_to_people(folder, monkeypatch):
    for module in (output, sys.modules["sajeon.cli.classify_test"]):
        monkeypatch.setattr(module, "on_terminal", lambda: True)
    result = run("test", folder / "model", folder / "test.tsv", "--confusion")
    assert result.exit_code == 0, result.stderr
    assert "precision" in result.stdout
    assert "true, down" in result.stdout


def test_labels_the_model_never_saw_count_as_wrong(folder, text_file):
    path = text_file(tsv_of([("superb film", "good film"), ("superb film", "wonderful")]))
    result = run("test", folder / "model", path, "--json")
    assert json.loads(result.stdout)["accuracy"] == 0.5
    assert json.loads(result.stdout)["unseen"] == ["wonderful"]
    assert result.stderr == (
        "sajeon: warning: the model does not know 1 of the labels: 'wonderful'; "
        "they count as wrong.\n"
    )


def test_test_with_several_labels(text_file, tmp_path):
    path = text_file("__label__a __label__b x y\n__label__a x z\n__label__b y w\n" * 20)
    trained(path, "-o", tmp_path / "m", "--epochs", "50", "--quiet")
    facts = json.loads(run("test", tmp_path / "m", path, "--json", "-k", "1").stdout)
    assert facts["accuracy"] > 0.9
    assert facts["at_1"]["precision"] > 0.9
    assert facts["at_1"]["recall"] < 0.8  # one of two labels cannot be all
    assert "no such table" in the_one_line_of(
        run("test", tmp_path / "m", path, "--json", "--confusion")
    )


# --- info ----------------------------------------------------------------------------------------


def test_info_describes_a_classifier(folder):
    result = CliRunner().invoke(app, ["info", str(folder / "model")], prog_name="sajeon")
    named = dict(line.split("\t") for line in result.stdout.splitlines())
    assert (named["kind"], named["labels"]) == ("classifier", "2: bad, good film")
    assert (named["dim"], named["loss"], named["tokenizer"]) == (
        "10",
        "softmax",
        "words:case=lower,punctuation=drop",
    )
    assert int(named["size"]) == sum(f.stat().st_size for f in (folder / "model").iterdir())
    args = ["info", str(folder / "model"), "--json"]
    facts = json.loads(CliRunner().invoke(app, args, prog_name="sajeon").stdout)
    assert facts["labels"] == ["bad", "good film"]
    assert facts["ngrams"] == int(named["n-grams"]) > 0


# --- what goes wrong -----------------------------------------------------------------------------

WRONG_FILES = {
    "one class only": (tsv_of([("a film", "x"), ("b film", "x")]), "class"),
    "empty texts": (tsv_of([("", "x"), (" ", "y")]), "text"),
    "an empty file": ("", "the file is empty"),
    "a binary file": (b"\0\1\2\3" * 100, "binary file"),
    "no header": ("1\tgood film here\n0\tbad film here\n", "Is the first line no header?"),
    "no label": (tsv_of([("a", "x"), ("b", "")]), ":3: there is no label"),
    "not UTF-8": (b"text\tlabel\na\tx\n\xff\ty\n", ":3: byte 1 of the line: not UTF-8"),
}


@pytest.mark.parametrize("what", WRONG_FILES)
def test_train_on_a_wrong_file(text_file, tmp_path, what):
    content, expected = WRONG_FILES[what]
    line = the_one_line_of(run("train", text_file(content), "-o", tmp_path / "m"))
    assert expected in line
    assert not (tmp_path / "m").exists()


def test_an_unknown_column_is_answered_with_those_there_are(folder, tmp_path):
    for args in (
        ["train", folder / "train.tsv", "-o", tmp_path / "m", "--text", "document"],
        ["test", folder / "model", folder / "test.tsv", "--label", "document"],
        ["predict", folder / "model", folder / "test.tsv", "--text", "document"],
    ):
        line = the_one_line_of(run(*args))
        assert "no column 'document'; the columns are text, label." in line


def test_a_validation_set_with_unseen_labels(folder, text_file, tmp_path):
    path = text_file(tsv_of([("a film", "good film"), ("a film", "wonderful")]))
    args = [folder / "train.tsv", "-o", tmp_path / "m", "--autotune", path, "--seconds", "1"]
    line = the_one_line_of(run("train", *args))
    assert "no training text has: 'wonderful'" in line


def test_a_model_of_another_kind(folder, tmp_path):
    sajeon.Vectors(["a"], np.ones((1, 3), np.float32)).save(tmp_path / "v")
    for command in (["predict"], ["test"]):
        line = the_one_line_of(run(*command, tmp_path / "v", folder / "test.tsv"))
        assert "vectors" in line
    assert "no such file or folder" in the_one_line_of(run("predict", tmp_path / "none"))


def test_wrong_settings_are_named_as_options(folder, tmp_path):
    line = the_one_line_of(run("train", folder / "train.tsv", "-o", tmp_path / "m", "--dim", "0"))
    assert "--dim must be" in line


@pytest.mark.parametrize(
    "args",
    [
        ["--chars", "6-3"], ["--chars", "x"], ["--chars", "0-3"], ["--quantize", "many"],
        ["--quantize", "0"], ["--loss", "mse"], ["--seconds", "-1", "--autotune", "x"],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_status_2(folder, tmp_path, args):
    result = run("train", folder / "train.tsv", "-o", tmp_path / "m", *args)
    assert result.exit_code == 2
    assert not (tmp_path / "m").exists()


def test_bytes_that_are_not_utf8(folder):
    result = run("predict", folder / "model", stdin=b"superb\n\xff superb\n")
    assert result.exit_code == 1
    assert "standard input:2: byte 1 of the line: not UTF-8" in result.stderr
    args = ["--encoding-errors", "replace"]
    assert run("predict", folder / "model", *args, stdin=b"\xff superb").stdout == "good film\n"


def test_a_folder_that_would_be_lost_is_refused_before_the_work(folder, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    started = time.perf_counter()
    line = the_one_line_of(run("train", folder / "train.tsv", "-o", tmp_path, "--epochs", "100000"))
    assert "mine.txt" in line
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("text", "size"), [("2MB", 2_000_000), ("500kB", 500_000), ("1.5m", 1_500_000), ("77", 77)]
)
def test_sizes(text, size):
    assert num_bytes(None, None, text) == size


def test_lengths_of_character_ngrams():
    assert char_ngrams(None, None, "3-6") == (3, 6)
    assert char_ngrams(None, None, "none") == (0, 0)


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["test"]])
def test_help_is_there_and_light(command):
    code = (
        "import sys; from sajeon.cli import app\n"
        f"try: app({['classify', *command, '--help']!r})\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'numpy', 'numba', 'torch', 'rich', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: ")
