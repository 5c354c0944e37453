"""Fixtures for all tests: the data folder, small corpora, Hypothesis without a deadline."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No deadline: the first example of a kernel may compile it, which takes seconds.
settings.register_profile(
    "sajeon", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("sajeon")


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the public data sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("SAJEON_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}: set SAJEON_DATA")
    return folder


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[..., Path]:
    """Function that writes a text (or bytes) to a file and returns its path."""

    def write(text: str | bytes, name: str = "corpus.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


@pytest.fixture
def corpus_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Function that builds a corpus in a fresh folder, ``corpus_of(source, "words")``."""
    from sajeon.corpus import build_corpus
    from sajeon.tokens import make_tokenizer

    def build(source: Any, tokens: Any = "words", **settings: Any) -> Any:
        folder = tmp_path_factory.mktemp("corpus")
        settings.setdefault("min_count", 1)
        return build_corpus(source, make_tokenizer(tokens), directory=folder, **settings)

    return build
