"""Texts to token lists by any tokenizer, and from there to ids: what is not compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from ..tokens import Tokenizer, processes
from ..tokens.protocol import token_lists
from ..tokens.readers import lines_of, stretches
from .exact import ListScanner
from .listing import Lister, is_text, not_utf8


class Cutter:
    """Counts and encodes what a tokenizer makes of texts and recordings.

    Args:
        tokenizer: Cuts each.
        lists: Takes the token lists.
        encoding_errors: See `build_corpus`.
        workers: Processes that share the texts out, if the tokenizer is worth it.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        lists: ListScanner | Lister,
        encoding_errors: str,
        workers: int,
    ) -> None:
        self._tokenizer, self._lists, self._errors = tokenizer, lists, encoding_errors
        self._workers = workers if getattr(tokenizer, "in_processes", False) else 0

    @property
    def num_types(self) -> int:
        """How many distinct tokens there were."""
        return self._lists.num_types

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        return self._lists.tokens(ids)

    def add_texts(self, texts: Iterable[str]) -> Iterator[int]:
        """Read texts: each is a sequence. Yields the characters done, which stand for bytes."""
        done = 0

        def counted() -> Iterator[str]:
            nonlocal done
            for text in without_surrogates(texts, self._errors):
                done += len(text) + 1
                yield text

        for _ in self._lists.add_token_lists(self._cut(counted())):
            yield done

    def add_file(self, blocks: Iterable[bytes], name: str) -> None:
        """Read a file: each of its lines is a sequence."""
        for _ in self.add_texts(decoded_lines(blocks, name, self._errors)):
            pass

    def add_recordings(self, paths: Iterable[Any]) -> Iterator[int]:
        """Read recordings: each is a sequence or several. Yields the recordings done."""
        for done, path in enumerate(paths, 1):
            for _ in self._lists.add_token_lists(token_lists(self._tokenizer, [path])):
                pass
            yield done

    def _cut(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the tokens of each text; in processes of their own where there is much to cut."""
        texts = iter(texts)
        if self._workers > 1:
            first = list(islice(stretches(texts, processes.BATCH), 1))
            yield from chain.from_iterable(token_lists(self._tokenizer, part) for part in first)
            rest = next(texts, None)
            if rest is not None:
                yield from processes.cut(chain([rest], texts), self._tokenizer, self._workers)
            return
        for part in stretches(texts, processes.BATCH):
            yield from token_lists(self._tokenizer, part)


def without_surrogates(texts: Iterable[str], errors: str) -> Iterator[str]:
    """Yield texts that can be written as UTF-8; see `encoding_errors` of `build_corpus`."""
    for number, text in enumerate(texts, 1):
        if text.isascii() or is_text(text):
            yield text
        elif errors == "strict":
            raise not_utf8(None, number, 0)
        else:
            yield text.encode("utf-8", "surrogatepass").decode("utf-8", errors)


def decoded_lines(blocks: Iterable[bytes], name: str, errors: str) -> Iterator[str]:
    """Yield the lines of UTF-8 blocks, without their ends."""
    start = 0
    for number, line in enumerate(lines_of(blocks), 1):
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors)
        except UnicodeDecodeError as error:
            raise not_utf8(name, number, start + error.start) from error
        start += len(line)
