"""Embedding tables: learned from raw text in seconds, looked up, searched and saved.

Names are loaded when they are first used: ``import sajeon`` alone imports no third-party module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see; at run time `__getattr__` does the same
    from . import classify, evaluate
    from .alignment import Alignment, align
    from .classify import BagClassifier
    from .conversion import convert
    from .corpus.finding import find_phrases
    from .encode import one_hot, pad
    from .errors import (
        BusyError,
        CorpusError,
        EvaluationError,
        FormatError,
        FormatWarning,
        MissingExtraError,
        NotFittedError,
        ResumeError,
        SajeonError,
        TrainingError,
        UnknownTokenError,
    )
    from .evaluate import compare
    from .learn.train import train
    from .loading import load
    from .retraining import stability
    from .sampling import NoiseSampler, negative_sampling_loss
    from .sequences import random_walks, read_sequences
    from .table import EmbeddingTable
    from .tokens.phrases import Phrases
    from .vectors import Vectors
    from .vocab import Vocabulary

    __version__: str

__all__ = [
    "Alignment",
    "BagClassifier",
    "BusyError",
    "CorpusError",
    "EmbeddingTable",
    "EvaluationError",
    "FormatError",
    "FormatWarning",
    "MissingExtraError",
    "NoiseSampler",
    "NotFittedError",
    "Phrases",
    "ResumeError",
    "SajeonError",
    "TrainingError",
    "UnknownTokenError",
    "Vectors",
    "Vocabulary",
    "__version__",
    "align",
    "classify",
    "compare",
    "convert",
    "evaluate",
    "find_phrases",
    "load",
    "negative_sampling_loss",
    "one_hot",
    "pad",
    "random_walks",
    "read_sequences",
    "stability",
    "train",
]

_ERRORS = tuple(name for name in __all__ if name.endswith(("Error", "Warning")))
_MODULES = ("classify", "evaluate")
_HOME = {
    **dict.fromkeys(_ERRORS, "errors"),
    "Alignment": "alignment",
    "BagClassifier": "classify",
    "EmbeddingTable": "table",
    "NoiseSampler": "sampling",
    "Phrases": "tokens.phrases",
    "Vectors": "vectors",
    "Vocabulary": "vocab",
    "align": "alignment",
    "compare": "evaluate",
    "convert": "conversion",
    "find_phrases": "corpus.finding",
    "load": "loading",
    "negative_sampling_loss": "sampling",
    "one_hot": "encode",
    "pad": "encode",
    "random_walks": "sequences",
    "read_sequences": "sequences",
    "stability": "retraining",
    "train": "learn.train",
}

if not TYPE_CHECKING:  # a visible `__getattr__` would make every misspelt name pass the type check

    def __getattr__(name: str) -> Any:
        """Load a public name the first time it is used (PEP 562)."""
        from importlib import import_module

        if name == "__version__":
            value: Any = _version()
        elif name in _MODULES:
            value = import_module(f".{name}", __name__)
        elif name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("sajeon")
    except metadata.PackageNotFoundError:  # run from a source folder
        return "0+unknown"
