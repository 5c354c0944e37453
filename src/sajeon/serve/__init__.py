"""Vectors for other programs, over HTTP: OpenAI's embeddings and questions of our own.

`settings.py` says what a server is told; `models.py` holds the models and takes up new ones;
`encoding.py` makes vectors of small requests; `shapes.py` has requests and answers as they are
documented, `errors.py` what is refused, `answers.py` what is written; `direct.py` calls an
endpoint; `openai.py` and `questions.py` are the endpoints, `status.py` those about the server;
`gate.py` lets requests in, counts (`metrics.py`) and logs them (`logs.py`); `docs.py` is the page
about it all; `app.py` puts them together, and `running.py` runs them. Needs the extra "serve".
"""

from __future__ import annotations

from sajeon.errors import MissingExtraError

_NEEDED = ("fastapi", "uvicorn", "orjson", "prometheus_client", "swagger_ui_bundle")

try:
    import fastapi as _fastapi  # noqa: F401
    import orjson as _orjson  # noqa: F401
    import prometheus_client as _prometheus_client  # noqa: F401
    import swagger_ui_bundle as _swagger_ui_bundle  # noqa: F401
    import uvicorn as _uvicorn  # noqa: F401
except ModuleNotFoundError as error:
    if error.name not in _NEEDED:  # they are there, and something that they need is not
        raise
    raise MissingExtraError("sajeon serve", "serve") from None
