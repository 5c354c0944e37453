"""The errors a caller may want to catch.

Each message says what was expected, what was seen, where, and what to do.
"""

from collections.abc import Iterable, Sequence


class SajeonError(Exception):
    """Base of all errors that this package raises for a reason of its own."""


class FormatError(SajeonError, ValueError):
    """A file or folder does not hold what it should; the message has ``path:line`` or the byte."""


class FormatWarning(UserWarning):
    """A file has oddities that were dealt with, such as a token that stands twice."""


class CorpusError(SajeonError, ValueError):
    """The text given for training cannot be learned from: empty, too short, all words rare."""


class TrainingError(SajeonError, RuntimeError):
    """Training went wrong and was stopped, for example because the numbers diverged."""


class ResumeError(SajeonError, ValueError):
    """A training cannot go on from a checkpoint: settings or corpus are not what they were."""


class BusyError(SajeonError, RuntimeError):
    """Another process is training into the same folder."""


class EvaluationError(SajeonError, ValueError):
    """A test set says nothing about the vectors, for example since none of its words is a token."""


class MissingExtraError(SajeonError, ImportError):
    """An optional dependency is missing; the message is the ``pip install`` line that brings it."""

    def __init__(self, what: str, extra: str) -> None:
        command = f"pip install 'sajeon[{extra}]'"
        super().__init__(f"{what} needs an extra that is not installed: {command}")


class UnknownTokenError(SajeonError, KeyError):
    """A token is not in the vocabulary; the message names near spellings.

    Args:
        token: The token looked for.
        tokens: Tokens to search for near spellings, a few thousand at most: this is slow.
        num_tokens: Size of the vocabulary.
        suggestions: Near spellings where the caller knows them; `tokens` is then not searched.
    """

    def __init__(
        self,
        token: str,
        tokens: Iterable[str] = (),
        num_tokens: int | None = None,
        suggestions: Sequence[str] | None = None,
    ) -> None:
        from difflib import get_close_matches  # only a failed lookup pays for this import

        self.token = token
        if suggestions is None:
            suggestions = get_close_matches(token, list(tokens), n=3, cutoff=0.7)
        self.suggestions = list(suggestions)
        among = "in the vocabulary" if num_tokens is None else f"among the {num_tokens:,} tokens"
        hint = f" Near spellings: {', '.join(self.suggestions)}." if self.suggestions else ""
        super().__init__(f"{token!r} is not {among}.{hint}")

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the repr of the message


class NotFittedError(SajeonError, ValueError, AttributeError):
    """A model was asked before it has learned anything; with the bases of scikit-learn's error."""

    def __init__(self, what: str) -> None:
        super().__init__(f"this {what} has not learned yet: call fit first, or load a saved one.")
