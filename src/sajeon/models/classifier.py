"""`TextClassifier`: classes of texts from the rows of their tokens, random or pretrained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import CorpusError, FormatError, NotFittedError
from ..estimator import Classifier
from ..tokens.protocol import make_tokenizer
from ..vectors import Vectors
from ..vocab import Vocabulary
from . import saving
from .checks import check_choice, check_number, check_whole
from .device import as_device, beginning
from .fitting import Schedule
from .labels import Labels, check_seen, class_weights, read_labels
from .pooled import PooledNetwork
from .progress import Reporter
from .progress import Spec as ProgressSpec
from .supervised import train
from .texts import Examples, Text, check_texts, encode_all, padded

if TYPE_CHECKING:
    from typing import Self

    from ..types import Array, Bools, Floats, Ids
    from ..vocab import TokenizerSpec

KIND = "text-classifier"
_PREDICTED_AT_ONCE = 512  # texts


class TextClassifier(Classifier):
    """Embedding, mean (or all rows joined), linear, sigmoid or softmax.

    What the labels are decides the kind: two different ones give one score and a sigmoid, more give
    a softmax, and collections of labels (or an array of zeros and ones) a sigmoid for each.

    It has the habits of scikit-learn: arguments are stored as they are and checked by `fit`. The
    row of the padding is exactly zero before and after training. Texts without a token are taken
    as they are: their mean is zero, and they get the bias alone.

    Args:
        vocab: The vocabulary, with a padding token. None: `fit` makes one of its texts.
        dim: Length of a token's row; with `pretrained` that of the vectors.
        init_std: Standard deviation of the rows at the start; 1 is that of torch's layer, which
            takes longer to unlearn (0.1: 0.5 to 1 point better on film reviews).
        pooling: "mean" of the rows of a text, or "flatten": all of them one after another.
        length: Tokens of a text that count, from its beginning. None: all of them; with "flatten"
            as many as the longest text of training has.
        pretrained: `Vectors`, or where they are saved: the rows begin with them. Tokens without a
            vector begin at zero.
        freeze: Whether the rows stay as they begin.
        unk: Row of tokens not in the vocabulary: "learn" it from tokens replaced by it at random
            (`word_dropout`), or set it to the "mean" of all tokens' rows after training. With
            `freeze` neither is done.
        word_dropout: Share of the tokens so replaced.
        dropout: Share of the pooled numbers dropped in training.
        class_weight: How much a text of a label counts: None: all the same. "balanced": n /
            (classes · count). Or a mapping from label to weight. With several labels a text see
            `labels.class_weights`.
        optimizer: "lazy-adam": Adam that moves the rows of a batch and no others, so that a step
            does not cost the whole table. "adam": torch's, of all parameters.
        lr: Learning rate.
        schedule: "linear": the rate falls evenly to 0. "constant": it stays.
        epochs: Passes over the texts.
        batch_size: Texts of a step.
        shuffle: Whether texts come in another order each epoch.
        patience: With held-out texts, epochs without a smaller loss after which `fit` stops.
        tokens: What cuts texts, where `fit` makes the vocabulary: see `Vocabulary`.
        min_count: Likewise: tokens seen less often become ``<unk>``.
        seed: Of the first weights, the orders and all other draws. torch's and NumPy's global
            generators are not touched.
        device: Where to compute. None: torch's default device, the CPU unless you set another.
        progress: True or False to write a line an epoch to standard error or not, None to write it
            where that is a terminal. Or a function, called with `Progress`.

    Attributes:
        classes_: (classes,) The labels, sorted.
        vocab_: The vocabulary.
        module_: `PooledNetwork`, a torch module from ids and mask to scores.
        history_: Mean loss of a text in each epoch, nats.
        validation_history_: Likewise of the held-out texts, where there are such.
        found_: (len(vocab_),) bool, the tokens that began with a pretrained vector.

    >>> model = TextClassifier(lr=0.1).fit(["good film", "bad film"], ["yes", "no"])
    >>> model.predict(["good"]).tolist()
    ['yes']
    """

    def __init__(
        self,
        vocab: Vocabulary | None = None,
        *,
        dim: int = 100,
        init_std: float = 0.1,
        pooling: Literal["mean", "flatten"] = "mean",
        length: int | None = None,
        pretrained: Vectors | str | os.PathLike[str] | None = None,
        freeze: bool = False,
        unk: Literal["learn", "mean"] = "learn",
        word_dropout: float = 0.05,
        dropout: float = 0.0,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        optimizer: Literal["lazy-adam", "adam"] = "lazy-adam",
        lr: float = 3e-3,
        schedule: Schedule = "constant",
        epochs: int = 10,
        batch_size: int = 32,
        shuffle: bool = True,
        patience: int = 3,
        tokens: TokenizerSpec = "words",
        min_count: int = 1,
        seed: int = 1,
        device: torch.device | str | int | None = None,
        progress: ProgressSpec = None,
    ) -> None:
        self.vocab = vocab
        self.dim = dim
        self.init_std = init_std
        self.pooling = pooling
        self.length = length
        self.pretrained = pretrained
        self.freeze = freeze
        self.unk = unk
        self.word_dropout = word_dropout
        self.dropout = dropout
        self.class_weight = class_weight
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.patience = patience
        self.tokens = tokens
        self.min_count = min_count
        self.seed = seed
        self.device = device
        self.progress = progress

    # Learning.

    def fit(
        self,
        texts: Iterable[Text],
        labels: Iterable[Any],
        validation: tuple[Iterable[Text], Iterable[Any]] | None = None,
    ) -> Self:
        """Learn from labelled texts. What was learnt before is forgotten.

        Args:
            texts: Texts, or token lists.
            labels: A str or number for each; or a collection of such, or (texts, classes) zeros and
                ones, where a text may have several.
            validation: Held-out texts and their labels. Their loss is taken after each epoch;
                training stops when it has not fallen for `patience` epochs, and the best weights
                are kept.

        Raises:
            TypeError: Not several texts, or not labels.
            ValueError: A setting that cannot be used, other numbers of texts and of labels, or
                held-out texts with a label that the others never have.
            CorpusError: There is nothing to learn from: one class alone, or no token in any text.
            TrainingError: The numbers diverged; the message says what to do.
        """
        self._check_settings()
        device, report = as_device(self.device), Reporter(self.progress)
        texts = check_texts(texts)
        found = read_labels(labels, len(texts))
        classes = found.classes()
        vocab = self._vocab_of(texts)
        seqs = encode_all(vocab, texts)
        if not any(map(len, seqs)):
            raise CorpusError(f"expected words to learn from, the {len(seqs):,} texts hold none.")
        indicator, _ = found.indicator(classes)
        examples = Examples(seqs, indicator, found.several)
        held_out = self._held_out(validation, vocab, classes, found.several)
        network, begun = self._network(vocab, classes, found.several, seqs)
        weights = class_weights(self.class_weight, classes, indicator, several=found.several)
        history = train(self, network.to(device), vocab, examples, held_out, weights, report)
        self.classes_, self.vocab_, self.module_ = classes, vocab, network
        self.found_, self._several, self._device = begun, found.several, device
        self.history_, self.validation_history_ = history.loss, history.validation_loss
        return self

    def _check_settings(self) -> None:
        for name in ("dim", "epochs", "batch_size", "patience", "min_count"):
            check_whole(name, getattr(self, name), least=1)
        check_whole("seed", self.seed, least=0)
        if self.length is not None:
            check_whole("length", self.length, least=1)
        check_number("word_dropout", self.word_dropout, low=0, high=1)
        check_number("dropout", self.dropout, low=0, high=1)
        check_number("lr", self.lr, low=0, high=1e38)
        check_number("init_std", self.init_std, low=0)
        check_choice("pooling", self.pooling, ("mean", "flatten"))
        check_choice("unk", self.unk, ("learn", "mean"))
        check_choice("optimizer", self.optimizer, ("lazy-adam", "adam"))
        check_choice("schedule", self.schedule, ("constant", "linear"))
        if self.freeze and self.pretrained is None:
            raise ValueError("freeze=True needs pretrained vectors: random rows must be trained.")
        if self.vocab is not None and self.vocab.pad_id is None:
            raise ValueError(
                "the vocabulary needs a padding token: make it with Vocabulary.from_texts(texts), "
                "or name one of its tokens, pad='<pad>'."
            )

    def _vocab_of(self, texts: list[str | list[str]]) -> Vocabulary:
        if self.vocab is not None:
            return self.vocab
        tokenizer = make_tokenizer(self.tokens)
        lists = (tokenizer.tokens(text) if isinstance(text, str) else text for text in texts)
        return Vocabulary.from_tokens(lists, min_count=self.min_count, tokens=tokenizer)

    def _held_out(
        self, validation: Any, vocab: Vocabulary, classes: Array, several: bool
    ) -> Examples | None:
        if validation is None:
            return None
        try:
            texts, labels = validation
        except (TypeError, ValueError):
            raise TypeError("validation must be a pair (texts, labels).") from None
        texts = check_texts(texts)
        found = read_labels(labels, len(texts))
        indicator, unseen = found.indicator(classes)
        check_seen(unseen, classes)
        if not texts:
            raise CorpusError("expected texts for validation, there is none.")
        if found.several != several:
            raise ValueError("the labels of validation must be of the same form as the others.")
        return Examples(encode_all(vocab, texts), indicator, several)

    def _network(
        self, vocab: Vocabulary, classes: Array, several: bool, seqs: list[Ids]
    ) -> tuple[PooledNetwork, Bools]:
        """Return the network as it begins, on the CPU, and which rows are pretrained."""
        outputs = 1 if len(classes) == 2 and not several else len(classes)
        length = self.length if self.length is not None else max(map(len, seqs))
        matrix, found = None, np.zeros(len(vocab), np.bool_)
        if self.pretrained is not None:
            matrix, found = self._pretrained_rows(vocab)
        assert vocab.pad_id is not None  # checked before
        with beginning(self.seed):
            network = PooledNetwork(
                len(vocab),
                self.dim if matrix is None else matrix.shape[1],
                outputs,
                pad_id=vocab.pad_id,
                length=length if self.pooling == "flatten" else None,
                dropout=self.dropout,
            )
        with torch.no_grad():
            if matrix is None:
                network.embedding.weight *= self.init_std
            else:
                network.embedding.weight.copy_(torch.from_numpy(matrix))
        network.embedding.weight.requires_grad_(not self.freeze)
        return network, found

    def _pretrained_rows(self, vocab: Vocabulary) -> tuple[Floats, Bools]:
        vectors = self.pretrained
        if isinstance(vectors, str | os.PathLike):
            from ..loading import load

            vectors = load(vectors)
        if not isinstance(vectors, Vectors):
            raise TypeError(f"pretrained must be Vectors or a path, got {type(vectors).__name__}.")
        matrix, found = vectors.embedding_matrix(vocab)
        if not found.any():
            raise ValueError(
                f"none of the {len(vocab):,} tokens has a pretrained vector: were the vectors made "
                "for another language, or with other tokens (lower case, morphemes)?"
            )
        if not np.isfinite(matrix).all():
            raise ValueError("the pretrained vectors hold numbers that are not finite.")
        matrix[vocab.pad_id] = 0
        return matrix, found

    # Asking.

    def _fitted(self) -> PooledNetwork:
        network: PooledNetwork | None = getattr(self, "module_", None)
        if network is None:
            raise NotFittedError("classifier")
        return network

    def predict(self, texts: Iterable[Text]) -> Array:
        """Return the label of each text.

        Returns:
            (texts,) of the labels' type: the most probable one. Where a text may have several,
            (texts, classes) int64: 1 for those with a probability of at least 0.5.
        """
        chances = self.predict_proba(texts)
        if self._several:
            return (chances >= 0.5).astype(np.int64)
        best: Array = self.classes_[chances.argmax(axis=1)]
        return best

    def predict_proba(self, texts: Iterable[Text]) -> Floats:
        """Return (texts, classes) float32: probabilities in the order of `classes_`.

        They add up to 1, but where a text may have several labels: each is one of its own then.
        """
        scores = self._scores(check_texts(texts))
        if self._several:
            chances = torch.sigmoid(scores)
        elif scores.shape[1] == 1:
            chances = torch.sigmoid(torch.cat([-scores, scores], dim=1))
        else:
            chances = torch.softmax(scores, dim=1)
        return chances.numpy()

    def score(self, texts: Iterable[Text], labels: Iterable[Any]) -> float:
        """Return the share of texts whose label, or whose every label, is predicted right.

        Labels that training never saw count as wrong.
        """
        self._fitted()
        texts = check_texts(texts)
        if not texts:
            raise ValueError("expected texts to score, there is none.")
        found = read_labels(labels, len(texts))
        known = set(self.classes_.tolist())
        indicator, _ = found.indicator(self.classes_)
        strange = np.array([not known.issuperset(row) for row in found.of_text])
        predicted = self.predict(texts)
        if self._several:
            return float(((predicted == indicator).all(axis=1) & ~strange).mean())
        return float((predicted[:, None] == self.classes_)[indicator].sum() / len(texts))

    @torch.no_grad()
    def _scores(self, texts: list[str | list[str]]) -> Tensor:
        """Return (texts, outputs), on the CPU."""
        network = self._fitted()
        found = [torch.zeros(0, network.linear.out_features)]
        for first in range(0, len(texts), _PREDICTED_AT_ONCE):
            seqs = encode_all(self.vocab_, texts[first : first + _PREDICTED_AT_ONCE])
            ids, mask = padded(seqs, network, self.length, self._device)
            found.append(network(ids, mask).cpu())
        return torch.cat(found)

    def to_vectors(self) -> Vectors:
        """Return the tokens' vectors, to search, compare and save; special tokens are left out."""
        return self._fitted().embedding.to_vectors(self.vocab_, specials=False)

    # Where it lives.

    def to(self, device: torch.device | str | int) -> Self:
        """Move the model; returns itself."""
        self.device = device
        self._device = as_device(device)
        if hasattr(self, "module_"):
            self.module_.to(self._device)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save as a model folder: safetensors and JSON. What was there is replaced all at once.

        Raises:
            NotFittedError: There is nothing to save before `fit`.
            FormatError: `path` holds something that is not a model.
            OSError: It cannot be written.
        """
        network = self._fitted()
        settings = {"model": KIND, **self.get_params()}
        for name in ("vocab", "pretrained", "tokens", "device", "progress"):
            del settings[name]  # kept as the vocabulary and the rows, or of this machine
        if isinstance(self.class_weight, Mapping):
            settings["class_weight"] = [[label, w] for label, w in self.class_weight.items()]
        settings |= {
            "classes": self.classes_.tolist(),
            "several": self._several,
            "flattened": network.linear.in_features // network.embedding.embedding_dim,
            "history": self.history_,
            "validation_history": self.validation_history_,
        }
        saving.save(path, KIND, network, self.vocab_, settings)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, device: torch.device | str | int | None = None
    ) -> Self:
        """Open a saved classifier.

        Its arguments are those it was made with, but for `pretrained`, of which the rows are kept.

        Raises:
            FileNotFoundError: There is nothing at `path`.
            FormatError: It is no model folder, damaged, or a model of another kind.
        """
        saved = saving.load(path, KIND)
        try:
            model = cls._restored(saved, device)
        except KeyError as error:
            raise FormatError(f"{path}: config.json lacks the setting {error}.") from error
        except (TypeError, ValueError) as error:
            raise FormatError(f"{path}: config.json: {error}") from error
        saving.fill(model.module_, saved, model._device)
        model.module_.embedding.weight.requires_grad_(not model.freeze)
        return model

    @classmethod
    def _restored(cls, saved: saving.Saved, device: Any) -> Self:
        """Return the classifier with a network that has no weights yet."""
        settings = dict(saved.settings)
        if isinstance(settings["class_weight"], list):
            settings["class_weight"] = dict(settings["class_weight"])
        outside = {"vocab", "pretrained", "tokens", "device", "progress"}
        kept = {name: settings[name] for name in cls._names() if name not in outside}
        model = cls(**kept, tokens=saved.vocab.tokenizer, device=device)
        model.freeze = False  # checked below as if there were no pretrained vectors
        model._check_settings()
        model.freeze = kept["freeze"]
        model._several, model.vocab_ = bool(settings["several"]), saved.vocab
        labels = settings["classes"]
        model.classes_ = Labels([(label,) for label in labels], True).classes()
        if saved.vocab.pad_id is None or model.classes_.tolist() != labels:
            raise ValueError("there must be a padding token, and classes in their order.")
        model.found_ = np.zeros(len(saved.vocab), np.bool_)
        model._device = as_device(device)
        model.history_ = list(settings["history"])
        model.validation_history_ = list(settings["validation_history"])
        outputs = 1 if len(labels) == 2 and not model._several else len(labels)
        check_whole("flattened", settings["flattened"], least=1)
        flat = settings["flattened"] if model.pooling == "flatten" else None
        dim = saved.weights[saving.TABLE].shape[1]
        with torch.device("meta"):
            model.module_ = PooledNetwork(
                len(saved.vocab), dim, outputs, pad_id=saved.vocab.pad_id, length=flat,
                dropout=model.dropout,
            )  # fmt: skip
        return model

    def __repr__(self) -> str:
        return f"TextClassifier(dim={self.dim}, pooling={self.pooling!r})"
