"""``sajeon evaluate``: how well a model agrees with people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..errors import EvaluationError
from .errors import say
from .output import Column, json_option, show

if TYPE_CHECKING:
    from ..evaluate import AnalogyResult, SimilarityResult

_COLUMNS = (
    Column("name"),
    Column("kind"),
    Column("score", ".4f"),
    Column("used", "d"),
    Column("lost", "d"),
)


@click.command()
@click.argument("model")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
@click.pass_context
def evaluate(ctx: click.Context, model: str, files: tuple[str, ...], as_json: bool) -> None:
    """Score MODEL on test sets: word pairs with people's scores, or analogy questions.

    The kind of each FILE is told by its content. The score is Spearman's rank correlation for word
    pairs, and the share of right answers for analogies. What has a word that MODEL lacks is left
    out and counted as lost.
    """
    from ..evaluate import evaluate_file
    from ..loading import load

    vectors = load(model)
    records = []
    failed = False
    for file in files:
        try:
            records.append(_record(evaluate_file(vectors, file)))
        except EvaluationError as error:  # says nothing against the other files
            say(str(error))
            failed = True
    if records:
        show(records, _COLUMNS, as_json=as_json)
    if failed:
        ctx.exit(1)


def _record(result: SimilarityResult | AnalogyResult) -> dict[str, Any]:
    facts = asdict(result)
    if "spearman" in facts:
        score, used, lost = facts["spearman"], facts["pairs_used"], facts["pairs_lost"]
        more = {"pearson": facts["pearson"]}
        return _scored(result.name, "similarity", score, used, lost) | more
    score, used, lost = facts["accuracy"], facts["total"], facts["lost"]
    return _scored(result.name, "analogies", score, used, lost) | {"sections": facts["sections"]}


def _scored(name: str, kind: str, score: float, used: int, lost: int) -> dict[str, Any]:
    return {"name": name, "kind": kind, "score": score, "used": used, "lost": lost}
