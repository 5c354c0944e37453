"""One training of one side, in a process of its own: `_common.run` starts this file.

Every side gets the same raw text and settings, cuts it by the same rule, counts, trains and saves
its model. gensim and fastText know tokens between blanks alone, so for them the text is first cut
by sajeon's plain-Python tokenizer: gensim's list mode holds the tokens as lists in memory, the two
others read them from a file, one sequence a line.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()  # imports are part of the way from raw text to a saved model

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import _common as common  # noqa: E402
import numpy as np  # noqa: E402

from sajeon.tokens import Words  # noqa: E402
from sajeon.types import Array  # noqa: E402

Order = dict[str, Any]
Outcome = tuple[dict[str, Any], Sequence[str], Array]  # figures, words, vectors


def main() -> None:
    """Train as the order on the command line says; write figures and vectors."""
    order: Order = json.loads(sys.argv[1])
    figures, words, matrix = SIDES[order["side"]](order)
    (Path(order["room"]) / "result.json").write_text(json.dumps(figures))
    if order["keep"]:
        keep = Path(order["keep"])
        keep.with_suffix(".words.txt").write_text("\n".join(words), encoding="utf-8")
        unfinished = keep.with_name(keep.name + ".part")
        with unfinished.open("wb") as file:
            np.save(file, matrix)
        unfinished.replace(keep)


def sajeon(order: Order) -> Outcome:
    """Make the call that users make, and read the trainer's own clock on the way."""
    from sajeon.learn import train as module
    from sajeon.learn.trainer import Trained, Trainer

    seen: list[tuple[Trained, float]] = []
    run = Trainer.run

    def watched(trainer: Trainer) -> Trained:
        trained = run(trainer)
        seen.append((trained, time.perf_counter()))
        return trained

    Trainer.run = watched  # type: ignore
    counting = time.perf_counter()
    vectors = module.train(
        order["raw"], model=order["model"], dim=order["dim"], window=common.WINDOW,
        negatives=common.NEGATIVES, min_count=common.MIN_COUNT, epochs=order["epochs"],
        lr=order["lr"], sample=common.SAMPLE, noise_exponent=common.NOISE_EXPONENT,
        threads=order["threads"], seed=order["seed"], output=Path(order["room"]) / "model",
        progress=False,
    )  # fmt: skip
    trained, at_end = seen[0]
    assert vectors.counts is not None
    figures = _figures(0.0, at_end - counting, trained.seconds, vectors.counts)
    return figures, list(vectors.tokens), vectors.matrix


def rounds(order: Order) -> Outcome:
    """Make the same call with other rounds: "rounds-SxL" is S blocks of at least L tokens."""
    from functools import partial

    from sajeon.learn import blocks, word2vec

    most, length = map(int, order["side"].removeprefix("rounds-").split("x"))
    blocks.MAX_PER_ROUND = most
    word2vec.cut = partial(blocks.cut, length=length)
    return sajeon(order)


def gensim(order: Order) -> Outcome:
    """Train gensim on lists in memory or on a file of tokens."""
    from gensim.models import Word2Vec

    start = time.perf_counter()
    corpus: dict[str, Any]
    if order["side"] == "gensim-list":
        corpus = {"corpus_iterable": list(_sequences(order))}
    else:
        corpus = {"corpus_file": str(_token_file(order))}
    counting = time.perf_counter()
    model = Word2Vec(
        vector_size=order["dim"], window=common.WINDOW, negative=common.NEGATIVES,
        min_count=common.MIN_COUNT, sample=common.SAMPLE, ns_exponent=common.NOISE_EXPONENT,
        alpha=order["lr"], min_alpha=order["lr"] * 0.004, sg=int(order["model"] == "skipgram"),
        workers=order["threads"], seed=order["seed"],
    )  # fmt: skip
    model.build_vocab(**corpus)
    training = time.perf_counter()
    model.train(
        **corpus,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=order["epochs"],
    )
    done = time.perf_counter()
    model.save(str(Path(order["room"]) / "model"))
    counts = model.wv.expandos["count"]
    figures = _figures(counting - start, done - counting, done - training, counts)
    return figures, model.wv.index_to_key, model.wv.vectors


def fasttext(order: Order) -> Outcome:
    """Train fastText without subwords on a file of tokens. Its Python module takes no seed."""
    import fasttext as library  # type: ignore[import-untyped]

    start = time.perf_counter()
    path = _token_file(order)
    counting = time.perf_counter()
    model = library.train_unsupervised(
        str(path), model=order["model"], dim=order["dim"], ws=common.WINDOW,
        neg=common.NEGATIVES, loss="ns", minCount=common.MIN_COUNT, t=common.SAMPLE, minn=0,
        maxn=0, lr=order["lr"], epoch=order["epochs"], thread=order["threads"], verbose=0,
    )  # fmt: skip
    done = time.perf_counter()
    model.save_model(str(Path(order["room"]) / "model.bin"))
    words, counts = model.get_words(include_freq=True)
    figures = _figures(counting - start, done - counting, None, counts)
    return figures, words, np.asarray(model.get_input_matrix())[: len(words)]


def _figures(tokenise: float, count_and_train: float, train: float | None, counts: Any) -> Order:
    return {
        "train": train,
        "count_and_train": count_and_train,
        "end_to_end": time.perf_counter() - STARTED,
        "tokenise": tokenise,
        "words": int(np.sum(counts)),
        "vocabulary": len(counts),
    }


def _sequences(order: Order) -> Iterator[list[str]]:
    tokenizer = Words()
    with Path(order["raw"]).open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield tokenizer.tokens(line)


def _token_file(order: Order) -> Path:
    path = Path(order["room"]) / "tokens.txt"
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(" ".join(tokens) + "\n" for tokens in _sequences(order))
    return path


SIDES = {
    "sajeon": sajeon,
    "gensim-list": gensim,
    "gensim-file": gensim,
    "fasttext": fasttext,
    **dict.fromkeys(("rounds-1x128", "rounds-32x64", "rounds-64x32"), rounds),
}

if __name__ == "__main__":
    main()
