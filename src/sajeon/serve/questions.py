"""What one can ask of vectors: neighbours, analogies, similarities, the vectors themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from ..errors import UnknownTokenError
from .answers import written
from .errors import RefusedError, wrong
from .shapes import AnalogyAsked, Asked, NearestAsked, SimilarityAsked, VectorAsked

if TYPE_CHECKING:
    from ..vectors import Vectors
    from .settings import Limits


async def nearest(body: NearestAsked, request: Request) -> Response:
    """Find the tokens most similar to a token, to several, or to a vector."""
    query = _query(body.query)

    def ask(vectors: Vectors) -> dict[str, Any]:
        found = vectors.nearest(query, body.k, negative=body.negative, restrict=body.restrict)
        return {"data": _scored(found)}

    return await _answered(body, request, [body.query, body.negative], ask)


async def analogy(body: AnalogyAsked, request: Request) -> Response:
    """Complete: a is to b as c is to ..."""

    def ask(vectors: Vectors) -> dict[str, Any]:
        a, b, c = body.a, body.b, body.c
        found = vectors.analogy(a, b, c, body.k, method=body.method, restrict=body.restrict)
        return {"data": _scored(found)}

    return await _answered(body, request, [body.a, body.b, body.c], ask)


async def similarity(body: SimilarityAsked, request: Request) -> Response:
    """Return the cosine of two tokens or vectors."""

    def ask(vectors: Vectors) -> dict[str, Any]:
        return {"cosine": vectors.similarity(_vector(body.a), _vector(body.b))}

    return await _answered(body, request, [body.a, body.b], ask)


async def vector(body: VectorAsked, request: Request) -> Response:
    """Return the vector of each token."""
    tokens = [body.tokens] if isinstance(body.tokens, str) else body.tokens

    def ask(vectors: Vectors) -> dict[str, Any]:
        rows = vectors[tokens]  # (tokens, dim)
        pairs = zip(tokens, rows, strict=True)
        return {"data": [{"token": token, "vector": row} for token, row in pairs]}

    return await _answered(body, request, [tokens], ask)


async def _answered(
    body: Asked, request: Request, given: list[Any], ask: Callable[[Vectors], dict[str, Any]]
) -> Response:
    """Ask in a thread: a search, and the near spellings of an unknown token, take milliseconds."""
    state = request.app.state
    model = state.models[body.model]
    request.scope["sajeon"].items = _count(given, state.limits)
    try:
        found = await run_in_threadpool(ask, model.vectors)
    except UnknownTokenError as error:
        param, near = _param_of(body, error.token), error.suggestions
        raise RefusedError(404, str(error), param, "token_not_found", suggestions=near) from None
    except (ValueError, TypeError) as error:
        raise wrong(str(error)) from None
    answer = {"model": model.name, **found}
    return written(answer)


def _count(given: list[Any], limits: Limits) -> int:
    """Return how many tokens and vectors are asked about; raise where there are too many."""
    tokens: list[str] = []
    vectors = 0
    for one in given:
        if isinstance(one, str):
            tokens.append(one)
        elif one and isinstance(one[0], str):
            tokens += one
        else:
            vectors += bool(one)
    count = len(tokens) + vectors
    if count > limits.items:
        message = f"expected at most {limits.items:,} tokens, got {count:,}; send several requests."
        raise wrong(message, None, "too_many_items")
    longest = max(map(len, tokens), default=0)
    if longest > limits.characters:
        message = f"expected tokens of at most {limits.characters:,} characters, got {longest:,}."
        raise wrong(message, None, "text_too_long")
    return count


def _param_of(body: Asked, token: str) -> str | None:
    """Return the field in which a token stands."""
    for name in type(body).model_fields:
        value = getattr(body, name)
        if name != "model" and (value == token or (isinstance(value, list) and token in value)):
            return name
    return None


def _query(given: Any) -> Any:
    """Return a token or tokens as they are, a vector as an array."""
    return _vector(given) if isinstance(given, list) and not isinstance(given[0], str) else given


def _vector(given: Any) -> Any:
    return given if isinstance(given, str) else np.array(given, dtype=np.float64)


def _scored(found: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"token": token, "cosine": cosine} for token, cosine in found]
