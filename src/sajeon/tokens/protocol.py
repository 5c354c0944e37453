"""What a tokenizer is, how one is named on the command line, and how it is saved in config.json."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

from ..errors import FormatError

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"

ENTRY_POINTS = "sajeon.tokenizers"
_BUILT_IN = {
    "words": ".words:Words",
    "whitespace": ".words:Whitespace",
    "chars": ".patterns:Characters",
    "regex": ".patterns:Regex",
    "melody": ".melody:Melody",
    "phonemes": ".phonemes:Phonemes",
    "jamo": ".jamo:Jamo",
    "morphemes": ".morphemes:Morphemes",
    "bpe": ".pieces:BPE",
    "unigram": ".pieces:Unigram",
    "wordpiece": ".pieces:WordPiece",
    "phrases": ".phrases:Phrases",
}
"""Where each is, imported when it is asked for: some need an extra."""


@runtime_checkable
class Tokenizer(Protocol):
    """Turns one item, a text or a recording, into tokens.

    A tokenizer may also have

    - ``token_lists(items) -> list[list[str]]``: many items at once, where that is faster; of a
      recording there may be several lists;
    - ``in_processes = True``: cutting takes longer than all else, so that the texts of a corpus
      are shared out among processes, each of which makes it anew from name and settings;
    - ``untrained = True`` and ``trained(texts) -> Tokenizer``: it first learns its tokens from the
      corpus; ``trained`` returns the one that has;
    - ``hf_tokenizer_json(tokens) -> dict | None``: the same rule and these tokens as a Hugging Face
      ``tokenizer.json``, or None where that cannot express the rule.

    Attributes:
        name: As in ``--tokens NAME``.
        settings: JSON values that make the same tokenizer again.
        reads: "text": items are str. "audio": items are `pathlib.Path`.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def settings(self) -> Mapping[str, JSON]: ...  # noqa: D102
    @property
    def reads(self) -> Literal["text", "audio"]: ...  # noqa: D102

    def tokens(self, item: Any) -> list[str]:
        """Return the tokens of one item, in order."""
        ...


class Custom:
    """A user's own function; without one, for what was never a text: token lists alone.

    The function is not saved, so a loaded model takes token lists alone.
    """

    name = "custom"
    settings: Mapping[str, JSON] = {}
    reads: Literal["text", "audio"] = "text"

    def __init__(self, function: Callable[[Any], Iterable[str]] | None = None) -> None:
        self._function = function

    def tokens(self, item: Any) -> list[str]:
        """Return what the function makes of `item`; a loaded tokenizer returns a list as it is.

        Raises:
            TypeError: The function gave something else than str, or it is gone and `item` is a str.
        """
        if self._function is not None:
            item = self._function(item)
        if isinstance(item, str):
            raise TypeError(
                "the function given as tokenizer returned a str; return a list of tokens"
                if self._function is not None
                else "this model was trained on token lists, or with a function of your own, which "
                "is not saved; pass a list of tokens instead of a text"
            )
        tokens = list(item)
        for token in tokens:
            if not isinstance(token, str):
                raise TypeError(f"a token must be a str, got {token!r} ({type(token).__name__})")
        return tokens

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Custom) and other._function == self._function

    def __hash__(self) -> int:
        return hash((Custom, self._function))

    def __repr__(self) -> str:
        return f"Custom({self._function!r})"


def make_tokenizer(spec: str | Tokenizer | Callable[[Any], Iterable[str]]) -> Tokenizer:
    """Make a tokenizer from its name and settings, or from a function.

    >>> make_tokenizer("words:case=keep,punctuation=keep").tokens("Ah, Seoul!")
    ['Ah', ',', 'Seoul', '!']

    Args:
        spec: ``NAME``, ``NAME:key=value,key=value``, a function from text to tokens, or a
            tokenizer, which is returned as it is. All behind ``of=`` is its value: the name of
            another tokenizer and its settings.

    Raises:
        ValueError: There is no such tokenizer or setting.
    """
    if isinstance(spec, str):
        name, _, rest = spec.partition(":")
        settings = {"pattern": rest} if name == "regex" else _parse_settings(spec, rest)
        return _build(name, settings)
    if isinstance(spec, Tokenizer):
        return spec
    if callable(spec):
        return Custom(spec)
    raise TypeError(f"a tokenizer is a name, a function or has .tokens(), got {spec!r}")


def token_lists(tokenizer: Tokenizer, items: Sequence[Any]) -> list[list[str]]:
    """Return the tokens of each item; of a recording there may be several lists."""
    at_once = getattr(tokenizer, "token_lists", None)
    if at_once is not None:
        lists: list[list[str]] = at_once(items)
        return lists
    return [tokenizer.tokens(item) for item in items]


def tokenizer_to_config(tokenizer: Tokenizer) -> dict[str, JSON]:
    """Return ``{"name": ..., "settings": {...}}``, which config.json holds."""
    return {"name": tokenizer.name, "settings": dict(tokenizer.settings)}


def tokenizer_from_config(config: Mapping[str, Any]) -> Tokenizer:
    """Make the tokenizer that `tokenizer_to_config` described.

    Raises:
        FormatError: The description has another form, or this installation lacks the tokenizer.
    """
    name, settings = config.get("name"), config.get("settings", {})
    if not isinstance(name, str) or not isinstance(settings, Mapping):
        raise FormatError(f"a tokenizer is described by name and settings, got {dict(config)!r}")
    if name == Custom.name:
        return Custom()
    try:
        return _build(name, settings)
    except ValueError as error:
        raise FormatError(f"tokenizer of the model: {error}") from error


def _parse_settings(spec: str, text: str) -> dict[str, str]:
    settings = {}
    parts = text.split(",") if text else []
    while parts:
        part = parts.pop(0)
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise ValueError(f"expected NAME:key=value,key=value, got {part!r} in {spec!r}")
        if key.strip() == "of":
            value, parts = ",".join([value, *parts]), []
        settings[key.strip()] = value.strip()
    return settings


def _build(name: str, settings: Mapping[str, Any]) -> Tokenizer:
    factory = _built_in(name) if name in _BUILT_IN else _from_entry_point(name)
    try:
        return cast("Tokenizer", factory(**settings))
    except TypeError as error:  # a setting the factory does not take
        taken = ", ".join(inspect.signature(factory).parameters) or "none"
        given = ", ".join(settings) or "none"
        raise ValueError(
            f"tokenizer {name!r} takes these settings: {taken}; got {given}"
        ) from error


def _built_in(name: str) -> Callable[..., Any]:
    module, _, attribute = _BUILT_IN[name].partition(":")
    factory: Callable[..., Any] = getattr(import_module(module, __package__), attribute)
    return factory


def _from_entry_point(name: str) -> Callable[..., Any]:
    from importlib.metadata import entry_points  # slow to import, seldom needed

    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in found:
        return cast("Callable[..., Any]", found[name].load())
    known = sorted({*_BUILT_IN, *found})
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"there is no tokenizer {name!r}; there are {', '.join(known)}.{hint}")
