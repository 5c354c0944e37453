"""``sajeon compare``: models side by side, or one model trained again with other seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import Failure, say
from .evaluate import number, restrict_option
from .output import Column, json_option, on_terminal, printable, show, show_json

if TYPE_CHECKING:
    from ..evaluate import Comparison
    from ..retraining import Stability

_NEIGHBOURS_SHOWN = 5  # on a terminal; a pipe and JSON get all


@click.command()
@click.argument("arguments", metavar="MODEL MODEL... FILE...", nargs=-1, required=True)
@click.option(
    "--retrain",
    metavar="CORPUS",
    multiple=True,
    help="Train again on this text as the one MODEL was trained, with other seeds; repeatable.",
)
@click.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(min=2),
    help="With --retrain: train with seeds 1 to N.  [default: 5]",
)
@click.option("--threads", type=int, metavar="N", help="With --retrain, as for train.")
@click.option(
    "--method",
    type=click.Choice(["add", "mul"]),
    default="add",
    show_default=True,
    help="How analogies are answered: 3CosAdd or 3CosMul.",
)
@restrict_option
@click.option(
    "-k",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Neighbours of a word.",
)
@click.option(
    "--sample",
    metavar="N",
    default=2000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Words whose neighbours are compared.",
)
@json_option
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    arguments: tuple[str, ...],
    retrain: tuple[str, ...],
    seeds: int | None,
    threads: int | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare models: their scores on test sets, and the neighbours of their words.

    Which arguments are models and which are test sets, their content tells. All models are scored
    on what all of them know. A difference is more than chance if its p-value, corrected for all
    differences in the table (Holm), is below 0.05.

    With --retrain, one MODEL gives the settings, and what changes with the seed is shown:

    \b
      sajeon compare model --retrain corpus.txt --seeds 5 wordsim.txt
    """  # noqa: D301 - click takes the character \\b itself
    if not retrain and (seeds is not None or threads is not None):
        raise click.UsageError("--seeds and --threads need --retrain: the text to train on.")
    models, files = _sorted(arguments)
    if retrain:
        if len(models) != 1:
            raise click.UsageError(f"--retrain needs one MODEL, got {len(models)}.")
        found = _stability(models[0], retrain, seeds or 5, files, threads, settings)
        _finish(ctx, found.comparison, asdict(found) if as_json else None, _of_seeds(found))
        return
    if len(models) < 2:
        raise click.UsageError(
            f"give two models or more, got {', '.join(models) or 'none'}; one alone: "
            "sajeon evaluate, or --retrain."
        )
    _refuse_twice(models)
    from ..evaluate import compare as compare_models

    comparison = compare_models(models, files, names=_short(models), **settings)
    _finish(ctx, comparison, asdict(comparison) if as_json else None, _of_models(comparison))


def _sorted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return models and test sets."""
    kinds = [(argument, _is_model(argument)) for argument in arguments]
    return [path for path, model in kinds if model], [path for path, model in kinds if not model]


def _is_model(path: str) -> bool:
    """Tell by content whether a path is of vectors; else it is of a test set.

    Raises:
        Failure: It is neither.
    """
    from ..errors import FormatError
    from ..formats import atomic, sniff
    from ..formats.source import Source

    there = atomic.existing(Path(path))
    if there.is_dir():
        return True
    source = Source(there)
    try:
        if sniff.format_of(source) != "glove" or _has_rows(source.head):
            return True
        reason = "most lines begin with more than one word"
    except FormatError as error:
        reason = str(error)
    try:
        _read_test_set(path)
    except FormatError as error:
        raise Failure(
            f"{path}: neither a model nor a test set. As a model: {reason} As a test set: {error}"
        ) from error
    return False


def _has_rows(head: bytes) -> bool:
    """Return whether most lines are a token and numbers; word pairs are two tokens and numbers."""
    from ..formats.beginning import fields_of, num_numbers

    lines = [line for line in head.split(b"\n")[:10] if line.strip()]
    rows = [len(fields_of(line)) - num_numbers(line) <= 1 for line in lines]
    return 2 * sum(rows) > len(rows)


def _read_test_set(path: str) -> None:
    from ..formats import testsets

    if testsets.kind_of(path) == "analogies":
        testsets.read_questions(path)
    else:
        testsets.read_pairs(path)


def _refuse_twice(models: Sequence[str]) -> None:
    seen: set[Path] = set()
    for model in models:
        if Path(model).resolve() in seen:
            raise click.UsageError(f"the model {model} is given twice.")
        seen.add(Path(model).resolve())


def _short(paths: Sequence[str]) -> list[str]:
    """Return names for a table: the last part of each path, or all of it where those are equal."""
    names = [Path(path).resolve().name for path in paths]
    return names if len(set(names)) == len(names) else list(paths)


def _stability(
    model: str,
    corpus: Sequence[str],
    seeds: int,
    files: Sequence[str],
    threads: int | None,
    settings: dict[str, Any],
) -> Stability:
    if "-" in corpus:
        raise click.UsageError("--retrain reads the text once for each seed: give a file, not -.")
    from ..retraining import stability

    paths = [Path(one) for one in corpus]
    return stability(model, paths, seeds=seeds, files=files, threads=threads, **settings)


def _finish(
    ctx: click.Context, comparison: Comparison, facts: Any, tables: Iterable[_Table]
) -> None:
    for notice in comparison.notices:
        say(f"warning: {notice}")
    for sentence in comparison.failed:
        say(sentence)
    if facts is not None:
        show_json(facts)
    else:
        for table in tables:
            table.show()
    if comparison.failed:
        ctx.exit(1)


class _Table:
    """Records of one kind.

    Args:
        kind: Stands first in each line of a pipe.
        heading: Stands above the table on a terminal.
        words: Names of the columns that hold words.
        numbers: Names of those that hold numbers, which follow.
        rows: Cells in that order.
    """

    def __init__(
        self, kind: str, heading: str, words: str, numbers: str, rows: Iterable[Sequence[str]]
    ) -> None:
        self._kind, self._heading = kind, heading
        columns = [Column(name) for name in words.split()]
        self._columns = columns + [Column(name, "s") for name in numbers.split()]
        keys = [column.key for column in self._columns]
        self._records = [dict(zip(keys, row, strict=True)) for row in rows]

    def show(self) -> None:
        """Print the table, if there is anything in it."""
        if self._records and on_terminal():
            self._show_table()
        elif self._records:
            records = [{"kind": self._kind, **record} for record in self._records]
            show(records, [Column("kind"), *self._columns], as_json=False)

    def _show_table(self) -> None:
        """Print it for a person: of one pair of models the names stand in the heading."""
        columns, heading = self._columns, self._heading
        pairs = {(record["a"], record["b"]) for record in self._records if "a" in record}
        if len(pairs) == 1:
            columns = [column for column in columns if column.key not in ("a", "b")]
            heading = f"{heading}: {' and '.join(pairs.pop())}"
        click.echo(f"\n{printable(heading)}")
        show(self._records, columns, as_json=False)


def _of_models(found: Comparison) -> list[_Table]:
    return [_scores(found), _differences(found), _overlaps(found), _changed(found)]


def _of_seeds(found: Stability) -> list[_Table]:
    spreads = [
        [one.name, one.measure, *map(number, (one.mean, one.deviation, one.low, one.high))]
        for one in found.spreads
    ]
    bands = [
        [one.name, *map(number, (one.overlap, one.low, one.high, one.jaccard))]
        for one in found.bands
    ]
    k, num = found.comparison.overlaps[0].k, len(found.seeds)
    return [
        _Table(
            "spread",
            f"Scores of {num} seeds",
            "file measure",
            "mean deviation least most",
            spreads,
        ),
        _Table(
            "overlap",
            f"Share of the {k} nearest neighbours that two seeds have in common, by rank of the "
            "word",
            "rank",
            "overlap least most jaccard",
            bands,
        ),
        _Table(
            "word",
            "Words whose neighbours change most with the seed",
            "word",
            "overlap",
            [[one.word, number(one.overlap)] for one in found.comparison.words],
        ),
    ]


def _scores(found: Comparison) -> _Table:
    rows = [
        [
            file.name, file.measure, one.model, number(one.score), *_ends(one.interval),
            str(file.used), str(file.lost),
        ]
        for file in found.files
        for one in file.scores
    ]  # fmt: skip
    heading = f"Scores on what all models know ({found.common:,} words), 95 % intervals"
    return _Table("score", heading, "file measure model", "score low high used lost", rows)


def _differences(found: Comparison) -> _Table:
    rows = [
        [
            one.name, one.a, one.b, number(one.difference, "+.4f"), *_ends(one.interval, "+.4f"),
            number(one.p, ".2g"), number(one.p_holm, ".2g"), "yes" if one.beyond_chance else "no",
        ]
        for one in found.differences
    ]  # fmt: skip
    heading = "Differences on the same items, sure if p_holm < 0.05"
    numbers = "difference low high p p_holm sure"
    return _Table("difference", heading, "file a b", numbers, rows)


def _overlaps(found: Comparison) -> _Table:
    rows = []
    for pair in found.overlaps:
        words = sum(band.sampled for band in pair.bands)
        rows.append(_overlap(pair, pair, "all", words))
        rows += [_overlap(pair, band, band.name, band.sampled) for band in pair.bands]
    k = found.overlaps[0].k
    heading = f"Share of the {k} nearest neighbours in common, by rank of the word"
    return _Table("overlap", heading, "a b rank", "overlap low high jaccard words", rows)


def _overlap(pair: Any, of: Any, name: str, words: int) -> list[str]:
    return [
        pair.a, pair.b, name, number(of.overlap), *_ends(of.interval), number(of.jaccard),
        str(words),
    ]  # fmt: skip


def _changed(found: Comparison) -> _Table:
    num = _NEIGHBOURS_SHOWN if on_terminal() else None
    rows = [
        [
            pair.a, pair.b, one.word, " ".join(one.neighbours_a[:num]),
            " ".join(one.neighbours_b[:num]), number(one.overlap),
        ]
        for pair in found.overlaps
        for one in pair.changed
    ]  # fmt: skip
    heading = "Words whose neighbours differ most"
    return _Table("word", heading, "a b word neighbours_a neighbours_b", "overlap", rows)


def _ends(interval: tuple[float, float] | None, form: str = ".4f") -> list[str]:
    low, high = interval or (None, None)
    return [number(low, form), number(high, form)]
