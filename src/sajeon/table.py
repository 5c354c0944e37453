"""The embedding layer in NumPy alone: a table, the look-up, and the gradient of the look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sajeon.ids import as_ids

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sajeon.types import Ids


class EmbeddingTable:
    """A lookup table that can be trained: row ``i`` is the vector of id ``i``.

    Looking up is indexing. Its gradient is zero but for the rows that were read, and only those are
    visited: a step costs the same for a thousand rows as for ten million.

    Args:
        num_embeddings: Number of rows, usually ``len(vocab)``.
        dim: Length of each vector.
        weight: (num_embeddings, dim) The table to begin with, copied. None: drawn from the standard
            normal distribution, as torch.nn.Embedding does.
        padding_idx: Row that gets no gradient, and zeros at the start unless `weight` is given.
            None: no such row.
        seed: Where the drawing begins. The same seed gives the same table.

    Attributes:
        params: ``[weight]``. (num_embeddings, dim) float32, or float64 where `weight` came so.
            Changed in place by whoever trains.
        grads: ``[d_weight]``, of the same shape and type; `backward` fills it.
        grad_rows: (rows,) int64. Ids whose rows of `d_weight` may differ from zero, rising.

    Raises:
        ValueError: `weight` has another shape, or `padding_idx` is no row.

    >>> table = EmbeddingTable(3, 2, weight=[[0, 0], [1, 2], [3, 4]])
    >>> table.forward([2, 1, 2])
    array([[3., 4.],
           [1., 2.],
           [3., 4.]], dtype=float32)
    >>> table.backward(np.ones((3, 2), dtype=np.float32))
    >>> table.grads[0]
    array([[0., 0.],
           [1., 1.],
           [2., 2.]], dtype=float32)

    One step of gradient descent that visits no other rows:

    >>> rows = table.grad_rows
    >>> table.params[0][rows] -= 0.5 * table.grads[0][rows]
    """

    def __init__(
        self,
        num_embeddings: int,
        dim: int,
        *,
        weight: ArrayLike | None = None,
        padding_idx: int | None = None,
        seed: int = 1,
    ) -> None:
        if num_embeddings < 0 or dim < 0:
            raise ValueError(f"a table cannot have {num_embeddings} rows of {dim} numbers.")
        if padding_idx is not None and not 0 <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx must be a row, 0 to {num_embeddings - 1}, or None, "
                             f"got {padding_idx}.")  # fmt: skip
        self.padding_idx = padding_idx
        self.params = [_start(num_embeddings, dim, weight, padding_idx, seed)]
        # Pages of zeros come from the system when they are first touched: untouched rows are free.
        self.grads = [np.zeros_like(self.params[0])]
        self.grad_rows: Ids = np.zeros(0, dtype=np.int64)
        self._ids: Ids | None = None

    @property
    def weight(self) -> NDArray[Any]:
        """The table, (num_embeddings, dim): ``params[0]``."""
        return self.params[0]

    @property
    def num_embeddings(self) -> int:
        """Number of rows."""
        return int(self.params[0].shape[0])

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.params[0].shape[1])

    def __repr__(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"EmbeddingTable({self.num_embeddings}, {self.dim}{padding})"

    def forward(self, ids: ArrayLike) -> NDArray[Any]:
        """Look one vector up per id, and remember the ids for `backward`.

        Args:
            ids: (...,) integers, each in ``[0, num_embeddings)``.

        Returns:
            (..., dim), the type of the table, a copy.

        Raises:
            TypeError: The ids are not integers.
            IndexError: An id is outside the table; the message names it and its position.
        """
        rows = as_ids(ids, self.num_embeddings)
        self._ids = rows.copy()  # the caller may fill the same array again before `backward`
        out: NDArray[Any] = self.params[0][self._ids]
        return out

    def backward(self, dout: ArrayLike) -> None:
        """Put the gradient of the last `forward` into ``grads[0]``, in place of the one before.

        Args:
            dout: (..., dim), the shape that `forward` returned. The gradient of the loss by it.
                Rows that were looked up several times get the sum.

        Raises:
            RuntimeError: There was no `forward` yet.
            ValueError: `dout` has another shape.
        """
        if self._ids is None:
            raise RuntimeError("call forward(ids) before backward(dout): it says which rows move.")
        d_out = np.asarray(dout, dtype=self.params[0].dtype)
        if d_out.shape != (*self._ids.shape, self.dim):
            raise ValueError(
                f"dout must have the shape that forward returned, {(*self._ids.shape, self.dim)}, "
                f"got {d_out.shape}."
            )
        d_weight = self.grads[0]
        d_weight[self.grad_rows] = 0
        rows, sums = _sum_by_row(self._ids.ravel(), d_out.reshape(-1, self.dim))
        if self.padding_idx is not None:
            real = rows != self.padding_idx
            rows, sums = rows[real], sums[real]
        d_weight[rows] = sums
        self.grad_rows = rows


def _start(
    num_embeddings: int, dim: int, weight: ArrayLike | None, padding_idx: int | None, seed: int
) -> NDArray[Any]:
    shape = (num_embeddings, dim)
    if weight is None:
        table: NDArray[Any] = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
        if padding_idx is not None:
            table[padding_idx] = 0
        return table
    given = np.asarray(weight)
    if given.shape != shape:
        raise ValueError(f"weight must have the shape {shape}, got {given.shape}.")
    return np.array(given, dtype=np.float64 if given.dtype == np.float64 else np.float32, order="C")


def _sum_by_row(ids: Ids, values: NDArray[Any]) -> tuple[Ids, NDArray[Any]]:
    """Add up the values of equal ids: (pairs,), (pairs, dim) -> (rows,) rising, (rows, dim).

    Sorting brings equal ids together, so that each row is written once.
    """
    if not len(ids):
        return ids, values
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.add.reduceat(values[order], starts, axis=0)
