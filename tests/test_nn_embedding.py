"""sajeon.nn.Embedding beside torch.nn.Embedding, its oracle; tables that grow or lie in a file."""

import copy
import importlib
import inspect
import io
import os
import pickle
import runpy
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sajeon
from sajeon.errors import FormatError, MissingExtraError
from sajeon.formats import safetensors

torch = pytest.importorskip("torch")

from sajeon.nn import Embedding, RowAdagrad, checks  # noqa: E402

Reference = torch.nn.Embedding
QUIET = pytest.mark.filterwarnings("ignore")  # torch warns of its own parts
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def both(*args, **options):
    """Return a layer of ours and one of torch's, with the same table."""
    ours, theirs = Embedding(*args, **options), Reference(*args, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def refusal(act):
    """Return the exception that `act` raises."""
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("nothing was refused")


def outcome(layer, ids, seed=0):
    """Return all that a look-up does: result, table after it, gradient; or how it failed."""
    try:
        out = layer(ids)
        if out.requires_grad:
            noise = torch.Generator().manual_seed(seed)
            out.backward(torch.randn(out.shape, generator=noise).to(out.dtype))
    except Exception as error:
        return type(error), str(error), layer.weight.detach()
    found = [out.detach(), layer.weight.detach()]
    if layer.weight.grad is not None and layer.weight.grad.is_sparse:
        gradient = layer.weight.grad  # its order too: it is not coalesced
        return [*found, gradient._indices(), gradient._values()]
    return [*found, layer.weight.grad]


def assert_same(ours, theirs):
    """Compare two outcomes to the bit; torch's words must begin the message of an error."""
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, tuple):
        assert ours[0] is theirs[0]
        assert ours[1].startswith(theirs[1])
        ours, theirs = ours[2:], theirs[2:]
    for mine, expected in zip(ours, theirs, strict=True):
        if expected is None:
            assert mine is None
            continue
        assert (mine.dtype, mine.shape) == (expected.dtype, expected.shape)
        torch.testing.assert_close(mine, expected, rtol=0, atol=0, equal_nan=True)


@st.composite
def ids_for(draw, num_embeddings, wrong):
    """Ids of any shape: single, empty, transposed, repeated along an axis, now and then wrong."""
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    low, high = (-1, num_embeddings) if wrong or not num_embeddings else (0, num_embeddings - 1)
    shape = (0, *shape) if not num_embeddings and not wrong else shape
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = torch.from_numpy(np.array(numbers.integers(low, high + 1, size=shape)))
    ids = ids.to(draw(st.sampled_from([torch.int64, torch.int32])))
    if ids.dim() > 1 and draw(st.booleans()):
        return ids.transpose(0, 1)
    return ids.expand(2, *ids.shape) if draw(st.booleans()) else ids


@st.composite
def layers(draw):
    """Arguments of a layer in every combination, those that torch refuses too."""
    num_embeddings, dim = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    rows = st.integers(-num_embeddings, num_embeddings - 1) if num_embeddings else st.nothing()
    options = {
        "padding_idx": draw(st.none() | rows),
        "max_norm": draw(st.sampled_from([None, None, True, 0.5, 1, 0, -1.0])),
        "norm_type": draw(st.sampled_from([2.0, 1, 0.5, float("inf")])),
        "scale_grad_by_freq": draw(st.booleans()),
        "sparse": draw(st.booleans()),
        "_freeze": draw(st.sampled_from([False, False, True])),
        "dtype": draw(st.sampled_from(FLOATS)),
    }
    return (num_embeddings, dim), options, draw(ids_for(num_embeddings, draw(st.booleans())))


@settings(max_examples=200)
@given(layers())
def test_every_argument_does_what_it_does_in_torch(problem):
    shape, options, ids = problem
    ours, theirs = both(*shape, **options)
    assert repr(ours) == repr(theirs)
    for step in range(2):  # the second gradient is added to the first
        assert_same(outcome(ours, ids, step), outcome(theirs, ids, step))


def test_the_arguments_are_those_of_torch_and_an_optimizer():
    ours = inspect.signature(Embedding.__init__).parameters
    theirs = inspect.signature(Reference.__init__).parameters
    assert [(p.name, p.default, p.kind) for p in theirs.values()] == [
        (p.name, p.default, p.kind) for p in ours.values() if p.name != "optimizer"
    ]
    assert ours["optimizer"].kind is inspect.Parameter.KEYWORD_ONLY
    assert inspect.signature(Embedding.from_pretrained) == inspect.signature(
        Reference.from_pretrained
    )
    assert issubclass(Embedding, Reference)


@pytest.mark.parametrize("padding_idx", [None, 0, -2])
def test_the_same_seed_gives_the_same_table(padding_idx):
    made = []
    for cls in (Embedding, Reference):
        torch.manual_seed(5)
        made.append((cls(10, 3, padding_idx=padding_idx).weight, torch.rand(1)))
    assert torch.equal(made[0][0], made[1][0])
    assert torch.equal(made[0][1], made[1][1])  # and draws as many numbers


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((10, 3), {"padding_idx": 10}),
        ((10, 3), {"padding_idx": -11}),
        ((0, 3), {"padding_idx": 0}),
        ((-1, 3), {}),
        ((10, 3), {"_weight": torch.ones(3, 10)}),
        ((10, 3), {"_weight": torch.ones(10, 3, dtype=torch.int64)}),
        ((10, 3), {"dtype": torch.int64}),
        ((10,), {}),
    ],
)
def test_what_torch_refuses_to_make_is_refused_in_its_words(args, options):
    expected = refusal(lambda: Reference(*args, **options))
    seen = refusal(lambda: Embedding(*args, **options))
    assert type(seen) is type(expected)
    assert str(seen).removeprefix("Embedding.") == str(expected).removeprefix("Embedding.")


@pytest.mark.parametrize(
    ("ids", "words", "advice"),
    [
        (torch.tensor([1, 12]), "index out of range in self", "0 to 9, got 12 at position 1."),
        (torch.tensor([[1], [-1], [10]]), "index out of range", r"got -1 at position \(1, 0\)."),
        (torch.tensor(10, dtype=torch.int32), "index out of range", "0 to 9, got 10. Are these"),
        (torch.tensor([1.0]), "Long, Int; but got torch.FloatTensor", r"float32.*ids.long\(\)"),
        (torch.tensor([1], dtype=torch.int16), "Long, Int; but got", r"got int16: call ids.long"),
        (torch.tensor([True]), "Long, Int; but got", r"got bool: call ids.long"),
        ([1, 2], "must be Tensor, not list", r"torch.as_tensor\(ids\)"),
        (np.array([1]), "must be Tensor, not", r"got ndarray: write torch.as_ten"),
    ],
)
@pytest.mark.parametrize("max_norm", [None, 1.0])
def test_a_refused_id_is_named_after_torchs_words(ids, words, advice, max_norm):
    ours, theirs = both(10, 3, max_norm=max_norm)
    expected = refusal(lambda: theirs(ids))
    with pytest.raises(type(expected), match=advice) as seen:
        ours(ids)
    assert str(seen.value).startswith(str(expected))
    if max_norm is None:
        assert words in str(seen.value)
        with pytest.raises(type(expected), match=advice) as checked:
            checks.check_ids(ids, 10, "embedding")
        assert words.split(";")[0] in str(checked.value)


def test_a_table_without_rows_has_no_range():
    with pytest.raises(RuntimeError, match="range none, there are no rows, got 0 at position 0"):
        Embedding(0, 3)(torch.tensor([0]))


def test_an_error_that_is_not_about_ids_stays_as_it_is():
    layer = Embedding(10, 3)
    layer.weight = torch.nn.Parameter(torch.ones(10))
    with pytest.raises(RuntimeError, match=r"^'weight' must be 2-D$"):
        layer(torch.tensor([1]))


def test_ids_can_be_checked_before_every_look_up(monkeypatch):
    layer = Embedding(10, 3, device="meta")
    layer(torch.tensor([12], device="meta"))  # holds no numbers
    monkeypatch.setattr(checks, "ALWAYS", True)
    layer(torch.tensor([12], device="meta"))
    with pytest.raises(IndexError, match="got 12 at position 0"):
        layer(torch.tensor([12]))


@pytest.mark.parametrize(("value", "always"), [("1", True), ("0", False), (None, False)])
def test_the_environment_says_whether_to(monkeypatch, value, always):
    monkeypatch.setattr(os, "environ", {} if value is None else {"SAJEON_CHECK_IDS": value})
    assert runpy.run_path(checks.__file__)["ALWAYS"] is always


def test_state_dicts_are_loaded_strictly_in_both_directions():
    ours, theirs = Embedding(5, 3), Reference(5, 3)
    assert list(ours.state_dict()) == ["weight"]
    assert not list(ours.buffers())
    for source, target in ((ours, Reference(5, 3)), (theirs, Embedding(5, 3))):
        target.load_state_dict(source.state_dict(), strict=True)
        assert torch.equal(source.weight, target.weight)


def through_torch_save(layer):
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), through_torch_save]
)
def test_a_copy_is_whole_and_apart(copied):
    layer = Embedding(5, 3, padding_idx=-1, max_norm=2.0, sparse=True, _freeze=True)
    layer.eval().note = "kept"
    other = copied(layer)
    assert type(other) is Embedding
    assert repr(other) == repr(layer)
    assert (other.note, other.training, other.optimizer, other.read_only) == (
        "kept", False, None, False,
    )  # fmt: skip
    assert torch.equal(other.weight, layer.weight)
    assert not other.weight.requires_grad
    other.weight.fill_(7)
    assert not (layer.weight == 7).any()


def test_deepcopy_keeps_tied_weights_tied():
    model = torch.nn.ModuleDict({"table": Embedding(5, 3), "out": torch.nn.Linear(3, 5)})
    model["out"].weight = model["table"].weight
    other = copy.deepcopy(model)
    assert other["out"].weight is other["table"].weight
    assert other["out"].weight is not model["out"].weight


@QUIET
def test_functional_calls_and_transforms():
    ours, theirs = both(6, 3, padding_idx=1)
    ids = torch.tensor([[1, 2, 2], [0, 5, 3]])
    table = torch.randn(6, 3, dtype=torch.float64)
    results = []
    for layer in (ours, theirs):

        def call(weight, ids, layer=layer):
            return torch.func.functional_call(layer, {"weight": weight}, (ids,))

        def loss(weight, ids, call=call):
            return call(weight, ids).pow(3).sum()

        results.append(
            [
                call(table, ids),
                torch.func.grad(loss)(table, ids),
                torch.func.vmap(torch.func.grad(loss), (None, 0))(table, ids),
                torch.func.vmap(call, (0, None))(torch.stack([table, -table]), ids),
                torch.func.jvp(lambda w, call=call: call(w, ids), (table,), (table.cos(),))[1],
                torch.func.hessian(loss)(table, ids),
            ]
        )
    assert_same(*results)


@QUIET
def test_gradients_agree_with_finite_differences_twice():
    layer = Embedding(4, 2, dtype=torch.float64)
    ids = torch.tensor([[0, 2], [2, 3]])

    def call(weight):
        return torch.func.functional_call(layer, {"weight": weight}, (ids,)).pow(2)

    weight = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(call, weight, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, weight)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options",
    [{}, {"sparse": True}, {"max_norm": 1.0, "padding_idx": 2}, {"scale_grad_by_freq": True}],
    ids=str,
)
@QUIET
def test_compiles_as_one_graph(options, backend):
    ours, theirs = both(6, 3, **options)
    torch._dynamo.reset()
    layers = [torch.compile(layer, backend=backend, fullgraph=True) for layer in (ours, theirs)]
    for shape in ((2, 3), (4, 5)):
        ids = torch.randint(6, shape)
        mine, expected = (layer(ids) for layer in layers)
        torch.testing.assert_close(mine, expected, rtol=0, atol=0)
        mine.sum().backward()
        expected.sum().backward()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=0, atol=0)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("max_norm", [None, 0.5])
@QUIET
def test_exports(strict, max_norm):
    ours, theirs = both(6, 3, max_norm=max_norm)
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(
        ours, (torch.tensor([1, 2, 5]),), dynamic_shapes=((batch,),), strict=strict
    )
    ids = torch.tensor([0, 5, 5, 3])
    assert torch.equal(program.module()(ids), theirs(ids))


@QUIET
def test_scripts_traces_and_can_be_seen_through_by_fx(tmp_path):
    ours, theirs = both(6, 3, padding_idx=1)
    ids = torch.tensor([[0, 5], [1, 3]])
    scripted = torch.jit.script(ours)
    torch.jit.save(scripted, tmp_path / "layer.pt")
    for layer in (
        scripted,
        torch.jit.load(tmp_path / "layer.pt"),
        torch.jit.trace(ours, ids),
        torch.fx.symbolic_trace(ours),
        torch.fx.experimental.proxy_tensor.make_fx(ours)(ids),
    ):
        assert torch.equal(layer(ids), theirs(ids))


def test_moves_casts_and_shares_as_torch_does():
    ours, theirs = both(6, 3)
    ids = torch.tensor([1, 5])
    for layer in (ours, theirs):
        layer.to(torch.bfloat16).share_memory()
    assert_same(outcome(ours, ids), outcome(theirs, ids))
    assert ours.weight.is_shared()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Embedding(6, 3)(ids).dtype == torch.float32
    assert Embedding(6, 3, device="meta")(ids.to("meta")).shape == (2, 3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int64, torch.float16])
def test_from_pretrained_holds_the_tensor_itself(dtype):
    table = torch.arange(6).reshape(3, 2).to(dtype)
    layer = Embedding.from_pretrained(table, padding_idx=1)
    assert type(layer) is Embedding
    assert layer.weight.data_ptr() == table.data_ptr()
    assert torch.equal(layer(torch.tensor([1, 2])), table[1:])
    with pytest.raises(AssertionError, match="expected to be 2-dimensional"):
        Embedding.from_pretrained(torch.ones(3))


def test_notes_001_and_003_look_the_rows_up_each_from_its_own_mapping():
    table = torch.tensor(
        [[0, 0, 0], [0, 0, 0], [0.2, 0.9, 0.3], [0.1, 0.5, 0.7],
         [0.2, 0.1, 0.8], [0.4, 0.1, 0.1], [0.1, 0.8, 0.9], [0.6, 0.1, 0.1]]
    )  # fmt: skip
    layer = Embedding.from_pretrained(table, padding_idx=1)
    for order, rows in (
        ("code you know to need how", [3, 6, 5, 0]),
        ("need how you to know code", [4, 2, 5, 0]),
    ):
        mapping = {"<unk>": 0, "<pad>": 1, **{word: i + 2 for i, word in enumerate(order.split())}}
        ids = torch.from_numpy(sajeon.Vocabulary(mapping, unk="<unk>").encode("you need to run"))
        assert torch.equal(layer(ids), table[rows])


def test_note_004_max_norm_shortens_the_rows_that_are_looked_up():
    layer = Embedding(10, 100, max_norm=1)
    before = layer.weight.detach().clone()
    out = layer(torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]]))
    assert Embedding(10, 3)(torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])).shape == (2, 4, 3)
    torch.testing.assert_close(out.norm(dim=-1), torch.ones(2, 4), rtol=0, atol=1e-4)
    assert torch.equal(layer.weight[[0, 6, 7, 8]], before[[0, 6, 7, 8]])


def test_note_004_max_norm_and_a_use_of_the_table_before_the_look_up():
    layer, w, ids = Embedding(3, 5, max_norm=True), torch.randn(7, 5, requires_grad=True), [1, 2]
    a = layer.weight @ w.t()
    b = layer(torch.tensor(ids)) @ w.t()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (a.unsqueeze(0) + b.unsqueeze(1)).sigmoid().prod().backward()
    a = layer.weight.clone() @ w.t()
    out = a.unsqueeze(0) + (layer(torch.tensor(ids)) @ w.t()).unsqueeze(1)
    assert out.shape == (2, 3, 7)
    out.sigmoid().prod().backward()
    assert layer.weight.grad.shape == (3, 5)


@settings(max_examples=50)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_a_linear_layer_on_one_hot_rows_and_the_numpy_table_give_the_same(n, dim, length, seed):
    numbers = np.random.default_rng(seed)
    ids, d_out = numbers.integers(n, size=length), numbers.normal(size=(length, dim))
    layer = Embedding(n, dim, dtype=torch.float64)
    theirs = Reference(n, dim, _weight=layer.weight.detach().clone())
    linear = torch.nn.Linear(n, dim, bias=False, dtype=torch.float64)
    linear.weight.data = layer.weight.detach().T.clone()
    table = sajeon.EmbeddingTable(n, dim, weight=layer.weight.detach().numpy())
    rows = torch.from_numpy(ids)
    outs = layer(rows), theirs(rows), linear(torch.from_numpy(sajeon.one_hot(ids, n, np.float64)))
    np.testing.assert_array_equal(table.forward(ids), outs[0].detach().numpy())
    for out in outs:
        assert torch.equal(out, outs[0])
        out.backward(torch.from_numpy(d_out))
    table.backward(d_out)
    for gradient in (theirs.weight.grad, linear.weight.grad.T, torch.from_numpy(table.grads[0])):
        torch.testing.assert_close(gradient, layer.weight.grad, rtol=1e-12, atol=1e-14)


@pytest.fixture
def vectors():
    matrix = np.arange(8, dtype=np.float32).reshape(4, 2) + 1
    return sajeon.Vectors(["a", "b", "c", "d"], matrix, counts=[9, 5, 3, 1], tokenizer="words")


@pytest.fixture
def vocab():
    return sajeon.Vocabulary.from_tokens([["c", "z", "a"], ["a", "c", "a"]])


@pytest.mark.parametrize("freeze", [True, False])
def test_rows_come_in_the_order_of_a_vocabulary(vectors, vocab, freeze):
    layer = Embedding.from_vectors(vectors, vocab, freeze=freeze, sparse=True)
    rows = {"<pad>": [0, 0], "<unk>": [0, 0], "a": [1, 2], "c": [5, 6], "z": [0, 0]}
    assert layer.weight.tolist() == [rows[token] for token in vocab.tokens]
    assert (layer.padding_idx, layer.sparse) == (0, True)
    assert layer.weight.requires_grad is not freeze
    assert not layer.read_only
    assert Embedding.from_vectors(vectors, vocab, padding_idx=None).padding_idx is None
    assert Embedding.from_vectors(vectors, ["d", "a"]).weight.tolist() == [[7, 8], [1, 2]]
    random = Embedding.from_vectors(vectors, vocab, missing="random").weight
    assert random[vocab["z"]].all()
    assert not random[0].any()


def test_without_a_vocabulary_the_matrix_itself_is_the_table(vectors):
    layer = Embedding.from_vectors(vectors)
    assert layer.weight.data_ptr() == vectors.matrix.ctypes.data
    assert layer.read_only
    trained = Embedding.from_vectors(vectors, freeze=False)
    trained.weight.data.fill_(0)
    assert vectors.matrix.all()
    assert not trained.read_only


def test_stored_types_of_vectors():
    padded = np.arange(32, dtype=np.float32).reshape(4, 8)[:, :3]  # rows wider than they show
    layer = Embedding.from_vectors(sajeon.Vectors(list("abcd"), padded))
    assert layer.weight.data_ptr() == padded.ctypes.data
    assert layer(torch.tensor([[3, 1]])).tolist() == [padded[[3, 1]].tolist()]
    half = sajeon.Vectors(["a"], np.array([[0.5, 2]], dtype=np.float16))
    assert Embedding.from_vectors(half).weight.dtype == torch.float16
    assert Embedding.from_vectors(half, freeze=False).weight.dtype == torch.float32
    int8 = sajeon.Vectors(["a", "b"], np.array([[2, 4], [1, 1]], np.int8), scales=[0.5, 2.0])
    for freeze in (True, False):
        layer = Embedding.from_vectors(int8, freeze=freeze)
        assert layer.weight.tolist() == [[1, 2], [2, 2]]
        assert not layer.read_only


def test_a_layer_that_updates_its_rows_begins_copies_and_grows(vectors, vocab):
    layer = Embedding.from_vectors(vectors, vocab, freeze=False, optimizer=RowAdagrad(lr=0.5))
    with pytest.raises(ValueError, match=r"nothing to update.*freeze=False"):
        Embedding.from_vectors(vectors, vocab, optimizer=RowAdagrad())
    layer(torch.tensor([vocab["c"]])).sum().backward()  # there is a state from now on
    other, stored = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    for one in (other, stored, layer):
        one.grow(1)
        sums = [v for v in one.optimizer.state[one.weight].values() if getattr(v, "ndim", 0)]
        assert [len(values) for values in sums] == [6]
        one(torch.tensor([vocab["a"], 0, 5])).sum().backward()
        assert one.weight[vocab["a"]].tolist() == pytest.approx([0.5, 1.5])
        assert one.weight[0].tolist() == [0, 0]  # the padding
        assert list(one.state_dict()) == ["weight"]
        assert "optimizer=RowAdagrad" in repr(one)
    assert len({id(one.optimizer) for one in (layer, other, stored)}) == 3


def test_what_was_trained_becomes_vectors(vocab):
    layer = Embedding(len(vocab), 3)
    vectors = layer.to_vectors(vocab)
    np.testing.assert_array_equal(vectors["c"], layer.weight[vocab["c"]].detach().numpy())
    assert list(vectors.tokens) == list(vocab.tokens)
    assert vectors.counts.tolist() == vocab.counts.tolist()
    assert vectors.tokenizer.name == "words"
    again = Embedding.from_vectors(vectors)
    assert torch.equal(again.weight, layer.weight)
    layer.weight.data.fill_(0)
    assert vectors["c"].all()
    words = layer.to_vectors(vocab, specials=False)
    assert list(words.tokens) == list(vocab.tokens[2:])
    assert words.counts.tolist() == vocab.counts[2:].tolist()
    assert layer.half().to_vectors(list("abcde")).matrix.dtype == np.float16
    assert layer.bfloat16().to_vectors(list("abcde")).matrix.dtype == np.float32
    with pytest.raises(ValueError, match=r"each of the 5 rows, got a vocabulary of 6.*grow\(\)"):
        layer.to_vectors(list("abcdef"))


def test_new_rows_come_at_the_end():
    torch.manual_seed(0)
    layer = Embedding(5, 400, padding_idx=1, dtype=torch.float64)
    weight, before = layer.weight, layer.weight.detach().clone()
    layer(torch.tensor([1])).sum().backward()
    layer.grow(50)
    assert repr(layer) == "Embedding(55, 400, padding_idx=1)"
    assert layer.weight is weight
    assert weight.grad is None
    assert torch.equal(weight[:5], before)
    assert abs(float(weight[5:].detach().std()) - 1) < 0.02  # 20,000 numbers: standard error .005
    assert layer(torch.tensor([54])).requires_grad
    assert list(layer.state_dict()) == ["weight"]
    with pytest.raises(ValueError, match="0 or more, got -1"):
        layer.grow(-1)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        lambda p: torch.optim.Adagrad(p, 0.1, initial_accumulator_value=0.5),
        lambda p: torch.optim.Adam(p, 0.1, amsgrad=True),
        lambda p: torch.optim.RMSprop(p, 0.1),
    ],
)
def test_training_goes_on_after_growth_as_if_the_rows_had_been_there(make):
    small, large = Embedding(4, 3), Embedding(6, 3)
    large.weight.data[:4] = small.weight.data
    optimizers = make(small.parameters()), make(large.parameters())
    for step in range(6):
        if step == 3:
            small.grow(2, optimizer=optimizers[0])
            small.weight.data[4:] = large.weight.data[4:]
        ids = torch.tensor([0, 3, 3]) if step < 3 else torch.tensor([5, 0, 1])
        for layer, optimizer in zip((small, large), optimizers, strict=True):
            optimizer.zero_grad()
            layer(ids).pow(2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(small.weight, large.weight, rtol=1e-6, atol=1e-7)


def saved_table(tmp_path, suffix):
    """Write a table to a file and return both."""
    table = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    path = tmp_path / f"table{suffix}"
    if suffix == ".npy":
        np.save(path, table)
    elif suffix == ".safetensors":
        safetensors.write(path, {"embeddings": table, "other": np.zeros((2, 2))})
    else:
        sajeon.Vectors([str(i) for i in range(50)], table).save(path)
    return path, table


@pytest.mark.parametrize("suffix", [".npy", ".safetensors", ""])
def test_a_table_in_a_file_is_looked_up_there(tmp_path, suffix):
    path, table = saved_table(tmp_path, suffix)
    layer = Embedding.from_file(path, padding_idx=3)
    ids = torch.tensor([[4, 49], [0, 4]])
    np.testing.assert_array_equal(layer(ids).numpy(), table[ids])
    assert (layer.read_only, layer.weight.requires_grad, layer.padding_idx) == (True, False, 3)
    trained = Embedding.from_file(path, freeze=False, max_norm=0.1)
    trained(ids).sum().backward()
    np.testing.assert_array_equal(layer(ids).numpy(), table[ids])
    assert not trained.read_only


def test_a_table_larger_than_the_memory_opens_at_once(tmp_path):
    rows, dim = 1 << 30, 128  # 512 GB, of which nothing is written but the header and a row
    path = tmp_path / "large.npy"
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        try:
            file.truncate(start + rows * dim * 4)
        except OSError:
            pytest.skip("the file system holds no files of 512 GB")
        file.seek(start + (rows - 2) * dim * 4)
        file.write(np.arange(dim, dtype=np.float32).tobytes())
    layer = Embedding.from_file(path)
    out = layer(torch.tensor([rows - 2, 5]))
    assert torch.equal(out, torch.stack([torch.arange(dim).float(), torch.zeros(dim)]))
    with pytest.raises(IndexError, match=f"got {rows} at position 0"):
        layer(torch.tensor([rows]))


def test_nothing_writes_to_a_table_in_a_file(tmp_path):
    path, table = saved_table(tmp_path, ".npy")
    layer = Embedding.from_file(path)
    ids = torch.tensor([1])
    with pytest.raises(ValueError, match=r"max_norm writes.*freeze=False"):
        Embedding.from_file(path, max_norm=1.0)
    with pytest.raises(ValueError, match=r"optimizer would have nothing.*freeze=False"):
        Embedding.from_file(path, optimizer=object())
    with pytest.raises(RuntimeError, match=r"^weight is only read.*assign=True"):
        layer.load_state_dict(Reference(50, 4).state_dict())
    with pytest.raises(ValueError, match=r"only read.*freeze=False"):
        layer.grow(1)
    with pytest.raises(RuntimeError, match=r"only read.*freeze=False"):
        layer.reset_parameters()
    layer.max_norm = 1.0
    with pytest.raises(RuntimeError, match="max_norm is set"):
        layer(ids)
    layer.max_norm = None
    layer.requires_grad_()
    with pytest.raises(RuntimeError, match=r"weight.requires_grad is set"):
        layer(ids)
    np.testing.assert_array_equal(np.load(path), table)


def test_copies_of_a_table_in_a_file(tmp_path):
    path, table = saved_table(tmp_path, ".npy")
    layer = Embedding.from_file(path)
    same = copy.deepcopy(torch.nn.Sequential(layer))[0]
    assert (same.weight.data_ptr(), same.read_only) == (layer.weight.data_ptr(), True)
    stored = pickle.loads(pickle.dumps(layer))
    converted, shared = copy.deepcopy(layer).double(), copy.deepcopy(layer)
    assert copy.copy(layer).read_only
    shared.share_memory()
    loaded = copy.deepcopy(layer)
    loaded.load_state_dict({"weight": torch.ones(50, 4)}, assign=True)
    for other in (stored, converted, shared, loaded):
        assert not other.read_only
        other.weight.data.fill_(2)
    np.testing.assert_array_equal(np.load(path), table)
    np.testing.assert_array_equal(layer.to_vectors([str(i) for i in range(50)]).matrix, table)


def test_files_without_a_table_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    safetensors.write(path, {"a": np.zeros((2, 2)), "b": np.ones((3, 2)), "c": np.ones(2)})
    with pytest.raises(FormatError, match=r"x.safetensors.*embeddings or weight.*a \(2, 2\)"):
        Embedding.from_file(path)
    with pytest.raises(FormatError, match="named d;"):
        Embedding.from_file(path, "d")
    assert Embedding.from_file(path, "b").num_embeddings == 3
    with pytest.raises(FormatError, match=r"\(num_embeddings, dim\), got float64 \(2,\)"):
        Embedding.from_file(path, "c")
    np.save(tmp_path / "x.npy", np.ones((2, 2), dtype=np.int64))
    with pytest.raises(FormatError, match=r"floating-point.*int64"):
        Embedding.from_file(tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY junk")
    with pytest.raises(FormatError, match=r"x.npy: not a whole .npy file"):
        Embedding.from_file(tmp_path / "x.npy")
    with pytest.raises(FileNotFoundError):
        Embedding.from_file(tmp_path / "none.npy")


def test_without_torch_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sajeon.nn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sajeon\[torch\]'"):
        importlib.import_module("sajeon.nn")


def test_a_misspelt_name_is_no_layer():
    nn = importlib.import_module("sajeon.nn")
    assert {"Embedding", "EmbeddingBag"} <= set(dir(nn))
    with pytest.raises(AttributeError, match="Embeding"):
        _ = nn.Embeding
