"""The pulse of a run: how fast it is, when it will end, and how it ends by the clock."""

import json
import re
from contextlib import suppress
from datetime import datetime
from math import inf, nan

import pytest

from presoftmax.errors import PresoftmaxWarning, StudyError
from presoftmax.storage import DamagedError, _disk, signed
from presoftmax.study import _heartbeat as module
from presoftmax.study import run as run_module
from presoftmax.study import status_of, units_of
from presoftmax.study._heartbeat import HEARTBEAT, Heartbeat, images_of, pace_of
from presoftmax.study.model_names import ModelNames
from presoftmax.study.units import Unit
from presoftmax.study.watcher import Quiet
from tests.cli.running import run_main
from tests.study.conftest import run, tables
from tests.study.test_status import DAMAGES

UNITS = {Unit("a", "s", shard): 1000 for shard in range(20)}


class Clock:
    """Seconds that pass when they are told to; the calendar's with them."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.written = 5.0, 0
        monkeypatch.setattr(module.time, "time", lambda: 1_700_000_000 + self.now)
        write = module.write_record
        monkeypatch.setattr(module, "write_record", lambda *given: (write(*given), self._count()))

    def _count(self) -> None:
        self.written += 1

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_speeds_are_of_the_last_minute_and_of_the_last_hour(tmp_path, clock):
    beat = Heartbeat(tmp_path, {Unit("a", "s", 0): 200_000}, clock)
    assert pace_of(tmp_path, True).images_per_second is None
    for _ in range(7200):  # an hour at 10, and one at 20 images a second
        clock.now += 1
        beat.progressed(10 if clock.now < 3605 else 20)
    pace = pace_of(tmp_path, True)
    assert pace.running
    assert pace.images_per_second == pytest.approx(20)
    assert pace.images_per_second_last_hour == pytest.approx(20, rel=0.02)
    for _ in range(600):
        clock.now += 1
        beat.progressed(2)
    pace = pace_of(tmp_path, True)
    assert pace.images_per_second == pytest.approx(2)
    assert pace.images_per_second_last_hour == pytest.approx((3000 * 20 + 600 * 2) / 3600, rel=0.02)
    assert pace.images_left == pytest.approx(200_000 - 109_200, abs=20)
    assert pace.seconds_left == pytest.approx(pace.images_left / pace.images_per_second_last_hour)
    ends = datetime.fromisoformat(pace.ends).timestamp() - datetime.fromisoformat(pace.seen).timestamp()
    assert ends == pytest.approx(pace.seconds_left, abs=2)


def test_it_is_small_and_written_at_a_bounded_rate(tmp_path, clock):
    beat = Heartbeat(tmp_path, UNITS, clock)
    for _ in range(100_000):
        clock.now += 0.1
        beat.progressed(1)
    assert clock.written <= 10_000 / 5 + 2
    assert (tmp_path / HEARTBEAT).stat().st_size < 10_000
    assert not list(tmp_path.glob(".*"))


def test_what_is_done_twice_counts_once_and_nothing_goes_back(tmp_path, clock):
    beat = Heartbeat(tmp_path, UNITS, clock)
    for unit in list(UNITS)[:3]:
        for _ in range(2):  # with half the batch again, when memory was too small
            for _ in range(10):
                clock.now += 10
                beat.progressed(90)
                assert 0 <= pace_of(tmp_path, True).images_left <= 20_000
        clock.now += 10
        beat.finished(unit)
    assert pace_of(tmp_path, True).images_left == 17_000


def test_numbers_survive_a_resume_and_the_night_before_it_counts_for_nothing(tmp_path, clock):
    beat = Heartbeat(tmp_path, UNITS, clock)
    for unit in list(UNITS)[:3]:
        clock.now += 100
        beat.finished(unit)
    beat.end()
    stopped = pace_of(tmp_path, False)
    assert (stopped.running, stopped.ends, stopped.images_left) == (False, None, 17_000)
    assert stopped.images_per_second_last_hour == pytest.approx(10)
    assert stopped.seconds_left == pytest.approx(1700)
    clock.now += 50_000
    again = Heartbeat(tmp_path, dict(list(UNITS.items())[3:]), clock)
    resumed = pace_of(tmp_path, True)
    assert (resumed.running, resumed.images_left) == (True, 17_000)
    assert resumed.images_per_second_last_hour == pytest.approx(10)
    clock.now += 100
    again.finished(list(UNITS)[3])
    assert pace_of(tmp_path, True).images_per_second_last_hour == pytest.approx(10)
    for unit in list(UNITS)[4:]:
        again.finished(unit)
    again.end()
    assert pace_of(tmp_path, False) is None
    assert not list(tmp_path.iterdir())


def test_a_run_that_was_killed_is_not_said_to_run(tmp_path, clock):
    Heartbeat(tmp_path, UNITS, clock)
    assert pace_of(tmp_path, True).running
    assert not pace_of(tmp_path, False).running
    assert pace_of(tmp_path, None).running
    clock.now += 1000
    assert pace_of(tmp_path, True).running  # a unit may take long
    assert not pace_of(tmp_path, None).running


@pytest.mark.parametrize("damage", [each for each in DAMAGES if each not in ("lost", "a directory")])
def test_a_damaged_one_is_ignored_with_a_word(tmp_path, clock, damage):
    beat = Heartbeat(tmp_path, UNITS, clock)
    clock.now += 10
    beat.finished(Unit("a", "s", 0))
    DAMAGES[damage](tmp_path / HEARTBEAT)
    with pytest.raises(DamagedError, match=rf"{HEARTBEAT}: damaged"):
        pace_of(tmp_path, True)
    with pytest.warns(PresoftmaxWarning, match=rf"{HEARTBEAT}: damaged.*: ignored, the speed is measured anew"):
        Heartbeat(tmp_path, UNITS, clock)
    assert pace_of(tmp_path, True).images_left == 20_000


def test_one_that_holds_anything_else_is_damaged_or_harmless(tmp_path, clock):
    beat = Heartbeat(tmp_path, UNITS, clock)
    clock.now += 10
    beat.finished(Unit("a", "s", 0))
    path = tmp_path / HEARTBEAT
    content = json.loads(path.read_text())
    content.pop("checksum")
    for key in content:
        for value in (None, [], {}, "x", -1, 0.5, True, [1], [[1, 2], [0, 0]], [[1]], nan, inf, 10**6, 10**400):
            path.write_text(signed({**content, key: value}))
            with suppress(DamagedError):
                json.dumps(vars(pace_of(tmp_path, True)), allow_nan=False)


def test_a_disk_that_is_full_does_not_end_the_run(tmp_path, clock, monkeypatch):
    beat = Heartbeat(tmp_path, UNITS, clock)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_disk, "write", full)
    clock.now += 10
    beat.progressed(10)
    beat.end()


def test_what_an_interrupted_unit_had_done_is_left_again(tmp_path, clock):
    beat = Heartbeat(tmp_path, UNITS, clock)
    clock.now += 10
    beat.progressed(900)
    assert pace_of(tmp_path, True).images_left == 19_100
    beat.end()
    assert pace_of(tmp_path, False).images_left == 20_000


class Looking(Quiet):
    """Looks at a study from outside while it runs."""

    def __init__(self, path) -> None:
        self.path, self.seen = path, []

    def finished(self, unit, receipt, left):
        self.seen.append((run_main(self.path.parent, ["status", self.path]).stdout, status_of(self.path)))


def test_a_run_says_how_fast_it_is_also_while_it_runs(study, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_EVERY", 0.0)
    looking = Looking(tmp_path / "a")
    folder = run(study(), tmp_path / "a", watcher=looking)
    config = study()
    total = sum(images_of(config, units_of(config, ModelNames.of(config), 16), 16).values())
    assert total == 16 * 13 * 3 * 2
    for number, (said, status) in enumerate(looking.seen, start=1):
        pace = status.pace
        assert (pace.running, status.damaged, status.ignored) == (True, (), ())
        done = sum(each.done for each in status.progress)
        assert done == number
        assert pace.images_per_second > 0
        assert pace.images_per_second_last_hour > 0
        assert pace.seconds_left == pytest.approx(pace.images_left / pace.images_per_second_last_hour)
        assert "a run is at work, last seen 2" in said
        assert re.search(r"image-iterations a second: \S+ now, \S+ over the last hour", said)
        assert re.search(r"image-iterations are left: about .*, until 2", said)
    assert looking.seen[-1][1].pace.images_left == 0
    assert looking.seen[0][1].pace.images_left == total - 6 * 13
    assert status_of(folder).pace is None


def test_the_clock_ends_a_run_between_two_units_and_the_next_goes_on(study, tmp_path, monkeypatch):
    whole = run(study(), tmp_path / "whole")
    units = 18
    for number in range(1, units):
        folder = run(study(), tmp_path / "a", max_hours=1e-9)
        status = status_of(folder)
        assert sum(each.done for each in status.progress) == number
        assert (status.finished, status.pace.running, status.damaged) == (False, False, ())
        assert not list(folder.path.rglob("*.partial"))
    run(study(), tmp_path / "a", max_hours=1e-9)
    assert status_of(folder).finished
    for ours, theirs in zip(tables(folder), tables(whole), strict=True):
        assert ours.equals(theirs)
    monkeypatch.setattr(run_module.time, "monotonic", lambda: 0.0)
    assert status_of(run(study(), tmp_path / "b", max_hours=1)).finished


@pytest.mark.parametrize("hours", [0, -1, nan, inf, "2", True, [1]])
def test_hours_that_are_none_are_refused(study, tmp_path, hours):
    with pytest.raises(StudyError, match="max hours: a positive number, or none, not"):
        run(study(), tmp_path / "a", max_hours=hours)
    assert not list(tmp_path.iterdir())


def test_the_command_says_that_the_clock_ended_it(study, tmp_path):
    content = study().values()
    lines = [f"models = {json.dumps(content['models'][:2])}", "shard = 6", "noise = false", 'copies = "none"']
    lines += [f"images = {{path = {json.dumps(content['images']['path'])}, count = 12}}"]
    lines += ["[[attacks]]", 'kind = "over-optimized"', "steps = 2", "alpha = 0.02"]
    (tmp_path / "s.toml").write_text("\n".join(lines))
    for left in ("3 units", "2 units", "1 unit"):
        done = run_main(tmp_path, ["run", "s.toml", "--max-hours", "0.0000001"])
        assert done.returncode == 75
        said = f"presoftmax: stopped after 1e-07 hours, {left} left; run again to go on, what is finished is in"
        assert said in done.stderr
        assert "finished: presoftmax report" not in done.stderr
        assert "no run is at work; the last was seen 2" in run_main(tmp_path, ["status", "presoftmax-runs/s"]).stdout
    done = run_main(tmp_path, ["run", "s.toml", "--max-hours", "0.0000001"])
    assert done.returncode == 0
    assert "finished: presoftmax report" in done.stderr
    for wrong in ("0", "-1", "nan", "inf", "many"):
        done = run_main(tmp_path, ["run", "s.toml", "--max-hours", wrong])
        assert done.returncode == 2


def test_a_folder_that_may_not_be_written_has_a_status(study, tmp_path):
    folder = run(study(), tmp_path / "a", max_hours=1e-9)
    path = folder.path / HEARTBEAT
    before = path.read_bytes()
    folder.path.chmod(0o555)
    try:
        assert status_of(folder).pace.images_per_second_last_hour > 0
    finally:
        folder.path.chmod(0o755)
    assert path.read_bytes() == before
