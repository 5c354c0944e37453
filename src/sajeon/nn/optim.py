"""Optimisers for the rows of a table: SGD, Adagrad, row-wise Adagrad, lazy Adam and AdamW.

All of them move only the rows that a backward pass has touched, so that a step on ten million rows
costs as much as on ten thousand. g is the summed gradient of a row, t the number of steps. The row
of `padding_idx` never moves, nor does it decay.

**Lazy** says that a row's averages stand still while it is not looked up. Dense Adam (torch's
``Adam``) goes on moving every row at each step by its momentum, which is another algorithm. t
counts the steps of the table, not the visits of a row: so does torch's SparseAdam.
"""

from __future__ import annotations

from ..kernels import rows as kernels
from .rowoptimizer import RowOptimizer, When

__all__ = ["SGD", "Adagrad", "LazyAdam", "LazyAdamW", "RowAdagrad", "RowOptimizer"]

Settings = tuple[float, float, float, float, float]


class SGD(RowOptimizer):
    """``w = w - lr g``.

    Equal to torch.optim.SGD on sparse gradients, without momentum.

    Args:
        lr: Learning rate.
        when: See `RowOptimizer`.
    """

    rule = kernels.SGD

    def __init__(self, lr: float = 1e-3, *, when: When = "backward") -> None:
        super().__init__(when, lr=lr)

    def settings_of_step(self, step: int) -> Settings:
        """See `RowOptimizer`."""
        return float(self.param_groups[0]["lr"]), 0.0, 0.0, 0.0, 1.0


class Adagrad(RowOptimizer):
    """``s = s + g²``, then ``w = w - lr / (1 + (t - 1) lr_decay) · g / (√s + eps)``, elementwise.

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12 (2011), the diagonal form of equation (1). Equal to torch.optim.Adagrad
    on sparse gradients.

    Args:
        lr: Learning rate.
        lr_decay: How fast it falls.
        eps: Keeps the quotient finite.
        initial_accumulator_value: s of a row not touched before. Other than 0 it takes the memory
            of the whole state at once.
        when: See `RowOptimizer`.
    """

    rule = kernels.ADAGRAD
    state_names = ("sum",)

    def __init__(
        self,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        eps: float = 1e-10,
        initial_accumulator_value: float = 0.0,
        *,
        when: When = "backward",
    ) -> None:
        start = initial_accumulator_value
        super().__init__(when, lr=lr, lr_decay=lr_decay, eps=eps, initial_accumulator_value=start)

    def settings_of_step(self, step: int) -> Settings:
        """See `RowOptimizer`."""
        group = self.param_groups[0]
        lr = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        return lr, group["eps"], 0.0, 0.0, 1.0


class RowAdagrad(RowOptimizer):
    """``s = s + mean(g²)``, one number a row, then ``w = w - lr g / (√s + eps)``.

    Adagrad with one learning rate for a whole row, for a state of 4 bytes a row in place of as
    much as the table. As FBGEMM has it, EXACT_ROWWISE_ADAGRAD
    (https://github.com/pytorch/FBGEMM), without its weight decay; described in Naumov et al.,
    "Deep learning recommendation model for personalization and recommendation systems",
    arXiv:1906.00091, and Mudigere et al., arXiv:2104.05158, section 4.1.

    Args:
        lr: Learning rate.
        eps: Keeps the quotient finite.
        initial_accumulator_value: s of a row not touched before.
        when: See `RowOptimizer`.
    """

    rule = kernels.ROW_ADAGRAD
    state_names = ("sum",)
    state_per_row = True

    def __init__(
        self,
        lr: float = 1e-2,
        eps: float = 1e-8,
        initial_accumulator_value: float = 0.0,
        *,
        when: When = "backward",
    ) -> None:
        start = initial_accumulator_value
        super().__init__(when, lr=lr, eps=eps, initial_accumulator_value=start)

    def settings_of_step(self, step: int) -> Settings:
        """See `RowOptimizer`."""
        group = self.param_groups[0]
        return float(group["lr"]), group["eps"], 0.0, 0.0, 1.0


class LazyAdam(RowOptimizer):
    """Adam of the rows that were touched.

    ``m = m + (1 - β₁)(g - m)``, ``v = v + (1 - β₂)(g² - v)``, then
    ``w = w - lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + eps)``, elementwise.

    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, in the order of
    computation at the end of its section 2, whose eps (ε̂ there) stands outside of the correction.
    Equal to torch.optim.SparseAdam.

    Args:
        lr: Learning rate.
        betas: β₁ and β₂.
        eps: Keeps the quotient finite.
        when: See `RowOptimizer`.
    """

    rule = kernels.ADAM
    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        when: When = "backward",
    ) -> None:
        super().__init__(when, lr=lr, betas=betas, eps=eps)

    def settings_of_step(self, step: int) -> Settings:
        """See `RowOptimizer`."""
        group = self.param_groups[0]
        beta1, beta2 = group["betas"]
        size = float(group["lr"]) * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        return size, group["eps"], 1 - beta1, 1 - beta2, 1.0


class LazyAdamW(RowOptimizer):
    """Adam of the rows that were touched, which decay apart from it.

    ``m`` and ``v`` as in `LazyAdam`, then
    ``w = (1 - lr weight_decay) w - lr / (1 - β₁ᵗ) · m / (√(v / (1 - β₂ᵗ)) + eps)``.

    Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101, algorithm 2.
    Equal to torch.optim.AdamW where each step touches all rows. A row decays when it is looked up:
    torch has no sparse counterpart, and its dense one shrinks rare rows towards zero, and the row
    of `padding_idx` with them.

    Args:
        lr: Learning rate.
        betas: β₁ and β₂.
        eps: Keeps the quotient finite.
        weight_decay: How much of `lr` a row shrinks by.
        when: See `RowOptimizer`.
    """

    rule = kernels.ADAM
    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        when: When = "backward",
    ) -> None:
        super().__init__(when, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def settings_of_step(self, step: int) -> Settings:
        """See `RowOptimizer`."""
        group = self.param_groups[0]
        lr, (beta1, beta2) = float(group["lr"]), group["betas"]
        root = (1 - beta2**step) ** 0.5
        size = lr * root / (1 - beta1**step)
        return size, group["eps"] * root, 1 - beta1, 1 - beta2, 1 - lr * group["weight_decay"]
