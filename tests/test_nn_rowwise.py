"""Where an update inside the backward would go wrong, and whether both paths agree."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.checkpoint import checkpoint

from sajeon.nn import (
    SGD,
    Adagrad,
    Embedding,
    EmbeddingBag,
    LazyAdam,
    LazyAdamW,
    RowAdagrad,
    attached,
    compiled,
)

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")

ROWS, DIM = 12, 5
IDS = torch.tensor([[1, 2, 2], [0, 7, 1]])
ALL = [SGD, Adagrad, RowAdagrad, LazyAdam, LazyAdamW]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "portable"])
def path(request, monkeypatch):
    if request.param == "portable":
        monkeypatch.setattr(compiled, "can", lambda _: False)
    elif not compiled.can(torch.zeros(1, 1)):
        pytest.skip("Numba is missing")


def pair(make=lambda: Adagrad(0.1), oracle=lambda p: torch.optim.Adagrad(p, 0.1), **settings):
    """Our layer, torch's with the same table and sparse gradients, and torch's optimiser of it."""
    torch.manual_seed(1)
    ours = Embedding(ROWS, DIM, optimizer=make(), **settings)
    weight = ours.weight.detach().clone()
    theirs = torch.nn.Embedding(ROWS, DIM, sparse=True, _weight=weight, **settings)
    return ours, theirs, oracle(theirs.parameters())


def assert_same(ours, theirs):
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-4, atol=1e-5)
    assert ours.weight.grad is None


class Fails(torch.autograd.Function):
    """Passes a tensor on, and raises in the backward."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        raise ValueError("this backward fails")


# What an update in the middle of a backward would spoil.


def test_a_decoder_with_the_same_table_gets_the_gradient_of_the_old_table(path):
    """The lookup comes last, so its backward runs first; that of the decoder needs the table."""
    ours, theirs, _ = pair()
    inputs = [torch.ones(2, DIM, requires_grad=True) for _ in range(2)]
    for layer, hidden in zip((ours, theirs), inputs, strict=True):
        scores = hidden @ layer.weight.detach().t()
        (scores.square().sum() + layer(IDS).square().sum()).backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=0, atol=0)


@pytest.mark.parametrize("when", ["backward", "step"])
def test_a_table_with_a_dense_gradient_as_well_is_refused_and_stays_as_it_was(when, path):
    ours, _, _ = pair(lambda: SGD(0.1, when=when))
    before = ours.weight.detach().clone()
    loss = (ours(IDS) @ ours.weight.t()).square().sum()
    with pytest.raises(RuntimeError, match=r"a decoder tied to it.*`weight.detach\(\)`"):
        loss.backward()
    assert torch.equal(ours.weight, before)
    with pytest.raises(RuntimeError, match="tied"):
        ours.optimizer.step()
    ours.optimizer.zero_grad()  # and all is well again
    ours(IDS).sum().backward()
    ours.optimizer.step()
    assert not torch.equal(ours.weight, before)


def test_two_lookups_of_a_graph_make_one_update(path):
    ours, theirs, optimizer = pair()
    for layer in (ours, theirs):
        (layer(IDS).square().sum() + (3 * layer(IDS[:, 1:])).sum()).backward()
    optimizer.step()
    assert_same(ours, theirs)
    assert ours.optimizer.state[ours.weight]["step"] == 1


def nothing(function, x):
    return function(x)


def once(reentrant):
    return lambda function, x: checkpoint(function, x, use_reentrant=reentrant)


def nested(function, x):
    return checkpoint(lambda y: checkpoint(function, y, use_reentrant=True), x, use_reentrant=True)


@pytest.mark.parametrize(
    "around", [once(False), once(True), nested], ids=["new", "reentrant", "nested"]
)
@pytest.mark.parametrize("also_outside", [False, True])
def test_checkpointed_parts_are_computed_again_from_the_old_table(around, also_outside, path):
    """Two parts, so that the first is computed again after the backward of the second."""
    ours, theirs, optimizer = pair()
    for layer, wrap in ((ours, around), (theirs, nothing)):
        part = lambda x, layer=layer: (x * layer(IDS)).tanh() * layer(IDS[:, :1])  # noqa: E731
        x = torch.ones(2, 3, DIM, requires_grad=True)
        outside = layer(IDS) if also_outside else 0
        (wrap(part, wrap(part, x)) + outside).square().sum().backward()
    optimizer.step()
    assert_same(ours, theirs)
    assert ours.optimizer.state[ours.weight]["step"] == 1


def test_a_graph_that_is_kept_can_be_used_twice(path):
    ours, theirs, optimizer = pair()
    for layer in (ours, theirs):
        loss = (2 * layer(IDS)).sum()
        for _ in range(2):
            loss.backward(retain_graph=True)
            if layer is theirs:
                optimizer.step()
                optimizer.zero_grad()
    assert_same(ours, theirs)


def test_a_kept_graph_that_needs_the_old_table_notices_that_it_moved(path):
    ours, _, _ = pair()
    hidden = torch.ones(2, DIM, requires_grad=True)
    loss = (hidden @ ours.weight.detach().t()).sum() + ours(IDS).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_gradients_of_something_else_move_nothing():
    ours, _, _ = pair()
    before = ours.weight.detach().clone()
    scale = torch.ones(1, requires_grad=True)
    torch.autograd.grad((scale * ours(IDS)).sum(), scale)
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        torch.autograd.grad(ours(IDS).sum(), ours.weight)
    assert torch.equal(ours.weight, before)


def test_a_gradient_of_a_gradient_reaches_the_rows(path):
    """A penalty on the gradient of the looked-up rows, as in adversarial training."""
    ours, theirs, optimizer = pair()
    for layer in (ours, theirs):
        rows = layer(IDS)
        (grad,) = torch.autograd.grad(rows.pow(3).sum(), rows, create_graph=True)
        grad.square().sum().backward()
    optimizer.step()
    assert_same(ours, theirs)


@pytest.mark.parametrize("when", ["backward", "step"])
def test_a_backward_that_fails_leaves_nothing(when, path):
    ours, theirs, optimizer = pair(lambda: Adagrad(0.1, when=when))
    before = ours.weight.detach().clone()
    x = torch.ones(1, requires_grad=True)
    later = ours(IDS[:1]).sum()  # a graph made before the failure, used after it
    loss = (Fails.apply(x) * 1).sum() + 1000 * ours(IDS).sum()
    with pytest.raises(ValueError, match="this backward fails"):
        loss.backward()
    assert torch.equal(ours.weight, before)
    later.backward()
    ours.optimizer.step()
    theirs(IDS[:1]).sum().backward()
    optimizer.step()
    assert_same(ours, theirs)


def test_ids_that_change_before_the_backward_are_noticed(path):
    ours, _, _ = pair()
    ids = IDS.clone()
    loss = ours(ids).sum()
    ids += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_nothing_moves_without_gradients(path):
    ours, _, _ = pair()
    before = ours.weight.detach().clone()
    with torch.no_grad():
        assert not ours(IDS).requires_grad
    ours.weight.requires_grad_(False)
    assert not ours(IDS).requires_grad
    ours.weight.requires_grad_(True)
    assert torch.equal(ours(IDS), before[IDS])
    ours.eval()(IDS).sum().backward()  # as in torch, `eval` alone does not stop training
    assert not torch.equal(ours.weight, before)


# What torch's layer can do.


@pytest.mark.parametrize(
    "given",
    [
        {"padding_idx": 2},
        {"padding_idx": -5},
        {"max_norm": 0.7},
        {"max_norm": 0.5, "norm_type": 1.0, "padding_idx": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_settings_of_the_layer_are_kept(given, dtype, path):
    ours, theirs, optimizer = pair(**given)
    for seed in range(8):
        ids = torch.randint(ROWS, (3, 4), generator=torch.Generator().manual_seed(seed))
        results = [layer(ids.to(dtype)) for layer in (ours, theirs)]
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)
        for result in results:
            result.square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert_same(ours, theirs)


def test_gradients_are_divided_by_frequency(path):
    """torch refuses this for sparse gradients; dense SGD is the same algorithm."""
    ours = Embedding(ROWS, DIM, scale_grad_by_freq=True, padding_idx=0, optimizer=SGD(0.1))
    weight = ours.weight.detach().clone()
    theirs = torch.nn.Embedding(ROWS, DIM, scale_grad_by_freq=True, padding_idx=0, _weight=weight)
    for layer in (ours, theirs):
        layer(IDS).square().sum().backward()
    torch.optim.SGD(theirs.parameters(), 0.1).step()
    assert_same(ours, theirs)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0), ()])
def test_batches_may_be_empty_or_a_single_id(shape, path):
    ours, theirs, optimizer = pair()
    for layer in (ours, theirs):
        result = layer(torch.full(shape, 3))
        assert result.shape == (*shape, DIM)
        result.square().sum().backward()
    optimizer.step()
    assert_same(ours, theirs)


def test_a_batch_of_nothing_but_padding_moves_nothing(path):
    for make in ALL:
        layer = Embedding(ROWS, DIM, padding_idx=4, optimizer=make())
        before = layer.weight.detach().clone()
        layer(torch.full((3,), 4)).sum().backward()
        assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("bad", [-1, ROWS, 2**40])
@pytest.mark.parametrize("given", [{}, {"max_norm": 0.1}], ids=str)
def test_bad_ids_are_named_before_anything_is_written(bad, given, path):
    ours, _, _ = pair(**given)
    before = ours.weight.detach().clone()
    with pytest.raises(
        IndexError, match=rf"out of range in self.*0 to 11, got {bad} at position 2"
    ):
        ours(torch.tensor([1, 2, bad]))
    assert torch.equal(ours.weight, before)
    with pytest.raises(RuntimeError, match="scalar types: Long, Int"):
        ours(torch.tensor([1.0]))
    with pytest.raises(TypeError, match="must be Tensor, not list"):
        ours([1])


def test_the_table_moves_under_torch_compile(path):
    ours, theirs, optimizer = pair()
    model = torch.nn.Sequential(ours, torch.nn.Linear(DIM, 1))
    twin = torch.nn.Sequential(theirs, copy.deepcopy(model[1]))
    fast = torch.compile(model, backend="aot_eager")
    before = ours.weight.detach().clone()
    for _ in range(3):
        fast(IDS).square().sum().backward()
        twin(IDS).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert not torch.equal(ours.weight, before)
    assert_same(ours, theirs)


def test_several_processes_are_refused_at_first_use(monkeypatch):
    ours, _, _ = pair()
    bags = EmbeddingBag(ROWS, DIM, optimizer=SGD())
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    ours(IDS).sum().backward()
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    for layer in (ours, bags):
        with pytest.raises(RuntimeError, match=r"2 processes train.*drift apart.*sparse=True"):
            layer(IDS)
        with torch.no_grad():
            layer(IDS)


REPLICA = """
import sys, torch
from sajeon.nn import SGD, Embedding
store, rank = sys.argv[1], int(sys.argv[2])
torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
ids = torch.tensor([[1, 2], [2, 3]])[rank]
layer = Embedding(9, 4, optimizer=SGD())
try:
    layer(ids)
except RuntimeError as error:
    print(error)
torch.manual_seed(0)
plain = torch.nn.parallel.DistributedDataParallel(Embedding(9, 4, sparse=True))
optimizer = torch.optim.SGD(plain.parameters(), lr=1.0)
plain(ids).sum().backward()
optimizer.step()
print(plain.module.weight.sum().item())
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_two_processes_are_refused_and_what_the_message_advises_works(tmp_path):
    arguments = [sys.executable, "-c", REPLICA, f"file://{tmp_path / 'store'}"]
    started = [
        subprocess.Popen([*arguments, str(rank)], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[0].splitlines() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert all("2 processes train together" in lines[0] for lines in said)
    assert said[0][1] == said[1][1]


def test_another_weight_in_its_place_is_refused():
    ours, _, _ = pair()
    with pytest.raises(RuntimeError, match="not the Parameter that its optimiser updates"):
        torch.func.functional_call(ours, {"weight": torch.zeros(ROWS, DIM)}, (IDS,))
    ours.weight = torch.nn.Parameter(torch.zeros(ROWS, DIM))
    with pytest.raises(RuntimeError, match=r"Assign to `weight.data`"):
        ours(IDS)


# Copies and growth.


def copied(layer):
    return copy.deepcopy(layer)


def pickled(layer):
    return pickle.loads(pickle.dumps(layer))


def detached(layer):
    """A new layer over a copy of the table, with a copy of the state."""
    weight = layer.weight.detach().clone()
    state = copy.deepcopy(attached.detached_state(layer))
    other = Embedding(*weight.shape, _weight=weight, padding_idx=layer.padding_idx)
    attached.reattach(other, state)
    return other


@pytest.mark.parametrize("copying", [copied, pickled, detached])
@pytest.mark.parametrize("make", ALL)
def test_a_copy_trains_on_by_itself(copying, make):
    layer = Embedding(ROWS, DIM, padding_idx=2, optimizer=make(0.05, when="step"))
    for each in (layer, None):
        for _ in range(3):
            (each or layer)(IDS).square().sum().backward()
            layer.optimizer.step()
    layer.optimizer.param_groups[0]["lr"] = 0.3
    other = copying(layer)
    before = layer.weight.detach().clone()
    other(IDS).square().sum().backward()
    other.optimizer.step()
    assert torch.equal(layer.weight, before)
    layer(IDS).square().sum().backward()
    layer.optimizer.step()
    assert not torch.equal(layer.weight, before)
    assert torch.equal(layer.weight, other.weight)
    assert other.weight.grad is None
    assert other.optimizer.weight is other.weight
    assert repr(other.optimizer) == repr(layer.optimizer)


@pytest.mark.parametrize("make", ALL)
def test_state_grows_with_the_table(make, path):
    """New rows begin like rows that were never touched; old rows go on."""
    start = {"initial_accumulator_value": 0.5} if make in (Adagrad, RowAdagrad) else {}
    torch.manual_seed(3)
    layer = Embedding(ROWS, DIM, optimizer=make(0.05, **start))
    larger = Embedding(ROWS + 4, DIM, optimizer=make(0.05, **start))
    layer(IDS).square().sum().backward()
    before = {n: layer.optimizer.state[layer.weight][n] for n in layer.optimizer.state_names}
    layer.grow(4)
    weight = layer.weight.detach().clone()
    larger.weight.data.copy_(weight)
    saved = layer.optimizer.state_dict()
    for name in layer.optimizer.state_names:
        assert len(saved["state"][0][name]) == ROWS + 4
        assert torch.equal(saved["state"][0][name][:ROWS], before[name])
        assert before[name][1].any()
    larger.optimizer.load_state_dict(saved)
    new = torch.tensor([1, 2, ROWS + 1, ROWS + 3])
    for each in (layer, larger):
        each(new).square().sum().backward()
    assert torch.equal(layer.weight, larger.weight)
    assert (layer.weight[ROWS + 3] != weight[ROWS + 3]).all()
    for name in layer.optimizer.state_names:
        untouched = layer.optimizer.state[layer.weight][name][ROWS + 2]
        assert (untouched == start.get("initial_accumulator_value", 0.0)).all()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_state_takes_memory_only_where_rows_were_touched():
    """256 MB of state for a table of 128 MB; large pages, where there are any, come 2 MB each."""

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    layer = Embedding(500_000, 64, optimizer=LazyAdam())
    before = resident()
    layer(torch.tensor([3, 4, 400_000])).sum().backward()
    assert resident() - before < 30e6
    assert layer.optimizer.state[layer.weight]["exp_avg"][400_000].all()


def test_the_table_keeps_its_storage_and_state_is_made_late():
    layer = Embedding(ROWS, DIM, optimizer=LazyAdam())
    address = layer.weight.data_ptr()
    assert not layer.optimizer.state
    layer(IDS).sum().backward()
    assert layer.weight.data_ptr() == address
    assert set(layer.optimizer.state[layer.weight]) == {"step", "exp_avg", "exp_avg_sq"}


# Both paths, and bags.


@st.composite
def problems(draw):
    """A table, ids with repeats, and settings of a layer."""
    return {
        "seed": draw(st.integers(0, 2**31)),
        "rows": draw(st.integers(1, 9)),
        "dim": draw(st.sampled_from([1, 4, 16, 21])),
        "lengths": draw(st.lists(st.integers(0, 5), min_size=1, max_size=6)),
        "padding_idx": draw(st.sampled_from([None, 0])),
        "by_frequency": draw(st.booleans()),
        "ids": draw(st.sampled_from([torch.int64, torch.int32])),
    }


def ids_of(problem):
    generator = torch.Generator().manual_seed(problem["seed"])
    total = sum(problem["lengths"])
    ids = torch.randint(problem["rows"], (total,), generator=generator)
    grads = torch.randn(total, problem["dim"], generator=generator)
    return ids.to(problem["ids"]), grads, generator


@pytest.mark.skipif(not compiled.can(torch.zeros(1, 1)), reason="Numba is missing")
@pytest.mark.parametrize("make", ALL)
@given(problem=problems(), when=st.sampled_from(["backward", "step"]))
@settings(max_examples=25)
def test_both_paths_agree(make, problem, when):
    ids, grads, _ = ids_of(problem)
    results = []
    for can in (compiled.can, lambda _: False):
        torch.manual_seed(problem["seed"])
        layer = Embedding(
            problem["rows"],
            problem["dim"],
            problem["padding_idx"],
            scale_grad_by_freq=problem["by_frequency"],
            optimizer=make(0.05, when=when),
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "can", can)
            for part in (slice(None), slice(0, len(ids) // 2), slice(1, None)):
                (layer(ids[part]) * grads[part]).sum().backward()
            layer.optimizer.step()
        states = [layer.optimizer.state[layer.weight][n] for n in layer.optimizer.state_names]
        results.append([layer.weight.detach(), *states])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def sum_of(table, weights):
    """Keeps both in the graph where all bags are empty."""
    return table.sum() if weights is None else table.sum() + weights.sum()


def bags_by_hand(weight, ids, lengths, mode, weights, padding_idx):
    """Bags as a sum, mean or maximum of `F.embedding`, whose gradients torch gets right."""
    rows = torch.nn.functional.embedding(ids, weight, padding_idx)
    if weights is not None:
        rows = rows * weights[:, None]
    bags = []
    for all_of_it, part_ids in zip(rows.split(lengths), ids.split(lengths), strict=True):
        part = all_of_it if padding_idx is None else all_of_it[part_ids != padding_idx]
        if len(part) == 0:
            bags.append(part.new_zeros(weight.shape[1]))
        elif mode == "max":
            bags.append(part.max(0).values)
        else:
            bags.append(part.sum(0) / (len(part) if mode == "mean" else 1))
    return torch.stack(bags)


@pytest.mark.parametrize("weighted", ["no", "fixed", "trained"])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@given(problem=problems(), ends=st.booleans(), compiled_path=st.booleans())
@settings(max_examples=25)
def test_bags_are_those_of_torch_and_move_their_rows(mode, weighted, problem, ends, compiled_path):
    if weighted != "no" and mode != "sum":
        return
    ids, _, generator = ids_of(problem)
    lengths, padding = problem["lengths"], problem["padding_idx"]
    by_frequency = problem["by_frequency"] and mode != "max"
    offsets = torch.tensor([0, *np.cumsum(lengths)], dtype=problem["ids"])
    offsets = offsets if ends else offsets[:-1]
    torch.manual_seed(problem["seed"])
    layer = EmbeddingBag(
        problem["rows"], problem["dim"], mode=mode, padding_idx=padding,
        scale_grad_by_freq=by_frequency, include_last_offset=ends, optimizer=SGD(0.1),
    )  # fmt: skip
    table = layer.weight.detach().clone().requires_grad_()
    weights = [None, None]
    if weighted != "no":
        values = torch.rand(len(ids), generator=generator)
        weights = [values.clone().requires_grad_(weighted == "trained") for _ in range(2)]
    factor = torch.randn(len(lengths), problem["dim"], generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        if not compiled_path:
            patch.setattr(compiled, "can", lambda _: False)
        found = layer(ids, offsets, weights[0])
        (found * factor).sum().backward()
    expected = bags_by_hand(table, ids, lengths, mode, weights[1], padding)
    ((expected * factor).sum() + 0 * sum_of(table, weights[1])).backward()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    step = table.grad
    if by_frequency:
        step = step / ids.long().bincount(minlength=len(table)).clamp(min=1)[:, None]
    torch.testing.assert_close(layer.weight, table - 0.1 * step, rtol=1e-4, atol=1e-5)
    if weighted == "trained" and len(ids):
        torch.testing.assert_close(weights[0].grad, weights[1].grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_two_axes_and_their_optimisers_are_those_of_torch(mode, path):
    torch.manual_seed(2)
    ours = EmbeddingBag(ROWS, DIM, mode=mode, max_norm=1.5, optimizer=Adagrad(0.1))
    theirs = torch.nn.EmbeddingBag(
        ROWS, DIM, mode=mode, max_norm=1.5, _weight=ours.weight.detach().clone()
    )
    optimizer = torch.optim.Adagrad(theirs.parameters(), 0.1)
    for seed in range(8):
        ids = torch.randint(ROWS, (3, 4), generator=torch.Generator().manual_seed(seed))
        for layer in (ours, theirs):
            layer(ids).pow(3).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert_same(ours, theirs)


def test_bags_refuse_what_torch_refuses(path):
    bags = EmbeddingBag(ROWS, DIM, mode="sum", max_norm=0.1, optimizer=SGD(0.1))
    before = bags.weight.detach().clone()
    with pytest.raises(RuntimeError, match=r"found idx to be 12.*at position 1"):
        bags(torch.tensor([1, 12]), torch.tensor([0]))
    assert torch.equal(bags.weight, before)
    for mode in ("sum", "max"):
        bags = EmbeddingBag(ROWS, DIM, mode=mode, optimizer=SGD(0.1))
        with pytest.raises(ValueError, match="offsets has to be a 1D Tensor"):
            bags(torch.tensor([1, 2]))
        with pytest.raises(ValueError, match="offsets has to be None"):
            bags(IDS, torch.tensor([0]))
        with pytest.raises(RuntimeError, match=r"got 99|idx to be 99|value 99"):
            bags(torch.tensor([1, 99]), torch.tensor([0]))
    with pytest.raises(NotImplementedError, match="mode='sum'"):
        bags(IDS, per_sample_weights=torch.ones(2, 3))


@pytest.mark.skipif(not compiled.can(torch.zeros(1, 1)), reason="Numba is missing")
def test_the_bits_are_the_same_for_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(compiled, "FEW", 0)
    results = []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        layer = Embedding(3000, 40, optimizer=LazyAdam(0.1))
        for _ in range(3):
            ids = (3000 * torch.rand(4000) ** 3).long()
            layer(ids).square().sum().backward()
        results.append(layer.weight.detach())
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
