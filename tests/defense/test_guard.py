"""The guard: a module that answers and warns, its export, and its file."""

import json

import onnxruntime
import pytest
import torch

import presoftmax as ps
from presoftmax.defense import DETECTORS, Guard, MaxLogit, load_guard, make_detector, save_guard
from presoftmax.errors import DataError
from tests.conftest import SIZE, Tiny, make_images

NATURAL = make_images(80, seed=3)
ONE_PASS = [name for name in DETECTORS if len(make_detector(name).views) == 1]


def guard_of(name="fisher", fpr=0.1, network=None):
    network = network or Tiny()
    return Guard(network, make_detector(name).fit(network, NATURAL), fpr)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("floats", [False, True], ids=["uint8", "float"])
def test_it_answers_as_the_model_does_and_flags_as_the_detector_does(name, floats):
    network, images = Tiny(), make_images(12, seed=8)
    guard = guard_of(name, 0.2, network)
    logits, flagged = guard(images.float() / 255 if floats else images)
    assert torch.allclose(logits, network(images.float() / 255), atol=1e-5)
    assert torch.equal(flagged, guard.detector.p_value(network, images) <= 0.2)


def test_a_black_box_can_be_guarded():
    network = Tiny()
    asked = []

    def service(images):
        asked.append(images.dtype)
        with torch.no_grad():
            return network(images.float() / 255)

    guard = Guard(service, make_detector("margin-left").fit(service, NATURAL), 0.1)
    _, flagged = guard(make_images(4))
    assert flagged.shape == (4,)
    assert set(asked) == {torch.uint8}


def test_broken_logits_are_flagged():
    class Broken(Tiny):
        def forward(self, x):
            logits = super().forward(x)
            return torch.where(x[:, :1, 0, 0] > 0.999, torch.nan, logits)

    network = Broken()
    guard = guard_of("max-logit", network=network)
    images = make_images(3)
    images[1, 0, 0, 0] = 255
    images[[0, 2], 0, 0, 0] = 0
    assert guard(images)[1][1].item() is True


def test_it_says_what_it_costs_and_how_sure_it_is():
    assert "11 forward passes an image" in repr(guard_of("fisher"))
    assert "between 0.02" in repr(guard_of("max-logit")) or "by chance" in repr(guard_of("max-logit"))
    with pytest.raises(DataError, match="takes 99 natural images"):
        guard_of("max-logit", 0.01)
    with pytest.raises(TypeError, match="a fitted Detector, not str"):
        Guard(Tiny(), "fisher")


@pytest.mark.parametrize("name", ONE_PASS)
def test_a_guard_of_logits_only_is_exported(name, tmp_path):
    network = ps.Classifier(Tiny(), mean=(0.4, 0.5, 0.3), std=(0.2, 0.3, 0.25))
    guard = guard_of(name, 0.2, network).eval()
    images = make_images(6, seed=5).float() / 255
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(guard, (images,), dynamic_shapes=({0: batch},))
    logits, flagged = exported.module()(images[:4])
    wanted = guard(images[:4])
    assert torch.allclose(logits, wanted[0], atol=1e-5)
    assert torch.equal(flagged, wanted[1])


@pytest.mark.parametrize("name", ["max-logit", "mahalanobis", "log-odds"])
def test_it_runs_as_onnx(name, tmp_path):
    guard = guard_of(name, 0.2, ps.Classifier(Tiny())).eval()
    images = make_images(6, seed=5).float() / 255
    path = tmp_path / "guard.onnx"
    torch.onnx.export(guard, (images,), path, dynamo=False, input_names=["images"], output_names=["logits", "flagged"])
    logits, flagged = onnxruntime.InferenceSession(path).run(None, {"images": images.numpy()})
    wanted = guard(images)
    assert torch.allclose(torch.from_numpy(logits), wanted[0], atol=1e-4)
    assert flagged.tolist() == wanted[1].tolist()


def saved(path, name="fisher", network=None):
    guard = guard_of(name, 0.1, network)
    save_guard(guard, path, (SIZE, SIZE), name, None, "here")
    return guard


@pytest.mark.parametrize("ending", [".json", ".safetensors"])
@pytest.mark.parametrize("name", [*DETECTORS, "max-logit+margin-left"])
def test_a_file_gives_the_same_guard(name, ending, tmp_path):
    path = tmp_path / f"guard{ending}"
    guard = saved(path, name)
    again = load_guard(path, Tiny())
    images = make_images(20, seed=9)
    assert torch.equal(guard.detector.calibration, again.detector.calibration)
    assert torch.equal(guard.detector.score(guard.model, images), again.detector.score(guard.model, images))
    assert torch.equal(guard(images)[1], again(images)[1])
    assert again.fpr == guard.fpr


@pytest.mark.parametrize("ending", [".json", ".safetensors"])
def test_it_is_refused_for_another_model(ending, tmp_path):
    path = tmp_path / f"guard{ending}"
    saved(path, "energy")
    with pytest.raises(DataError, match="answers otherwise"):
        load_guard(path, Tiny(seed=1))
    with pytest.raises(DataError, match="with 7 classes, not on .* with 9"):
        load_guard(path, Tiny(classes=9))
    with pytest.raises(DataError, match="no name to load it by"):
        load_guard(path)


def without(key):
    return lambda content: content.pop(key)


def changed(**values):
    return lambda content: content.update(values)


DAMAGES = {
    "version 2 of a guard": changed(version=2),
    "not a guard": changed(kind="something"),
    "not whole": without("fpr"),
    "not whole .*rate": changed(fpr=3),
    "not whole .*probe": lambda content: content["arrays"].pop("probe"),
    "not whole .*known of energy": lambda content: content["arrays"].pop("detector.calibration"),
    "not whole .*no detector": changed(detector="qq"),
    "not whole .*size": changed(size=[0, 1]),
    "not whole .*no part": lambda content: content["arrays"].update({"detector.x.y": content["arrays"]["probe"]}),
    "not whole .*finite": lambda content: content["arrays"].update(
        {"detector.calibration": {"shape": [1], "base64": "AAAAAAAA+H8="}}
    ),
    "not a guard .*": lambda content: content["arrays"]["probe"].update(base64="???"),
    "not a guard .*reshape": lambda content: content["arrays"]["probe"].update(shape=[3]),
}


@pytest.mark.parametrize("said", DAMAGES)
def test_a_damaged_file_is_told_in_one_line(said, tmp_path):
    path = tmp_path / "guard.json"
    saved(path, "energy")
    content = json.loads(path.read_text())
    DAMAGES[said](content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said):
        load_guard(path, Tiny())


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "null", '{"kind": "presoftmax guard"}'])
@pytest.mark.parametrize("ending", [".json", ".safetensors"])
def test_what_is_no_guard_is_told_in_one_line(text, ending, tmp_path):
    path = tmp_path / f"x{ending}"
    path.write_text(text)
    with pytest.raises(DataError, match=f"x{ending}: ") as error:
        load_guard(path, Tiny())
    assert "\n" not in str(error.value)


def test_a_guard_is_written_as_json_or_safetensors(tmp_path):
    guard = Guard(Tiny(), MaxLogit().fit(Tiny(), NATURAL), 0.1)
    with pytest.raises(DataError, match=r"as \.json or \.safetensors"):
        save_guard(guard, tmp_path / "guard.pkl", (SIZE, SIZE), "max-logit", None, "here")
    assert list(tmp_path.iterdir()) == []
