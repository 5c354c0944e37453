"""The text classifier: the note's sentences, plain torch, hand calculations, scikit-learn."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

import sajeon
from sajeon import CorpusError, FormatError, TrainingError, Vectors, Vocabulary
from sajeon.errors import NotFittedError
from sajeon.models import TextClassifier

SENTENCES = ["nice great best amazing", "stop lies", "pitiful nerd", "excellent work",
             "supreme quality", "bad", "highly respectable"]  # fmt: skip
LABELS = [1, 0, 0, 1, 1, 0, 1]
NOTE = {"pooling": "flatten", "optimizer": "adam", "lr": 0.001, "batch_size": 2, "shuffle": False,
        "word_dropout": 0.0, "init_std": 1.0}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads that wait for each other make small products slow, on busy machines many times."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def note_vocab() -> Vocabulary:
    names = {"specials": ("<PAD>", "<UNK>"), "pad": "<PAD>", "unk": "<UNK>"}
    return Vocabulary.from_texts(SENTENCES, ties="first", **names)


def reviews(n: int, seed: int = 0, classes: int = 2) -> tuple[list[str], list[str]]:
    """Texts of six words of which two tell the class."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        c = int(rng.integers(classes))
        words = [f"filler{i}" for i in rng.integers(30, size=4)]
        words += [f"sign{c}{i}" for i in rng.integers(5, size=2)]
        texts.append(" ".join(rng.permutation(words)))
        labels.append(f"class{c}")
    return texts, labels


def vectors_of(tokens, dim: int = 6) -> Vectors:
    rng = np.random.default_rng(3)
    return Vectors(tokens, rng.normal(size=(len(tokens), dim)).astype(np.float32))


class Plain(nn.Module):
    """Embedding, flatten or mean over the words, linear, written out."""

    def __init__(self, num_embeddings, dim, width, outputs, seed=1, std=1.0, sparse=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(num_embeddings, dim, padding_idx=0, sparse=sparse)
            self.fc = nn.Linear(dim * (width or 1), outputs)
        self.embedding.weight.data *= std
        self.width = width

    def forward(self, ids):
        rows = self.embedding(ids)
        if self.width:
            return self.fc(rows.flatten(1))
        return self.fc(rows.sum(1) / (ids != 0).sum(1, keepdim=True))


def test_the_notes_sentences_take_17_rows_and_4_steps_an_epoch():
    steps = []
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, args, _: (
            steps.append(tuple(args[0].shape)) if type(module) is nn.Linear else None
        )
    )
    try:
        model = TextClassifier(note_vocab(), epochs=10, **NOTE).fit(SENTENCES, LABELS)
    finally:
        hook.remove()
    assert model.module_.embedding.weight.shape == (17, 100)
    assert steps == 10 * [(2, 400), (2, 400), (2, 400), (1, 400)]  # the longest has 4 words
    assert model.vocab_.encode_batch(SENTENCES)[0].tolist() == [2, 3, 4, 5]
    assert model.history_[0] > 0.5
    assert model.history_[-1] < 0.3
    assert model.score(SENTENCES, LABELS) == 1.0


def test_the_notes_loss_is_that_of_its_last_sentence_alone():
    """`print(loss)` behind the inner loop shows the last batch, and 7 sentences in twos leave one.

    The plain loop is the note's, but that PAD gets no gradient.
    """
    model = TextClassifier(note_vocab(), epochs=10, **NOTE).fit(SENTENCES, LABELS)
    plain = Plain(17, 100, 4, 1)
    ids = torch.from_numpy(sajeon.pad(note_vocab().encode_batch(SENTENCES)))
    targets = torch.tensor(LABELS).float()
    optimizer = torch.optim.Adam(plain.parameters())
    printed, means = [], []
    for _ in range(10):
        total = 0.0
        for batch in torch.arange(7).split(2):
            optimizer.zero_grad()
            outputs = torch.sigmoid(plain(ids[batch])).view(-1)
            loss = nn.functional.binary_cross_entropy(outputs, targets[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        printed.append(loss.item())
        means.append(total / 7)
    np.testing.assert_allclose(model.history_, means, rtol=1e-4)
    weight, expected = model.module_.embedding.weight.detach(), plain.embedding.weight.detach()
    np.testing.assert_allclose(weight, expected, atol=1e-5)
    assert max(abs(a - b) / b for a, b in zip(printed, means, strict=True)) > 0.2  # no mean at all


@pytest.mark.parametrize("optimizer", ["lazy-adam", "adam"])
def test_it_is_plain_torch_with_three_classes_and_the_mean(optimizer):
    texts, labels = reviews(30, classes=3)
    settings = {"dim": 8, "lr": 0.01, "word_dropout": 0.0, "shuffle": False, "epochs": 4}
    model = TextClassifier(batch_size=7, optimizer=optimizer, **settings).fit(texts, labels)
    vocab = Vocabulary.from_texts(texts)
    plain = Plain(len(vocab), 8, None, 3, std=0.1, sparse=optimizer == "lazy-adam")
    if optimizer == "adam":
        optimizers = [torch.optim.Adam(plain.parameters(), 0.01)]
    else:
        optimizers = [torch.optim.SparseAdam(list(plain.embedding.parameters()), 0.01),
                      torch.optim.Adam(plain.fc.parameters(), 0.01)]  # fmt: skip
    targets = torch.tensor([int(label[-1]) for label in labels])
    losses = []
    for _ in range(4):
        total = 0.0
        for batch in torch.arange(30).split(7):
            ids = torch.from_numpy(sajeon.pad(vocab.encode_batch([texts[i] for i in batch])))
            for one in optimizers:
                one.zero_grad()
            loss = nn.functional.cross_entropy(plain(ids), targets[batch])
            loss.backward()
            for one in optimizers:
                one.step()
            total += loss.item() * len(batch)
        losses.append(total / 30)
    np.testing.assert_allclose(model.history_, losses, rtol=1e-4)
    ids = torch.from_numpy(sajeon.pad(vocab.encode_batch(texts)))
    expected = torch.softmax(plain(ids), dim=1).detach()
    np.testing.assert_allclose(model.predict_proba(texts), expected, atol=1e-4)


def test_every_pretrained_number_moves_when_trained():
    vocab = note_vocab()
    vectors = vectors_of(vocab.tokens[2:])
    model = TextClassifier(vocab, pretrained=vectors, pooling="flatten", epochs=3)
    model.fit(SENTENCES, LABELS)
    rows = model.module_.embedding.weight.detach().numpy()
    assert rows.shape == (17, 6)
    assert model.found_.tolist() == [False] * 2 + [True] * 15
    assert (rows[2:] != vectors.matrix).all()
    assert not rows[0].any()


def test_a_frozen_table_stays_and_the_rest_learns(tmp_path):
    vocab = note_vocab()
    vectors = vectors_of([token for token in vocab.tokens[2:] if token != "bad"])
    vectors.save(tmp_path / "vectors")
    for pretrained, unk in ((vectors, "learn"), (tmp_path / "vectors", "mean")):
        model = TextClassifier(vocab, pretrained=pretrained, freeze=True, unk=unk, lr=0.1)
        model.fit(SENTENCES, LABELS)
        expected, _ = vectors.embedding_matrix(vocab)
        np.testing.assert_array_equal(model.module_.embedding.weight.detach(), expected)
        assert model.history_[-1] < model.history_[0]
        assert not model.found_[vocab["bad"]]


@pytest.mark.parametrize("optimizer", ["lazy-adam", "adam"])
@pytest.mark.parametrize("pooling", ["mean", "flatten"])
def test_the_padding_is_exactly_zero(pooling, optimizer):
    texts, labels = reviews(40)
    texts[3] = "sign00"  # short: most of its row is padding
    model = TextClassifier(pooling=pooling, optimizer=optimizer, dim=8, epochs=3)
    row = model.fit(texts, labels).module_.embedding.weight[model.vocab_.pad_id]
    assert not row.any()


def test_the_unknown_row_is_learnt_or_the_mean():
    texts, labels = reviews(40)
    settings = {"dim": 8, "epochs": 2}
    vocab = Vocabulary.from_texts(texts)
    start = Plain(len(vocab), 8, None, 1, std=0.1).embedding.weight[vocab.unk_id].detach()
    still = TextClassifier(vocab, word_dropout=0.0, **settings).fit(texts, labels)
    torch.testing.assert_close(still.module_.embedding.weight[vocab.unk_id].detach(), start)
    learnt = TextClassifier(vocab, **settings).fit(texts, labels)
    assert (learnt.module_.embedding.weight[vocab.unk_id] != start).all()
    mean = TextClassifier(vocab, unk="mean", **settings).fit(texts, labels)
    rows = mean.module_.embedding.weight.detach().numpy()
    np.testing.assert_allclose(rows[vocab.unk_id], rows[2:].mean(axis=0), atol=1e-6)


def first_loss(labels, **settings) -> tuple[float, np.ndarray]:
    """Return the loss before the first step, and the scores it is made of."""
    texts = ["a b", "c", "a d e", "f b", "g"]
    model = TextClassifier(dim=4, batch_size=5, epochs=1, lr=0.0, word_dropout=0.0, **settings)
    model.fit(texts, labels)
    with torch.no_grad():
        scores = model.module_(torch.from_numpy(sajeon.pad(model.vocab_.encode_batch(texts))))
    return model.history_[0], scores.double().numpy()


def test_class_weights_by_hand():
    loss, scores = first_loss([0, 0, 1, 1, 1], class_weight={0: 3.0})
    p = 1 / (1 + np.exp(-scores[:, 0]))
    each = -np.log([1 - p[0], 1 - p[1], p[2], p[3], p[4]])
    assert loss == pytest.approx((3 * each[0] + 3 * each[1] + each[2:].sum()) / 9, rel=1e-5)

    loss, scores = first_loss(["a", "b", "c", "a", "a"], class_weight="balanced")
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    each = -np.log(p[np.arange(5), [0, 1, 2, 0, 0]])
    w = compute_class_weight("balanced", classes=np.array(list("abc")), y=list("abcaa"))
    w = w[[0, 1, 2, 0, 0]]
    assert loss == pytest.approx((w * each).sum() / w.sum(), rel=1e-5)

    loss, scores = first_loss([["x"], ["x", "y"], [], ["x"], []], class_weight={"x": 2.0})
    p = 1 / (1 + np.exp(-scores))
    t = np.array([[1, 0], [1, 1], [0, 0], [1, 0], [0, 0]])
    each = -(t * np.log(p) * [2, 1] + (1 - t) * np.log(1 - p))
    assert loss == pytest.approx(each.mean(), rel=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_it_learns(classes):
    texts, labels = reviews(400, classes=classes)
    model = TextClassifier(dim=16, lr=0.02, epochs=8).fit(texts[:300], labels[:300])
    assert model.score(texts[300:], labels[300:]) > 0.97
    chances = model.predict_proba(texts[300:])
    assert chances.shape == (100, classes)
    assert chances.dtype == np.float32
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(
        model.predict(texts[300:]), model.classes_[chances.argmax(axis=1)]
    )
    assert model.classes_.tolist() == [f"class{c}" for c in range(classes)]
    assert model.to_vectors().nearest("sign00", k=1)[0][0].startswith("sign0")


def test_several_labels_a_text():
    texts, first = reviews(300, seed=1)
    labels = [
        {label, "long"} if "filler1" in text else [label]
        for text, label in zip(texts, first, strict=True)
    ]
    model = TextClassifier(dim=16, lr=0.05, epochs=15).fit(texts, labels)
    assert model.classes_.tolist() == ["class0", "class1", "long"]
    right = np.array([[name in row for name in model.classes_] for row in labels]).astype(int)
    predicted = model.predict(texts)
    assert predicted.shape == (300, 3)
    assert set(np.unique(predicted)) == {0, 1}
    assert model.score(texts, labels) == accuracy_score(right, predicted) > 0.8
    by_columns = TextClassifier(dim=16, lr=0.05, epochs=15).fit(texts, right)
    np.testing.assert_array_equal(by_columns.predict(texts), predicted)
    assert by_columns.classes_.tolist() == [0, 1, 2]
    assert model.score(texts[:1], [[*labels[0], "strange"]]) == 0.0


def test_texts_without_words_get_the_bias(tmp_path):
    texts, labels = reviews(60)
    model = TextClassifier(dim=8, epochs=2).fit([*texts, ""], [*labels, "class0"])
    expected = torch.sigmoid(model.module_.linear.bias).item()
    assert model.predict_proba([""])[0, 1] == pytest.approx(expected)
    assert model.predict([]).shape == (0,)
    assert model.predict_proba([]).shape == (0, 2)


def test_length_cuts_texts():
    texts, labels = reviews(60)
    model = TextClassifier(dim=8, epochs=2, length=3).fit(texts, labels)
    cut = [" ".join(text.split()[:3]) for text in texts]
    np.testing.assert_allclose(model.predict_proba(texts), model.predict_proba(cut), atol=1e-6)
    flat = TextClassifier(dim=8, epochs=1, length=3, pooling="flatten").fit(texts, labels)
    assert flat.module_.linear.in_features == 24
    assert flat.predict(["a b c d e f g h i j"]).shape == (1,)


def test_the_seed_decides_and_global_generators_are_left_alone():
    texts, labels = reviews(60)
    torch.manual_seed(5)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (
        TextClassifier(dim=8, epochs=2, dropout=0.2, seed=seed).fit(texts, labels)
        for seed in (3, 3, 4)
    )
    assert torch.equal(torch_state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_array_equal(first.predict_proba(texts), again.predict_proba(texts))
    assert first.history_ != other.history_


def test_early_stopping_keeps_the_best_weights():
    texts, labels = reviews(40)
    wrong = ["class1" if label == "class0" else "class0" for label in labels[:5]]
    model = TextClassifier(dim=8, lr=0.05, epochs=50, patience=2)
    model.fit(texts, labels, validation=(texts[:5], wrong))
    losses = model.validation_history_
    assert len(losses) == losses.index(min(losses)) + 1 + 2 < 50
    chances = model.predict_proba(texts[:5])[np.arange(5), [int(label[-1]) for label in wrong]]
    assert -np.log(chances).mean() == pytest.approx(min(losses), rel=1e-4)


def test_the_module_is_a_part_like_any_other():
    texts, labels = reviews(20)
    module = TextClassifier(dim=8, epochs=1).fit(texts, labels).module_
    ids, mask = sajeon.pad([[5, 6], [7]], return_mask=True)
    out = module(torch.from_numpy(ids), torch.from_numpy(mask))
    assert out.shape == (2, 1)
    assert torch.equal(out, module(torch.from_numpy(ids)))
    module(torch.from_numpy(ids)).sum().backward()
    assert not module.embedding.weight.grad[0].any()
    assert list(module.state_dict()) == ["embedding.weight", "linear.weight", "linear.bias"]


def test_scikit_learn_takes_it():
    texts, labels = reviews(120)
    model = TextClassifier(dim=8, lr=0.1, epochs=6, class_weight={"class0": 2.0})
    assert is_classifier(model)
    assert clone(model).get_params() == model.get_params()
    assert clone(model) is not model
    shout = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = Pipeline([("shout", shout), ("model", model)])
    search = GridSearchCV(pipeline, {"model__lr": [0.0, 0.1]}, cv=2)
    search.fit(np.array(texts), np.array(labels))
    assert search.best_params_ == {"model__lr": 0.1}
    assert search.best_score_ > 0.8
    assert search.predict_proba(np.array(texts[:3])).shape == (3, 2)
    assert cross_val_score(model, texts, labels, cv=3).mean() > 0.8
    with pytest.raises(ValueError, match="no parameter 'depth'; it has vocab, dim"):
        model.set_params(depth=3)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(
    "labels", [["a", "b", "c", "a"], [3, 5, 3, 5], [["a"], ["a", "b"], [], ["b"]]]
)
def test_a_saved_classifier_is_the_same(labels, tmp_path):
    texts = ["one two", "three", "two four", "five six one"]
    weight = {labels[0]: 2.0} if isinstance(labels[0], str | int) else "balanced"
    model = TextClassifier(dim=4, pooling="flatten", class_weight=weight, epochs=2)
    model.fit(texts, labels).save(tmp_path / "model")
    again = TextClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(texts), model.predict_proba(texts))
    np.testing.assert_array_equal(again.classes_, model.classes_)
    assert again.predict(texts).dtype == model.predict(texts).dtype
    ours, theirs = again.get_params(), model.get_params()
    assert {k for k in ours if ours[k] != theirs[k]} <= {"tokens"}
    assert again.fit(texts, labels).history_ == model.history_
    again.save(tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        kept = (tmp_path / "model" / file).read_bytes()
        assert (tmp_path / "again" / file).read_bytes() == kept


def test_folders_of_other_kinds_and_damaged_ones_are_refused(tmp_path):
    model = TextClassifier(dim=4, epochs=1).fit(SENTENCES, LABELS)
    model.save(tmp_path / "model")
    with pytest.raises(FormatError, match="expected a model of kind 'vectors', got 'text-class"):
        sajeon.load(tmp_path / "model")
    model.to_vectors().save(tmp_path / "vectors")
    with pytest.raises(FormatError, match="kind 'text-classifier', got 'vectors'"):
        TextClassifier.load(tmp_path / "vectors")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    for name, value, message in [
        ("pooling", "max", "pooling must be one of"),
        ("classes", [0, 1, 2], "call for the weights"),
        ("classes", [1, 0], "classes in their order"),
        ("classes", None, "config.json"),
        ("flattened", 10**9, None),
        ("epochs", [], "epochs must be a whole number"),
    ]:
        changed = json.loads(json.dumps(config))
        changed["sajeon"]["training"][name] = value
        path.write_text(json.dumps(changed))
        if message is None:  # of no account for the mean
            TextClassifier.load(tmp_path / "model")
            continue
        with pytest.raises(FormatError, match=message):
            TextClassifier.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        (["a", "b"], ["x", "x"], CorpusError, "two classes or more to tell apart, there is one"),
        ([], [], CorpusError, "there is none"),
        (["a", "b"], ["x"], ValueError, "a label for each of 2 texts, got 1"),
        ("a b", ["x", "y"], TypeError, r"write \[text\]"),
        (["a", None], ["x", "y"], TypeError, "text 1 must be a str or a list of tokens, got None"),
        ([["a", 3], ["b"]], ["x", "y"], TypeError, "text 0 must be a str or a list of tokens"),
        (["a", "b"], "xy", TypeError, "labels must be a list"),
        (["a", "b"], None, TypeError, "labels must be a list"),
        (["a", "b"], [None, "x"], TypeError, "label 0 must be a str, a number"),
        (["a", "b"], ["x", None], TypeError, "label 1 must be a str or a number"),
        (["a", "b"], ["x", 1], TypeError, "all str or all numbers"),
        (["a", "b"], [["x"], "y"], TypeError, "label 1 must be a collection"),
        (["a", "b"], [0.0, math.nan], TypeError, "a label must be a str or a number"),
        (["a", "b"], np.array([[0, 2], [1, 0]]), ValueError, "zeros and ones"),
        (["", "!"], ["x", "y"], CorpusError, "expected words to learn from"),
    ],
)  # fmt: skip
def test_bad_texts_and_labels_are_refused(texts, labels, error, message):
    with pytest.raises(error, match=message):
        TextClassifier(epochs=1).fit(texts, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pooling": "max"}, "pooling must be one of 'mean', 'flatten'"),
        ({"dim": 0}, "dim must be a whole number"),
        ({"freeze": True}, "needs pretrained vectors"),
        ({"class_weight": "even"}, "class_weight must be None, 'balanced' or a mapping"),
        ({"class_weight": {"z": 1.0}}, "class_weight names 'z', which is no label: 0, 1"),
        ({"class_weight": {0: 0.0}}, "must be above 0"),
        ({"vocab": Vocabulary(["a"])}, "needs a padding token"),
        ({"pretrained": vectors_of(["zebra"])}, "none of the 17 tokens has a pretrained vector"),
        ({"word_dropout": 1.0}, "word_dropout must be a number from 0 to below 1"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TextClassifier(**settings).fit(SENTENCES, LABELS)


def test_bad_validation_is_refused():
    model = TextClassifier(epochs=1)
    with pytest.raises(ValueError, match="hold 7, which training never sees; its labels are 0, 1"):
        model.fit(SENTENCES, LABELS, validation=(["good", "bad"], [0, 7]))
    with pytest.raises(TypeError, match="a pair"):
        model.fit(SENTENCES, LABELS, validation=SENTENCES)
    with pytest.raises(ValueError, match="a label for each of 1 texts, got 2"):
        model.fit(SENTENCES, LABELS, validation=(["good"], [0, 1]))


def test_numbers_that_diverge_are_named():
    with pytest.raises(TrainingError, match=r"epoch \d.*use a smaller lr than 1e\+25"):
        TextClassifier(lr=1e25, epochs=5).fit(SENTENCES, LABELS)


def test_asking_before_fit_is_refused(tmp_path):
    model = TextClassifier()
    for ask in (model.predict, model.predict_proba, lambda t: model.score(t, LABELS)):
        with pytest.raises(NotFittedError, match="call fit first"):
            ask(SENTENCES)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m")
