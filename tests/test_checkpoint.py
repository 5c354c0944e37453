"""Training that is killed, interrupted or runs out of disk goes on to the same bits."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import sajeon
import sajeon.learn.progress
from sajeon.formats import atomic, safetensors
from sajeon.formats.lock import locked
from sajeon.learn import checkpoint, reference, trainer
from sajeon.learn.train import train

SETTINGS = {"dim": 16, "epochs": 20, "min_count": 1, "sample": 0, "seed": 3}
OPTIONS = [part for k, v in SETTINGS.items() for part in (f"--{k.replace('_', '-')}", str(v))]
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def hash_of(model: Path) -> str:
    """SHA-256 over the files of a folder in name order."""
    digest = hashlib.sha256()
    for path in sorted(model.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def write_text(path: Path, lines: int = 3000) -> Path:
    rng = np.random.default_rng(5)
    weights = 1 / np.arange(1, 1501)
    words = rng.choice(1500, (lines, 20), p=weights / weights.sum())
    path.write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words))
    return path


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    return write_text(tmp_path_factory.mktemp("text") / "corpus.txt")


@pytest.fixture(scope="module")
def expected(text, tmp_path_factory) -> str:
    """The hash of the model that an uninterrupted training gives."""
    model = tmp_path_factory.mktemp("whole") / "m"
    train(text, output=model, threads=1, **SETTINGS)
    assert not checkpoint.folder_of(model).exists()
    return hash_of(model)


class Interrupt(sajeon.learn.progress.Reporter):
    """Presses Ctrl-C when a share of the training is done."""

    def __init__(self, share: float, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.share, self.error, self.notes = share, error, []

    def training(self, progress) -> None:
        if progress.tokens >= self.share * progress.total_tokens:
            raise self.error

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def looks_often(monkeypatch):
    monkeypatch.setattr(trainer, "_POLL_SECONDS", 0.001)


@pytest.fixture
def interrupted(text, tmp_path, looks_often) -> Path:
    """A model folder that is not there, since the training into it was interrupted."""
    with pytest.raises(KeyboardInterrupt):
        train(text, output=tmp_path / "m", checkpoint_every=99, progress=Interrupt(0.3), **SETTINGS)
    return tmp_path / "m"


def take_ctrl_c() -> None:
    """In a child: obey SIGINT, which a shell lets its background jobs ignore, and those theirs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*args: object, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sajeon", "train", *map(str, args)]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=take_ctrl_c if os.name == "posix" else None,  # noqa: PLW1509 (no threads here)
    )  # fmt: skip


# --- going on ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def expected_after_100(text, tmp_path_factory) -> str:
    model = tmp_path_factory.mktemp("whole") / "m"
    train(text, output=model, threads=1, **SETTINGS | {"epochs": 100})
    return hash_of(model)


def wait_until_it_trains(process: subprocess.Popen[str]) -> None:
    for line in process.stderr:
        if "words kept" in line:
            return


def kill_and_resume(text: Path, room: Path, rng: random.Random, kills: int) -> tuple[str, int]:
    """Kill a training again and again, let the last one end.

    Returns:
        The hash of the model, and how many kills left a checkpoint behind.
    """
    hit = 0
    options = [text, "-o", "m", *OPTIONS, "--epochs", 100, "--checkpoint-every", "0.05s"]
    for i in range(kills):
        again = ["--resume"] if i else []
        process = start(*options, "--threads", rng.choice([1, 2, 3]), *again, cwd=room)
        wait_until_it_trains(process)
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.communicate()
        hit += checkpoint.has_checkpoint(room / "m")
    process = start(*options, "--resume", cwd=room)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return hash_of(room / "m"), hit


@posix
def test_killed_at_any_moment_it_goes_on_to_the_same_bits(text, expected_after_100, tmp_path):
    found, hit = kill_and_resume(text, tmp_path, random.Random(0), 4)
    assert found == expected_after_100
    assert hit >= 1
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@posix
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_killed_20_times_it_goes_on_to_the_same_bits(text, expected_after_100, tmp_path, seed):
    found, hit = kill_and_resume(text, tmp_path, random.Random(seed), 4)
    assert found == expected_after_100
    assert hit >= 1
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_a_checkpoint(text, expected, tmp_path, number):
    """`expected` is there so that kernels are compiled before the signal comes."""
    process = start(text, "-o", "m", *OPTIONS, "--epochs", 5000, "--checkpoint-every", "99s",
                    cwd=tmp_path)  # fmt: skip
    wait_until_it_trains(process)
    time.sleep(1)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.splitlines()[-1] == ("sajeon: interrupted; the same command with --resume goes on.")
    assert "Traceback" not in err
    assert checkpoint.has_checkpoint(tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupted_training_goes_on_to_the_same_bits(text, expected, interrupted, threads):
    seen = Interrupt(2)
    train(text, output=interrupted, resume=True, threads=threads, progress=seen, **SETTINGS)
    assert hash_of(interrupted) == expected
    assert not checkpoint.folder_of(interrupted).exists()
    assert any(note.startswith("going on at 3") for note in seen.notes)


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_pauses_do_not_change_a_bit(text, tmp_path, looks_often, monkeypatch, model):
    settings = SETTINGS | {"model": model, "epochs": 10}
    train(text, output=tmp_path / "whole", threads=2, **settings)
    written = []
    write = checkpoint.Checkpoint.write
    monkeypatch.setattr(
        checkpoint.Checkpoint, "write", lambda *args: (written.append(1), write(*args))
    )
    train(text, output=tmp_path / "paused", threads=2, checkpoint_every=1e-6, **settings)
    assert len(written) > 3
    assert hash_of(tmp_path / "paused") == hash_of(tmp_path / "whole")


@posix
def test_a_second_ctrl_c_tears_no_table(text_file, tmp_path, monkeypatch):
    """It comes while a thread is in the middle of the round that the first one waits for."""
    monkeypatch.setattr(trainer, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(trainer, "HAVE_NUMBA", False)
    source = write_text(text_file(""), lines=60)
    settings = SETTINGS | {"epochs": 2}
    train(source, output=tmp_path / "whole", **settings)
    merge = reference._merge

    def merge_and_rest(*args):
        merge(*args)
        time.sleep(0.03)  # the tables have changed, the number of blocks has not

    class Twice(Interrupt):
        def training(self, progress):
            if progress.tokens > 0:
                for milliseconds in (1, 3, 9, 27):
                    arguments = (os.getpid(), signal.SIGINT)
                    threading.Timer(milliseconds / 1000, os.kill, arguments).start()
                raise KeyboardInterrupt

    def press() -> None:
        try:
            train(source, output=tmp_path / "m", checkpoint_every=99, progress=Twice(0), **settings)
        finally:  # what is still to come concerns no test
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(reference, "_merge", merge_and_rest)
    with pytest.raises(KeyboardInterrupt):
        press()
    time.sleep(0.1)
    signal.signal(signal.SIGINT, before)
    train(source, output=tmp_path / "m", resume=True, **settings)
    assert hash_of(tmp_path / "m") == hash_of(tmp_path / "whole")


def test_ctrl_c_while_a_checkpoint_is_written_keeps_it_all_the_same(
    text, expected, tmp_path, looks_often, monkeypatch
):
    write, calls = checkpoint.Checkpoint.write, []

    def interrupted_once(*args):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        write(*args)

    monkeypatch.setattr(checkpoint.Checkpoint, "write", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        train(text, output=tmp_path / "m", checkpoint_every=0.01, **SETTINGS)
    assert len(calls) == 2
    train(text, output=tmp_path / "m", resume=True, **SETTINGS)
    assert hash_of(tmp_path / "m") == expected


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_what_is_trained_is_kept_if_it_cannot_be_saved(text, expected, tmp_path, error):
    def fail(*_args):
        raise error

    seen = Interrupt(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "_put_in_place", fail)
        with pytest.raises(type(error)):
            train(text, output=tmp_path / "m", checkpoint_every=99, **SETTINGS)
    train(text, output=tmp_path / "m", resume=True, progress=seen, **SETTINGS)
    assert "going on at 100%" in seen.notes
    assert hash_of(tmp_path / "m") == expected


def test_a_thread_that_fails_ends_the_training(text_file, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "HAVE_NUMBA", False)
    monkeypatch.setattr("sajeon.kernels.rounds.block_at_reference", fail_for_memory)
    source = write_text(text_file(""), lines=60)
    with pytest.raises(MemoryError):
        train(source, output=tmp_path / "m", checkpoint_every=99, **SETTINGS)
    assert not checkpoint.folder_of(tmp_path / "m").exists()


def fail_for_memory(*_args):
    raise MemoryError


@posix
def test_what_a_killed_process_left_of_saving_is_removed(text, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".m.{gone.pid}-0.saving").mkdir()
    (tmp_path / f".m.{os.getpid()}-7.saving").mkdir()  # of one that runs
    train(text, output=tmp_path / "m", **SETTINGS)
    assert {path.name for path in tmp_path.iterdir()} == {"m", f".m.{os.getpid()}-7.saving"}


@posix
def test_processes_that_come_and_go_do_not_disturb_each_other(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from sajeon.learn.checkpoint import opened; from sajeon import BusyError\n"
        "end = time.monotonic() + 1\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        with opened(Path(sys.argv[1]), resume=False): pass\n"
        "    except BusyError: pass\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "m")]
    many = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in many] == [""] * 3
    assert list(tmp_path.iterdir()) == []


def test_without_numba_it_goes_on_as_well(text_file, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "HAVE_NUMBA", False)
    monkeypatch.setattr(trainer, "_POLL_SECONDS", 0.001)
    source = write_text(text_file(""), lines=60)
    settings = SETTINGS | {"epochs": 2}
    train(source, output=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        train(
            source, output=tmp_path / "m", checkpoint_every=99, progress=Interrupt(0.2), **settings
        )
    assert checkpoint.has_checkpoint(tmp_path / "m")
    train(source, output=tmp_path / "m", resume=True, **settings)
    assert hash_of(tmp_path / "m") == hash_of(tmp_path / "whole")


def test_resume_without_a_checkpoint_begins_anew(text, expected, tmp_path):
    train(text, output=tmp_path / "m", resume=True, **SETTINGS)
    assert hash_of(tmp_path / "m") == expected


def test_resume_needs_a_place(text):
    with pytest.raises(ValueError, match="resume needs output"):
        train(text, resume=True)


@pytest.mark.parametrize("every", [0, -1, True, "60s", float("nan")])
def test_an_interval_must_be_seconds(text, tmp_path, every):
    with pytest.raises(ValueError, match="checkpoint_every must be"):
        train(text, output=tmp_path / "m", checkpoint_every=every)
    assert list(tmp_path.iterdir()) == []


# --- refusing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dim": 8}, "dim was 16, now 8"),
        ({"lr": 0.1}, "lr was 0.025, now 0.1"),
        ({"model": "cbow"}, "model was skipgram, now cbow"),
        ({"tokens": "whitespace"}, "tokens name was words, now whitespace"),
        ({"tokens": "words:case=keep"}, "case was lower, now keep"),
    ],
)
def test_other_settings_are_refused_and_named(text, interrupted, changed, said):
    before = (checkpoint.folder_of(interrupted) / "checkpoint.safetensors").read_bytes()
    with pytest.raises(sajeon.ResumeError, match=f"the settings changed: .*{said}"):
        train(text, output=interrupted, resume=True, **SETTINGS | changed)
    assert (checkpoint.folder_of(interrupted) / "checkpoint.safetensors").read_bytes() == before


def test_another_corpus_is_refused_and_told(text, interrupted, text_file):
    longer = text_file(text.read_text() + " w1 w2")
    with pytest.raises(sajeon.ResumeError, match=r"the corpus .* tokens was 60,000, now 60,002"):
        train(longer, output=interrupted, resume=True, **SETTINGS)
    words = text.read_text().split(" ")
    words[7] = "w1" if words[7] != "w1" else "w2"
    same_length = text_file(" ".join(words))
    with pytest.raises(sajeon.ResumeError, match=r"the corpus changed: .*sha256 was"):
        train(same_length, output=interrupted, resume=True, **SETTINGS)


def test_the_same_text_from_elsewhere_will_do(text, expected, interrupted):
    lines = text.read_text().splitlines()
    train(iter(lines), output=interrupted, resume=True, **SETTINGS)
    assert hash_of(interrupted) == expected


def test_a_checkpoint_of_other_tables_is_refused(text, interrupted):
    found = checkpoint.Checkpoint(checkpoint.folder_of(interrupted) / "checkpoint.safetensors")
    whole = found.snapshot()
    half = {name: table[: len(table) // 2] for name, table in whole.tables.items()}
    found.write(found.identity(), trainer.Snapshot(half, whole.blocks, whole.loss, whole.pairs))
    with pytest.raises(sajeon.ResumeError, match=r"750, 16.*1500, 16"):
        train(text, output=interrupted, resume=True, **SETTINGS)


def test_an_unfinished_training_is_not_lost_by_forgetting_to_resume(text, interrupted):
    with pytest.raises(sajeon.ResumeError, match=r"a training that did not end.*--resume"):
        train(text, output=interrupted, **SETTINGS)
    assert checkpoint.has_checkpoint(interrupted)


@posix
def test_two_processes_do_not_train_into_one_folder(text, tmp_path):
    first = start(text, "-o", "m", *OPTIONS, "--epochs", 5000, cwd=tmp_path)
    wait_until_it_trains(first)
    second = start(text, "-o", "m", *OPTIONS, cwd=tmp_path)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "another process is training into this folder" in err
    assert first.poll() is None
    first.kill()
    first.communicate()
    third = start(text, "-o", "m", *OPTIONS, cwd=tmp_path)  # the lock went with its process
    _, err = third.communicate(timeout=120)
    assert third.returncode == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@posix
def test_a_lock_on_a_deleted_file_counts_for_nothing(tmp_path):
    with locked(tmp_path / "lock"):
        with pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
            pass
        (tmp_path / "lock").unlink()
        with locked(tmp_path / "lock"):
            assert (tmp_path / "lock").exists()


def test_a_folder_of_somebody_else_is_not_touched(text, tmp_path):
    (tmp_path / "m.training").mkdir()
    (tmp_path / "m.training" / "thesis.txt").write_text("mine")
    with pytest.raises(sajeon.FormatError, match=r"found thesis\.txt: move it away"):
        train(text, output=tmp_path / "m", **SETTINGS)
    assert (tmp_path / "m.training" / "thesis.txt").read_text() == "mine"
    (tmp_path / "n.training").write_text("a file")
    with pytest.raises(sajeon.FormatError, match="found a file"):
        train(text, output=tmp_path / "n", **SETTINGS)


@pytest.mark.parametrize(
    ("metadata", "error", "said"),
    [
        ({}, sajeon.FormatError, "not a checkpoint"),
        ({"sajeon": "["}, sajeon.FormatError, "not a checkpoint"),
        ({"sajeon": json.dumps({"format": 1})}, sajeon.FormatError, "not a checkpoint"),
        ({"sajeon": json.dumps({"format": 9})}, sajeon.ResumeError, "has format 9"),
        (
            {
                "sajeon": json.dumps(
                    {"format": 9, "blocks": 1, "loss": 1, "pairs": 1, "identity": {}}
                )
            },
            sajeon.ResumeError,
            "has format 9",
        ),
    ],
)
def test_a_strange_checkpoint_is_refused(text, interrupted, metadata, error, said):
    path = checkpoint.folder_of(interrupted) / "checkpoint.safetensors"
    safetensors.write(path, {"input": np.zeros((2, 2), np.float32)}, metadata)
    with pytest.raises(error, match=said):
        train(text, output=interrupted, resume=True, **SETTINGS)


# --- nothing lost --------------------------------------------------------------------------------


def full_disk(*_args, **_settings):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_costs_the_checkpoint_not_the_training(
    text, expected, tmp_path, looks_often, monkeypatch
):
    monkeypatch.setattr(checkpoint.safetensors, "_write_data", full_disk)
    seen = Interrupt(2)
    monkeypatch.setattr(sajeon.Vectors, "save", lambda *args, **kw: monkeypatch.undo())
    with pytest.raises(FileNotFoundError):  # of the model, which was not saved here
        train(text, output=tmp_path / "m", checkpoint_every=0.01, progress=seen, **SETTINGS)
    (warning,) = [note for note in seen.notes if "warning" in note]
    assert "No space left on device; there is none yet" in warning
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_later_leaves_the_checkpoint_before(
    text, expected, interrupted, looks_often, monkeypatch
):
    path = checkpoint.folder_of(interrupted) / "checkpoint.safetensors"
    before = path.read_bytes()
    write = safetensors._write_data

    def half(file, array):
        write(file, array[: len(array) // 2])
        full_disk()

    monkeypatch.setattr(safetensors, "_write_data", half)
    seen = Interrupt(0.8)
    with pytest.raises(KeyboardInterrupt):
        train(
            text, output=interrupted, resume=True, checkpoint_every=0.01, progress=seen, **SETTINGS
        )
    assert any("the one before is kept" in note for note in seen.notes)
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {"lock", path.name}
    monkeypatch.undo()
    train(text, output=interrupted, resume=True, **SETTINGS)
    assert hash_of(interrupted) == expected


def test_a_model_that_cannot_be_saved_leaves_the_checkpoint(
    text, expected, tmp_path, looks_often, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_put_in_place", full_disk)
        with pytest.raises(OSError, match="could not save the model"):
            train(text, output=tmp_path / "m", checkpoint_every=0.01, **SETTINGS)
    assert checkpoint.has_checkpoint(tmp_path / "m")
    train(text, output=tmp_path / "m", resume=True, **SETTINGS)
    assert hash_of(tmp_path / "m") == expected


def test_a_training_that_diverged_is_not_gone_on_with(text, interrupted):
    path = checkpoint.folder_of(interrupted) / "checkpoint.safetensors"
    found = checkpoint.Checkpoint(path)
    snapshot = found.snapshot()
    tables = {name: np.full_like(table, np.nan) for name, table in snapshot.tables.items()}
    broken = trainer.Snapshot(tables, snapshot.blocks, snapshot.loss, snapshot.pairs)
    found.write(found.identity(), broken)
    with pytest.raises(sajeon.TrainingError):
        train(text, output=interrupted, resume=True, **SETTINGS)
    assert not path.parent.exists()


def test_short_trainings_leave_no_trace_when_interrupted(text, tmp_path, looks_often):
    with pytest.raises(KeyboardInterrupt):
        train(text, output=tmp_path / "a" / "m", progress=Interrupt(0.3), **SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        train(
            text, output=tmp_path / "m", checkpoint_every=None, progress=Interrupt(0.3), **SETTINGS
        )
    assert list(tmp_path.iterdir()) == []


def keeper(path: Path, every: checkpoint.Every) -> checkpoint.Keeper:
    return checkpoint.Keeper(checkpoint.Checkpoint(path), {}, every, print)


def progress(seconds: float, left: float) -> trainer.Progress:
    return trainer.Progress(1, 2, 0.5, 0.01, 1.0, seconds, left)


def test_when_a_checkpoint_is_due(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now)
    never, short, auto = (keeper(tmp_path / "c", every) for every in (None, 5, "auto"))
    now += 61
    assert not never.due(progress(61, 1e6))
    assert short.due(progress(61, 0))
    assert not auto.due(progress(61, 50))  # two minutes at most: not worth it
    assert auto.due(progress(61, 70))
    auto._took = 30.0  # seconds for one: at most a twentieth of the time
    assert not auto.due(progress(61, 1e6))
    now += 540
    assert auto.due(progress(601, 1e6))


# --- a corpus that changes -----------------------------------------------------------------------


def test_a_file_that_changes_while_it_is_read_is_refused(text_file, tmp_path):
    path = text_file("a b c d e f\n" * 500_000)

    class Grow(Interrupt):
        def reading(self, done, total):
            with path.open("a") as file:
                file.write("more\n")

    with pytest.raises(sajeon.CorpusError, match=r"corpus\.txt changed while it was read"):
        train(path, output=tmp_path / "m", progress=Grow(2), **SETTINGS)


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_a_file_that_changes_while_training_is_noticed(text, text_file, tmp_path, expected, how):
    path = text_file(text.read_text())

    class Change(Interrupt):
        def training(self, progress):
            if how == "removed":
                path.unlink(missing_ok=True)
            else:
                path.write_text("something else")

    seen = Change(2)
    train(path, output=tmp_path / "m", progress=seen, **SETTINGS)
    assert hash_of(tmp_path / "m") == expected  # of the text as it was read
    warning = next(note for note in seen.notes if note.startswith("warning"))
    assert "corpus.txt was changed or removed since it was read" in warning
