"""From any source of text to ids on disk and their vocabulary."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from ..cores import available_cores
from ..errors import CorpusError
from ..files import read_ahead
from ..kernels._compile import HAVE_NUMBA
from ..tokens import Tokenizer, Whitespace, Words
from ..tokens.phrases import Phrases
from ..tokens.readers import TextFile, find_files
from ..types import Counts, Ids, Ids32
from ..vocab import Vocabulary
from .cutting import Cutter
from .exact import ListScanner
from .listing import Lister
from .phrases import Reader, join_phrases
from .pretraining import trained_on_files, trained_on_texts
from .scanner import Scanner
from .spool import Spool

Source: TypeAlias = "str | os.PathLike[str] | Iterable[Any]"
Progress: TypeAlias = Callable[[int, "int | None"], None]
_Reader: TypeAlias = "Scanner | Cutter | Lister | ListScanner"

_HANGUL = re.compile("[가-힣]")
_FILE_NAME = re.compile(r"\S*(\.[A-Za-z]\w{0,4}|[/\\]\S+)", re.ASCII)


@dataclass(frozen=True)
class Corpus:
    """Kept tokens as ids, one sequence after another.

    Attributes:
        ids: (num_tokens,) int32, memory-mapped, read-only. By falling count, known ones included,
            ties by spelling.
        offsets: (num_sequences + 1,) int64, memory-mapped, read-only. Sequence ``s``, which is a
            line, a text or a token list, is ``ids[offsets[s]:offsets[s + 1]]`` and may be empty.
        vocab: The kept tokens and their counts in this source, without specials.
        num_raw_tokens: Tokens read, the dropped ones included; a phrase is one.
        num_types: Distinct tokens read.
        hangul_share: Share of Hangul syllables among the characters of the kept tokens, 0 to 1.
        files: The files it was read from; empty for other sources.
    """

    ids: Ids32
    offsets: Counts
    vocab: Vocabulary
    num_raw_tokens: int
    num_types: int
    hangul_share: float
    files: tuple[TextFile, ...] = ()

    def changed_files(self) -> list[str]:
        """Return the names of files that were changed or removed since they were read."""
        return [file.name for file in self.files if file.changed()]

    def identity(self) -> dict[str, Any]:
        """Return JSON values that tell this corpus from any other: sizes, and a SHA-256 of all."""
        digest = hashlib.sha256()
        for array in (self.ids, self.offsets, self.vocab.counts):
            digest.update(np.ascontiguousarray(array).data)
        for token in self.vocab.tokens:
            data = token.encode()
            digest.update(len(data).to_bytes(8, "little") + data)
        return {
            "tokens": self.num_raw_tokens,
            "distinct tokens": self.num_types,
            "kept tokens": len(self.ids),
            "texts": len(self.offsets) - 1,
            "sha256": digest.hexdigest(),
        }


def build_corpus(
    source: Source,
    tokenizer: Tokenizer,
    *,
    min_count: int = 5,
    known: Mapping[str, int] | None = None,
    directory: str | os.PathLike[str] | None = None,
    encoding_errors: Literal["strict", "replace"] = "strict",
    workers: int | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Read a source once, count its tokens and write their ids to disk.

    Memory is bounded by the vocabulary: text and ids pass through in blocks.

    Args:
        source: A path, a glob, "-" (standard input), a list of these, or an iterable of texts (str)
            or of token lists (lists of str), which may be a one-shot generator. Strings in a list
            are files if the first is one or is written like a file's name, else texts.
        tokenizer: How a text becomes tokens. Token lists are taken as they are, but for `Phrases`,
            which join tokens of lists too.
        min_count: Tokens seen less often are dropped.
        known: Tokens that are kept however rare they are, even if the source does not hold them;
            each with how often it was seen elsewhere, which counts in the order of tokens.
        directory: On whose disk the ids go, in files without a name; None for the system's
            temporary one, which TMPDIR moves.
        encoding_errors: What to do with bytes that are not UTF-8: "strict" raises, "replace" puts
            U+FFFD in their place.
        workers: Processes that cut texts, where the tokenizer is slow; None: as many as cores.
        progress: Called with bytes read so far (of compressed files: compressed ones; of token
            lists: tokens) and the total, None where that is not known.

    Raises:
        CorpusError: There is nothing to learn from: no text, no tokens, or all too rare.
        FormatError: A file is damaged or not UTF-8; the message gives ``path:line``.
        FileNotFoundError: There is no such file.
        IsADirectoryError: A path is a folder.
        MissingExtraError: A file needs the package zstandard.
        OSError: The disk is full.
        TypeError: The items are neither texts nor token lists, or both.
    """
    with reading(source, tokenizer, directory, encoding_errors, workers, progress) as read:
        return _finish(read, _Kept(min_count, known or {}))


@dataclass(frozen=True)
class Read:
    """A source that was read: all its tokens, by provisional ids.

    Attributes:
        tokenizer: What cut it, trained.
        reader: Knows the tokens.
        spool: Holds the ids.
        files: Those that were read.
    """

    tokenizer: Tokenizer
    reader: Reader
    spool: Spool
    files: tuple[TextFile, ...]


@contextmanager
def reading(
    source: Source,
    tokenizer: Tokenizer,
    directory: str | os.PathLike[str] | None,
    encoding_errors: str,
    workers: int | None,
    progress: Progress | None,
) -> Iterator[Read]:
    """Read a source, see `build_corpus`; where the block fails, the files of ids are closed."""
    if encoding_errors not in ("strict", "replace"):
        raise ValueError(f"encoding_errors must be 'strict' or 'replace', got {encoding_errors!r}")
    files, items = _open(source)
    workers = available_cores() if workers is None else workers
    folder = None if directory is None else Path(directory)
    cutting = tokenizer.of if isinstance(tokenizer, Phrases) else tokenizer
    with ExitStack() as stack:
        if getattr(cutting, "untrained", False):
            cutting, files, items = _train(cutting, files, items, encoding_errors, stack)
        spool = Spool(folder)
        try:
            how = _How(cutting, spool, encoding_errors, workers)
            reader: Reader = _read(files, items, how, progress or (lambda done, total: None))
            if not isinstance(tokenizer, Phrases):
                tokenizer = cutting
            elif spool.num_tokens:
                tokenizer, reader = join_phrases(tokenizer, cutting, reader, spool, folder)
            yield Read(tokenizer, reader, spool, tuple(files))
        except BaseException:
            spool.discard()
            raise


def _open(source: Source) -> tuple[list[TextFile], Iterator[Any]]:
    """Tell files from iterables: one of the two is empty."""
    if isinstance(source, str | os.PathLike):
        return find_files(source), iter(())
    if isinstance(source, bytes | bytearray | memoryview):
        raise TypeError("a source is a path or an iterable of texts, got bytes; decode them first")
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise TypeError(f"a source is a path or an iterable of texts, got {type(source).__name__}")
    items = iter(source)
    first = next(items, None)
    if first is None:
        raise CorpusError("the source is empty: it holds no text and no token list")
    items = chain([first], items)
    if isinstance(first, os.PathLike) or (
        isinstance(first, str) and isinstance(source, list | tuple) and _is_file_name(first)
    ):
        return [file for path in items for file in find_files(path)], iter(())
    return [], items


def _is_file_name(text: str) -> bool:
    if len(text) > 4096 or "\n" in text or "\0" in text:
        return False
    return text == "-" or _FILE_NAME.fullmatch(text) is not None or os.path.isfile(text)  # noqa: PTH113


@dataclass(frozen=True)
class _How:
    """By what texts and token lists become ids."""

    tokenizer: Tokenizer
    spool: Spool
    encoding_errors: str
    workers: int

    def lists(self) -> ListScanner | Lister:
        """Return what takes token lists."""
        return ListScanner(self.spool) if HAVE_NUMBA else Lister(self.spool)

    def texts(self) -> Scanner | Cutter:
        """Return what takes texts."""
        if HAVE_NUMBA and isinstance(self.tokenizer, Words | Whitespace):
            return Scanner(self.tokenizer, self.spool, self.encoding_errors)
        return self.cutter()

    def cutter(self) -> Cutter:
        """Return what cuts by the tokenizer itself."""
        return Cutter(self.tokenizer, self.lists(), self.encoding_errors, self.workers)


def _train(
    tokenizer: Tokenizer,
    files: list[TextFile],
    items: Iterator[Any],
    encoding_errors: str,
    stack: ExitStack,
) -> tuple[Tokenizer, list[TextFile], Iterator[Any]]:
    """Train a tokenizer on the source; return it, and the source as it can be read once more."""
    if files:
        trained, lines = trained_on_files(tokenizer, files, encoding_errors, stack)
        return (trained, files, items) if lines is None else (trained, [], lines)
    first = next(items)
    if not isinstance(first, str):
        raise TypeError(
            f"tokens={tokenizer.name!r} learns from texts how to cut them; the source holds token "
            "lists, which are cut already: leave tokens= out."
        )
    trained, texts = trained_on_texts(
        tokenizer, _texts(chain([first], items)), encoding_errors, stack
    )
    return trained, [], texts


def _read_recordings(paths: Iterable[Any], how: _How, report: Progress) -> Cutter:
    cutter = how.cutter()
    for done in cutter.add_recordings(map(_recording, paths)):
        report(done, None)
    return cutter


def _recording(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"expected paths of recordings, got {type(path).__name__}")
    return Path(path)


def _read(files: list[TextFile], items: Iterator[Any], how: _How, report: Progress) -> _Reader:
    if how.tokenizer.reads == "audio":
        return _read_recordings([Path(file.path) for file in files] or items, how, report)
    if files:
        text_reader = how.texts()
        _read_files(files, text_reader, report)
        return text_reader
    first = next(items)
    items = chain([first], items)
    reader: _Reader
    if isinstance(first, str):
        reader = text_reader = how.texts()
        steps = text_reader.add_texts(_texts(items))
    else:
        reader = lists = how.lists()
        steps = lists.add_token_lists(_token_lists(items))
    for done in steps:
        report(done, None)
    return reader


def _read_files(files: list[TextFile], reader: Scanner | Cutter, report: Progress) -> None:
    sizes = [file.size for file in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)

    def reported(blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            yield block
            report(sum(file.done for file in files), total)

    for file in files:
        reader.add_file(reported(read_ahead(file.blocks())), file.name)
    if sum(file.done for file in files) == 0:
        names = ", ".join(file.name for file in files[:3]) + (" ..." if len(files) > 3 else "")
        raise CorpusError(f"{names}: empty, expected text")


def _texts(items: Iterator[Any]) -> Iterator[str]:
    for number, item in enumerate(items, 1):
        if not isinstance(item, str):
            raise _mixed(number, item, "a text (str) like the first")
        yield item


def _token_lists(items: Iterator[Any]) -> Iterator[list[str]]:
    for number, item in enumerate(items, 1):
        if isinstance(item, str | bytes | Mapping) or not isinstance(item, Iterable):
            expected = "a text (str) or a list of tokens" if number == 1 else "a list of tokens"
            raise _mixed(number, item, expected)
        yield item if isinstance(item, list) else list(item)


def _mixed(number: int, item: Any, expected: str) -> TypeError:
    hint = "; decode bytes to str first" if isinstance(item, bytes) else ""
    return TypeError(f"item {number}: expected {expected}, got {type(item).__name__}{hint}")


@dataclass(frozen=True)
class _Kept:
    """Which tokens stay: those seen often enough, and those that are known already."""

    min_count: int
    known: Mapping[str, int]

    def types(self, reader: Reader, counts: Counts) -> tuple[Ids, list[str]]:
        """Return the kept among the tokens that were read: provisional ids and spellings."""
        often = counts >= max(self.min_count, 1)
        kept = np.flatnonzero(often)
        tokens = reader.tokens(kept.tolist())
        if self.known:
            rare = np.flatnonzero(~often & (counts > 0))
            spelt = reader.tokens(rare.tolist())
            there = [i for i, token in enumerate(spelt) if token in self.known]
            kept = np.concatenate([kept, rare[there]])
            tokens += [spelt[i] for i in there]
        return kept, tokens


def _finish(read: Read, kept: _Kept) -> Corpus:
    """Drop rare tokens, number the others by count, and map the result."""
    reader, spool = read.reader, read.spool
    counts, num_raw = spool.counts(reader.num_types), spool.num_tokens
    num_types = int((counts > 0).sum())
    types, tokens = kept.types(reader, counts)
    if len(types) == 0:
        raise _nothing_kept(counts, num_raw, kept.min_count)
    here = set(tokens)
    tokens += [token for token in kept.known if token not in here]
    seen = np.pad(counts[types], (0, len(tokens) - len(types)))
    elsewhere = np.fromiter((kept.known.get(token, 0) for token in tokens), np.int64, len(tokens))
    order = _by_count(tokens, seen + elsewhere)
    place = np.empty(len(order), np.int32)  # of each token in the vocabulary
    place[order] = np.arange(len(order), dtype=np.int32)
    new_id = np.full(len(counts), -1, np.int32)
    new_id[types] = place[: len(types)]
    if spool.renumber(new_id) == 0:
        raise CorpusError(
            f"no line or text holds two words that are kept, so there is nothing to learn: "
            f"{num_raw:,} words, {num_types:,} distinct, {len(types):,} of them seen at least "
            f"{kept.min_count} times; give more text on a line, or a smaller --min-count"
        )
    in_order = [tokens[i] for i in order]
    vocab = Vocabulary(in_order, counts=seen[order], tokenizer=read.tokenizer)
    ids, offsets = spool.mapped()
    return Corpus(ids, offsets, vocab, num_raw, num_types, _hangul_share(vocab), read.files)


def _by_count(tokens: list[str], counts: Counts) -> Counts:
    """Order by falling count, ties by spelling (code points): (kept,) int64."""
    by_spelling = np.array(sorted(range(len(tokens)), key=tokens.__getitem__), np.int64)
    return by_spelling[np.argsort(-counts[by_spelling], kind="stable")]


def _nothing_kept(counts: Counts, num_raw: int, min_count: int) -> CorpusError:
    if num_raw == 0:
        return CorpusError("there is no word in the source: only spaces, signs or empty lines")
    largest = int(counts.max())
    some = f"--min-count {largest} would keep some, " if largest > 1 else ""
    return CorpusError(
        f"every word is rarer than min_count={min_count}: {num_raw:,} words, "
        f"{int((counts > 0).sum()):,} distinct, the most frequent seen {largest:,} times; "
        f"{some}--min-count 1 all"
    )


def _hangul_share(vocab: Vocabulary) -> float:
    characters = hangul = 0
    assert vocab.counts is not None
    for token, count in zip(vocab.tokens, vocab.counts.tolist(), strict=True):
        characters += len(token) * count
        if not token.isascii():
            hangul += len(_HANGUL.findall(token)) * count
    return hangul / max(characters, 1)
