"""``sajeon classify``: learn from labelled texts, label others, say how well."""

from __future__ import annotations

import click

from .classify_predict import predict
from .classify_test import test
from .classify_train import train

_EXAMPLES = """
\b
Such as:
  sajeon classify train reviews.tsv -o model
  sajeon classify test model others.tsv
  echo "what a film" | sajeon classify predict model
"""


@click.group(epilog=_EXAMPLES)
def classify() -> None:
    """Learn to label texts from labelled ones, as fastText does, and label others."""


for command in (train, predict, test):
    classify.add_command(command)
