"""What a way of learning vectors is to `sajeon.train`: settings, and what it makes of a corpus.

A method is a frozen dataclass of the settings that its result depends on, which are checked when it
is made and written into config.json, with one function, `learn`. Reading, saving, checkpoints and
progress are the caller's. A new method is a file with such a class and a line in `methods.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ..types import Array, Floats
from .checkpoint import Checkpoint, Keeper
from .objective import Objective
from .pauses import Pauses
from .progress import Reporter
from .start import Start
from .trainer import FirstValues, Trained, Trainer

if TYPE_CHECKING:
    from ..corpus import Corpus
    from ..subwords import Subwords

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Run:
    """The call of `sajeon.train` that a method works for.

    Attributes:
        threads: How many to work with; the result must not depend on it.
        report: Where notes and progress go.
        keeper: What keeps checkpoints, or None.
        resumed: The checkpoint to go on from, or None.
        start: The model to start from, or None.
    """

    threads: int
    report: Reporter
    keeper: Keeper | None = None
    resumed: Checkpoint | None = None
    start: Start | None = None

    def fit(
        self,
        objective: Objective,
        num_tokens: int,
        *,
        epochs: int,
        lr: float,
        lr_end: float,
        first_values: Mapping[str, FirstValues] | None = None,
    ) -> Trained:
        """Train an objective in rounds, with checkpoints; see `trainer.Trainer`."""
        trainer = Trainer(
            objective, num_tokens, epochs=epochs, lr=lr, lr_end=lr_end, threads=self.threads,
            report=self.report.training, keeper=Pauses(self.keeper, self.report),
            first_values=first_values,
        )  # fmt: skip
        if self.resumed is not None:
            # Nothing holds the snapshot after this: its file is to go when the next one comes.
            trainer.restore(self.resumed.snapshot())
            self.report.note(f"going on at {trainer.share:.0%}")
        return trainer.run()


@dataclass(frozen=True)
class Learned:
    """What a method makes of a corpus.

    Attributes:
        matrix: (num_words, dim) float32. The vectors, in the order of the vocabulary.
        training: Arrays from which training can go on, by name.
        algorithm: JSON values for config.json: what the bits depend on besides the settings.
        subwords: Rows for tokens outside the vocabulary, or None.
    """

    matrix: Floats
    training: Mapping[str, Array] = field(default_factory=dict)
    algorithm: Mapping[str, Any] = field(default_factory=dict)
    subwords: Subwords | None = None


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way of learning vectors, with its settings; the fields here are those of all methods.

    Attributes:
        model: Its name, or which of its models.
        dim: Length of a vector.
        window: Words on each side that count as context, at most.
        min_count: Words seen less often are dropped.
        sample: Words whose share of the corpus is above this are thinned out; 0 keeps all.
        seed: Key of every random draw.

    Raises:
        ValueError: A setting that cannot be used; the message says which and what is expected.
    """

    model: str
    dim: int
    window: int
    min_count: int
    sample: float
    seed: int

    version: ClassVar[int] = 1
    """Raised whenever the same seed and settings would give other bits than before."""

    shape: ClassVar[tuple[str, ...] | None] = None
    """Settings that a model must share with one that starts from it; None: none can."""

    def __post_init__(self) -> None:
        for name in ("dim", "window", "min_count"):
            check_whole(name, getattr(self, name), least=1)
        check_whole("seed", self.seed, least=0)
        if self.seed > _LARGEST_SEED:
            raise ValueError(f"seed must be below 2**63; got {self.seed}")
        self.check_number("sample", lambda x: 0 <= x <= 1, "a share from 0 (keep all words) to 1")

    def learn(self, corpus: Corpus, run: Run) -> Learned:
        """Learn vectors from a corpus of at least two words.

        Raises:
            TrainingError: The numbers diverged.
            KeyboardInterrupt: Ctrl-C.
        """
        raise NotImplementedError(type(self))

    def check_start(self) -> None:
        """Raise ValueError if a model with these settings cannot be gone on from."""

    def check_number(self, name: str, usable: Callable[[float], bool], expected: str) -> None:
        """Make a field a float, for 0 and 0.0 are the same model; refuse what cannot be used."""
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not usable(value):
            raise ValueError(f"{name} must be {expected}; got {value!r}")
        object.__setattr__(self, name, float(value))


def check_whole(name: str, value: object, *, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
