"""LSA: a matrix of counts, weighed, and pressed into few columns by a singular value decomposition.

Contexts are the words around a word (weighed by PPMI: Levy, Goldberg and Dagan 2015), or the texts
that a word occurs in (by log-entropy: Dumais 1991; Landauer and Dumais 1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import CorpusError
from ..types import Counts, Doubles, Ids
from .cooccurrence import Cooccurrences, cooccurrences, documents, rows_of
from .method import Learned, Method, Run
from .spill import free_memory
from .svd import MOST_STEPS, TOLERANCE, Sparse, largest_singular

if TYPE_CHECKING:
    from ..corpus import Corpus

EIGENVALUES = (0.0, 0.5, 1.0)
_ROWS_AT_ONCE = 4096
_NOTHING = 1e-9  # what rounding leaves of a weight of 0
_BYTES = 16  # memory for an entry: column and value, of the matrix and its transpose


@dataclass(frozen=True, kw_only=True)
class Lsa(Method):
    """LSA.

    Attributes:
        model: Its name.
        noise_exponent: Probabilities of contexts are taken of their counts to this power.
        shift: PMI less the logarithm of this; the k negatives of skip-gram stand for the same.
        eigenvalues: The power of the singular values that the vectors are scaled by.
        contexts: What a word is counted with: "words" around it, or "documents" it occurs in.
    """

    model: Literal["lsa"]
    noise_exponent: float
    shift: float
    eigenvalues: float
    contexts: Literal["words", "documents"]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_number("noise_exponent", lambda x: -10 <= x <= 10, "from -10 to 10")
        self.check_number("shift", lambda x: 0 < x < 1e6, "above 0 (1 for none)")
        self.check_number("eigenvalues", lambda x: x in EIGENVALUES, "0, 0.5 or 1")
        if self.contexts not in ("words", "documents"):
            raise ValueError(f"contexts must be 'words' or 'documents'; got {self.contexts!r}")

    def learn(self, corpus: Corpus, run: Run) -> Learned:
        """See `method.Method`."""
        matrix = self._matrix(corpus, run)
        run.report.note(f"decomposing a matrix of {len(matrix.values):,} numbers")
        values, vectors = largest_singular(
            matrix, self.dim, seed=self.seed, threads=run.threads, note=run.report.note
        )
        found = len(values)
        if found < self.dim:
            run.report.note(
                f"warning: this text has {found} dimensions, fewer than the {self.dim} asked for; "
                "the rest of each vector is zeros: give more text, or a smaller --dim"
            )
        table = np.zeros((len(corpus.vocab), self.dim), np.float32)
        table[:, :found] = vectors * values**self.eigenvalues
        return Learned(table, {}, {"steps": MOST_STEPS, "tolerance": TOLERANCE})

    def _matrix(self, corpus: Corpus, run: Run) -> Sparse:
        if self.contexts == "documents":
            return log_entropy(documents(corpus), len(corpus.vocab)).transposed()
        counts = cooccurrences(
            corpus, window=self.window, decay="linear", sample=self.sample, seed=self.seed,
            threads=run.threads, note=run.report.note,
        )  # fmt: skip
        return ppmi(counts, exponent=self.noise_exponent, shift=self.shift)


def ppmi(counts: Cooccurrences, *, exponent: float, shift: float) -> Sparse:
    """Return the positive pointwise mutual information of words and their contexts.

    ``max(0, log(P(i, j) / (P(i) P'(j))) - log(shift))``, where P' is that of the counts to the
    power of `exponent` (Levy, Goldberg and Dagan 2015, sections 3.1 and 3.2).

    Raises:
        CorpusError: The matrix is larger than memory, or nothing was counted or is above chance.
    """
    if not len(counts):
        raise CorpusError(
            "no two words are left side by side once frequent ones are thinned out; give more "
            "text, or --sample 0"
        )
    sums = counts.sums().astype(np.float64)
    log_sums = np.log(np.maximum(sums, 1))
    smoothed = np.where(sums > 0, np.exp(exponent * log_sums), 0)
    log_contexts = np.log(np.maximum(smoothed, 1e-300)) - log(smoothed.sum()) + log(shift)
    _check_memory(len(counts))
    sizes, columns, values = [], [], []
    for row in range(0, counts.num_words, _ROWS_AT_ONCE):
        end = min(row + _ROWS_AT_ONCE, counts.num_words)
        some = slice(counts.begins[row], counts.begins[end])
        rows, others = rows_of(counts, row, end), np.asarray(counts.columns[some])
        pmi = np.log(counts.values[some]) - log_sums[rows] - log_contexts[others]
        kept = pmi > 0
        sizes.append(np.bincount(rows[kept] - row, minlength=end - row))
        columns.append(others[kept])
        values.append(pmi[kept].astype(np.float32))
    if not any(map(len, values)):
        raise CorpusError(
            f"no word stands with another more often than by chance (shift {shift:g}): there is "
            "nothing to learn; give more text, or a smaller --shift"
        )
    return Sparse(_begins(sizes), np.concatenate(columns), np.concatenate(values), counts.num_words)


def log_entropy(counts: Cooccurrences, num_words: int) -> Sparse:
    """Return a matrix of documents by words, weighed.

    ``log2(1 + n) * (1 + sum over documents of p log p / log N)`` for a word that occurs n times in
    this one of N documents, p being the shares of its occurrences that fall into each.

    Raises:
        CorpusError: The matrix is larger than memory, or there is but one document.
    """
    num_documents = len(counts.begins) - 1
    if num_documents < 2:
        raise CorpusError(
            "documents are the lines or texts of the source, and this one has a single one; give "
            "more, or take --contexts words"
        )
    _check_memory(len(counts))
    columns, n = np.asarray(counts.columns), np.asarray(counts.values).astype(np.float64)
    p = n / np.bincount(columns, n, minlength=num_words)[columns]
    entropy: Doubles = np.bincount(columns, p * np.log(p), minlength=num_words) / log(num_documents)
    values = np.log2(1 + n) * (1 + entropy)[columns]
    if values.max() < _NOTHING:
        raise CorpusError(
            "every word is spread evenly over all texts, so they tell nothing; give other texts, "
            "or take --contexts words"
        )
    return Sparse(counts.begins, columns, values.astype(np.float32), num_words)


def _begins(sizes: list[Counts]) -> Ids:
    return np.cumsum(np.concatenate([[0], *sizes]))


def _check_memory(entries: int) -> None:
    needed, free = _BYTES * entries, free_memory()
    if needed > free:
        raise CorpusError(
            f"{entries / 1e6:,.0f} million counts need {needed / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free; take a larger --min-count, a smaller --window, or "
            "--model glove, which keeps them on disk"
        )
