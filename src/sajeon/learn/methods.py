"""The ways of learning that `sajeon.train` knows, by the name of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

from .method import Method
from .start import Start

_METHODS = {
    "skipgram": ("predicting", "Predicting"),
    "cbow": ("predicting", "Predicting"),
    "glove": ("glove", "Glove"),
    "lsa": ("lsa", "Lsa"),
}
"""Module and class of each; imported when asked for, since some need an extra."""


def make_method(
    given: Mapping[str, Any], defaults: Mapping[str, Any], start: Start | None = None
) -> Method:
    """Return the method of a model with its settings.

    Args:
        given: What the user gave, by name, "model" among them; None: what the method holds for
            right.
        defaults: What stands in `given` where the user gave nothing.
        start: The model to start from; settings that decide its shape are taken from there.

    Raises:
        ValueError: There is no such model; a setting that cannot be used; one that this method
            does not have, with another value than its default; or one that differs from that of
            the model to start from.
    """
    if start is not None:
        given = _as_started(given, defaults, start)
    kind = _class_of(given["model"])
    own = {f.name: f for f in fields(kind)}
    for option, value in given.items():
        if option not in own and value != defaults[option]:
            raise ValueError(f"{option} is no setting of model {given['model']!r}; got {value!r}")
    settings = {
        option: value
        for option, value in given.items()
        if option in own and not (value is None and own[option].default is not MISSING)
    }
    method = kind(**settings)
    if start is not None:
        method.check_start()
    return method


def _class_of(model: object) -> type[Method]:
    if model not in _METHODS:
        raise ValueError(f"model must be one of {', '.join(_METHODS)}; got {model!r}")
    module, name = _METHODS[str(model)]
    kind: type[Method] = getattr(import_module(f".{module}", __package__), name)
    return kind


def _as_started(
    given: Mapping[str, Any], defaults: Mapping[str, Any], start: Start
) -> dict[str, Any]:
    """Return the settings with those that decide the shape of a model as `start` has them."""
    recorded = start.settings()
    model = recorded["model"] if recorded.get("model") in _METHODS else given["model"]
    shape = _class_of(model).shape
    if shape is None:
        raise ValueError(f"a model {model!r} cannot be gone on from")
    for option in shape:
        value = recorded.get(option, defaults[option])
        if given[option] not in (defaults[option], value):
            raise ValueError(
                f"{option} must be {value!r} as in the model to start from; got {given[option]!r}"
            )
    return {**given, **{option: recorded.get(option, given[option]) for option in shape}}
