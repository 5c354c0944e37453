"""``sajeon info``: what a model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .output import Column, json_option, on_terminal, show, show_json

if TYPE_CHECKING:
    from ..formats.folder import ModelData

_MOST_FREQUENT = 10


@click.command()
@click.argument("model")
@json_option
def info(model: str, as_json: bool) -> None:
    """Show what MODEL holds and how it was trained."""
    from ..formats.atomic import existing
    from ..formats.folder import read_folder

    data = read_folder(model)
    size = sum(file.stat().st_size for file in existing(Path(model)).iterdir())
    if as_json:
        show_json(_facts(data, size))
        return
    shown = _shown(_facts(data, size), for_people=on_terminal())
    records = [{"what": what, "value": value} for what, value in shown.items()]
    show(records, (Column("what"), Column("value")), as_json=False)


def _facts(data: ModelData, size: int) -> dict[str, Any]:
    return {
        "tokens": len(data.tokens),
        "dim": int(data.matrix.shape[1]),
        "bytes": size,
        "corpus_tokens": None if data.counts is None else int(data.counts.sum()),
        "most_frequent": list(data.tokens[:_MOST_FREQUENT]),
        "tokenizer": data.tokenizer and dict(data.tokenizer),
        "vocabulary": dict(data.vocabulary),
        "training": dict(data.settings),
        "training_state": data.training is not None,
    }


def _shown(facts: dict[str, Any], *, for_people: bool) -> dict[str, str]:
    """Return facts as texts: one level deep, without what only a program wants to know."""
    size, corpus = facts["bytes"], facts["corpus_tokens"]
    settings = {k: v for k, v in facts["training"].items() if not isinstance(v, dict)}
    settings.pop("dim", None)
    number = "," if for_people else ""
    shown = {
        "tokens": format(facts["tokens"], number),
        "dim": str(facts["dim"]),
        "size": f"{size / 1e6:,.1f} MB" if for_people else str(size),
        "corpus": "unknown" if corpus is None else f"{corpus:{number}} tokens",
        "most frequent": " ".join(facts["most_frequent"]),
        "tokenizer": _tokenizer(facts["tokenizer"]),
        **{name.replace("_", " "): str(value) for name, value in settings.items()},
        "training state": "kept" if facts["training_state"] else "not kept",
    }
    if not for_people and corpus is not None:
        shown["corpus"] = str(corpus)
    return shown


def _tokenizer(config: dict[str, Any] | None) -> str:
    """Write a tokenizer as ``--tokens`` takes it."""
    if config is None:
        return "none"
    settings = ",".join(f"{name}={value}" for name, value in config.get("settings", {}).items())
    return str(config.get("name")) + (f":{settings}" if settings else "")
