"""Many texts to one vector each, part by part: cut into tokens, numbered, averaged.

Small calls do this in plain Python, which loads no Numba; large ones compiled, to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from . import pooling
from .errors import FormatError
from .numbered import Numbering
from .types import Array, Floats, Ids

if TYPE_CHECKING:
    from .tokens.protocol import Tokenizer

Part: TypeAlias = "list[str | list[str]]"

# Characters taken together, and from how many on the compiled way is taken. A new process needs
# 1.2 s for 1.25 million, 20,000 short texts, either way: loading Numba takes most of the one.
# 100,000 short texts took 0.50 s, in parts of half as many 0.72, of four times as many 0.51; cut by
# two threads in place of one as long.
_TOGETHER = 1 << 20
_TOKEN = 6  # characters that a token counts for which was cut already


class Sentences:
    """Averages the vectors of tokens.

    Args:
        tokenizer: Gives what cuts texts, or raises.
        numbering: Numbers tokens.
        take: Returns the rows (ids, dim) of numbers, floating point, weighted.
        dim: Numbers in a row.
    """

    def __init__(
        self,
        tokenizer: Callable[[], Tokenizer],
        numbering: Numbering,
        take: Callable[[Ids], Array],
        dim: int,
    ) -> None:
        self._tokenizer, self._numbering = tokenizer, numbering
        self._take, self._dim = take, dim

    def means(self, items: Iterable[str | PurePath | Iterable[str]]) -> Floats:
        """Return (items, dim) float32: the mean of the rows of each; zeros where there is none."""
        means, is_compiled = [np.zeros((0, self._dim), np.float32)], False
        for part, is_large in self._parts(items):
            is_compiled = is_compiled or (is_large and _have_numba())
            if is_compiled:
                means.append(pooling.mean_many(self._take, self._dim, *self._numbers(part)))
            else:
                bags = map(self._numbering.ids, self._token_lists(part))
                means.append(pooling.mean_rows(self._take, self._dim, bags))
        return np.concatenate(means)

    def _parts(
        self, items: Iterable[str | PurePath | Iterable[str]]
    ) -> Iterator[tuple[Part, bool]]:
        """Yield texts and token lists, recordings being cut, and whether they are `_TOGETHER`."""
        part: Part = []
        size = 0
        for item in items:
            cut = self._tokenizer().tokens(item) if isinstance(item, PurePath) else item
            part.append(cut if isinstance(cut, str) else list(cut))
            size += len(cut) if isinstance(cut, str) else _TOKEN * len(part[-1])
            if size >= _TOGETHER:
                yield part, True
                part, size = [], 0
        yield part, False

    def _token_lists(self, part: Part) -> list[list[str]]:
        texts = [item for item in part if isinstance(item, str)]
        if not texts:
            return cast("list[list[str]]", part)
        from .tokens.protocol import token_lists

        cut = iter(token_lists(self._tokenizer(), texts))
        return [next(cut) if isinstance(item, str) else item for item in part]

    def _numbers(self, part: Part) -> tuple[Ids, Ids]:
        """Return the numbers of all tokens, (total,) int64, and (items + 1,) int64 offsets."""
        from .bags import is_compiled

        if all(isinstance(item, str) for item in part) and is_compiled(self._tokenizer()):
            with suppress(FormatError):  # a lone surrogate, which plain Python passes over
                texts = cast("list[str]", part)
                return self._numbering.ids_of_texts(texts, self._tokenizer())
        lists = self._token_lists(part)
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        return self._numbering.all_ids(chain.from_iterable(lists), compiled=True), offsets


def _have_numba() -> bool:
    """Import Numba, half a second, if it is there."""
    from .kernels._compile import HAVE_NUMBA

    return HAVE_NUMBA
