"""Vocabulary: worked values of the notes, orders, refusals, and round trips."""

import json
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sajeon.encode
from sajeon.errors import UnknownTokenError
from sajeon.vocab import Vocabulary

NOTE_003 = [
    "nice great best amazing",
    "stop lies",
    "pitiful nerd",
    "excellent work",
    "supreme quality",
    "bad",
    "highly respectable",
]

token_lists = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d", "é", "가", "나"]), max_size=12)
)


def test_note_000_numbers_words_in_order_of_appearance():
    vocab = Vocabulary.from_texts(
        ["son is world-class football player"],
        specials=("<unk>", "<pad>"),
        order="first",
        tokens="whitespace",
    )
    assert dict(vocab.token_to_id) == {
        **{"<unk>": 0, "<pad>": 1},
        **{"son": 2, "is": 3, "world-class": 4, "football": 5, "player": 6},
    }
    text = "kim is world-class football defense player in Korea"
    assert vocab.encode(text).tolist() == [0, 3, 4, 5, 0, 6, 0, 0]
    assert len(vocab) == 7


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("code you know to need how", [3, 6, 5, 0]),  # note 001
        ("need how you to know code", [4, 2, 5, 0]),  # note 003
    ],
)
def test_notes_001_and_003_each_encode_by_their_own_mapping(order, ids):
    mapping = {word: i + 2 for i, word in enumerate(order.split())}
    complete = Vocabulary({**mapping, "<unk>": 0, "<pad>": 1}, pad="<pad>", unk="<unk>")
    completed = Vocabulary(mapping, specials=("<unk>", "<pad>"), pad="<pad>", unk="<unk>")
    for vocab in (complete, completed):
        assert vocab.encode("you need to run").tolist() == ids
        assert (vocab.unk_id, vocab.pad_id, len(vocab)) == (0, 1, 8)
    assert dict(complete.token_to_id) == dict(completed.token_to_id)


def test_note_003_numbers_and_pads_the_seven_sentences():
    vocab = Vocabulary.from_tokens(
        [sentence.split() for sentence in NOTE_003],
        specials=("<PAD>", "<UNK>"),
        pad="<PAD>",
        unk="<UNK>",
        ties="first",
    )
    expected = (
        "nice 2, great 3, best 4, amazing 5, stop 6, lies 7, pitiful 8, nerd 9, excellent 10, "
        "work 11, supreme 12, quality 13, bad 14, highly 15, respectable 16"
    )
    for pair in expected.split(", "):
        word, number = pair.split()
        assert vocab[word] == int(number)
    assert (vocab.pad_id, vocab.unk_id, len(vocab)) == (0, 1, 17)
    batch = sajeon.encode.pad(vocab.encode_batch(NOTE_003))
    assert batch.tolist() == [
        [2, 3, 4, 5],
        [6, 7, 0, 0],
        [8, 9, 0, 0],
        [10, 11, 0, 0],
        [12, 13, 0, 0],
        [14, 0, 0, 0],
        [15, 16, 0, 0],
    ]


@given(token_lists)
def test_frequency_order_is_that_of_a_counter_with_ties_by_spelling_or_appearance(lists):
    counted = Counter(token for tokens in lists for token in tokens)
    by_spelling = Vocabulary.from_tokens(lists, specials=())
    by_first = Vocabulary.from_tokens(lists, specials=(), ties="first")
    assert list(by_spelling) == sorted(counted, key=lambda token: (-counted[token], token))
    assert list(by_first) == [token for token, _ in counted.most_common()]
    assert by_first.counts.tolist() == [counted[token] for token in by_first]


@given(token_lists, st.integers(0, 3), st.integers(2, 9))
def test_counts_say_how_many_tokens_get_each_id(lists, min_count, max_size):
    vocab = Vocabulary.from_tokens(lists, min_count=min_count, max_size=max_size)
    assert len(vocab) <= max_size
    flat = [i for ids in vocab.encode_batch(lists) for i in ids.tolist()]
    assert vocab.counts.tolist() == np.bincount(flat, minlength=len(vocab)).tolist()


@given(token_lists)
def test_decode_undoes_encode(lists):
    vocab = Vocabulary.from_tokens(lists, specials=())
    assert vocab.decode_batch(vocab.encode_batch(lists)) == lists


@given(token_lists, st.sampled_from(["frequency", "first", "spelling"]))
def test_a_saved_vocabulary_comes_back_equal(lists, order):
    vocab = Vocabulary.from_tokens(lists, order=order, tokens="words:case=keep")
    again = Vocabulary.from_dict(json.loads(json.dumps(vocab.to_dict())))
    assert again == vocab
    assert again.encode("A b").tolist() == vocab.encode("A b").tolist()


@given(token_lists, st.randoms(use_true_random=False))
def test_by_default_the_order_of_the_texts_does_not_matter(lists, rng):
    shuffled = list(lists)
    rng.shuffle(shuffled)
    assert Vocabulary.from_tokens(shuffled) == Vocabulary.from_tokens(lists)


def test_orders_and_limits():
    lists = [["c", "a", "b", "b"], ["a", "b", "d"]]

    def numbered(**options):
        return "".join(Vocabulary.from_tokens(lists, specials=(), **options))

    assert numbered() == "bacd"
    assert numbered(order="first") == "cabd"
    assert numbered(order="spelling") == "abcd"
    assert numbered(order="first", max_size=2) == "ab"  # the most frequent two, as they appeared
    assert numbered(min_count=2) == "ba"
    assert numbered(min_count=9) == ""


def test_spelling_goes_by_code_points():
    vocab = Vocabulary.from_tokens([["é", "z", "Z", "가", "😀"]], specials=())
    assert vocab.tokens == ("Z", "z", "é", "가", "😀")


def test_special_tokens_take_the_first_ids_in_the_order_given():
    vocab = Vocabulary.from_tokens(
        [["a"]], specials=("[CLS]", "[UNK]", "[PAD]"), pad="[PAD]", unk="[UNK]"
    )
    assert (vocab["[CLS]"], vocab.unk_id, vocab.pad_id, vocab["a"]) == (0, 1, 2, 3)
    assert vocab.decode([3, 2, 2], skip_specials=True) == ["a"]


def test_a_literal_special_token_in_the_text_is_that_special_token():
    vocab = Vocabulary.from_tokens([["<unk>", "a", "<pad>", "rare", "a", "<unk>"]], min_count=2)
    assert vocab.tokens == ("<pad>", "<unk>", "a")
    assert vocab.encode(["<unk>", "<pad>", "a"]).tolist() == [1, 0, 2]
    assert vocab.counts.tolist() == [1, 3, 2]  # "rare" and the literal ones count for <unk>


def test_an_unknown_token_without_unk_is_an_error_with_near_spellings():
    vocab = Vocabulary.from_tokens([["beauty", "beast"]], specials=())
    with pytest.raises(UnknownTokenError, match=r"'beuty' is not among the 2 tokens.*beauty"):
        vocab.encode(["beauty", "beuty"])
    with pytest.raises(UnknownTokenError):
        vocab["beuty"]
    assert "beuty" not in vocab


def test_from_counts_needs_no_text():
    vocab = Vocabulary.from_counts(Counter(a=3, b=7, c=1), min_count=2, order="frequency")
    assert vocab.tokens == ("<pad>", "<unk>", "b", "a")
    assert vocab.counts.tolist() == [0, 1, 7, 3]


def test_from_texts_takes_a_generator_and_the_words_of_any_script():
    vocab = Vocabulary.from_texts(text for text in ["The cat!", "the 고양이, cat?"])
    assert vocab.tokens == ("<pad>", "<unk>", "cat", "the", "고양이")
    assert vocab.encode("THE 고양이").tolist() == [3, 4]
    assert vocab.tokenizer.name == "words"


def test_a_function_cuts_texts_too():
    vocab = Vocabulary.from_texts(["ab"], specials=(), tokens=list)
    assert vocab.encode("ba").tolist() == [1, 0]


def test_counts_of_a_mapping_go_by_id_and_added_special_tokens_get_none():
    vocab = Vocabulary({"b": 2, "a": 1}, counts=[5, 3], specials=("<unk>",))
    assert vocab.counts.tolist() == [0, 5, 3]
    assert not vocab.counts.flags.writeable
    assert Vocabulary(["a", "<unk>"], counts=[2, 1], specials=("<unk>",)).tokens[1] == "<unk>"


def test_the_mapping_is_read_only_and_repr_is_short():
    vocab = Vocabulary([f"t{i}" for i in range(100_000)])
    with pytest.raises(TypeError):
        vocab.token_to_id["new"] = 3
    assert len(repr(vocab)) < 100
    with pytest.raises(TypeError, match="unhashable"):
        hash(vocab)


def test_equality_sees_every_part():
    base = {"tokens": ["<p>", "a"], "counts": [0, 1], "specials": ["<p>"], "pad": "<p>"}
    vocab = Vocabulary(**base)
    assert vocab == Vocabulary(**base)
    assert vocab != "a"
    for change in (
        {"tokens": ["<p>", "b"]},
        {"counts": [0, 2]},
        {"counts": None},
        {"specials": ()},
        {"pad": None},
        {"unk": "a"},
    ):
        assert vocab != Vocabulary(**{**base, **change})


def build(tokens=("a",), **options):
    return Vocabulary(tokens, **options)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: build({"a", "b"}), TypeError, "other ids, in each run"),
        (lambda: build(frozenset("ab")), TypeError, "sorted"),
        (lambda: build("some text"), TypeError, "from_texts"),
        (lambda: build(["a", 7]), TypeError, r"must be str, got int \(7\), token 1"),
        (lambda: build(["a", "b", "a"]), ValueError, "'a' twice"),
        (lambda: build({"a": 2, "b": 3}), ValueError, "nothing has 0, 1.*specials="),
        (lambda: build({"a": 0, "b": 0}), ValueError, "id 0 belongs to both 'a' and 'b'"),
        (lambda: build({"a": -1, "b": 0}), ValueError, "'a' has -1"),
        (lambda: build({"a": 0.5}), TypeError, "must be integers, got float64"),
        (lambda: build(unk="<unk>"), ValueError, "unk='<unk>' is none of the 1 tokens"),
        (lambda: build(counts=[1, 2]), ValueError, "1 tokens need as many counts"),
        (lambda: build(counts=[-1]), ValueError, "not be negative, got -1"),
        (lambda: build(counts=[0.5]), TypeError, "counts must be integers, got float64"),
        (lambda: build(specials="<unk>"), TypeError, "list or tuple"),
        (lambda: build(specials=["<a>", "<a>"]), ValueError, "'<a>' twice"),
        (lambda: Vocabulary.from_texts("a text"), TypeError, r"write \[text\]"),
        (lambda: Vocabulary.from_texts([["a"]]), TypeError, "use from_tokens"),
        (lambda: Vocabulary.from_tokens(["a", "b"]), TypeError, "'a' as element 0"),
        (lambda: Vocabulary.from_tokens("ab"), TypeError, "token lists"),
        (lambda: Vocabulary.from_tokens([["a", 3]]), TypeError, r"got int \(3\)"),
        (lambda: Vocabulary.from_tokens({("a",)}, ties="first"), TypeError, "a set has no first"),
        (
            lambda: Vocabulary.from_tokens([], unk="?"),
            ValueError,
            "'[?]' is not among the specials",
        ),
        (lambda: Vocabulary.from_tokens([], max_size=1), ValueError, "at least 2, got 1"),
        (lambda: Vocabulary.from_tokens([], min_count=-1), ValueError, "min_count"),
        (lambda: Vocabulary.from_tokens([], order="x"), ValueError, "order must be"),
        (lambda: Vocabulary.from_tokens([], ties="x"), ValueError, "ties must be"),
        (lambda: Vocabulary.from_counts({"a": 1.5}), TypeError, "counts must be integers"),
        (lambda: Vocabulary.from_counts({"a": -2}), ValueError, "not be negative"),
        (lambda: Vocabulary.from_counts(["a"]), TypeError, "must map tokens to numbers"),
        (lambda: build(unk="a").encode([0, 0]), TypeError, "must be str, got int"),
        (lambda: build(unk="a").encode([["a"]]), TypeError, "must be str, got list"),
        (lambda: build().encode_batch("a"), TypeError, "several texts"),
        (lambda: build().decode([0, 1]), IndexError, "range 0 to 0, got 1 at position 1"),
        (lambda: build().decode([-1]), IndexError, "got -1"),
        (lambda: build().decode([0.0]), TypeError, "integers, got float64"),
        (lambda: build().decode([[0]]), ValueError, "decode_batch"),
    ],
)
def test_what_cannot_be_a_vocabulary_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_no_text_leaves_the_special_tokens_alone():
    vocab = Vocabulary.from_texts([])
    assert vocab.tokens == ("<pad>", "<unk>")
    assert vocab.encode("").shape == (0,)
    assert vocab.encode("").dtype == np.int64


def test_ids_are_the_same_in_another_process_with_another_hash_seed():
    code = (
        "from sajeon.vocab import Vocabulary as V;"
        "print(list(V.from_tokens([['b','a','c'],['a','z']])))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_a_million_tokens_are_numbered_and_encoded_in_seconds():
    counts = {f"token{i}": 1 + i * 7919 % 1000 for i in range(1_000_000)}
    start = time.process_time()
    vocab = Vocabulary.from_counts(counts)
    ids = vocab.encode(list(counts))
    seconds = time.process_time() - start
    assert vocab.decode(ids[:3]) == ["token0", "token1", "token2"]
    assert seconds < 20  # measured: 4; a quadratic step would take hours
