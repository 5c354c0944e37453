"""``sajeon train``: from text files to a model folder."""

from __future__ import annotations

import errno
import re
import shlex
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from .errors import Failure, described, say
from .sources import source_of, source_options

if TYPE_CHECKING:
    from ..learn.progress import Reporter
    from ..vectors import Vectors
    from .explore import WatchedPage

_F = TypeVar("_F", bound=Callable[..., Any])
_FREQUENT = 1500
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_SETTING = re.compile(r"([a-z_]+) (must be |is no setting of )")


def _number(name: str, default: float, text: str) -> Callable[[_F], _F]:
    metavar = "N" if isinstance(default, int) else "X"
    return click.option(name, default=default, show_default=True, metavar=metavar, help=text)


def _seconds(
    ctx: click.Context, option: click.Parameter, value: str
) -> float | Literal["auto"] | None:
    """Return the seconds of a time such as 60s, 5m or 1h; "auto"; None for "never"."""
    if value == "auto":
        return "auto"
    if value == "never":
        return None
    found = _DURATION.fullmatch(value)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds < 1e9:
        raise click.BadParameter(f"{value!r}: expected a time such as 60s, 5m, 1h, auto or never.")
    return seconds


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="MODEL", required=True, help="Folder to save the model to.")
@click.option(
    "--model",
    type=click.Choice(["skipgram", "cbow", "glove", "lsa"]),
    default="skipgram",
    show_default=True,
    help="cbow is faster, skipgram better on rare words; glove and lsa count first.",
)
@_number("--dim", 100, "Length of a vector.")
@_number("--window", 5, "Context words on each side, at most.")
@_number("--negatives", 5, "Noise words for each right one.")
@_number("--min-count", 5, "Drop words seen less often.")
@click.option(
    "--epochs", type=int, metavar="N", help="Passes over the text.  [default: 5; glove 25]"
)
@click.option(
    "--lr",
    type=float,
    metavar="X",
    help="Learning rate at the start.  [default: 0.025; cbow, glove, subwords 0.05]",
)
@_number("--sample", 1e-3, "Thin out words above this share of the text.")
@_number("--noise-exponent", 0.75, "Draw noise words by count to this power.")
@_number("--x-max", 10.0, "glove: from this count on, words that stand together count in full.")
@_number("--alpha", 0.75, "glove: smaller counts weigh by this power of their share.")
@_number("--shift", 1.0, "lsa: what is so many times more frequent than by chance is counted.")
@_number("--eigenvalues", 0.5, "lsa: scale by singular values to this power: 0, 0.5 or 1.")
@click.option(
    "--contexts",
    type=click.Choice(["words", "documents"]),
    default="words",
    show_default=True,
    help="lsa: count a word with the words around it, or with the lines it occurs in.",
)
@click.option(
    "--loss",
    type=click.Choice(["negative", "hs", "softmax"]),
    default="negative",
    show_default=True,
    help="Noise words, hierarchical softmax, or a choice among all words (slow if they are many).",
)
@click.option(
    "--subwords",
    metavar="UNITS:N-M",
    help="Learn n-grams of words too, for words that are not in the text: chars:3-6, jamo:3-5.",
)
@click.option(
    "--threads", type=int, metavar="N", help="At most 16 are of use.  [default: all cores]"
)
@_number("--seed", 1, "The same seed gives the same bits.")
@click.option(
    "--tokens",
    default="words",
    show_default=True,
    metavar="NAME",
    help="How text is cut: words, whitespace, chars, regex:PATTERN, jamo, morphemes, bpe, unigram, "
    "wordpiece, phonemes, melody, phrases; settings as in words:case=keep,punctuation=keep.",
)
@source_options
@click.option(
    "--encoding-errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="Bytes that are not UTF-8: stop, or put U+FFFD in their place.",
)
@click.option(
    "--no-training-state", is_flag=True, help="Do not keep what training could go on from."
)
@click.option(
    "--from",
    "start_from",
    metavar="MODEL",
    help="Go on from this model: its words stay, words that only this text holds are added.",
)
@click.option("--resume", is_flag=True, help="Go on with a training that did not end.")
@click.option(
    "--checkpoint-every",
    callback=_seconds,
    metavar="TIME",
    default="auto",
    show_default=True,
    help="Keep what --resume goes on from, as often as this: 60s, 5m, 1h, never. auto: every "
    "minute, if more than two are expected.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Show loss, speed and the map as it forms on a page, and there the model at the end.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def train(
    files: tuple[str, ...],
    output: str,
    no_training_state: bool,
    watch: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Learn a vector for each word of text files.

    A FILE is UTF-8 text, plain or compressed (.gz, .bz2, .xz, .zst), a pattern in quotes such as
    'texts/*.txt', or "-" for standard input. Each line is taken as one text.
    """
    from ..learn.progress import Reporter, reporter_for
    from ..learn.train import train as learn
    from ..tokens import Custom
    from .hearing import Hearing

    heard = Hearing(reporter_for(True) if not quiet else Reporter())
    started = time.perf_counter()
    page = _page(heard, output) if watch else None
    try:
        with _stopped_by_sigterm():
            lists = source_of(files, settings)
            if lists is not None:
                settings["tokens"] = Custom()
            vectors = learn(
                [Path(file) for file in files] if lists is None else lists,
                output=output,
                training_state=not no_training_state,
                progress=heard if page is None else page.watching,
                **settings,
            )
    except KeyboardInterrupt as error:
        raise Failure(_interrupted(output)) from error
    except OSError as error:
        raise _when_full(error, output) from error
    except ValueError as error:
        raise _in_words_of_options(error, settings) from error
    if not quiet:
        _sum_up(vectors, output, heard, time.perf_counter() - started)
    if page is not None:
        page.show(vectors, output)


def _page(shown: Reporter, output: str) -> WatchedPage:
    from .explore import WatchedPage

    return WatchedPage(shown, output)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C: batch systems send it some seconds before they kill."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _can_go_on(output: str) -> bool:
    from ..formats.folder import check_target
    from ..learn.checkpoint import has_checkpoint

    return has_checkpoint(check_target(output))


def _interrupted(output: str) -> str:
    if _can_go_on(output):
        return "interrupted; the same command with --resume goes on."
    return f"interrupted; nothing was written to {output}."


def _in_words_of_options(error: ValueError, settings: Mapping[str, Any]) -> Exception:
    """Return the error with ``min_count must be`` as ``--min-count must be``."""
    found = _SETTING.match(str(error))
    if not found or found[1] not in settings:
        return error
    return Failure(f"--{found[1].replace('_', '-')} {str(error)[found.start(2) :]}.")


def _when_full(error: OSError, output: str) -> Exception:
    """Return the error; where a disk is full, with what to do about it."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    if error.filename is not None:
        if not _can_go_on(output):
            return error
        return Failure(f"{described(error)} Free some space; then --resume ends the training.")
    return Failure(
        f"{error.strerror}: while it trains, sajeon keeps the corpus as numbers in "
        f"{tempfile.gettempdir()}; free some space there or set TMPDIR to another disk."
    )


def _sum_up(vectors: Vectors, output: str, heard: Any, seconds: float) -> None:
    speed = heard.words_per_second
    shown = f"{speed / 1e6:.2f}M" if speed > 1e5 else f"{speed:,.0f}"
    rate = f", trained at {shown} words/s" if speed else ""
    say(f"{len(vectors):,} words, dim {vectors.dim}, in {seconds:.1f} s{rate}; saved in {output}")
    word = content_word(vectors)
    say(f"try: sajeon nearest {shlex.quote(output)} {shlex.quote(word)}")


def content_word(vectors: Vectors) -> str:
    """Return the most frequent token that is likely to mean something.

    Words that hold a sentence together are short, or more frequent than one in `_FREQUENT`.
    """
    assert vectors.counts is not None
    limit = vectors.counts.sum() / _FREQUENT
    for token, count in zip(vectors.tokens, vectors.counts.tolist(), strict=True):
        if count < limit and token.isalpha() and len(token) >= (5 if token.isascii() else 2):
            return token
    return vectors.tokens[0]
