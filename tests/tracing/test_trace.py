"""The loop: passes counted, iteration 0, batches, modes, errors."""

import dataclasses

import polars as pl
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import presoftmax as ps
from presoftmax import attacks
from presoftmax.attacks import Discretization
from presoftmax.errors import AttackError, DataError, ModelError, PresoftmaxWarning
from presoftmax.models import Classifier
from presoftmax.tables import schema
from tests.conftest import CLASSES, Counting, Tiny, make_images, make_set

ATTACKS = {
    "over-optimized": lambda steps=4, **more: ps.attacks.over_optimized(steps, 0.5, **more),
    "multi-class": lambda steps=4, **more: ps.attacks.multi_class(steps, alpha=(0.2, 0.4), **more),
    "level": lambda steps=4, **more: ps.attacks.multi_class(steps, 3, (0.2, 0.4), "level", **more),
}


@pytest.mark.parametrize("make", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("mode", list(Discretization), ids=lambda mode: mode.value)
def test_one_source_forward_one_backward_and_one_victim_forward_per_iteration(make, mode, photos):
    source, victims = Counting(Tiny()), [Counting(Tiny(1)), Counting(Tiny(2))]
    named = [Classifier(victim, name=f"v{i}") for i, victim in enumerate(victims)]
    ps.trace(make(discretization=mode.value), Classifier(source, name="source"), photos, victims=named)
    looks = 5  # iterations 0 to 4
    assert source.forwards == (2 * looks if mode is Discretization.FINAL else looks)
    assert source.backwards == 4
    assert [victim.forwards for victim in victims] == [looks, looks]
    assert [victim.backwards for victim in victims] == [0, 0]


class _Syncs(TorchDispatchMode):
    """Counts what would make the host wait for the device."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.overloadpacket in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero)
        return func(*args, **(kwargs or {}))


def test_no_synchronization_inside_the_loop(photos, tiny):
    counts = []
    for steps in (3, 30):
        with _Syncs() as syncs:
            ps.trace(ATTACKS["multi-class"](steps), tiny, photos, victims=[Tiny(1), lambda x: Tiny(2)(x / 255)])
        counts.append(syncs.count)
    assert counts[0] == counts[1], "more iterations must not mean more waiting"


def test_only_the_image_gets_a_gradient_and_the_network_is_left_as_it_was(photos):
    network = Tiny().train()
    network.conv.eval()
    ps.trace(ATTACKS["over-optimized"](), network, photos)
    assert network.training
    assert not network.conv.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())


def test_evaluation_mode_is_used_whatever_mode_the_network_is_in(photos):
    network = nn.Sequential(Tiny(), nn.Dropout(0.5))
    noisy = ps.trace(ATTACKS["over-optimized"](), network.train(), photos)
    quiet = ps.trace(ATTACKS["over-optimized"](), network.eval(), photos)
    assert noisy.steps.equals(quiet.steps)


def test_iteration_zero_is_the_clean_image(photos, tiny):
    trace = ps.trace(ATTACKS["over-optimized"](), tiny, photos, keep="all")
    assert torch.equal(trace.images_at(0), photos.images)
    first = trace.steps.filter(iteration=0)
    assert first["predicted"].to_list() == photos.labels.tolist() == first["label"].to_list()
    assert first.select(pl.col("changed", "l0", "l1", "l2", "linf").sum()).row(0) == (0, 0, 0, 0, 0)
    assert trace.kept == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("mode", list(Discretization), ids=lambda mode: mode.value)
def test_records_are_those_of_the_recorded_8_bit_images(mode, photos, tiny):
    victim = Tiny(1)
    trace = ps.trace(ATTACKS["multi-class"](discretization=mode.value), tiny, photos, victims=[victim], keep="all")
    for iteration in trace.kept:
        images = trace.images_at(iteration)
        assert images.dtype == torch.uint8
        with torch.no_grad():
            logits, answer = tiny(images.float() / 255), victim(images.float() / 255)
        rows, shown = trace.steps.filter(iteration=iteration), trace.transfers.filter(iteration=iteration)
        top = logits.topk(5)
        for i in range(5):
            assert rows[f"ca{i + 1}"].to_list() == top.values[:, i].tolist()
        assert rows["class5"].to_list() == top.indices[:, 4].tolist()
        assert rows["confidence"].to_list() == logits.softmax(1).amax(1).tolist()
        assert rows["misclassification_log_odds"].to_list() == pytest.approx(
            (-torch.logit(logits.double().softmax(1)[range(5), photos.labels])).tolist(), rel=1e-6
        )
        assert rows["logits_mean"].to_list() == pytest.approx(logits.double().mean(1).tolist(), rel=1e-12)
        assert rows["logits_std"].to_list() == pytest.approx(logits.double().std(1, correction=0).tolist(), rel=1e-12)
        targets = torch.tensor(rows["targets"].to_list())
        assert rows["target_logits"].to_list() == logits.gather(1, targets).tolist()
        assert shown["predicted"].to_list() == answer.argmax(1).tolist()
        assert shown["ca1"].to_list() == answer.amax(1).tolist()
        assert shown["label_logit"].to_list() == answer[range(5), photos.labels].tolist()
        assert shown["misclassified"].to_list() == (answer.argmax(1) != photos.labels).tolist()
        assert shown["targeted"].to_list() == [p in t for p, t in zip(answer.argmax(1), targets, strict=True)]
        delta = images.int() - photos.images.int()
        assert rows["l0"].to_list() == (delta != 0).flatten(1).sum(1).tolist()
        assert rows["l1"].to_list() == delta.abs().flatten(1).sum(1).tolist()
        assert rows["l2"].to_list() == pytest.approx(delta.double().flatten(1).norm(dim=1).tolist(), rel=1e-12)
        assert rows["linf"].to_list() == delta.abs().flatten(1).amax(1).tolist()
        before = trace.images_at(max(0, iteration - 1))
        assert rows["changed"].to_list() == (images != before).any(1).float().mean((1, 2)).tolist()


def test_final_mode_records_what_rounding_costs(photos, tiny):
    trace = ps.trace(ATTACKS["over-optimized"](discretization="final"), tiny, photos)
    last = trace.steps.filter(iteration=4)
    with torch.no_grad():
        floats = tiny(trace.float_images)
    assert last["float_ca1"].to_list() == floats.amax(1).tolist()
    assert last["float_predicted"].to_list() == floats.argmax(1).tolist()
    assert last["float_ca1"].to_list() != last["ca1"].to_list()
    plain = ps.trace(ATTACKS["over-optimized"](), tiny, photos)
    assert plain.steps["float_ca1"].null_count() == plain.steps.height


def test_every_step_mode_loses_small_steps_and_straight_through_does_not(photos, tiny):
    small = {mode: ps.attacks.over_optimized(30, 2e-5, mode) for mode in ("every-step", "straight-through")}
    lost = ps.trace(small["every-step"], tiny, photos)
    kept = ps.trace(small["straight-through"], tiny, photos)
    assert torch.equal(lost.images, photos.images)
    assert not torch.equal(kept.images, photos.images)
    assert ps.analysis.halted_at(lost.steps)["halted_at"].to_list() == [0] * 5


def test_results_depend_on_neither_batch_size_nor_order(photos, tiny):
    def run(examples, size):
        trace = ps.trace(ATTACKS["multi-class"](), tiny, examples, victims=[Tiny(1)], batch_size=size)
        return [frame.sort("example", "iteration") for frame in (trace.steps, trace.transfers)]

    whole = run(photos, 5)
    for other in (run(photos, 2), run(photos.select([4, 2, 0, 1, 3]), 3)):
        for frame, reference in zip(other, whole, strict=True):
            exact = ["example", "iteration", "predicted"] + (["targets", "label"] if "targets" in frame.columns else [])
            assert frame.select(exact).equals(reference.select(exact))
            for name in ("ca1", "log_odds"):
                assert frame[name].to_list() == pytest.approx(reference[name].to_list(), rel=1e-4)


def test_blocks_make_no_difference(photos, tiny, monkeypatch):
    whole = ps.trace(ATTACKS["multi-class"](), tiny, photos, victims=[Tiny(1)])
    monkeypatch.setattr("presoftmax.tables.records._MOST_ITERATIONS", 1)
    pieces = ps.trace(ATTACKS["multi-class"](), tiny, photos, victims=[Tiny(1)])
    assert len(pieces.blocks) == 5 > len(whole.blocks)
    assert pieces.steps.equals(whole.steps)
    assert pieces.transfers.sort("iteration", "example").equals(whole.transfers.sort("iteration", "example"))


def test_multipliers_follow_the_paper_at_every_step(photos, tiny):
    attack = ps.attacks.multi_class(6, alpha=(0.5, 1.0))
    seen = []

    class Watching(type(attack.objective)):
        def weights(self, target_logits):
            weights = super().weights(target_logits)
            seen.append((target_logits.clone(), weights.clone()))
            return weights

    ps.trace(dataclasses.replace(attack, objective=Watching(0.5, 1.0)), tiny, photos)
    assert len(seen) == 6
    for logits, weights in seen:
        lower = (logits[:, 0] < logits[:, 1]).tolist()
        assert weights.tolist() == [[1.0, 0.5] if first else [0.5, 1.0] for first in lower]


def test_tables_have_exactly_the_documented_columns(photos, tiny):
    trace = ps.trace(ATTACKS["over-optimized"](), tiny, photos, victims=[Tiny(1)])
    assert trace.steps.schema == schema.polars_schema(schema.STEPS)
    assert trace.transfers.schema == schema.polars_schema(schema.TRANSFERS)
    alone = ps.trace(ATTACKS["over-optimized"](), tiny, photos)
    assert alone.transfers.schema == schema.polars_schema(schema.TRANSFERS)
    assert alone.transfers.height == 0


def test_fewer_classes_than_kept_logits(normalized):
    network = Tiny(classes=3)
    trace = ps.trace(ATTACKS["multi-class"](), network, make_set(network))
    assert trace.steps["ca4"].null_count() == trace.steps.height
    assert trace.steps["ca3"].null_count() == 0


def test_black_box_victims_see_uint8(photos, tiny):
    seen = []

    def victim(images):
        seen.append(images)
        return Tiny(1)(images.float() / 255).detach().numpy()

    trace = ps.trace(ATTACKS["over-optimized"](), tiny, photos, victims=[victim])
    other = ps.trace(ATTACKS["over-optimized"](), tiny, photos, victims=[Classifier(Tiny(1), name="victim")])
    assert trace.transfers.equals(other.transfers)
    assert {images.dtype for images in seen} == {torch.uint8}


def test_models_of_one_name_are_numbered(photos, tiny):
    trace = ps.trace(ATTACKS["over-optimized"](1), tiny, photos, victims=[Tiny(1), Tiny(2)])
    assert trace.transfers["victim"].unique().sort().to_list() == ["Tiny-2", "Tiny-3"]


def test_given_and_drawn_targets(photos, tiny):
    other = (photos.labels + 1) % CLASSES
    attack = ATTACKS["over-optimized"]()
    trace = ps.trace(attack, tiny, photos, targets=other)
    assert trace.steps.filter(iteration=0)["targets"].to_list() == [[t] for t in other.tolist()]
    with pytest.raises(AttackError, match="'image0' is its true class"):
        ps.trace(attack, tiny, photos, targets=photos.labels)
    with pytest.raises(AttackError, match="out of range: classes are 0 to 6"):
        ps.trace(attack, tiny, photos, targets=CLASSES)
    with pytest.raises(AttackError, match="do not give 2 classes"):
        ps.trace(ATTACKS["multi-class"](), tiny, photos, targets=other)


def test_runner_up_as_second_target(photos, tiny):
    trace = ps.trace(ps.attacks.multi_class(2, second_target="runner-up"), tiny, photos)
    uniform = ps.trace(ATTACKS["over-optimized"](2), tiny, photos)
    first = [row[0] for row in uniform.steps.filter(iteration=0)["targets"]]
    with torch.no_grad():
        logits = tiny(photos.images.float() / 255)
    for row, target, label, z in zip(
        trace.steps.filter(iteration=0)["targets"], first, photos.labels, logits, strict=True
    ):
        others = [c for c in z.argsort(descending=True).tolist() if c not in (target, int(label))]
        assert row.to_list() == [target, others[0]]


def test_a_linf_ball_holds_the_float_image(photos, tiny):
    attack = dataclasses.replace(ATTACKS["over-optimized"](10), constraint=ps.attacks.LinfBall(8 / 255))
    trace = ps.trace(attack, tiny, photos)
    assert trace.steps["linf"].max() == 8


class Broken(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(Tiny()(x))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda z: z * float("nan"), "returned NaN or infinity for all of 5 images"),
        (lambda z: z.softmax(1), "returns probabilities, not logits"),
        (lambda z: z.log_softmax(1), "returns log-probabilities, not logits"),
        (lambda z: z[0], r"returned \(7,\) for 5 images"),
        (lambda z: z @ z, r"failed on images \(5, 3, 6, 6\): RuntimeError"),
        (lambda z: z[:, :4], "different numbers of classes: Tiny 7, Broken 4"),
    ],
)
def test_a_model_that_does_not_answer_with_logits_is_named(answer, message, photos, tiny):
    with pytest.raises(ModelError, match=message):
        ps.trace(ATTACKS["over-optimized"](), tiny, photos, victims=[Broken(answer)])


def test_nan_for_one_image_stops_nothing(photos, tiny):
    class Picky(nn.Module):
        def forward(self, x):
            z = tiny(x)
            factor = torch.ones(len(z), 1)
            factor[2] = float("nan")
            return z * factor

    with pytest.warns(PresoftmaxWarning, match="for 1 examples on the source and for 0 on victims"):
        trace = ps.trace(ATTACKS["over-optimized"](), Picky(), photos, victims=[Tiny(1)])
    clean = ps.trace(ATTACKS["over-optimized"](), tiny, photos, victims=[Tiny(1)])
    others = pl.col("example") != "image2"
    assert trace.steps.drop("source").filter(others).equals(clean.steps.drop("source").filter(others))
    assert trace.steps.filter(~others)["predicted"].to_list() == [schema.NOT_FINITE] * 5
    assert torch.equal(trace.images[2], photos.images[2])


def test_input_errors(photos, tiny):
    attack = ATTACKS["over-optimized"]()
    with pytest.raises(DataError, match="labels are missing"):
        ps.trace(attack, tiny, make_images())
    with pytest.raises(DataError, match="uint8"):
        ps.trace(attack, tiny, make_images().float(), photos.labels)
    with pytest.raises(DataError, match="label 7 of image 'b' is out of range: the model has classes 0 to 6"):
        ps.trace(attack, tiny, make_images(2), [0, 7], ids=["a", "b"])
    with pytest.raises(TypeError, match="needs its gradient"):
        ps.trace(attack, lambda x: x, photos)
    with pytest.raises(AttackError, match="iterations are 0 to 4, got"):
        ps.trace(attack, tiny, photos, keep=[9])
    with pytest.raises(DataError, match="no images"):
        ps.trace(attack, tiny, photos.select([]))


def overconfident(photos):
    """A network whose softmax is saturated on its own clean photos."""
    network = Tiny()
    with torch.no_grad():
        network.head.weight.mul_(40)
        network.head.bias.mul_(40)
    return network, make_set(network, count=len(photos))


def test_a_vanished_gradient_is_counted_and_warned_about_once(photos):
    network, mine = overconfident(photos)
    attack = attacks.Attack(
        "pgd", attacks.CrossEntropy(targeted=False), attacks.SignStep(2 / 255), 5, space=attacks.Space.PIXEL
    )
    with pytest.warns(PresoftmaxWarning, match="the gradient vanished for 5 examples, first at iteration 0") as seen:
        trace = ps.trace(attack, network, mine)
    assert len(seen) == 1
    first = trace.steps.filter(iteration=0)
    assert first["saturated"].all()
    assert first["gradient_vanished"].all()
    assert not trace.steps.filter(iteration=5)["gradient_vanished"].any()
    margin = dataclasses.replace(attack, objective=attacks.TargetMargin())
    assert not ps.trace(margin, network, mine).steps["gradient_vanished"].any()


def test_a_flat_network_is_refused(photos, tiny):
    class Flat(nn.Module):
        def forward(self, x):
            return tiny(x.detach()) + 0 * x.sum((1, 2, 3))[:, None]

    with pytest.raises(ModelError, match="source Flat has a gradient of exactly 0 in every pixel"):
        ps.trace(ATTACKS["over-optimized"](), Flat(), photos)
