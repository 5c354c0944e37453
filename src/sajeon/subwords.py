"""Vectors for tokens outside the vocabulary, made of the rows of their character n-grams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .errors import FormatError
from .types import Array, Bools, Floats


class Subwords:
    """Rows of the buckets into which character n-grams are hashed.

    Args:
        matrix: (rows, dim) float32, kept as it is: it may be memory-mapped.
        min_n: Characters of the shortest n-gram, ``<`` and ``>`` around the token among them.
        max_n: Characters of the longest n-gram.
        num_buckets: How many buckets the hashes go to.
        rows: (num_buckets,) integers. Row of each bucket, -1 where it has none any more; None if
            bucket ``b`` has row ``b``.

    Raises:
        ValueError: The numbers of buckets and rows do not agree.
    """

    def __init__(
        self, matrix: Floats, min_n: int, max_n: int, num_buckets: int, rows: Array | None = None
    ) -> None:
        given = len(matrix) if rows is None else len(rows)
        if given != num_buckets:
            raise ValueError(f"expected rows for {num_buckets:,} buckets, got {given:,}")
        if rows is not None and not (
            rows.max(initial=-1) < len(matrix) and rows.min(initial=-1) >= -1
        ):
            raise ValueError(
                f"expected rows from -1 to {len(matrix) - 1}, got {rows.min()} to {rows.max()}"
            )
        self.matrix, self.rows = matrix, rows
        self.min_n, self.max_n, self.num_buckets = min_n, max_n, num_buckets

    def vector(self, token: str) -> Floats | None:
        """Return (dim,) float32, a new array: the mean of the rows of the token's n-grams.

        It is what fastText gives for a token outside the vocabulary; None where no n-gram of the
        token has a row, for which fastText gives zeros.
        """
        means, found = self.vectors([token])
        return means[0] if found[0] else None

    def vectors(self, tokens: Sequence[str]) -> tuple[Floats, Bools]:
        """Return (tokens, dim) float32, a new array, and which of them were found, (tokens,) bool.

        A row is what `vector` gives; zeros where that is None.
        """
        # Imported here, since a model without subwords does without the tokenizers.
        from .tokens.ngrams import bucket_ids_of, mean_of_rows, rows_of_buckets

        encoded = [token.encode(errors="surrogatepass") for token in tokens]
        ids, offsets = bucket_ids_of(encoded, self.min_n, self.max_n, self.num_buckets)
        if self.rows is not None:
            ids, offsets = rows_of_buckets(self.rows, ids, offsets)
        return mean_of_rows(self.matrix, ids, offsets), np.diff(offsets) > 0


def subwords_of(
    name: str, tensors: Mapping[str, Array], settings: Mapping[str, Any]
) -> Subwords | None:
    """Return the subwords of a model, None where it has none.

    Args:
        name: For messages.
        tensors: By name; "subwords" (rows, dim) float32, and "subwords.rows" where some are pruned.
        settings: JSON values; min_n, max_n, num_buckets.

    Raises:
        FormatError: They do not fit together.
    """
    if "subwords" not in tensors:
        return None
    numbers = [settings.get(key) for key in ("min_n", "max_n", "num_buckets")]
    matrix, rows = tensors["subwords"], tensors.get("subwords.rows")
    if matrix.dtype != np.float32 or matrix.ndim != 2 or not all(type(n) is int for n in numbers):
        raise FormatError(
            f"{name}: expected subwords (rows, dim) float32 and whole min_n, max_n and num_buckets "
            f"in its settings, got {matrix.dtype} {matrix.shape} and {numbers}."
        )
    try:
        return Subwords(matrix, settings["min_n"], settings["max_n"], settings["num_buckets"], rows)
    except ValueError as error:
        raise FormatError(f"{name}: subwords: {error}") from error
