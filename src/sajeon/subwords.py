"""N-grams of tokens, and the vectors that they make for tokens outside the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .errors import FormatError
from .types import Array, Bools, Floats, Ids

NUM_BUCKETS = 2_000_000
"""As in fastText. Only buckets that a vocabulary needs have a row, so many cost little."""

UNITS = ("chars", "jamo")
_SPELT = re.compile(r"([a-z]+):(\d+)-(\d+)(?:,buckets=(\d+))?", re.ASCII)
_LONGEST, _MOST_BUCKETS = 64, 2**31 - 1  # what our files and fastText's may hold


@dataclass(frozen=True)
class NGrams:
    """Which n-grams tokens have, and into how many buckets they are hashed.

    Attributes:
        units: What an n-gram is counted in: "chars" for characters, "jamo" for the letters of
            Hangul syllables, three a syllable (see `tokens.jamo.decompose`), all else as it is.
        min_n: Units of the shortest n-gram, ``<`` and ``>`` around the token among them.
        max_n: Units of the longest n-gram.
        num_buckets: How many buckets the hashes go to.
    """

    units: str
    min_n: int
    max_n: int
    num_buckets: int = NUM_BUCKETS

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read such as "chars:3-6" or "jamo:3-5,buckets=500000".

        Raises:
            ValueError: It is written otherwise, or the numbers cannot be used.
        """
        found = _SPELT.fullmatch(text) if isinstance(text, str) else None
        if found is None or found[1] not in UNITS:
            raise ValueError(
                "subwords must be written as in 'chars:3-6' or 'jamo:3-5,buckets=500000'; got "
                f"{text!r}"
            )
        made = cls(found[1], int(found[2]), int(found[3]), int(found[4] or NUM_BUCKETS))
        if not 1 <= made.min_n <= made.max_n <= _LONGEST:
            raise ValueError(
                f"subwords must be of 1 to {_LONGEST} units, the shortest first; got {text!r}"
            )
        if not 1 <= made.num_buckets <= _MOST_BUCKETS:
            raise ValueError(f"subwords must have 1 to {_MOST_BUCKETS:,} buckets; got {text!r}")
        return made

    def __str__(self) -> str:
        buckets = "" if self.num_buckets == NUM_BUCKETS else f",buckets={self.num_buckets}"
        return f"{self.units}:{self.min_n}-{self.max_n}{buckets}"

    def buckets(self, tokens: Sequence[str]) -> tuple[Ids, Ids]:
        """Return the buckets of all n-grams of tokens; see `tokens.ngrams.bucket_ids_of`."""
        # Imported here, since a model without subwords does without the tokenizers.
        from .tokens.ngrams import bucket_ids_of

        if self.units == "jamo":
            from .tokens.jamo import decompose

            tokens = [decompose(token) for token in tokens]
        encoded = [token.encode(errors="surrogatepass") for token in tokens]
        return bucket_ids_of(encoded, self.min_n, self.max_n, self.num_buckets)


class Subwords:
    """Rows of the buckets into which character n-grams are hashed.

    Args:
        matrix: (rows, dim) float32, kept as it is: it may be memory-mapped.
        ngrams: Which n-grams tokens have.
        rows: (num_buckets,) integers. Row of each bucket, -1 where it has none any more; None if
            bucket ``b`` has row ``b``.

    Raises:
        ValueError: The numbers of buckets and rows do not agree.
    """

    def __init__(self, matrix: Floats, ngrams: NGrams, rows: Array | None = None) -> None:
        given = len(matrix) if rows is None else len(rows)
        if given != ngrams.num_buckets:
            raise ValueError(f"expected rows for {ngrams.num_buckets:,} buckets, got {given:,}")
        if rows is not None and not (
            rows.max(initial=-1) < len(matrix) and rows.min(initial=-1) >= -1
        ):
            raise ValueError(
                f"expected rows from -1 to {len(matrix) - 1}, got {rows.min()} to {rows.max()}"
            )
        self.matrix, self.ngrams, self.rows = matrix, ngrams, rows

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
        from .tokens.ngrams import mean_of_rows, rows_of_buckets

        ids, offsets = self.ngrams.buckets(tokens)
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
        settings: JSON values; "subwords" as in `NGrams.parse`, or min_n, max_n and num_buckets.

    Raises:
        FormatError: They do not fit together.
    """
    if "subwords" not in tensors:
        return None
    matrix, rows = tensors["subwords"], tensors.get("subwords.rows")
    if matrix.dtype != np.float32 or matrix.ndim != 2:
        raise FormatError(
            f"{name}: expected subwords (rows, dim) float32, got {matrix.shape} {matrix.dtype}."
        )
    try:
        return Subwords(matrix, _ngrams_of(settings), rows)
    except ValueError as error:
        raise FormatError(f"{name}: subwords: {error}") from error


def _ngrams_of(settings: Mapping[str, Any]) -> NGrams:
    """Read which n-grams a model has: as we write it, or as the arguments of fastText."""
    if "subwords" in settings:
        return NGrams.parse(settings["subwords"])
    numbers = {key: settings.get(key) for key in ("min_n", "max_n", "num_buckets")}
    if not all(type(n) is int for n in numbers.values()):
        raise ValueError(f"expected whole min_n, max_n and num_buckets in its settings: {numbers}")
    return NGrams("chars", **numbers)  # type: ignore[arg-type]
