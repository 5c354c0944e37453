"""``sajeon classify train``: from labelled texts to a model folder."""

from __future__ import annotations

import math
import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from .classify_options import (
    char_ngrams,
    encoding_option,
    label_option,
    num_bytes,
    text_option,
    threads_option,
)
from .errors import Failure, say
from .hearing import Hearing

if TYPE_CHECKING:
    from ..autotune import Trial
    from ..classify import BagClassifier
    from ..labelled import Labelled
    from ..learn.trainer import Progress

_F = TypeVar("_F", bound=Callable[..., Any])

_SEARCHED = ("dim", "lr", "epochs", "word_ngrams", "min_n", "max_n", "num_buckets")
_SETTING = re.compile(r"(dim|lr|epochs|word_ngrams|num_buckets|min_count|threads|seed) must be ")
_MEASURED_ON = 20_000  # training texts, where the loss by quantising has no others to be seen on


def _number(name: str, default: float, text: str) -> Callable[[_F], _F]:
    metavar = "N" if isinstance(default, int) else "X"
    return click.option(name, default=default, show_default=True, metavar=metavar, help=text)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="MODEL", required=True, help="Folder to save the model to.")
@text_option
@label_option
@click.option(
    "--dim", type=int, metavar="N", help="Length of a vector.  [default: 100, or that of VECTORS]"
)
@_number("--lr", 0.25, "Learning rate at the start.")
@_number("--epochs", 10, "Passes over the texts.")
@_number("--word-ngrams", 2, "Longest sequence of words that counts as a feature.")
@click.option(
    "--chars",
    metavar="MIN-MAX",
    callback=char_ngrams,
    help="Lengths of character n-grams, such as 3-6, or none.  [default: none]",
)
@_number("--buckets", 2_000_000, "Hash values of n-grams.")
@_number("--min-count", 1, "Drop words seen less often.")
@click.option(
    "--loss",
    type=click.Choice(["softmax", "ova", "hs"]),
    help="softmax: one label of a few; ova: several labels a text; hs: one of very many labels.  "
    "[default: softmax; ova if a text has several labels]",
)
@click.option(
    "--tokens",
    default="words",
    show_default=True,
    metavar="NAME",
    help="How text is cut: words or whitespace; settings as in words:case=keep,punctuation=keep.",
)
@click.option("--pretrained", metavar="VECTORS", help="Begin with these vectors of words.")
@threads_option
@_number("--seed", 1, "The same seed gives the same bits.")
@click.option(
    "--autotune",
    "validation",
    metavar="FILE",
    help="Search for the settings that label FILE best; those given here stay as they are.",
)
@click.option(
    "--seconds",
    default=300.0,
    show_default=True,
    metavar="N",
    type=click.FloatRange(min=0),
    help="How long to search.",
)
@click.option(
    "--quantize",
    metavar="BYTES",
    is_flag=False,
    flag_value="2MB",
    callback=num_bytes,
    help="Save a model of at most so many bytes, 2MB if no number follows.",
)
@encoding_option
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    output: str,
    text: str | None,
    label: str | None,
    validation: str | None,
    seconds: float,
    quantize: int | None,
    encoding_errors: Any,
    quiet: bool,
    **options: Any,
) -> None:
    """Learn to label texts from those in FILE.

    A FILE is a table with a header line (CSV, TSV, JSON lines, Parquet), or has lines as fastText
    takes them: "__label__good what a film". It may be compressed, a pattern in quotes such as
    'reviews/*.tsv', or "-" for standard input. Columns with usual names, such as text and label,
    are found; others are named by --text and --label.
    """
    from ..classify import BagClassifier
    from ..formats.folder import check_target
    from ..labelled import read_labelled
    from ..learn.progress import Reporter, reporter_for

    started = time.perf_counter()
    check_target(output)
    labelled = read_labelled(files, text, label, encoding_errors=encoding_errors)
    others = validation and read_labelled(validation, text, label, encoding_errors=encoding_errors)
    settings = _settings(options, labelled)
    heard = _Heard(Reporter() if quiet else reporter_for(True))
    with _in_words_of_options():
        if others:
            fixed = {name: settings[name] for name in settings if not _is_searched(ctx, name)}
            fixed["progress"] = False if quiet else None  # a bar, on a terminal alone
            classifier = _tuned(labelled, others, seconds, fixed, quiet)
        else:
            classifier = BagClassifier(**settings, progress=heard)
            classifier.fit(labelled.texts, labelled.labels)
        if quantize is not None:
            classifier = _quantized(classifier, quantize, labelled, others or None, quiet)
    classifier.save(output)
    if not quiet:
        _sum_up(classifier, labelled, output, heard, time.perf_counter() - started)


def _settings(options: dict[str, Any], labelled: Labelled) -> dict[str, Any]:
    """Return the settings of a `BagClassifier`."""
    settings = {**options}
    chars, pretrained = settings.pop("chars"), settings.pop("pretrained")
    settings["num_buckets"] = settings.pop("buckets")
    settings["min_n"], settings["max_n"] = chars or (0, 0)
    if settings["loss"] is None:
        several = labelled.labels and isinstance(labelled.labels[0], tuple)
        settings["loss"] = "ova" if several else "softmax"
    if pretrained is not None:
        from ..loading import load

        settings["pretrained"] = load(pretrained)
    return settings


def _is_searched(ctx: click.Context, setting: str) -> bool:
    """Return whether autotune may choose a setting: it does unless the user did."""
    option = {"min_n": "chars", "max_n": "chars", "num_buckets": "buckets"}.get(setting, setting)
    given = ctx.get_parameter_source(option) is not ParameterSource.DEFAULT
    return setting in _SEARCHED and not given


def _tuned(
    labelled: Labelled,
    others: Labelled,
    seconds: float,
    fixed: dict[str, Any],
    quiet: bool,
) -> BagClassifier:
    from ..autotune import autotune

    tuned = autotune(
        labelled.texts,
        labelled.labels,
        (others.texts, others.labels),
        seconds=seconds,
        fixed=fixed,
        seed=fixed["seed"],
        progress=None if quiet else _Trials(seconds),
    )
    if not quiet:
        say(
            f"best of {len(tuned.trials)} trials: {tuned.measure} {tuned.score:.4f} with "
            f"{described(tuned.settings)}"
        )
    return tuned.classifier


def described(settings: dict[str, Any]) -> str:
    """Write settings as options."""
    words = [f"--{name.replace('_', '-')} {settings[name]:g}" for name in _SEARCHED[:4]]
    low, high = settings["min_n"], settings["max_n"]
    words.append(f"--chars {low}-{high}" if high else "--chars none")
    return " ".join([*words, f"--buckets {settings['num_buckets']}"])


def _quantized(
    classifier: BagClassifier,
    max_bytes: int,
    labelled: Labelled,
    others: Labelled | None,
    quiet: bool,
) -> BagClassifier:
    from ..quantized import quantize

    seen = others or labelled
    done = quantize(
        classifier,
        max_bytes,
        seen.texts[:_MEASURED_ON],
        seen.labels[:_MEASURED_ON],
        counted_on=labelled.texts,
    )
    on = "the validation texts" if others else "the training texts"
    if not quiet:
        say(
            f"quantized to {done.num_bytes:,} bytes: accuracy on {on} {done.before:.4f} before, "
            f"{done.after:.4f} after"
        )
    return done.classifier


class _Heard(Hearing):
    """Remembers the last loss too."""

    loss = math.nan

    def training(self, progress: Progress) -> None:
        self.loss = progress.loss
        super().training(progress)


class _Trials:
    """Says how each trial of a search went."""

    def __init__(self, seconds: float) -> None:
        self._begun, self._seconds = time.perf_counter(), seconds

    def __call__(self, trial: Trial) -> None:
        done = time.perf_counter() - self._begun
        best = ", the best so far" if trial.is_best else ""
        say(
            f"{done:.0f} of {self._seconds:.0f} s, trial {trial.number}: {trial.score:.4f}{best}, "
            f"{described(trial.settings)}"
        )


@contextmanager
def _in_words_of_options() -> Iterator[None]:
    """Turn ``word_ngrams must be`` into ``--word-ngrams must be``."""
    try:
        yield
    except ValueError as error:
        found = _SETTING.match(str(error))
        if found is None:
            raise
        option = found[1].removeprefix("num_").replace("_", "-")
        rest = str(error)[found.end() :]
        raise Failure(f"--{option} must be {rest}") from error


def _sum_up(
    classifier: BagClassifier, labelled: Labelled, output: str, heard: _Heard, seconds: float
) -> None:
    num_texts, num_classes = len(labelled), len(classifier.classes_)
    rate = heard.words_per_second
    shown = f"{rate / 1e6:.2f}M" if rate > 1e5 else f"{rate:,.0f}"
    trained = f", trained at {shown} words/s to a loss of {heard.loss:.3f}" if rate else ""
    say(
        f"{num_texts:,} texts, {num_classes:,} labels, in {seconds:.1f} s{trained}; "
        f"saved in {output}"
    )
    say(f"try: sajeon classify predict {shlex.quote(output)}")
