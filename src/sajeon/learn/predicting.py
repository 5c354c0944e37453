"""Skip-gram and CBOW: vectors of words that predict words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ..errors import FormatError
from ..subwords import NGrams, Subwords
from .blocks import BLOCK_LENGTH
from .method import Learned, Method, Run, check_whole
from .subword import LENGTH as SUBWORD_LENGTH
from .subword import MERGE_STRENGTH as SUBWORD_STRENGTH
from .subword import NGramRows, SubwordWord2Vec
from .word2vec import MERGE_STRENGTH, REUSE, Word2Vec, check_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..corpus import Corpus
    from ..types import Counts, Ids, Ids32
    from .trainer import FirstValues, Trained

DEFAULT_LR = {"skipgram": 0.025, "cbow": 0.05}
"""As in the released word2vec. (gensim's default is 0.025 for both.)"""

_SUBWORD_LR = 0.05
"""As in fastText. 0.025 was worse on 12 MB of English: .3883 to .4526, mean of five test sets."""

_FINAL_LR = 0.004
"""The learning rate ends at this part of where it began: 0.025 falls to 0.0001, as in word2vec."""


@dataclass(frozen=True, kw_only=True)
class Predicting(Method):
    """Skip-gram or CBOW.

    Attributes:
        model: Which of the two.
        negatives: Noise words drawn against each right one.
        epochs: Passes over the corpus.
        lr: Learning rate at the start; None: `DEFAULT_LR`, with subwords 0.05.
        noise_exponent: Noise words are drawn by count to this power.
        loss: How a prediction is judged.
        subwords: Which n-grams of words are learned too, see `subwords.NGrams.parse`; None: none.
    """

    model: Literal["skipgram", "cbow"]
    negatives: int
    epochs: int = 5
    lr: float | None = None
    noise_exponent: float
    loss: Literal["negative"]
    subwords: str | None = None

    version: ClassVar[int] = 2
    shape: ClassVar[tuple[str, ...] | None] = ("model", "dim", "loss", "subwords")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss != "negative":
            raise ValueError(f"loss must be 'negative' (negative sampling); got {self.loss!r}")
        for name in ("negatives", "epochs"):
            check_whole(name, getattr(self, name), least=1)
        check_window(
            self.window, self.negatives, BLOCK_LENGTH if self.subwords is None else SUBWORD_LENGTH
        )
        if self.subwords is not None:
            object.__setattr__(self, "subwords", str(NGrams.parse(self.subwords)))
        if self.lr is None:
            lr = DEFAULT_LR[self.model] if self.subwords is None else _SUBWORD_LR
            object.__setattr__(self, "lr", lr)
        self.check_number("lr", lambda x: 0 < x < 10, "above 0 and below 10")
        self.check_number("noise_exponent", lambda x: -10 <= x <= 10, "from -10 to 10")

    def learn(self, corpus: Corpus, run: Run) -> Learned:
        """See `method.Method`."""
        if self.subwords is not None:
            return self._learn_subwords(corpus, NGrams.parse(self.subwords), run)
        objective = Word2Vec(*_arrays(corpus), **self._options())
        trained = self._fit(objective, corpus, run, _first_values(run))
        output = trained.tables["output"]
        return Learned(trained.tables["input"], {"output": output}, self._algorithm(trained))

    def _learn_subwords(self, corpus: Corpus, ngrams: NGrams, run: Run) -> Learned:
        rows = NGramRows.of(corpus.vocab, ngrams)
        objective = SubwordWord2Vec(*_arrays(corpus), rows, **self._options())
        trained = self._fit(objective, corpus, run, _first_subwords(run, rows))
        words, table = trained.tables["input"], np.ascontiguousarray(trained.tables["ngrams"])
        return Learned(
            rows.compose(words, table),
            {"input": words, "output": trained.tables["output"]},
            self._algorithm(trained),
            Subwords(table, ngrams, rows.of_bucket),
        )

    def _fit(
        self, objective: Word2Vec, corpus: Corpus, run: Run, first: Mapping[str, FirstValues]
    ) -> Trained:
        assert self.lr is not None  # since __post_init__
        return run.fit(
            objective, len(corpus.ids), epochs=self.epochs, lr=self.lr,
            lr_end=self.lr * _FINAL_LR, first_values=first,
        )  # fmt: skip

    def _options(self) -> dict[str, Any]:
        names = ("model", "dim", "window", "negatives", "sample", "noise_exponent", "seed")
        return {name: getattr(self, name) for name in names}

    def _algorithm(self, trained: Trained) -> dict[str, Any]:
        strengths = MERGE_STRENGTH[self.model]
        merge = {"rule": "contraction", "input": strengths[0], "output": strengths[1]}
        length = BLOCK_LENGTH
        if self.subwords is not None:
            merge |= {"ngrams": SUBWORD_STRENGTH[self.model]}
            length = SUBWORD_LENGTH
        return {"blocks": trained.per_round, "length": length, "reuse": REUSE, "merge": merge}


def _arrays(corpus: Corpus) -> tuple[Ids32, Ids, Counts]:
    assert corpus.vocab.counts is not None  # a corpus always has them
    return corpus.ids, corpus.offsets, corpus.vocab.counts


def _first_values(run: Run) -> Mapping[str, FirstValues]:
    if run.start is None:
        return {}
    tables = {"input": run.start.input()}
    if "output" in run.start.training:
        tables["output"] = run.start.training["output"]
    else:
        run.report.note(
            "hint: the model to start from was saved without the table that words are predicted "
            "with, so that one is learned anew and old words may move more than they need to"
        )
    return run.start.first_values(tables)


def _first_subwords(run: Run, rows: NGramRows) -> Mapping[str, FirstValues]:
    """Return first values of words and n-grams; both tables of words must have been saved."""
    if run.start is None:
        return {}
    old, training = run.start.vectors.subwords, run.start.training
    if old is None or not {"input", "output"} <= set(training):
        raise FormatError(
            "the model to start from was saved without its training state; with subwords, the "
            "rows of words apart from those of their n-grams are needed: train it anew"
        )
    assert old.rows is not None  # as we save them
    both = np.flatnonzero((rows.of_bucket >= 0) & (old.rows >= 0))
    first = run.start.first_values({name: training[name] for name in ("input", "output")})
    return {**first, "ngrams": (rows.of_bucket[both], old.matrix[old.rows[both]])}
