"""The command line: what goes to which stream, in which form, with which exit status."""

from __future__ import annotations

import errno
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import sajeon
from sajeon.cli import app, main, output

COMMANDS = [
    "demo",
    "train",
    "info",
    "vector",
    "nearest",
    "similarity",
    "analogy",
    "explore",
    "serve",
    "map",
    "evaluate",
    "compare",
    "classify",
    "align",
    "convert",
    "phrases",
    "melody",
]
ANIMALS = ["cat", "dog", "horse", "mouse"]
COLOURS = ["red", "blue", "green", "black"]
SMALL = ["--dim", "8", "--min-count", "1", "--epochs", "1"]


def text_of(lines: int) -> str:
    """Return sentences in which animals and colours have contexts of their own."""
    rng = random.Random(0)
    one = "the {} ran home and the {} slept there".format
    other = "they paint a wall {} or maybe {} today".format
    made = [
        one(*rng.sample(ANIMALS, 2)) if rng.random() < 0.5 else other(*rng.sample(COLOURS, 2))
        for _ in range(lines)
    ]
    return "\n".join(made) + "\n"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model trained once, of which animals and colours are known to part."""
    folder = tmp_path_factory.mktemp("models") / "model"
    lines = text_of(3000).splitlines()
    sajeon.train(lines, dim=16, window=3, min_count=1, epochs=5, sample=0, output=folder)
    return str(folder)


@pytest.fixture
def text(text_file) -> str:
    return str(text_file(text_of(100)))


def run(*args: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(args), input=stdin, prog_name="sajeon")


def start(*args: str, **options) -> subprocess.Popen:
    """Start the command in a process of its own."""
    command = [sys.executable, "-m", "sajeon", *args]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **{**streams, **options})


def take_ctrl_c() -> None:
    """In a child: obey SIGINT, which a shell lets its background jobs ignore, and those theirs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def rows_of(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.stderr
    return [line.split("\t") for line in result.stdout.splitlines()]


def the_one_line_of(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("sajeon: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


# --- the group -----------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(args):
    result = run(*args)
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.split("Commands:")[1].splitlines() if line]
    assert listed == COMMANDS
    assert "\\b" not in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: sajeon {command}")


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c not in ("train", "classify", "explore", "serve", "map")]
)
def test_every_command_that_prints_results_has_json(command):
    assert "--json" in run(command, "--help").stdout


def test_version():
    assert run("--version").stdout == f"sajeon {sajeon.__version__}\n"


@pytest.mark.parametrize(
    "args",
    [["neerest"], ["nearest"], ["train", "a.txt"], ["train", "a.txt", "-o", "m", "--dim", "many"],
     ["train", "a.txt", "-o", "m", "--model", "bert"], ["similarity", "m", "a"]],
)  # fmt: skip
def test_wrong_usage_is_exit_status_2(args):
    result = run(*args)
    assert result.exit_code == 2
    assert "Usage: sajeon" in result.stderr
    assert result.stdout == ""


def test_the_console_script_names_this_command():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    module, name = project["project"]["scripts"]["sajeon"].split(":")
    assert getattr(importlib.import_module(module), name) is main


# --- training ------------------------------------------------------------------------------------


def test_train_saves_a_model_and_says_what_to_try_next(text, tmp_path):
    target = tmp_path / "my model"
    result = run("train", text, "-o", str(target), *SMALL, "--window", "2", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    vectors = sajeon.load(target)
    assert vectors.dim == 8
    assert {vectors.settings[k] for k in ("window", "seed")} == {2, 7}
    *_, summary, hint = result.stderr.splitlines()
    assert f"{len(vectors)} words, dim 8, in " in summary
    assert summary.endswith(f"saved in {target}")
    assert hint.startswith(f"sajeon: try: sajeon nearest '{target}' ")
    assert hint.split()[-1] in vectors


def test_every_option_of_train_reaches_the_training(text, tmp_path, monkeypatch):
    given = {}

    def fake(source, **settings):
        given.update(settings, source=source)
        raise sajeon.CorpusError("enough seen")

    monkeypatch.setattr("sajeon.learn.train.train", fake)
    options = {"model": "cbow", "dim": 1, "window": 2, "negatives": 3, "min_count": 4, "epochs": 6,
               "lr": 0.5, "sample": 0.25, "noise_exponent": 0.125, "threads": 8, "seed": 9,
               "tokens": "whitespace", "text": "body", "encoding_errors": "replace",
               "loss": "hs", "subwords": "chars:3-6", "x_max": 7.0, "alpha": 0.5, "shift": 5.0,
               "eigenvalues": 1.0, "contexts": "documents"}  # fmt: skip
    args = [part for k, v in options.items() for part in (f"--{k.replace('_', '-')}", str(v))]
    options |= {"resume": True, "checkpoint_every": 300.0, "start_from": "old"}
    args += ["--resume", "--checkpoint-every", "5m", "--from", "old"]
    run("train", text, "b.txt", "-o", "m", *args, "--no-training-state")
    assert given.pop("source") == [Path(text), Path("b.txt")]
    assert not isinstance(given.pop("progress"), bool)
    assert given == {**options, "output": "m", "training_state": False}


def test_train_without_options_uses_the_defaults_of_the_library(text, monkeypatch):
    import inspect

    from sajeon.learn.train import train

    given = {}
    monkeypatch.setattr("sajeon.learn.train.train", lambda source, **kw: given.update(kw))
    run("train", text, "-o", "m")
    defaults = {k: p.default for k, p in inspect.signature(train).parameters.items()}
    for name in given.keys() - {"output", "progress"}:
        assert given[name] == defaults[name], name


def test_quiet_says_nothing(text, tmp_path):
    result = run("train", text, "-o", str(tmp_path / "m"), *SMALL, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_korean_words_are_trained_and_morphemes_named(text_file, tmp_path):
    korean = text_file("나는 오늘 집에서 책을 읽었다\n너는 어제 집에서 밥을 먹었다\n" * 20)
    result = run("train", str(korean), "-o", str(tmp_path / "m"), *SMALL)
    assert "--tokens morphemes" in result.stderr
    assert "pip install 'sajeon[ko]'" in result.stderr
    assert "집에서" in [row[0] for row in rows_of(run("nearest", str(tmp_path / "m"), "밥을"))]


BAD_INPUTS = {
    "no such file": (["missing.txt"], ["no such file", "missing.txt"]),
    "no such file, without an ending": (["missing"], ["no such file", "missing"]),
    "one of two is missing": (["good.txt", "missing.txt"], ["no such file", "missing.txt"]),
    "no file matches": (["*.csv"], ["*.csv"]),
    "a folder": (["folder"], ["folder is a folder", "expected a file"]),
    "an empty file": (["empty.txt"], ["empty.txt", "empty"]),
    "signs only": (["signs.txt"], ["no word"]),
    "all words rare": (
        ["rare.txt", "--min-count", "5"],
        ["4 words", "--min-count 2"],
    ),
    "not UTF-8": (["latin.txt"], ["latin.txt:2", "not UTF-8", "--encoding-errors replace"]),
    "target of others": (["good.txt", "-o", "thesis"], ["thesis", "chapter.doc", "another path"]),
    "target is a file": (["good.txt", "-o", "empty.txt"], ["empty.txt", "is a file"]),
    "dim 0": (["good.txt", "--dim", "0"], ["--dim must be", "at least 1", "got 0"]),
    "threads 0": (["good.txt", "--threads", "0"], ["--threads must be", "at least 1", "got 0"]),
    "min-count 0": (["good.txt", "--min-count", "0"], ["--min-count must be", "got 0"]),
    "lr 0": (["good.txt", "--lr", "0"], ["--lr must be", "got 0"]),
    "no such tokenizer": (["good.txt", "--tokens", "wrds"], ["'wrds'", "words"]),
}


@pytest.fixture
def bad_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.txt").write_text(text_of(20))
    (tmp_path / "empty.txt").touch()
    (tmp_path / "signs.txt").write_text(" ... \n\n !? \n")
    (tmp_path / "rare.txt").write_text("one two two three\n")
    (tmp_path / "latin.txt").write_bytes(b"all is well\nun caf\xe9 noir\n" * 9)
    for name in ("folder", "thesis"):
        (tmp_path / name).mkdir()
    (tmp_path / "thesis" / "chapter.doc").write_text("do not lose me")
    return tmp_path


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_input_is_one_clear_line_and_nothing_is_written(case, bad_inputs):
    args, expected = BAD_INPUTS[case]
    before = sorted(bad_inputs.rglob("*"))
    line = the_one_line_of(run("train", *([] if "-o" in args else ["-o", "m"]), *args))
    for part in expected:
        assert part in line
    assert sorted(bad_inputs.rglob("*")) == before


def test_bytes_that_are_not_utf8_can_be_replaced(bad_inputs):
    result = run("train", "latin.txt", "-o", "m", *SMALL, "--encoding-errors", "replace")
    assert result.exit_code == 0, result.stderr
    assert "noir" in sajeon.load("m")


def fail_with(error: BaseException):
    def fail(*args, **settings):
        raise error

    return fail


def test_a_full_disk_while_saving_leaves_the_old_model_alone(text, tmp_path, monkeypatch):
    target = str(tmp_path / "m")
    run("train", text, "-o", target, *SMALL)
    before = {path: path.read_bytes() for path in Path(target).iterdir()}
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("sajeon.formats.safetensors.write", fail_with(full))
    result = run("train", text, "-o", target, *SMALL, "--seed", "2")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"sajeon: {target}: ")
    assert "No space left on device" in last
    assert {path: path.read_bytes() for path in Path(target).iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("m", "corpus.txt")] == []


def test_a_full_disk_while_reading_names_the_folder_and_the_way_out(text, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("sajeon.corpus.spool.Spool.add", fail_with(full))
    line = the_one_line_of(run("train", text, "-o", str(tmp_path / "m"), *SMALL))
    assert "No space left on device" in line
    assert "TMPDIR" in line
    assert not (tmp_path / "m").exists()


def test_too_little_memory_is_said_in_one_line(text, tmp_path, monkeypatch):
    monkeypatch.setattr("sajeon.learn.train.train", fail_with(MemoryError()))
    assert "--dim" in the_one_line_of(run("train", text, "-o", str(tmp_path / "m")))


def test_an_interrupt_is_said_in_one_line(text, tmp_path, monkeypatch):
    monkeypatch.setattr("sajeon.learn.train.train", fail_with(KeyboardInterrupt()))
    line = the_one_line_of(run("train", text, "-o", str(tmp_path / "m")))
    assert "interrupted" in line
    assert "nothing was written" in line


def test_an_interrupted_lookup_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr("sajeon.loading.load", fail_with(KeyboardInterrupt()))
    assert the_one_line_of(run("nearest", "m", "cat")) == "sajeon: interrupted.\n"


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there")
def test_ctrl_c_stops_a_training_and_leaves_nothing_behind(text_file, tmp_path):
    text_file(text_of(2000))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = start(
        "train", "corpus.txt", "-o", "m", "--epochs", "100000", "--checkpoint-every", "never",
        cwd=tmp_path, env=os.environ | {"TMPDIR": str(temporary)}, text=True,
        preexec_fn=take_ctrl_c,
    )  # fmt: skip
    for line in process.stderr:
        if "words kept" in line:  # now it compiles or trains
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == ""
    assert err.splitlines()[-1] == "sajeon: interrupted; nothing was written to m."
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"corpus.txt", "tmp"}
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C there")
def test_ctrl_c_ends_a_wait_for_standard_input(tmp_path):
    process = start(
        "train", "-", "-o", "m",
        cwd=tmp_path, text=True, stdin=subprocess.PIPE, preexec_fn=take_ctrl_c,
    )  # fmt: skip
    time.sleep(2.0)  # by now it waits for a line that never comes
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 1
    assert process.stderr.read().splitlines()[-1].startswith("sajeon: interrupted")
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


def test_less_text_than_a_window_is_refused(text_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text_file("one two three four")
    result = run("train", "corpus.txt", "-o", "m", "--min-count", "1")
    assert "expected more text than one window: 4 words" in the_one_line_of(result)
    assert not (tmp_path / "m").exists()


def test_a_target_below_a_file_is_refused_before_the_text_is_read(text_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text_file(text_of(200))
    assert "is a file" in the_one_line_of(run("train", "corpus.txt", "-o", "corpus.txt/m"))


# --- looking things up ---------------------------------------------------------------------------


def test_nearest_in_a_pipe_is_a_token_and_its_cosine_a_line(model):
    rows = rows_of(run("nearest", model, "cat", "-k", "3"))
    assert rows == [[t, f"{c:.4f}"] for t, c in sajeon.load(model).nearest("cat", 3)]
    assert {token for token, _ in rows} == set(ANIMALS) - {"cat"}


def test_nearest_lists_ten(model):
    assert len(rows_of(run("nearest", model, "cat"))) == 10


def test_nearest_of_several_tokens_is_that_of_their_mean(model):
    rows = rows_of(run("nearest", model, "cat", "dog", "-k", "2"))
    assert {token for token, _ in rows} == {"horse", "mouse"}


def test_nearest_as_json_has_every_digit(model):
    records = json.loads(run("nearest", model, "red", "--json").stdout)
    expected = sajeon.load(model).nearest("red")
    assert [(r["token"], r["cosine"]) for r in records] == expected


def test_vector_prints_the_very_numbers(model):
    vectors = sajeon.load(model)
    rows = rows_of(run("vector", model, "cat", "red"))
    assert [row[0] for row in rows] == ["cat", "red"]
    np.testing.assert_array_equal(np.float32([row[1:] for row in rows]), vectors[["cat", "red"]])
    records = json.loads(run("vector", model, "cat", "red", "--json").stdout)
    np.testing.assert_array_equal(
        np.float32([r["vector"] for r in records]), vectors[["cat", "red"]]
    )


def test_similarity_of_two_tokens(model):
    cosine = sajeon.load(model).similarity("cat", "red")
    assert rows_of(run("similarity", model, "cat", "red")) == [["cat", "red", f"{cosine:.4f}"]]


def test_similarity_reads_pairs_from_standard_input(model):
    result = run("similarity", model, "-", "--json", stdin="cat dog\nred\tblue\n")
    vectors = sajeon.load(model)
    assert json.loads(result.stdout) == [
        {"a": a, "b": b, "cosine": vectors.similarity(a, b)}
        for a, b in (("cat", "dog"), ("red", "blue"))
    ]


def test_a_malformed_pair_is_named_by_its_line(model):
    line = the_one_line_of(run("similarity", model, "-", stdin="cat dog\ncat\n"))
    assert "standard input:2" in line
    assert "'cat'" in line


def test_analogy_leaves_the_question_out(model):
    rows = rows_of(run("analogy", model, "cat", "dog", "red", "-k", "3"))
    expected = sajeon.load(model).analogy("cat", "dog", "red", 3)
    assert rows == [[token, f"{cosine:.4f}"] for token, cosine in expected]


@pytest.mark.parametrize(
    "args", [["vector"], ["nearest"], ["similarity", "cat"], ["analogy", "a", "cat"]]
)
def test_an_unknown_token_is_named_with_near_spellings(model, args):
    command, *before = args
    line = the_one_line_of(run(command, model, *before, "horses"))
    assert "'horses' is not among" in line
    assert "Near spellings: horse" in line


@pytest.mark.parametrize("args", [["nearest", "cat"], ["info"], ["evaluate", "x.txt"]])
def test_a_model_that_is_none_is_named(args, tmp_path):
    command, *others = args
    missing, folder = str(tmp_path / "nothing"), str(tmp_path)
    assert f"{missing}: " in the_one_line_of(run(command, missing, *others))
    assert f"{folder}: " in the_one_line_of(run(command, folder, *others))


def test_k_must_be_positive(model):
    assert "k must be at least 1" in the_one_line_of(run("nearest", model, "cat", "-k", "0"))


def test_info_in_a_pipe_is_a_name_and_a_value_a_line(model):
    facts = dict(rows_of(run("info", model)))
    vectors = sajeon.load(model)
    assert facts["tokens"] == str(len(vectors))
    assert facts["dim"] == "16"
    assert facts["size"] == str(sum(f.stat().st_size for f in Path(model).iterdir()))
    assert facts["corpus"] == str(vectors.counts.sum())
    assert facts["most frequent"].split() == list(vectors.tokens[:10])
    assert facts["tokenizer"] == "words:case=lower,punctuation=drop"
    assert (facts["model"], facts["window"], facts["training state"]) == ("skipgram", "3", "kept")


def test_info_as_json_has_the_whole_training(model):
    facts = json.loads(run("info", model, "--json").stdout)
    assert facts["training"] == sajeon.load(model).settings
    assert facts["tokenizer"]["name"] == "words"


# --- forms and streams ---------------------------------------------------------------------------


def test_a_terminal_gets_headings_and_aligned_columns(model, monkeypatch):
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    heading, *lines = run("nearest", model, "cat", "-k", "3").stdout.splitlines()
    assert heading.split() == ["token", "cosine"]
    assert len({line.rindex(" ") for line in lines}) == 1
    assert "\t" not in heading


@pytest.mark.parametrize("command", [["vector", "cat"], ["info"], ["similarity", "cat", "dog"]])
def test_a_terminal_of_80_columns_is_enough(model, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for module in ("output", "lookup", "info"):
        monkeypatch.setattr(f"sajeon.cli.{module}.on_terminal", lambda: True)
    name, *others = command
    lines = run(name, model, *others).stdout.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80


@pytest.fixture
def odd_model(tmp_path) -> str:
    tokens = ["plain", "a\tb\nc", "\x1b[31mred"]
    sajeon.Vectors(tokens, np.eye(3, dtype=np.float32)).save(tmp_path / "odd")
    return str(tmp_path / "odd")


def test_tokens_with_tabs_stay_in_their_column(odd_model):
    rows = rows_of(run("nearest", odd_model, "plain"))
    assert sorted(token for token, _ in rows) == ["\x1b[31mred", "a\\tb\\nc"]


def test_tokens_cannot_command_the_terminal(odd_model, monkeypatch):
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    shown = run("nearest", odd_model, "plain").stdout
    assert "\\x1b[31mred" in shown
    assert "\x1b" not in shown


def test_a_model_without_counts_or_tokenizer_can_be_described(odd_model):
    facts = dict(rows_of(run("info", odd_model)))
    assert (facts["corpus"], facts["tokenizer"]) == ("unknown", "none")
    assert facts["training state"] == "not kept"


def test_debugging_shows_where_it_happened(monkeypatch, tmp_path):
    monkeypatch.setenv("SAJEON_DEBUG", "1")
    assert isinstance(run("info", str(tmp_path)).exception, sajeon.FormatError)
    assert isinstance(run("train", "x", "-o", "m", "--dim", "0").exception, ValueError)
    monkeypatch.setenv("SAJEON_DEBUG", "0")
    the_one_line_of(run("info", str(tmp_path)))


def test_a_bug_is_called_a_bug_in_one_line(monkeypatch):
    monkeypatch.setattr("sajeon.loading.load", fail_with(ZeroDivisionError("oh\nno")))
    line = the_one_line_of(run("nearest", "m", "cat"))
    assert "this is a bug: ZeroDivisionError: oh no" in line
    assert "SAJEON_DEBUG=1" in line


def test_clicks_own_exits_pass():
    from sajeon.cli.errors import explained

    for passing in (click.UsageError("x"), click.exceptions.Exit(3)):
        with pytest.raises(type(passing)), explained():
            raise passing


# --- in processes of their own -------------------------------------------------------------------


def test_from_standard_input_to_a_pipe(tmp_path):
    process = start("train", "-", "-o", "m", *SMALL, cwd=tmp_path, stdin=subprocess.PIPE)
    out, err = process.communicate(text_of(50).encode(), timeout=300)
    assert (process.returncode, out) == (0, b""), err
    process = start("nearest", "m", "cat", "-k", "2", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert out.count(b"\n") == out.count(b"\t") == 2


def test_a_failure_in_a_process_is_exit_status_1_and_one_line(tmp_path):
    process = start("nearest", "nothing", "cat", cwd=tmp_path, text=True)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("sajeon: nothing: ")


def test_pipes_carry_utf8_whatever_the_locale(tmp_path):
    sajeon.Vectors(["사전", "낱말"], np.eye(2, dtype=np.float32)).save(tmp_path / "m")
    environment = os.environ | {
        "PYTHONIOENCODING": "latin-1",
        "PYTHONUTF8": "0",
        "LC_ALL": "C.UTF-8",
    }
    process = start("nearest", "m", "사전", cwd=tmp_path, env=environment)
    out, _ = process.communicate(timeout=60)
    assert out.decode("utf-8") == "낱말\t0.0000\n"


@pytest.mark.skipif(os.name == "nt", reason="other pipes")
@pytest.mark.parametrize("k", [3, 20_000], ids=["before the first line", "after the first line"])
def test_a_reader_that_has_seen_enough_is_no_failure(k, tmp_path):
    tokens = [f"token{i}" for i in range(20_000)]  # far more than a pipe holds
    matrix = np.random.default_rng(0).normal(size=(len(tokens), 4)).astype(np.float32)
    sajeon.Vectors(tokens, matrix).save(tmp_path / "m")
    process = start("nearest", "m", "token1", "-k", str(k), cwd=tmp_path)
    if k > 3:
        process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_lookup_in_a_pipe_imports_nothing_slow(model):
    code = (
        "import sys; from sajeon.cli import app\n"
        f"app(['nearest', {model!r}, 'cat'], standalone_mode=False)\n"
        "slow = {'numba', 'torch', 'rich', 'safetensors', 'scipy', 'difflib', 'asyncio'}\n"
        "sys.exit(' '.join(slow & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_imports_not_even_numpy():
    code = (
        "import sys; from sajeon.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "sys.exit(' '.join({'numpy', 'rich', 'numba'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_info_knows_the_models_of_torch(tmp_path):
    models = pytest.importorskip("sajeon.models")
    texts = ["good film", "bad film"] * 5
    models.NGramLanguageModel(dim=4, hidden=4, epochs=1).fit(texts).save(tmp_path / "n")
    models.TextClassifier(dim=4, epochs=1).fit(texts, ["p", "n"] * 5).save(tmp_path / "t")
    for folder, kind in (("n", "ngram"), ("t", "text-classifier")):
        said = run("info", str(tmp_path / folder), "--json")
        assert said.exit_code == 0
        assert json.loads(said.stdout)["kind"] == kind
