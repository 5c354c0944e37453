"""Word vectors as a user keeps them: tokens, a matrix, counts; read-only, mapped if loaded."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from . import pooling, search
from .errors import UnknownTokenError
from .formats import folder, huggingface
from .formats.tokentable import TokenTable
from .numbered import Numbering
from .queries import Queries
from .sentences import Sentences
from .subwords import Subwords, subwords_of

if TYPE_CHECKING:
    from .explore.notebook import Map
    from .tokens.protocol import Tokenizer
    from .types import Array, Bools, Counts, Doubles, Floats, Ids
    from .vocab import Vocabulary

    TokenizerSpec: TypeAlias = str | Tokenizer | Callable[[Any], Iterable[str]] | Mapping[str, Any]

_KEPT, _KEPT_LENGTH = 50_000, 100
"""Ids kept by token, of so many characters at most, some 7 MB: texts repeat their words, and
looking one up takes 5 µs."""


class Vectors(Queries):
    """Tokens and their vectors.

    Args:
        tokens: The n tokens in id order, distinct; usually by falling frequency.
        matrix: (n, dim) float32, float16 or int8; anything else becomes float32. Row ``i`` is the
            vector of token ``i``. Held, not copied.
        counts: (n,) int64. How often each token occurred in the corpus, or None.
        tokenizer: What cuts a text into these tokens: a tokenizer, its name, a function, or its
            description from config.json. None: texts cannot be cut, token lists still work.
        settings: JSON values: how the vectors were trained, saved as they are.
        training: Arrays from which training can go on, by name, such as ``{"output": (n, dim)}``.
        scales: (n,) float32, for an int8 matrix: what row ``i`` is multiplied by.
        subwords: Rows of character n-grams, of which vectors of other tokens are made; or None.

    Attributes:
        tokens: The tokens, a read-only sequence of str; of loaded vectors decoded on demand.
        matrix: (n, dim) float32, float16 or int8, read-only; of loaded vectors a view of the file.
        counts: (n,) int64, read-only, or None.
        scales: (n,) float32, read-only, or None.
        subwords: `Subwords` or None. With them, a token that is not ``in`` the vectors has one too
            if it shares an n-gram with any, in every method; only `rank` and `closer_than` look
            among the tokens alone.

    Raises:
        ValueError: Shapes that do not fit, a token that stands twice, int8 without scales or
            scales without int8.

    >>> vectors = Vectors(["cat", "dog"], np.array([[1.0, 0.0], [0.6, 0.8]]))
    >>> round(vectors.similarity("cat", "dog"), 3)
    0.6
    """

    tokens: TokenTable

    def __init__(
        self,
        tokens: Iterable[str],
        matrix: Array,
        counts: Array | Sequence[int] | None = None,
        *,
        tokenizer: TokenizerSpec | None = None,
        settings: Mapping[str, Any] | None = None,
        training: Mapping[str, Array] | None = None,
        scales: Array | None = None,
        subwords: Subwords | None = None,
    ) -> None:
        self.tokens = tokens if isinstance(tokens, TokenTable) else TokenTable.from_tokens(tokens)
        self.matrix: Array = _read_only(matrix, _table_dtype(matrix))
        self.counts: Counts | None = None
        if counts is not None:
            self.counts = _read_only(counts, np.dtype(np.int64))
        self.scales: Floats | None = None
        if scales is not None:
            self.scales = _read_only(scales, np.dtype(np.float32))
        self.subwords = subwords
        self.settings: Mapping[str, Any] = MappingProxyType(dict(settings or {}))
        self.training = None if training is None else MappingProxyType(dict(training))
        self._tokenizer_spec = tokenizer
        self._tokenizer: Tokenizer | None = None
        self._norms: Doubles | None = None
        self._found: dict[str, int] = {}
        self._check_shapes()

    @property
    def dim(self) -> int:
        """Length of one vector."""
        return int(self.matrix.shape[1])

    @property
    def norms(self) -> Doubles:
        """(n,) float64, read-only: the length of each row of `matrix`, before any scale.

        Computed once, when first needed.
        """
        if self._norms is None:
            self._norms = search.row_norms(self.matrix)
            self._norms.flags.writeable = False
        return self._norms

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What `encode` cuts texts with, or None."""
        if self._tokenizer is None and self._tokenizer_spec is not None:
            from .tokens.protocol import make_tokenizer, tokenizer_from_config

            spec = self._tokenizer_spec
            if isinstance(spec, Mapping):
                self._tokenizer = tokenizer_from_config(spec)
            else:
                self._tokenizer = make_tokenizer(spec)
        return self._tokenizer

    def __reduce__(self) -> tuple[Any, ...]:
        """Make pickling and copying work, which the read-only mappings would not."""
        state = {
            "tokenizer": self._tokenizer_spec,
            "settings": dict(self.settings),
            "training": None if self.training is None else dict(self.training),
            "scales": self.scales,
            "subwords": self.subwords,
        }
        return _rebuilt, (self.tokens, self.matrix, self.counts, state)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return self._find(token) >= 0

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __getitem__(self, token: str | Sequence[str]) -> Floats:
        """Return the vector (dim,) of a token, or those (length, dim) of a list, float32.

        One token of a float32 matrix gives a read-only view of it, all else a new array.

        Raises:
            UnknownTokenError: A token is not here; the message names near spellings.
            TypeError: Neither a token nor a list of tokens.
        """
        if not isinstance(token, str):
            return self._look_up(token)[1]
        i = self._find(token) if self.matrix.dtype == np.float32 else -1
        row: Floats = self.matrix[i] if i >= 0 else self._row(token)
        return row

    def encode(
        self,
        texts: Iterable[str | PurePath | Iterable[str]],
        *,
        weights: Literal["sif"] | None = None,
    ) -> Floats:
        """Return one vector for each text: the mean of the vectors of its tokens.

        Unknown tokens are left out. A text without any known token gets the zero vector.

        Args:
            texts: Texts (paths of recordings, where the tokenizer reads audio), or token lists.
            weights: None: every token counts the same. "sif": a token of relative frequency p
                counts a / (a + p), a = 0.001, so that frequent words count little (smooth inverse
                frequency, Arora, Liang and Ma, ICLR 2017, algorithm 1, line 2; its line 6, removing
                the first singular vector, depends on all texts together and is left to the caller).
                As there, the weighted sum is divided by the number of tokens.

        Returns:
            (texts, dim) float32, a new array.

        Raises:
            TypeError: `texts` is one text; or a text is given, and there is no tokenizer for it.
            ValueError: Unknown `weights`, or "sif" without counts.
        """
        if isinstance(texts, str | PurePath):
            given = type(texts).__name__
            raise TypeError(f"encode takes several texts, got one {given}; write encode([text]).")
        numbering, token_weights = self._numbering(), self._token_weights(weights)

        def take(ids: Ids) -> Array:
            rows = numbering.rows(ids)
            if token_weights is None:
                return rows
            known = ids < len(self)  # others were never seen in the corpus: weight 1
            return rows * np.where(known, token_weights[np.where(known, ids, 0)], 1)[:, None]

        tokenizer = self._needed_tokenizer
        return Sentences(tokenizer, numbering, take, self.dim).means(texts)

    def embedding_matrix(
        self,
        vocab: Vocabulary | Sequence[str],
        *,
        missing: Literal["zeros", "random"] = "zeros",
        lower: bool = False,
        seed: int = 1,
    ) -> tuple[Floats, Bools]:
        """Arrange the vectors in the order of another vocabulary, for an embedding layer.

        Args:
            vocab: A `Vocabulary`, or tokens in id order.
            missing: Rows of tokens without a vector: "zeros", or "random" numbers, even within
                ±0.5 / dim as at the start of a training. The padding token has zeros always.
            lower: Where a token is not here, try it in lower case.
            seed: Of the random numbers.

        Returns:
            (len(vocab), dim) float32, a new array: row ``i`` is the vector of token ``i``. Special
            tokens count as missing. And (len(vocab),) bool: those that have a vector, subwords
            included.

        Raises:
            ValueError: `missing` has another value.
        """
        if missing not in ("zeros", "random"):
            raise ValueError(f"missing must be 'zeros' or 'random', got {missing!r}.")
        specials = set(getattr(vocab, "specials", ()))
        wanted = vocab if isinstance(vocab, Sequence) else vocab.tokens
        numbering = self._numbering(lower=lower)
        ids = numbering.all_ids(None if token in specials else token for token in wanted)
        found = ids >= 0
        matrix = np.zeros((len(ids), self.dim), dtype=np.float32)
        if missing == "random":
            rng, bound = np.random.default_rng(seed), 0.5 / self.dim
            matrix[:] = rng.uniform(-bound, bound, matrix.shape)
            matrix[
                [i for i, token in enumerate(wanted) if token == getattr(vocab, "pad", None)]
            ] = 0
        matrix[found] = numbering.rows(ids[found])
        return matrix, found

    def save(self, path: str | os.PathLike[str], *, training_state: bool = True) -> None:
        """Save as a model folder, which `load`, model2vec and sentence-transformers open.

        An older model at `path` is replaced all at once, or on any failure left as it was.

        Args:
            path: The folder.
            training_state: Also save what training can go on from, where there is such.

        Raises:
            FormatError: `path` holds something that is not a model.
            OSError: It cannot be written, for example because the disk is full.
        """
        folder.check_target(path)  # before the work of describing the tokenizer
        config, hf_tokenizer = self._described_tokenizer()
        data = folder.ModelData(
            tokens=self.tokens,
            matrix=self.matrix,
            counts=self.counts,
            tokenizer=config,
            vocabulary={"min_count": self.settings.get("min_count"), "specials": []},
            settings=self.settings,
            training=self.training if training_state else None,
            tensors=self._tensors(),
            hf_tokenizer=hf_tokenizer,
        )
        folder.write_folder(path, data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vectors:
        """Open saved vectors; see `sajeon.load`."""
        data = folder.read_folder(path)
        return cls(
            data.tokens,
            data.matrix,
            data.counts,
            tokenizer=data.tokenizer,
            settings=data.settings,
            training=data.training,
            scales=data.tensors.get("scales"),
            subwords=subwords_of(str(path), data.tensors, data.settings),
        )

    def __repr__(self) -> str:
        model = self.settings.get("model")
        return f"<Vectors: {len(self):,} tokens, dim {self.dim}{f', {model}' if model else ''}>"

    def _repr_html_(self) -> str:
        from .explore.notebook import table

        return table(self)

    def map(self, limit: int = 2000, *, method: Literal["pca", "tsne"] = "pca") -> Map:
        """Return a map of the most frequent tokens, which a notebook shows.

        ``sajeon explore`` is the same page for any number of tokens, with more views.

        Args:
            limit: How many tokens.
            method: "pca", at once; or "tsne", which keeps neighbours together, takes a while, and
                is kept in the user's cache for next time.

        Raises:
            MissingExtraError: "tsne", and openTSNE is not installed.
            ValueError: `limit` is less than 1, or the method is another.
        """
        from .explore.notebook import map_of

        return map_of(self, limit, method)

    def _described_tokenizer(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """Return the tokenizer as config.json and, where it can be, as tokenizer.json has it."""
        if self.tokenizer is None:
            return None, None
        from .tokens.protocol import tokenizer_to_config

        config = tokenizer_to_config(self.tokenizer)
        if self.scales is not None:  # of which other tools know nothing
            return config, None
        return config, huggingface.tokenizer_json(self.tokenizer, self.tokens)

    def _tensors(self) -> dict[str, Array]:
        """Return what is saved beside matrix and counts."""
        tensors: dict[str, Array | None] = {"scales": self.scales}
        if self.subwords is not None:
            tensors |= {"subwords": self.subwords.matrix, "subwords.rows": self.subwords.rows}
        return {name: tensor for name, tensor in tensors.items() if tensor is not None}

    def _rows(self, ids: Ids) -> Floats:
        # `take` reads a few rows in a third of the time of indexing.
        rows: Floats = self.matrix.take(ids, axis=0).astype(np.float32, copy=False)
        return rows if self.scales is None else rows * self.scales[ids, None]

    def _find(self, token: object) -> int:
        """Return the id of a token, or -1; in the other Unicode form where this one is not here."""
        if not isinstance(token, str):
            return -1
        i = self._found.get(token)
        if i is None:
            i = self._sought(token)
            if len(self._found) >= _KEPT:
                self._found.clear()
            if len(token) <= _KEPT_LENGTH:
                self._found[token] = i
        return i

    def _sought(self, token: str) -> int:
        i = self.tokens.find(token)
        if i < 0 and not token.isascii():
            for form in ("NFC", "NFD"):  # a file from elsewhere may hold either
                i = max(i, self.tokens.find(unicodedata.normalize(form, token)))
        return i

    def _id(self, token: str) -> int:
        i = self._find(token)
        if i < 0:
            from .formats.spelling import near_spellings

            near = near_spellings(self.tokens, token)
            raise UnknownTokenError(token, num_tokens=len(self), suggestions=near)
        return i

    def _numbering(self, *, lower: bool = False) -> Numbering:
        return Numbering(self._find, self.tokens, self._rows, self.subwords, lower=lower)

    def _look_up(self, tokens: Sequence[str]) -> tuple[Ids, Floats]:
        if not isinstance(tokens, (Sequence, np.ndarray)) or not all(
            isinstance(token, str) for token in tokens
        ):
            raise TypeError(f"expected a token or a list of tokens, got {str(tokens)[:60]!r}.")
        numbering = self._numbering()
        ids = numbering.all_ids(map(str, tokens))
        for i in np.flatnonzero(ids < 0)[:1]:
            self._id(str(tokens[i]))  # raises the error
        return np.where(ids < len(self), ids, -1), numbering.rows(ids)

    def _needed_tokenizer(self) -> Tokenizer:
        if self.tokenizer is None:
            raise TypeError(
                "these vectors have no tokenizer; give token lists, or "
                "Vectors(..., tokenizer='words')."
            )
        return self.tokenizer

    def _token_weights(self, weights: str | None) -> Floats | None:
        if weights is None:
            return None
        if weights != "sif":
            raise ValueError(f"weights must be None or 'sif', got {weights!r}.")
        if self.counts is None:
            raise ValueError("weights='sif' needs the tokens' counts, which these vectors lack.")
        return pooling.sif_weights(self.counts)

    def _check_shapes(self) -> None:
        num, shape = len(self.tokens), self.matrix.shape
        if len(shape) != 2 or shape[0] != num or shape[1] == 0:
            raise ValueError(f"matrix must be ({num}, dim) for {num} tokens, got {shape}.")
        if self.counts is not None and self.counts.shape != (num,):
            raise ValueError(f"counts must be ({num},) for {num} tokens, got {self.counts.shape}.")
        if (self.scales is None) == (self.matrix.dtype == np.int8):
            given = "none" if self.scales is None else f"them for {self.matrix.dtype}"
            raise ValueError(f"an int8 matrix, and no other, needs scales; got {given}.")
        if self.scales is not None and self.scales.shape != (num,):
            raise ValueError(f"scales must be ({num},) for {num} tokens, got {self.scales.shape}.")


def _rebuilt(tokens: TokenTable, matrix: Array, counts: Array | None, state: Any) -> Vectors:
    return Vectors(tokens, matrix, counts, **state)


def _read_only(values: Array | Sequence[int], dtype: np.dtype[Any]) -> Array:
    view = np.asarray(values, dtype=dtype).view()  # a padded table is held as it is, not copied
    view.flags.writeable = False
    return view


def _table_dtype(matrix: Array) -> np.dtype[Any]:
    """Return the dtype in which a matrix is held."""
    dtype = np.asarray(matrix).dtype
    return dtype if dtype in (np.float16, np.int8) else np.dtype(np.float32)
