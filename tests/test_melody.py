"""Melodies as tokens: scales, ABC, MIDI and recordings; files that are none, or damaged."""

import io
import math
import runpy
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sajeon
from sajeon.errors import FormatError, FormatWarning, MissingExtraError, SajeonError
from sajeon.tokens import make_tokenizer, tokenizer_from_config, tokenizer_to_config
from sajeon.tokens.melody import Melody
from sajeon.tokens.music import Note, Scale, abc, midi, read
from sajeon.tokens.music.melodies import Score, top_line
from sajeon.tokens.music.pitch import Contour
from sajeon.tokens.music.scales import hz_of

# ---------------------------------------------------------------- scales


def test_levels_of_midi_are_the_numbers_of_notes():
    hz = np.array([440.0, 261.6256, 8.1758, 12543.85, 30000.0, 1.0, 0.0])
    assert Scale("midi", 128, 50, 2000).levels_of(hz).tolist() == [69, 60, 0, 127, 127, 0, -1]


def test_log_and_mel_reach_from_end_to_end():
    for name, middle in (("log", math.sqrt(100 * 1600)), ("mel", 700 * (_mel_middle() - 1))):
        scale = Scale(name, 101, 100.0, 1600.0)
        hz = np.array([100.0, 1600.0, middle, 20.0, 9000.0])
        assert scale.levels_of(hz).tolist() == [0, 100, 50, 0, 100]


def _mel_middle():
    """Of 1 + f / 700, the geometric mean of the ends lies halfway in mel."""
    return math.sqrt((1 + 100 / 700) * (1 + 1600 / 700))


@given(st.floats(60, 500), st.sampled_from(["midi", "log", "mel"]))
def test_higher_pitches_have_no_lower_level(hz, name):
    scale = Scale(name, 128, 60.0, 2000.0)
    low, high = scale.levels_of(np.array([hz, hz * 1.2]))
    assert low < high


# ---------------------------------------------------------------- ABC


def _abc(body, key="C", header=""):
    return f"X:1\nT:Tune\n{header}K:{key}\n{body}\n"


def _pitches(text, track=None):
    (tune,) = abc.read(text, track, "t.abc")
    return [int(note.midi) for note in tune.notes()]


def _lengths(text):
    """In eighths, which last a quarter of a second."""
    (tune,) = abc.read(text, None, "t.abc")
    return [round(note.duration * 4, 4) for note in tune.notes()]


@pytest.mark.parametrize(
    ("key", "body", "expected"),
    [
        ("C", "C D E F G A B c", [60, 62, 64, 65, 67, 69, 71, 72]),
        ("C", "C,, C, C c c' c''", [36, 48, 60, 72, 84, 96]),
        ("C", "^F =F _B __B ^^C", [66, 65, 70, 69, 62]),
        ("C", "^F F f | F", [66, 66, 78, 65]),
        ("G", "F =F F | F", [66, 65, 65, 66]),
        ("Bb", "B E A", [70, 63, 69]),
        ("Am", "F C", [65, 60]),
        ("D mix", "F C", [66, 60]),
        ("Ddor", "F C B", [65, 60, 71]),
        ("E minor", "F C", [66, 60]),
        ("F#", "E", [65]),
        ("Cb", "C", [59]),
        ("Hp", "f c g", [78, 73, 79]),
        ("D exp _b", "b", [82]),
        ("none", "F", [65]),
        ("C clef=bass", "F", [65]),
        ("C", "[K:G] F [K:F] B", [66, 70]),
        ("C", '"Am"A {cd}c !trill!d ~e .f +turn+ g', [69, 72, 74, 76, 77, 79]),
        ("C", "[CEG] [G2c2]", [67, 72]),
        ("C", "C z D Z E x F", [60, 62, 64, 65]),
        ("C", "A-A B", [69, 71]),
        ("C", "^F-|F F", [66, 65]),
        ("C", "A3 -A2", [69, 69]),
        ("C", "[CE]-[CE] D", [64, 62]),
        ("C", "C D \\\nE % F\n%%MIDI program 1\nw: la la\nG", [60, 62, 64, 67]),
        ("C", "C & E F | D", [60, 62]),
    ],
)
def test_pitches_of_abc(key, body, expected):
    assert _pitches(_abc(body, key)) == expected


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("", "A A2 A/ A/2 A3/2 A// A/4", [1, 2, 0.5, 0.5, 1.5, 0.25, 0.25]),
        ("L:1/4\n", "A", [2]),
        ("M:2/4\n", "A", [0.5]),
        ("M:3/4\n", "A", [1]),
        ("M:C\n", "A", [1]),
        ("L:1/0\nM:0/0\nQ:0\n", "A", [1]),
        ("Q:1/4=60\n", "A", [2]),
        ('Q:"Slow" 3/8=60\n', "A3", [4]),
        ("Q:240\n", "A", [1]),
        ("", "[Q:1/4=60] A [Q:1/4=240] A", [2, 0.5]),
        ("", "A>B c<d A>>B", [1.5, 0.5, 0.5, 1.5, 1.75, 0.25]),
        ("", "(3ABc d", [2 / 3] * 3 + [1]),
        ("", "(2AB (3:4:2 AB (3A2B", [1.5, 1.5, 4 / 3, 4 / 3, 4 / 3, 2 / 3]),
        ("M:6/8\n", "(5ABcde f", [3 / 5] * 5 + [1]),
        ("", "A2-A-|A2 B", [5, 1]),
        ("", "[C2E2] [CE]3", [2, 3]),
    ],
)
def test_lengths_of_abc(header, body, expected):
    np.testing.assert_allclose(_lengths(_abc(body, header=header)), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("body", "played"),
    [
        ("C:|D", "CCD"),
        ("|:C:|D", "CCD"),
        ("C|:D:|E", "CDDE"),
        ("C|:D|1E:|2F|]G", "CDEDFG"),
        ("C|:D|[1E:|[2F||G", "CDEDFG"),
        ("|:C|1,3D:|2,4E:|F", "CDCECDCEF"),
        ("|:C|1-2D:|3E||F", "CDCDCEF"),
        ("|:C|1D:|E", "CDCE"),
        ("|:C::D:|E", "CCDDE"),
        ("|:C:|:D:|E", "CCDDE"),
        ("|::C::|", "CCC"),
        ("C||D:|", "CDD"),
        ("|:C||D:|", "CDCD"),
        ("|:C|1D:|2E:|F:|", "CDCEFF"),
        ("C:|\nP:B\nD:|", "CCDD"),
        ("|:C", "C"),
        ("C:|:|", "CC"),
    ],
)
def test_repeats_of_abc(body, played):
    expected = [{"C": 60, "D": 62, "E": 64, "F": 65, "G": 67}[letter] for letter in played]
    assert _pitches(_abc(body)) == expected


@pytest.mark.parametrize(
    ("order", "played"),
    [("AB", "CDDE"), ("BA", "DECD"), ("A(AB)2", "CDCDDECDDE"), ("A2.B", "CDCDDE"), ("XY", "CDDE")],
)
def test_parts_of_abc(order, played):
    body = "P:A\nCD\nP:B\nDE"
    expected = [{"C": 60, "D": 62, "E": 64}[letter] for letter in played]
    assert _pitches(_abc(body, header=f"P:{order}\n")) == expected


def test_voices_of_abc():
    text = _abc("V:low\nC,D,\nV:high name=x\ncd\nV:low\nE,\n[V:high]e")
    assert _pitches(text, 1) == [48, 50, 52]
    assert _pitches(text, 2) == [72, 74, 76]
    assert _pitches(text) == [72, 74, 76]
    with pytest.raises(FormatError, match=r"'Tune': there is no track 3; .*1 \('low', 3 notes\)"):
        _pitches(text, 3)


def test_a_tune_book_gives_its_tunes():
    text = f"A book\n\n{_abc('C')}\n\nfree text\n\n{_abc('D')}\n\nX:3\nT:no key\n"
    assert [tune.title for tune in abc.read(text, None, "t")] == ["Tune", "Tune"]
    assert [_pitches("K:C\nCD\n\nE")] == [[60, 62, 64]]


def test_parts_that_multiply_parts_are_refused():
    text = _abc("P:A\n" + "C" * 100, header="P:((((((A9)9)9)9)9)9)9\n")
    with pytest.raises(FormatError, match=r"t.abc: tune 'Tune': .* more than 200,000 notes"):
        _pitches(text)


@given(
    st.text("ABCDEFGabcdefgzxZ|:[]()123/>-<,'^_= \n\"{}!&PKVQ%", max_size=200),
    st.sampled_from(["", "P:AB(A3)\n", "M:6/8\n"]),
)
@example("::::" * 40 + "|C|1", "")
def test_any_music_can_be_read(body, header):
    for tune in abc.read(_abc(body, header=header), None, "t"):
        for note, after in pairwise(tune.notes()):
            assert note.duration > 0
            assert note.end <= after.start + 1e-6


@pytest.mark.parametrize("sign", ['"', "{", "[", "!", "(", ":", "|", "&", "-", ">", "/", "^"])
def test_long_lines_of_one_sign_take_no_time(sign):
    start = time.process_time()
    abc.read(_abc(sign * 50_000), None, "t")
    assert time.process_time() - start < 5


@pytest.fixture(scope="module")
def jigs(data):
    tunes = read(data / "music" / "nottingham" / "jigs.abc")
    assert len(tunes) == 340
    return tunes


@pytest.mark.parametrize("number", [18, 111, 134, 157])
def test_abc_agrees_with_the_midi_of_the_same_tunes(data, jigs, number):
    """The MIDI files were made from these tunes by another program."""
    pytest.importorskip("mido")
    folder = data / "music" / "nottingham"
    written = jigs[number - 1].notes()
    for name, track in (("melody", None), ("full", 1), ("full", None)):
        played = read(folder / f"{name}.jigs{number}.mid", track=track)[0].notes()
        assert [note.midi for note in written] == [note.midi for note in played]
        late = played[0].start
        np.testing.assert_allclose(
            [note.start for note in written], [note.start - late for note in played], atol=0.002
        )


# ---------------------------------------------------------------- MIDI


def _midi(*tracks, ticks=480, **settings):
    """Write a MIDI file; a track is its events as (kind, ticks since the last, settings)."""
    mido = pytest.importorskip("mido")
    file = mido.MidiFile(ticks_per_beat=ticks, **settings)
    for events in tracks:
        track = mido.MidiTrack()
        for kind, wait, values in events:
            make = mido.Message if kind.startswith("note") else mido.MetaMessage
            track.append(make(kind, time=wait, **values))
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _sound(pitches, channel=0, ticks=480):
    """Notes one after another, a quarter each."""
    for pitch in pitches:
        yield "note_on", 0, {"note": pitch, "channel": channel, "velocity": 60}
        yield "note_on", ticks, {"note": pitch, "channel": channel, "velocity": 0}


def _numbers(score):
    return [int(note.midi) for note in score.notes()]


def test_a_track_is_chosen_or_the_top_line_of_all_but_drums():
    name = ("track_name", 0, {"name": "Oboe"})
    data = _midi([name], [name, *_sound([72, 74, 76])], _sound([48, 60, 80]), _sound([99], 9))
    assert _numbers(midi.read(data, None, "m")) == [72, 74, 80]
    assert _numbers(midi.read(data, 1, "m")) == [72, 74, 76]
    assert _numbers(midi.read(data, 2, "m")) == [48, 60, 80]
    assert midi.read(data, 1, "m").title == "Oboe"
    with pytest.raises(FormatError, match=r"m: there is no track 4; .*3 \(1 notes, drums\)"):
        midi.read(data, 4, "m")


def test_channels_of_one_track_are_tracks():
    data = _midi([*_sound([60]), *_sound([64], channel=3)], type=0)
    assert _numbers(midi.read(data, 2, "m")) == [64]
    with pytest.raises(FormatError, match=r"2 \('channel 4', 1 notes\)"):
        midi.read(data, 9, "m")


def test_changes_of_tempo_move_what_follows():
    tempos = [("set_tempo", 0, {"tempo": 1_000_000}), ("set_tempo", 960, {"tempo": 250_000})]
    notes = midi.read(_midi(tempos, _sound([60, 62, 64, 65])), None, "m").notes()
    assert [note.start for note in notes] == [0, 1, 2, 2.25]
    assert [note.duration for note in notes] == [1, 1, 0.25, 0.25]


def test_ticks_may_be_of_film_frames():
    data = bytearray(_midi(_sound([60], ticks=1000)))
    data[12:14] = (-25).to_bytes(1, "big", signed=True) + bytes([40])
    assert midi.read(bytes(data), None, "m").notes() == [Note(0.0, 1.0, 60.0)]


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 2000), st.integers(0, 127))))
def test_what_was_written_to_midi_is_read(notes):
    events, lines = [], []
    now = 0
    for wait, length, pitch in notes:
        on = {"note": pitch, "velocity": 1}
        events += [("note_on", wait, on), ("note_off", length, {"note": pitch})]
        lines.append(Note((now + wait) / 960, length / 960, float(pitch)))
        now += wait + length
    found = midi.read(_midi(events), None, "m").notes()
    np.testing.assert_allclose(np.reshape(found, (-1, 3)), np.reshape(lines, (-1, 3)), atol=1e-6)


@given(st.data())
def test_broken_midi_is_read_or_refused(data):
    whole = _midi([("set_tempo", 0, {"tempo": 500_000}), *_sound([60, 64, 67])])
    broken = bytearray(whole[: data.draw(st.integers(4, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        score = midi.read(bytes(broken), None, "m.mid")
        score.frames()
    except FormatError as error:
        assert str(error).startswith("m.mid: ")  # noqa: PT017


def test_years_of_midi_are_refused_as_frames():
    score = midi.read(_midi(_sound([60], ticks=2**27), ticks=1), None, "m")
    assert len(score.notes()) == 1
    with pytest.raises(FormatError, match=r"m: its notes last 18,641 hours, expected a day"):
        score.frames()


def test_the_top_line_keeps_held_notes_and_takes_overlapping_ones():
    held = [Note(0, 4, 80), Note(1, 1, 60), Note(2, 1, 64)]
    assert top_line(held) == [Note(0, 4, 80)]
    legato = [Note(0, 1.1, 80), Note(1, 1.1, 60), Note(2, 1, 64)]
    assert top_line(legato) == [Note(0, 1, 80), Note(1, 1, 60), Note(2, 1, 64)]
    rolled = [Note(0, 1, 60), Note(0.01, 1, 64), Note(0.02, 1, 67)]
    assert top_line(rolled) == [Note(0.02, 1, 67)]


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 2), st.integers(30, 90))))
def test_the_top_line_is_one_note_after_another(notes):
    line = top_line(Note(*note) for note in notes)
    assert bool(line) == bool(notes)
    assert all(a.end <= b.start + 2e-6 for a, b in pairwise(line))
    assert all(note.duration > 0 for note in line)


def test_frames_hold_the_note_that_sounds():
    score = Score("s", "", [Note(0, 0.05, 69), Note(0.1, 0.04, 81)])
    np.testing.assert_allclose(score.frames(), [440, 440, 440, 0, 0, 880, 880])
    assert Score("s", "", []).frames().shape == (0,)


# ---------------------------------------------------------------- recordings


@pytest.fixture(scope="module")
def soundfile():
    pytest.importorskip("swift_f0")
    return pytest.importorskip("soundfile")


def _tone(hz, seconds, rate, silence=0.4):
    """A tone of ten harmonics within the band, silence on both sides."""
    times = np.arange(round(seconds * rate)) / rate
    harmonics = [k for k in range(1, 11) if k * hz < rate / 2]
    wave = sum(np.sin(2 * np.pi * k * hz * times) / k for k in harmonics)
    quiet = np.zeros(round(silence * rate))
    return np.concatenate([quiet, 0.2 * wave, quiet])


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "channels", "gain"),
    [
        ("WAV", "PCM_16", 8000, 1, 1),
        ("WAV", "PCM_16", 44100, 2, 1),
        ("WAV", "FLOAT", 48000, 1, 1),
        ("WAV", "DOUBLE", 96000, 2, 1),
        ("WAV", "PCM_U8", 16000, 1, 1),
        ("FLAC", "PCM_16", 22050, 1, 1),
        ("OGG", "VORBIS", 44100, 2, 1),
        ("WAV", "FLOAT", 16000, 1, 1e-3),
        ("WAV", "FLOAT", 16000, 1, 1000),
    ],
)
def test_a_tone_is_heard_in_any_kind_of_file(
    tmp_path, soundfile, kind, subtype, rate, channels, gain
):
    path = tmp_path / "tone"
    wave = np.repeat(gain * _tone(220, 1, rate)[:, None], channels, axis=1)
    soundfile.write(path, wave, rate, format=kind, subtype=subtype)
    hz = read(path)[0].frames()
    assert len(hz) == 90
    voiced = hz > 0
    assert voiced[25:65].all()
    assert not voiced[:15].any()
    assert not voiced[75:].any()
    np.testing.assert_allclose(1200 * np.log2(hz[25:65] / 220), 0, atol=12)
    assert [round(note.midi) for note in read(path)[0].notes()] == [57]


def test_silence_and_noise_have_no_pitch(tmp_path, soundfile):
    path = tmp_path / "quiet.wav"
    noise = np.random.default_rng(0).normal(size=16000)
    for wave in (np.zeros(16000), 1e-5 * noise, 0.05 * noise, np.zeros(1), noise[:50]):
        soundfile.write(path, wave, 16000)
        tune = read(path)[0]
        assert not tune.frames().any()
        assert len(tune.frames()) == max(1, math.ceil(len(wave) / 320))
        assert tune.notes() == []


def test_damaged_recordings_are_refused(tmp_path, soundfile):
    path = tmp_path / "r.wav"
    soundfile.write(path, _tone(220, 1, 8000), 8000)
    whole = path.read_bytes()
    for start, value, said in (
        (24, b"\1\0\0\0", "header says 1 samples a second, expected 4,000 to"),
        (24, b"\xff\xff\xff\x7f", "header says 2,147,483,647 samples"),
        (22, b"\xff\xff", "cannot be read"),
    ):
        path.write_bytes(whole[:start] + value + whole[start + len(value) :])
        with pytest.raises(FormatError, match=said):
            read(path)
    path.write_bytes(whole[:20])
    with pytest.raises(FormatError, match=r"r\.wav: expected a whole recording"):
        read(path)
    soundfile.write(path, np.zeros(0), 8000)
    with pytest.raises(FormatError, match="not one sample"):
        read(path)
    wave = _tone(220, 1, 8000)
    wave[800] = np.nan
    soundfile.write(path, wave, 8000, subtype="FLOAT")
    with pytest.raises(FormatError, match=r"NaN or infinity at 0\.100 s"):
        read(path)


def test_what_is_there_of_a_cut_recording_is_read(tmp_path, soundfile):
    path = tmp_path / "r.wav"
    soundfile.write(path, _tone(220, 1, 8000), 8000)
    whole = path.read_bytes()
    hours = b"\xf0\xff\xff\xff"
    for data in (whole[:10000], whole[:4] + hours + whole[8:40] + hours + whole[44:10000]):
        path.write_bytes(data)
        with pytest.warns(
            FormatWarning, match="cut short: its header says .* but there are 10,000"
        ):
            hz = read(path)[0].frames()
        assert len(hz) == 32
        assert (hz > 0).sum() > 5


def test_pitch_is_interpolated_inside_voiced_stretches_alone():
    hz = np.array([100.0, 200.0, 400.0, 9.0])
    sure = np.array([0.0, 0.9, 0.9, 0.1])
    frames = Contour(0.064, hz, sure, np.zeros(4)).frames()
    # 20 ms lie a quarter of the way from step 1 to 2; 40 ms half-way to 3, which is unvoiced.
    np.testing.assert_allclose(frames, [0, 200 * 2**0.25, 0, 0])
    lower = Contour(0.064, hz, sure, np.zeros(4), bound=0.05).frames()
    assert (lower > 0).tolist() == [False, True, True, True]


def test_a_singer_is_heard_as_annotated(data, soundfile):
    mir_eval = pytest.importorskip("mir_eval")
    times, hertz = np.loadtxt(data / "music" / "vocadito_1.f0.csv", delimiter=",", unpack=True)
    hz = read(data / "music" / "vocadito_1.wav")[0].frames()
    scores = mir_eval.melody.evaluate(times, hertz, np.arange(len(hz)) * 0.02, hz)
    assert scores["Raw Pitch Accuracy"] > 0.95
    assert scores["Voicing Recall"] > 0.95
    assert scores["Voicing False Alarm"] < 0.1


def test_single_notes_of_instruments_are_heard(data, soundfile):
    for name, number in (("Contrabass-A2", 45), ("Flute-C4", 60)):
        tune = read(data / "music" / f"tinysol.{name}.wav")[0]
        assert [round(note.midi) for note in tune.notes()] == [number]
    sweep = read(data / "music" / "crepe.sweep.wav", confidence=0.3)[0].frames()
    heard = sweep[sweep > 0]
    assert len(heard) > 0.9 * len(sweep)
    assert np.mean(np.diff(heard) > 0) > 0.9


@pytest.mark.slow  # librosa compiles for ten seconds
def test_pyin_hears_the_same_tone(tmp_path, soundfile):
    pytest.importorskip("librosa")
    soundfile.write(tmp_path / "t.wav", _tone(220, 0.5, 16000), 16000)
    tune = read(tmp_path / "t.wav", method="pyin", fmin=100, fmax=500)[0]
    np.testing.assert_allclose(1200 * np.log2(tune.frames()[25:40] / 220), 0, atol=15)


# ---------------------------------------------------------------- any file


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 1000, b"hello\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"MTh"]
)
def test_what_is_no_melody_is_refused(text_file, content):
    with pytest.raises(FormatError, match=r"x\.wav: expected a recording .*; it begins with b"):
        read(text_file(content, "x.wav"))


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read(tmp_path / "none.abc")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read(tmp_path)


def test_old_and_compressed_tune_books_are_read(text_file):
    import gzip

    body = _abc("C").replace("Tune", "Café")
    for content in (body.encode("latin-1"), body.encode(), gzip.compress(body.encode())):
        assert [tune.title for tune in read(text_file(content, "t"))] == ["Café"]


@pytest.mark.parametrize(
    ("missing", "content"), [("mido", b"MThd"), ("soundfile", b"fLaC"), ("swift_f0", None)]
)
def test_a_missing_extra_is_named(tmp_path, monkeypatch, missing, content):
    path = tmp_path / "x"
    if content is None:
        pytest.importorskip("soundfile").write(path, np.zeros(100), 8000, format="WAV")
    else:
        path.write_bytes(content)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sajeon\[music\]'"):
        read(path)


def test_missing_librosa_is_named(tmp_path, monkeypatch):
    pytest.importorskip("soundfile").write(tmp_path / "x", np.zeros(100), 8000, format="WAV")
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(SajeonError, match="pip install librosa"):
        read(tmp_path / "x", method="pyin")


# ---------------------------------------------------------------- the tokenizer


@pytest.fixture
def tune_file(text_file):
    return lambda body, name="t.abc", **more: text_file(_abc(body, **more), name)


def test_tokens_by_frame_note_and_interval(tune_file):
    path = tune_file("C/z/ E2 C", header="Q:1/4=300\n")
    assert Melody("note").tokens(path) == ["p60", "p64", "p60"]
    assert Melody("interval").tokens(path) == ["i+4", "i-4"]
    assert Melody("interval", ngrams=2).tokens(path) == ["i+4_i-4"]
    frames = ["p60"] * 3 + ["u"] * 2 + ["p64"] * 10 + ["p60"] * 5
    assert Melody().tokens(path) == frames
    assert Melody("note", levels=13, scale="log", fmin=hz_of(60), fmax=hz_of(72)).tokens(path) == [
        "p0",
        "p4",
        "p0",
    ]


def test_a_tune_later_in_time_has_the_same_levels(tune_file):
    """The table is indexed by level, never by time."""
    early, late = tune_file("CDE", "a"), tune_file("z8 CDE", "b")
    assert set(Melody().tokens(late)) == {*Melody().tokens(early), "u"}
    assert Melody("note").tokens(late) == Melody("note").tokens(early)


@given(
    st.lists(st.floats(40, 80), min_size=1, max_size=20),
    st.integers(-12, 12),
    st.sampled_from([Melody("interval"), Melody("interval", 500, "log", 20, 20000)]),
)
def test_a_tune_in_another_key_has_the_same_intervals(pitches, semitones, tokenizer):
    def of(shift):
        return Score("s", "", [Note(i, 1, p + shift) for i, p in enumerate(pitches)])

    for a, b in zip(
        _steps(tokenizer.tokens_of(of(0))),
        _steps(tokenizer.tokens_of(of(semitones))),
        strict=True,
    ):
        assert abs(a - b) <= 1  # a step that lies on the edge of two may fall to either side
    whole = Score("s", "", [Note(i, 1, round(p)) for i, p in enumerate(pitches)])
    moved = Score("s", "", [n._replace(midi=n.midi + semitones) for n in whole.line])
    assert tokenizer.tokens_of(whole) == tokenizer.tokens_of(moved)


def _steps(tokens):
    return [int(token[1:]) for token in tokens]


@pytest.mark.parametrize(
    ("spec", "unit"),
    [
        ("melody", "frame"),
        ("melody:unit=note,track=2,fmin=60.5", "note"),
        ("melody:relative=true", "interval"),
        ("melody:relative=true,unit=note,ngrams=3", "interval"),
        ("melody:levels=64,scale=mel,method=pyin,confidence=0.3", "frame"),
    ],
)
def test_settings_make_the_same_tokenizer_again(spec, unit):
    tokenizer = make_tokenizer(spec)
    assert tokenizer.unit == unit
    again = tokenizer_from_config(tokenizer_to_config(tokenizer))
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert tokenizer != make_tokenizer("melody:unit=note")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("melody:unit=bar", "unit must be 'frame' or 'note' or 'interval', got 'bar'"),
        ("melody:levels=64", "levels must be 128 for scale='midi'.*write scale=log"),
        ("melody:levels=1,scale=log", "levels must be a whole number, from 2"),
        ("melody:scale=bark", "scale must be 'midi' or 'log' or 'mel'"),
        ("melody:fmin=x", "fmin must be a number from 1 to 100,000, got 'x'"),
        ("melody:fmin=500,fmax=400", "fmin must be below fmax, got 500 and 400"),
        ("melody:fmin=nan", "fmin must be a number"),
        ("melody:track=0", "track must be a whole number, 1 or more"),
        ("melody:confidence=2", "confidence must be a number from 0 to 1"),
        ("melody:unit=interval,scale=mel", "a step in mel is no interval"),
        ("melody:unit=frame,relative=true", "leave unit=frame out"),
        ("melody:method=yin", "method must be 'swift-f0' or 'pyin'"),
        ("melody:size=1", "takes these settings: unit, levels"),
    ],
)
def test_settings_that_mean_nothing_are_refused(spec, said):
    with pytest.raises(ValueError, match=said):
        make_tokenizer(spec)


def test_a_text_is_no_melody():
    with pytest.raises(TypeError, match=r"as a pathlib.Path; got str"):
        Melody().tokens("t.abc")


# ---------------------------------------------------------------- end to end

WORDS = ["CDEC", "EFG2", "GAGF", "ECG,2", "cBAG", "ABcd", "edcB", "G2E2"]


def _book(tunes, seed=0):
    rng = np.random.default_rng(seed)
    texts = []
    for i in range(tunes):
        words = rng.choice(WORDS, 8)
        key = ["C", "G", "D", "F"][i % 4]
        texts.append(f"X:{i}\nT:Tune {i}\nM:4/4\nL:1/4\nK:{key}\n{'|'.join(words)}|]\n")
    return "\n".join(texts)


def test_from_tunes_to_a_model_and_back(tmp_path, text_file):
    book, one = text_file(_book(60), "book.abc"), text_file(_abc("CDE"), "one.abc")
    sajeon.train(
        [book], tokens="melody:unit=note", dim=8, min_count=2, output=tmp_path / "m", threads=1
    )
    vectors = sajeon.load(tmp_path / "m")
    assert {"p60", "p62", "p64"} <= set(vectors.tokens)
    assert len(vectors.nearest("p60", 3)) == 3
    mean = np.mean([vectors["p60"], vectors["p62"], vectors["p64"]], axis=0)
    np.testing.assert_allclose(vectors.encode([one])[0], mean, rtol=1e-5, atol=1e-7)
    with pytest.raises(TypeError, match=r"got one \w*Path; write encode\(\[text\]\)"):
        vectors.encode(one)
    vocab = sajeon.Vocabulary(vectors.tokens, tokenizer=vectors.tokenizer)
    assert vocab.decode(vocab.encode(one)) == ["p60", "p62", "p64"]


def test_other_tools_are_not_offered_the_model(tmp_path, text_file):
    """They would cut texts, find no token and give zeros."""
    sajeon.train(
        [text_file(_book(20), "book.abc")], tokens="melody:relative=true", dim=4, min_count=1,
        output=tmp_path / "m", threads=1,
    )  # fmt: skip
    names = {path.name for path in (tmp_path / "m").iterdir()}
    assert not names & {"tokenizer.json", "modules.json"}
    assert "config.json" in names


def test_the_example_runs(tmp_path, text_file, capsys):
    example_file = Path(__file__).parents[1] / "examples" / "melody.py"
    main = runpy.run_path(str(example_file))["main"]
    plot = tmp_path / "p.png"
    main([str(text_file(_book(30), "b.abc")), "--plot", str(plot), "--dim", "8", "--epochs", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("30 tunes")
    assert "   0        1.000  unison" in "\n".join(lines)
    assert ("drawn: " in "\n".join(lines)) == plot.exists()
    (by_edits,) = (line.split() for line in lines if "edit distance" in line)
    assert float(by_edits[-4]) > 0.8
    (intervals,) = (line.split()[3:] for line in lines if line.startswith("  mean over intervals"))
    assert len(set(intervals)) == 1  # the same in every key
    assert len(intervals) == 12
    notes, _, runs = (float(line.split("means")[1].split()[0]) for line in lines[-3:])
    assert notes == pytest.approx(1, abs=1e-4)
    assert runs < 1 - 5e-4
