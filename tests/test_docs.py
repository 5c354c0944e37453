"""The documentation's examples run, its links lead somewhere, the files that it names exist."""

import doctest
import random
import re
from pathlib import Path

import pytest

import sajeon

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)(#[^)]*)?\)")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL

SUBJECTS = ["cat", "dog", "bird", "fish", "horse", "man", "woman", "king"]
VERBS = ["sat", "ran", "slept", "ate", "looked"]
PLACES = ["mat", "field", "house", "tree", "river"]


def write_corpus(path):
    """Write enough sentences to learn from, drawn by seed."""
    draw = random.Random(0)
    lines = [
        f"the {draw.choice(SUBJECTS)} {draw.choice(VERBS)} by the {draw.choice(PLACES)}, "
        f"and a {draw.choice(SUBJECTS)} {draw.choice(VERBS)}: beauty is a text you know."
        for _ in range(400)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def trained(folder):
    """Return vectors of the corpus, as somebody may have them from elsewhere."""
    return sajeon.train(folder / "corpus.txt", dim=20, epochs=1, min_count=1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_run(page, tmp_path, monkeypatch):
    write_corpus(tmp_path / "corpus.txt")
    monkeypatch.chdir(tmp_path)
    sajeon.convert(trained(tmp_path), "corpus-vectors.bin")
    sajeon.convert("corpus-vectors.bin", "vectors.vec")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    text = page.read_text(encoding="utf-8")
    names = {"__name__": "__example__"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if ">>>" not in block[1]:
            exec(compile("\n" * line + block[1], str(page), "exec"), names)
            continue
        examples = doctest.DocTestParser().get_doctest(block[1], names, page.name, str(page), line)
        output = []
        doctest.DocTestRunner(optionflags=FLAGS).run(examples, out=output.append, clear_globs=False)
        names = examples.globs
        assert not output, "".join(output)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        file = (page.parent / target).resolve()
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor[1:] in slugs, f"{page.name} links to {target}{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_named_in_backticks_exist(page):
    for name in re.findall(
        r"`((?:benchmarks|docs|kernels|learn)/[\w/]+\.(?:py|md))`", page.read_text()
    ):
        base = ROOT if name.startswith(("benchmarks", "docs")) else ROOT / "src" / "sajeon"
        assert (base / name).exists(), f"{page.name} names {name}"
