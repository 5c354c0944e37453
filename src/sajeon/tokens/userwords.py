"""Words of the user's own that an analyser is to keep whole."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import FormatError

UserWords: TypeAlias = tuple[tuple[str, str], ...]
"""Words with their tags, sorted."""

DEFAULT_TAG = "NNG"
TAGS = ("NNG", "NNP", "NNB", "NR", "NP", "MM", "MAG", "MAJ", "IC", "XR")
"""Tags of the Sejong set whose words have one form; verbs and adjectives change theirs."""

_MOST_BYTES = 1 << 26  # a mistaken path must not fill the memory


def user_words(source: str | os.PathLike[str] | Iterable[Sequence[str]] | None) -> UserWords:
    """Return the words that the setting ``dict`` stands for.

    Args:
        source: A file, UTF-8, one word a line, with or without its tag after a tab; or pairs of
            word and tag, as a model's settings hold them; or None.

    Raises:
        FormatError: A line is no such word; the message has ``path:line``.
        FileNotFoundError: There is no such file.
        ValueError: A pair is no such word.
    """
    if source is None:
        return ()
    if isinstance(source, str | os.PathLike):
        return _read(Path(source))
    pairs = list(source)
    for pair in pairs:
        if not _is_pair(pair):
            raise ValueError(f"dict: expected [word, tag], got {pair!r}")
    return _sorted(("dict", *_checked(word, tag, "dict")) for word, tag in pairs)


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(part, str) for part in pair)
    )


def _read(path: Path) -> UserWords:
    if path.exists() and not path.is_file():
        raise FormatError(f"{path}: expected a file of words, one a line")
    if path.stat().st_size > _MOST_BYTES:
        raise FormatError(f"{path}: larger than {_MOST_BYTES >> 20} MiB, expected a list of words")
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        where = f"{path}:{number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{where}: expected UTF-8, got the bytes {line[:40]!r}") from error
        if text.strip():
            word, _, tag = text.partition("\t")
            found.append((where, *_checked(word.strip(), tag.strip(), where)))
    if not found:
        raise FormatError(f"{path}: expected words, one a line, got none")
    return _sorted(found)


def _checked(word: str, tag: str, where: str) -> tuple[str, str]:
    """Return a word in NFC and its tag."""
    word, tag = unicodedata.normalize("NFC", word), tag.upper() or DEFAULT_TAG
    if not word.isprintable() or word.split() != [word]:
        raise FormatError(f"{where}: expected a word without blanks, got {word!r}")
    if tag not in TAGS:
        raise FormatError(
            f"{where}: expected word or word<TAB>tag, the tag one of {', '.join(TAGS)}; got {tag!r}"
        )
    return word, tag


def _sorted(found: Iterable[tuple[str, str, str]]) -> UserWords:
    words: dict[str, str] = {}
    for where, word, tag in found:
        if words.setdefault(word, tag) != tag:
            raise FormatError(f"{where}: {word} is {words[word]} elsewhere, {tag} here: keep one")
    return tuple(sorted(words.items()))
