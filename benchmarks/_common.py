"""What the benchmarks share: the text they use, a training in a process of its own, tables."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sajeon.tokens import Words
from sajeon.tokens.readers import find_files

DATA = Path(os.environ.get("SAJEON_DATA", "../shared/data"))
CORPORA = {"en": "corpus.en.txt.xz", "ko": "corpus.ko.txt.xz"}
SIDES = {
    "sajeon": "sajeon",
    "gensim-list": "gensim, lists",
    "gensim-file": "gensim, `corpus_file`",
    "fasttext": "fastText",
    # sajeon with other rounds, S blocks of at least L tokens: what rounds do to quality.
    "rounds-1x128": "sajeon, one block after another",
    "rounds-32x64": "sajeon, 32 blocks of 64 a round",
    "rounds-64x32": "sajeon, 64 blocks of 32 a round",
}
GENSIM = ("gensim-list", "gensim-file")
MODELS = {"skipgram": "skip-gram", "cbow": "CBOW"}
WINDOW, NEGATIVES, SAMPLE, MIN_COUNT, NOISE_EXPONENT = 5, 5, 1e-3, 5, 0.75
GENSIM_LONGEST = 10_000  # tokens of a sequence; gensim leaves out the rest without a word
# Memory grows over seconds. Looking 50 times a second halved the speed of sajeon, whose threads
# meet a thousand times a second: whoever takes a core from one of them stops both.
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Text:
    """The raw text of a benchmark, unpacked.

    Attributes:
        path: UTF-8, one sequence a line.
        tokens: Words in it, those below the minimum count included.
        lines: Sequences.
        cut_lines: Sequences longer than gensim takes.
        cut_tokens: Words that gensim leaves out of them.
        key: Tells this text from any other.
    """

    path: Path
    tokens: int
    lines: int
    cut_lines: int
    cut_tokens: int
    key: str


@dataclass(frozen=True)
class Job:
    """One training of one side: all that its result depends on, apart from chance."""

    text: str  # the key of the text
    side: str
    model: str
    dim: int
    epochs: int
    lr: float
    threads: int
    seed: int


@dataclass(frozen=True)
class Result:
    """What one training took.

    Attributes:
        train: Seconds of training alone; None where the side does not part it from counting.
        count_and_train: Seconds from counting the tokens to trained vectors, nothing saved.
        end_to_end: Seconds from the raw text to the saved model, imports included.
        tokenise: Seconds of the latter in which text was cut into words apart from all else.
        words: Words in the text that are in the vocabulary.
        vocabulary: Distinct words kept.
        peak: The most anonymous resident memory seen, bytes; None where that is not known.
    """

    train: float | None
    count_and_train: float
    end_to_end: float
    tokenise: float
    words: int
    vocabulary: int
    peak: int | None = None


def unpack(source: Path, folder: Path, most_tokens: int | None) -> Text:
    """Write the plain text, or its first lines that hold `most_tokens` words, and look at it."""
    tokenizer = Words()
    path, digest = folder / "raw.txt", hashlib.sha256()
    tokens = lines = cut_lines = cut_tokens = 0
    blocks = (block for file in find_files(source) for block in file.blocks())
    with path.open("wb") as out:
        for line in _lines(blocks):
            out.write(line)
            digest.update(line)
            length = len(tokenizer.tokens(line.decode()))
            tokens, lines = tokens + length, lines + 1
            cut_lines += length > GENSIM_LONGEST
            cut_tokens += max(0, length - GENSIM_LONGEST)
            if most_tokens is not None and tokens >= most_tokens:
                break
    return Text(path, tokens, lines, cut_lines, cut_tokens, digest.hexdigest()[:16])


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


def run(job: Job, text: Text, room: Path, keep: Path | None = None) -> Result:
    """Train in a process of its own and watch its memory.

    Args:
        job: What to train.
        text: On what.
        room: An empty folder for what the training writes.
        keep: Where the vectors go, an .npy file; the words go beside it. None: nowhere.

    Raises:
        SystemExit: The training failed; what it wrote on standard error says why.
    """
    order = {**asdict(job), "raw": str(text.path), "room": str(room)}
    order["keep"] = None if keep is None else str(keep)
    command = [sys.executable, str(Path(__file__).with_name("_sides.py")), json.dumps(order)]
    peak = watch(subprocess.Popen(command, env=environment()), str(job))
    return Result(**json.loads((room / "result.json").read_text()), peak=peak)


def environment() -> dict[str, str]:
    """Return the environment of a training: caches of code may be written."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def watch(process: subprocess.Popen[bytes], what: str) -> int | None:
    """Wait for a process; return the most anonymous resident memory seen, in bytes.

    Raises:
        SystemExit: It failed; what it wrote on standard error says why.
    """
    peak = None
    try:
        while process.poll() is None:
            seen = _anonymous_memory(process.pid)
            peak = max(peak or 0, seen) if seen is not None else peak
            time.sleep(_POLL_SECONDS)
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise SystemExit(f"exit status {process.returncode}: {what}")
    return peak


def cpu_of_children() -> float:
    """Return the seconds of CPU of all processes that this one started and that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def _anonymous_memory(pid: int) -> int | None:
    """Bytes of resident memory that no file stands behind; None where Linux's /proc is not."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    sizes = [int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")]
    return sizes[0] if sizes else None


def machine() -> str:
    """Name the processor, its cores that this process may use, and the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()}"


def versions(packages: Iterable[str]) -> str:
    """Name Python and the packages with their versions."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} (from source)")
    return ", ".join(found)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> str:
    """Return a Markdown table, the first `left` columns set left, the others right."""
    rules = ["---" if i < left else "---:" for i in range(len(header))]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (header, rules, *rows))


def split(kind: type = str) -> Any:
    """Return a converter of "a,b" to a list, for argparse."""

    def convert(text: str) -> list[Any]:
        return [kind(part.strip()) for part in text.split(",") if part.strip()]

    convert.__name__ = f"list of {kind.__name__}"
    return convert


def one_of(names: Iterable[str]) -> Any:
    """Return a converter of "a,b" to a list of some of the names, for argparse."""
    allowed = list(names)

    def convert(text: str) -> list[str]:
        found: list[str] = split()(text)
        if unknown := [name for name in found if name not in allowed]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r}: not of {', '.join(allowed)}")
        return found

    return convert


def say(text: str) -> None:
    """Write a line of progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def show(report: str, out: Path | None) -> None:
    """Print the report, and write it to a file if one is named."""
    print(report)
    if out is not None:
        out.write_text(report + "\n", encoding="utf-8")
