"""`sajeon.classify`: a linear classifier of bags of features, as fast as fastText's, without torch.

model = sajeon.classify.train("reviews.tsv", text="document", label="label")
model.predict(["A feast for the eyes."])
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from .bagmodel import BagModel
from .bags import Features, Text, collect_bags, number_texts
from .cores import available_cores
from .errors import FormatError, NotFittedError
from .estimator import Classifier
from .formats import folder
from .formats.tokentable import TokenTable
from .kernels._compile import HAVE_NUMBA
from .learn.classify import (
    ALGORITHM_VERSION,
    BLOCK_LENGTH,
    LOSSES,
    MERGE_STRENGTH,
    BagObjective,
    Loss,
    TrainedBags,
    shuffled,
    train_bags,
)
from .learn.huffman import build_tree
from .learn.labels import check_two, number_labels
from .learn.progress import Reporter, reporter_for
from .tokens.protocol import make_tokenizer, tokenizer_from_config, tokenizer_to_config
from .types import Array, Counts, Floats, Ids
from .vectors import Vectors

if TYPE_CHECKING:
    from .tokens.protocol import Tokenizer

Label: TypeAlias = "str | int"

__all__ = ["BagClassifier", "load", "train"]

DEFAULT_DIM = 100
_LARGEST_BUCKETS = 2**31 - 1


@dataclass(frozen=True)
class _Settings:
    """What the result depends on besides texts and labels; written into config.json."""

    loss: Loss
    dim: int
    lr: float
    epochs: int
    word_ngrams: int
    min_n: int
    max_n: int
    num_buckets: int
    min_count: int
    seed: int

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}; got {self.loss!r}")
        for name in ("dim", "epochs", "word_ngrams", "num_buckets", "min_count"):
            _check_whole(name, getattr(self, name), least=1)
        for name in ("min_n", "max_n", "seed"):
            _check_whole(name, getattr(self, name), least=0)
        if self.min_n > self.max_n:
            raise ValueError(
                f"min_n must be at most max_n (0 for no character n-grams); got min_n "
                f"{self.min_n} and max_n {self.max_n}"
            )
        if self.num_buckets > _LARGEST_BUCKETS:
            raise ValueError(
                f"num_buckets must be at most {_LARGEST_BUCKETS:,}; got {self.num_buckets:,}"
            )
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2**63; got {self.seed}")
        if isinstance(self.lr, bool) or not isinstance(self.lr, int | float | np.floating):
            raise ValueError(f"lr must be a number above 0; got {self.lr!r}")
        if not 0 < self.lr < 1e6:
            raise ValueError(f"lr must be above 0 and below 1,000,000; got {self.lr!r}")
        object.__setattr__(self, "lr", float(self.lr))


def _check_whole(name: str, value: Any, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")


class BagClassifier(Classifier):
    """Classifies texts by the mean of the rows of their words and n-grams.

    Joulin, Grave, Bojanowski and Mikolov, "Bag of Tricks for Efficient Text Classification" (2016),
    which fastText implements. The same texts, settings and seed give the same bits on any number of
    threads. Texts are trained in an order shuffled by `seed`, so a file may be sorted by label.

    It has the habits of scikit-learn: arguments are stored as they are and checked by `fit`.

    Args:
        dim: Length of a row. None: 100, or that of `pretrained`.
        lr: Learning rate at the start, falling evenly to zero.
        epochs: Passes over the texts.
        word_ngrams: Words of the longest n-gram of words; 1: words alone, in any order.
        min_n: Characters of the shortest n-gram of a word.
        max_n: Characters of the longest n-gram of a word; 0 for none. For languages whose words
            carry endings (Korean: 1 to 3 syllables), and for misspellings.
        num_buckets: Buckets into which n-grams are hashed; those that occur take memory.
        min_count: Words seen less often have no row.
        loss: "softmax": one label is right. "ova" (one-vs-all): each label is right or not, on its
            own; several may be. "hs" (hierarchical softmax): as softmax, approximately, and much
            faster where there are many labels.
        tokens: How texts are cut, see `sajeon.train`. Token lists are taken as they are.
        pretrained: `Vectors` from which the rows of words start.
        threads: How many to work with; default all cores this process may use.
        seed: Key of every random draw.
        progress: True or False to show progress on standard error or not, None to show it on a
            terminal, or a `Reporter` of your own.

    Attributes:
        classes_: (labels,) the labels, sorted; after `fit`.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        *,
        dim: int | None = None,
        lr: float = 0.25,
        epochs: int = 10,
        word_ngrams: int = 2,
        min_n: int = 0,
        max_n: int = 0,
        num_buckets: int = 2_000_000,
        min_count: int = 1,
        loss: Loss = "softmax",
        tokens: str | Tokenizer | Callable[[str], list[str]] = "words",
        pretrained: Vectors | None = None,
        threads: int | None = None,
        seed: int = 1,
        progress: bool | Reporter | None = None,
    ) -> None:
        self.dim = dim
        self.lr = lr
        self.epochs = epochs
        self.word_ngrams = word_ngrams
        self.min_n = min_n
        self.max_n = max_n
        self.num_buckets = num_buckets
        self.min_count = min_count
        self.loss = loss
        self.tokens = tokens
        self.pretrained = pretrained
        self.threads = threads
        self.seed = seed
        self.progress = progress

    def fit(self, texts: Iterable[Text], labels: Iterable[Any]) -> Self:
        """Learn from labelled texts.

        Args:
            texts: Texts, or token lists; one or the other.
            labels: A label (str or int) for each text, or a collection of labels for each: with
                "ova" all are learned, with "softmax" and "hs" one, drawn anew in each epoch. Or
                (texts, labels) of zeros and ones, whose labels are the numbers of the columns.

        Returns:
            The classifier itself.

        Raises:
            CorpusError: There is nothing to learn from: no word in any text, or one label alone.
            TypeError: Not texts or not labels.
            ValueError: A setting that cannot be used, or other numbers of texts and of labels.
            TrainingError: The numbers diverged.
        """
        settings, tokenizer, threads = self._checked()
        texts = check_texts(texts)
        found = number_labels(labels, len(texts), empty=self.loss == "ova")
        check_two(found.classes)
        _warn_if_slow()
        with reporter_for(self.progress) as report:
            order = shuffled(len(texts), settings.seed)
            features, counts, bags = collect_bags(
                number_texts(texts, tokenizer), order, min_count=settings.min_count,
                min_n=settings.min_n, max_n=settings.max_n, word_ngrams=settings.word_ngrams,
                num_buckets=settings.num_buckets,
            )  # fmt: skip
            start = None
            if self.pretrained is not None:
                words = [word.decode() for word in features.spelling()]
                start = self.pretrained.embedding_matrix(words)
            objective = BagObjective(
                bags, found.labels.ordered(order), loss=settings.loss, dim=settings.dim,
                seed=settings.seed, start=start,
            )  # fmt: skip
            trained = train_bags(
                objective, bags.num_tokens, epochs=settings.epochs, lr=settings.lr,
                threads=threads, report=report.training,
            )  # fmt: skip
        self.classes_ = found.classes
        self._several = found.several
        self._counts: Counts | None = counts
        self._label_counts = found.labels.counts
        self._settings = _described(settings, trained)
        self._model = BagModel(
            features, tokenizer, trained.words, trained.buckets, trained.labels,
            trained.children, LOSSES[settings.loss],
        )  # fmt: skip
        return self

    def predict(self, texts: Iterable[Text]) -> Array:
        """Return the most probable label of each text.

        Returns:
            (texts,) of the labels' dtype. Fitted with "ova" on several labels a text: (texts,
            labels) int64, 1 where the probability of a label of `classes_` is at least 0.5.
        """
        if self._is_indicator():
            return (self.predict_proba(texts) >= 0.5).astype(np.int64)
        texts = check_texts(texts)
        best = np.zeros(len(texts), np.int64)

        def keep(first: int, last: int, ids: Ids) -> None:
            best[first:last] = ids

        self._fitted().each_best(texts, self._num_threads(), keep)
        return self.classes_[best]

    def predict_proba(self, texts: Iterable[Text]) -> Floats:
        """Return (texts, labels) float32: probabilities in the order of `classes_`.

        Rows sum to 1, but not with "ova", where each label has a probability of its own.
        """
        self._fitted()
        texts = check_texts(texts)
        result = np.empty((len(texts), len(self.classes_)), np.float32)

        def keep(first: int, last: int, probabilities: Floats) -> None:
            result[first:last] = probabilities

        self._each(texts, keep)
        return result

    def top(
        self, texts: Iterable[Text], k: int = 1, threshold: float = 0.0
    ) -> list[list[tuple[Label, float]]]:
        """Return the k most probable labels of each text and their probabilities, best first.

        Args:
            texts: Texts, or token lists.
            k: How many labels, at most.
            threshold: Labels with a lower probability are left out.
        """
        _check_whole("k", k, least=1)
        self._fitted()
        labels = self.classes_.tolist()
        k = min(k, len(labels))
        texts = check_texts(texts)
        result: list[list[tuple[Label, float]]] = [[] for _ in texts]

        def keep(first: int, last: int, probabilities: Floats) -> None:
            ids = _best(probabilities, k)
            scores = np.take_along_axis(probabilities, ids, axis=1).tolist()
            for text, (row, values) in enumerate(zip(ids.tolist(), scores, strict=True), first):
                result[text] = [
                    (labels[c], score)
                    for c, score in zip(row, values, strict=True)
                    if score >= threshold
                ]

        self._each(texts, keep)
        return result

    def score(self, texts: Iterable[Text], labels: Iterable[Any]) -> float:
        """Return the share of texts that get the right label.

        Of several labels a text, "ova" must give exactly those, the others one of them.
        """
        self._fitted()
        texts = check_texts(texts)
        found = number_labels(labels, len(texts), empty=True)
        position = {label: i for i, label in enumerate(self.classes_.tolist())}
        known = np.array([position.get(label, -1) for label in found.classes.tolist()], np.int64)
        text_of = np.repeat(np.arange(len(texts)), np.diff(found.labels.offsets))
        right = np.zeros((len(texts), len(self.classes_) + 1), np.bool_)
        right[text_of, known[found.labels.ids]] = True  # -1: never seen, in the last column
        predicted = self.predict(texts)
        if self._is_indicator():
            same = (right[:, :-1] == predicted).all(axis=1) & ~right[:, -1]
            return float(same.mean())
        columns = np.searchsorted(self.classes_, predicted)
        return float(right[np.arange(len(texts)), columns].mean())

    def to_vectors(self) -> Vectors:
        """Return the rows of the words, to search and compare; a view."""
        model = self._fitted()
        return Vectors(
            self._table_of_words(), model.words[:, : model.dim], self._counts,
            tokenizer=model.tokenizer, settings=self._settings,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save as a model folder, or replace one, all at once.

        Raises:
            FormatError: `path` holds something that is not a model.
            OSError: It cannot be written, for example because the disk is full.
        """
        model = self._fitted()
        folder.check_target(path)  # before the work of arranging
        labels = {"dtype": self.classes_.dtype.str, "values": self.classes_.tolist()}
        data = folder.ModelData(
            tokens=self._table_of_words(),
            matrix=np.ascontiguousarray(model.words[:, : model.dim]),
            counts=self._counts,
            tokenizer=tokenizer_to_config(model.tokenizer),
            vocabulary={"min_count": self._settings["min_count"], "specials": []},
            settings={**self._settings, "several_labels": self._several, "labels": labels},
            kind="classifier",
            tensors={
                "labels": model.labels,
                "labels.counts": self._label_counts,
                "buckets": np.ascontiguousarray(model.buckets[:, : model.dim]),
                "buckets.ids": model.features.buckets,
            },
        )
        folder.write_folder(path, data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Open a saved classifier; its arrays are memory-mapped.

        Raises:
            FileNotFoundError: There is nothing at `path`.
            FormatError: It is no classifier, damaged, or of a later format.
        """
        data = folder.read_folder(path, kind="classifier")
        try:
            return cls()._restored(Path(path), data)
        except FormatError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise FormatError(f"{path}: the classifier is damaged: {error!r}.") from error

    def __repr__(self) -> str:
        defaults = {p.name: p.default for p in _parameters(type(self)).values()}
        given = {n: v for n, v in self.get_params().items() if v is not defaults[n]}
        changed = [f"{n}={v!r}" for n, v in given.items() if not _same(v, defaults[n])]
        return f"BagClassifier({', '.join(changed)})"

    def _checked(self) -> tuple[_Settings, Tokenizer, int]:
        """Check the arguments, and return what they mean."""
        dim = self.dim
        if self.pretrained is not None:
            if not isinstance(self.pretrained, Vectors):
                raise TypeError(
                    f"pretrained must be Vectors (sajeon.load opens them), got {self.pretrained!r}"
                )
            if dim not in (None, self.pretrained.dim):
                raise ValueError(
                    f"dim must be that of pretrained, {self.pretrained.dim}, or None; got {dim!r}"
                )
            dim = self.pretrained.dim
        settings = _Settings(
            self.loss, DEFAULT_DIM if dim is None else dim, self.lr, self.epochs, self.word_ngrams,
            self.min_n, self.max_n, self.num_buckets, self.min_count, self.seed,
        )  # fmt: skip
        return settings, make_tokenizer(self.tokens), self._num_threads()

    def _takes_several(self) -> bool:
        return self.loss == "ova"

    def _fitted(self) -> BagModel:
        model: BagModel | None = getattr(self, "_model", None)
        if model is None:
            raise NotFittedError("classifier")
        return model

    def _is_indicator(self) -> bool:
        return self._fitted().loss == LOSSES["ova"] and self._several

    def _each(self, texts: Sequence[Text], keep: Callable[[int, int, Floats], None]) -> None:
        self._fitted().each_probabilities(texts, self._num_threads(), keep)

    def _num_threads(self) -> int:
        threads = available_cores() if self.threads is None else self.threads
        _check_whole("threads", threads, least=1)
        return threads

    def _table_of_words(self) -> TokenTable:
        return TokenTable.from_encoded(self._fitted().features.spelling(), distinct=True)

    def _restored(self, path: Path, data: folder.ModelData) -> Self:
        """Take over what a folder holds."""
        settings = dict(data.settings)
        labels = settings.pop("labels")
        self._several = bool(settings.pop("several_labels"))
        if np.dtype(labels["dtype"]).kind not in "iufbU":
            raise FormatError(f"{path}: labels cannot be of dtype {labels['dtype']!r}.")
        self.classes_ = np.array(labels["values"], labels["dtype"])
        self._settings = settings
        names = [p for p in _parameters(type(self)) if p in settings]
        self.set_params(**{name: settings[name] for name in names})
        checked, _, _ = self._checked()
        tokenizer = tokenizer_from_config(data.tokenizer or {})
        self.tokens = tokenizer
        self._counts = data.counts
        self._label_counts = data.tensors["labels.counts"]
        features = Features(
            data.tokens.data, data.tokens.offsets, data.tensors["buckets.ids"], checked.min_n,
            checked.max_n, checked.word_ngrams, checked.num_buckets,
        )  # fmt: skip
        hs = checked.loss == "hs"
        children = build_tree(self._label_counts).children if hs else np.zeros((0, 2), np.int32)
        self._model = BagModel(
            features, tokenizer, data.matrix, data.tensors["buckets"], data.tensors["labels"],
            children, LOSSES[checked.loss],
        )  # fmt: skip
        _check_restored(path, self._model, self.classes_)
        return self


def train(
    source: str | os.PathLike[str],
    *,
    text: str | None = None,
    label: str | None = None,
    **settings: Any,
) -> BagClassifier:
    """Learn a classifier from a file of labelled texts.

    Args:
        source: TSV or CSV with a header, JSON lines, or fastText's ``__label__`` lines.
        text: The column of the texts, where the file has columns.
        label: The column of the labels.
        settings: Those of `BagClassifier`.

    Raises:
        FormatError: The file cannot be read as labelled texts.
        CorpusError: There is nothing to learn from.
        TypeError: There is no such setting.
    """
    from .labelled import read_labelled

    model = BagClassifier(**settings)
    labelled = read_labelled(source, text=text, label=label)
    return model.fit(labelled.texts, labelled.labels)


def load(path: str | os.PathLike[str]) -> BagClassifier:
    """Open a saved classifier; see `BagClassifier.load`."""
    return BagClassifier.load(path)


def check_texts(texts: Iterable[Text]) -> list[Text]:
    """Return the texts as a list: all of them str, or all of them lists of tokens.

    Raises:
        TypeError: One text in place of several, or something that is no text.
    """
    if texts is None or isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
        raise TypeError(
            f"expected several texts, each a str or a list of tokens, got "
            f"{'one str: write [text]' if isinstance(texts, str) else type(texts).__name__}"
        )
    several = list(texts)
    if set(map(type, several)) <= {str}:
        return several
    of_tokens = not isinstance(several[0], str)
    return [_checked_text(i, text, of_tokens=of_tokens) for i, text in enumerate(several)]


def _checked_text(number: int, text: Any, *, of_tokens: bool) -> Text:
    expected = "a list of tokens like the first" if of_tokens else "a str like the first"
    if isinstance(text, str) != of_tokens:
        if not of_tokens:
            return str(text)  # of a subclass, such as NumPy's
        if isinstance(text, Sequence | np.ndarray) and not isinstance(text, bytes):
            return list(text)
        expected = "a str or a list of tokens"
    raise TypeError(f"text {number}: expected {expected}, got {type(text).__name__}")


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(cls).parameters)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _best(probabilities: Floats, k: int) -> Ids:
    """Return (texts, k) int64: the most probable labels, best first, ties by number."""
    ids = np.arange(probabilities.shape[1])
    if k == 1:
        return np.asarray(probabilities.argmax(axis=1)[:, None], np.int64)
    if k < len(ids) // 2:
        # The k-th largest, and all that are as large: argpartition alone would cut ties anyhow.
        least = np.partition(probabilities, -k, axis=1)[:, -k, None]
        kept = [np.flatnonzero(row) for row in probabilities >= least]
        return np.array(
            [
                some[np.argsort(-row[some], kind="stable")[:k]]
                for some, row in zip(kept, probabilities, strict=True)
            ]
        )
    return np.argsort(-probabilities, axis=1, kind="stable")[:, :k]


def _described(settings: _Settings, trained: TrainedBags) -> dict[str, Any]:
    """Return what config.json says of a training: enough to repeat it."""
    return {
        "model": "bags",
        **asdict(settings),
        "algorithm": {
            "version": ALGORITHM_VERSION,
            "blocks": trained.per_round,
            "length": BLOCK_LENGTH,
            "merge": {"rule": "contraction", **MERGE_STRENGTH},
        },
    }


def _warn_if_slow() -> None:
    if not HAVE_NUMBA:
        warnings.warn(
            "Numba is not installed: training in plain NumPy, some hundred times slower",
            RuntimeWarning,
            stacklevel=3,
        )


def _check_restored(path: Path, model: BagModel, classes: Array) -> None:
    """Raise FormatError unless the arrays of a folder belong together."""
    features, rows = model.features, len(classes) - (model.loss == LOSSES["hs"])
    expected: dict[str, tuple[Array, tuple[int, ...], Any]] = {
        "labels": (model.labels, (rows, model.words.shape[1]), np.float32),
        "buckets": (
            model.buckets,
            (len(features.buckets), model.words.shape[1]),
            model.words.dtype,
        ),
        "buckets.ids": (features.buckets, (len(features.buckets),), np.int32),
    }
    for name, (tensor, shape, dtype) in expected.items():
        if tensor.shape != shape or tensor.dtype != dtype:
            raise FormatError(
                f"{path}: expected {name} {shape} {np.dtype(dtype)}, got {tensor.shape} "
                f"{tensor.dtype}."
            )
    if len(features.buckets):
        distinct = np.unique(features.buckets)
        if len(distinct) < len(features.buckets) or distinct[0] < 0:
            raise FormatError(f"{path}: buckets.ids holds a bucket twice, or a negative one.")
        if distinct[-1] >= features.num_buckets:
            raise FormatError(
                f"{path}: buckets.ids holds bucket {distinct[-1]:,} of {features.num_buckets:,}."
            )
