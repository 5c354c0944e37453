"""What lets model2vec and sentence-transformers open a model folder: their own small files.

Written only where Hugging Face's tokenizers library can express our tokenizer, so that no other
tool finds other tokens than ours and gives silent zeros for them. The tokens are the same but for
the Unicode versions (compared: Python 3.11, which has Unicode 14.0, and tokenizers 0.23):

- Characters younger than Python's tables are unknown to us and letters there, a few thousand.
- Two marks on one letter, one of them among 98 rare marks added to Unicode of late: tokenizers
  does not put them in canonical order. None of them was in Unicode 3.2 yet.
- U+1171E, an Ahom sign, beside a capital sigma.

One difference remains in how texts are averaged: model2vec leaves unknown tokens out of the mean,
as we do; sentence-transformers counts each as the zero row, which shortens the mean vector but does
not turn it.

Source: https://huggingface.co/docs/tokenizers, "Components"; model2vec and sentence-transformers as
their versions 0.10 and 6.2 read a folder.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from ..errors import FormatError

if TYPE_CHECKING:
    import numpy as np

    from ..tokens.protocol import Tokenizer

JSON: TypeAlias = dict[str, Any]

UNK = "[UNK]"
_VOCABULARY = "<the vocabulary>"
_WRITTEN_TOGETHER = 1 << 16  # tokens

# A letter or digit, then marks too; joined by single ' or -. Possessive (+) after *: a run is never
# given back, which keeps matching linear and under Oniguruma's limit for any length of token.
_WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*+(?:['\-][\p{L}\p{N}][\p{L}\p{N}\p{M}]*+)*"
_WORD_OR_SIGN = rf"{_WORD}|[\p{{P}}\p{{S}}]"
# What str.split() parts at, White_Space and the four separators U+001C to U+001F; and NUL.
_BLANKS = r"\x00\x09-\x0D\x1C-\x20\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_NO_BLANK = f"[^{_BLANKS}]++"
# Lower-casing here goes letter by letter and knows no final sigma, Python's does (Unicode 3.13,
# Final_Sigma): a cased letter before and none after, case-ignorable characters not counted.
# U+0345 and modifier letters are both cased and ignorable; Python passes them over, so must we.
_FINAL_SIGMA = (
    r"[\p{Cased}&&[^\p{Case_Ignorable}]]\p{Case_Ignorable}*+\KΣ"
    r"(?!\p{Case_Ignorable}*+\p{Cased})"
)


def model_config(dim: int, dtype: str) -> JSON:
    """Return the keys of config.json that model2vec and sentence-transformers ask for."""
    return {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": dim,
        "normalize": False,
        "seq_length": 1_000_000,
        "max_length": None,  # model2vec would cut texts after 512 tokens
        "embedding_dtype": dtype,
    }


def modules() -> list[JSON]:
    """Return modules.json, by which sentence-transformers knows the folder for a lookup table."""
    kind = "sentence_transformers.models.StaticEmbedding"
    return [{"idx": 0, "name": "0", "path": ".", "type": kind}]


def word_level(tokens: Sequence[str], name: str, settings: Mapping[str, Any]) -> JSON | None:
    """Return the tokenizer.json that finds the same tokens as one of our tokenizers.

    Args:
        tokens: The vocabulary in id order. The unknown token gets the id after the last.
        name: ``words`` or ``whitespace``.
        settings: ``case`` (lower, keep) and ``punctuation`` (drop, keep); absent: the default.

    Returns:
        A JSON object, or None where this tokenizer cannot be expressed.
    """
    content = _without_vocabulary(name, settings, unknown_token(tokens))
    if content is not None:
        vocabulary = {token: i for i, token in enumerate(tokens)}
        vocabulary[content["model"]["unk_token"]] = len(vocabulary)
        content["model"]["vocab"] = vocabulary
    return content


def _without_vocabulary(name: str, settings: Mapping[str, Any], unknown: str) -> JSON | None:
    steps = _steps(name, settings)
    if steps is None:
        return None
    normalizers, pattern = steps
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],  # [UNK] is not one: it would be cut out of any text that spells it
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": pattern},
            "behavior": "Removed",
            "invert": True,
        },
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": _VOCABULARY, "unk_token": unknown},
    }


def tokenizer_json(tokenizer: "Tokenizer", tokens: Sequence[str]) -> JSON | None:
    """Return the tokenizer.json of any tokenizer, or None where there is none that finds the same.

    Another tokenizer than the built-in ones may offer its own as ``hf_tokenizer_json(tokens)``.
    That of a built-in one has no vocabulary yet: `write_tokenizer_json` puts it in.

    Raises:
        FormatError: What it offers numbers the tokens in another way than the rows of the model.
    """
    unknown = unknown_token(tokens)
    built_in = _without_vocabulary(tokenizer.name, tokenizer.settings, unknown)
    offer = getattr(tokenizer, "hf_tokenizer_json", None)
    if built_in is not None or offer is None:
        return built_in
    content: JSON | None = offer(tokens)
    if content is not None:
        _check_ids(content, tokens, tokenizer.name)
    return content


def write_tokenizer_json(
    file: IO[bytes], content: Mapping[str, Any], tokens: Iterable[str]
) -> None:
    """Write a tokenizer.json.

    The vocabulary is written piece by piece: as one JSON object, three million tokens take a
    gigabyte of memory.

    Args:
        file: Open for writing.
        content: Of `tokenizer_json`.
        tokens: The vocabulary in id order.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    if content.get("model", {}).get("vocab") != _VOCABULARY:
        file.write(f"{text}\n".encode())
        return
    before, _, after = text.partition(json.dumps(_VOCABULARY))
    file.write(f"{before}{{".encode())
    together = itertools.chain(tokens, [content["model"]["unk_token"]])
    entries = (f"{encode_basestring(token)}: {i}" for i, token in enumerate(together))
    between = ""
    while part := list(itertools.islice(entries, _WRITTEN_TOGETHER)):
        file.write(f"{between}{', '.join(part)}".encode())
        between = ", "
    file.write(f"}}{after}\n".encode())


def offered(
    tokenizer: Mapping[str, Any] | None, tokens: Sequence[str], dtype: "np.dtype[Any]"
) -> JSON | None:
    """Return the tokenizer.json of a folder, None where no other tool is to open it.

    Args:
        tokenizer: ``{"name", "settings"}`` as in config.json, or None.
        tokens: In id order.
        dtype: Of the rows. Others know nothing of the scales of int8 rows.

    Raises:
        FormatError: See `tokenizer_json`.
    """
    if tokenizer is None or dtype.kind != "f":
        return None
    from ..tokens.protocol import tokenizer_from_config

    return tokenizer_json(tokenizer_from_config(tokenizer), tokens)


def unknown_token(tokens: Sequence[str]) -> str:
    """Return ``[UNK]``, or where a token is spelled so, the same with underscores behind."""
    unknown = UNK
    while unknown in tokens:
        unknown += "_"
    return unknown


def _check_ids(offered: JSON, tokens: Sequence[str], name: str) -> None:
    model = offered.get("model", {})
    expected = {token: i for i, token in enumerate(tokens)}
    expected[str(model.get("unk_token"))] = len(tokens)
    if model.get("vocab") != expected:
        raise FormatError(
            f"tokenizer {name!r}: its hf_tokenizer_json() must number the {len(tokens):,} tokens "
            "from 0 in their order and its unk_token, which none of them is, next."
        )


def _steps(name: str, settings: Mapping[str, Any]) -> tuple[list[JSON], str] | None:
    """Return the normalizers and the pattern of a token, or None."""
    case = settings.get("case", "lower" if name == "words" else "keep")
    punctuation = settings.get("punctuation", "drop")
    known = {"words": {"case", "punctuation"}, "whitespace": {"case"}}.get(name, set())
    if not known or not set(settings) <= known:
        return None
    if case not in ("lower", "keep") or punctuation not in ("drop", "keep"):
        return None
    lower = _lower_case() if case == "lower" else []
    if name == "whitespace":
        return [{"type": "NFC"}, *lower], _NO_BLANK
    fold = [_replace("’", "'"), _replace("\u2010", "-"), _replace("\u2011", "-")]
    pattern = _WORD_OR_SIGN if punctuation == "keep" else _WORD
    return [{"type": "NFC"}, *fold, *lower], pattern


def _lower_case() -> list[JSON]:
    sigma = {"type": "Replace", "pattern": {"Regex": _FINAL_SIGMA}, "content": "ς"}
    return [sigma, {"type": "Lowercase"}, {"type": "NFC"}]


def _replace(old: str, new: str) -> JSON:
    return {"type": "Replace", "pattern": {"String": old}, "content": new}
