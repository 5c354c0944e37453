"""Small PyTorch models on an embedding table: an n-gram language model and a text classifier.

Needs the extra "torch". Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sajeon.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":  # torch is there, and something that it needs is not
        raise
    raise MissingExtraError("sajeon.models", "torch") from None

if TYPE_CHECKING:  # what type checkers and editors see; at run time `__getattr__` does the same
    from .classifier import TextClassifier
    from .ngram import NGramLanguageModel
    from .progress import Progress

__all__ = ["NGramLanguageModel", "Progress", "TextClassifier"]

_HOME = {"NGramLanguageModel": "ngram", "Progress": "progress", "TextClassifier": "classifier"}

if not TYPE_CHECKING:  # a visible `__getattr__` would make every misspelt name pass the type check

    def __getattr__(name: str) -> Any:
        """Load a public name the first time it is used (PEP 562)."""
        from importlib import import_module

        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
