"""The habits of scikit-learn, without scikit-learn: parameters that can be read, set and cloned."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self


class Classifier:
    """What scikit-learn asks of a classifier beside `fit`, `predict` and `score`.

    `__init__` of a subclass must store each argument, unchanged, under its own name.
    See https://scikit-learn.org/stable/developers/develop.html.
    """

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments by name. `deep` is for objects with parts, which this has not."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change arguments, for the next `fit`; returns itself.

        Raises:
            ValueError: There is no such argument.
        """
        names = self._names()
        for name in params:
            if name not in names:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(names)}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Say what this is, to scikit-learn 1.6 and newer, which alone calls it."""
        tags = import_module("sklearn.utils")
        return tags.Tags(
            estimator_type="classifier",
            target_tags=tags.TargetTags(required=True, multi_output=self._takes_several()),
            classifier_tags=tags.ClassifierTags(multi_label=self._takes_several()),
            input_tags=tags.InputTags(one_d_array=True, two_d_array=False, string=True),
        )

    def _takes_several(self) -> bool:
        """Return whether a text may have several labels."""
        return True
