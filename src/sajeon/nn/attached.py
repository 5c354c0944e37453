"""Which layer an optimiser works for: given to it, grown with it, copied and pickled with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rowoptimizer import RowOptimizer

if TYPE_CHECKING:
    from torch.nn import Parameter


def attach(layer: Any, optimizer: RowOptimizer) -> None:
    """Let `optimizer` update the rows of `layer`, an `Embedding` or `EmbeddingBag`.

    Raises:
        TypeError: `optimizer` is not one of ours, or the table does not hold floats.
        ValueError: The layer wants sparse gradients, its weight is frozen, or the optimiser has
            another table already.
    """
    if not isinstance(optimizer, RowOptimizer):
        raise TypeError(
            "expected optimizer= such as sajeon.nn.RowAdagrad(lr=0.05), got "
            f"{type(optimizer).__name__}. An optimiser of torch gets `layer.parameters()` instead, "
            "and the layer is made without optimizer=."
        )
    weight: Parameter = layer.weight
    name = type(optimizer).__name__
    if not weight.is_floating_point():
        raise TypeError(f"{name} cannot update a table of {weight.dtype}: expected floats.")
    if layer.sparse:
        raise ValueError(
            f"{name} takes the gradients itself, so there are no sparse ones to leave in "
            "weight.grad: leave out sparse=True."
        )
    if not weight.requires_grad:
        raise ValueError(f"{name} would have nothing to update: the weight is frozen.")
    if optimizer.weight is not None and optimizer.weight is not weight:
        raise ValueError(f"this {name} updates another layer's table: make one for each layer.")
    optimizer.bind(weight, layer.padding_idx)
    layer.optimizer = optimizer


def grown(layer: Any, old_rows: int) -> None:
    """Give new rows a state, after `layer` got a weight that is longer than `old_rows`."""
    optimizer: RowOptimizer = layer.optimizer
    optimizer.bind(layer.weight, layer.padding_idx)
    optimizer.grow(old_rows)


def detached_state(layer: Any) -> dict[str, Any]:
    """Return settings and state of the layer's optimiser without the table: for copies, pickles.

    Tensors are the optimiser's own. Gradients that await a step are left out.
    """
    optimizer: RowOptimizer = layer.optimizer
    state = optimizer.__getstate__()
    kept = dict(state["state"].get(optimizer.weight, {}))
    group = optimizer.param_groups[0]
    return {
        "class": type(optimizer),
        "when": optimizer.when,
        "defaults": dict(optimizer.defaults),
        "settings": {name: value for name, value in group.items() if name != "params"},
        "state": kept,
    }


def reattach(layer: Any, state: dict[str, Any]) -> None:
    """Give `layer` an optimiser as `detached_state` described it; tensors are taken, not copied."""
    optimizer: RowOptimizer = state["class"].__new__(state["class"])
    weight: Parameter = layer.weight
    optimizer.__setstate__(
        {
            "when": state["when"],
            "defaults": state["defaults"],
            "state": {weight: state["state"]} if state["state"] else {},
            "param_groups": [{**state["settings"], "params": []}],
            "weight": weight,
            "padding_idx": layer.padding_idx,
        }
    )
    layer.optimizer = optimizer
