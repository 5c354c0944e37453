"""What the scripts of this folder share: prose in two languages, and options."""

import argparse
import inspect
import sys
from pathlib import Path

HERE = Path(__file__).parent
_SCRIPT = "[0-9][0-9][0-9]_*.py"


def options() -> argparse.Namespace:
    """Return what was typed behind a script's name; in a notebook there is nothing."""
    parser = argparse.ArgumentParser(description="One of the notes, replayed.")
    parser.add_argument("--lang", choices=("en", "ko"), default="en", help="language of the text")
    parser.add_argument("--text", help="002: a text file to learn from")
    parser.add_argument("--word", default="beauty", help="002: a word of it to look at")
    parser.add_argument("--vectors", help="003: pretrained vectors, such as GoogleNews's")
    return parser.parse_args(sys.argv[1:] if Path(sys.argv[0]).match(_SCRIPT) else [])


def tell(english: str, korean: str) -> None:
    """Print a paragraph, in English or with ``--lang ko`` in Korean.

    In the notebook it is no code but text, in both languages (see `build_notebooks.py`).
    """
    text = korean if options().lang == "ko" else english
    print(f"\n{inspect.cleandoc(text)}\n")
