"""Studies go on where they stopped, whatever stopped them, and come to the same rows."""

import errno
import json
import multiprocessing
import random
import time

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from presoftmax.analysis import log_spaced
from presoftmax.errors import DataError, ModelError, RunError, StudyError
from presoftmax.models.variants import candidates
from presoftmax.storage import _disk
from presoftmax.strength import COPIES
from presoftmax.study import plan as plan_module
from presoftmax.study.config import StudyConfig
from presoftmax.study.engines.local import LocalEngine
from presoftmax.study.folder import StudyFolder
from presoftmax.study.results import Results
from presoftmax.study.run import run_study
from presoftmax.study.status import status_of
from presoftmax.study.summary import summarize
from presoftmax.study.tasks import SHOWN_ITERATIONS
from presoftmax.study.units import Unit
from presoftmax.tables.schema import NATURAL, NOISE, NOT_FINITE, STEPS, TRANSFERS, polars_schema
from tests.study.conftest import FRAGILE, model, run, tables
from tests.study.panel import Net


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert_frame_equal(a, b)


def test_a_study_has_every_row_once(study, tmp_path):
    config = study()
    folder = run(config, tmp_path / "a")
    steps, transfers, noise = tables(folder)
    assert steps.height == 16 * 13 * 3 * 2
    assert transfers.height == 2 * steps.height
    assert steps.select("attack", "source", "example", "iteration").is_duplicated().sum() == 0
    for frame, columns in ((steps, STEPS), (transfers, TRANSFERS), (noise, NOISE), (folder.natural(), NATURAL)):
        assert frame.schema == polars_schema(columns)
    assert set(transfers["victim"]) == {"panel:one", "panel:two", "panel:three"}
    assert not transfers.filter(pl.col("victim") == pl.col("source")).height
    clean = steps.filter(pl.col("iteration") == 0)
    assert (clean["predicted"] == clean["label"]).all()
    assert not transfers.filter(pl.col("iteration") == 0)["misclassified"].any()


def test_a_finished_study_does_nothing(study, tmp_path, monkeypatch):
    folder = run(study(), tmp_path / "a")
    monkeypatch.setattr(LocalEngine, "map", lambda self, work, tasks, on_block=None: iter([1 for _ in tasks]))
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.parquet")}
    run(study(), tmp_path / "a")
    assert before == {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.parquet")}


def test_choice_and_rows_do_not_depend_on_shards_or_batches(study, tmp_path):
    one = run(study(), tmp_path / "one")
    other = run(study(shard=5), tmp_path / "other", batch_size=2)
    assert one.selection()["ids"] == other.selection()["ids"]
    for a, b in zip(tables(one), tables(other), strict=True):
        assert_frame_equal(a, b, check_exact=False, rel_tol=1e-4, abs_tol=1e-4)


def test_another_seed_looks_at_other_images_first(study, tmp_path):
    assert run(study(), tmp_path / "a").selection()["ids"] != run(study(seed=1), tmp_path / "b").selection()["ids"]


def _work(content, out, started):
    torch.set_num_threads(1)
    started.set()
    run_study(StudyConfig.model_validate(content), out, LocalEngine(["cpu"]))


def test_killed_at_random_moments_it_comes_to_the_same_rows(study, tmp_path):
    config = study(images=study().images.model_dump() | {"count": 24}, shard=3)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["presoftmax.study.run", "presoftmax.study.engines.local"])

    def begin(out):
        started = context.Event()
        process = context.Process(target=_work, args=(config.values(), out, started))
        process.start()
        assert started.wait(60)
        return process, time.monotonic()

    whole, since = begin(tmp_path / "whole")
    whole.join()
    seconds = time.monotonic() - since
    assert whole.exitcode == 0
    generator = random.Random(0)
    killed = 0
    for _ in range(20):
        process, _ = begin(tmp_path / "killed")
        time.sleep(generator.uniform(0, 0.12) * seconds)
        killed += process.is_alive()
        process.kill()
        process.join()
    assert killed >= 10
    run(config, tmp_path / "killed")
    same(tables(StudyFolder(tmp_path / "killed")), tables(StudyFolder(tmp_path / "whole")))
    assert not list((tmp_path / "killed").rglob("*.partial"))


def test_several_processes_come_to_the_same_rows(study, tmp_path):
    here = run(study(), tmp_path / "here")
    there = run_study(study(), tmp_path / "there", LocalEngine(["cpu", "cpu"]))
    for a, b in zip(tables(here), tables(there), strict=True):
        assert_frame_equal(a, b, check_exact=False, rel_tol=1e-4, abs_tol=1e-4)


@pytest.mark.parametrize("damage", ["cut", "flip", "lose", "receipt"])
def test_a_damaged_part_is_found_and_done_again(study, tmp_path, damage):
    folder = run(study(), tmp_path / "a")
    before = tables(folder)
    unit = Unit("multi-class", "panel:two", 1)
    path = folder.unit_file(unit, "receipt.json" if damage == "receipt" else "steps.parquet")
    content = bytearray(path.read_bytes())
    if damage == "lose":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content[:100] if damage == "cut" else content)
    with pytest.raises(StudyError, match="1 of 18 units are missing or damaged.*multi-class on panel:two, shard 1"):
        Results.of(folder)
    run(study(), tmp_path / "a")
    same(tables(folder), before)


def test_a_damaged_choice_is_made_again(study, tmp_path):
    folder = run(study(), tmp_path / "a")
    before = tables(folder)
    (folder.path / "selection" / "00000" / "images.safetensors").write_bytes(b"nothing")
    (folder.path / "selection.json").write_text('{"ids": [')
    run(study(), tmp_path / "a")
    same(tables(folder), before)


def test_a_full_disk_stops_it_with_the_reason_and_nothing_is_half_written(study, tmp_path, monkeypatch):
    write, room = _disk.write, [30_000]

    def full(path, content):
        room[0] -= len(content)
        if room[0] < 0:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(_disk, "write", full)
    with pytest.raises(RunError, match=r"parts/.*: cannot be written \(No space left on device\)"):
        run(study(), tmp_path / "a")
    assert not list((tmp_path / "a").rglob("*.partial"))
    done = [path.parent for path in (tmp_path / "a").rglob("receipt.json")]
    assert done
    room[0] = 10**9
    folder = run(study(), tmp_path / "a")
    same(tables(folder), tables(run(study(), tmp_path / "b")))


def test_an_edited_study_is_refused_by_the_setting_that_changed(study, tmp_path):
    run(study(), tmp_path / "a")
    with pytest.raises(StudyError, match="holds another study: seed: 1 here, 0 there"):
        run(study(seed=1), tmp_path / "a")
    longer = study(attacks=[attack | {"steps": 13} for attack in study().values()["attacks"]])
    with pytest.raises(StudyError, match=r"attacks\.0\.steps.*\(and 1 more\)"):
        run(longer, tmp_path / "a")


def test_a_folder_of_something_else_is_left_alone(study, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("years of work")
    with pytest.raises(StudyError, match="exists and holds no study"):
        run(study(), tmp_path / "a")


def test_two_runs_do_not_share_a_folder(study, tmp_path):
    folder = run(study(), tmp_path / "a")
    with folder.locked(), pytest.raises(StudyError, match="another run is working on it"):
        run(study(), tmp_path / "a")


def test_memory_too_small_halves_the_batch_and_says_so(study, tmp_path):
    models = [model("hungry"), model("two")]
    folder = run(study(models=models), tmp_path / "a")
    unit = Unit("over-optimized", "panel:hungry", 0)
    receipt = folder.unit_receipt(unit)
    assert (receipt["batch_size"], receipt["batch_halved"]) == (3, 1)
    assert folder.unit_receipt(Unit("over-optimized", "panel:two", 0))["batch_halved"] == 0
    plain = tables(run(study(models=[model("one"), model("two")]), tmp_path / "b"))
    rename = pl.col("source", "victim").str.replace("hungry", "one")
    keys = ["attack", "source", "example", "iteration", "victim"]
    ours = tables(folder)[1].with_columns(rename).sort(keys)
    assert_frame_equal(ours, plain[1], check_exact=False, rel_tol=1e-4, abs_tol=1e-4)


def test_memory_too_small_for_one_image_is_said(study, tmp_path):
    with pytest.raises(RunError, match="not even one image at a time fits the memory of cpu"):
        run(study(models=[model("starving"), model("two")]), tmp_path / "a")


def test_an_image_that_breaks_a_model_is_marked_left_out_and_counted(study, tmp_path):
    models = [model("fragile"), model("two")]
    folder = run(study(models=models, images=study().images.model_dump() | {"count": 80}), tmp_path / "a")
    steps = tables(folder)[0]
    broken = steps.filter((pl.col("predicted") == NOT_FINITE) & (pl.col("source") == "panel:fragile"))
    chosen = folder.selection()["ids"]
    expected = {name for name in chosen if int(name) in FRAGILE}
    assert set(broken["example"]) == expected
    assert expected
    summary = summarize(Results.of(folder))
    for row in summary.trajectories:
        assert row["examples"] + row["left_out"] == len(chosen)
        if row["source"] == "panel:fragile":
            assert row["left_out"] == len(expected)
    assert all(m.examples < len(chosen) for m in summary.claims.measured if m.source == "panel:fragile")


def test_a_model_that_breaks_on_every_image_is_said(study, tmp_path, pictures):
    with np.load(pictures) as archive:
        images = archive["images"] // 2 * 2
    with torch.no_grad():
        labels = Net()(torch.from_numpy(images).float() / 255).argmax(dim=1).numpy()
    np.savez(tmp_path / "even.npz", images=images, labels=labels)
    config = study(models=[model("fading"), model("two")], images={"path": str(tmp_path / "even.npz"), "count": 12})
    # As a victim it leaves nothing of the other source's examples either.
    results = Results.of(run(config, tmp_path / "a"))
    with pytest.raises(StudyError, match="every example was left out; some model's answers are not finite"):
        summarize(results)


def test_a_victim_that_fails_stops_the_run_and_it_goes_on_later(study, tmp_path, monkeypatch):
    config = study(victims=[model("failing")])
    expected = tables(run(config, tmp_path / "b"))

    def goes_down(unit, receipt, left):
        monkeypatch.setenv("PRESOFTMAX_TEST_SERVICE", "down")

    from presoftmax.study.watcher import Quiet

    watcher = Quiet()
    watcher.finished = goes_down
    with pytest.raises(ModelError, match="panel:failing failed.*503 the service is down"):
        run(config, tmp_path / "a", watcher=watcher)
    monkeypatch.delenv("PRESOFTMAX_TEST_SERVICE")
    same(tables(run(config, tmp_path / "a")), expected)


def test_black_boxes_are_victims_only(study, tmp_path):
    folder = run(study(victims=[model("black_box")]), tmp_path / "a")
    _, transfers, noise = tables(folder)
    assert "panel:black_box" in set(transfers["victim"])
    assert "panel:black_box" not in set(transfers["source"])
    assert set(noise["victim"]) == set(transfers["victim"])
    with pytest.raises(ModelError, match="black box without gradient"):
        run(study(models=[model("black_box"), model("one")]), tmp_path / "b")


def test_a_black_box_is_no_source_wherever_it_stands(study, tmp_path):
    with pytest.raises(ModelError, match="black_box.* is a black box without gradient"):
        run(study(models=[model("one"), model("black_box")]), tmp_path / "s")


def test_fixed_targets_leave_out_images_of_that_class(study, tmp_path, pictures):
    with np.load(pictures) as archive:
        common = int(np.bincount(archive["labels"]).argmax())
    attack = {"kind": "over-optimized", "steps": 3, "alpha": 0.02, "targets": [common]}
    folder = run(study(attacks=[attack], images={"path": str(pictures), "count": 60}), tmp_path / "a")
    steps = tables(folder)[0]
    assert set(steps["targets"].list.first()) == {common}
    assert common not in set(steps["label"])
    assert steps["example"].n_unique() < len(folder.selection()["ids"])
    with pytest.raises(StudyError, match="target 9 is out of range: the models have classes 0 to 6"):
        run(study(attacks=[attack | {"targets": [9]}]), tmp_path / "b")


def test_images_that_nothing_gets_right(study, tmp_path, pictures):
    with np.load(pictures) as archive:
        wrong = tmp_path / "wrong.npz"
        np.savez(wrong, images=archive["images"], labels=(archive["labels"] + 1) % 7)
    with pytest.raises(DataError, match="none of 90 images is classified correctly by every model"):
        run(study(images={"path": str(wrong)}), tmp_path / "a")
    wrong.write_bytes(pictures.read_bytes())
    assert run(study(images={"path": str(wrong)}), tmp_path / "a").selection()["ids"]


def test_popular_attacks_are_run_planned_and_judged_by_what_they_aim_at(study, tmp_path, monkeypatch):
    monkeypatch.setattr(plan_module, "_MEASURE_SECONDS", 0.01)
    small = {"steps": 4, "epsilon": "8/255", "discretization": "straight-through"}
    config = study(attacks=[{"kind": "bim", **small}, {"kind": "si-ni-fgsm", "copies": 3, **small}], gallery=0)
    plan = plan_module.make_plan(config, "cpu")
    looks, gradients, sources, victims = 5, 4, 3, 2
    shown = len(log_spaced(4, SHOWN_ITERATIONS))
    per_image = sources * (2 * looks + 3 * gradients + 2 * victims * (looks + shown) + 2 * len(COPIES) * shown)
    assert plan.forwards == 16 * per_image
    assert plan.backwards == 16 * sources * (gradients + 3 * gradients)
    results = Results.of(run(config, tmp_path / "s"))
    source = results.names.labels[0]
    rows = {row["attack"]: row for row in summarize(results).trajectories if row["source"] == source}
    steps = results.steps("bim", source).filter(pl.col("iteration") == 4).collect()
    assert rows["bim"]["fooled"] == (steps["predicted"] != steps["label"]).mean() > 0


def test_places_that_are_not_there_are_said_before_models_are_loaded(study, tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        run(study(images={"path": "nowhere"}, models=["torchvision/alexnet"]), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_status_counts_what_is_there(study, tmp_path):
    folder = StudyFolder.start(tmp_path / "a", study())
    assert status_of(folder).images is None
    run(study(), tmp_path / "a")
    status = status_of(folder)
    assert status.finished
    assert [(each.units, each.done) for each in status.progress] == [(3, 3)] * 6
    folder.unit_file(Unit("multi-class", "panel:one", 2), "receipt.json").unlink()
    status = status_of(folder)
    assert not status.finished
    assert sum(each.done for each in status.progress) == 17
    json.dumps(status.values())


def test_how_networks_are_run_is_settled_once(study, tmp_path, monkeypatch):
    config = study(attacks=[{"kind": "bim", "steps": 3, "discretization": "straight-through"}], precision="fast")
    folder = run(config, tmp_path / "s")
    known = folder.variants()
    assert known["precision"] == "fast"
    assert set(known["variants"].values()) <= {"as given", *map(str, candidates("fast", torch.device("cpu")))}
    results = Results.of(folder)
    assert {str(receipt["variants"]) for _, receipt in results.receipts()} == {
        str({name: known["variants"][name] for name in [unit.source, *others_of(results, unit.source)]})
        for unit, _ in results.receipts()
    }
    chosen = dict.fromkeys(results.names.labels, "simplified+bfloat16")
    folder.write_variants({**known, "variants": chosen})
    (folder.unit_file(results.units[0], "steps.parquet")).unlink()
    again = run(config, tmp_path / "s")
    assert set(again.unit_receipt(results.units[0])["variants"].values()) == {"simplified+bfloat16"}


def others_of(results, source):
    return [name for name in results.names.labels if name != source]
