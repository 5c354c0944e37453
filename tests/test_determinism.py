"""The same seed gives the same bits: on any threads, in any order, on an older processor's code."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from sajeon.kernels import rounds, threads
from sajeon.kernels._compile import HAVE_NUMBA, overload
from sajeon.learn import trainer
from sajeon.learn.engine import CompiledEngine
from sajeon.learn.word2vec import Word2Vec

pytestmark = pytest.mark.skipif(not HAVE_NUMBA, reason="plain NumPy has one thread")
MODELS = ["skipgram", "cbow"]
NUM_WORDS = 2500  # with so many words and tokens, a round has all 16 blocks


@pytest.fixture(scope="module")
def ids() -> np.ndarray:
    weights = 1 / np.arange(1, NUM_WORDS + 1)
    ids = np.random.default_rng(0).choice(NUM_WORDS, 140_000, p=weights / weights.sum())
    ids[:NUM_WORDS] = np.arange(NUM_WORDS)  # every word is there
    return ids.astype(np.int32)


@pytest.fixture(scope="module")
def text(ids, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    path.write_text("\n".join(" ".join(f"w{i}" for i in line) for line in ids.reshape(-1, 20)))
    return path


def trained_hash(text: Path, model: str, room: Path, *options: object, **environment: str) -> str:
    """Train in a process of its own; SHA-256 over the files of the model in name order."""
    command = [sys.executable, "-m", "sajeon", "train", text, "-o", room / "m", "--model", model,
               "--min-count", "1", "--dim", "36", "--epochs", "2", *options]  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), env=os.environ | environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256()
    for path in sorted((room / "m").iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("model", MODELS)
def test_the_model_folder_is_the_same_on_any_threads(text, model, tmp_path):
    hashes = {trained_hash(text, model, tmp_path, "--threads", n) for n in (1, 2, 3, 8)}
    assert len(hashes) == 1
    assert trained_hash(text, model, tmp_path, "--seed", 2) not in hashes


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="code for x86-64")
@pytest.mark.slow
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_code_for_an_older_processor_gives_the_same_bits(text, model, tmp_path):
    """AVX2 code, eight numbers at a time, and code for this machine, which may take sixteen."""
    older = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2"}
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_FEATURES], env=os.environ | older, capture_output=True,
        text=True, check=True,
    ).stdout  # fmt: skip
    assert "avx2" in shown
    assert "avx512" not in shown
    native = trained_hash(text, model, tmp_path)
    assert trained_hash(text, model, tmp_path, **older) == native


_SHOW_FEATURES = """
from numba.core.registry import cpu_target
print(cpu_target.target_context.codegen().magic_tuple())
"""


# --- delays between blocks -----------------------------------------------------------------------


class Delayed(NamedTuple):
    """The state of an objective, whose threads now and then dawdle before a block."""

    state: Any
    spins: np.ndarray  # (threads, n) int64, how long before each of a thread's blocks
    taken: np.ndarray  # (threads, 8) int64, how many of them are behind it
    flag: np.ndarray  # (1,) int64, something to look at


def _dawdle(delayed, thread):
    i = delayed.taken[thread, 0]
    delayed.taken[thread, 0] += 1
    for _ in range(delayed.spins[thread, i % delayed.spins.shape[1]]):
        threads.atomic_load(np.int64(delayed.flag.ctypes.data))


if HAVE_NUMBA:
    import numba

    dawdle = numba.njit(nogil=True)(_dawdle)
    # Without the cache on disk: types of a test must not get into the users' kernels.
    run_rounds = numba.njit(nogil=True, error_model="numpy")(rounds.run_rounds.py_func)

    @overload(rounds.plan_block)
    def _plan(state, thread, half, slot, epoch, block, shared):
        if getattr(state, "instance_class", None) is not Delayed:
            return None

        def plan(state, thread, half, slot, epoch, block, shared):
            dawdle(state, thread)
            return rounds.plan_block(state.state, thread, half, slot, epoch, block, shared)

        return plan

    @overload(rounds.train_block)
    def _train(state, thread, half, slot, lr, shared):
        if getattr(state, "instance_class", None) is not Delayed:
            return None

        def train(state, thread, half, slot, lr, shared):
            dawdle(state, thread)
            return rounds.train_block(state.state, thread, half, slot, lr, shared)

        return train


class DelayedEngine(CompiledEngine):
    """Trains with random delays: one block in twenty waits as long as several blocks take."""

    rng = np.random.default_rng(7)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        shape = (self.threads, 997)
        spins = self.rng.integers(0, 400_000, shape) * (self.rng.random(shape) < 0.05)
        taken, flag = np.zeros((self.threads, 8), np.int64), np.zeros(1, np.int64)
        self._state = Delayed(self._state, spins, taken, flag)

    def _run(self, thread: int, threads: int, first: int, last: int) -> None:
        schedule = self._schedule
        run_rounds(
            self._state, self._arrays, thread, threads, first, last, self._num_blocks,
            schedule.epochs, schedule.lr, schedule.lr_end,
        )  # fmt: skip


def hash_of_run(ids: np.ndarray, model: str, threads: int) -> str:
    word2vec = Word2Vec(
        ids, np.arange(0, len(ids) + 1, 20), np.bincount(ids), model=model, dim=36, window=5,
        negatives=5, sample=1e-3, noise_exponent=0.75, seed=1,
    )  # fmt: skip
    assert word2vec.blocks.per_round == 16
    one = trainer.Trainer(word2vec, len(ids), epochs=1, lr=0.05, lr_end=1e-3, threads=threads)
    assert one.engine.threads == threads
    trained = one.run()
    digest = hashlib.sha256(str(trained.loss).encode())
    for table in trained.tables.values():
        digest.update(table.tobytes())
    return digest.hexdigest()


def check_runs(ids: np.ndarray, model: str, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hash_of_run(ids, model, 1)
    monkeypatch.setattr(trainer, "CompiledEngine", DelayedEngine)
    counts = np.random.default_rng(3).integers(1, 17, runs).tolist()
    found = [hash_of_run(ids, model, threads) for threads in counts]
    assert found == [expected] * runs


@pytest.mark.slow
def test_delays_between_blocks_do_not_change_a_bit(ids, monkeypatch):
    check_runs(ids, "skipgram", 10, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_delays_do_not_change_a_bit_in_100_runs(ids, model, monkeypatch):
    check_runs(ids, model, 100, monkeypatch)
