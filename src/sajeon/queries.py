"""What tokens and their vectors can be asked: neighbours, analogies, similarities, ranks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from . import search

if TYPE_CHECKING:
    from .types import Array, Doubles, Floats, Ids

    Query: TypeAlias = str | Sequence[str] | Array
    Scored: TypeAlias = list[tuple[str, float]]

_PREDICATE_FIRST = 8  # neighbours fetched for each one wanted, where a predicate drops some
_PREDICATE_MORE = 8  # by how many times more are fetched where these did not do


class Queries(ABC):
    """The questions; what is asked is what a subclass keeps.

    Attributes:
        tokens: The n tokens in id order.
        matrix: (n, dim) float32, float16 or int8, whose rows have the directions of the vectors.
    """

    tokens: Sequence[str]
    matrix: Array

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of one vector."""

    @property
    @abstractmethod
    def norms(self) -> Doubles:
        """(n,) float64: the length of each row of `matrix`."""

    @abstractmethod
    def _id(self, token: str) -> int:
        """Return the id of a token, or raise UnknownTokenError."""

    @abstractmethod
    def _look_up(self, tokens: Sequence[str]) -> tuple[Ids, Floats]:
        """Return (tokens,) int64 ids and (tokens, dim) float32 vectors of tokens.

        Where subwords make the vector of a token that has no id, the id is -1.

        Raises:
            UnknownTokenError: A token has no vector.
            TypeError: `tokens` is something else than a list of tokens.
        """

    def nearest(
        self,
        query: Query,
        k: int = 10,
        *,
        negative: str | Sequence[str] = (),
        weights: Sequence[float] | Array | None = None,
        restrict: int | None = None,
        where: Callable[[str], bool] | None = None,
    ) -> Scored:
        """Find the `k` tokens most similar to a query.

        The vectors of a query are scaled to length 1 and summed; gensim's ``most_similar`` does the
        same, except that a vector given as an array keeps its length there.

        Args:
            query: A token; a vector (dim,); or a list of tokens, which stands for the mean of their
                vectors.
            k: How many; fewer are returned where there are fewer.
            negative: Tokens to be far from: their vectors are subtracted.
            weights: What to multiply the vectors of the query by, one number for each token.
            restrict: Look among the first so many tokens only, usually the most frequent.
            where: Look only among the tokens of which this is true. A Python call for each token
                looked at: those in order of similarity until `k` are found, so a predicate that few
                tokens pass is slow.

        Returns:
            ``(token, cosine)``, the most similar first. Tokens of the query are left out.

        Raises:
            UnknownTokenError: A token of the query is not here.
            ValueError: `k` or `restrict` is less than 1, the vector has another shape or is not
                finite, there is no token, or the weights are not one finite number for each.
        """
        _check_at_least_one("k", k)
        units, ids = self._units(query)
        if weights is not None:
            units = units * _checked_weights(weights, units, query)[:, None]
        away, rows = self._look_up([negative] if isinstance(negative, str) else negative)
        total = units.sum(axis=0) - search.unit(rows).sum(axis=0)
        exclude = np.concatenate([ids, away])
        exclude = exclude[exclude >= 0]
        if where is None:
            return self._named(search.nearest(*self._table(restrict), total, k, exclude))
        return self._nearest_where(total, k, exclude, restrict, where)

    def analogy(
        self,
        a: str,
        b: str,
        c: str,
        k: int = 5,
        *,
        method: Literal["add", "mul"] = "add",
        restrict: int | None = None,
    ) -> Scored:
        """Complete "a is to b as c is to ...".

        The three vectors are scaled to length 1 first, and the tokens left out of the answer.

        Args:
            a: A token.
            b: What it is to.
            c: What the answer is to.
            k: How many answers.
            method: "add": the tokens nearest to b - a + c (3CosAdd: Levy and Goldberg, CoNLL 2014,
                equation 2). "mul": those with the highest sim(b) * sim(c) / (sim(a) + 0.001), sim
                being (1 + cosine) / 2 (3CosMul: equation 4 there and footnote 7), in which no
                single similarity outweighs the others. gensim's ``most_similar_cosmul`` adds
                0.000001 where the paper adds 0.001.
            restrict: Look among the first so many tokens only, usually the most frequent.

        Returns:
            ``(token, score)``, the best first: cosines for "add".

        Raises:
            UnknownTokenError: One of the three is not here.
            ValueError: `k` or `restrict` is less than 1, or the method is another.
        """
        _check_at_least_one("k", k)
        ids, rows = self._look_up([a, b, c])
        ids = ids[ids >= 0]
        first, second, third = search.unit(rows)
        table = self._table(restrict)
        if method == "add":
            return self._named(search.nearest(*table, second - first + third, k, ids))
        if method != "mul":
            raise ValueError(f"method must be 'add' or 'mul', got {method!r}.")
        positive, negative = np.stack([second, third]), first[None]
        return self._named(search.nearest_by_product(*table, positive, negative, k, ids))

    def search(
        self, queries: Array | Sequence[str], k: int = 10, *, restrict: int | None = None
    ) -> tuple[Ids, Doubles]:
        """Find the `k` nearest tokens to each of many queries at once, many times faster.

        Args:
            queries: (queries, dim), or a list of tokens, each a query of its own that is left out
                of its answer.
            k: How many for each.
            restrict: Look among the first so many tokens only, usually the most frequent.

        Returns:
            (queries, k) int64 ids, ``vectors.tokens[i]`` being the token, and (queries, k) float64
            cosines, the most similar first. `k` is at most the number of tokens looked at. Where
            a query has fewer neighbours the id is -1 and the cosine -inf.

        Raises:
            UnknownTokenError: One of the tokens is not here.
            ValueError: `k` or `restrict` is less than 1, or the array has another shape or holds
                NaN or infinity.
            TypeError: `queries` is one token.
        """
        _check_at_least_one("k", k)
        if isinstance(queries, str):
            raise TypeError("search takes several queries, got one str; write search([token]).")
        table = self._table(restrict)
        if isinstance(queries, np.ndarray) and queries.dtype.kind not in "UO":
            return search.nearest_many(*table, search.unit(self._checked(queries, many=True)), k)
        ids, rows = self._look_up(list(queries))
        return search.nearest_many(*table, search.unit(rows), k, ids[:, None])

    def similarity(self, a: str | Array, b: str | Array) -> float:
        """Return the cosine of two tokens or vectors (dim,), from -1 to 1; 0 for a zero vector.

        Raises:
            UnknownTokenError: A token is not here.
            ValueError: A vector has another shape or is not finite.
        """
        one, other = (self._row(x) if isinstance(x, str) else self._checked(x) for x in (a, b))
        return float(search.cosine(one, other))

    def rank(self, a: str, b: str) -> int:
        """Return the place of `b` among the neighbours of `a`, 1 being the nearest.

        Tokens as near as `b` share its place.

        Raises:
            UnknownTokenError: One of them is not here.
            ValueError: The vector of one holds NaN or infinity.
        """
        return len(self._closer(a, b)) + 1

    def closer_than(self, a: str, b: str) -> list[str]:
        """Return the tokens nearer to `a` than `b` is, in id order, `a` left out.

        Raises:
            UnknownTokenError: One of them is not here.
            ValueError: The vector of one holds NaN or infinity.
        """
        return [self.tokens[i] for i in self._closer(a, b).tolist()]

    def doesnt_match(self, tokens: Sequence[str]) -> str:
        """Return the token that is farthest from the mean of all given, each scaled to length 1.

        Of equally far ones the first. gensim's passes over unknown tokens, here they are an error.

        Raises:
            UnknownTokenError: One of them is not here.
            ValueError: There is none.
            TypeError: `tokens` is one token.
        """
        if isinstance(tokens, str):
            raise TypeError("doesnt_match takes several tokens, got one str; write a list.")
        _, rows = self._look_up(tokens)
        if not len(rows):
            raise ValueError("doesnt_match needs at least one token, got none.")
        units = search.unit(rows)
        return str(tokens[int(np.argmin(search.cosine(units, units.mean(axis=0))))])

    def _units(self, query: Query) -> tuple[Doubles, Ids]:
        """Return (tokens, dim) float64 vectors of length 1, and the ids of the tokens if such."""
        if isinstance(query, np.ndarray) and query.dtype.kind not in "UO":
            return search.unit(self._checked(query)[None]), np.zeros(0, np.int64)
        ids, rows = self._look_up([query] if isinstance(query, str) else list(query))
        if not ids.size:
            raise ValueError("nearest needs at least one token, got an empty list.")
        return search.unit(rows), ids

    def _nearest_where(
        self,
        query: Doubles,
        k: int,
        exclude: Ids,
        restrict: int | None,
        where: Callable[[str], bool],
    ) -> Scored:
        """Ask the predicate about one neighbour after another, fetching more while too few pass.

        The first neighbours are the same however many are fetched, so none is asked about twice.
        """
        table = self._table(restrict)
        passed: Scored = []
        seen, fetch = 0, _PREDICATE_FIRST * k
        while True:
            ids, scores = search.nearest(*table, query, fetch, exclude)
            for i, score in zip(ids[seen:].tolist(), scores[seen:].tolist(), strict=True):
                token = self.tokens[i]
                if where(token):
                    passed.append((token, score))
                    if len(passed) == k:
                        return passed
            if len(ids) < fetch:
                return passed
            seen, fetch = len(ids), _PREDICATE_MORE * fetch

    def _closer(self, a: str, b: str) -> Ids:
        """Return (found,) int64: the tokens nearer to `a` than `b` is."""
        query, row = self._id(a), self._id(b)
        for i in (query, row):
            if not np.isfinite(self.norms[i]):
                raise ValueError(f"the vector of {self.tokens[i]!r} holds NaN or infinity.")
        closer = search.closer(self.matrix, self.norms, self._row(a), row)
        others: Ids = closer[closer != query]
        return others

    def _table(self, restrict: int | None) -> tuple[Array, Doubles]:
        """Return the part of the matrix that is searched, and the lengths of its rows."""
        if restrict is None:
            return self.matrix, self.norms
        _check_at_least_one("restrict", restrict)
        return self.matrix[:restrict], self.norms[:restrict]

    def _row(self, token: str) -> Floats:
        """Return (dim,) float32: the vector of a token."""
        row: Floats = self._look_up([token])[1][0]
        return row

    def _checked(self, vectors: Array, *, many: bool = False) -> Doubles:
        doubles = np.asarray(vectors, dtype=np.float64)
        if doubles.ndim != 1 + many or doubles.shape[-1] != self.dim:
            expected = f"an array of shape (queries, {self.dim})" if many else None
            expected = expected or f"a vector of shape ({self.dim},)"
            raise ValueError(f"expected {expected}, got {doubles.shape}.")
        if not np.isfinite(doubles).all():
            raise ValueError("expected a vector of finite numbers, got NaN or infinity.")
        return doubles

    def _named(self, found: tuple[Ids, Doubles]) -> Scored:
        pairs = zip(found[0].tolist(), found[1].tolist(), strict=True)
        return [(self.tokens[i], score) for i, score in pairs]


def _check_at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}.")


def _checked_weights(weights: Sequence[float] | Array, units: Doubles, query: Query) -> Doubles:
    """Return (tokens,) float64."""
    if isinstance(query, np.ndarray):
        raise ValueError("weights go with a list of tokens, got a vector; multiply it instead.")
    doubles = np.asarray(weights, dtype=np.float64)
    if doubles.shape != (len(units),):
        raise ValueError(
            f"expected {len(units)} weights, one for each token, got shape {doubles.shape}."
        )
    if not np.isfinite(doubles).all():
        raise ValueError("expected finite weights, got NaN or infinity.")
    return doubles
