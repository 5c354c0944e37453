"""The demo: on the real library of this Python, once, and on made-up ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import sajeon
from sajeon.cli import app, stdlib
from sajeon.cli.demo import ANALOGY, WORDS

EXPECTED = {"left": "right", "min": "max", "true": "false", "client": "server", "host": "port"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The demo, run as a user runs it, with its model kept."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "sajeon", "demo", "-o", "kept"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return folder / "kept", process


def test_the_demo_finds_what_belongs_together(done):
    rows = [line.split("\t") for line in done[1].stdout.splitlines()]
    first = {}
    for query, token, cosine in rows:
        first.setdefault(query, token)
        assert 0 < float(cosine) <= 1
    assert {word: first[word] for word in EXPECTED} == EXPECTED
    assert first["red"] in ("blue", "green")
    assert first[" ".join(ANALOGY)] == "writer"
    assert len(first.keys() & set(WORDS)) >= 10


def test_the_demo_ends_with_commands_that_work(done):
    model, process = done
    commands = [line.split() for line in process.stderr.splitlines() if line.startswith("  sajeon")]
    assert len(commands) >= 3
    for _, *args in commands:
        if "FILE" not in args:
            real = [str(model) if part == "kept" else part for part in args]
            assert CliRunner().invoke(app, real).exit_code == 0, args


def test_the_model_kept_is_one_of_word_tokens(done):
    vectors = sajeon.load(done[0])
    assert vectors.dim == 64
    assert vectors.tokenizer.name == "words"


@pytest.fixture
def library(tmp_path, monkeypatch) -> Path:
    """A library of made-up sources, which `stdlib` takes for that of this Python."""
    folder = tmp_path / "lib"
    folder.mkdir()
    for i in range(250):
        source = f'"""Read to the left, or write_right{i}."""\ndef left(red): return red\n' * 5
        (folder / f"module{i}.py").write_text(source)
    monkeypatch.setattr(stdlib.sysconfig, "get_paths", lambda *_: {"stdlib": str(folder)})
    return folder


def test_words_that_are_missing_are_skipped(library):
    result = CliRunner().invoke(app, ["demo", "--json"])
    assert result.exit_code == 0, result.stderr
    records = json.loads(result.stdout)
    assert {record["query"] for record in records} == {"red", "left"}


def test_without_o_nothing_is_kept_and_the_way_to_keep_it_is_told(library, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["demo"])
    assert "sajeon demo -o demo-model" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["lib"]


def test_the_same_library_gives_the_same_answers(library):
    first, second = (CliRunner().invoke(app, ["demo", "--json"]).stdout for _ in range(2))
    assert first == second


@pytest.mark.parametrize("present", [True, False], ids=["partly missing", "zipped"])
def test_a_python_without_its_sources_is_told_in_one_line(library, present, monkeypatch):
    if present:
        for path in sorted(library.glob("*.py"))[100:]:
            path.unlink()
    else:
        zipped = {"stdlib": str(library / "python313.zip")}
        monkeypatch.setattr(stdlib.sysconfig, "get_paths", lambda *_: zipped)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "source code of Python's standard library" in result.stderr
    assert "sajeon train FILE -o MODEL" in result.stderr


def test_what_is_no_part_of_the_library_is_left_out(tmp_path):
    for name in (
        "site-packages/numpy/a.py",
        "test/test_os.py",
        "json/b.py",
        "test.py",
        "json/c.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for i in range(200):
        (tmp_path / f"m{i}.py").touch()
    found = {path.relative_to(tmp_path).as_posix() for path in stdlib.source_files(tmp_path)}
    assert {name for name in found if not name.startswith("m")} == {"json/b.py", "test.py"}


def test_identifiers_fall_into_words(tmp_path):
    (tmp_path / "a.py").write_bytes("def getItem2(red_blue): # naïve é 0x3f\n".encode() + b"\xff")
    expected = ["def", "getitem", "red", "blue", "naïve", "é", "x", "f"]
    assert list(stdlib.words_of([tmp_path / "a.py"])) == [expected]
