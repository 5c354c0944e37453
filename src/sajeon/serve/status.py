"""About the server itself: whether all is well, and what it has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from .answers import written
from .metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from .metrics import Metrics
    from .models import Models


async def health(request: Request) -> Response:
    """Say whether the models are those on disk. Needs no key; with one, says which are not."""
    models: Models = request.app.state.models
    problems = dict(models.problems)
    answer: dict[str, Any] = {"status": "degraded" if problems else "ok"}
    if request.scope["sajeon"].has_key:
        answer["models"] = [
            {"id": model.name, "problem": problems.get(model.name)} for model in models.all()
        ]
    return written(answer)


async def metrics(request: Request) -> Response:
    """Return what was counted, all workers together, in Prometheus' text format."""
    counted: Metrics = request.app.state.metrics
    return Response(counted.text(), headers={"Content-Type": CONTENT_TYPE})
