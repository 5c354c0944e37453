"""``sajeon convert``: what it writes, and what it says."""

import json
import re

import pytest
from click.testing import CliRunner, Result

from sajeon.cli import app


def run(*args: object) -> Result:
    return CliRunner().invoke(app, list(map(str, args)), prog_name="sajeon")


def test_convert_writes_what_the_ending_means_and_says_what_it_did(tmp_path):
    (tmp_path / "x.txt").write_text("2 2\ncat 1 2\nnew york 3 4\n")
    done = run("convert", tmp_path / "x.txt", tmp_path / "m")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        f"sajeon: {tmp_path / 'm'}: 2 rows of 2, word2vec-text to sajeon, float32\n"
    )
    done = run("convert", tmp_path / "m", tmp_path / "y.bin", "--blanks", "_", "--json")
    assert json.loads(done.stdout) == {
        "rows": 2, "dim": 2, "source": "sajeon", "target": "word2vec", "dtype": "float32",
        "kept": None,
    }  # fmt: skip
    assert run("vector", tmp_path / "y.bin", "new_york").stdout == "new_york\t3.0\t4.0\n"


def test_convert_stores_smaller_and_says_what_neighbours_are_kept(tmp_path):
    rows = "".join(f"w{i} {i % 7} {i % 5} {i % 3}\n" for i in range(50))
    (tmp_path / "x.glove").write_text(rows)
    done = run("convert", tmp_path / "x.glove", tmp_path / "m", "--dtype", "int8")
    assert re.search(r"of the ten nearest neighbours \d+\.\d% stay among them", done.stderr)


def test_convert_takes_some_tokens_and_warns_of_what_is_odd(tmp_path):
    (tmp_path / "x.txt").write_text("9 1\ncat 1\ncat 2\ndog nan\n")
    (tmp_path / "list").write_text("dog\ncat\n")
    done = run("convert", tmp_path / "x.txt", tmp_path / "y.txt", "--tokens", tmp_path / "list",
               "--lenient")  # fmt: skip
    assert done.exit_code == 0
    assert "sajeon: warning: " in done.stderr
    assert "1 rows repeat a token" in done.stderr
    assert (tmp_path / "y.txt").read_text() == "2 1\ncat 1\ndog nan\n"


@pytest.mark.parametrize(
    ("content", "target", "status", "said"),
    [
        ("3 1\na 1\n", "y.txt", 1, "x:1: the header promises 3 rows, the file has 1."),
        ("1 1\na x\n", "y.txt", 1, "x:2: expected a number, got b'x'"),
        ("1 1\na 1\n", "y.xyz", 1, "the ending '.xyz' says no format; say which with to= (--to)"),
        ("1 1\na 1\n", "no/such/y.txt", 1, "No such file or directory"),
        ("\x80\x04\x95gensim", "m", 1, "expected vectors in a known form"),
    ],
)
def test_convert_says_in_one_line_what_is_wrong(tmp_path, content, target, status, said):
    (tmp_path / "x").write_text(content)
    done = run("convert", tmp_path / "x", tmp_path / target)
    assert done.exit_code == status
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert not (tmp_path / target).exists()


def test_every_command_says_what_is_odd_in_a_file(tmp_path):
    (tmp_path / "x.txt").write_text("3 2\ncat 1 2\ncat 2 1\ndog 2 1\n")
    done = run("nearest", tmp_path / "x.txt", "cat")
    assert done.stdout == "dog\t0.8000\n"
    assert done.stderr == (
        f"sajeon: warning: {tmp_path}/x.txt: 1 rows repeat a token and were left out (the first "
        "one counts).\n"
    )


def test_info_looks_at_the_beginning_of_a_foreign_file(tmp_path):
    (tmp_path / "x.txt").write_text("cat 1 2\ndog 2 1\n")
    facts = dict(line.split("\t") for line in run("info", tmp_path / "x.txt").stdout.splitlines())
    assert facts["format"] == "glove"
    assert facts["tokens"] == "unknown, since it has no header"
    assert (facts["dim"], facts["most frequent"]) == ("2", "cat dog")
    found = json.loads(run("info", tmp_path / "x.txt", "--json").stdout)
    assert (found["tokens"], found["dim"], found["dtype"]) == (None, 2, "float32")
