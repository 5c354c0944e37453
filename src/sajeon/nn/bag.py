"""`torch.nn.EmbeddingBag`, and what it lacks: see `embedding`; and one gradient put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from . import checks
from .frequency import embedding_bag_by_frequency
from .tables import Table

if TYPE_CHECKING:
    from .optim import RowOptimizer

torch.fx.wrap("embedding_bag_by_frequency")  # it asks for dtypes, which torch.fx cannot follow


class EmbeddingBag(Table, torch.nn.EmbeddingBag):
    """A drop-in for `torch.nn.EmbeddingBag`: sums, means or maxima of the rows of each bag of ids.

    Without `optimizer` it is torch's layer in every argument, result, gradient and in what it
    saves, but for the errors about ids, which say more, and for `scale_grad_by_freq` on the CPU,
    where torch divides by a wrong count (https://github.com/pytorch/pytorch/issues/190063).
    Arguments and their meaning are those of torch.nn.EmbeddingBag
    (https://docs.pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html).

    Args:
        num_embeddings: Number of rows, usually ``len(vocab)``.
        embedding_dim: Length of a row.
        max_norm: Rows whose norm is greater are shortened to it *in place* when they are looked up.
        norm_type: The p of that norm.
        scale_grad_by_freq: Divide a row's gradient by how often its id stands in the ids. Not for
            "max".
        mode: "sum", "mean" or "max".
        sparse: Whether the gradient of `weight` is a sparse tensor. Not for "max".
        _weight: (num_embeddings, embedding_dim) The table to begin with, held, not copied. None:
            drawn from the standard normal distribution.
        include_last_offset: Whether the offsets end with the number of ids, one more than bags.
        padding_idx: Id that counts for nothing: its row starts at zero, gets no gradient, and is
            left out of sum, mean and maximum.
        device: Of `weight`.
        dtype: Of `weight`.
        optimizer: Such as ``sajeon.nn.RowAdagrad(lr=0.05)``: updates the rows of a batch as they
            are touched, and no others. None: the gradient is left in ``weight.grad``.

    Attributes:
        weight: (num_embeddings, embedding_dim), the only entry of `state_dict`.
        optimizer: What updates the rows, or None.
        read_only: Whether `weight` lies in memory that must not be written to: see `from_file`.

    >>> bags = EmbeddingBag(10, 3, mode="sum")
    >>> bags(torch.tensor([1, 2, 4, 5, 4]), torch.tensor([0, 2])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        optimizer: RowOptimizer | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            _weight,
            include_last_offset,
            padding_idx,
            device,
            dtype,
        )
        self._attach(optimizer)

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """Return one vector for each bag of ids.

        Args:
            input: (total,) int64 or int32: the bags, one after another. Or (batch, length): each
                row a bag.
            offsets: (batch,) Where in `input` each bag begins; only for one axis.
            per_sample_weights: The shape of `input`, the dtype of `weight`: by what each row is
                multiplied; only for "sum".

        Returns:
            (batch, embedding_dim), the dtype of `weight`, a new tensor. Zeros for an empty bag.

        Raises:
            RuntimeError: An id is outside the table (torch's words, then the id, its position and
                the range; on a GPU only with ``SAJEON_CHECK_IDS=1`` in the environment), the ids
                are not integers, or the offsets lead outside the ids.
            ValueError: Shapes that do not fit.
        """
        # TorchScript has no `try`; after an early return it would compile the rest all the same.
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self._plain(input, offsets, per_sample_weights)
        else:  # noqa: RET505
            return self._checked(input, offsets, per_sample_weights)

    def _plain(
        self, input: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
    ) -> Tensor:
        if self.scale_grad_by_freq:
            return embedding_bag_by_frequency(
                input,
                self.weight,
                offsets,
                self.max_norm,
                self.norm_type,
                self.mode,
                self.sparse,
                per_sample_weights,
                self.include_last_offset,
                self.padding_idx,
            )
        return self._torchs(input, offsets, per_sample_weights)

    def _torchs(
        self, input: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def _checked(
        self, input: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
    ) -> Tensor:
        if self.optimizer is not None:
            return self.optimizer.look_up_bags(  # type: ignore[no-any-return]
                self, input, offsets, per_sample_weights
            )
        if self.read_only:
            self._refuse_writes()
        if checks.ALWAYS and not torch.compiler.is_compiling():
            checks.check_ids(input, self.weight.shape[0], "embedding_bag")
        try:
            if self.scale_grad_by_freq:
                return self._plain(input, offsets, per_sample_weights)
            return F.embedding_bag(  # written out: through two methods a call took 1 µs longer
                input,
                self.weight,
                offsets,
                self.max_norm,
                self.norm_type,
                False,
                self.mode,
                self.sparse,
                per_sample_weights,
                self.include_last_offset,
                self.padding_idx,
            )
        except checks.REFUSALS as error:
            torchs = self._as_torch_says(error, input, offsets, per_sample_weights)
            raise checks.explained(torchs, input, self.weight.shape[0]) from None

    def _as_torch_says(
        self,
        error: Exception,
        input: Tensor,
        offsets: Tensor | None,
        per_sample_weights: Tensor | None,
    ) -> Exception:
        """Return what torch's own function says where `embedding_bag_by_frequency` failed."""
        if not self.scale_grad_by_freq:
            return error
        try:
            self._torchs(input, offsets, per_sample_weights)
        except checks.REFUSALS as torchs:
            return torchs
        return error
