"""sajeon.nn.EmbeddingBag beside torch.nn.EmbeddingBag, its oracle; the gradient put right."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sajeon

torch = pytest.importorskip("torch")

from sajeon.nn import Embedding, EmbeddingBag, checks  # noqa: E402

Reference = torch.nn.EmbeddingBag
QUIET = pytest.mark.filterwarnings("ignore")  # torch warns of its own parts


def both(*args, **options):
    """Return a layer of ours and one of torch's, with the same table."""
    ours, theirs = EmbeddingBag(*args, **options), Reference(*args, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def refusal(act):
    """Return the exception that `act` raises."""
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("nothing was refused")


def outcome(layer, inputs):
    """Return all that a call does: result, table after it, gradients; or how it failed."""
    ids, offsets, weights = inputs
    weights = None if weights is None else weights.clone().requires_grad_()
    try:
        out = layer(ids, offsets, weights)
        out.backward(torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape))
    except Exception as error:
        return type(error), str(error), layer.weight.detach()
    gradient = layer.weight.grad
    if gradient.is_sparse:  # not coalesced: its order counts too
        gradient = torch.cat([gradient._indices().flatten(), gradient._values().flatten()])
    return [
        out.detach(),
        layer.weight.detach(),
        gradient,
        None if weights is None else weights.grad,
    ]


def same_words(ours, theirs):
    """Whether a message begins with torch's words, of which it has two sets for a wrong id."""
    words = "Expected i < index_size", "Index "
    return ours.startswith(theirs) or (ours.startswith(words) and theirs.startswith(words))


def assert_same(ours, theirs):
    """Compare two outcomes to the bit; torch's words must begin the message of an error."""
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, tuple):
        assert ours[0] is theirs[0]
        assert same_words(ours[1], theirs[1])
        ours, theirs = ours[2:], theirs[2:]
    for mine, expected in zip(ours, theirs, strict=True):
        if expected is None:
            assert mine is None
            continue
        assert (mine.dtype, mine.shape) == (expected.dtype, expected.shape)
        torch.testing.assert_close(mine, expected, rtol=0, atol=0, equal_nan=True)


@st.composite
def inputs_for(draw, num_embeddings, dtype, wrong, include_last_offset):
    """Ids with their offsets and weights, in one axis or two; now and then a wrong id or offset."""
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    two = draw(st.booleans())
    shape = (draw(st.integers(0, 4)), draw(st.integers(1, 4))) if two else draw(st.integers(0, 9))
    low, high = (-1, num_embeddings) if wrong else (0, num_embeddings - 1)
    ids = torch.from_numpy(np.array(numbers.integers(low, high + 1, size=shape)))
    ids = ids.to(draw(st.sampled_from([torch.int64, torch.int32])))
    offsets = None
    if not two:
        starts = np.sort(numbers.integers(0, len(ids) + 1, size=draw(st.integers(1, 4))))
        starts[0] = 0
        # With include_last_offset the last one must be the number of ids: else torch reads and
        # writes where it must not, gradients are what lay in memory, and the process may crash.
        offsets = torch.from_numpy(np.append(starts, len(ids)) if include_last_offset else starts)
    weights = None
    if draw(st.booleans()):
        weights = torch.from_numpy(numbers.normal(size=shape)).to(dtype)
    return ids, offsets, weights


@st.composite
def problems(draw):
    """Arguments of a layer in every combination, those that torch refuses too."""
    n, dim = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    options = {
        "max_norm": draw(st.sampled_from([None, None, True, 0.5, 0])),
        "norm_type": draw(st.sampled_from([2.0, 1, float("inf")])),
        "mode": draw(st.sampled_from(["sum", "sum", "mean", "max", "min"])),
        "sparse": draw(st.booleans()),
        "include_last_offset": draw(st.booleans()),
        "padding_idx": draw(st.none() | st.integers(-n, n - 1)),
        "dtype": dtype,
    }
    inputs = inputs_for(n, dtype, draw(st.booleans()), options["include_last_offset"])
    return (n, dim), options, draw(inputs)


@settings(max_examples=200)
@given(problems())
def test_every_argument_does_what_it_does_in_torch(problem):
    shape, options, inputs = problem
    ours, theirs = both(*shape, **options)
    assert repr(ours) == repr(theirs)
    for _ in range(2):  # the second gradient is added to the first
        assert_same(outcome(ours, inputs), outcome(theirs, inputs))


@settings(max_examples=200)
@given(problems())
def test_scaled_by_frequency_all_but_the_gradient_of_the_table_is_that_of_torch(problem):
    shape, options, inputs = problem
    ours, theirs = both(*shape, **options, scale_grad_by_freq=True)
    mine, expected = outcome(ours, inputs), outcome(theirs, inputs)
    if isinstance(expected, list):
        if expected[3] is not None:
            torch.testing.assert_close(mine[3], expected[3], equal_nan=True)
        mine[2:] = expected[2:]  # weights get products of rows that lie elsewhere: other rounding
    elif isinstance(mine, tuple):  # before it failed `max_norm` may have shortened rows twice
        torch.testing.assert_close(mine[2], expected[2], equal_nan=True)
        mine = (*mine[:2], expected[2])
    assert_same(mine, expected)


@settings(max_examples=200)
@given(problems())
def test_scaled_by_frequency_a_rows_gradient_is_divided_by_its_count(problem):
    shape, options, (ids, offsets, weights) = problem
    options |= {"sparse": False, "dtype": torch.float64}
    weights = None if weights is None else weights.double()
    scaled, _ = both(*shape, **options, scale_grad_by_freq=True)
    _, plain = both(*shape, **options)
    plain.load_state_dict(scaled.state_dict())
    mine, expected = (outcome(layer, (ids, offsets, weights)) for layer in (scaled, plain))
    if isinstance(mine, tuple):
        return
    counts = torch.bincount(ids.flatten(), minlength=shape[0]).clamp(min=1)
    expected[2] /= counts[:, None]
    torch.testing.assert_close(mine[2], expected[2], rtol=1e-12, atol=1e-14)


def test_the_gradient_by_frequency_worked_by_hand():
    layer = EmbeddingBag(4, 1, mode="sum", scale_grad_by_freq=True)
    layer(torch.tensor([3, 1, 3, 0, 3, 1]), torch.tensor([0, 4])).sum().backward()
    assert layer.weight.grad.flatten().tolist() == [1, 1, 0, 1]
    with torch.no_grad():  # nothing to put right: torch's own
        assert layer(torch.tensor([[3, 1]])).shape == (1, 1)


def test_torch_still_divides_by_wrong_counts():
    theirs = Reference(4, 1, mode="sum", scale_grad_by_freq=True)
    theirs(torch.tensor([3, 1, 3, 0, 3, 1]), torch.tensor([0, 4])).sum().backward()
    if theirs.weight.grad.flatten().tolist() == [1, 1, 0, 1]:
        pytest.skip("this torch is right: nn/frequency.py is for older ones only")


def test_the_arguments_are_those_of_torch_and_an_optimizer():
    ours = inspect.signature(EmbeddingBag.__init__).parameters
    theirs = inspect.signature(Reference.__init__).parameters
    assert [(p.name, p.default, p.kind) for p in theirs.values()] == [
        (p.name, p.default, p.kind) for p in ours.values() if p.name != "optimizer"
    ]
    assert ours["optimizer"].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(inspect.signature(EmbeddingBag.forward).parameters) == list(
        inspect.signature(Reference.forward).parameters
    )
    assert issubclass(EmbeddingBag, Reference)


def test_the_same_seed_gives_the_same_table():
    tables = []
    for cls in (EmbeddingBag, Reference):
        torch.manual_seed(5)
        tables.append(cls(10, 3, padding_idx=-1).weight)
    assert torch.equal(*tables)


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((10, 3), {"padding_idx": 10}),
        ((10, 3), {"padding_idx": -11}),
        ((-1, 3), {}),
        ((10, 3), {"_weight": torch.ones(3, 10)}),
        ((10, 3), {"dtype": torch.int64}),
    ],
)
def test_what_torch_refuses_to_make_is_refused_in_its_words(args, options):
    expected = refusal(lambda: Reference(*args, **options))
    seen = refusal(lambda: EmbeddingBag(*args, **options))
    assert (type(seen), str(seen)) == (type(expected), str(expected))


@pytest.mark.parametrize(
    ("mode", "freq"),
    [("sum", False), ("mean", False), ("max", False), ("sum", True), ("mean", True)],
)
@pytest.mark.parametrize(
    ("inputs", "advice"),
    [
        ((torch.tensor([[1, 2], [0, 9]]),), r"0 to 3, got 9 at position \(1, 1\)\. Are these"),
        ((torch.tensor([1, -1]), torch.tensor([0])), "0 to 3, got -1 at position 1"),
        ((torch.tensor([[1.0]]),), r"got float32.*ids.long\(\)"),
        (([[1, 2]],), r"got list: write torch.as_tensor\(ids\)"),
        ((torch.tensor([1, 2]),), "offsets has to be a 1D Tensor but got None$"),
        ((torch.tensor([[1, 2]]), torch.tensor([0])), "if input is 2D, then offsets has to be"),
        ((torch.tensor(1),), "input has to be 1D or 2D Tensor"),
        ((torch.tensor([1, 2]), torch.tensor([1])), r"offsets\[0\] has to be 0"),
        ((torch.tensor([1, 2]), torch.tensor([0, 5])), r"offsets\[-1\] can not be greater"),
        ((torch.tensor([[1, 2]]), None, torch.ones(2, 1)), "must have the same shape"),
    ],
)
def test_what_is_refused_is_explained_after_torchs_words(inputs, advice, mode, freq):
    ours, theirs = both(4, 3, mode=mode, scale_grad_by_freq=freq)
    expected = refusal(lambda: theirs(*inputs))
    with pytest.raises(type(expected), match=advice) as seen:
        ours(*inputs)
    assert same_words(str(seen.value), str(expected))


def test_ids_are_checked_as_torch_would():
    ids = torch.tensor([[0, 1], [7, 2]])
    theirs = refusal(lambda: Reference(4, 3, mode="max")(ids))
    with pytest.raises(type(theirs), match=r"got 7 at position \(1, 0\)") as seen:
        checks.check_ids(ids, 4, "embedding_bag")
    assert str(seen.value).startswith(str(theirs))
    checks.check_ids(ids, 8, "embedding_bag")


def test_ids_can_be_checked_before_every_look_up(monkeypatch):
    monkeypatch.setattr(checks, "ALWAYS", True)
    with pytest.raises(RuntimeError, match=r"^embedding_bag: Expected idx.*position"):
        EmbeddingBag(4, 3)(torch.tensor([[7]]))


def test_a_bag_is_the_sum_of_looked_up_rows():
    table = torch.randn(6, 3, dtype=torch.float64)
    ids = torch.randint(6, (4, 5))
    rows = Embedding.from_pretrained(table, freeze=False)
    for mode, reduce in (("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax)):
        bags = EmbeddingBag.from_pretrained(table, freeze=False, mode=mode)
        rows.zero_grad()
        out, expected = bags(ids), reduce(rows(ids), dim=1)
        out.pow(2).sum().backward()
        expected.pow(2).sum().backward()
        torch.testing.assert_close(out, expected)
        if mode != "max":  # ties of a maximum are shared in amax
            torch.testing.assert_close(bags.weight.grad, rows.weight.grad)


def test_state_dicts_copies_and_pickles():
    ours, theirs = both(5, 3, mode="sum", padding_idx=1, include_last_offset=True)
    assert list(ours.state_dict()) == ["weight"]
    EmbeddingBag(5, 3).load_state_dict(theirs.state_dict(), strict=True)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert (type(other), repr(other)) == (EmbeddingBag, repr(ours))
        assert other.include_last_offset
        assert torch.equal(other.weight, ours.weight)
        other.weight.data.fill_(7)
        assert not (ours.weight == 7).any()


@QUIET
@pytest.mark.parametrize("options", [{}, {"scale_grad_by_freq": True, "padding_idx": 2}], ids=str)
def test_functional_calls_and_transforms(options):
    ours, theirs = both(6, 3, mode="sum", **options)
    ids = torch.tensor([[1, 2, 2], [0, 5, 3]])
    table = torch.randn(6, 3, dtype=torch.float64)
    results = []
    for layer in (ours, theirs):

        def loss(weight, ids, layer=layer):
            return torch.func.functional_call(layer, {"weight": weight}, (ids,)).pow(3).sum()

        results.append([loss(table, ids), torch.func.vmap(loss, (0, None))(table[None], ids)])
        if not options:
            results[-1].append(torch.func.grad(loss)(table, ids))
        elif layer is ours:
            gradient = torch.func.grad(loss)(table, ids)
            assert torch.equal(gradient[2], torch.zeros(3, dtype=torch.float64))
            torch.testing.assert_close(gradient[5], gradient[3])
    assert_same(*results)


@QUIET
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options",
    [{}, {"max_norm": 1.0, "mode": "max"}, {"scale_grad_by_freq": True, "padding_idx": 2}],
    ids=str,
)
def test_compiles_as_one_graph(options, backend):
    ours = EmbeddingBag(6, 3, **options)
    eager = copy.deepcopy(ours)
    torch._dynamo.reset()
    compiled = torch.compile(ours, backend=backend, fullgraph=True)
    for inputs in ((torch.randint(6, (3, 2)),), (torch.randint(6, (7,)), torch.tensor([0, 3]))):
        mine, expected = compiled(*inputs), eager(*inputs)
        torch.testing.assert_close(mine, expected)
        mine.sum().backward()
        expected.sum().backward()
    torch.testing.assert_close(ours.weight, eager.weight)
    torch.testing.assert_close(ours.weight.grad, eager.weight.grad)


@QUIET
@pytest.mark.parametrize("options", [{}, {"scale_grad_by_freq": True, "padding_idx": 2}], ids=str)
def test_exports_and_scripts(options):
    ours, theirs = both(6, 3, **options)
    ids = torch.tensor([[1, 2], [5, 5]])
    for layer in (
        torch.export.export(ours, (ids,)).module(),
        torch.jit.script(ours),
        torch.fx.symbolic_trace(ours, {"offsets": None, "per_sample_weights": None}),
    ):
        assert torch.equal(layer(ids), theirs(ids))
    scripted = torch.jit.script(ours)
    scripted(ids).sum().backward()
    gradient = ours.weight.grad.clone()
    ours.weight.grad = None
    ours(ids).sum().backward()
    torch.testing.assert_close(gradient, ours.weight.grad)


@pytest.mark.parametrize("always", [False, True])
def test_nested_ids_are_bags(monkeypatch, always):
    monkeypatch.setattr(checks, "ALWAYS", always)
    ours, theirs = both(6, 3, scale_grad_by_freq=True)
    ids = torch.nested.nested_tensor([torch.tensor([1, 2]), torch.tensor([5])], layout=torch.jagged)
    assert torch.equal(ours(ids), theirs(ids))
    with pytest.raises(RuntimeError, match="0 to 3, got 5 at position 2"):
        EmbeddingBag(4, 3)(ids)


def test_vectors_files_and_growth(tmp_path):
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2) + 1
    vectors = sajeon.Vectors(["a", "b", "c"], matrix)
    vocab = sajeon.Vocabulary(["<pad>", "c", "a"], specials=("<pad>",), pad="<pad>")
    bags = EmbeddingBag.from_vectors(vectors, vocab, mode="sum", freeze=False)
    assert (bags.padding_idx, bags.weight.requires_grad) == (0, True)
    assert bags(torch.tensor([[0, 1, 2]])).tolist() == [[6, 8]]
    bags.grow(2)
    assert bags(torch.tensor([[0, 1, 4]])).shape == (1, 2)
    assert bags.to_vectors(["<pad>", "c", "a", "x", "y"])["a"].tolist() == [1, 2]
    vectors.save(tmp_path / "model")
    mapped = EmbeddingBag.from_file(tmp_path / "model", mode="max")
    assert (mapped.read_only, mapped.weight.requires_grad) == (True, False)
    assert mapped(torch.tensor([[0, 2]])).tolist() == [[5, 6]]
    mapped.max_norm = 0.1
    with pytest.raises(RuntimeError, match="max_norm is set"):
        mapped(torch.tensor([[0, 2]]))
