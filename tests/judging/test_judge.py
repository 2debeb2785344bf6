"""The answer in one call: whatever the images come in, the same numbers; what is printed, drawn and written."""

import json
from dataclasses import fields, replace
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import presoftmax as ps
from presoftmax import attacks
from presoftmax.errors import DataError, PresoftmaxWarning, RunError
from presoftmax.models import Classifier
from presoftmax.strength import TransferPredictor
from tests.analysis.test_prediction import points
from tests.conftest import CLASSES, Tiny, make_set

COUNT = 24
pytestmark = pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")


@pytest.fixture(scope="module")
def case():
    network = Tiny(0)
    photos = make_set(network, COUNT)
    adversarial = ps.trace(attacks.bim(20, epsilon=16 / 255, alpha=2 / 255), network, photos).images
    return network, photos, adversarial


def by_hand(network, photos, adversarial, **options):
    return ps.judge(network, photos.images, adversarial, photos.labels, **options)


FORMS = (
    "bytes", "floats", "doubles, arrays",
    "channels last", "lists", "a set", "loaders", "a dataset", "a loader of dicts",
    "files", "a file of a list", "labels that are whole floats", "whole numbers",
)  # fmt: skip


def forms(photos, adversarial, folder):
    clean, labels = photos.images, photos.labels
    floats, other = clean.float() / 255, adversarial.float() / 255
    dicts = [{"image": image, "label": label} for image, label in zip(floats, labels, strict=True)]
    np.savez(folder / "c.npz", images=clean.numpy(), labels=labels.numpy())
    np.save(folder / "a.npy", adversarial.numpy())
    torch.save([adversarial], folder / "a.pt")
    return {
        "bytes": (clean, adversarial, labels),
        "floats": (floats, other, labels),
        "doubles, arrays": (floats.double().numpy(), other.double().numpy(), labels.numpy()),
        "channels last": (clean.permute(0, 2, 3, 1), adversarial.permute(0, 2, 3, 1).numpy(), labels),
        "lists": (list(floats), list(other), labels.tolist()),
        "a set": (ps.ImageSet.from_arrays(clean, labels), adversarial, None),
        "loaders": (
            DataLoader(TensorDataset(floats, labels), batch_size=7),
            DataLoader(TensorDataset(other), batch_size=5),
            None,
        ),
        "a dataset": (TensorDataset(floats, labels), other, None),
        "a loader of dicts": (DataLoader(dicts, batch_size=4), other, None),
        "files": (folder / "c.npz", str(folder / "a.npy"), None),
        "a file of a list": (folder / "c.npz", folder / "a.pt", labels),
        "whole numbers": (clean.int(), adversarial.long().numpy(), labels),
        "labels that are whole floats": (clean, adversarial, labels.double()),
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_numbers(case, tmp_path, form):
    network, photos, adversarial = case
    expected = by_hand(network, photos, adversarial).table.drop("example")
    clean, changed, labels = forms(photos, adversarial, tmp_path)[form]
    found = ps.judge(network, clean, changed, labels).table.drop("example")
    assert found.equals(expected), form


def test_normalization_is_given_beside_the_images(case):
    network, photos, adversarial = case
    mean, std = (0.4, 0.5, 0.3), (0.2, 0.3, 0.25)
    inner = torch.nn.Sequential(Scaled(mean, std), network)
    found = by_hand(inner, photos, adversarial, mean=mean, std=std)
    expected = by_hand(network, photos, adversarial)
    assert np.allclose(found.table["ca1"], expected.table["ca1"], rtol=1e-4)


class Scaled(torch.nn.Module):
    """Undoes a normalization, so that what comes out is what went in before it."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = (torch.tensor(each).view(1, 3, 1, 1) for each in (mean, std))

    def forward(self, x):
        return x * self.std + self.mean


def test_images_that_were_wrong_before_count_nowhere(case):
    network, photos, adversarial = case
    labels = photos.labels.clone()
    labels[:5] = (labels[:5] + 1) % CLASSES
    found = ps.judge(network, photos.images, adversarial, labels, victims={"v": Tiny(5)})
    assert found.table["verdict"].head(5).to_list() == ["wrong before the attack"] * 5
    assert found.table["rank"].head(5).is_null().all()
    assert found.summary.wrong_before == 5
    assert found.summary.adversarial.of == COUNT - 5
    assert found.summary.transfer["v"].all.of == found.table["adversarial"].sum()
    ranks = found.table.filter("adversarial").sort("rank")
    assert ranks["misclassification_log_odds"].is_sorted(descending=True)
    assert ranks["rank"][0] == 1


def test_without_labels_the_sources_own_answers_count(case):
    network, photos, adversarial = case
    with pytest.warns(PresoftmaxWarning, match="own answers to the clean images"):
        found = ps.judge(network, photos.images, adversarial)
    assert found.table["label"].to_list() == photos.labels.tolist()


def shuffling(*tensors):
    return DataLoader(TensorDataset(*tensors), shuffle=True)


REFUSED = {
    "a loader that shuffles": (lambda c, a, y: (shuffling(c, y), a, None), "shuffle=False"),
    "normalized floats": (lambda c, a, y: (c.float() / 128 - 1, a, y), "clean: float .*undo the normalization"),
    "floats of bytes": (lambda c, a, y: (c, a.float(), y), "adversarial: float images from 0 to .*divide by 255"),
    "logical images": (lambda c, a, y: (c > 9, a, y), "clean: images of bool"),
    "another count": (lambda c, a, y: (c, a[:-1], y), "each needs its clean image"),
    "another size": (lambda c, a, y: (c, a[..., :-1], y), "each needs its clean image in the same size"),
    "transparent": (lambda c, a, y: (torch.cat([c, c[:, :1]], 1), a, y), "clean: images .*transparency"),
    "too few labels": (lambda c, a, y: (c, a, y[:-1]), "labels must be int64"),
    "labels between classes": (lambda c, a, y: (c, a, y + 0.7), "labels: .* of image 0 is no class number"),
    "logical labels": (lambda c, a, y: (c, a, y > 2), "labels must be whole numbers"),
    "one-hot labels": (lambda c, a, y: (c, a, torch.nn.functional.one_hot(y)), "labels must be whole numbers"),
    "a label out of range": (lambda c, a, y: (c, a, y + CLASSES), "out of range"),
    "no image": (lambda c, a, y: (c[:0], a[:0], y[:0]), "there is no image in it"),
    "text": (lambda c, a, y: (c, "nowhere.npz", y), "nowhere.npz"),
    "an object": (lambda c, a, y: (object(), a, y), "clean: "),
    "images of many sizes": (lambda c, a, y: ([c[0], c[1][:, 1:]], a, y), "clean: a list"),
    "an empty loader": (lambda c, a, y: (DataLoader([]), a, y), "the loader is empty"),
    "a loader of other names": (lambda c, a, y: (DataLoader([{"z": c[0]}]), a, y), "the loader gives z"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(case, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, photos, adversarial = case
    change, words = REFUSED[kind]
    with pytest.raises(DataError, match=words) as caught:
        ps.judge(network, *change(photos.images, adversarial, photos.labels))
    assert "\n" not in str(caught.value)


def test_it_prints_a_few_lines_and_draws_in_a_notebook(case):
    network, photos, adversarial = case
    names = ["<b>bold</b>", *"bcdefg"]
    victims = {f"v{i}": Tiny(5) for i in range(20)}
    found = by_hand({"<i>net</i>": network}, photos, adversarial, victims=victims, classes=names)
    text = repr(found)
    assert text.count("\n") < 12
    assert text.splitlines()[0] == f"{COUNT} examples made on <i>net</i>"
    assert text.splitlines()[-1].startswith("  confidence, median")
    html = found._repr_html_()
    assert "<i>" not in html
    assert "data:image/png;base64," in html
    HTMLParser().feed(html)


def test_a_folder_holds_page_figures_and_tables_that_a_spreadsheet_reads(case, tmp_path):
    network, photos, adversarial = case
    found = by_hand(network, photos, adversarial, victims={"v": Tiny(5)}, classes=["<script>x", *"bcdefg"])
    page = found.save(str(tmp_path / "out"))
    text = page.read_text()
    assert "<script>x" not in text
    assert "taken for" in text
    for name in ("strength", "transfers", "survival", "natural"):
        table, sheet = (
            pl.read_parquet(tmp_path / "out" / f"{name}.parquet"),
            pl.read_csv(tmp_path / "out" / f"{name}.csv"),
        )
        assert sheet.columns == table.columns
        assert sheet.height == table.height
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert summary["adversarial"]["hits"] == found.summary.adversarial.hits
    assert {path.name for path in (tmp_path / "out" / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("judged", "strength") for kind in ("png", "svg")
    }
    with pytest.raises(RunError, match="exists already"):
        found.save(tmp_path / "out")


def test_a_plot_goes_where_it_is_wanted(case, tmp_path):
    network, photos, adversarial = case
    found = by_hand(network, photos, adversarial)
    found.plot(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ValueError, match=r"a.xyz: no format of a figure"):
        found.plot(str(tmp_path / "a.xyz"))


@pytest.mark.parametrize("count", [1, 2])
def test_few_examples_and_none_that_is_adversarial(count, tmp_path):
    network = Tiny(0)
    photos = make_set(network, count)
    with pytest.warns(PresoftmaxWarning, match="equal to its clean one"):
        found = ps.judge(network, photos, photos.images)
    assert found.summary.adversarial.hits == 0
    assert "none to tell of" in repr(found)
    assert found.save(tmp_path / "out").is_file()


def test_a_reference_is_taken_from_its_file(case, tmp_path):
    network, photos, adversarial = case
    source = Classifier(network, name="net")
    with torch.no_grad():
        ps.NaturalReference.fit("net", source(photos.images)).save(tmp_path / "natural.json")
    found = by_hand(source, photos, adversarial, natural=tmp_path / "natural.json")
    assert found.table["natural_images"][0] == COUNT
    assert found.table["log_tail_probability"].is_not_null().all()


@pytest.fixture(scope="module")
def probed():
    """Sixty probes of a victim, half of which fool it."""
    net, victim, other = Tiny(), Tiny(seed=1), Tiny(seed=2)
    photos = make_set(net, 90)
    changed = ps.trace(attacks.margin_pgd(20, epsilon=16 / 255, alpha=2 / 255), net, photos).images
    return by_hand(net, photos, changed, victims={"theirs": victim}, surrogates={"mine": other})


def test_probes_bring_a_predictor_to_their_victim(probed):
    predictor = TransferPredictor.fit(points(), CLASSES, "a panel")
    found = probed.calibrated(predictor, "theirs")
    counted = probed.table.filter(pl.col("fooled") & (pl.col("predicted_clean") == pl.col("label")))["example"]
    assert (found.calibration.victim, found.calibration.probes) == ("theirs", len(counted))
    # What is known of the probes, and what the victim said of them, in one order: as calibrated by hand.
    wrong = {row["example"]: row["misclassified"] for row in probed.transfers.iter_rows(named=True)}
    rows = [i for i, example in enumerate(probed.table["example"]) if example in set(counted)]
    known = probed.measured.surrogates.known
    mine = replace(known, **{each.name: getattr(known, each.name)[rows] for each in fields(known)})
    by_hand = predictor.calibrate("theirs", mine, CLASSES, np.array([wrong[example] for example in counted]))
    assert found.calibration == by_hand.calibration


@pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")
def test_what_gives_no_probes_is_told(probed):
    predictor = TransferPredictor.fit(points(), CLASSES, "a panel")
    with pytest.raises(DataError, match=r"no victim 'yours'; there are theirs"):
        probed.calibrated(predictor, "yours")
    net = Tiny()
    photos = make_set(net, 5)
    with pytest.raises(DataError, match=r"judge\(..., surrogates=...\)"):
        by_hand(net, photos, photos.images, victims={"v": Tiny(seed=1)}).calibrated(predictor, "v")
    few = by_hand(net, photos, photos.images, victims={"v": Tiny(seed=1)}, surrogates={"s": Tiny(seed=2)})
    with pytest.raises(DataError, match="labelled probes"):
        few.calibrated(predictor, "v")
