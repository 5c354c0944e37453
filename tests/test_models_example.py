"""examples/pretrained_or_not.py on generated reviews."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import sajeon

EXAMPLE = Path(__file__).parents[1] / "examples" / "pretrained_or_not.py"


@pytest.fixture
def run(monkeypatch, capsys):
    """Function that runs the example with arguments and returns what it prints."""
    if not EXAMPLE.is_file():
        pytest.skip("the examples are not here: this is not the source folder")

    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *map(str, arguments)])
        runpy.run_path(str(EXAMPLE), run_name="__main__")
        return capsys.readouterr().out

    return call


def reviews(sign: str, n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        " ".join([f"w{i}" for i in rng.integers(40, size=5)] + [f"{sign}{rng.integers(60)}"])
        for _ in range(n)
    ]


def vectors_that_know(path: Path) -> Path:
    """Words of one sign lie on one side: what no random row could know of rare words."""
    rng = np.random.default_rng(0)
    tokens = [f"{sign}{i}" for sign in ("good", "bad") for i in range(60)]
    matrix = rng.normal(size=(120, 8)).astype(np.float32)
    matrix[:60, 0], matrix[60:, 0] = 5, -5
    sajeon.Vectors(tokens, matrix).save(path)
    return path


def test_one_file_a_class_and_vectors(run, tmp_path):
    pytest.importorskip("matplotlib")
    files = [tmp_path / "good.txt", tmp_path / "bad.txt"]
    for i, (file, sign) in enumerate(zip(files, ("good", "bad"), strict=True)):
        file.write_text("\n".join(reviews(sign, 120, i)) + "\n\n")
    vectors = vectors_that_know(tmp_path / "vectors")
    picture = tmp_path / "curves.png"
    out = run(*files, "--vectors", vectors, "--seeds", 2, "--epochs", 4, "--picture", picture)
    assert out.startswith("240 texts, 2 seeds, 4 epochs, <Vectors: 120 tokens, dim 8>")
    rows = [line.split("|") for line in out.splitlines() if "±" in line]
    accuracy = {row[1].strip(): float(row[2].split("%")[0]) for row in rows}
    assert list(accuracy) == ["random", "pretrained, frozen", "pretrained, trained"]
    assert accuracy["pretrained, trained"] > accuracy["random"] + 5
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_table_with_a_header_and_a_corpus(run, tmp_path):
    lines = [f"{text}\t{sign}" for sign in ("good", "bad") for text in reviews(sign, 60, 1)]
    table, corpus = tmp_path / "reviews.tsv", tmp_path / "corpus.txt"
    table.write_text("document\tlabel\n" + "\n".join(lines) + "\n")
    corpus.write_text("\n".join(reviews("good", 400, 2) + reviews("bad", 400, 3)))
    out = run(table, "--corpus", corpus, "--dim", 8, "--seeds", 1, "--epochs", 1, "--picture", "")
    assert out.count("±") == 3
    assert "Curves" not in out
