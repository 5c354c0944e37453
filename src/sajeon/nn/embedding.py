"""`torch.nn.Embedding`, and what it lacks: ids that are named, vectors in and out, more rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from . import checks
from .tables import Table

if TYPE_CHECKING:
    from .optim import RowOptimizer


class Embedding(Table, torch.nn.Embedding):
    """A drop-in for `torch.nn.Embedding`: row ``i`` of `weight` is the vector of id ``i``.

    Without `optimizer` it is torch's layer in every argument, result, gradient and in what it
    saves; only the errors about ids say more. Arguments and their meaning are those of
    torch.nn.Embedding (https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html).

    Args:
        num_embeddings: Number of rows, usually ``len(vocab)``.
        embedding_dim: Length of a row.
        padding_idx: Row that starts at zero and gets no gradient; negative: from the end.
        max_norm: Rows whose norm is greater are shortened to it *in place* when they are looked up.
        norm_type: The p of that norm.
        scale_grad_by_freq: Divide a row's gradient by how often its id stands in the ids.
        sparse: Whether the gradient of `weight` is a sparse tensor.
        _weight: (num_embeddings, embedding_dim) The table to begin with, held, not copied. None:
            drawn from the standard normal distribution.
        _freeze: True: `weight` gets no gradient.
        device: Of `weight`.
        dtype: Of `weight`.
        optimizer: Such as ``sajeon.nn.RowAdagrad(lr=0.05)``: updates the rows of a batch as they
            are touched, and no others. None: the gradient is left in ``weight.grad``.

    Attributes:
        weight: (num_embeddings, embedding_dim), the only entry of `state_dict`.
        optimizer: What updates the rows, or None.
        read_only: Whether `weight` lies in memory that must not be written to: see `from_file`.

    Shape:
        Ids (...) int64 or int32, on the device of `weight`; out (..., embedding_dim).

    >>> layer = Embedding(10, 3, padding_idx=0)
    >>> layer(torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape
    torch.Size([2, 4, 3])
    >>> layer(torch.tensor([3, 12]))
    Traceback (most recent call last):
    IndexError: index out of range in self. Ids must be in the range 0 to 9, got 12 at ...
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        optimizer: RowOptimizer | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            _freeze,
            device,
            dtype,
        )
        self._attach(optimizer)

    def forward(self, input: Tensor) -> Tensor:
        """Look one vector up per id.

        Args:
            input: (...) int64 or int32, each in ``[0, num_embeddings)``.

        Returns:
            (..., embedding_dim), the dtype of `weight`, a new tensor.

        Raises:
            IndexError: An id is outside the table (torch's words, then the id, its position and
                the range). On a GPU only with ``SAJEON_CHECK_IDS=1`` in the environment.
            RuntimeError: The ids are not int64 or int32.
            TypeError: The ids are no tensor.
        """
        # TorchScript has no `try`; after an early return it would compile the rest all the same.
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self._plain(input)
        else:  # noqa: RET505
            return self._checked(input)

    def _plain(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def _checked(self, input: Tensor) -> Tensor:
        if self.optimizer is not None:
            # At once: torch.compile breaks its graph here, and warns of a variable that goes on.
            return self.optimizer.look_up(self, input)  # type: ignore[no-any-return]
        if self.read_only:
            self._refuse_writes()
        if checks.ALWAYS and not torch.compiler.is_compiling():
            checks.check_ids(input, self.weight.shape[0], "embedding")
        try:
            return F.embedding(  # written out: through `_plain` a look-up took 0.8 µs longer
                input,
                self.weight,
                self.padding_idx,
                self.max_norm,
                self.norm_type,
                self.scale_grad_by_freq,
                self.sparse,
            )
        except checks.REFUSALS as error:
            raise checks.explained(error, input, self.weight.shape[0]) from None
