"""Reading files: compression told by content, damage named, blocks joined to the same bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from sajeon import files
from sajeon.errors import FormatError, MissingExtraError
from sajeon.files import read_ahead
from sajeon.tokens.readers import TextFile, find_files

TEXT = "".join(f"line {i} of the text, 학교 {i * i}\n" for i in range(20_000)).encode()


def zst(data):
    zstandard = pytest.importorskip("zstandard", reason="writes .zst files")
    return zstandard.ZstdCompressor().compress(data)


COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zst}


@pytest.mark.parametrize("form", ["plain", *COMPRESS])
def test_content_tells_the_compression_and_blocks_join_to_the_text(text_file, monkeypatch, form):
    monkeypatch.setattr(files, "BLOCK", 4096)
    data = COMPRESS[form](TEXT) if form in COMPRESS else TEXT
    file = TextFile(text_file(data, "no-suffix"))
    blocks = list(file.blocks())
    assert b"".join(blocks) == TEXT
    assert len(blocks) > 10 or form == "zst"
    assert file.done == file.size == len(data)


@pytest.mark.parametrize("form", COMPRESS)
def test_several_compressed_parts_in_one_file_are_all_read(text_file, form):
    path = text_file(COMPRESS[form](b"one\n") + COMPRESS[form](b"two\n"))
    assert b"".join(TextFile(path).blocks()) == b"one\ntwo\n"


@pytest.mark.parametrize("form", COMPRESS)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_compressed_data_name_the_file(text_file, form, damage):
    data = COMPRESS[form](TEXT)
    half = len(data) // 2
    data = data[:half] if damage == "cut" else data[:half] + bytes(400) + data[half + 400 :]
    with pytest.raises(FormatError, match=r"corpus.txt: the compressed data are cut short or dam"):
        list(TextFile(text_file(data)).blocks())


def test_a_missing_zstandard_is_named_with_its_install_line(text_file, monkeypatch):
    path = text_file(b"\x28\xb5\x2f\xfd" + bytes(20))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sajeon\[data\]'"):
        list(TextFile(path).blocks())


def test_a_byte_order_mark_is_left_out_and_utf16_refused(text_file):
    assert b"".join(TextFile(text_file("\ufeffa\ufeffb")).blocks()) == "a\ufeffb".encode()
    assert b"".join(TextFile(text_file(gzip.compress("\ufeffa".encode()))).blocks()) == b"a"
    with pytest.raises(FormatError, match="UTF-16, expected UTF-8: iconv"):
        list(TextFile(text_file("hello".encode("utf-16"))).blocks())


@pytest.mark.parametrize("data", [b"", b"a", b"BZh", b"\x1f"])
def test_short_files_are_plain_text_or_damaged(text_file, data):
    file = TextFile(text_file(data))
    if data == b"BZh":
        with pytest.raises(FormatError):
            list(file.blocks())
    else:
        assert b"".join(file.blocks()) == data


@pytest.mark.parametrize("form", ["plain", *COMPRESS])
def test_standard_input_is_read_even_in_drops(monkeypatch, form):
    data = COMPRESS[form](TEXT[:5000]) if form in COMPRESS else TEXT[:5000]

    class Drops(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3) if size > 0 else size)

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Drops(data)))
    (file,) = find_files("-")
    assert (file.name, file.size) == ("standard input", None)
    assert b"".join(file.blocks()) == TEXT[:5000]


def test_a_glob_gives_its_files_sorted_and_no_folders(tmp_path, text_file):
    for name in ("b.txt", "a.txt", "c.md"):
        text_file("x", name)
    (tmp_path / "d.txt").mkdir()
    assert [file.path for file in find_files(tmp_path / "*.txt")] == [
        str(tmp_path / "a.txt"),
        str(tmp_path / "b.txt"),
    ]
    text_file("x", "odd[1].txt")
    assert [f.path for f in find_files(tmp_path / "odd[1].txt")] == [str(tmp_path / "odd[1].txt")]


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("*.nothing", FileNotFoundError, "no file matches"),
        ("missing.txt", FileNotFoundError, "no such file: .*missing.txt"),
        ("", IsADirectoryError, "is a folder, expected a file"),
        ("x" * 5000, FileNotFoundError, "no such file"),
    ],
)
def test_a_wrong_path_is_named(tmp_path, path, error, message):
    with pytest.raises(error, match=message):
        find_files(f"{tmp_path}/{path}")


def test_read_ahead_keeps_order_passes_errors_on_and_leaves_no_thread():
    def items():
        yield from range(5)
        raise FormatError("the end")

    before, seen = threading.active_count(), []
    with pytest.raises(FormatError, match="the end"):
        seen.extend(read_ahead(items()))
    stopped = read_ahead(items())
    assert next(stopped) == 0
    stopped.close()
    assert list(read_ahead([])) == []
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before  # fewer where one of an earlier test has ended
