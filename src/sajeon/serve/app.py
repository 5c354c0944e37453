"""The application: endpoints, what surrounds them, and the look-out for newer models."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

import sajeon

from . import docs, openai, questions, shapes, status
from .direct import Direct
from .errors import RefusedError
from .gate import Gate
from .metrics import Metrics
from .models import Models
from .settings import Settings

_DESCRIPTION = """Vectors of texts and words. `/v1/embeddings` and `/v1/models` are OpenAI's.
Every error has OpenAI's shape."""

_ASKED: list[tuple[str, Callable[..., Any], Any]] = [
    ("/v1/embeddings", openai.embeddings, shapes.EmbeddingsAnswered),
    ("/nearest", questions.nearest, shapes.NearestAnswered),
    ("/analogy", questions.analogy, shapes.NearestAnswered),
    ("/similarity", questions.similarity, shapes.SimilarityAnswered),
    ("/vector", questions.vector, shapes.VectorAnswered),
]
_SEEN: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
    ("/v1/models", openai.list_models, {"response_model": shapes.ModelsAnswered}),
    ("/v1/models/{model_id}", openai.show_model, {"response_model": shapes.ModelAnswered}),
    ("/health", status.health, {"response_model": shapes.HealthAnswered}),
    ("/metrics", status.metrics, {"response_class": Response}),
]
_PAGES: list[tuple[str, Callable[..., Any]]] = [
    ("/docs", docs.page),
    ("/docs/{name}", docs.part),
    ("/openapi.json", docs.openapi),
]


def make_app(settings: Settings, models: Models | None = None) -> Gate:
    """Return the ASGI application.

    Args:
        settings: Of the server.
        models: Opened already; None: they are opened now.

    Raises:
        OSError, SajeonError: A model cannot be opened.
    """
    app = FastAPI(
        title="sajeon serve",
        version=sajeon.__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_watching,
        exception_handlers={RefusedError: _refused, HTTPException: _not_routed, Exception: _bug},
    )
    state = app.state
    state.settings, state.limits = settings, settings.limits
    state.models = Models(settings.models) if models is None else models
    state.metrics = Metrics()
    _add_routes(app)
    state.schema = orjson.dumps(docs.schema(app, has_key=settings.api_key is not None))
    return Gate(app, settings, state.metrics)


def _add_routes(app: FastAPI) -> None:
    add = app.router.add_api_route
    for path, endpoint, answered in _ASKED:
        add(
            path,
            endpoint,
            methods=["POST"],
            response_model=answered,
            responses=shapes.ERRORS,
            route_class_override=Direct,
        )
    for path, endpoint, more in _SEEN:
        some: dict[int | str, dict[str, Any]] = {c: shapes.ERRORS[c] for c in (401, 404)}
        add(path, endpoint, methods=["GET"], responses=some, **more)
    for path, page in _PAGES:
        add(path, page, methods=["GET"], include_in_schema=False)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response()


async def _bug(_: Request, error: Exception) -> Response:
    """Answer where we have a bug, which the gate logs."""
    message = "the server has a bug; its log says where."
    return RefusedError(500, message, None, "server_error").response()


async def _not_routed(request: Request, error: Exception) -> Response:
    """Answer what no endpoint takes."""
    assert isinstance(error, HTTPException)
    path, headers = request.scope["path"][:60], dict(error.headers or {})
    if error.status_code == 405:
        message = f"{path} takes {headers.get('Allow', 'another method')}, not {request.method}."
        return RefusedError(405, message, None, "method_not_allowed", headers=headers).response()
    message = f"there is no {path}; /docs lists what there is."
    code = "not_found" if error.status_code == 404 else "invalid_value"
    return RefusedError(error.status_code, message, None, code, headers=headers).response()


@asynccontextmanager
async def _watching(app: FastAPI) -> AsyncIterator[None]:
    """Take up newer models while the server runs: on SIGHUP, and when their files change."""
    models: Models = app.state.models
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    async def watch() -> None:
        while True:
            try:
                async with asyncio.timeout(app.state.settings.watch_seconds):
                    await told.wait()
            except TimeoutError:
                pass
            force = told.is_set()
            told.clear()
            await run_in_threadpool(models.refresh, force=force)
            app.state.metrics.problems.set(len(models.problems))

    # Signals are for the main thread alone.
    if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
        loop.add_signal_handler(signal.SIGHUP, told.set)
    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
