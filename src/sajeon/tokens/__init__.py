"""Raw input to tokens: tokenizers and readers."""

from .protocol import (
    JSON,
    Custom,
    Tokenizer,
    make_tokenizer,
    tokenizer_from_config,
    tokenizer_to_config,
)
from .words import Whitespace, Words

__all__ = [
    "JSON",
    "Custom",
    "Tokenizer",
    "Whitespace",
    "Words",
    "make_tokenizer",
    "tokenizer_from_config",
    "tokenizer_to_config",
]
