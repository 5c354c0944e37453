"""Tokens and their ids, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sajeon.errors import UnknownTokenError
from sajeon.ids import as_ids
from sajeon.numbering import (
    Order,
    Ranking,
    Ties,
    as_counts,
    as_specials,
    check_distinct,
    check_strings,
    number_list,
    number_mapping,
    refuse_text,
    roles,
    token_lists,
)

if TYPE_CHECKING:
    from sajeon.tokens.protocol import Tokenizer
    from sajeon.types import Counts, Ids

    TokenizerSpec: TypeAlias = str | Tokenizer | Callable[[Any], Iterable[str]]
    Item: TypeAlias = str | PurePath | Iterable[str]

_SUGGEST_AMONG = 20_000  # comparing spellings is slow: the first tokens are enough for a hint


class Vocabulary:
    """Tokens in id order: ids run from 0 without a gap, so ``len(vocab)`` is a table's rows.

    The constructor holds what it is given. `from_texts`, `from_tokens` and `from_counts` count,
    put the special tokens first and order the others.

    A token spelled like a special token *is* that special token: a literal ``<unk>`` in a token
    list gets the id of ``<unk>``, and its occurrences count for it.

    Args:
        tokens: Tokens in id order, or a mapping from token to id. The ids of a mapping must be
            0 to n - 1, each once; ids that it leaves free are filled by `specials`, in their order.
            A Python set is refused: its order, and so the ids, would differ from run to run.
        counts: (len(tokens),) int64. How often each occurs, in id order (for a mapping too). None:
            unknown.
        specials: Tokens that stand for no word, under any names. Those that `tokens` does not
            have are added: in front of a list, at the free ids of a mapping, with a count of 0.
        pad: The token that fills up short sequences. None: there is none.
        unk: The token that stands for every one outside the vocabulary. None: such a token is an
            error.
        tokenizer: How `encode` cuts a text: a name like ``"words"`` or ``"whitespace"``, a
            tokenizer or a function. Token lists do not need it.

    Attributes:
        tokens: Tuple of str in id order.
        counts: (len(vocab),) int64, read-only, or None. Counted by this class, it says how many
            of the tokens counted have each id, those that became `unk` included.
        specials: Tuple of str.
        pad: The padding token or None.
        unk: The token for unknown ones or None.
        token_to_id: Read-only mapping from token to id.

    Raises:
        TypeError: `tokens` is a set or a text, or a token is not a str.
        ValueError: Tokens or ids repeat, ids have gaps, counts do not fit, or `pad` or `unk` is
            no token.

    >>> vocab = Vocabulary({"you": 3, "need": 2}, specials=("<unk>", "<pad>"), unk="<unk>")
    >>> vocab.tokens
    ('<unk>', '<pad>', 'need', 'you')
    >>> vocab.encode(["you", "need", "zebras"])
    array([3, 2, 0])
    """

    def __init__(
        self,
        tokens: Iterable[str] | Mapping[str, int],
        counts: Iterable[int] | Counts | None = None,
        specials: Sequence[str] = (),
        pad: str | None = None,
        unk: str | None = None,
        tokenizer: TokenizerSpec = "words",
    ) -> None:
        self.specials = as_specials(specials)
        if isinstance(tokens, Mapping):
            self.tokens, added = number_mapping(tokens, self.specials)
        else:
            self.tokens, added = number_list(tokens, self.specials)
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        check_distinct(self.tokens, len(self._ids))
        for name, token in (("pad", pad), ("unk", unk)):
            if token is not None and token not in self._ids:
                raise ValueError(f"{name}={token!r} is none of the {len(self):,} tokens.")
        self.pad, self.unk = pad, unk
        self.counts = None if counts is None else as_counts(counts, len(self), added)
        self.token_to_id: Mapping[str, int] = MappingProxyType(self._ids)
        self._tokenizer: TokenizerSpec = tokenizer

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        specials: Sequence[str] = ("<pad>", "<unk>"),
        pad: str | None = "<pad>",
        unk: str | None = "<unk>",
        min_count: int = 1,
        max_size: int | None = None,
        ties: Ties = "spelling",
        tokens: TokenizerSpec = "words",
        order: Order = "frequency",
    ) -> Vocabulary:
        """Count the tokens of texts, and number them.

        Args:
            texts: The texts, each a str; may be a generator.
            specials: Tokens that stand for no word; they get the ids from 0 on, in this order.
                With ``specials=()`` there is neither `pad` nor `unk`.
            pad: The one of `specials` that fills up short sequences, or None.
            unk: The one of `specials` that stands for unknown tokens, or None.
            min_count: Tokens seen less often are left out.
            max_size: Largest ``len(vocab)``, the special tokens included; the most frequent tokens
                stay. None: no limit.
            ties: Which of two equally frequent tokens comes first: the one whose spelling does (by
                code points), or the one seen "first".
            tokens: How texts are cut, see `Vocabulary`.
            order: In which order tokens get their ids: by falling "frequency", as they were seen
                "first", or by "spelling".

        Raises:
            TypeError: `texts` is one text, or holds something else than texts.
            ValueError: `pad` or `unk` is not among `specials`, `max_size` is smaller than their
                number, or `order` or `ties` is unknown.

        >>> vocab = Vocabulary.from_texts(["to be or not to be"], order="first")
        >>> vocab.tokens
        ('<pad>', '<unk>', 'to', 'be', 'or', 'not')
        >>> vocab.encode("To be!")
        array([2, 3])
        """
        from sajeon.tokens.protocol import make_tokenizer

        refuse_text(texts, "from_texts takes several texts: write [text]")
        tokenizer: Any = make_tokenizer(tokens)
        if getattr(tokenizer, "untrained", False):
            texts = list(texts)
            tokenizer = tokenizer.trained(texts)
        pad, unk = roles(specials, pad, unk)
        ranking = Ranking(specials, min_count, max_size, order, ties)
        counter = ranking.count(_cut(texts, tokenizer), texts)
        return cls(*ranking.apply(counter, unk), specials, pad, unk, tokenizer)

    @classmethod
    def from_tokens(
        cls,
        lists: Iterable[Iterable[str]],
        specials: Sequence[str] = ("<pad>", "<unk>"),
        pad: str | None = "<pad>",
        unk: str | None = "<unk>",
        min_count: int = 1,
        max_size: int | None = None,
        ties: Ties = "spelling",
        tokens: TokenizerSpec = "words",
        order: Order = "frequency",
    ) -> Vocabulary:
        """Count token lists, and number the tokens.

        Arguments and errors are those of `from_texts`; `tokens` says how `encode` will cut a text,
        so choose what the lists were cut with.

        >>> Vocabulary.from_tokens([["b", "a", "b"]]).tokens
        ('<pad>', '<unk>', 'b', 'a')
        """
        refuse_text(lists, "from_tokens takes token lists: write [text.split()]")
        pad, unk = roles(specials, pad, unk)
        ranking = Ranking(specials, min_count, max_size, order, ties)
        counter = ranking.count(token_lists(lists), lists)
        return cls(*ranking.apply(counter, unk), specials, pad, unk, tokens)

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        specials: Sequence[str] = ("<pad>", "<unk>"),
        pad: str | None = "<pad>",
        unk: str | None = "<unk>",
        min_count: int = 1,
        max_size: int | None = None,
        ties: Ties = "spelling",
        tokens: TokenizerSpec = "words",
        order: Order = "frequency",
    ) -> Vocabulary:
        """Number tokens that were counted already, for example by a collections.Counter.

        Arguments and errors are those of `from_tokens`; the order of the mapping is taken for that
        of appearance.

        >>> Vocabulary.from_counts({"a": 2, "b": 9}, specials=()).tokens
        ('b', 'a')
        """
        if not isinstance(counts, Mapping):
            raise TypeError(f"counts must map tokens to numbers, got {type(counts).__name__}.")
        as_counts(counts.values(), len(counts), [])
        pad, unk = roles(specials, pad, unk)
        ranking = Ranking(specials, min_count, max_size, order, ties)
        return cls(*ranking.apply(counts, unk), specials, pad, unk, tokens)

    @property
    def pad_id(self) -> int | None:
        """Id of the padding token, or None."""
        return None if self.pad is None else self._ids[self.pad]

    @property
    def unk_id(self) -> int | None:
        """Id of the token for unknown ones, or None."""
        return None if self.unk is None else self._ids[self.unk]

    @property
    def tokenizer(self) -> Tokenizer:
        """What `encode` cuts texts with."""
        from sajeon.tokens.protocol import make_tokenizer

        self._tokenizer = tokenizer = make_tokenizer(self._tokenizer)
        return tokenizer

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        """Return the id of `token`, that of `unk` for an unknown one."""
        return int(self.encode([token])[0])

    def __eq__(self, other: object) -> bool:
        """Tell whether tokens, ids, counts and special tokens are the same."""
        if not isinstance(other, Vocabulary):
            return NotImplemented
        mine, theirs = [
            (v.tokens, v.specials, v.pad, v.unk, None if v.counts is None else v.counts.tolist())
            for v in (self, other)
        ]
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        beginning = ", ".join(map(repr, self.tokens[:5])) + (", ..." if len(self) > 5 else "")
        return f"Vocabulary({len(self):,} tokens: {beginning})"

    def encode(self, item: Item) -> Ids:
        """Return the ids of a text or a token list.

        Args:
            item: A str (or the path of a recording, where the tokenizer reads audio) is cut by
                the tokenizer; anything else is taken as tokens.

        Returns:
            (length,) int64, a new array.

        Raises:
            TypeError: The tokens are not str.
            UnknownTokenError: A token is not in the vocabulary, and there is no `unk`.
        """
        tokens = self.tokenizer.tokens(item) if isinstance(item, str | PurePath) else list(item)
        check_strings(tokens[:1])  # ids or nested lists, which would all become unknown
        if self.unk is not None:
            ids, unk_id = self._ids, self._ids[self.unk]
            return np.array([ids.get(token, unk_id) for token in tokens], dtype=np.int64)
        try:
            return np.array([self._ids[token] for token in tokens], dtype=np.int64)
        except KeyError as error:
            near = self.tokens[:_SUGGEST_AMONG]
            raise UnknownTokenError(error.args[0], near, len(self)) from None

    def encode_batch(self, items: Iterable[Item]) -> list[Ids]:
        """Return the ids of each text or token list: arrays (length,) int64, for `sajeon.pad`."""
        refuse_text(items, "encode_batch takes several texts: write [text]")
        return [self.encode(item) for item in items]

    def decode(self, ids: object, *, skip_specials: bool = False) -> list[str]:
        """Return the tokens of ids, (length,) int64; without the special ones if so wished.

        Raises:
            TypeError: The ids are not integers.
            IndexError: An id is outside the vocabulary; the message names it and its position.
            ValueError: The ids have more than one axis; `decode_batch` takes those.
        """
        array = as_ids(ids, len(self))
        if array.ndim != 1:
            raise ValueError(
                f"decode takes the ids of one text, got the shape {array.shape}: "
                "use decode_batch for several."
            )
        tokens = [self.tokens[i] for i in array.tolist()]
        if skip_specials:
            return [token for token in tokens if token not in self.specials]
        return tokens

    def decode_batch(
        self, seqs: Iterable[object], *, skip_specials: bool = False
    ) -> list[list[str]]:
        """Return the tokens of each sequence of ids, or of each row of a padded batch."""
        return [self.decode(seq, skip_specials=skip_specials) for seq in seqs]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values; the inverse of `from_dict`."""
        from sajeon.tokens.protocol import tokenizer_to_config

        return {
            "tokens": list(self.tokens),
            "counts": None if self.counts is None else self.counts.tolist(),
            "specials": list(self.specials),
            "pad": self.pad,
            "unk": self.unk,
            "tokenizer": tokenizer_to_config(self.tokenizer),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Make the vocabulary that `to_dict` described."""
        from sajeon.tokens.protocol import tokenizer_from_config

        fields = {name: data[name] for name in ("tokens", "counts", "specials", "pad", "unk")}
        return cls(**fields, tokenizer=tokenizer_from_config(data["tokenizer"]))


def _cut(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[list[str]]:
    for i, text in enumerate(texts):
        if not isinstance(text, str | PurePath):
            raise TypeError(
                f"texts must be str, got {type(text).__name__}, text {i}: use from_tokens for "
                "token lists."
            )
        yield tokenizer.tokens(text)
