"""Pieces of words: byte-pair encoding, WordPiece and unigram.

By Hugging Face's tokenizers and by sentencepiece. Each is trained on the corpus it is going to cut,
or read from a ``tokenizer.json`` or a model of sentencepiece. Either way its settings hold all of
it, so that the model folder needs no other file.

The same texts give the same pieces. Hugging Face's trainers of WordPiece and unigram, and that of
BPE with a limited alphabet, give others in each run (0.23.3): so WordPiece takes the pieces of BPE,
and unigram is trained by sentencepiece with a fixed number of threads.

Sources: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units"
(2016), algorithm 1; Kudo, "Subword regularization" (2018), section 3.2; Schuster and Nakajima,
"Japanese and Korean voice search" (2012).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from ..errors import CorpusError, FormatError, MissingExtraError
from .patterns import normalised
from .settings import Settled, one_of, whole
from .words import Case, text_of

BOUNDARY = "▁"
"""Begins a piece that begins a word, as in sentencepiece; WordPiece marks the others by ``##``."""

_LARGEST_FILE = 1 << 28  # bytes: far above any tokenizer there is
_MOST_PIECES = 1 << 22
_MOST_TEXTS = 100_000
_THREADS = 4  # sentencepiece's sums depend on how many there are
_UNKNOWN = "<unk>"


class _Pieces(Settled):
    """What the three have in common; see `BPE`."""

    reads: Literal["text"] = "text"

    def __init__(
        self,
        size: int | str = 8000,
        case: Case = "keep",
        file: str | None = None,
        model: dict[str, Any] | str | None = None,
    ) -> None:
        self.size = whole("size", size, least=1, most=_MOST_PIECES)
        self.case: Case = one_of("case", case, ("lower", "keep"))
        self._model = model if file is None else read_model(file)
        self._encoder = None if self._model is None else _encoder(self._model)
        if self._encoder is None:
            self._library()  # where it is missing, better now than after the text was read

    def _library(self) -> None:
        _tokenizers()

    @property
    def untrained(self) -> bool:
        """Whether there are no pieces yet."""
        return self._encoder is None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again, all pieces among them."""
        return {"size": self.size, "case": self.case, "model": self._model}

    def trained(self, texts: Iterable[str]) -> Self:
        """Return the tokenizer with the pieces it learned from texts."""
        model = self._learned(normalised(text, self.case) for text in texts)
        return type(self)(self.size, self.case, model=model)

    def _learned(self, texts: Iterable[str]) -> dict[str, Any] | str:
        raise NotImplementedError

    def tokens(self, item: str) -> list[str]:
        """Return the pieces of a text, in order."""
        return self.token_lists([text_of(item)])[0]

    def token_lists(self, items: Sequence[str]) -> list[list[str]]:
        """Return the pieces of each text."""
        if self._encoder is None:
            raise ValueError(f"{self.name} has no pieces yet: train it on a corpus, or give file=")
        return self._encoder.pieces([normalised(text_of(item), self.case) for item in items])

    def __hash__(self) -> int:
        return hash((self.name, self.size, self.case))

    def __repr__(self) -> str:
        state = "untrained" if self.untrained else "trained"
        return f"{type(self).__name__}(size={self.size}, case={self.case!r}), {state}"


class BPE(_Pieces):
    """Byte-pair encoding: the most frequent pair of pieces becomes a piece, over and over.

    Words are what stands between whitespace, and signs; the first piece of a word begins with
    ``▁``. Characters that the training text lacks, or has too seldom to count, are left out.

    Args:
        size: How many pieces to learn, single characters included.
        case: "keep" or "lower".
        file: A ``tokenizer.json`` of Hugging Face or a ``.model`` of sentencepiece, to be used as
            it is; `size` and `case` then say nothing.
        model: What was read from such a file or learned, as in `settings`.

    Raises:
        FormatError: The file is no tokenizer.
        MissingExtraError: tokenizers, or for its files sentencepiece, is not installed.
        ValueError: A setting has another value.
    """

    name = "bpe"

    def _learned(self, texts: Iterable[str]) -> dict[str, Any]:
        parts = _tokenizers().pre_tokenizers
        return _byte_pairs(texts, self.size, [parts.Metaspace(BOUNDARY), parts.Punctuation()])


class WordPiece(_Pieces):
    """The longest piece that fits, from the left; pieces inside of a word begin with ``##``.

    The pieces are those of `BPE`, and every character. A word with a character that the training
    text lacks is left out. Settings and the rest as in `BPE`.
    """

    name = "wordpiece"

    def _learned(self, texts: Iterable[str]) -> dict[str, Any]:
        parts = _tokenizers().pre_tokenizers
        words = [parts.BertPreTokenizer(), parts.Metaspace(BOUNDARY, prepend_scheme="always")]
        pieces = _byte_pairs(texts, self.size, words)["model"]["vocab"]
        characters = [piece for piece in pieces if len(piece) == 1 and piece != BOUNDARY]
        first = [piece[1:] for piece in pieces if piece.startswith(BOUNDARY) and len(piece) > 1]
        inside = [piece for piece in pieces if not piece.startswith(BOUNDARY)]
        vocab = [_UNKNOWN, *characters, *first, *(f"##{piece}" for piece in inside)]
        library = _tokenizers()
        numbered = {piece: i for i, piece in enumerate(dict.fromkeys(vocab))}
        tokenizer = library.Tokenizer(library.models.WordPiece(numbered, unk_token=_UNKNOWN))
        tokenizer.pre_tokenizer = parts.BertPreTokenizer()
        return _as_json(tokenizer)


class Unigram(_Pieces):
    """Pieces of a unigram language model: a text is cut where its pieces are most probable.

    Learned from at most 100,000 texts, drawn evenly. Settings and the rest as in `BPE`.
    """

    name = "unigram"

    def _library(self) -> None:
        _sentencepiece()

    def _learned(self, texts: Iterable[str]) -> str:
        target = io.BytesIO()
        drawn = _draw(texts, _MOST_TEXTS)
        try:
            _sentencepiece().SentencePieceTrainer.train(
                sentence_iterator=iter(drawn),
                model_writer=target,
                model_type="unigram",
                vocab_size=self.size,
                hard_vocab_limit=False,
                character_coverage=1.0,
                normalization_rule_name="identity",
                max_sentence_length=1 << 20,
                num_threads=_THREADS,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise CorpusError(f"no pieces could be learned from this text: {error}") from None
        return base64.b64encode(target.getvalue()).decode()


def _byte_pairs(texts: Iterable[str], size: int, words: list[Any]) -> dict[str, Any]:
    """Return the tokenizer.json of a BPE learned from texts that are cut into words first."""
    library = _tokenizers()
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence(words)
    trainer = library.trainers.BpeTrainer(vocab_size=size, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return _as_json(tokenizer)


def _as_json(tokenizer: Any) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(tokenizer.to_str())
    return model


def _draw(texts: Iterable[str], most: int) -> list[str]:
    """Return at most so many texts, each as likely as any other, the same in each run.

    Vitter, "Random sampling with a reservoir" (1985), algorithm R.
    """
    generator, drawn = random.Random(1), []
    for number, text in enumerate(texts):
        if number < most:
            drawn.append(text)
        elif (place := generator.randrange(number + 1)) < most:
            drawn[place] = text
    return drawn


class _HuggingFace:
    """Cuts by a ``tokenizer.json``."""

    def __init__(self, model: dict[str, Any]) -> None:
        try:
            self._tokenizer = _tokenizers().Tokenizer.from_str(json.dumps(model))
        except MissingExtraError:
            raise
        except Exception as error:  # the library raises nothing more special
            raise FormatError(f"not a tokenizer.json of Hugging Face: {error}") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._names = {i: piece for piece, i in self._tokenizer.get_vocab().items()}
        unknown = model["model"].get("unk_token")
        if unknown is None and isinstance(model["model"].get("unk_id"), int):
            self._unknown = model["model"]["unk_id"]
        else:
            self._unknown = None if unknown is None else self._tokenizer.token_to_id(unknown)

    def pieces(self, texts: list[str]) -> list[list[str]]:
        found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        names, unknown = self._names, self._unknown
        return [[names[i] for i in each.ids if i != unknown] for each in found]


class _SentencePiece:
    """Cuts by a model of sentencepiece, whose bytes are in Base64."""

    def __init__(self, model: str) -> None:
        library = _sentencepiece()
        try:
            data = base64.b64decode(model, validate=True)
            self._processor = library.SentencePieceProcessor(model_proto=data)
            self._unknown = self._processor.unk_id()
            if not self._processor.get_piece_size():
                raise FormatError("not a model of sentencepiece: it has no pieces")
        except (binascii.Error, RuntimeError) as error:
            raise FormatError(f"not a model of sentencepiece: {error}") from None

    def pieces(self, texts: list[str]) -> list[list[str]]:
        found = self._processor.encode(texts, out_type=int)
        name, unknown = self._processor.id_to_piece, self._unknown
        return [[name(i) for i in ids if i != unknown] for ids in found]


def _encoder(model: Any) -> _HuggingFace | _SentencePiece:
    if isinstance(model, str):
        return _SentencePiece(model)
    if isinstance(model, dict) and isinstance(model.get("model"), dict):
        return _HuggingFace(model)
    raise FormatError(f"expected the JSON object of a tokenizer.json, got {type(model).__name__}")


def read_model(path: str) -> dict[str, Any] | str:
    """Return what a file of a tokenizer holds: a JSON object, or bytes in Base64.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is too large to be one.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    if file.stat().st_size > _LARGEST_FILE:
        raise FormatError(f"{path}: larger than any tokenizer; expected a tokenizer.json")
    data = file.read_bytes()
    if not data.lstrip().startswith(b"{"):
        return base64.b64encode(data).decode()
    try:
        model: dict[str, Any] = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: expected JSON, as in a tokenizer.json: {error}") from None
    return model


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError("tokens in pieces of words", "bpe") from error
    return tokenizers


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingExtraError("pieces of sentencepiece", "bpe") from error
    return sentencepiece
