"""One step of training in slow motion, on copies of the rows of a saved model.

The step is the package's own: the window and the noise come from `kernels.windows`, the gradient
from the NumPy twins of the kernels. Nothing of it is computed again on the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..sampling import NoiseSampler

if TYPE_CHECKING:
    from ..kernels.windows import Windows
    from ..types import Floats, Ids
    from ..vectors import Vectors
    from .subject import Subject

MOST_STEPS = 200
_MOST_TOKENS = 40
_BYSTANDERS = 100  # rows that are copied too, to see that they stay as they are
_BYSTANDERS_SHOWN = 4
_KEEP_ALL = 2**32 - 1  # no thinning: the word that was chosen is to be there


def why_not(vectors: Vectors) -> str | None:
    """Return why no step can be shown of a model; None where one can."""
    settings, training = vectors.settings, vectors.training
    if settings.get("model") not in ("skipgram", "cbow"):
        return "This view shows skip-gram and CBOW; this model learned in another way."
    if settings.get("loss", "negative") != "negative":
        return f"This view shows negative sampling; this model has the loss {settings['loss']!r}."
    if vectors.subwords is not None:
        return "This view shows whole words; this model learned from their n-grams as well."
    output = None if training is None else training.get("output")
    if output is None or vectors.counts is None:
        return (
            "The model has no second table: it was saved without what training can go on from "
            "(--no-training-state), or comes from elsewhere."
        )
    if output.shape != vectors.matrix.shape:
        return f"The second table has the shape {output.shape}, not {vectors.matrix.shape}."
    return None


@dataclass(frozen=True)
class Question:
    """What one step asks.

    Attributes:
        tokens: Of the sentence, those the model knows.
        place: Of the centre among them.
        draw: Number of the draw; another one gives another reach and other noise.
        steps: How many steps were made on the same question.
        lr: Learning rate.
    """

    tokens: tuple[str, ...]
    place: int
    draw: int
    steps: int
    lr: float


def training_step(
    subject: Subject, text: str, word: int = 0, draw: int = 0, steps: int = 0, lr: float = 0.0
) -> dict[str, Any]:
    """Ask about one word of a sentence, `steps` times, and tell what each number is after that.

    Args:
        subject: The model; `why_not` must be None.
        text: A sentence.
        word: Place of the centre among the tokens that the model knows.
        draw: Number of the draw.
        steps: Steps of gradient descent made before the numbers are read.
        lr: Learning rate; 0: the one the model was trained with.

    Raises:
        ValueError: The model cannot show this, the sentence has fewer than two words that the
            model knows, or a number is out of range.
    """
    reason = why_not(subject.vectors)
    if reason is not None:
        raise ValueError(reason)
    cut, _ = subject.cut(text)
    known = [token for token in cut if token in subject.vectors][:_MOST_TOKENS]
    if len(known) < 2:
        raise ValueError(
            f"expected a sentence with at least 2 words that the model knows, got {len(known)} "
            f"of {len(cut)}."
        )
    if not 0 <= steps <= MOST_STEPS or not 0 <= draw < 2**31 or not 0 <= lr <= 10:
        raise ValueError(f"steps must be 0 to {MOST_STEPS}, draw 0 or more, lr 0 to 10.")
    place = min(max(word, 0), len(known) - 1)
    rate = lr or float(subject.vectors.settings.get("lr") or 0.025)
    question = Question(tuple(known), place, draw, steps, rate)
    return _answer(subject, question) | {
        "dropped": [token for token in cut if token not in subject.vectors]
    }


def _answer(subject: Subject, question: Question) -> dict[str, Any]:
    vectors = subject.vectors
    plan, noise = _planned(vectors, question)
    copies = _Copies.of(vectors, plan)
    losses, step = _stepped(vectors, copies, question)
    numbers = copies.rows  # ids of the model, by number in the copies
    centre, contexts, targets = (
        numbers[np.atleast_1d(step[name])] for name in ("centre", "contexts", "targets")
    )
    names = [vectors.tokens[i] for i in targets.tolist()]
    counts = np.asarray(vectors.counts, np.float64)
    return {
        "model": vectors.settings["model"],
        "tokens": list(question.tokens),
        "place": question.place,
        "window": vectors.settings.get("window", 5),
        "contexts": [vectors.tokens[i] for i in contexts.tolist()],
        "centre": vectors.tokens[int(centre[0])],
        "targets": [
            {"token": name, "right": n == 0, "live": bool(n == 0 or i != centre[0]),
             "share": float(counts[i] / counts.sum()), "noise": float(noise.probabilities[i])}
            for n, (name, i) in enumerate(zip(names, targets.tolist(), strict=True))
        ],
        "scores": np.atleast_2d(step["scores"]).tolist(),
        "sigmoids": np.atleast_2d(step["sigmoids"]).tolist(),
        "errors": np.atleast_2d(step["errors"]).tolist(),
        "losses": losses,
        "steps": question.steps,
        "lr": question.lr,
        "power": noise.power,
        "moved": copies.moved(vectors, set(contexts.tolist()), set(targets.tolist())),
        "vocabulary": len(vectors),
    }  # fmt: skip


def _planned(vectors: Vectors, question: Question) -> tuple[dict[str, Any], NoiseSampler]:
    """Return the plan of the sentence with the windows of all other centres closed."""
    from ..kernels.windows import plan_windows_reference

    noise = _noise_of(vectors)
    plan = plan_windows_reference(_windows(vectors, question, noise), question.draw, 0)
    others = np.arange(len(plan["words"])) != question.place
    plan["low"][others] = plan["high"][others] = 0
    return plan, noise


@lru_cache(maxsize=2)
def _noise_of(vectors: Vectors) -> NoiseSampler:
    assert vectors.counts is not None  # since why_not
    return NoiseSampler(vectors.counts, vectors.settings.get("noise_exponent") or 0.75)


def _windows(vectors: Vectors, question: Question, noise: NoiseSampler) -> Windows:
    from ..kernels.windows import Windows
    from ..learn.word2vec import REUSE

    settings, length = vectors.settings, len(question.tokens)
    ids = [vectors._find(token) for token in question.tokens]
    return Windows(
        ids=np.array(ids, np.int32),
        offsets=np.array([0, length]),
        block_starts=np.array([0, length]),
        block_sequences=np.array([0]),
        keep=np.full(len(vectors), _KEEP_ALL, np.uint32),
        noise_threshold=noise.threshold,
        noise_alias=noise.alias,
        window=int(settings.get("window") or 5),
        negatives=int(settings.get("negatives") or 5),
        reuse=REUSE,
        seed=int(settings.get("seed") or 1),
    )


@dataclass(frozen=True)
class _Copies:
    """The rows that a plan can touch, copied, and some that it cannot.

    Attributes:
        plan: The plan, with numbers among the copies in place of ids.
        rows: (copied,) int64. The id of each copy.
        before: The two tables, (copied, dim) float32 each, as they were.
        tables: The same, to be trained.
        last: The same before the last step.
    """

    plan: dict[str, Any]
    rows: Ids
    before: tuple[Floats, Floats]
    tables: tuple[Floats, Floats]
    last: tuple[Floats, Floats]

    @classmethod
    def of(cls, vectors: Vectors, plan: dict[str, Any]) -> _Copies:
        assert vectors.training is not None  # since why_not
        touched = np.union1d(plan["words"], plan["noise"].ravel())
        first = np.arange(min(len(vectors), len(touched) + _BYSTANDERS))
        rows = np.union1d(touched, first)
        renumbered = {name: np.searchsorted(rows, plan[name]) for name in ("words", "noise")}
        output = np.asarray(vectors.training["output"][rows], np.float32)
        before = (vectors._rows(rows), output)
        return cls(plan | renumbered, rows, before, _copied(before), _copied(before))

    def moved(self, vectors: Vectors, contexts: set[int], targets: set[int]) -> dict[str, Any]:
        """Return how far each row has moved: in the last step, and in all."""
        listed: list[dict[str, Any]] = []
        still = 0
        for table, name in enumerate(("input", "output")):
            last = np.linalg.norm(self.tables[table] - self.last[table], axis=1)
            total = np.linalg.norm(self.tables[table] - self.before[table], axis=1)
            asked = contexts if name == "input" else targets
            stayed = (self.tables[table] == self.before[table]).all(axis=1)
            others = [n for n, i in enumerate(self.rows.tolist()) if i not in asked]
            still += int(stayed[others].sum())
            shown = [n for n, i in enumerate(self.rows.tolist()) if i in asked]
            listed += [
                {"table": name, "token": vectors.tokens[int(self.rows[n])], "asked": n in shown,
                 "last": float(last[n]), "total": float(total[n]),
                 "row": [round(x, 4) for x in self.tables[table][n].tolist()]}
                for n in shown + others[:_BYSTANDERS_SHOWN]
            ]  # fmt: skip
        watched = 2 * len(self.rows) - len(contexts) - len(targets)
        return {"rows": listed, "watched": watched, "still": still}


def _copied(tables: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    return tables[0].copy(), tables[1].copy()


def _stepped(
    vectors: Vectors, copies: _Copies, question: Question
) -> tuple[list[float], dict[str, Any]]:
    """Make the steps; return the loss before each and after the last, and the last's numbers."""
    from ..kernels.cbow import cbow_reference
    from ..kernels.skipgram import skipgram_reference

    twin = skipgram_reference if vectors.settings["model"] == "skipgram" else cbow_reference
    losses = []
    for _ in range(question.steps):
        for kept, table in zip(copies.last, copies.tables, strict=True):
            kept[:] = table
        loss, _, _ = twin(copies.plan, *copies.tables, question.lr)
        losses.append(loss)
    now = _copied(copies.tables)  # asked once more, on copies, for the numbers as they are now
    loss, _, steps = twin(copies.plan, *now, question.lr, trace=True)
    return [*losses, loss], steps[0]
