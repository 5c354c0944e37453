"""OpenAI's endpoints: embeddings, and the list of models."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from ..tokens.protocol import token_lists
from .answers import written
from .errors import shown, wrong
from .shapes import EmbeddingsAsked

if TYPE_CHECKING:
    from ..types import Floats
    from .models import Model, Models
    from .settings import Limits

_INLINE = 2000  # characters of texts that are encoded at once, within a third of a millisecond


async def embeddings(body: EmbeddingsAsked, request: Request) -> Response:
    """Return the vector of each text: the mean of the vectors of its tokens.

    Tokens that the model does not know are left out; a text without any known one gets zeros.
    """
    state = request.app.state
    model: Model = state.models[body.model]
    items = _items(body.input)
    request.scope["sajeon"].items = len(items)
    size = _check(items, state.limits)
    if size <= _INLINE and model.is_quick:
        return _answer(body, model, items)
    return await run_in_threadpool(_answer, body, model, items)


async def list_models(request: Request) -> Response:
    """List the models."""
    models: Models = request.app.state.models
    answer = {"object": "list", "data": [model.facts for model in models.all()]}
    return written(answer)


async def show_model(request: Request, model_id: str) -> Response:
    """Describe a model."""
    models: Models = request.app.state.models
    return written(models[model_id].facts)


def _items(given: Any) -> list[Any]:
    """Return a list of texts, lists of ids or lists of tokens."""
    if isinstance(given, str):
        return [given]
    return [given] if isinstance(given[0], int) else given


def _check(items: list[Any], limits: Limits) -> int:
    """Return the characters or ids of all items; raise where there are too many."""
    if len(items) > limits.items:
        message = f"expected input to have at most {limits.items:,} items, got {len(items):,}"
        raise wrong(f"{message}; send several requests.", "input", "too_many_items")
    sizes = [_size(item) for item in items]
    if max(sizes) > limits.characters:
        place = sizes.index(max(sizes))
        message = f"expected at most {limits.characters:,} characters, or ids, in a text; got"
        raise wrong(f"{message} {sizes[place]:,} at place {place}.", "input", "text_too_long")
    return sum(sizes)


def _size(item: Any) -> int:
    if isinstance(item, list) and item and isinstance(item[0], str):
        return len(item) + sum(map(len, item))
    return len(item)


def _answer(body: EmbeddingsAsked, model: Model, items: list[Any]) -> Response:
    lists = _token_lists(model, items)
    vectors = model.encoder.encode(lists)  # (texts, dim)
    if body.dimensions is not None:
        vectors = _shortened(vectors, body.dimensions)
    rows: Any = vectors
    if body.encoding_format == "base64":
        rows = [b64encode(row).decode() for row in vectors.astype("<f4", copy=False)]
    total = sum(map(len, lists))
    answer = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)
        ],
        "model": model.name,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
    return written(answer)


def _token_lists(model: Model, items: list[Any]) -> list[list[str]]:
    if isinstance(items[0], str):
        return _cut(model, items)
    if any(item and isinstance(item[0], str) for item in items):
        return items
    tokens, num = model.vectors.tokens, len(model.vectors)
    for item in items:
        for i in item:
            if not 0 <= i < num:
                raise wrong(f"expected token ids from 0 to {num - 1:,}, got {shown(i)}.", "input")
    return [[tokens[i] for i in item] for item in items]


def _cut(model: Model, texts: list[str]) -> list[list[str]]:
    tokenizer = model.vectors.tokenizer
    if tokenizer is None or tokenizer.reads != "text" or tokenizer.name == "custom":
        message = f"the model {shown(model.name)} does not say how to cut a text into tokens"
        raise wrong(f"{message}; give token ids or lists of tokens.", "input", "no_tokenizer")
    if model.is_quick and len(texts) == 1:
        return [tokenizer.tokens(texts[0])]
    if model.is_quick:
        return token_lists(tokenizer, texts)
    with model.cutting:
        return token_lists(tokenizer, texts)


def _shortened(vectors: Floats, dimensions: int) -> Floats:
    """Return the first numbers of each vector, scaled to length 1 as OpenAI's are."""
    dim = vectors.shape[1]
    if dimensions > dim:
        raise wrong(f"expected dimensions from 1 to {dim}, got {dimensions}.", "dimensions")
    short = vectors[:, :dimensions].astype(np.float64)
    lengths = np.linalg.norm(short, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return cast("Floats", (short / lengths).astype(np.float32))
