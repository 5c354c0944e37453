"""What an epoch costs against the size of the vocabulary, by each loss: why noise words are drawn.

Run ``python benchmarks/losses.py``. A synthetic text with words by Zipf's law is trained for one
epoch by the softmax over all words, hierarchical softmax and negative sampling, with vocabularies
from 100 to 100,000 words. Softmax is left out where it would take longer than ``--limit`` seconds,
and its estimate is shown. Its NumPy is slower than compiled code by a constant; how each column
grows from line to line is the point.
"""

import argparse
import os
import platform
import time

# One thread each, so that columns are comparable. Read when NumPy is imported.
for _library in ("OPENBLAS", "MKL", "OMP", "VECLIB"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402

from sajeon.learn.hierarchical import HierarchicalWord2Vec  # noqa: E402
from sajeon.learn.objective import Objective  # noqa: E402
from sajeon.learn.softmax import SoftmaxWord2Vec  # noqa: E402
from sajeon.learn.trainer import Trainer  # noqa: E402
from sajeon.learn.word2vec import Word2Vec  # noqa: E402
from sajeon.types import Counts, Ids32  # noqa: E402

SIZES = (100, 1_000, 10_000, 100_000)
WINDOW = 5


def text(num_words: int, num_tokens: int) -> tuple[Ids32, Counts]:
    """Return ids by falling count, each at least once where there is room, and their counts."""
    shares = 1 / np.arange(1, num_words + 1)
    rng = np.random.default_rng(0)
    ids = rng.choice(num_words, num_tokens, p=shares / shares.sum())
    return ids.astype(np.int32), np.bincount(ids, minlength=num_words)


def microseconds(objective: Objective, num_tokens: int) -> float:
    """Train one epoch in one thread, and return the CPU time of a word of text."""
    fit = Trainer(objective, num_tokens, epochs=1, lr=0.025, lr_end=1e-4, threads=1)
    fit.engine.prepare()  # compiles
    started = time.process_time()
    fit.run()
    return (time.process_time() - started) / num_tokens * 1e6


def measure(num_words: int, options: argparse.Namespace) -> tuple[float, float, float, bool]:
    """Return microseconds a word by softmax, hs and negative sampling; whether softmax was run."""
    settings = {
        "model": options.model, "dim": options.dim, "window": WINDOW, "sample": 0, "seed": 1,
    }  # fmt: skip

    def arrays(num_tokens: int) -> tuple[Ids32, np.ndarray, Counts]:
        ids, counts = text(num_words, num_tokens)
        return ids, np.array([0, num_tokens]), counts

    hs = microseconds(HierarchicalWord2Vec(*arrays(options.tokens), **settings), options.tokens)
    noise = Word2Vec(*arrays(options.tokens), **settings, negatives=5, noise_exponent=0.75)
    negative = microseconds(noise, options.tokens)
    softmax = SoftmaxWord2Vec(*arrays(options.few), **settings)
    expected = softmax.seconds_per_epoch()
    if expected > options.limit:
        return expected / options.few * 1e6, hs, negative, False
    return microseconds(softmax, options.few), hs, negative, True


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="cbow")
    parser.add_argument("--dim", type=int, default=100, help="length of a vector")
    parser.add_argument("--tokens", type=int, default=500_000, help="words of the text")
    parser.add_argument("--few", type=int, default=2_000, help="words of the text for softmax")
    parser.add_argument("--limit", type=float, default=60, help="seconds softmax may take a line")
    options = parser.parse_args()
    started = time.perf_counter()
    measure(SIZES[0], options)  # what is compiled on the way is not to be measured
    print(
        f"{options.model}, dim {options.dim}, window {WINDOW}, one thread, CPU microseconds for a "
        f"word of text; NumPy {np.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}\n"
    )
    print("| words | softmax | hs | negative, 5 | softmax / negative | hs / negative |")
    print("|---:|---:|---:|---:|---:|---:|")
    for num_words in SIZES:
        softmax, hs, negative, run = measure(num_words, options)
        mark = "" if run else " (estimated)"
        print(
            f"| {num_words:,} | {softmax:,.0f}{mark} | {hs:.2f} | {negative:.2f} | "
            f"{softmax / negative:,.0f} | {hs / negative:.2f} |",
            flush=True,
        )
    print(f"\n{time.perf_counter() - started:.0f} s in all.")


if __name__ == "__main__":
    main()
