"""What the row optimisers share: a `torch.optim.Optimizer` of one table, updated row by row."""

from __future__ import annotations

import math
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

import torch
from torch import Tensor
from torch.nn import Parameter

from . import compiled, portable, rowwise
from .pages import ask_for_large_pages
from .rowstate import Layout
from .stash import Lookups, Stash

When = Literal["backward", "step"]

_TIED = (
    "the table got a dense gradient as well: `weight` is used outside of its lookups (a decoder "
    "tied to it, a penalty on its norm), and moving only the rows that were looked up would be "
    "wrong. Nothing was changed. Expected a table used only through its layer: use "
    "`weight.detach()` in the other place, or a layer without `optimizer=` and an optimiser of "
    "torch."
)


class RowOptimizer(torch.optim.Optimizer):
    """Moves the rows of one table that were looked up, and no others.

    Make one for each table and give it to the layer: ``Embedding(n, dim, optimizer=SGD(lr=0.1))``.
    From then on it is a torch optimiser: its settings stand in ``param_groups[0]``, where learning
    rate schedulers change them, and its state, one tensor or two, is saved by `state_dict`.

    The gradients of all lookups in a backward pass are set aside while it runs, and used once it
    has ended, summed over repeated ids. So ``weight.grad`` stays None, and two lookups of one
    graph, checkpointing and gradients that need the old table are right. A pass that fails leaves
    nothing. One at a time: backward passes through one table in several threads at once may be
    taken for one.

    With ``when="backward"`` rows move at the end of each backward; `step` is then only there so
    that code which calls it on all optimisers works. With ``when="step"`` the sums are kept in
    `pending` until `step`, which uses them up: for accumulated gradients, clipping and
    `GradScaler`. `zero_grad` drops them (``model.zero_grad()`` does not: it does not know of them).

    Attributes:
        weight: (num_embeddings, dim) The table, None before there is one.
        when: As given.
        pending: A leaf whose ``grad`` is the (touched rows, dim) gradient that awaits `step`, else
            None. Clip it with all others: ``clip_grad_norm_([*model.parameters(),
            layer.optimizer.pending], 1.0)``.
        pending_rows: (touched rows,) int64. Which rows these are.
    """

    rule: int
    """What the kernels call this optimiser: see `kernels.rows.update_rows_reference`."""
    state_names: tuple[str, ...] = ()
    """Of the tensors in the state, as torch's sparse counterpart calls them."""
    state_per_row = False
    """Whether the state is one number a row and not one for each number of the table."""
    look_up = staticmethod(rowwise.lookup)
    look_up_bags = staticmethod(rowwise.bag)

    def __init__(self, when: When, **settings: Any) -> None:
        if when not in ("backward", "step"):
            raise ValueError(f"`when` must be 'backward' or 'step', got {when!r}.")
        self._check(settings)
        self.when = when
        self._begin()
        super().__init__([self.pending], settings)

    def _begin(self) -> None:
        """Make what is neither copied nor saved."""
        self.pending = Parameter(torch.zeros(0, 1))
        self.pending_rows: Tensor | None = None
        self.weight: Parameter | None = None
        self.padding_idx: int | None = None
        self.open_stash: weakref.ref[Stash] | None = None
        self.lock = threading.RLock()
        self._scratch = compiled.Scratch()
        # What makes torch call the backward of a lookup. Not `weight`: a gradient asked of it would
        # set rows in motion, and come back as None.
        self.anchor = torch.zeros(0, requires_grad=True)

    def _check(self, settings: Mapping[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay", "lr_decay", "initial_accumulator_value"):
            value = settings.get(name, 0.0)
            if not (float(value) >= 0 and math.isfinite(float(value))):
                raise ValueError(f"{type(self).__name__}: {name} must be at least 0, got {value}.")
        for beta in settings.get("betas", ()):
            if not 0 <= beta < 1:
                raise ValueError(f"{type(self).__name__}: betas must be in [0, 1), got {beta}.")

    def settings_of_step(self, step: int) -> tuple[float, float, float, float, float]:
        """Return ``step, eps, rate, second_rate, keep`` of the kernels, of the step-th step."""
        raise NotImplementedError

    def bind(self, weight: Parameter, padding_idx: int | None) -> None:
        """Take a table over, or another Parameter in its place; `attach` has checked it."""
        if self.weight is not None and self.weight in self.state:
            self.state[weight] = self.state.pop(self.weight)
        self.weight, self.padding_idx = weight, padding_idx
        ask_for_large_pages(weight.detach(), filled=True)
        self.param_groups[0]["params"] = [weight, self.pending]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refuse a second table: state and settings are those of one."""
        if getattr(self, "param_groups", None):
            raise ValueError(
                f"{type(self).__name__} updates one table, that of its layer: make one for each "
                "layer, and give other parameters to an optimiser of torch."
            )
        super().add_param_group(param_group)

    # What a backward brings.

    def receive(self, lookups: Sequence[Lookups]) -> None:
        """Use the gradients of a backward that has ended: move rows, or keep the sums."""
        with self.lock:
            self._refuse_dense_gradient()
            if self.when == "backward":
                self._update(Lookups.joined(lookups))
                self._opt_called = True  # schedulers warn where nothing was ever stepped
            else:
                self._keep(lookups)

    def _refuse_dense_gradient(self) -> None:
        if self.weight is not None and self.weight.grad is not None:
            raise RuntimeError(_TIED)

    def _keep(self, lookups: Sequence[Lookups]) -> None:
        """Add to what is pending; what was there comes first in every sum."""
        weight = self.bound()
        if self.pending.grad is not None and self.pending_rows is not None:
            lookups = [Lookups(self.pending_rows, self.pending.grad), *lookups]
        path = self._path(weight)
        rows, sums = path.summed(weight, Lookups.joined(lookups), self.skipped, self._scratch)
        self.pending.grad = None
        self.pending.data = sums.new_zeros(1, 1).expand(sums.shape)  # takes no memory
        self.pending.grad, self.pending_rows = sums, rows

    def _update(self, lookups: Lookups) -> None:
        weight = self.bound()
        state = self.state[weight]
        states = [self._tensor(state, name, weight) for name in self.state_names]
        step = state.get("step", 0) + 1
        self._path(weight).update(
            self.rule, self.settings_of_step(step), weight, states,
            lookups, self.skipped, self._scratch,
        )  # fmt: skip
        state["step"] = step

    def _path(self, weight: Tensor) -> Any:
        return compiled if compiled.can(weight) else portable

    @property
    def skipped(self) -> int:
        """The padding row as kernels take it: -1, none."""
        return -1 if self.padding_idx is None else self.padding_idx

    def bound(self) -> Parameter:
        """Return the table, of which there has to be one."""
        if self.weight is None:
            raise RuntimeError(
                f"this {type(self).__name__} has no table yet: give it to a layer, as in "
                "Embedding(n, dim, optimizer=...)."
            )
        return self.weight

    # State.

    def _tensor(self, state: dict[str, Any], name: str, weight: Parameter) -> Tensor:
        """Return a tensor of the state, made at the first update, on the device of the table."""
        tensor: Tensor | None = state.get(name)
        if tensor is None:
            tensor = state[name] = self.layout.new(weight, self._start)
        elif tensor.device != weight.device:
            tensor = state[name] = tensor.to(weight.device)
        return tensor

    @property
    def layout(self) -> Layout:
        """What tensors the state consists of."""
        return Layout(type(self).__name__, self.state_names, self.state_per_row)

    @property
    def _start(self) -> float:
        return float(self.param_groups[0].get("initial_accumulator_value", 0.0))

    def grow(self, old_rows: int) -> None:
        """Give the rows behind the first `old_rows` a state, after the table became longer."""
        weight = self.bound()
        if weight in self.state:
            self.layout.grow(self.state[weight], weight, old_rows, self._start)

    def state_dict(self) -> dict[str, Any]:
        """Return settings and state, in the form of torch's sparse counterpart.

        Between steps: gradients that await `step` are not part of it.
        """
        saved = super().state_dict()
        for group in saved["param_groups"]:
            group["params"] = group["params"][:1]
        return saved

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take settings and state from what `state_dict` returned; tensors are copied.

        Raises:
            ValueError: The state is of another table or another optimiser.
        """
        weight = self.bound()
        loaded = self.layout.copied(state_dict["state"].get(0, {}), weight)
        groups = [{**group, "params": [0, 1]} for group in state_dict["param_groups"]]
        super().load_state_dict({"state": {}, "param_groups": groups})
        for name, value in self.defaults.items():
            self.param_groups[0].setdefault(name, value)
        if loaded:
            self.state[weight] = loaded

    # What a user calls.

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """With ``when="step"``: move the rows whose gradients are pending, and forget these.

        Args:
            closure: Computes the loss anew and its gradients; called first.

        Returns:
            What `closure` returned.

        Raises:
            RuntimeError: The table has a dense gradient as well; nothing is changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with self.lock:
            self._refuse_dense_gradient()
            rows, sums = self.pending_rows, self.pending.grad
            if rows is not None and sums is not None:
                self._update(Lookups(rows, sums))
            self._forget()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop what is pending, and a gradient of `weight` itself; both become None."""
        super().zero_grad(set_to_none=True)
        self._forget()

    def _forget(self) -> None:
        self.pending.grad = self.pending_rows = None

    def clip_grad_norm_(self, max_norm: float, norm_type: float = 2.0) -> Tensor:
        """Shorten what is pending to a norm of at most `max_norm`; return what the norm was.

        Of this table alone; for one norm over all parameters see `pending`.
        """
        if self.when != "step":
            raise RuntimeError(
                "there is nothing left to clip, since the rows moved when the backward ended: "
                f"use {type(self).__name__}(..., when='step')."
            )
        return torch.nn.utils.clip_grad_norm_([self.pending], max_norm, norm_type)

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Asked for by GradScaler before it steps, which is where we can refuse to."""
        if self.when != "step":
            raise RuntimeError(
                "GradScaler cannot unscale gradients that were used when the backward ended: use "
                f"{type(self).__name__}(..., when='step'). Rows have moved by a scaled gradient."
            )
        return False

    # Copies.

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied and pickled; the table goes with it, gradients do not."""
        groups = [{**group, "params": [self.weight]} for group in self.param_groups]
        return {
            "when": self.when,
            "defaults": self.defaults,
            "state": dict(self.state),
            "param_groups": groups,
            "weight": self.weight,
            "padding_idx": self.padding_idx,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "when" not in state:  # torch's own loading, which brings settings and state alone
            super().__setstate__(state)
            return
        self.when = state["when"]
        self._begin()
        kept = {"defaults": state["defaults"], "param_groups": state["param_groups"]}
        super().__setstate__({**kept, "state": defaultdict(dict, state["state"])})
        self.param_groups[0]["params"] = [self.pending]
        if state["weight"] is not None:
            self.bind(state["weight"], state["padding_idx"])

    def __repr__(self) -> str:
        """Return how to make it, with the settings it has now."""
        group = self.param_groups[0]
        ours = [name for name in self.defaults if name != "differentiable"]  # torch adds it
        shown = [f"{name}={group[name]}" for name in ours]
        late = [] if self.when == "backward" else [f"when={self.when!r}"]
        return f"{type(self).__name__}({', '.join(shown + late)})"
