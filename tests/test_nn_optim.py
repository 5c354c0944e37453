"""Row optimisers against torch's sparse ones, over many steps and on both paths."""

import copy
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from sajeon.nn import (
    SGD,
    Adagrad,
    Embedding,
    EmbeddingBag,
    LazyAdam,
    LazyAdamW,
    RowAdagrad,
    compiled,
)

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")

ROWS, DIM, PAD = 40, 20, 3
SPARSE = {
    "SGD": (lambda **k: SGD(0.1, **k), lambda p: torch.optim.SGD(p, 0.1)),
    "Adagrad": (
        lambda **k: Adagrad(0.1, lr_decay=0.01, initial_accumulator_value=0.1, **k),
        lambda p: torch.optim.Adagrad(p, 0.1, lr_decay=0.01, initial_accumulator_value=0.1),
    ),
    "LazyAdam": (
        lambda **k: LazyAdam(0.02, eps=0.03, **k),
        lambda p: torch.optim.SparseAdam(p, 0.02, eps=0.03),
    ),
}
ALL = [SGD, Adagrad, RowAdagrad, LazyAdam, LazyAdamW]


@pytest.fixture(autouse=True)
def one_thread():
    """Threads of torch wait for each other on a busy machine, and steps here are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "portable"], autouse=True)
def path(request, monkeypatch):
    """Every test runs on both paths."""
    if request.param == "portable":
        monkeypatch.setattr(compiled, "can", lambda _: False)
    elif not compiled.can(torch.zeros(1, 1)):
        pytest.skip("Numba is missing")
    return request.param


def batches(steps=40, rows=ROWS, dim=DIM, dtype=torch.float32, seed=0):
    """Ids that lie unevenly, with padding among them, and what to multiply the rows by."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        ids = (rows * torch.rand(5, 4, generator=generator) ** 2).long()
        factor = torch.randn(5, 4, dim, generator=generator)
        yield ids, factor.to(torch.float16).to(dtype)


def loss_of(layer, ids, factor):
    return (layer(ids) * factor).sum() + (layer(ids).square() * factor.abs()).mean()


def layer_with(optimizer, dtype=torch.float32, **settings):
    torch.manual_seed(1)
    layer = Embedding(ROWS, DIM, padding_idx=PAD, dtype=dtype, optimizer=optimizer, **settings)
    layer.weight.data[PAD] = 1.0  # a row that would decay or move, if anything did that to it
    return layer


def twin_of(layer, sparse=True):
    weight = layer.weight.detach().clone()
    return torch.nn.Embedding(ROWS, DIM, padding_idx=PAD, sparse=sparse, _weight=weight)


def train(layer, optimizer, steps=40, **settings):
    for ids, factor in batches(steps, dtype=layer.weight.dtype, **settings):
        optimizer.zero_grad()
        loss_of(layer, ids, factor).backward()
        optimizer.step()
    return layer.weight.detach()


@pytest.mark.parametrize("when", ["backward", "step"])
@pytest.mark.parametrize("name", SPARSE)
def test_steps_are_those_of_torch(name, when):
    make, oracle = SPARSE[name]
    layer = layer_with(make(when=when))
    twin = twin_of(layer)
    train(layer, layer.optimizer)
    train(twin, oracle(twin.parameters()))
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-4, atol=2e-5)
    assert layer.weight.grad is None
    assert (layer.weight[PAD] == 1).all()


@pytest.mark.parametrize("name", SPARSE)
def test_steps_in_float64_are_those_of_torch_to_its_precision(name):
    make, oracle = SPARSE[name]
    layer = layer_with(make(), torch.float64)
    twin = twin_of(layer)
    train(layer, layer.optimizer)
    train(twin, oracle(twin.parameters()))
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats_are_updated_in_float32_and_then_rounded(make, dtype):
    """The twin holds the rounded table in float32, and its state is the same."""
    layer, twin = layer_with(make(0.05), dtype), layer_with(make(0.05))
    twin.weight.data = layer.weight.data.float()
    for ids, factor in batches(20):
        (layer(ids) * factor.to(dtype)).sum().backward()
        (twin(ids) * factor.to(dtype).float()).sum().backward()
        twin.weight.data = twin.weight.data.to(dtype).float()
    torch.testing.assert_close(layer.weight.float(), twin.weight, rtol=1e-2, atol=1e-3)
    for name in layer.optimizer.state_names:
        state = layer.optimizer.state[layer.weight][name]
        assert state.dtype == torch.float32
        expected = twin.optimizer.state[twin.weight][name]
        torch.testing.assert_close(state, expected, rtol=1e-5, atol=1e-6)


def row_adagrad_reference(weight, batches, lr, eps):
    """Return table and state after these batches of (ids, gradients)."""
    weight, state = weight.copy(), np.zeros(len(weight))
    for ids, grads in batches:
        summed = np.zeros_like(weight)
        np.add.at(summed, ids, grads)
        for row in set(ids.tolist()):
            state[row] += (summed[row] ** 2).mean()
            weight[row] -= lr * summed[row] / (np.sqrt(state[row]) + eps)
    return weight, state


def flat_batches(steps=40):
    return [(ids.reshape(-1), factor.reshape(-1, DIM)) for ids, factor in batches(steps)]


def test_row_adagrad_agrees_with_its_equation():
    torch.manual_seed(1)
    layer = Embedding(ROWS, DIM, optimizer=RowAdagrad(0.05, eps=1e-3))
    given = [(ids.numpy(), grads.double().numpy()) for ids, grads in flat_batches()]
    weight = layer.weight.detach().double().numpy()
    expected, state = row_adagrad_reference(weight, given, 0.05, 1e-3)
    for ids, grads in flat_batches():
        layer(ids).backward(grads)
    np.testing.assert_allclose(layer.weight.detach(), expected, rtol=1e-4, atol=1e-5)
    found = layer.optimizer.state[layer.weight]["sum"]
    assert found.shape == (ROWS,)
    np.testing.assert_allclose(found, state, rtol=1e-5)


def fbgemm_table(optimizer, lr):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from fbgemm_gpu.split_embedding_configs import EmbOptimType
            from fbgemm_gpu.split_table_batched_embeddings_ops_common import (
                EmbeddingLocation,
                PoolingMode,
            )
            from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
                ComputeDevice,
                SplitTableBatchedEmbeddingBagsCodegen,
            )
        except (ImportError, OSError) as error:
            pytest.skip(f"FBGEMM is not here or not for this torch: {error}")
        return SplitTableBatchedEmbeddingBagsCodegen(
            [(ROWS, DIM, EmbeddingLocation.HOST, ComputeDevice.CPU)],
            optimizer=EmbOptimType[optimizer],
            learning_rate=lr,
            eps=1e-8,
            pooling_mode=PoolingMode.NONE,
        )


def test_row_adagrad_agrees_with_fbgemm():
    peer = fbgemm_table("EXACT_ROWWISE_ADAGRAD", 0.05)
    layer = Embedding(ROWS, DIM, optimizer=RowAdagrad(0.05, eps=1e-8))
    peer.split_embedding_weights()[0].copy_(layer.weight.detach())
    for ids, grads in flat_batches():
        layer(ids).backward(grads)
        peer(ids, torch.arange(len(ids) + 1)).backward(grads)
    expected = peer.split_embedding_weights()[0]
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=1e-4, atol=1e-5)


def test_lazy_adamw_is_adamw_where_all_rows_are_touched():
    layer = layer_with(LazyAdamW(0.02, eps=0.05, weight_decay=0.3))
    twin = twin_of(layer, sparse=False)
    adamw = torch.optim.AdamW(twin.parameters(), 0.02, eps=0.05, weight_decay=0.3)
    every = torch.arange(ROWS)
    for ids, factor in batches():
        for each, optimizer in ((layer, layer.optimizer), (twin, adamw)):
            optimizer.zero_grad()
            (loss_of(each, ids, factor) + each(every).sum()).backward()
            optimizer.step()
    others = torch.arange(ROWS) != PAD
    torch.testing.assert_close(layer.weight[others], twin.weight[others], rtol=1e-4, atol=1e-5)
    assert (layer.weight[PAD] == 1).all()
    assert (twin.weight[PAD] < 1).all()  # torch's dense one shrinks it


@pytest.mark.parametrize("make", ALL)
def test_rows_that_were_not_looked_up_stand_still(make):
    layer = layer_with(make(0.1))
    layer(torch.tensor([5, 6])).sum().backward()
    before = layer.weight.detach().clone()
    layer(torch.tensor([6, 7, 7])).sum().backward()
    moved = (layer.weight != before).any(1).nonzero().ravel()
    assert moved.tolist() == [6, 7]


@pytest.mark.parametrize("make", ALL)
def test_training_goes_on_from_a_saved_state(make):
    layer = layer_with(make(0.05))
    train(layer, layer.optimizer, 10)
    other = layer_with(make(0.9))
    other.load_state_dict(layer.state_dict())
    other.optimizer.load_state_dict(copy.deepcopy(layer.optimizer.state_dict()))
    assert list(layer.state_dict()) == ["weight"]
    for each in (layer, other):
        train(each, each.optimizer, 10, seed=5)
    torch.testing.assert_close(other.weight, layer.weight, rtol=0, atol=0)
    assert repr(other.optimizer) == repr(layer.optimizer)


def test_a_loaded_state_is_a_copy_and_is_not_rounded():
    layer = layer_with(LazyAdam(0.05), torch.float16)
    train(layer, layer.optimizer, 10)
    saved = layer.optimizer.state_dict()
    other = layer_with(LazyAdam(0.05), torch.float16)
    other.optimizer.load_state_dict(saved)
    loaded = other.optimizer.state[other.weight]["exp_avg"]
    kept = saved["state"][0]["exp_avg"]
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded, kept, rtol=0, atol=0)
    assert loaded.data_ptr() != kept.data_ptr()


def test_a_state_that_torch_saved_can_be_loaded():
    layer = layer_with(LazyAdam(0.02))
    twin = twin_of(layer)
    adam = torch.optim.SparseAdam(twin.parameters(), 0.02)
    train(twin, adam, 10)
    layer.weight.data.copy_(twin.weight.data)
    layer.optimizer.load_state_dict(adam.state_dict())
    train(twin, adam, 10, seed=5)
    train(layer, layer.optimizer, 10, seed=5)
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-4, atol=1e-5)


def test_a_state_that_does_not_fit_is_refused_and_nothing_changes():
    layer = layer_with(Adagrad(0.05))
    train(layer, layer.optimizer, 3)
    before = layer.optimizer.state[layer.weight]["sum"].clone()
    larger = Embedding(ROWS + 1, DIM, optimizer=Adagrad(0.7))
    larger(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match=r"'sum' of shape \(40, 20\).*got \(41, 20\).*grow"):
        layer.optimizer.load_state_dict(larger.optimizer.state_dict())
    adam = layer_with(LazyAdam(0.05))
    train(adam, adam.optimizer, 1)
    with pytest.raises(ValueError, match=r"state of Adagrad.*another optimiser"):
        layer.optimizer.load_state_dict(adam.optimizer.state_dict())
    assert layer.optimizer.param_groups[0]["lr"] == 0.05
    torch.testing.assert_close(layer.optimizer.state[layer.weight]["sum"], before)


@pytest.mark.parametrize("when", ["backward", "step"])
def test_learning_rate_schedulers_work(when):
    """Also with no step at all in the other mode, where torch would warn."""
    layer = layer_with(SGD(0.1, when=when))
    twin = twin_of(layer)
    theirs = torch.optim.SGD(twin.parameters(), 0.1)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(each, lambda epoch: 0.7**epoch)
        for each in (layer.optimizer, theirs)
    ]
    for ids, factor in batches(10):
        loss_of(layer, ids, factor).backward()
        loss_of(twin, ids, factor).backward()
        theirs.step()
        theirs.zero_grad()
        if when == "step":
            layer.optimizer.step()
        for schedule in schedules:
            schedule.step()
    assert layer.optimizer.param_groups[0]["lr"] == theirs.param_groups[0]["lr"] < 0.1
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SPARSE)
def test_gradients_accumulate_until_step(name):
    make, oracle = SPARSE[name]
    layer = layer_with(make(when="step"))
    twin = twin_of(layer)
    theirs = oracle(twin.parameters())
    for number, (ids, factor) in enumerate(batches(30)):
        before = layer.weight.detach().clone()
        loss_of(layer, ids, factor).backward()
        loss_of(twin, ids, factor).backward()
        assert torch.equal(layer.weight, before)
        if number % 3 == 2:
            layer.optimizer.step()
            theirs.step()
            theirs.zero_grad()
            assert layer.optimizer.pending.grad is None
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-4, atol=2e-5)
    before = layer.weight.detach().clone()
    layer.optimizer.step()  # everything was used up
    loss_of(layer, ids, factor).backward()
    layer.optimizer.zero_grad()
    layer.optimizer.step()
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("together", [False, True])
def test_gradients_are_clipped_like_dense_ones(together):
    """The norm is that of the summed gradient, alone or with that of other parameters."""
    layer = layer_with(Adagrad(0.1, when="step"))
    twin = twin_of(layer, sparse=False)
    heads = [torch.nn.Linear(DIM, 1) for _ in range(2)]
    heads[1].load_state_dict(heads[0].state_dict())
    theirs = torch.optim.Adagrad(twin.parameters(), 0.1)
    for ids, _ in batches(20):
        heads[0](layer(ids)).square().sum().backward()
        heads[1](twin(ids)).square().sum().backward()
        if together:
            parameters = [*heads[0].parameters(), layer.optimizer.pending]
            ours = torch.nn.utils.clip_grad_norm_(parameters, 0.5)
            expected = torch.nn.utils.clip_grad_norm_([*heads[1].parameters(), twin.weight], 0.5)
        else:
            ours = layer.optimizer.clip_grad_norm_(0.5)
            expected = torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
        for optimizer in (layer.optimizer, theirs):
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("unscale_first", [False, True])
def test_grad_scaler_unscales_and_skips(unscale_first):
    layer = layer_with(SGD(0.1, when="step"))
    twin = twin_of(layer)
    theirs = torch.optim.SGD(twin.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
    for number, (ids, factor) in enumerate(batches(8)):
        layer.optimizer.zero_grad()
        loss = loss_of(layer, ids, factor)
        scaler.scale(loss * (float("inf") if number == 4 else 1.0)).backward()
        if unscale_first:
            scaler.unscale_(layer.optimizer)
        scaler.step(layer.optimizer)
        scaler.update()
        if number == 4:
            continue
        theirs.zero_grad()
        loss_of(twin, ids, factor).backward()
        theirs.step()
    assert scaler.get_scale() == 2048.0  # doubled, halved, doubled
    torch.testing.assert_close(layer.weight, twin.weight, rtol=1e-4, atol=1e-5)


def test_what_comes_too_late_after_the_backward_is_refused():
    layer = layer_with(SGD(0.1))
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(layer(torch.tensor([1])).sum()).backward()
    with pytest.raises(RuntimeError, match=r"GradScaler cannot unscale.*SGD\(..., when='step'\)"):
        scaler.step(layer.optimizer)
    with pytest.raises(RuntimeError, match=r"nothing left to clip.*when='step'"):
        layer.optimizer.clip_grad_norm_(1.0)


@pytest.mark.parametrize("when", ["backward", "step"])
def test_step_calls_a_closure(when):
    layer = layer_with(SGD(0.1, when=when))
    before = layer.weight.detach().clone()

    def closure():
        loss = layer(torch.tensor([1])).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = layer.optimizer.step(closure)
    assert loss == before[1].sum()
    torch.testing.assert_close(layer.weight[1], before[1] - 0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-0.1), "SGD: lr must be at least 0, got -0.1"),
        (lambda: Adagrad(eps=float("nan")), "Adagrad: eps"),
        (lambda: RowAdagrad(initial_accumulator_value=-1), "initial_accumulator_value"),
        (lambda: LazyAdam(betas=(0.9, 1.0)), r"betas must be in \[0, 1\), got 1.0"),
        (lambda: LazyAdamW(weight_decay=-1), "weight_decay"),
        (lambda: SGD(when="later"), "'backward' or 'step', got 'later'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_cannot_work_is_refused_when_the_layer_is_made():
    with pytest.raises(ValueError, match="leave out sparse=True"):
        Embedding(4, 2, sparse=True, optimizer=SGD())
    with pytest.raises(ValueError, match="frozen"):
        Embedding(4, 2, _freeze=True, optimizer=SGD())
    weight = torch.zeros(4, 2, dtype=torch.int8)
    with pytest.raises(TypeError, match=r"torch.int8: expected floats"):
        Embedding(4, 2, _weight=weight, _freeze=True, optimizer=SGD())
    with pytest.raises(TypeError, match=r"RowAdagrad\(lr=0.05\), got type"):
        Embedding(4, 2, optimizer=SGD)
    taken = SGD()
    Embedding(4, 2, optimizer=taken)
    with pytest.raises(ValueError, match="another layer's table: make one for each layer"):
        EmbeddingBag(4, 2, optimizer=taken)
    with pytest.raises(ValueError, match="one table, that of its layer"):
        taken.add_param_group({"params": [torch.zeros(1, requires_grad=True)]})
    with pytest.raises(RuntimeError, match="no table yet: give it to a layer"):
        SGD().load_state_dict(taken.state_dict())


def test_an_optimiser_shows_its_settings_as_they_are_now():
    layer = layer_with(LazyAdam(0.5, when="step"))
    layer.optimizer.param_groups[0]["lr"] = 0.25
    assert repr(layer.optimizer) == "LazyAdam(lr=0.25, betas=(0.9, 0.999), eps=1e-08, when='step')"


@pytest.mark.slow
def test_the_benchmark_of_layers_runs(path, monkeypatch, tmp_path):
    """FBGEMM takes part only where it is installed."""
    folder = Path(__file__).parents[1] / "benchmarks"
    if path == "portable" or not folder.is_dir():
        pytest.skip("once is enough, and only in the source folder")
    monkeypatch.syspath_prepend(folder)
    for name in ("layers", "_common"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    layers = import_module("layers")
    out = tmp_path / "table.md"
    command = ["--rows", "50,200", "--dim", "8", "--ids", "64", "--repeat", "1", "--out", str(out)]
    layers.main([*command, "--dense-rows", "100"])
    report = out.read_text()
    assert "64 ids a step, dim 8" in report
    for side, lines in (
        ("sajeon `LazyAdam`", 3),
        ("torch sparse SGD", 9),
        ("Adam, `fused=True`", 1),
    ):
        assert report.count(f"| {side} |") == lines
    for name in ("layers", "_common"):
        del sys.modules[name]
