"""Folders of model2vec and sentence-transformers, written by these themselves."""

import json
import subprocess
import sys

import numpy as np
import pytest

from sajeon.errors import FormatError
from sajeon.formats.registry import open_file
from sajeon.formats.selection import Selection, collect

WRITERS = """
import sys
import numpy as np
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

folder = sys.argv[1]
rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "cat": 1, "강아지": 2, "sat": 3}, "[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
StaticModel(rows, tokenizer).save_pretrained(f"{folder}/m2v")
StaticModel(rows.astype(np.float16), tokenizer).save_pretrained(f"{folder}/half")
StaticModel(
    rows[:2], tokenizer, weights=np.arange(4.0), token_mapping=np.array([0, 1, 1, 0])
).save_pretrained(f"{folder}/mapped")
static = StaticEmbedding(tokenizer, embedding_weights=rows)
SentenceTransformer(modules=[static]).save(f"{folder}/st")
"""
ROWS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
TOKENS = ["[UNK]", "cat", "강아지", "sat"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    pytest.importorskip("model2vec")
    pytest.importorskip("sentence_transformers")
    folder = tmp_path_factory.mktemp("static")
    done = subprocess.run(
        [sys.executable, "-c", WRITERS, str(folder)], capture_output=True, text=True, check=False,
        env={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("m2v", ROWS),
        ("st", ROWS),
        ("half", ROWS.astype(np.float16)),
        ("mapped", ROWS[[0, 1, 1, 0]] * np.arange(4, dtype=np.float32)[:, None]),
    ],
)
def test_folders_of_others_are_opened(folders, name, rows):
    file = open_file(folders / name)
    found = collect(file)
    assert (file.format, list(found.tokens)) == ("static", TOKENS)
    assert found.matrix.dtype == rows.dtype
    np.testing.assert_array_equal(found.matrix, rows)
    taken = collect(file, Selection(tokens=["sat", "cat"]))
    assert list(taken.tokens) == ["cat", "sat"]
    np.testing.assert_array_equal(taken.matrix, rows[[1, 3]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected a tokenizer.json"),
        ('{"model": {}}', "expected a tokenizer.json"),
        ('{"model": {"vocab": {"a": 0, "b": 2}}}', "expected ids 0 to 1"),
        ('{"model": {"vocab": {"a": 0, "b": 0}}}', "expected ids 0 to 1"),
        ('{"model": {"vocab": {"a": 0}}}', "4 rows, but tokenizer.json has 1 tokens"),
        ("[" * 100_000, "expected a tokenizer.json"),
    ],
)
def test_a_damaged_tokenizer_is_refused(folders, tmp_path, content, message):
    (tmp_path / "model.safetensors").write_bytes(
        (folders / "m2v" / "model.safetensors").read_bytes()
    )
    with pytest.raises(FormatError, match=r"expected model.safetensors and tokenizer.json"):
        open_file(tmp_path)
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(FormatError, match=message):
        open_file(tmp_path)


def test_tokens_with_scores_and_added_ones_are_read(folders, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(
        (folders / "m2v" / "model.safetensors").read_bytes()
    )
    content = {
        "model": {"type": "Unigram", "vocab": [["a", 0.0], ["▁b", -1.5], ["c", -2.0]]},
        "added_tokens": [{"id": 3, "content": "<pad>"}, {"id": 0, "content": "a"}],
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert list(collect(open_file(tmp_path)).tokens) == ["a", "▁b", "c", "<pad>"]


def test_a_folder_of_anything_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(FormatError, match=r"expected a model folder .* it holds notes.txt"):
        open_file(tmp_path)


def test_a_model_in_a_folder_below_is_not_taken_for_the_folder(folders, tmp_path):
    with pytest.raises(FormatError, match="expected a model folder"):
        open_file(folders)
