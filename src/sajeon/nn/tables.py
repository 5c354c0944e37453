"""What both layers share: vectors in and out, more rows, tables that lie in a file."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from ..formats.matrixfile import open_table
from . import mapped
from .growing import grow_state, with_new_rows

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from ..types import Array
    from ..vectors import Vectors
    from ..vocab import Vocabulary
    from .optim import RowOptimizer


class Table(torch.nn.Module):
    """A layer with a table `weight`; the base of both layers, which add the look-up."""

    read_only: bool = False
    _read_only_at: int = 0

    if TYPE_CHECKING:  # set by torch's classes; TorchScript would read the annotations of this one
        weight: Tensor
        num_embeddings: int
        embedding_dim: int
        padding_idx: int | None
        max_norm: float | None
        optimizer: Any

    @classmethod
    def from_vectors(
        cls,
        vectors: Vectors,
        vocab: Vocabulary | Sequence[str] | None = None,
        *,
        freeze: bool = True,
        missing: Literal["zeros", "random"] = "zeros",
        lower: bool = False,
        seed: int = 1,
        **options: Any,
    ) -> Self:
        """Make a layer that begins with trained vectors.

        Args:
            vectors: The vectors.
            vocab: Row ``i`` becomes the vector of token ``i`` of this vocabulary, or of these
                tokens; `padding_idx` is its ``pad_id``, if it has one. None: row ``i`` is
                ``vectors.matrix[i]``, and frozen rows are not copied but shared with `vectors`
                (of a loaded model folder: with the file), for reading only.
            freeze: Whether `weight` gets no gradient, as in `from_pretrained`.
            missing: Rows of tokens without a vector: "zeros" or "random".
            lower: Where a token has no vector, take that of its lower case.
            seed: Of the random rows.
            **options: Further arguments of the layer, such as `max_norm` or `optimizer`.

        Returns:
            A layer with a table of float32; float16 where such vectors are shared.

        Raises:
            ValueError: `max_norm` with a table that is only read, `optimizer` with a frozen one.
        """
        if vocab is None:
            rows = _rows_of(vectors)
            return cls._from_array(rows if freeze else rows.astype(np.float32), freeze, options)
        matrix, _ = vectors.embedding_matrix(vocab, missing=missing, lower=lower, seed=seed)
        options.setdefault("padding_idx", getattr(vocab, "pad_id", None))
        return cls._from_array(matrix, freeze, options)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
        freeze: bool = True,
        **options: Any,
    ) -> Self:
        """Make a layer from a file without reading it: rows come from the disk when looked up.

        The table may be larger than the memory, opening takes milliseconds, and processes that open
        the same file share its pages. Such a table is for reading only (`read_only` is true):
        torch cannot protect it, and a write to ``weight`` by hand stops the process.

        Args:
            path: A .safetensors or .npy file with one table. Or what `sajeon.load` opens: of these
                a model folder is mapped, all others are read into memory.
            name: Of the tensor in a .safetensors file; needed where it has several tables of
                which none is named weight or embeddings.
            freeze: False: copy the table into memory, to be trained.
            **options: Further arguments of the layer, such as `padding_idx`.

        Returns:
            A layer with a table of the file's dtype.

        Raises:
            FormatError: The file is damaged, or holds no such table.
            FileNotFoundError: There is no such file.
            ValueError: `max_norm` with a table that is only read, `optimizer` with a frozen one.
        """
        path = Path(path)
        if path.suffix in (".npy", ".safetensors") and not path.is_dir():
            return cls._from_array(open_table(path, name), freeze, options)
        from ..loading import load

        return cls.from_vectors(load(path), freeze=freeze, **options)

    @classmethod
    def _from_array(cls, array: Array, freeze: bool, options: Mapping[str, Any]) -> Self:
        """Make a layer of (num_embeddings, dim) numbers; of frozen read-only ones it is a view."""
        if freeze and options.get("optimizer") is not None:
            raise ValueError("an optimizer would have nothing to update: say freeze=False.")
        shared = freeze and not array.flags.writeable
        if shared and options.get("max_norm") is not None:
            raise ValueError(
                "max_norm writes to the table, which here is only read: say freeze=False."
            )
        ours = array if shared or array.flags.writeable else array.copy()
        weight = mapped.as_tensor(ours) if shared else torch.from_numpy(ours)
        layer = cls(*array.shape, _weight=weight, **options)
        layer.weight.requires_grad_(not freeze)
        layer.read_only, layer._read_only_at = shared, weight.data_ptr()
        return layer

    def to_vectors(self, vocab: Vocabulary | Sequence[str], *, specials: bool = True) -> Vectors:
        """Return the rows as vectors, to search, compare and save them.

        Args:
            vocab: What the rows stand for: a vocabulary, or tokens in id order.
            specials: False: leave the special tokens of the vocabulary out, so that they are no
                one's neighbours; rows then move up.

        Returns:
            Vectors of float32, or float16 for a table of it: a copy that later training leaves as
            it is. With counts and tokenizer of the vocabulary.

        Raises:
            ValueError: The vocabulary has not one token for each row.
        """
        from ..vectors import Vectors

        if len(vocab) != self.num_embeddings:
            raise ValueError(
                f"expected a token for each of the {self.num_embeddings:,} rows, got a vocabulary "
                f"of {len(vocab):,}. Where it has grown since, call grow() first."
            )
        tokens, counts = list(vocab), getattr(vocab, "counts", None)
        left_out = () if specials else set(getattr(vocab, "specials", ()))
        kept = [i for i, token in enumerate(tokens) if token not in left_out]
        dtype = torch.float16 if self.weight.dtype == torch.float16 else torch.float32
        rows = self.weight.detach()[torch.as_tensor(kept, dtype=torch.int64).to(self.weight.device)]
        return Vectors(
            [tokens[i] for i in kept],
            rows.to("cpu", dtype).numpy(),
            None if counts is None else counts[kept],
            tokenizer=getattr(vocab, "tokenizer", None),
        )

    @torch.no_grad()
    def grow(self, n: int, *, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Add `n` rows at the end; ids stay what they are.

        New rows are drawn from the standard normal distribution, as those of a new layer. `weight`
        stays the same Parameter, so that optimisers and layers that share it go on with it. A
        gradient that is still there is dropped: call this between steps. The table is copied.

        Args:
            n: Rows to add.
            optimizer: A torch optimiser of `weight`, whose state for new rows shall begin as if
                they had been there from the start. The layer's own is taken care of.

        Raises:
            ValueError: `n` is negative, or the table is only read.
        """
        if n < 0:
            raise ValueError(f"expected rows to add, 0 or more, got {n}.")
        if self.read_only:
            raise ValueError("this table is only read: open it with freeze=False to change it.")
        old_rows = self.num_embeddings
        self.weight.grad = None
        self.weight.data = with_new_rows(self.weight.data, n)
        self.num_embeddings = old_rows + n
        if optimizer is not None:
            grow_state(optimizer, self.weight, old_rows)
        if self.optimizer is not None:
            from . import attached

            attached.grown(self, old_rows)

    def reset_parameters(self) -> None:
        """Draw all rows anew, as in a new layer."""
        if self.read_only:
            raise RuntimeError("this table is only read: open it with freeze=False to change it.")
        super().reset_parameters()  # type: ignore[misc]

    def extra_repr(self) -> str:
        """Return what torch's layer shows, and the optimiser."""
        shown = super().extra_repr()
        return shown if self.optimizer is None else f"{shown}, optimizer={self.optimizer}"

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied; of an optimiser what it knows about the table."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        if self.optimizer is not None:
            from . import attached

            state["optimizer"] = attached.detached_state(self)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up what was pickled or copied; numbers that were in a file may be in memory now."""
        optimizer = state.get("optimizer")
        super().__setstate__({**state, "optimizer": None})  # type: ignore[no-untyped-call]
        if optimizer is not None:
            from . import attached

            attached.reattach(self, optimizer)
        self._see_where_it_lies()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the layer; a table that is only read shares its memory with the copy."""
        if self.read_only:
            shared = mapped.as_tensor(self.weight.detach().numpy())
            memo.setdefault(id(self.weight), torch.nn.Parameter(shared, requires_grad=False))
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return copied

    def _attach(self, optimizer: RowOptimizer | None) -> None:
        self.optimizer = None
        if optimizer is not None:
            from . import attached

            attached.attach(self, optimizer)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Convert or move the layer, after which the table may lie in memory of its own."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._see_where_it_lies()
        return self

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, local_metadata: Any, *others: Any
    ) -> None:
        assign = local_metadata.get("assign_to_params_buffers", False)
        if self.read_only and f"{prefix}weight" in state_dict and not assign:
            raise RuntimeError(
                f"{prefix}weight is only read and cannot be loaded into: make the layer with "
                "freeze=False, or call load_state_dict(..., assign=True)."
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)
        self._see_where_it_lies()

    def _see_where_it_lies(self) -> None:
        """A table that has left the read-only memory may be written to from now on."""
        if self.read_only:
            self.read_only = self.weight.data_ptr() == self._read_only_at

    def _refuse_writes(self) -> None:
        """Stop before the look-up or a later step of training writes to a table of a file."""
        if self.max_norm is not None or self.weight.requires_grad:
            what = "max_norm" if self.max_norm is not None else "weight.requires_grad"
            raise RuntimeError(
                f"this table is only read, but {what} is set, which would write to it: "
                "make the layer with freeze=False."
            )


def _rows_of(vectors: Vectors) -> Array:
    if vectors.scales is None:
        return vectors.matrix
    rows: Array = vectors.matrix.astype(np.float32)
    rows *= vectors.scales[:, None]
    return rows
