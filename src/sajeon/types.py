"""Array types and axis names used in every signature.

Axis names, the same in every docstring: ``batch`` texts or items, ``length`` tokens of one item,
``num_embeddings`` rows of a table (one per token), ``dim`` numbers of one row, ``pairs`` and
``negatives`` of a training step, ``queries`` and ``k`` of a search.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.int64]
"""Token ids of any shape."""

Ids32: TypeAlias = NDArray[np.int32]
"""Token ids as a corpus stores them: half the bytes, read once and in order."""

Floats: TypeAlias = NDArray[np.float32]
"""Vectors, tables, scores."""

Doubles: TypeAlias = NDArray[np.float64]
"""Where float32 is not enough: probabilities, sums."""

Counts: TypeAlias = NDArray[np.int64]
"""How often each token occurs."""

Bools: TypeAlias = NDArray[np.bool_]
"""Masks."""

Array: TypeAlias = NDArray[Any]
"""Any array."""
