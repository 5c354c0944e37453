"""Token lists to ids, in plain Python: lists that users bring, and what other tokenizers make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from ..errors import FormatError
from ..tokens import Tokenizer
from .spool import Spool

_BATCH = 1 << 16  # tokens handed to the spool at a time


class _Ids(dict[str, int]):
    """Ids in order of appearance; a token not met before gets the next."""

    def __missing__(self, token: str) -> int:
        check_token(token)
        self[token] = number = len(self)
        return number


class Lister:
    """Counts and encodes token lists, and texts with any tokenizer.

    For tokenizers that are not compiled, and for all where Numba is missing.
    """

    def __init__(self, tokenizer: Tokenizer, spool: Spool, encoding_errors: str = "strict") -> None:
        self._tokenizer, self._spool, self._errors = tokenizer, spool, encoding_errors
        self._ids = _Ids()

    @property
    def num_types(self) -> int:
        """How many distinct tokens there were."""
        return len(self._ids)

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        spellings = list(self._ids)
        return [spellings[i] for i in ids]

    def add_token_lists(self, lists: Iterable[list[str]]) -> Iterator[int]:
        """Read token lists: each is a sequence. Yields the tokens done."""
        for batch in in_batches(lists, _BATCH):
            self._add(batch)
            yield self._spool.num_tokens

    def add_texts(self, texts: Iterable[str]) -> Iterator[int]:
        """Read texts: each is a sequence. Yields the characters done, which stand for bytes."""
        done = 0

        def token_lists() -> Iterator[list[str]]:
            nonlocal done
            for text in _without_surrogates(texts, self._errors):
                yield self._tokenizer.tokens(text)
                done += len(text) + 1

        for _ in self.add_token_lists(token_lists()):
            yield done

    def add_file(self, blocks: Iterable[bytes], name: str) -> None:
        """Read a file: each of its lines is a sequence."""
        for _ in self.add_texts(_decoded_lines(blocks, name, self._errors)):
            pass

    def _add(self, batch: list[list[str]]) -> None:
        ends = np.cumsum([len(tokens) for tokens in batch], dtype=np.int64)
        found = map(self._ids.__getitem__, chain.from_iterable(batch))
        total = int(ends[-1]) if batch else 0
        self._spool.add(np.fromiter(found, np.int32, total), ends)


def in_batches(lists: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    """Yield the lists in batches of at least `size` tokens; the last may hold fewer, or none."""
    batch: list[list[str]] = []
    held = 0
    for tokens in lists:
        batch.append(tokens)
        held += len(tokens)
        if held >= size:
            yield batch
            batch, held = [], 0
    yield batch


def check_token(token: object) -> None:
    """Refuse what no token can be.

    Raises:
        TypeError: It is not a str.
        FormatError: It holds a lone surrogate and could not be saved.
    """
    if not isinstance(token, str):
        raise TypeError(f"a token must be a str, got {token!r} ({type(token).__name__})")
    if not _is_text(token):
        raise FormatError(f"token {token!r}: holds a lone surrogate, which is no character")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_surrogates(texts: Iterable[str], errors: str) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        if text.isascii() or _is_text(text):
            yield text
        elif errors == "strict":
            raise not_utf8(None, number, 0)
        else:
            yield text.encode("utf-8", "surrogatepass").decode("utf-8", errors)


def _decoded_lines(blocks: Iterable[bytes], name: str, errors: str) -> Iterator[str]:
    """Yield the lines of UTF-8 blocks, without their ends."""
    start = 0
    for number, line in enumerate(_lines(blocks), 1):
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise not_utf8(name, number, start + error.start) from error
        start += len(line)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    for block in blocks:
        first, *others = _split(block)
        parts.append(first)
        if others:
            yield b"".join(parts)
            yield from others[:-1]
            parts = [others[-1]]
    if rest := b"".join(parts):
        yield rest


def _split(block: bytes) -> list[bytes]:
    """Lines with their ends; the last has none and may be empty."""
    pieces = block.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + pieces[-1:]


def not_utf8(name: str | None, line: int, offset: int) -> FormatError:
    """The error for bytes, or characters of a text, that are not UTF-8.

    Args:
        name: Of the file; None: it is one of several texts.
        line: Line of the file or number of the text, from 1.
        offset: Byte of the file.
    """
    where = f"{name}:{line}: byte offset {offset:,}: not UTF-8"
    if name is None:
        where = f"text {line}: holds a lone surrogate, which is no character"
    return FormatError(f"{where}; to go on, --encoding-errors replace (encoding_errors='replace')")
