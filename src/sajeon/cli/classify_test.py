"""``sajeon classify test``: how well a model labels texts whose labels are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .classify_options import encoding_option, label_option, text_option
from .errors import Failure, say
from .output import Column, json_option, on_terminal, show_json, show_lines, show_table

if TYPE_CHECKING:
    from ..classify import BagClassifier
    from ..formats.textlines import EncodingErrors
    from ..labelled import Labelled
    from ..metrics import Report, Scores
    from ..types import Counts

_LABELS = (
    Column("label"),
    Column("precision", ".4f"),
    Column("recall", ".4f"),
    Column("f1", ".4f"),
    Column("support", "d"),
)
_SHOWN_UNSEEN = 5
_MOST_COLUMNS = 12  # of a confusion table on a terminal


@click.command()
@click.argument("model")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@text_option
@label_option
@click.option(
    "-k", type=click.IntRange(min=1), help="Also precision and recall of the K likeliest."
)
@click.option("--confusion", is_flag=True, help="Also how often each label was taken for which.")
@encoding_option
@json_option
def test(
    model: str,
    files: tuple[str, ...],
    text: str | None,
    label: str | None,
    k: int | None,
    confusion: bool,
    encoding_errors: EncodingErrors,
    as_json: bool,
) -> None:
    """Compare the labels that MODEL gives the texts of FILE with those they have.

    A label that MODEL does not know counts as wrong. Of a model with several labels a text, those
    with a probability of a half or more are its answer.
    """
    from ..classify import load
    from ..labelled import read_labelled
    from ..metrics import at_k, report

    classifier = load(model)
    labelled = read_labelled(files, text, label, encoding_errors=encoding_errors)
    unseen = _unseen(classifier, labelled)
    found = report(labelled.labels, _predicted(classifier, labelled.texts))
    ranked = None if k is None else at_k(labelled.labels, _ranked(classifier, labelled.texts, k))
    facts = _facts(found, k, ranked, unseen)
    if as_json:
        show_json(facts | ({"confusion": _confusion(found)} if confusion else {}))
        return
    _show(facts, found, confusion)


def _unseen(classifier: BagClassifier, labelled: Labelled) -> list[str]:
    unseen = sorted(labelled.classes() - {str(label) for label in classifier.classes_})
    if unseen:
        more = ", ..." if len(unseen) > _SHOWN_UNSEEN else ""
        say(
            f"warning: the model does not know {len(unseen)} of the labels: "
            f"{', '.join(map(repr, unseen[:_SHOWN_UNSEEN]))}{more}; they count as wrong."
        )
    return unseen


def _predicted(classifier: BagClassifier, texts: list[str]) -> list[Any]:
    found = classifier.predict(texts)
    names = [str(label) for label in classifier.classes_]
    if found.ndim == 1:
        return [str(label) for label in found]
    return [tuple(names[i] for i in row.nonzero()[0]) for row in found]


def _ranked(classifier: BagClassifier, texts: list[str], k: int) -> list[list[str]]:
    return [[str(label) for label, _ in found] for found in classifier.top(texts, k)]


def _facts(
    found: Report, k: int | None, ranked: Scores | None, unseen: list[str]
) -> dict[str, Any]:
    return {
        "texts": found.num_texts,
        "accuracy": found.accuracy,
        "macro": found.macro._asdict(),
        "micro": found.micro._asdict(),
        **({} if ranked is None else {f"at_{k}": ranked._asdict()}),
        "labels": [vars(one) for one in found.labels],
        "unseen": unseen,
    }


def _confusion(found: Report) -> list[dict[str, Any]]:
    """Return a record for each pair of labels that occurs."""
    table = _table(found)
    names = [one.label for one in found.labels]
    return [
        {"true": names[i], "predicted": names[j], "texts": int(table[i, j])}
        for i, j in zip(*table.nonzero(), strict=True)
    ]


def _table(found: Report) -> Counts:
    if found.confusion is None:
        raise Failure("--confusion: where texts have several labels there is no such table.")
    return found.confusion


def _show(facts: dict[str, Any], found: Report, confusion: bool) -> None:
    print_records = show_table if on_terminal() else show_lines
    means = [
        {"what": f"{name.replace('_', ' ')} {measure}", "value": format(value, ".4f")}
        for name, scores in facts.items()
        if isinstance(scores, dict)
        for measure, value in scores.items()
    ]
    summary = [
        {"what": "texts", "value": str(facts["texts"])},
        {"what": "accuracy", "value": format(facts["accuracy"], ".4f")},
        *means,
    ]
    print_records(summary, (Column("what"), Column("value")))
    _part()
    print_records(facts["labels"], _LABELS)
    if confusion:
        _part()
        _show_confusion(found)


def _show_confusion(found: Report) -> None:
    if not on_terminal() or len(found.labels) > _MOST_COLUMNS:
        print_records = show_table if on_terminal() else show_lines
        columns = (Column("true"), Column("predicted"), Column("texts", "d"))
        print_records(_confusion(found), columns)
        return
    names = [str(one.label) for one in found.labels]
    corner = "true, down; predicted, across"
    rows = [
        {corner: name, **dict(zip(names, row, strict=True))}
        for name, row in zip(names, _table(found).tolist(), strict=True)
    ]
    show_table(rows, (Column(corner), *(Column(name, "d") for name in names)))


def _part() -> None:
    if on_terminal():
        click.echo()
