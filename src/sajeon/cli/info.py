"""``sajeon info``: what a model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .classify_info import facts_of_classifier, shown_classifier, tokenizer_option
from .output import Column, json_option, on_terminal, show, show_json

_MOST_FREQUENT = 10


@click.command()
@click.argument("model")
@json_option
def info(model: str, as_json: bool) -> None:
    """Show what MODEL holds and how it was trained.

    MODEL is a model folder or any other file of vectors, of which only the beginning is read.
    """
    from ..formats.folder_kind import is_ours, kind_of

    kind = kind_of(model)
    if kind == "classifier":
        facts = facts_of_classifier(model)
        shown = shown_classifier(facts)
    else:
        facts = _of_folder(model, kind) if is_ours(model) else _of_file(model)
        shown = _shown(facts, for_people=on_terminal())
    if as_json:
        show_json(facts)
        return
    records = [{"what": what, "value": value} for what, value in shown.items()]
    show(records, (Column("what"), Column("value")), as_json=False)


def _of_folder(model: str, kind: str) -> dict[str, Any]:
    from ..formats.atomic import existing
    from ..formats.folder import read_folder

    data = read_folder(model, kind)
    return {
        "format": "sajeon",
        "kind": kind,
        "tokens": len(data.tokens),
        "dim": int(data.matrix.shape[1]),
        "dtype": data.matrix.dtype.name,
        "bytes": sum(file.stat().st_size for file in existing(Path(model)).iterdir()),
        "corpus_tokens": None if data.counts is None else int(data.counts.sum()),
        "most_frequent": list(data.tokens[:_MOST_FREQUENT]),
        "tokenizer": data.tokenizer and dict(data.tokenizer),
        "vocabulary": dict(data.vocabulary),
        "training": dict(data.settings),
        "training_state": data.training is not None,
    }


def _of_file(model: str) -> dict[str, Any]:
    from ..formats.registry import open_file

    file = open_file(model, strict=False)
    first = next(file.chunks(), None)
    tokens = [] if first is None else first.tokens[:_MOST_FREQUENT]
    return {
        "format": file.format,
        "kind": "vectors",
        "tokens": file.num_rows,
        "dim": file.dim,
        "dtype": "float32" if first is None else first.rows.dtype.name,
        "bytes": file.stored,
        "corpus_tokens": None if file.counts is None else int(file.counts.sum()),
        "most_frequent": [token.decode(errors="replace") for token in tokens],
        "tokenizer": file.tokenizer and dict(file.tokenizer),
        "vocabulary": {},
        "training": dict(file.settings),
        "training_state": False,
    }


def _shown(facts: dict[str, Any], *, for_people: bool) -> dict[str, str]:
    """Return facts as texts: one level deep, without what only a program wants to know."""
    size, corpus = facts["bytes"], facts["corpus_tokens"]
    settings = {k: v for k, v in facts["training"].items() if not isinstance(v, dict | list)}
    settings.pop("dim", None)
    number = "," if for_people else ""
    tokens = facts["tokens"]
    shown = {
        "format": facts["format"],
        "kind": facts["kind"],
        "tokens": "unknown, since it has no header" if tokens is None else format(tokens, number),
        "dim": str(facts["dim"]),
        "numbers": facts["dtype"],
        "size": f"{size / 1e6:,.1f} MB" if for_people else str(size),
        "corpus": "unknown" if corpus is None else f"{corpus:{number}} tokens",
        "most frequent": " ".join(facts["most_frequent"]),
        "tokenizer": tokenizer_option(facts["tokenizer"]),
        **{name.replace("_", " "): str(value) for name, value in settings.items()},
        "training state": "kept" if facts["training_state"] else "not kept",
    }
    if not for_people and corpus is not None:
        shown["corpus"] = str(corpus)
    return shown
