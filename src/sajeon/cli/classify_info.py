"""What ``sajeon info`` says of a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SHOWN_LABELS = 10


def facts_of_classifier(model: str) -> dict[str, Any]:
    """Return what the folder of a classifier holds.

    Raises:
        FormatError: It is damaged.
    """
    from ..formats.atomic import existing
    from ..formats.folder import read_folder

    data = read_folder(model, kind="classifier")
    settings = dict(data.settings)
    labels = settings.pop("labels", {}).get("values", [])
    buckets = data.tensors.get("buckets.ids")
    return {
        "format": "sajeon",
        "kind": "classifier",
        "num_labels": len(labels),
        "labels": labels,
        "tokens": len(data.tokens),
        "ngrams": 0 if buckets is None else len(buckets),
        "dim": int(data.matrix.shape[1]),
        "dtype": data.matrix.dtype.name,
        "bytes": sum(file.stat().st_size for file in existing(Path(model)).iterdir()),
        "tokenizer": data.tokenizer and dict(data.tokenizer),
        "training": settings,
    }


def shown_classifier(facts: dict[str, Any]) -> dict[str, str]:
    """Return the facts as texts, without what only a program wants to know."""
    shown = [str(label) for label in facts["labels"][:_SHOWN_LABELS]]
    settings = {k: v for k, v in facts["training"].items() if not isinstance(v, dict)}
    settings.pop("dim", None)
    return {
        "format": "sajeon",
        "kind": "classifier",
        "labels": f"{facts['num_labels']}: {', '.join(shown)}"
        + (", ..." if facts["num_labels"] > len(shown) else ""),
        "words": str(facts["tokens"]),
        "n-grams": str(facts["ngrams"]),
        "dim": str(facts["dim"]),
        "numbers": facts["dtype"],
        "size": str(facts["bytes"]),
        "tokenizer": tokenizer_option(facts["tokenizer"]),
        **{name.replace("_", " "): str(value) for name, value in settings.items()},
    }


def tokenizer_option(config: dict[str, Any] | None) -> str:
    """Write a tokenizer as ``--tokens`` takes it, without the pieces or phrases that it learned."""
    if config is None:
        return "none"
    given = dict(config.get("settings", {}))
    inner = given.pop("of", None)
    parts = [f"{k}={v}" for k, v in given.items() if not isinstance(v, dict | list)]
    if isinstance(inner, dict):  # another tokenizer, whose settings stand last
        parts.append(f"of={tokenizer_option(inner)}")
    settings = ",".join(parts)
    return str(config.get("name")) + (f":{settings}" if settings else "")
