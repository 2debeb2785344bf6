"""Examples that have halted are not computed again, and no bit of any row is another one for it."""

import dataclasses

import polars as pl
import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax.attacks import (
    DLR,
    CappedStep,
    CrossEntropy,
    GradientStep,
    Identity,
    InputDiversity,
    L2Ball,
    L2Penalty,
    LinfBall,
    MomentumSignStep,
    NormalizedStep,
    Scaled,
    SignStep,
    Smoothed,
    TargetLogit,
    TargetMargin,
    UniformNoise,
)
from presoftmax.tracing import _unchanged as module
from presoftmax.tracing import loop, prepare
from tests.conftest import Counting, Tiny, make_images, make_set

STEPS = 60
pytestmark = pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")
EVERY = "every-step"


def attack(update=None, objective=None, **more):
    settings = {"steps": STEPS, "discretization": EVERY, "space": "pixel"} | more
    return ps.attacks.Attack("mine", objective or TargetLogit(), update or GradientStep(1e-4), **settings)


HALTING = {
    "over-optimized": ps.attacks.over_optimized(STEPS, 3.5e-4, EVERY),
    "multi-class": ps.attacks.multi_class(STEPS, alpha=(1.7e-4, 3.4e-4), discretization=EVERY),
    "level": ps.attacks.multi_class(STEPS, 3, (6e-5, 1.8e-4), "level", EVERY),
    "three classes": ps.attacks.multi_class(STEPS, 3, (1.2e-4, 2.4e-4), discretization=EVERY),
    "runner-up": ps.attacks.multi_class(STEPS, 2, (1.7e-4, 3.4e-4), discretization=EVERY, second_target="runner-up"),
    "margin": attack(GradientStep(2e-4), TargetMargin()),
    "cross-entropy": attack(GradientStep(2e-3), CrossEntropy()),
    "untargeted": attack(GradientStep(2e-3), CrossEntropy(targeted=False), num_targets=0),
    "dlr": attack(GradientStep(2e-3), DLR(), num_targets=0),
    "capped": attack(CappedStep(3.5e-4, 2.0)),
    "normalized": attack(NormalizedStep(0.006)),
    "smoothed": attack(Smoothed(GradientStep(3.7e-4), 3)),
    "in a ball": attack(GradientStep(3e-4), constraint=LinfBall(4 / 255)),
    "in an l2 ball": attack(GradientStep(3e-4), constraint=L2Ball(0.1)),
    "at a price": attack(GradientStep(4e-4), constraint=L2Penalty(3.0)),
    "signs in a ball": attack(SignStep(1 / 255), constraint=LinfBall(1 / 255)),
    "copies": attack(GradientStep(4e-4), views=(Identity(), Scaled(0.5))),
    "a copy alone": attack(GradientStep(6e-4), views=(Scaled(0.5),)),
    "tanh": attack(GradientStep(2e-3), space="tanh"),
}
OTHERS = {
    "not rounded": attack(discretization="straight-through"),
    "rounded at the end": attack(discretization="final"),
    "with momentum": attack(MomentumSignStep(1 / 255), constraint=LinfBall(1 / 255)),
    "smoothed momentum": attack(Smoothed(MomentumSignStep(1 / 255), 3), constraint=LinfBall(1 / 255)),
    "from noise": attack(start=UniformNoise(2 / 255)),
    "seen at random": attack(views=(InputDiversity(),)),
    "a function": attack(objective=lambda logits, goal: logits.gather(1, goal.targets)[:, 0]),
}


class Own(GradientStep):
    """A user's own: nobody knows whether it remembers."""


OTHERS["a step of the user's own"] = attack(Own(1e-4))


def bits(frame: pl.DataFrame) -> dict[str, object]:
    """Every bit of every number; lists as their numbers and their lengths."""
    found: dict[str, object] = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pl.List):
            found[f"{name} lengths"] = column.list.len().to_list()
            column = column.explode()
        found[f"{name} nulls"] = column.is_null().to_list()
        numeric = column.dtype.is_numeric()
        found[name] = column.fill_null(0).to_numpy().tobytes() if numeric else column.to_list()
    return found


def all_bits(trace: ps.Trace) -> list[object]:
    images = [trace.images_at(iteration).numpy().tobytes() for iteration in trace.kept]
    return [bits(trace.steps), bits(trace.transfers), images, trace.float_images.numpy().tobytes()]


def both(monkeypatch, *given, seed=None, **options):
    """A trace with everything computed, and one as it is; the passes of the source of each."""
    found = []
    for computed in (True, False):
        with monkeypatch.context() as patch:
            if computed:
                patch.setattr(loop, "may_halt", lambda _: False)
                patch.setattr(module, "may_halt", lambda _: False)
            if seed is not None:
                torch.manual_seed(seed)
            source = Counting(given[1])
            trace = ps.trace(given[0], source, *given[2:], keep=[0, 1, 20, STEPS], accelerate=False, **options)
            found += [trace, source.forwards]
    return found


def still(trace):
    """The share of images that did not move, from the first iteration on."""
    return (trace.steps.filter(pl.col("iteration") > 0)["changed"] == 0).mean()


SHAPES = [(name, 11, 2) for name in HALTING] + [("multi-class", *shape) for shape in ((6, 6), (8, 1), (12, 4))]


@pytest.mark.parametrize(("name", "count", "batch"), SHAPES)
def test_no_bit_changes_and_passes_are_saved(name, count, batch, tiny, monkeypatch):
    photos = make_set(tiny, count=count)
    whole, all_passes, trace, passes = both(
        monkeypatch, HALTING[name], tiny, photos, victims=[Tiny(1), Tiny(2)], batch_size=batch
    )
    assert all_bits(trace) == all_bits(whole)
    assert trace.complete
    assert [block.batch for block in trace.blocks] == sorted(block.batch for block in trace.blocks)
    batches = -(-count // batch)
    assert passes <= all_passes + 2 * (1 + batch) * len(HALTING[name].views) + batches
    if batch < count:
        assert 0.1 < still(whole) < 1
        assert passes < all_passes


@pytest.mark.parametrize("name", OTHERS)
def test_where_an_image_may_move_again_everything_is_computed(name, tiny, monkeypatch):
    photos = make_set(tiny, count=5)
    whole, all_passes, trace, passes = both(monkeypatch, OTHERS[name], tiny, photos, batch_size=2)
    assert not module.may_halt(prepare(OTHERS[name], tiny, photos))
    assert passes == all_passes
    assert all_bits(trace) == all_bits(whole)


def test_a_shard_of_half_halted_examples_takes_half_the_passes(tiny, monkeypatch):
    """Every second example does not move from the beginning: it is flat there."""

    class HalfFlat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = tiny

        def forward(self, x):
            flat = (x[:, :1, :1, :1] * 255 > 127).float()
            return self.inner(x * (1 - flat) + x.detach() * flat)

    images = make_images(count=24)
    images[::2, 0, 0, 0], images[1::2, 0, 0, 0] = 255, 0
    network = HalfFlat()
    labels = network(images.float() / 255).argmax(dim=1)
    given = (ps.attacks.over_optimized(STEPS, 0.02, EVERY), network, images, labels)
    whole, all_passes, trace, passes = both(monkeypatch, *given, batch_size=4)
    assert all_bits(trace) == all_bits(whole)
    assert still(whole) == pytest.approx(0.5, abs=0.05)
    assert all_passes == 6 * (STEPS + 1)
    trial = 1 + 2 * (1 + 4)
    assert passes <= 6 * (STEPS + 1) / 2 + 8 + trial


class Odd(nn.Module):
    """What no network should be: its rows depend on more than their image."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.inner, self.how = Tiny(), how

    def forward(self, x):
        logits = self.inner(x)
        ways = {
            "place": lambda: 1e-3 * torch.arange(len(x)).float()[:, None],
            "neighbors": lambda: 1e-3 * x.detach().mean(),
            "size": lambda: 1e-3 * len(x),
            "chance": lambda: 1e-3 * torch.rand(len(x), 1),
            "first": lambda: 1e-3 * x[:1].detach().mean(),
        }
        return logits * (1 + ways[self.how]())


@pytest.mark.parametrize("how", ["place", "neighbors", "size", "chance", "first"])
@pytest.mark.parametrize("where", ["source", "victim"])
def test_a_network_whose_rows_depend_on_more_than_their_image_is_found_out(how, where, tiny, monkeypatch):
    photos = make_set(tiny, count=11)
    odd = Odd(how)
    source, victims = (odd, [Tiny(1)]) if where == "source" else (tiny, [odd])
    whole, _, trace, _ = both(
        monkeypatch, HALTING["over-optimized"], source, photos, victims=victims, batch_size=2, seed=3
    )
    assert all_bits(trace) == all_bits(whole)


def test_an_example_that_is_strong_enough_is_not_computed_again_either(tiny, monkeypatch):
    photos = make_set(tiny, count=11)
    attack = ps.attacks.over_optimized(STEPS, 0.3, EVERY)
    whole, all_passes, trace, passes = both(
        monkeypatch, attack, tiny, photos, batch_size=2, stop_at=4.0, victims=[Tiny(1)]
    )
    assert all_bits(trace) == all_bits(whole)
    assert passes < 0.6 * all_passes


def test_a_black_box_is_always_asked(tiny, monkeypatch):
    photos = make_set(tiny, count=6)
    asked = []

    def box(pixels):
        asked.append(len(pixels))
        return Tiny(1)(pixels.float() / 255)

    ps.trace(HALTING["over-optimized"], tiny, photos, victims=[box], batch_size=2, accelerate=False)
    assert asked == [2] * 3 * (STEPS + 1)


def test_logits_that_are_not_finite_stay_so(tiny, monkeypatch):
    class Breaking(nn.Module):
        def forward(self, x):
            return torch.where(x.mean(dim=(1, 2, 3))[:, None] > 0.5, torch.nan, tiny(x))

    images = make_images(count=8)
    images[::3] = 255 - images[::3] // 8
    images[1::3] //= 2
    images[2::3] //= 2
    labels = torch.zeros(8, dtype=torch.int64)
    network = Breaking()
    whole, _, trace, _ = both(
        monkeypatch, HALTING["over-optimized"], tiny, images, labels, victims=[network], batch_size=2
    )
    assert trace.transfers["predicted"].min() == -1
    assert all_bits(trace) == all_bits(whole)


def test_blocks_of_batches_side_by_side_are_told_as_they_come(tiny, monkeypatch):
    monkeypatch.setattr(loop, "_BLOCK_SECONDS", 0.0)
    photos, short = make_set(tiny, count=7), dataclasses.replace(HALTING["over-optimized"], steps=15)
    seen = []
    trace = ps.trace(short, tiny, photos, batch_size=2, on_block=seen.append)
    for batch in range(4):
        assert [block.iteration for block in seen if block.batch == batch] == list(range(16))
    assert trace.steps["example"].to_list()[:4] == [photos.ids[0], photos.ids[1]] * 2
    groups = trace.steps.group_by("example", maintain_order=True).agg("iteration")
    assert groups["example"].to_list() == list(photos.ids)
    assert all(each == list(range(16)) for each in groups["iteration"].to_list())
    monkeypatch.setattr(loop, "_MOST_TOGETHER", 4)
    few = ps.trace(short, tiny, photos, batch_size=2)
    assert bits(few.steps) == bits(trace.steps)


def test_a_trial_leaves_no_trace(tiny):
    """Nor does it draw numbers that others would draw."""
    photos = make_set(tiny, count=8)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    ps.trace(HALTING["over-optimized"], tiny, photos, batch_size=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_settings_of_the_job_are_left_alone(tiny):
    photos = make_set(tiny, count=3)
    job = prepare(HALTING["over-optimized"], tiny, photos)
    assert module.may_halt(job)
    assert not module.may_halt(dataclasses.replace(job, victims=(ps.BlackBox(lambda x: x),)))
