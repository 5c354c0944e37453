"""`sajeon.train`: from a source of text to vectors, in one call."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..cores import available_cores
from ..corpus import Corpus, build_corpus
from ..errors import CorpusError
from ..formats.folder import check_target
from ..formats.tables import texts_of_column
from ..kernels._compile import HAVE_NUMBA
from ..loading import load
from ..tokens import Tokenizer, make_tokenizer
from ..tokens.protocol import tokenizer_to_config
from ..vectors import Vectors
from . import checkpoint
from .checkpoint import Checkpoint, Every, Keeper
from .method import Learned, Method, Run, check_whole
from .methods import make_method
from .progress import Reporter, reporter_for
from .start import Start

_HANGUL_HINT = 0.3


def train(
    source: Any,
    *,
    model: str = "skipgram",
    dim: int = 100,
    window: int = 5,
    negatives: int = 5,
    min_count: int = 5,
    epochs: int | None = None,
    lr: float | None = None,
    sample: float = 1e-3,
    noise_exponent: float = 0.75,
    loss: str = "negative",
    subwords: str | None = None,
    x_max: float = 10,
    alpha: float = 0.75,
    shift: float = 1,
    eigenvalues: float = 0.5,
    contexts: str = "words",
    tokens: str | Tokenizer | Callable[[str], list[str]] = "words",
    threads: int | None = None,
    seed: int = 1,
    text: str | None = None,
    encoding_errors: Literal["strict", "replace"] = "strict",
    output: str | os.PathLike[str] | None = None,
    training_state: bool = True,
    resume: bool = False,
    start_from: str | os.PathLike[str] | Vectors | None = None,
    checkpoint_every: Every = "auto",
    progress: bool | Reporter | None = None,
) -> Vectors:
    """Learn vectors from text.

    The same source, settings and seed give the same bits on any number of threads.

    Args:
        source: A path, several, a glob, "-" for standard input, or an iterable of texts or of
            token lists, which may be a one-shot generator. Compressed files are opened.
        model: "skipgram" predicts each context word from the word (better on rare words), "cbow"
            the word from the mean of its context (faster); "glove" fits products of vectors to the
            logarithms of how often words stand near each other, "lsa" decomposes those counts.
        dim: Length of a vector.
        window: Context words on each side, at most; each word draws its own reach from 1 to this.
        negatives: Noise words drawn against each right one.
        min_count: Words seen less often are dropped.
        epochs: Passes over the text, or for GloVe over the co-occurrences; default 5, GloVe 25.
        lr: Learning rate at the start, falling evenly to 0.4 % of it; default 0.025 for skip-gram,
            0.05 for CBOW and with subwords. For GloVe it does not fall; default 0.05.
        sample: Words whose share of the text is above this are thinned out; 0 keeps all.
        noise_exponent: Noise words are drawn by count to this power. LSA reckons chance by it.
        loss: How a prediction is judged: "negative" for negative sampling, "hs" for hierarchical
            softmax (better on rare words than on frequent ones; no noise words), "softmax" for the
            choice among all words, whose time grows with their number.
        subwords: Learn the n-grams of words too, so that words outside the vocabulary get vectors:
            "chars:3-6" for 3 to 6 characters as in fastText, "jamo:3-5" for the letters of Hangul
            syllables; ",buckets=500000" behind it for another number of buckets than 2,000,000.
        x_max: GloVe: words that stand together so often, or more, count in full.
        alpha: GloVe: those that do less often count by this power of their share of `x_max`.
        shift: LSA: what is counted is how many times more often than this, times by chance, words
            stand together. k is what skip-gram with k negatives aims at.
        eigenvalues: LSA: vectors are scaled by singular values to this power: 0, 0.5 or 1.
        contexts: LSA: a word is counted with the "words" around it, or the "documents" (lines, or
            texts) that it occurs in; these are weighed by log-entropy, without window and sample.
        tokens: How texts are cut: "words", "whitespace", with options as in "words:case=keep", a
            `Tokenizer`, or a function from a text to a list of tokens.
        threads: How many to work with; default all cores this process may use. At most 16 are
            used, fewer where the text or the vocabulary is small.
        seed: Key of every random draw.
        text: A column. The source is then one or several files with tables (CSV or TSV with a
            header line, JSON lines, Parquet, Arrow), and each cell of the column is a text.
        encoding_errors: "strict" stops at bytes that are not UTF-8, "replace" goes on.
        output: Folder to save the model to. The vectors returned are then a view of its file, and
            the memory of training is given back.
        training_state: Also save the second table, from which training can go on.
        resume: Go on from the checkpoint of a training into `output` that did not end, to the same
            bits as if it had not been interrupted; without a checkpoint, begin anew. Source and
            settings must be the same; threads need not.
        start_from: A model to go on from with this text, or a path to one. Its words keep their
            vectors where this text does not hold them, and move from there where it does; words it
            does not have are added. Model, dim and tokens are those of the model; all other
            settings those given here.
        checkpoint_every: Seconds between checkpoints, which are kept beside `output` until the
            model is saved. "auto": a minute, for trainings estimated over two minutes. None: never.
        progress: True or False to show progress on standard error or not, None to show it on a
            terminal, or a `Reporter` of your own.

    Returns:
        The vectors, most frequent token first.

    Raises:
        CorpusError: The source holds nothing to learn from.
        FormatError: A file is not UTF-8, or `output` holds something else.
        ValueError: A setting that cannot be used.
        ResumeError: Source or settings are not those of the checkpoint; or there is a checkpoint,
            and `resume` is False.
        BusyError: Another process is training into `output`.
        TrainingError: The numbers diverged.
    """
    if text is not None:
        source = texts_of_column(source, text, encoding_errors)
    given = {
        "model": model, "dim": dim, "window": window, "negatives": negatives,
        "min_count": min_count, "epochs": epochs, "lr": lr, "sample": sample,
        "noise_exponent": noise_exponent, "loss": loss, "subwords": subwords, "x_max": x_max,
        "alpha": alpha, "shift": shift, "eigenvalues": eigenvalues, "contexts": contexts,
        "seed": seed,
    }  # fmt: skip
    start = None if start_from is None else Start.open(start_from)
    method = make_method(given, _DEFAULTS, start)
    if threads is None:
        threads = available_cores()
    check_whole("threads", threads, least=1)
    _check_every(checkpoint_every)
    tokenizer = make_tokenizer(tokens)
    if start is not None:
        tokenizer = start.tokenizer(tokenizer, make_tokenizer(_DEFAULTS["tokens"]))
    target = None if output is None else check_target(output)
    if target is None and resume:
        raise ValueError("resume needs output: the checkpoint is kept beside that folder")
    kept = nullcontext() if target is None else checkpoint.opened(target, resume=resume)
    with reporter_for(progress) as report, kept as found:
        training = _Training(method, tokenizer, threads, report, found, checkpoint_every, start)
        vectors, keeper = training.run(source, encoding_errors)
        if output is None:
            return vectors
        report.note(f"saving to {output}")
        try:
            vectors.save(output, training_state=training_state)
        except (KeyboardInterrupt, OSError):
            if keeper is not None:
                keeper.keep_finished()
            raise
    return load(output)


_DEFAULTS = {name: option.default for name, option in inspect.signature(train).parameters.items()}


def _check_every(every: object) -> None:
    if every is None or every == "auto":
        return
    if isinstance(every, bool) or not isinstance(every, int | float) or not 0 < every < 1e9:
        raise ValueError(
            f"checkpoint_every must be a number of seconds above 0, 'auto' or None; got {every!r}"
        )


@dataclass(frozen=True)
class _Training:
    """One call of `train`, once its arguments are known to be usable."""

    method: Method
    tokenizer: Tokenizer
    threads: int
    report: Reporter
    checkpoint: Checkpoint | None
    every: Every
    start: Start | None

    def run(
        self, source: Any, encoding_errors: Literal["strict", "replace"]
    ) -> tuple[Vectors, Keeper | None]:
        """Read, look at what was read, learn."""
        resumed = self._read_checkpoint()
        corpus = build_corpus(
            source, self.tokenizer, min_count=self.method.min_count,
            known=None if self.start is None else self.start.known(),
            encoding_errors=encoding_errors, workers=self.threads, progress=self.report.reading,
        )  # fmt: skip
        start = None if self.start is None else self.start.on(corpus.vocab)
        _look_at(corpus, self.tokenizer, self.method, self.report)
        if start is not None:
            _compare(corpus, start, self.report)
        keeper = self._keeper(corpus, resumed)
        checkpoint = None if resumed is None else self.checkpoint
        run = Run(self.threads, self.report, keeper, checkpoint, start)
        counts = corpus.vocab.counts
        assert counts is not None  # a corpus always has them
        self.report.began(corpus.vocab.tokens, counts)
        learned = self.method.learn(corpus, run)
        self._note_changes(corpus)
        vectors = Vectors(
            corpus.vocab.tokens,
            learned.matrix,
            counts if start is None else start.total_counts(counts),
            tokenizer=corpus.vocab.tokenizer,
            settings=self._settings(learned),
            training=learned.training,
            subwords=learned.subwords,
        )
        return vectors, keeper

    def _settings(self, learned: Learned) -> dict[str, Any]:
        """Return what config.json says: enough to repeat it, nothing of when or where."""
        return {
            **asdict(self.method),
            **({} if self.start is None else {"start_from": self.start.identity()}),
            "algorithm": {"version": self.method.version, **learned.algorithm},
        }

    def _read_checkpoint(self) -> dict[str, Any] | None:
        """Return what the checkpoint was made from; refuse it before the corpus is read."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return None
        identity = self.checkpoint.identity()
        then, now = identity["settings"], self._described()
        checkpoint.check_same(then, now, "settings", self.checkpoint.path)
        return identity

    def _described(self) -> dict[str, Any]:
        return {
            **asdict(self.method),
            "tokens": tokenizer_to_config(self.tokenizer),
            "algorithm": self.method.version,
            "compiled": HAVE_NUMBA,
            "start_from": None if self.start is None else self.start.identity(),
        }

    def _keeper(self, corpus: Corpus, resumed: dict[str, Any] | None) -> Keeper | None:
        if self.checkpoint is None:
            return None
        identity = {"settings": self._described(), "corpus": corpus.identity()}
        if resumed is not None:
            path = self.checkpoint.path
            checkpoint.check_same(resumed["corpus"], identity["corpus"], "corpus", path)
        return Keeper(self.checkpoint, identity, self.every, self.report.note)

    def _note_changes(self, corpus: Corpus) -> None:
        for name in corpus.changed_files():
            self.report.note(
                f"warning: {name} was changed or removed since it was read; the model is of the "
                "text as it was then"
            )


def _look_at(corpus: Corpus, tokenizer: Tokenizer, method: Method, report: Reporter) -> None:
    """Refuse what cannot be learned from, and point out what probably is not meant."""
    assert corpus.vocab.counts is not None  # a corpus always has them
    num_tokens, num_words = len(corpus.ids), int((corpus.vocab.counts > 0).sum())
    if num_words < 2:
        raise CorpusError(
            f"expected at least 2 different words to learn from, but {num_words} of "
            f"{corpus.num_types:,} is seen {method.min_count} times or more; "
            "try a smaller --min-count, or more text."
        )
    if num_tokens <= method.window:
        raise CorpusError(
            f"expected more text than one window: {num_tokens:,} words are left of "
            f"{corpus.num_raw_tokens:,} with --min-count {method.min_count}, and a window "
            f"reaches {method.window} words to each side; give more text, or a smaller --window"
        )
    report.note(
        f"{corpus.num_raw_tokens:,} tokens, {num_words:,} words kept of {corpus.num_types:,}"
    )
    if tokenizer.name == "words" and corpus.hangul_share > _HANGUL_HINT:
        report.note(
            "hint: this text is mostly Korean, where a word carries its particles and endings "
            "(집, 집이, 집에서 are three words here). --tokens morphemes takes them apart "
            "(pip install 'sajeon[ko]'); a large text sooner with morphemes:engine=mecab."
        )
    if num_tokens < 50 * method.dim:
        report.note(
            f"hint: {num_tokens:,} tokens are little for {method.dim} dimensions; "
            "more text, a smaller --dim or more --epochs will give better vectors."
        )
    if not HAVE_NUMBA:
        slow = "Numba is not installed: training in plain NumPy, some hundred times slower"
        report.note(f"warning: {slow}")
        warnings.warn(slow, RuntimeWarning, stacklevel=4)


def _compare(corpus: Corpus, start: Start, report: Reporter) -> None:
    """Say which words are new, and which the new text does not hold."""
    assert corpus.vocab.counts is not None  # a corpus always has them
    new = int((start.rows < 0).sum())
    absent = int((corpus.vocab.counts == 0).sum())
    report.note(
        f"{new:,} of the words are new; {absent:,} of the model's do not occur in this text and "
        "keep their vectors"
    )
