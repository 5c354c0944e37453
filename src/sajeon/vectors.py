"""Word vectors as a user keeps them: tokens, a matrix, counts; read-only, mapped if loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from . import pooling, search
from .errors import UnknownTokenError
from .formats import folder, huggingface
from .formats.tokentable import TokenTable

if TYPE_CHECKING:
    from .tokens.protocol import Tokenizer
    from .types import Array, Bools, Counts, Doubles, Floats, Ids
    from .vocab import Vocabulary

    Query: TypeAlias = str | Sequence[str] | Array
    TokenizerSpec: TypeAlias = str | Tokenizer | Callable[[Any], Iterable[str]] | Mapping[str, Any]


class Vectors:
    """Tokens and their vectors.

    Args:
        tokens: The n tokens in id order, distinct; usually by falling frequency.
        matrix: (n, dim) float32. Row ``i`` is the vector of token ``i``. Held, not copied.
        counts: (n,) int64. How often each token occurred in the corpus, or None.
        tokenizer: What cuts a text into these tokens: a tokenizer, its name, a function, or its
            description from config.json. None: texts cannot be cut, token lists still work.
        settings: JSON values: how the vectors were trained, saved as they are.
        training: Arrays from which training can go on, by name, such as ``{"output": (n, dim)}``.

    Attributes:
        tokens: The tokens, a read-only sequence of str; of loaded vectors decoded on demand.
        matrix: (n, dim) float32, read-only; of loaded vectors a view of the file.
        counts: (n,) int64, read-only, or None.

    Raises:
        ValueError: Shapes that do not fit, or a token that stands twice.

    >>> vectors = Vectors(["cat", "dog"], np.array([[1.0, 0.0], [0.6, 0.8]]))
    >>> round(vectors.similarity("cat", "dog"), 3)
    0.6
    """

    def __init__(
        self,
        tokens: Iterable[str],
        matrix: Array,
        counts: Array | Sequence[int] | None = None,
        *,
        tokenizer: TokenizerSpec | None = None,
        settings: Mapping[str, Any] | None = None,
        training: Mapping[str, Array] | None = None,
    ) -> None:
        self.tokens = tokens if isinstance(tokens, TokenTable) else TokenTable.from_tokens(tokens)
        self.matrix: Floats = _read_only(matrix, np.dtype(np.float32))
        self.counts: Counts | None = None
        if counts is not None:
            self.counts = _read_only(counts, np.dtype(np.int64))
        self.settings: Mapping[str, Any] = MappingProxyType(dict(settings or {}))
        self.training = None if training is None else MappingProxyType(dict(training))
        self._tokenizer_spec = tokenizer
        self._tokenizer: Tokenizer | None = None
        self._norms: Doubles | None = None
        self._check_shapes()

    @property
    def dim(self) -> int:
        """Length of one vector."""
        return int(self.matrix.shape[1])

    @property
    def norms(self) -> Doubles:
        """(n,) float64, read-only: the length of each vector. Computed once, when first needed."""
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
        }
        return _rebuilt, (self.tokens, self.matrix, self.counts, state)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.tokens

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __getitem__(self, token: str | Sequence[str]) -> Floats:
        """Return the vector (dim,) of a token, or those (length, dim) of a list of tokens.

        One token gives a read-only view of the matrix, a list gives a new array.

        Raises:
            UnknownTokenError: A token is not here; the message names near spellings.
            TypeError: Neither a token nor a list of tokens.
        """
        rows: Floats = self.matrix[self._id(token) if isinstance(token, str) else self._ids(token)]
        return rows

    def nearest(self, query: Query, k: int = 10) -> list[tuple[str, float]]:
        """Find the `k` tokens most similar to a query.

        Args:
            query: A token; a vector (dim,); or a list of tokens, which stands for the mean of their
                vectors, each scaled to length 1 first.
            k: How many; fewer are returned where there are fewer.

        Returns:
            ``(token, cosine)``, the most similar first. Tokens of the query are left out.

        Raises:
            UnknownTokenError: A token of the query is not here.
            ValueError: `k` is less than 1, or the vector has another shape or is not finite.
        """
        if isinstance(query, np.ndarray):
            return self._nearest(self._checked(query), k, np.zeros(0, np.int64))
        ids = self._ids([query] if isinstance(query, str) else query)
        if not ids.size:
            raise ValueError("nearest needs at least one token, got an empty list.")
        return self._nearest(search.unit(self.matrix[ids]).mean(axis=0), k, ids)

    def analogy(self, a: str, b: str, c: str, k: int = 5) -> list[tuple[str, float]]:
        """Complete "a is to b as c is to ...": the tokens nearest to b - a + c.

        The three vectors are scaled to length 1 first (3CosAdd: Levy and Goldberg, CoNLL 2014,
        equation 2). `a`, `b` and `c` are left out of the answer.

        Returns:
            ``(token, cosine)``, the best first, `k` of them.

        Raises:
            UnknownTokenError: One of the three is not here.
            ValueError: `k` is less than 1.
        """
        ids = self._ids([a, b, c])
        first, second, third = search.unit(self.matrix[ids])
        return self._nearest(second - first + third, k, ids)

    def similarity(self, a: str | Array, b: str | Array) -> float:
        """Return the cosine of two tokens or vectors (dim,), from -1 to 1; 0 for a zero vector.

        Raises:
            UnknownTokenError: A token is not here.
            ValueError: A vector has another shape or is not finite.
        """
        one, other = (self[x] if isinstance(x, str) else self._checked(x) for x in (a, b))
        return float(search.cosine(one, other))

    def encode(
        self,
        texts: Iterable[str | Iterable[str]],
        *,
        weights: Literal["sif"] | None = None,
    ) -> Floats:
        """Return one vector for each text: the mean of the vectors of its tokens.

        Unknown tokens are left out. A text without any known token gets the zero vector.

        Args:
            texts: Texts, or token lists.
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
        if isinstance(texts, str):
            raise TypeError("encode takes several texts, got one str; write encode([text]).")
        known: dict[str, int] = {}
        bags = (self._known_ids(item, known) for item in texts)
        return pooling.mean_rows(self.matrix, bags, self._token_weights(weights))

    def embedding_matrix(self, vocab: Vocabulary | Sequence[str]) -> tuple[Floats, Bools]:
        """Arrange the vectors in the order of another vocabulary, for an embedding layer.

        Args:
            vocab: A `Vocabulary`, or tokens in id order.

        Returns:
            (len(vocab), dim) float32, a new array: row ``i`` is the vector of token ``i``, zero for
            special tokens and for those that are not here. And (len(vocab),) bool: those found.
        """
        specials = set(getattr(vocab, "specials", ()))
        wanted = vocab if isinstance(vocab, Sequence) else vocab.tokens
        ids = self.tokens.ids(None if token in specials else token for token in wanted)
        found = ids >= 0
        matrix = np.zeros((len(ids), self.dim), dtype=np.float32)
        matrix[found] = self.matrix[ids[found]]
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
            hf_tokenizer=hf_tokenizer,
        )
        folder.write_folder(path, data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vectors:
        """Open saved vectors; see `load`."""
        data = folder.read_folder(path)
        return cls(
            data.tokens,
            data.matrix,
            data.counts,
            tokenizer=data.tokenizer,
            settings=data.settings,
            training=data.training,
        )

    def __repr__(self) -> str:
        model = self.settings.get("model")
        return f"<Vectors: {len(self):,} tokens, dim {self.dim}{f', {model}' if model else ''}>"

    def _described_tokenizer(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """Return the tokenizer as config.json and, where it can be, as tokenizer.json has it."""
        if self.tokenizer is None:
            return None, None
        from .tokens.protocol import tokenizer_to_config

        hf_tokenizer = huggingface.tokenizer_json(self.tokenizer, self.tokens)
        return tokenizer_to_config(self.tokenizer), hf_tokenizer

    def _id(self, token: str) -> int:
        i = self.tokens.find(token)
        if i < 0:
            from .formats.spelling import near_spellings

            near = near_spellings(self.tokens, token)
            raise UnknownTokenError(token, num_tokens=len(self), suggestions=near)
        return i

    def _ids(self, tokens: Sequence[str]) -> Ids:
        if not isinstance(tokens, (Sequence, np.ndarray)) or not all(
            isinstance(token, str) for token in tokens
        ):
            raise TypeError(f"expected a token or a list of tokens, got {str(tokens)[:60]!r}.")
        return np.array([self._id(str(token)) for token in tokens], dtype=np.int64)

    def _checked(self, vector: Array) -> Doubles:
        doubles = np.asarray(vector, dtype=np.float64)
        if doubles.shape != (self.dim,):
            raise ValueError(f"expected a vector of shape ({self.dim},), got {doubles.shape}.")
        if not np.isfinite(doubles).all():
            raise ValueError("expected a vector of finite numbers, got NaN or infinity.")
        return doubles

    def _nearest(self, query: Doubles, k: int, exclude: Ids) -> list[tuple[str, float]]:
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}.")
        ids, scores = search.nearest(self.matrix, self.norms, query, k, exclude)
        pairs = zip(ids.tolist(), scores.tolist(), strict=True)
        return [(self.tokens[i], score) for i, score in pairs]

    def _known_ids(self, item: str | Iterable[str], known: dict[str, int]) -> Ids:
        """Return (known tokens,) int64; `known` remembers the ids of one call."""
        if isinstance(item, str):
            if self.tokenizer is None:
                raise TypeError(
                    "these vectors have no tokenizer; give token lists, or "
                    "Vectors(..., tokenizer='words')."
                )
            item = self.tokenizer.tokens(item)
        ids = []
        for token in item:
            i = known.get(token)
            if i is None:
                i = known[token] = self.tokens.find(token)
            if i >= 0:
                ids.append(i)
        return np.array(ids, dtype=np.int64)

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


def load(path: str | os.PathLike[str]) -> Vectors:
    """Open vectors that were saved with `Vectors.save` or ``sajeon train``.

    The folder is memory-mapped: opening takes milliseconds for any size, and processes that open
    the same model share its memory.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        FormatError: It is not a model folder of sajeon, damaged, or of a later format.
    """
    return Vectors.load(path)


def _rebuilt(tokens: TokenTable, matrix: Array, counts: Array | None, state: Any) -> Vectors:
    return Vectors(tokens, matrix, counts, **state)


def _read_only(values: Array | Sequence[int], dtype: np.dtype[Any]) -> Array:
    view = np.asarray(values, dtype=dtype).view()  # a padded table is held as it is, not copied
    view.flags.writeable = False
    return view
