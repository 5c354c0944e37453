"""The documentation's examples run, its links lead somewhere, the files that it names exist."""

import doctest
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sajeon

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "README.ko.md", ROOT / "CONTRIBUTING.md", *DOCS]
WITH_MODELS = ("align", "serve")
WITH_COMMANDS = [page for page in DOCS if page.name.startswith(("classif", "evaluate", "align"))]
"""Pages whose commands are run too, as they stand. What runs until Ctrl-C has tests of its own."""
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)(#[^)]*)?\)")
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.M | re.S)
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL

SUBJECTS = ["cat", "dog", "bird", "fish", "horse", "man", "woman", "king"]
VERBS = ["sat", "ran", "slept", "ate", "looked"]
PLACES = ["mat", "field", "house", "tree", "river"]

OPINIONS = {
    "good": ["lovely", "moving", "funny", "brilliant", "clever", "warm"],
    "bad": ["dull", "weak", "tedious", "awful", "silly", "cold"],
}
PARTS = ["plot", "acting", "music", "ending", "script", "pace"]
OPENINGS = ["", "", "honestly, ", "as a fan I must say ", "we all agreed that "]
KOREAN_OPINIONS = {
    "good": ["재미있었", "훌륭했", "멋있었", "좋았", "감동적이었"],
    "bad": ["지루했", "재미없었", "유치했", "아쉬웠", "실망스러웠"],
}
KOREAN_PARTS = ["연기가", "음악이", "결말이", "이야기가", "영상이"]
ENDINGS = ["다", "어요", "네요", "습니다", "음"]
OTHER = {"good": "bad", "bad": "good"}


def write_corpus(path):
    """Write enough sentences to learn from, drawn by seed."""
    draw = random.Random(0)
    lines = [
        f"the {draw.choice(SUBJECTS)} {draw.choice(VERBS)} by the {draw.choice(PLACES)}, "
        f"and a {draw.choice(SUBJECTS)} {draw.choice(VERBS)}: beauty is a text you know."
        for _ in range(400)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def write_reviews(path):
    """Write labelled texts that no classifier gets all right, drawn by seed.

    In two languages; with "not" and "but", which single words do not tell; and with some labels
    that are wrong.
    """
    draw = random.Random(0)
    lines = ["text\tlabel"]
    for _ in range(800):
        meant = draw.choice(["good", "bad"])
        text = draw.choice([english_review, english_review, korean_review])(draw, meant)
        lines.append(f"{text}\t{OTHER[meant] if draw.random() < 0.08 else meant}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def english_review(draw, label):
    start = draw.choice(OPENINGS)
    if draw.random() < 0.25:
        start += f"the {draw.choice(PARTS)} was {opinion(draw, OTHER[label])}, but "
    return f"{start}the {draw.choice(PARTS)} was {opinion(draw, label)}."


def opinion(draw, label):
    if draw.random() < 0.2:
        return f"not {draw.choice(OPINIONS[OTHER[label]])}"
    return draw.choice(OPINIONS[label])


def korean_review(draw, label):
    start = ""
    if draw.random() < 0.25:
        start = f"{draw.choice(KOREAN_PARTS)} {draw.choice(KOREAN_OPINIONS[OTHER[label]])}지만 "
    said = f"{draw.choice(KOREAN_PARTS)} {draw.choice(KOREAN_OPINIONS[label])}"
    return f"{start}{said}{draw.choice(ENDINGS)}."


def run_commands(commands):
    """Run the lines of a shell block, as with this Python's programs first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def write_models():
    """Write what the pages about models take for granted."""
    for name in ("model", "other-model", "model-1990", "model-2020", "english", "korean"):
        sajeon.train("corpus.txt", dim=20, epochs=1, min_count=1, output=name)
    Path("pairs.tsv").write_text("cat\tcat\ndog\tdog\nbird\tbird\n", encoding="utf-8")


def trained(folder):
    """Return vectors of the corpus, as somebody may have them from elsewhere."""
    return sajeon.train(folder / "corpus.txt", dim=20, epochs=1, min_count=1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_run(page, tmp_path, monkeypatch):
    write_corpus(tmp_path / "corpus.txt")
    write_reviews(tmp_path / "reviews.tsv")
    monkeypatch.chdir(tmp_path)
    sajeon.convert(trained(tmp_path), "corpus-vectors.bin")
    sajeon.convert("corpus-vectors.bin", "vectors.vec")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if page.stem in WITH_MODELS:
        write_models()
    text = page.read_text(encoding="utf-8")
    names = {"__name__": "__example__"}
    for block in BLOCK.finditer(text):
        language, code = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if language == "sh":
            if page in WITH_COMMANDS:
                run_commands(code)
            continue
        if ">>>" not in code:
            exec(compile("\n" * line + code, str(page), "exec"), names)
            continue
        examples = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
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
