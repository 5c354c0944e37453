"""How kernels are compiled and kept: once, by one of several processes, and never in the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ANNOUNCED = "sajeon: compiling for this machine, once"

# `cut` is the quickest of the cached kernels to compile.
CUT = """
import numpy as np
from sajeon.learn.blocks import cut
print(cut(np.array([0, 100, 1000]), 10).starts.tolist())
"""

TRAIN = """
import hashlib, random, sajeon
draw = random.Random(0)
lines = [" ".join(draw.choice("abcdefghij") for _ in range(12)) for _ in range(200)]
vectors = sajeon.train(lines, dim=8, epochs=2, progress=True)
print(vectors.matrix.shape, round(float(abs(vectors.matrix).max()), 4))
"""

NO_NUMBA = "import sys; sys.modules['numba'] = None\n"


def start(code, cache):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code, cache):
    process = start(code, cache)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def test_a_kernel_is_compiled_in_one_process_and_found_by_the_next(tmp_path):
    first, said = run(CUT, tmp_path)
    assert said.count(ANNOUNCED) == 1
    second, said = run(CUT, tmp_path)
    assert said == ""
    assert first == second


def test_of_processes_that_start_at_once_one_compiles(tmp_path):
    processes = [start(CUT, tmp_path) for _ in range(3)]
    results = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], results
    assert len({out for out, _ in results}) == 1
    assert sum(err.count(ANNOUNCED) for _, err in results) == 1


def test_a_damaged_cache_is_made_again(tmp_path):
    expected, _ = run(CUT, tmp_path)
    damaged = [file for file in tmp_path.rglob("*") if file.suffix in (".nbi", ".nbc")]
    assert damaged
    for file in damaged:
        file.write_bytes(b"damaged")
    found, said = run(CUT, tmp_path)
    assert found == expected
    assert ANNOUNCED in said


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path):
    (tmp_path / "file").write_text("in the way of a folder")
    found, _ = run(CUT, tmp_path / "file" / "cache")
    assert found == run(CUT, tmp_path)[0]


def test_without_numba_training_is_slow_and_says_so(tmp_path):
    expected, _ = run(TRAIN, os.environ.get("NUMBA_CACHE_DIR", "") or Path.home() / ".cache/sajeon")
    found, said = run(NO_NUMBA + TRAIN, tmp_path)
    assert "Numba is not installed" in said
    assert found.split(") ")[0] == expected.split(") ")[0]
    assert float(found.split()[-1]) == pytest.approx(float(expected.split()[-1]), rel=1e-2)
