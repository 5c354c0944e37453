"""`NGramLanguageModel`: the next token from the few before it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..errors import CorpusError, FormatError, NotFittedError, UnknownTokenError
from ..tokens.protocol import make_tokenizer
from ..vocab import Vocabulary
from . import saving
from .checks import check_number, check_whole
from .device import as_device, beginning
from .fitting import Schedule
from .ngram_network import NGramNetwork
from .ngram_training import Settings, log_probs_of, train
from .pairs import Pairs, pairs_of
from .progress import Reporter
from .progress import Spec as ProgressSpec
from .texts import Text, check_texts

if TYPE_CHECKING:
    from typing import Self

    from ..types import Doubles, Floats
    from ..vectors import Vectors
    from ..vocab import TokenizerSpec

BOUNDARY = "</s>"
"""Ends each text, and fills up its beginning."""

UNKNOWN = "<unk>"
KIND = "ngram"


class NGramLanguageModel:
    """Predicts a token from the `context` tokens before it, by an embedding and two linear layers.

    Each text ends with the `boundary` token, and its beginning is filled up with it, so that the
    first token is predicted as well, and so is the end. Several texts do not run into each other.

    Args:
        vocab: The vocabulary. None: `fit` makes one of its texts, with ``<unk>`` and the boundary.
        context: Tokens that predict the next one: 2 makes a trigram model.
        dim: Length of a token's vector.
        hidden: Units of the hidden layer.
        init_std: Standard deviation of the vectors at the start; 1 is that of torch's layer.
        tokens: What cuts texts, where `fit` makes the vocabulary: see `Vocabulary`.
        min_count: Likewise: tokens seen less often become ``<unk>``.
        boundary: The token at the ends of a text; `vocab` must have it. None: there is none, and
            the first `context` tokens of a text are never predicted.
        newest_first: Join the rows of a context from the nearest token to the farthest; otherwise
            from the oldest on.
        dropout: Share of the context's numbers and of the hidden units dropped in training.
        loss: "softmax" over the whole vocabulary, "sampled" for an estimate of it from `negatives`
            words (see `SampledSoftmax`), whose cost does not grow with the vocabulary; "auto":
            sampled above 5,000 tokens. Probabilities are those of the whole vocabulary always.
        negatives: Words drawn for each batch.
        noise_exponent: They are drawn by count to this power.
        optimizer: "adamw" or "sgd".
        lr: Learning rate.
        schedule: "linear": the rate falls evenly to 0. "constant": it stays.
        weight_decay: Of "adamw".
        epochs: Passes over the texts.
        batch_size: Pairs of a step.
        shuffle: Whether pairs come in another order each epoch; otherwise in that of the texts.
        patience: With held-out texts, epochs without a better loss after which `fit` stops.
        seed: Of the first weights, the orders and all other draws. torch's and NumPy's global
            generators are not touched.
        device: Where to compute. None: torch's default device, the CPU unless you set another.
        progress: True or False to write a line an epoch to standard error or not, None to write it
            where that is a terminal. Or a function, called with `Progress`.

    Attributes:
        vocab: The vocabulary, or None before there is one.
        network: `NGramNetwork`, a torch module from ids to log-probabilities; None before `fit`.
        history: Mean loss of a pair in each epoch, nats.
        validation_history: Likewise of the held-out texts, where there are such.

    >>> model = NGramLanguageModel(epochs=40, lr=0.01).fit(["the cat sat", "the dog sat"])
    >>> [token for token, _ in model.predict_next("the cat", k=1)]
    ['sat']
    """

    def __init__(
        self,
        vocab: Vocabulary | None = None,
        *,
        context: int = 2,
        dim: int = 10,
        hidden: int = 128,
        init_std: float = 1.0,
        tokens: TokenizerSpec = "words",
        min_count: int = 1,
        boundary: str | None = BOUNDARY,
        newest_first: bool = False,
        dropout: float = 0.0,
        loss: Literal["auto", "softmax", "sampled"] = "auto",
        negatives: int = 1024,
        noise_exponent: float = 0.75,
        optimizer: Literal["adamw", "sgd"] = "adamw",
        lr: float = 1e-3,
        schedule: Schedule = "linear",
        weight_decay: float = 0.0,
        epochs: int = 10,
        batch_size: int = 64,
        shuffle: bool = True,
        patience: int = 3,
        seed: int = 1,
        device: torch.device | str | int | None = None,
        progress: ProgressSpec = None,
    ) -> None:
        self.settings = Settings(
            context, dim, hidden, init_std, dropout, boundary, newest_first, loss, negatives,
            noise_exponent, optimizer, lr, schedule, weight_decay, epochs, batch_size, shuffle,
            patience, seed,
        )  # fmt: skip
        check_whole("min_count", min_count, least=1)
        self._tokens, self._min_count = tokens, min_count
        self._report, self._device = Reporter(progress), as_device(device)
        self.vocab = vocab
        self._given = vocab is not None
        if vocab is not None:
            self._check_vocab(vocab)
        self.network: NGramNetwork | None = None
        self.history: list[float] = []
        self.validation_history: list[float] = []

    # Learning.

    def fit(
        self,
        texts: Iterable[Text],
        *,
        epochs: int | None = None,
        validation: Iterable[Text] | None = None,
    ) -> Self:
        """Learn from texts. What was learnt before is forgotten.

        Args:
            texts: Texts, or token lists; may be a generator.
            epochs: In place of the model's own.
            validation: Held-out texts. Their loss is taken after each epoch; training stops when it
                has not fallen for `patience` epochs, and the best weights are kept.

        Raises:
            TypeError: `texts` is one text.
            CorpusError: The texts hold no pair of a context and a next token.
            UnknownTokenError: A token is not in the vocabulary, and that has no `unk`.
            TrainingError: The numbers diverged; the message says what to do.
        """
        settings = (
            self.settings if epochs is None else dataclasses.replace(self.settings, epochs=epochs)
        )
        kept = check_texts(texts)
        vocab = self.vocab if self._given and self.vocab is not None else self._vocab_of(kept)
        pairs = self._some_pairs(kept, vocab, "texts")
        held_out = None
        if validation is not None:
            held_out = self._some_pairs(validation, vocab, "validation")
        with beginning(settings.seed):
            network = NGramNetwork(
                len(vocab), settings.context, settings.dim, settings.hidden, settings.dropout
            )
        with torch.no_grad():
            network.embedding.weight *= settings.init_std
        network.to(self._device)
        history = train(network, pairs, settings, self._report, held_out)
        self.vocab, self.network = vocab, network
        self.history, self.validation_history = history.loss, history.validation_loss
        return self

    def _vocab_of(self, texts: list[str | list[str]]) -> Vocabulary:
        boundary = self.settings.boundary
        specials = (UNKNOWN,) if boundary is None else (UNKNOWN, boundary)
        tokenizer = make_tokenizer(self._tokens)
        lists = (tokenizer.tokens(text) if isinstance(text, str) else text for text in texts)
        vocab = Vocabulary.from_tokens(
            lists, specials, None, UNKNOWN, min_count=self._min_count, tokens=tokenizer
        )
        if len(vocab) == len(specials):
            raise CorpusError(
                f"expected words to learn from, but none of {len(texts):,} texts holds a token "
                f"seen min_count={self._min_count} times or more."
            )
        return vocab

    def _check_vocab(self, vocab: Vocabulary) -> None:
        boundary = self.settings.boundary
        if boundary is not None and boundary not in vocab:
            raise ValueError(
                f"the vocabulary lacks the boundary token {boundary!r}: make it with "
                f"specials=({UNKNOWN!r}, {boundary!r}), pad=None, or say boundary=None to learn "
                "from pairs within texts alone."
            )

    def _some_pairs(self, texts: Iterable[Text], vocab: Vocabulary, name: str) -> Pairs:
        pairs = self._pairs(texts, vocab)
        if len(pairs) == 0:
            least = self.settings.context + 1 if self.settings.boundary is None else 1
            raise CorpusError(f"{name} must hold a text of at least {least} tokens, there is none.")
        return pairs

    def _pairs(self, texts: Iterable[Text], vocab: Vocabulary) -> Pairs:
        settings = self.settings
        boundary = settings.boundary
        return pairs_of(
            texts,
            vocab,
            settings.context,
            boundary_id=None if boundary is None else vocab.token_to_id[boundary],
            newest_first=settings.newest_first,
            device=self._device,
        )

    def _known_vocab(self) -> Vocabulary:
        if self.vocab is None:
            raise NotFittedError("language model")
        return self.vocab

    def _boundary_id(self) -> int | None:
        boundary = self.settings.boundary
        return None if boundary is None else self._known_vocab().token_to_id[boundary]

    def _fitted(self) -> NGramNetwork:
        if self.network is None:
            raise NotFittedError("language model")
        return self.network

    # Asking.

    def perplexity(self, texts: Iterable[Text]) -> float:
        """Return the perplexity of texts: e to the mean loss of a token, in nats.

        Over all tokens and the end of each text, from the softmax over the whole vocabulary. A
        token outside the vocabulary counts as ``<unk>``, with that one's probability: compare only
        models of one vocabulary.

        Raises:
            CorpusError: There is nothing to predict in them.
        """
        losses = -self.log_probs(texts)
        if len(losses) == 0:
            raise CorpusError("expected texts with something to predict, there is none.")
        with np.errstate(over="ignore"):  # infinite is what it is then
            return float(np.exp(losses.mean()))

    def log_probs(self, texts: Iterable[Text]) -> Doubles:
        """Return (tokens,) float64: the logarithm of each token's probability, text after text.

        Of all that is predicted: with a boundary, the tokens of a text and then its end.
        """
        return log_probs_of(self._fitted(), self._pairs(texts, self._known_vocab())).numpy()

    def probabilities(self, context: str | Iterable[str]) -> Floats:
        """Return (len(vocab),) float32: the probability of each token to come next.

        Args:
            context: A text or tokens, of which the last count; a short one is filled up with the
                boundary, as at the beginning of a text.

        Raises:
            ValueError: It is too short, and there is no boundary.
        """
        scores = self._next_scores(self._ids_of(context))
        return F.softmax(scores, dim=-1).cpu().numpy()

    def predict_next(self, context: str | Iterable[str], k: int = 10) -> list[tuple[str, float]]:
        """Return the `k` likeliest next tokens with their probabilities, likeliest first.

        The end of the text and ``<unk>`` are among them, as any token is.
        """
        check_whole("k", k, least=1)
        chances = self.probabilities(context)
        best = np.argsort(-chances, kind="stable")[:k]
        tokens = self._known_vocab().tokens
        return [(tokens[i], float(chances[i])) for i in best]

    def generate(
        self,
        prompt: str | Iterable[str] = "",
        length: int = 20,
        *,
        temperature: float = 1.0,
        seed: int = 1,
    ) -> str:
        """Write on from `prompt`, token by token.

        Args:
            prompt: A text or tokens to begin with.
            length: Tokens to add, at most: the end of the text ends it.
            temperature: Scores are divided by it before a token is drawn: below 1 the likely ones
                gain, 0 takes the likeliest always.
            seed: Of the draws. The same seed draws the same text.

        Returns:
            The tokens of the prompt and those drawn, joined by blanks. ``<unk>`` is never drawn.

        Raises:
            ValueError: A setting that cannot be used, or a prompt too short where there is no
                boundary.
        """
        check_whole("length", length, least=0)
        check_number("temperature", temperature, low=0)
        vocab, end = self._known_vocab(), self._boundary_id()
        draw = np.random.default_rng(seed)
        tokens = list(vocab.tokenizer.tokens(prompt) if isinstance(prompt, str) else prompt)
        ids = self._ids_of(tokens)
        for _ in range(length):
            scores = self._next_scores(ids).double().cpu().numpy()
            if vocab.unk_id is not None:
                scores[vocab.unk_id] = -math.inf
            ids.append(_drawn(scores, temperature, draw))
            if ids[-1] == end:
                break
            tokens.append(vocab.tokens[ids[-1]])
        return " ".join(tokens)

    @torch.no_grad()
    def _next_scores(self, ids: list[int]) -> Tensor:
        """Return (len(vocab),): the scores of what follows `ids`."""
        network, settings = self._fitted(), self.settings
        last = ids[-settings.context :]
        if settings.newest_first:
            last = last[::-1]
        contexts = torch.tensor([last], device=self._device)
        scores: Tensor = network.output(network.features(contexts))[0]
        return scores

    def _ids_of(self, context: str | Iterable[str]) -> list[int]:
        """Return the ids of a text or tokens, filled up in front where they are too few."""
        ids: list[int] = self._known_vocab().encode(context).tolist()
        missing, boundary = self.settings.context - len(ids), self._boundary_id()
        if missing > 0 and boundary is None:
            raise ValueError(
                f"expected at least {self.settings.context} tokens of context, got {len(ids)}, and "
                "this model has no boundary token to fill up with."
            )
        return ids if boundary is None else [boundary] * missing + ids

    # Vectors.

    def __getitem__(self, token: str) -> Floats:
        """Return the vector of a token, (dim,) float32, a copy.

        Raises:
            UnknownTokenError: It is not in the vocabulary; the message names near spellings.
        """
        network, vocab = self._fitted(), self._known_vocab()
        if token not in vocab:
            raise UnknownTokenError(token, vocab.tokens[:20_000], len(vocab))
        row = network.embedding.weight[vocab.token_to_id[token]]
        return row.detach().cpu().numpy().copy()

    def __contains__(self, token: object) -> bool:
        return self.vocab is not None and token in self.vocab

    def to_vectors(self) -> Vectors:
        """Return the tokens' vectors, to search, compare and save; special tokens are left out."""
        return self._fitted().embedding.to_vectors(self._known_vocab(), specials=False)

    # Where it lives.

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    def to(self, device: torch.device | str | int) -> Self:
        """Move the model; returns itself."""
        self._device = as_device(device)
        if self.network is not None:
            self.network.to(self._device)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save as a model folder: safetensors and JSON. What was there is replaced all at once.

        Raises:
            NotFittedError: There is nothing to save before `fit`.
            FormatError: `path` holds something that is not a model.
            OSError: It cannot be written.
        """
        network, vocab = self._fitted(), self._known_vocab()
        settings = {"model": KIND, **dataclasses.asdict(self.settings)}
        settings |= {"history": self.history, "validation_history": self.validation_history}
        saving.save(path, KIND, network, vocab, settings)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: torch.device | str | int | None = None,
        progress: ProgressSpec = None,
    ) -> Self:
        """Open a saved model.

        Raises:
            FileNotFoundError: There is nothing at `path`.
            FormatError: It is no model folder, damaged, or a model of another kind.
        """
        saved = saving.load(path, KIND)
        names = [field.name for field in dataclasses.fields(Settings)]
        try:
            settings = {name: saved.settings[name] for name in names}
            model = cls(saved.vocab, **settings, device=device, progress=progress)
        except KeyError as error:
            raise FormatError(f"{path}: config.json lacks the setting {error}.") from error
        except (TypeError, ValueError) as error:
            raise FormatError(f"{path}: config.json: {error}") from error
        with torch.device("meta"):
            network = NGramNetwork(
                len(saved.vocab), model.settings.context, model.settings.dim,
                model.settings.hidden, model.settings.dropout,
            )  # fmt: skip
        saving.fill(network, saved, model.device)
        model.network = network
        model.history = list(saved.settings.get("history", []))
        model.validation_history = list(saved.settings.get("validation_history", []))
        return model

    def __repr__(self) -> str:
        state = "not fitted" if self.network is None else f"{len(self._known_vocab()):,} tokens"
        s = self.settings
        return f"<NGramLanguageModel: {state}, context {s.context}, dim {s.dim}, hidden {s.hidden}>"


def _drawn(scores: Doubles, temperature: float, draw: np.random.Generator) -> int:
    """Draw an id by its score; by Gumbel's trick, so that no score is too large."""
    if temperature == 0:
        return int(scores.argmax())
    return int((scores / temperature + draw.gumbel(size=len(scores))).argmax())
