"""Pieces of words against Hugging Face's tokenizers and sentencepiece, trained and loaded."""

import io
import json
import sys
import unicodedata

import pytest

import sajeon
from sajeon.errors import CorpusError, FormatError, MissingExtraError
from sajeon.tokens import make_tokenizer, tokenizer_from_config, tokenizer_to_config
from sajeon.tokens.pieces import BPE, Unigram, WordPiece, _draw

tokenizers = pytest.importorskip("tokenizers")
sentencepiece = pytest.importorskip("sentencepiece")

TEXTS = [
    "low lower lowest newer newest wider widest slow slower",
    "학교에 학교가 학생이 학생을",
] * 20
KINDS = {"bpe": BPE, "unigram": Unigram, "wordpiece": WordPiece}


@pytest.fixture(params=KINDS)
def trained(request):
    return KINDS[request.param](size=60).trained(iter(TEXTS))


def test_training_gives_the_same_pieces_each_time(trained):
    assert not trained.untrained
    assert type(trained)(size=60).trained(TEXTS).settings == trained.settings


def test_pieces_put_together_are_the_text(trained):
    for text in TEXTS[:2]:
        pieces = trained.tokens(text)
        if trained.name == "wordpiece":
            assert " ".join(pieces).replace(" ##", "") == text
        else:
            assert "".join(pieces).replace("▁", " ").strip() == text


def test_it_comes_back_from_its_settings(trained):
    config = json.loads(json.dumps(tokenizer_to_config(trained)))
    again = tokenizer_from_config(config)
    assert again == trained
    assert hash(again) == hash(trained)
    assert again.token_lists(TEXTS) == trained.token_lists(TEXTS)


def test_either_normal_form_gives_the_same(trained):
    apart = [unicodedata.normalize("NFD", text) for text in TEXTS]
    assert trained.token_lists(apart) == trained.token_lists(TEXTS)
    assert type(trained)(size=60).trained(apart).settings == trained.settings


def test_characters_never_seen_are_left_out(trained):
    assert trained.tokens("").copy() == []
    odd = trained.tokens("low 🙂 lower")
    assert "🙂" not in "".join(odd)
    assert "<unk>" not in odd
    assert [piece for piece in odd if piece != "▁"] == trained.tokens("low lower")


@pytest.mark.parametrize("name", KINDS)
def test_lower_case_is_part_of_it(name):
    lower = make_tokenizer(f"{name}:size=60,case=lower").trained(TEXTS)
    assert lower.tokens("LOW Lower") == lower.tokens("low lower")


@pytest.mark.parametrize("name", KINDS)
def test_a_model_is_trained_saved_and_asked(tmp_path, name):
    vectors = sajeon.train(TEXTS * 5, tokens=f"{name}:size=60", dim=8, min_count=1, sample=0)
    vectors.save(tmp_path / "model")
    # Nobody else could cut a text as this model does, so it is offered to nobody else.
    names = sorted(entry.name for entry in (tmp_path / "model").iterdir())
    assert names == ["config.json", "model.safetensors", "training.safetensors"]
    again = sajeon.load(tmp_path / "model")
    assert again.tokenizer == vectors.tokenizer
    for piece in again.tokenizer.tokens("slow 학생이"):
        assert piece in again
    assert again.encode(["slow 학생이"]).any()
    assert len(again.nearest(again.tokens[0], k=3)) == 3


def byte_level(path):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(path))
    return tokenizer


def test_a_tokenizer_json_cuts_as_hugging_face_does(tmp_path):
    theirs = byte_level(tmp_path / "tokenizer.json")
    theirs.no_truncation()
    theirs.no_padding()
    ours = make_tokenizer(f"bpe:file={tmp_path / 'tokenizer.json'}")
    (tmp_path / "tokenizer.json").unlink()
    ours = tokenizer_from_config(tokenizer_to_config(ours))
    for text in TEXTS[:2]:
        assert ours.tokens(text) == theirs.encode(text, add_special_tokens=False).tokens


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_model_of_sentencepiece_cuts_as_sentencepiece_does(tmp_path, kind):
    target = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=target, vocab_size=30, model_type=kind,
        minloglevel=2,
    )  # fmt: skip
    path = tmp_path / "m.model"
    path.write_bytes(target.getvalue())
    theirs = sentencepiece.SentencePieceProcessor(model_proto=target.getvalue())
    ours = make_tokenizer(f"{kind}:file={path}")
    for text in TEXTS[:2]:
        assert ours.tokens(text) == theirs.encode(text, out_type=str)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", r"t: expected JSON"),
        (b"{}", "expected the JSON object of a tokenizer.json"),
        (b'{"model": {"type": "BPE"}}', "not a tokenizer.json of Hugging Face"),
        (b'{"model": 3}', "expected the JSON object"),
        (b"[" * 100_000, "not a model of sentencepiece"),
        (b"\0\1\2", "not a model of sentencepiece"),
        (b"", "not a model of sentencepiece"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, data, said):
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(FormatError, match=said):
        make_tokenizer(f"bpe:file={tmp_path / 't'}")


def test_other_bad_input():
    with pytest.raises(FileNotFoundError, match="no such file: nowhere"):
        make_tokenizer("bpe:file=nowhere")
    with pytest.raises(ValueError, match="size must be a whole number, from 1 to"):
        make_tokenizer("bpe:size=many")
    with pytest.raises(ValueError, match="bpe has no pieces yet: train it on a corpus"):
        BPE().tokens("a")
    with pytest.raises(CorpusError, match="no pieces could be learned"):
        Unigram().trained([])


@pytest.mark.parametrize(("kind", "package"), [(BPE, "tokenizers"), (Unigram, "sentencepiece")])
def test_a_missing_package_is_named(monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sajeon\[bpe\]'"):
        kind()


def test_texts_are_drawn_evenly_and_alike():
    drawn = _draw(map(str, range(1000)), 100)
    assert drawn == _draw(map(str, range(1000)), 100)
    assert len(set(drawn)) == 100
    assert 350 < sum(map(int, drawn)) / 100 < 650
    assert _draw(["a", "b"], 100) == ["a", "b"]
