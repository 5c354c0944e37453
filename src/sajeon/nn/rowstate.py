"""What an optimiser remembers of the rows of a table: made late, grown, and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .pages import ask_for_large_pages
from .portable import working_dtype


@dataclass(frozen=True)
class Layout:
    """The tensors of a state.

    Attributes:
        owner: Name of the optimiser, for messages.
        names: Of the tensors, as torch's sparse counterpart calls them.
        per_row: Whether they are (num_embeddings,) and not (num_embeddings, dim).
    """

    owner: str
    names: tuple[str, ...]
    per_row: bool

    def new(self, weight: Tensor, start: float) -> Tensor:
        """Return the state of rows never touched.

        On the CPU zeros are not written: the system hands memory out where rows are first touched.
        """
        dtype, shape = working_dtype(weight), self._shape(weight)
        if weight.device.type == "cpu":  # torch.zeros would write all of them
            kind = np.float64 if dtype == torch.float64 else np.float32
            made = torch.from_numpy(np.zeros(shape, kind))
            ask_for_large_pages(made, filled=False)
        else:
            made = torch.zeros(shape, dtype=dtype, device=weight.device)
        return made.fill_(start) if start else made

    def _shape(self, weight: Tensor) -> tuple[int, ...]:
        return tuple(weight.shape[:1] if self.per_row else weight.shape)

    def grow(self, state: dict[str, Any], weight: Tensor, old_rows: int, start: float) -> None:
        """Give the rows behind the first `old_rows` a state; `state` is changed."""
        for name in self.names:
            if name in state:
                longer = self.new(weight, start)
                longer[:old_rows] = state[name]
                state[name] = longer

    def copied(self, state: Mapping[str, Any], weight: Tensor) -> dict[str, Any]:
        """Return a copy of a saved state, float32 for a float16 table: torch would round it.

        Raises:
            ValueError: It is of another optimiser, or of a table of another size.
        """
        if not state:
            return {}
        if set(state) != {"step", *self.names}:
            raise ValueError(
                f"expected a state of {self.owner}, which has {sorted(('step', *self.names))}, "
                f"got {sorted(state)}: it was saved by another optimiser."
            )
        for name in self.names:
            seen, shape = tuple(state[name].shape), self._shape(weight)
            if seen != shape:
                raise ValueError(
                    f"expected {name!r} of shape {shape}, as the table wants it, got {seen}: "
                    "grow the layer to the size it was saved with first."
                )
        dtype = working_dtype(weight)
        copies = {name: state[name].detach() for name in self.names}
        copies = {name: old.to(weight.device, dtype, copy=True) for name, old in copies.items()}
        return {"step": int(state["step"]), **copies}
