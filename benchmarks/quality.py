"""Are sajeon's vectors as good as the peers'? Several seeds of each, by one rule.

    python benchmarks/quality.py --cache vectors                  gensim's list mode, 5 seeds
    python benchmarks/quality.py --language ko --models skipgram
    python benchmarks/quality.py --sajeon-lr 0.05 --models cbow   our own rate against the peer's

The rule: five seeds on each side, paired over items and seeds; the lower end of the 95 % bootstrap
interval of (ours - theirs) lies above -0.015 on each test set and above -0.005 on the mean of the
sets. With --cache, trained vectors are kept in a folder, and only missing ones are trained.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import _common as common
import numpy as np
from _bootstrap import Comparison, Items
from _bootstrap import compare as compare_items
from _common import Job, Text

from sajeon import evaluate, search
from sajeon.formats import testsets
from sajeon.learn.predicting import Predicting
from sajeon.types import Bools, Doubles, Floats, Ids
from sajeon.vectors import Vectors

RESTRICT = 30_000
SETS = {
    "en": [
        "wordsim/EN-WS-353-ALL.txt",
        "wordsim/SimLex-999.full.txt",
        "wordsim/EN-MEN-TR-3k.txt",
        "wordsim/EN-RW-STANFORD.txt",
        "wordsim/EN-MTurk-771.txt",
        "wordsim/EN-SimVerb-3500.txt",
        "analogy/questions-words.txt",
    ],
    "ko": ["ko/WS353_korean.csv"],
}


class Cache:
    """A folder of trained vectors: an .npy file each, and its words beside it, one a line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, job: Job) -> Path:
        """Return where the vectors of a job are or go."""
        side = f"sajeon{Predicting.version}" if job.side == "sajeon" else job.side
        return self.folder / (
            f"{side}_{job.model}_{job.dim}_{job.epochs}_{job.lr:g}_{job.seed}_{job.text}.npy"
        )

    def load(self, job: Job) -> tuple[list[str], Floats]:
        """Return words and vectors (words, dim)."""
        path = self.path(job)
        words = path.with_suffix(".words.txt").read_text(encoding="utf-8").split("\n")
        return words, np.load(path)


@dataclass(frozen=True)
class Plan:
    """What is compared."""

    text: Text
    cache: Cache
    models: list[str]
    dims: list[int]
    peers: list[str]
    sets: list[Path]
    epochs: int
    lr: float
    own_lr: float
    seeds: int
    threads: int
    fasttext_threads: int
    resamples: int

    def job(self, side: str, model: str, dim: int, seed: int) -> Job:
        """Return the training of one seed of one side."""
        lr = self.own_lr if side == "sajeon" else self.lr
        threads = self.fasttext_threads if side == "fasttext" else self.threads
        return Job(self.text.key, side, model, dim, self.epochs, lr, threads, seed)


def compare(plan: Plan) -> str:
    """Train what is missing, and return all comparisons as Markdown."""
    parts = []
    for model in plan.models:
        for dim in plan.dims:
            for peer in plan.peers:
                ours, theirs = (_vectors(plan, side, model, dim) for side in ("sajeon", peer))
                sets = items_of(ours, theirs, plan.sets)
                parts.append(_heading(plan, model, dim, peer) + "\n\n" + _verdicts(plan, sets))
    return "\n\n".join(parts)


def _vectors(plan: Plan, side: str, model: str, dim: int) -> list[tuple[list[str], Floats]]:
    """Return words and vectors of all seeds, trained if they are not in the cache."""
    result = []
    for seed in range(1, plan.seeds + 1):
        job = plan.job(side, model, dim, seed)
        if not plan.cache.path(job).exists():
            common.say(f"training {side} {model} {dim}, seed {seed}")
            with tempfile.TemporaryDirectory() as room:
                common.run(job, plan.text, Path(room), plan.cache.path(job))
        result.append(plan.cache.load(job))
    return result


def items_of(
    ours: Sequence[tuple[list[str], Floats]],
    theirs: Sequence[tuple[list[str], Floats]],
    paths: Sequence[Path],
) -> list[Items]:
    """Evaluate all seeds of both sides item by item, on the words that both know.

    Args:
        ours: Words and vectors (words, dim) of each seed; the words' order is kept.
        theirs: Likewise; brought into the order of ours, so that both look at the same items.
        paths: Test sets. Those with fewer than ten usable items are left out.

    Raises:
        SystemExit: No set is left.
    """
    known = set(theirs[0][0])
    words = [word for word in ours[0][0] if word in known]
    sides = [[_in_order(words, *one) for one in side] for side in (ours, theirs)]
    sets = [one for path in paths if (one := _items(path, sides)) is not None]
    if not sets:
        raise SystemExit("no test set has ten items whose words are all known; use more text")
    return sets


def _in_order(words: list[str], own: list[str], matrix: Floats) -> Vectors:
    row = {word: i for i, word in enumerate(own)}
    return Vectors(words, matrix[[row[word] for word in words]])


def _items(path: Path, sides: list[list[Vectors]]) -> Items | None:
    asked: list[tuple[str, ...]]
    human: Doubles | None = None
    if testsets.kind_of(path) == "analogies":
        asked = [question[1:] for question in testsets.read_questions(path)]
        num = min(RESTRICT, len(sides[0][0]))
    else:
        pairs = testsets.read_pairs(path)
        asked, num = [(pair.a, pair.b) for pair in pairs], len(sides[0][0])
        human = np.array([pair.score for pair in pairs])
    # What `evaluate` does inside, since its results are sums: which words, which answers.
    ids = evaluate.known.ids_of(sides[0][0], asked, num)
    used: Bools = np.all(ids >= 0, axis=1)
    if used.sum() < 10:
        common.say(f"{path.name}: left out, {used.sum()} of {len(used)} items have known words")
        return None
    ids = ids[used]
    if human is None:
        values = [
            [evaluate.questions.answered(v, ids, num).astype(float) for v in s] for s in sides
        ]
    else:
        human = human[used]
        values = [[_cosines(v, ids) for v in side] for side in sides]
    both = [np.array(side) for side in values]
    return Items(path.name, both[0], both[1], human, int((~used).sum()))


def _cosines(vectors: Vectors, ids: Ids) -> Doubles:
    return search.cosine(vectors.matrix[ids[:, 0]], vectors.matrix[ids[:, 1]])


def _heading(plan: Plan, model: str, dim: int, peer: str) -> str:
    rates = f"lr {plan.lr:g}"
    if plan.own_lr != plan.lr:
        rates = f"lr {plan.own_lr:g}, the peer's {plan.lr:g}"
    line = f"Quality of {model}, dim {dim}, {rates}, {plan.epochs} epochs: sajeon and {peer}"
    if plan.seeds < 5:
        line += f" ({plan.seeds} seeds; the rule asks for 5)"
    return line


def _verdicts(plan: Plan, sets: list[Items]) -> str:
    header = (
        "test set", "items", "lost", "sajeon", "peer", "difference", "95 % interval",
        "lower end must exceed", "verdict",
    )  # fmt: skip
    rows = [verdict(row) for row in compare_items(sets, plan.resamples)]
    sizes = [[f"{one.ours.shape[1]:,}", f"{one.lost:,}"] for one in sets] + [["", ""]]
    return common.table(header, [[r[0], *s, *r[1:]] for r, s in zip(rows, sizes, strict=True)])


def verdict(row: Comparison) -> list[str]:
    """Return the cells of one comparison: name, scores, difference, interval, bound, verdict."""
    return [
        row.name, f"{row.ours:.4f}", f"{row.theirs:.4f}", f"{row.ours - row.theirs:+.4f}",
        f"{row.low:+.4f} to {row.high:+.4f}", f"{row.floor:+.3f}",
        "not worse" if row.not_worse else "not shown",
    ]  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that this benchmark and the one of speed share."""
    add: Callable[..., argparse.Action] = parser.add_argument
    add("corpus", nargs="?", type=Path, help="raw text; default: the corpus of --language")
    add("--language", choices=SETS, default="en", help="which corpus and test sets; default en")
    add("--tokens", type=int, help="use the first lines that hold so many words")
    add("--models", type=common.one_of(common.MODELS), default=["skipgram", "cbow"])
    add("--dims", type=common.split(int), default=[100])
    add("--peers", type=common.one_of(list(common.SIDES)[1:]), default=["gensim-list"],
        help="of gensim-list, fasttext; for speed also gensim-file")  # fmt: skip
    add("--epochs", type=int, default=5)
    add("--lr", type=float, default=0.025, help="of all sides; default 0.025")
    add("--threads", type=int, default=2)
    add("--seeds", type=int, default=5, help="trainings a side for quality")
    add("--sajeon-lr", type=float, help="another learning rate for sajeon, in quality alone")
    add("--resamples", type=int, default=2000, help="of the bootstrap")
    add("--sets", type=common.split(Path), help="test sets, in place of the language's own")
    add("--cache", type=Path, help="folder of trained vectors; missing ones are trained")
    add("--out", type=Path, help="also write the Markdown to this file")


def corpus_of(options: argparse.Namespace) -> Path:
    """Return the raw text that the options name."""
    return options.corpus or common.DATA / common.CORPORA[options.language]


def plan_of(options: argparse.Namespace, text: Text, cache: Cache) -> Plan:
    """Make the plan from the options."""
    own_lr = options.lr if options.sajeon_lr is None else options.sajeon_lr
    # corpus_file does not finish its learning-rate decay with several workers: speed alone.
    peers = [peer for peer in options.peers if peer != "gensim-file"]
    sets = options.sets or [common.DATA / name for name in SETS[options.language]]
    return Plan(
        text, cache, options.models, options.dims, peers, sets, options.epochs, options.lr,
        own_lr, options.seeds, options.threads, 10, options.resamples,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, compare and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        text = common.unpack(corpus_of(options), Path(folder), options.tokens)
        cache = Cache(options.cache or Path(folder) / "vectors")
        plan = plan_of(options, text, cache)
        packages = ["sajeon", "numpy", *({p.split("-")[0]: p for p in plan.peers})]
        common.show(f"{common.versions(packages)}\n\n{compare(plan)}", options.out)


if __name__ == "__main__":
    main()
