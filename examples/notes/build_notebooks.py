"""Make the notebooks of the scripts: run ``python build_notebooks.py`` after changing a script.

A script is the one source. ``# %%`` begins a cell of code, ``# %% [markdown]`` one that holds a
single call ``tell(english, korean)``, of which the notebook gets both texts. What stands before the
first mark is the script's alone. Notebooks are JSON (nbformat 4.5) with what the cells print.
"""

import ast
import inspect
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
_MARK = re.compile(r"^# %%(?: \[(markdown)\])?$\n?", re.M)


class Cell(NamedTuple):
    kind: str  # "markdown" or "code"
    text: str


def cells_of(script: Path) -> list[Cell]:
    """Cut a script into cells."""
    _, *parts = _MARK.split(script.read_text("utf-8"))  # kind, text, kind, text, ...
    kinds, texts = parts[::2], parts[1::2]
    return [
        Cell("markdown", _prose(text)) if kind else Cell("code", text.strip())
        for kind, text in zip(kinds, texts, strict=True)
    ]


def _prose(source: str) -> str:
    """Return the two texts of a call of `tell`."""
    statement = ast.parse(source).body[0]
    assert isinstance(statement, ast.Expr), source
    assert isinstance(statement.value, ast.Call), source
    english, korean = (inspect.cleandoc(ast.literal_eval(text)) for text in statement.value.args)
    heading, _, rest = korean.partition("\n")
    if heading.startswith("#"):  # one heading in the outline, not two
        korean = f"**{heading.lstrip('# ')}**\n{rest}".rstrip()
    return f"{english}\n\n{korean}"


def run_cells(cells: list[Cell]) -> tuple[list[str], dict[str, Any]]:
    """Run the code; return what each cell printed, and the names that are left."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for i, cell in enumerate(cells):
        with redirect_stdout(io.StringIO()) as out:
            if cell.kind == "code":
                exec(compile(cell.text, f"cell {i}", "exec"), names)
        printed.append(out.getvalue())
    return printed, names


def as_notebook(cells: list[Cell], printed: list[str]) -> dict[str, Any]:
    """Return a notebook as JSON values."""
    return {
        "cells": [_as_json(i, *pair) for i, pair in enumerate(zip(cells, printed, strict=True))],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _as_json(i: int, cell: Cell, printed: str) -> dict[str, Any]:
    common = {"cell_type": cell.kind, "id": f"cell-{i:02}", "metadata": {}}
    source = cell.text.splitlines(keepends=True)
    if cell.kind == "markdown":
        return {**common, "source": source}
    stream = {"name": "stdout", "output_type": "stream", "text": printed.splitlines(keepends=True)}
    outputs = [stream] if printed else []
    return {**common, "execution_count": None, "outputs": outputs, "source": source}


def main() -> None:
    """Build all."""
    for script in sorted(HERE.glob("[0-9][0-9][0-9]_*.py")):
        cells = cells_of(script)
        printed, _ = run_cells(cells)
        notebook = json.dumps(as_notebook(cells, printed), indent=1, ensure_ascii=False) + "\n"
        script.with_suffix(".ipynb").write_text(notebook, "utf-8")
        print(script.with_suffix(".ipynb").name)


if __name__ == "__main__":
    main()
