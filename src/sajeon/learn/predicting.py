"""Skip-gram and CBOW: vectors of words that predict words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from .blocks import BLOCK_LENGTH
from .method import Learned, Method, Run, check_whole
from .word2vec import MERGE_STRENGTH, REUSE, Word2Vec, check_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..corpus import Corpus
    from ..types import Floats, Ids

DEFAULT_LR = {"skipgram": 0.025, "cbow": 0.05}
"""As in the released word2vec. (gensim's default is 0.025 for both.)"""

_FINAL_LR = 0.004
"""The learning rate ends at this part of where it began: 0.025 falls to 0.0001, as in word2vec."""


@dataclass(frozen=True, kw_only=True)
class Predicting(Method):
    """Skip-gram or CBOW.

    Attributes:
        model: Which of the two.
        negatives: Noise words drawn against each right one.
        epochs: Passes over the corpus.
        lr: Learning rate at the start; None: `DEFAULT_LR`.
        noise_exponent: Noise words are drawn by count to this power.
        loss: How a prediction is judged.
    """

    model: Literal["skipgram", "cbow"]
    negatives: int
    epochs: int = 5
    lr: float | None = None
    noise_exponent: float
    loss: Literal["negative"]

    version: ClassVar[int] = 2
    shape: ClassVar[tuple[str, ...] | None] = ("model", "dim", "loss")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss != "negative":
            raise ValueError(f"loss must be 'negative' (negative sampling); got {self.loss!r}")
        for name in ("negatives", "epochs"):
            check_whole(name, getattr(self, name), least=1)
        check_window(self.window, self.negatives)
        if self.lr is None:
            object.__setattr__(self, "lr", DEFAULT_LR[self.model])
        self.check_number("lr", lambda x: 0 < x < 10, "above 0 and below 10")
        self.check_number("noise_exponent", lambda x: -10 <= x <= 10, "from -10 to 10")

    def learn(self, corpus: Corpus, run: Run) -> Learned:
        """See `method.Method`."""
        assert self.lr is not None  # since __post_init__
        objective = self._objective(corpus)
        trained = run.fit(
            objective, len(corpus.ids), epochs=self.epochs, lr=self.lr,
            lr_end=self.lr * _FINAL_LR, first_values=_first_values(run),
        )  # fmt: skip
        strengths = MERGE_STRENGTH[self.model]
        algorithm = {
            "blocks": trained.per_round,
            "length": BLOCK_LENGTH,
            "reuse": REUSE,
            "merge": {"rule": "contraction", "input": strengths[0], "output": strengths[1]},
        }
        return Learned(trained.tables["input"], {"output": trained.tables["output"]}, algorithm)

    def _objective(self, corpus: Corpus) -> Word2Vec:
        assert corpus.vocab.counts is not None  # a corpus always has them
        return Word2Vec(
            corpus.ids, corpus.offsets, corpus.vocab.counts, model=self.model, dim=self.dim,
            window=self.window, negatives=self.negatives, sample=self.sample,
            noise_exponent=self.noise_exponent, seed=self.seed,
        )  # fmt: skip


def _first_values(run: Run) -> Mapping[str, tuple[Ids, Floats]]:
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
