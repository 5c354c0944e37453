"""``sajeon melody``: frames, notes, JSON; what it says of files that are no melody."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from sajeon.cli.app import app

BOOK = "X:1\nT:First\nQ:1/4=300\nK:C\nC2z A\n\nX:2\nT:Second\nK:C\nE\n"


@pytest.fixture
def run(text_file):
    def call(*arguments, content=BOOK, name="t.abc"):
        path = text_file(content, name)
        return CliRunner().invoke(app, ["melody", str(path), *arguments])

    return call


def test_frames_are_lines_of_time_hertz_and_level(run):
    lines = run("--tune", "1").stdout.splitlines()
    assert len(lines) == 20
    assert lines[0] == "0.00\t261.63\t60"
    assert lines[9] == "0.18\t261.63\t60"
    assert lines[10] == "0.20\t0.00\tu"
    assert lines[-1] == "0.38\t440.00\t69"


def test_notes_are_lines_with_names(run):
    done = run("--notes", "--tune", "1")
    assert done.stdout == "0.000\t0.200\t261.63\t60\tC4\n0.300\t0.100\t440.00\t69\tA4\n"
    assert done.stderr == ""


def test_json_has_null_where_there_is_no_pitch(run):
    frames = json.loads(run("--json", "--tune", "1").stdout)
    assert frames[0] == {"time": 0.0, "hz": pytest.approx(261.6256), "level": 60}
    assert frames[10] == {"time": 0.2, "hz": None, "level": None}
    notes = json.loads(run("--json", "--notes", "--tune", "2").stdout)
    assert notes == [
        {"start": 0, "duration": 0.25, "hz": pytest.approx(329.6276), "level": 64, "note": "E4"}
    ]


def test_other_scales_give_other_levels(run):
    options = ("--scale", "log", "--levels", "13", "--fmin", "261.6256", "--fmax", "523.2511")
    assert run("--notes", "--tune", "1", *options).stdout.split()[3::5] == ["0", "9"]


def test_of_many_tunes_the_first_is_shown_and_that_is_said(run):
    done = run("--notes")
    assert done.stdout.startswith("0.000\t0.200\t261.63")
    assert "holds 2 tunes; this is the first, 'First': see --tune" in done.stderr
    done = run("--tune", "3")
    assert done.exit_code == 2
    assert "there are 2 tunes" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "content", "said"),
    [
        ((), "no music", "t.abc: expected a recording (WAV, FLAC, OGG), MIDI or ABC"),
        ((), b"RIFF\x10\0\0\0WAVE", "expected a whole recording"),
        ((), b"MThd\0\0\0\6\0\1\0\1\0\1MTrk\0\0\xff\xff\0", "damaged or cut short"),
        (("--track", "2"), "X:1\nK:C\nC", "there is no track 2"),
        (("--levels", "5"), BOOK, "levels must be 128 for scale='midi'"),
        (("--fmin", "x"), BOOK, "fmin must be a number"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(run, arguments, content, said):
    done = run(*arguments, content=content)
    assert done.exit_code == 1
    *warned, line = done.stderr.splitlines()
    assert said in line
    assert all("warning: " in one for one in warned)
    assert done.stdout == ""


def test_a_rest_and_silence_have_no_pitch(run, tmp_path):
    assert "no pitch was found" in run(content="X:1\nK:C\nz4\n").stderr
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("swift_f0")
    soundfile.write(tmp_path / "s.wav", np.zeros((800, 2)), 8000)
    done = CliRunner().invoke(app, ["melody", str(tmp_path / "s.wav")])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "0.08\t0.00\tu"
    assert "no pitch was found" in done.stderr


def test_help_loads_nothing_heavy():
    heavy = ("numpy", "soundfile", "onnxruntime")
    code = (
        "import sys; from sajeon.cli.app import app; app(['melody', '--help'], "
        "standalone_mode=False); "
        f"sys.exit(any(name in sys.modules for name in {heavy!r}))"
    )
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
