"""Skip-gram and CBOW: vectors of words that predict words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ..errors import FormatError
from ..subwords import NGrams, Subwords
from .blocks import BLOCK_LENGTH
from .hierarchical import HierarchicalWord2Vec
from .method import Learned, Method, Run, check_whole
from .progress import clock
from .softmax import SoftmaxWord2Vec
from .subword import LENGTH as SUBWORD_LENGTH
from .subword import NGramRows, SubwordWord2Vec
from .word2vec import REUSE, Word2Vec, check_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..corpus import Corpus
    from ..types import Counts, Ids, Ids32
    from .objective import Objective
    from .trainer import FirstValues, Trained

DEFAULT_LR = {"skipgram": 0.025, "cbow": 0.05}
"""As in the released word2vec. (gensim's default is 0.025 for both.)"""

_SUBWORD_LR = 0.05
"""As in fastText. 0.025 was worse on 12 MB of English: .3883 to .4526, mean of five test sets."""

LOSSES = {
    "negative": "negative sampling",
    "softmax": "the softmax over all words, for small vocabularies",
    "hs": "hierarchical softmax",
}

_FINAL_LR = 0.004
"""The learning rate ends at this part of where it began: 0.025 falls to 0.0001, as in word2vec."""

_LONG = 60  # seconds: what a training may take before we say so


@dataclass(frozen=True, kw_only=True)
class Predicting(Method):
    """Skip-gram or CBOW.

    Attributes:
        model: Which of the two.
        negatives: Noise words drawn against each right one; None where the loss draws none.
        epochs: Passes over the corpus.
        lr: Learning rate at the start; None: `DEFAULT_LR`, with subwords 0.05.
        noise_exponent: Noise words are drawn by count to this power; likewise.
        loss: How a prediction is judged, see `LOSSES`.
        subwords: Which n-grams of words are learned too, see `subwords.NGrams.parse`; None: none.
    """

    model: Literal["skipgram", "cbow"]
    negatives: int | None = 5
    epochs: int = 5
    lr: float | None = None
    noise_exponent: float | None = 0.75
    loss: Literal["negative", "softmax", "hs"] = "negative"
    subwords: str | None = None

    version: ClassVar[int] = 2
    shape: ClassVar[tuple[str, ...] | None] = ("model", "dim", "loss", "subwords")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in LOSSES:
            expected = ", ".join(f"{name!r} ({what})" for name, what in LOSSES.items())
            raise ValueError(f"loss must be one of {expected}; got {self.loss!r}")
        check_whole("epochs", self.epochs, least=1)
        if self.loss == "negative":
            self._check_noise()
        else:
            self._refuse_settings_of_noise()
        if self.subwords is not None:
            object.__setattr__(self, "subwords", str(NGrams.parse(self.subwords)))
        if self.lr is None:
            lr = DEFAULT_LR[self.model] if self.subwords is None else _SUBWORD_LR
            object.__setattr__(self, "lr", lr)
        self.check_number("lr", lambda x: 0 < x < 10, "above 0 and below 10")

    @property
    def _length(self) -> int:
        """Tokens in a block, at least."""
        return BLOCK_LENGTH if self.subwords is None else SUBWORD_LENGTH

    def _check_noise(self) -> None:
        check_whole("negatives", self.negatives, least=1)
        assert self.negatives is not None  # it is a whole number
        check_window(self.window, self.negatives, self._length)
        self.check_number("noise_exponent", lambda x: -10 <= x <= 10, "from -10 to 10")

    def _refuse_settings_of_noise(self) -> None:
        check_window(self.window, 0)
        for setting in fields(self):
            if setting.name in ("negatives", "noise_exponent", "subwords"):
                value = getattr(self, setting.name)
                if value not in (None, setting.default):
                    raise ValueError(
                        f"{setting.name} is no setting of loss {self.loss!r}; got {value!r}"
                    )
                object.__setattr__(self, setting.name, None)

    def check_start(self) -> None:
        """See `method.Method`."""
        if self.loss == "hs":
            raise ValueError(
                "a model learned with loss 'hs' cannot be gone on from: its nodes belong to a tree "
                "made of the counts of its words, and a new text changes those; train it anew on "
                "both texts, or with another loss"
            )

    def learn(self, corpus: Corpus, run: Run) -> Learned:
        """See `method.Method`."""
        if self.subwords is not None:
            return self._learn_subwords(corpus, NGrams.parse(self.subwords), run)
        objective = self._objective(corpus, run)
        trained = self._fit(objective, corpus, run, _first_values(run))
        second = objective.tables[1].name
        return Learned(
            trained.tables["input"],
            {second: trained.tables[second]},
            self._algorithm(objective, trained),
        )

    def _objective(self, corpus: Corpus, run: Run) -> Objective:
        if self.loss == "negative":
            return Word2Vec(*_arrays(corpus), **self._options())
        if self.loss == "hs":
            return HierarchicalWord2Vec(*_arrays(corpus), **self._options())
        objective = SoftmaxWord2Vec(*_arrays(corpus), **self._options())
        seconds = objective.seconds_per_epoch() * self.epochs
        if seconds > _LONG:
            run.report.note(
                f"warning: softmax scores all {len(corpus.vocab):,} words at each word of the "
                f"text; this will take about {clock(seconds)}. The losses negative and hs take "
                "a small part of that; a larger --min-count makes fewer words."
            )
        return objective

    def _learn_subwords(self, corpus: Corpus, ngrams: NGrams, run: Run) -> Learned:
        rows = NGramRows.of(corpus.vocab, ngrams)
        objective = SubwordWord2Vec(*_arrays(corpus), rows, **self._options())
        trained = self._fit(objective, corpus, run, _first_subwords(run, rows))
        words, table = trained.tables["input"], np.ascontiguousarray(trained.tables["ngrams"])
        return Learned(
            rows.compose(words, table),
            {"input": words, "output": trained.tables["output"]},
            self._algorithm(objective, trained),
            Subwords(table, ngrams, rows.of_bucket),
        )

    def _fit(
        self, objective: Objective, corpus: Corpus, run: Run, first: Mapping[str, FirstValues]
    ) -> Trained:
        assert self.lr is not None  # since __post_init__
        return run.fit(
            objective, len(corpus.ids), epochs=self.epochs, lr=self.lr,
            lr_end=self.lr * _FINAL_LR, first_values=first,
        )  # fmt: skip

    def _options(self) -> dict[str, Any]:
        names = ["model", "dim", "window", "sample", "seed"]
        if self.loss == "negative":
            names += ["negatives", "noise_exponent"]
        return {name: getattr(self, name) for name in names}

    def _algorithm(self, objective: Objective, trained: Trained) -> dict[str, Any]:
        said: dict[str, Any] = {"blocks": trained.per_round, "length": self._length}
        if self.loss == "negative":
            said["reuse"] = REUSE
        if self.loss != "softmax":
            strengths = {table.name: table.strength for table in objective.tables}
            said["merge"] = {"rule": "contraction", **strengths}
        return said


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
