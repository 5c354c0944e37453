"""``sajeon evaluate``: how well a model agrees with people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import click

from ..errors import EvaluationError
from .errors import say
from .output import Column, json_option, show, show_json

if TYPE_CHECKING:
    from ..evaluate import AnalogyResult, SectionResult, SimilarityResult
    from ..vectors import Vectors

    Result = SimilarityResult | AnalogyResult
    Part = Literal["section", "band"]

_NUMBERS = ("score", "low", "high", "all", "used", "lost")
_COLUMNS = tuple(map(Column, ("name", "part", "measure"))) + tuple(
    Column(name, "s") for name in _NUMBERS
)
_METHODS = {"add": "3CosAdd", "mul": "3CosMul"}

restrict_option = click.option(
    "--restrict",
    metavar="N",
    type=click.IntRange(min=1),
    default=30_000,
    show_default=True,
    help="For analogies: only the N most frequent words are known and may be answers.",
)


@click.command()
@click.argument("model")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--method",
    type=click.Choice(["add", "mul", "both"]),
    default="both",
    show_default=True,
    help="How analogies are answered: 3CosAdd or 3CosMul.",
)
@restrict_option
@click.option("--subwords", is_flag=True, help="Make vectors of unknown words of their n-grams.")
@click.option("--sections", is_flag=True, help="Also the score of each section of analogies.")
@click.option("--bands", is_flag=True, help="Also the scores by the frequency of the rarest word.")
@json_option
@click.pass_context
def evaluate(
    ctx: click.Context,
    /,
    model: str,
    files: tuple[str, ...],
    sections: bool,
    bands: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Score MODEL on test sets: word pairs with people's scores, or analogy questions.

    The kind of each FILE is told by its content. Word pairs are scored by Spearman's and Pearson's
    correlation, analogies by the share of right answers. "low" and "high" are the 95 % bootstrap
    interval. What has a word that MODEL lacks is left out of the score, and counted as lost; in
    "all" it counts as wrong.
    """
    from ..loading import load

    vectors = load(model)
    results: list[Result] = []
    failed = False
    for file in files:
        try:
            results += _results(vectors, file, **settings)
            _warn_of_few(results[-1])
        except EvaluationError as error:  # says nothing against the other files
            say(str(error))
            failed = True
    wanted: dict[Part, bool] = {"section": sections, "band": bands}
    parts = [part for part, shown in wanted.items() if shown]
    if as_json and results:
        show_json([_described(result) for result in results])
    elif results:
        records = [record for result in results for record in _records(result, parts)]
        show(records, _COLUMNS, as_json=False)
    if failed:
        ctx.exit(1)


def _results(
    vectors: Vectors, file: str, method: str, restrict: int, subwords: bool
) -> Iterator[Result]:
    from ..evaluate import analogies, similarity
    from ..formats import testsets

    if testsets.kind_of(file) == "similarity":
        yield similarity(vectors, file, subwords=subwords)
        return
    if method in ("add", "both"):
        yield analogies(vectors, file, restrict=restrict, method="add")
    if method in ("mul", "both"):
        yield analogies(vectors, file, restrict=restrict, method="mul")


def _warn_of_few(result: Result) -> None:
    from ..evaluate import SimilarityResult
    from ..evaluate.bootstrap import FEWEST

    if isinstance(result, SimilarityResult):
        used, lost = result.pairs_used, result.pairs_lost
    else:
        used, lost = result.total, result.lost
    if used < FEWEST:
        say(f"warning: {result.name}: a score of {used} of {used + lost} items says nothing.")


def _described(result: Result) -> dict[str, Any]:
    facts = asdict(result)
    name = facts.pop("name")
    return {"name": name, "kind": "similarity" if "spearman" in facts else "analogies"} | facts


def _records(result: Result, parts: list[Part]) -> Iterator[dict[str, str]]:
    """Yield a record for each line of the table."""
    from ..evaluate import SimilarityResult

    if not isinstance(result, SimilarityResult):
        yield from _of_analogies(result, parts)
        return
    counts = result.pairs_used, result.pairs_lost
    for measure in ("spearman", "pearson"):
        score, interval = getattr(result, measure), getattr(result, f"{measure}_interval")
        everything = getattr(result, f"{measure}_all")
        yield _record(result.name, "all", measure, score, interval, everything, *counts)
    for band in result.bands if "band" in parts else ():
        score, interval = band.spearman, band.spearman_interval
        part = f"band {band.name}"
        yield _record(result.name, part, "spearman", score, interval, None, band.pairs_used, 0)


def _of_analogies(result: AnalogyResult, parts: list[Part]) -> Iterator[dict[str, str]]:
    shown: list[tuple[str, SectionResult]] = [("all", result)]
    for part in parts:
        some = result.sections if part == "section" else result.bands
        shown += [(f"{part} {one.name}", one) for one in some]
    for part_name, one in shown:
        score = one.accuracy if one.total else None
        everything = None if part_name.startswith("band ") else one.accuracy_all
        yield _record(
            result.name, part_name, _METHODS[result.method], score, one.accuracy_interval,
            everything, one.total, one.lost,
        )  # fmt: skip


def _record(
    name: str,
    part: str,
    measure: str,
    score: float | None,
    interval: tuple[float, float] | None,
    everything: float | None,
    used: int,
    lost: int,
) -> dict[str, str]:
    low, high = interval or (None, None)
    numbers = map(number, (score, low, high, everything))
    cells = [name, part, measure, *numbers, str(used), str(lost)]
    return dict(zip([column.key for column in _COLUMNS], cells, strict=True))


def number(value: float | None, form: str = ".4f") -> str:
    """Return a number as tables show it, "-" where there is none."""
    return "-" if value is None else format(value, form)
