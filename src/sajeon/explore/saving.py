"""The page as one file: its parts inside it, and the answers to what it will ask.

Modules become data: addresses that an import map names, so the browser runs the very files that the
server would serve. The file opens from a disk, without a network, and may ask nothing of any.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..formats.atomic import replacing_file
from .api import Answer, Api

if TYPE_CHECKING:
    from ..types import Array
    from .subject import Subject

POINTS = 10_000
_NEIGHBOURS_OF = 2000  # words; the rest of the page needs the program for that
_NEIGHBOURS = 12
_STEPS = 10  # of the training view
_IMPORT = re.compile(r'from "\./([a-z]+\.js)"')
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:"
)


def save_page(path: str | os.PathLike[str], subjects: Sequence[Subject]) -> int:
    """Write the page of one or two models; return its size in bytes.

    An older file is replaced all at once, or on any failure left as it was.

    Raises:
        OSError: It cannot be written.
    """
    target = Path(path).absolute()
    content = page_of(subjects).encode()
    with replacing_file(target) as fresh, fresh.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return len(content)


def page_of(subjects: Sequence[Subject], points: int = POINTS) -> str:
    """Return the page as HTML.

    Args:
        subjects: The models.
        points: Words on the map, the most frequent.
    """
    page = files(__package__) / "page"
    modules = {
        file.name: _IMPORT.sub(r'from "\1"', file.read_text("utf-8"))
        for file in sorted(page.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".js")
    }
    main = modules.pop("main.js")
    imports = {name: _data_address(text) for name, text in modules.items()}
    html = (page / "index.html").read_text("utf-8")
    for outside, inside in (
        ('<meta charset="utf-8">', f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-'
         f'Policy" content="{_POLICY}">'),
        ('<link rel="stylesheet" href="style.css">',
         f"<style>\n{(page / 'style.css').read_text('utf-8')}</style>"),
        ('<script type="module" src="main.js"></script>',
         f'<script type="application/json" id="saved">{_in_script(_saved(subjects, points))}'
         f'</script>\n<script type="importmap">{_in_script({"imports": imports})}</script>'),
        ("</body>", f'<script type="module">\n{main}</script>\n</body>'),
    ):  # fmt: skip
        html = html.replace(outside, inside, 1)
    return html


def _data_address(text: str) -> str:
    return f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"


def _in_script(value: Any) -> str:
    """Return JSON that cannot end the element it stands in, whatever the tokens are."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode(errors="replace").decode()


def _saved(subjects: Sequence[Subject], points: int) -> dict[str, Any]:
    """Return the answers by question, as `source.js` looks for them."""
    api = Api(subjects)
    points = min(points, subjects[0].points)
    answers = {"points": _cut(_asked(api, "points"), points)}
    arrays = {}
    for name, parameters, width in (
        ("positions", {"layout": "pca"}, 2),
        ("positions", {"layout": "tsne"}, 2),
        ("clusters", {}, 1),
    ):
        answer = api.ask(name, parameters)
        if answer.status == 200:
            kind = np.float32 if width == 2 else np.uint8
            array = np.frombuffer(answer.body, kind)[: width * points]
            arrays[_question(name, parameters)] = base64.b64encode(array.tobytes()).decode()
    about = _asked(api, "about")
    about["models"][0]["points"] = points
    answers["about"] = about | {"steps": _STEPS}
    for name, parameters in _examples(about):
        answers[_question(name, parameters)] = _asked(api, name, parameters)
    neighbours = [_neighbours(subject, points, first=n == 0) for n, subject in enumerate(subjects)]
    return {"answers": answers, "arrays": arrays, "neighbours": neighbours}


def _examples(about: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Return what the views ask at first, and what one may press there."""
    example = about["example"]
    asked = [("arithmetic", {"expression": example["expression"]})]
    lines = [line.split() for line in example["texts"].splitlines()]
    places = len(lines) * max(map(len, lines))
    asked += [("lookup", {"text": example["texts"], "pick": str(n)}) for n in range(places)]
    if not about["training"]:
        asked += [
            ("training", {"text": example["sentence"], "word": "1", "draw": "0", "steps": str(n)})
            for n in range(_STEPS + 1)
        ]
    return asked + ([("compare", {})] if len(about["models"]) > 1 else [])


def _question(name: str, parameters: dict[str, str]) -> str:
    return "\n".join([name, *(part for pair in parameters.items() for part in pair)])


def _asked(api: Api, name: str, parameters: dict[str, str] | None = None) -> Any:
    answer: Answer = api.ask(name, parameters or {})
    return json.loads(answer.body)


def _cut(answer: dict[str, Any], points: int) -> dict[str, Any]:
    return {key: value if value is None else value[:points] for key, value in answer.items()}


def _neighbours(subject: Subject, points: int, *, first: bool) -> dict[str, Any]:
    """Return the neighbours of frequent words among those on the page, as numbers."""
    vectors, points = subject.vectors, min(points, subject.points)
    tokens = subject.tokens[: min(_NEIGHBOURS_OF, points)]
    ids, cosines = vectors.search(tokens, _NEIGHBOURS, restrict=points)
    answer = {
        "k": ids.shape[1],
        "ids": ids.ravel().tolist(),
        "cosines": _thousandths(cosines),
    }
    return answer if first else answer | {"tokens": subject.tokens[:points]}


def _thousandths(cosines: Array) -> list[int]:
    return np.rint(np.where(np.isfinite(cosines), cosines, 0) * 1000).astype(int).ravel().tolist()  # type: ignore[no-any-return]
