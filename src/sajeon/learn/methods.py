"""The ways of learning that `sajeon.train` knows, by the name of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

from .method import Method

_METHODS = {
    "skipgram": ("predicting", "Predicting"),
    "cbow": ("predicting", "Predicting"),
}
"""Module and class of each; imported when asked for, since some need an extra."""


def make_method(model: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Method:
    """Return the method of a model with its settings.

    Args:
        model: Its name.
        given: What the user gave, by name; None: what the method holds for right.
        defaults: What stands in `given` where the user gave nothing.

    Raises:
        ValueError: There is no such model; a setting that cannot be used; or one that this method
            does not have, with another value than its default.
    """
    if model not in _METHODS:
        raise ValueError(f"model must be one of {', '.join(_METHODS)}; got {model!r}")
    module, name = _METHODS[model]
    kind: type[Method] = getattr(import_module(f".{module}", __package__), name)
    own = {f.name: f for f in fields(kind)}
    for option, value in given.items():
        if option not in own and value != defaults[option]:
            raise ValueError(f"{option} is no setting of model {model!r}; got {value!r}")
    settings = {
        option: value
        for option, value in given.items()
        if option in own and not (value is None and own[option].default is not MISSING)
    }
    return kind(model=model, **settings)
