"""The fast path: the same function, checked before it is used, and chosen by measuring."""

import copy
import logging

import pytest
import torch
from torch import nn

import presoftmax as ps
from presoftmax.choices import Precision
from presoftmax.errors import ModelError
from presoftmax.models import AS_GIVEN, Classifier, ModelVariant, accelerate, as_variant
from presoftmax.models.fast import as_portable
from presoftmax.models.fast._simplify import simplified
from presoftmax.models.fast.acceleration import _Trial, fastest_variant, usual_variant
from presoftmax.tracing import stream
from tests.conftest import make_images

USUAL = ModelVariant(simplified=True, channels_last=True)
FUSED = ModelVariant(simplified=True, channels_last=True, fused=True)


def batch_normed() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3, bias=False), nn.BatchNorm2d(4),
        nn.Flatten(), nn.Linear(4 * 16, 3),
    )  # fmt: skip
    for module in network:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight)
            nn.init.uniform_(module.bias)
    return network.eval()


def residual():
    """Activations on convolutions, sums and batch norms, as modules, functions and methods; one that must stay."""

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.six = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU6()
            self.norm, self.head = nn.BatchNorm2d(6), nn.Linear(6 * 64, 7)
            self.norm.running_mean.uniform_(-1, 1)

        def forward(self, x):
            first = self.one(x)
            kept = first.relu()
            second = nn.functional.relu(self.two(kept) + kept)
            third = torch.relu(self.norm(self.six(self.two(second))))
            return self.head((third + first).flatten(1))

    torch.manual_seed(3)
    return Residual().eval()


def padded():
    """Padding in modules of their own inside convolutions: even, one more at the end, and too odd to fold."""

    class Same(nn.Conv2d):
        def __init__(self, *args, pad, **options):
            super().__init__(*args, **options)
            self.static_padding = nn.ZeroPad2d(pad)

        def forward(self, x):
            return nn.functional.conv2d(self.static_padding(x), self.weight, self.bias, self.stride, 0, 1, self.groups)

    torch.manual_seed(4)
    return nn.Sequential(
        Same(3, 6, 3, pad=(1, 1, 1, 1)), nn.ReLU6(), Same(6, 6, 3, 2, pad=(0, 1, 0, 1), groups=6), nn.BatchNorm2d(6),
        nn.ReLU6(), Same(6, 6, 5, 2, pad=(1, 2, 1, 2), groups=6, bias=False), Same(6, 6, 3, 2, pad=(0, 1, 0, 1)),
        Same(6, 6, 1, pad=(0, 2, 0, 2), groups=6), nn.Flatten(), nn.Linear(6 * 9, 4),
    ).eval()  # fmt: skip


def test_padding_is_done_by_the_convolutions_where_that_is_exact():
    layers = [module for module in simplified(padded()).modules() if isinstance(module, nn.Conv2d)]
    assert [type(layer) is nn.Conv2d for layer in layers] == [True, True, True, False, False]
    assert [layer.kernel_size for layer in layers[:3]] == [(3, 3), (4, 4), (6, 6)]
    assert [tuple(layer.padding) for layer in layers[:3]] == [(1, 1), (1, 1), (2, 2)]


@pytest.mark.parametrize("make", [batch_normed, residual, padded])
def test_a_simplified_network_is_the_same_function_with_the_same_gradient(make):
    network = make()
    before = copy.deepcopy(network.state_dict())
    fast = simplified(network)
    results = []
    for each in (network, fast):
        images = make_images(3, size=8).float().div(255).requires_grad_()
        logits = each(images)
        results.append((logits, torch.autograd.grad(logits.square().sum(), images)[0]))
    for got, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


def test_batch_norms_are_folded_and_activations_in_place():
    assert not any(isinstance(module, nn.BatchNorm2d) for module in simplified(batch_normed()).modules())
    network = residual()
    code = simplified(network).code
    assert code.count("relu_(") == 2, code
    assert code.count("relu6_(") == 1, code
    assert "first.relu" not in code
    assert ".relu()" in code, "the output of the first convolution is used twice"


@pytest.mark.parametrize("variant", [USUAL, FUSED, ModelVariant(simplified=True, channels_last=True, bfloat16=True)])
def test_a_copy_shares_the_weights_it_leaves_alone_and_changes_none(variant):
    network = batch_normed()
    given = copy.deepcopy(network.state_dict())
    copied = as_variant(Classifier(network), variant).network
    places = {parameter.data_ptr() for parameter in copied.parameters()}
    assert (network[-1].weight.data_ptr() in places) != variant.bfloat16
    for name, value in network.state_dict().items():
        assert value.dtype == given[name].dtype
        assert torch.equal(value, given[name])
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(parameter.requires_grad for parameter in copied.parameters())


def test_a_network_trained_after_it_was_prepared_is_refused():
    network = batch_normed()
    images = make_images(2, size=8)
    job = ps.prepare(ps.attacks.pgd(2), network, images, torch.zeros(2, dtype=torch.long), accelerate=True)
    assert [block.iteration for block in stream(job)] == [job.attack.steps]
    loss = network(images.float() / 255).square().sum()
    loss.backward()
    torch.optim.SGD(network.parameters(), 0.01).step()
    with pytest.raises(ModelError, match="the weights of Sequential were changed after the attack was prepared"):
        next(stream(job))


def test_what_cannot_be_simplified_stays_as_it_is(caplog):
    class Standardized(nn.Conv2d):
        def forward(self, x):
            return nn.functional.conv2d(x, self.weight / self.weight.norm(), self.bias)

    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = batch_normed()

        def forward(self, x):
            return self.body(x) if x.mean() > 0 else self.body(-x)

    odd = batch_normed()
    odd[0] = Standardized(3, 8, 3)
    hooked = batch_normed()
    hooked[0].register_forward_hook(lambda *_: None)
    noisy = nn.Sequential(Noise(), batch_normed())
    images = make_images(2, size=8)
    for network, why in (
        (odd, "its logits differ by"),
        (Branching().eval(), "symbolically traced variables cannot be used as inputs to control flow"),
        (hooked, "it has hooks"),
        (noisy, "its logits differ by"),
    ):
        model = Classifier(network, name="odd")
        with caplog.at_level(logging.INFO, "presoftmax"):
            assert usual_variant(model, images, gradient=True) is model
            found, choice = fastest_variant(model, images, gradient=True)
        assert found is model
        assert choice.variant == AS_GIVEN
        assert "odd does not run simplified+channels_last" in caplog.text
        assert why in choice.refused[str(USUAL)]
        assert why in choice.refused[str(FUSED)]
        caplog.clear()
    assert as_portable(unsized := Classifier(batch_normed())) is unsized


class Noise(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)


def test_the_fastest_path_is_taken_and_why_is_said(monkeypatch, caplog):
    model, images = Classifier(batch_normed(), name="net"), make_images(2, size=8)
    pace = {str(FUSED): 1.2, str(USUAL): 1.0, "simplified": 0.5, "as given": 0.49}
    monkeypatch.setattr(_Trial, "seconds", lambda self, found: pace[str(found.variant)])
    with caplog.at_level(logging.INFO, "presoftmax"):
        found, choice = fastest_variant(model, images, gradient=True)
    assert choice.variant == found.variant == ModelVariant(simplified=True), "two percent are no reason"
    assert choice.milliseconds == {name: 500 * each for name, each in pace.items()}
    assert choice.error < 1e-5
    assert "net runs simplified; ms an image" in caplog.text
    pace["as given"] = 0.4
    assert fastest_variant(model, images, gradient=True)[0] is model


def test_fast_may_be_bfloat16_and_answers_in_float32():
    model, images = Classifier(batch_normed()), make_images(2, size=8)
    half = as_variant(model, ModelVariant(simplified=True, channels_last=True, bfloat16=True))
    assert {parameter.dtype for parameter in half.network.parameters()} == {torch.bfloat16}
    logits = half(images)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, model(images), rtol=0.05, atol=0.05)
    choice = fastest_variant(model, images, Precision.FAST, gradient=True)[1]
    assert "simplified+channels_last+bfloat16" in choice.milliseconds
    assert "simplified+channels_last+bfloat16" not in fastest_variant(model, images, gradient=True)[1].milliseconds
    with pytest.raises(ValueError, match="does not come back"):
        as_variant(half, AS_GIVEN)


def test_what_comes_before_fused_convolutions_is_not_rounded_to_bfloat16():
    class Resizing(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = batch_normed()
            self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))

        def forward(self, x):
            return self.body(nn.functional.interpolate(x, (8, 8), mode="bicubic", antialias=True) - self.mean)

    model, images = Classifier(Resizing().eval()), make_images(2, size=11)
    choice = fastest_variant(model, images, Precision.FAST, gradient=True)[1]
    assert "not implemented for 'BFloat16'" in choice.refused["simplified+channels_last+bfloat16"]
    assert "simplified+channels_last+fused+bfloat16" in choice.milliseconds


def test_a_loaded_network_can_be_copied_and_moved_and_a_fused_one_stays_fused():
    model = Classifier(batch_normed(), preprocessing=ps.data.Preprocessing(size=8))
    assert as_portable(model).variant == USUAL
    fused = usual_variant(model, make_images(1, size=8), gradient=True)
    assert fused.variant == FUSED
    assert as_variant(fused, FUSED) is fused
    with pytest.raises(ValueError, match="cannot be taken apart"):
        as_variant(fused, USUAL)
    flat = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4)))
    with pytest.raises(ValueError, match="no convolutions"):
        as_variant(flat, FUSED)


def test_memory_too_small_for_all_images_tries_fewer():
    class Hungry(nn.Module):
        def __init__(self, most):
            super().__init__()
            self.body, self.most = batch_normed(), most

        def forward(self, x):
            if len(x) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return self.body(x)

    fx_wrapped = nn.Sequential(Hungry(2))
    shown = []
    handle = fx_wrapped.register_forward_pre_hook(lambda module, given: shown.append(len(given[0])))
    model = Classifier(fx_wrapped)
    found = accelerate(model, make_images(8, size=8), Precision.FAST, gradient=True, passes=1)
    handle.remove()
    assert found is model, "a length that decides cannot be traced"
    assert shown[:3] == [8, 4, 2]
    assert accelerate(Classifier(Hungry(0)), make_images(2, size=8), gradient=False, passes=60).variant == AS_GIVEN


@pytest.mark.parametrize("variant", [AS_GIVEN, USUAL, FUSED, ModelVariant(bfloat16=True)])
def test_paths_have_names(variant):
    assert ModelVariant.parse(str(variant)) == variant


def test_a_long_trace_takes_the_fast_path_and_its_records_are_those_of_the_model():
    network = batch_normed()
    images = make_images(6, size=8)
    with torch.no_grad():
        labels = network(images.float() / 255).argmax(1)
    attack = ps.attacks.over_optimized(600, 0.05)
    trace = ps.trace(attack, network, images, labels, victims=[batch_normed()], keep=[0, 300])
    assert trace.job.source.variant.simplified
    assert trace.job.describe()["variants"] == {
        "Sequential": str(trace.job.source.variant), "Sequential-2": str(trace.job.victims[0].variant)
    }  # fmt: skip
    for iteration in (0, 300, 600):
        with torch.no_grad():
            logits = network(trace.images_at(iteration).float() / 255)
        recorded = trace.steps.filter(iteration=iteration)["ca1"].to_list()
        assert recorded == pytest.approx(logits.amax(1).tolist(), rel=1e-4)
    plain = ps.trace(attack, network, images, labels, accelerate=False)
    assert plain.job.source.network is network
    short = ps.trace(ps.attacks.over_optimized(3, 0.05), network, images, labels)
    assert short.job.source.network is network
    fast = ps.trace(ps.attacks.over_optimized(3, 0.05), network, images, labels, precision="fast")
    assert fast.job.describe()["precision"] == "fast"
    with pytest.raises(ValueError, match="precision must be exact or fast, got 'quick'"):
        ps.trace(attack, network, images, labels, precision="quick")


def test_a_gpus_rounding_to_tf32_is_a_choice():
    flags = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    for enabled in (False, True):
        with ps.models.tf32(enabled):
            assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == enabled
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == flags
