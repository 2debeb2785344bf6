"""Workers on several devices: they end with their parent, however it ends, and say why they died."""

import os
import signal
import subprocess
import sys
import time

import pytest

from presoftmax.errors import ModelError, StudyError
from presoftmax.study.engines import LocalEngine, closing
from presoftmax.study.engines._processes import _portable
from presoftmax.study.run import run_study
from presoftmax.study.tasks import TaskResult
from tests.study.conftest import model, run, tables

PARENT = """
import sys, threading
from presoftmax.study.engines import LocalEngine
from tests.study import test_processes as work

def main():
    tasks = ((i, lambda: sys.argv[1]) for i in range(4))
    for _ in LocalEngine(["cpu", "cpu"]).map(work.busy, tasks):
        pass

if __name__ == "__main__":
    main() if sys.argv[2] == "main" else threading.Thread(target=main).start()
"""


def busy(task, device, on_block):
    """Say who works, then work for longer than any test."""
    with open(task, "a") as file:  # noqa: PTH123
        file.write(f"{os.getpid()}\n")
    time.sleep(600)


def echo(task, device, on_block):
    if isinstance(task, BaseException):
        raise task
    if task == "odd":
        raise OddError(1, 2)
    if task == "die":
        os._exit(3)
    return TaskResult({}, {"task": task, "device": device})


class OddError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def alive(pid: int) -> bool:
    """Whether a process runs (one that is dead and not waited for does not)."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def pids_in(path):
    return [int(line) for line in path.read_text().split()] if path.is_file() else []


@pytest.mark.usefixtures("signals_arrive")
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("how", "thread"), [("SIGKILL", "main"), ("SIGKILL", "other"), ("SIGTERM", "main")])
def test_workers_end_with_their_parent(tmp_path, how, thread):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    path = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))  # noqa: PTH109
    command = [sys.executable, str(script), str(tmp_path / "pids"), thread]
    parent = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: len(pids_in(tmp_path / "pids")) == 2)
        workers = pids_in(tmp_path / "pids")
        assert all(map(alive, workers))
        parent.send_signal(getattr(signal, how))
        parent.wait(10)
        assert until(lambda: not any(map(alive, workers)), 10)
    finally:
        parent.kill()
        parent.wait()


def numbered(*tasks):
    return enumerate([lambda task=task: task for task in tasks])


def test_every_task_is_done_once_and_workers_are_gone_then():
    engine = LocalEngine(["cpu", "meta", "cpu"])
    found = dict(engine.map(echo, numbered(*range(7))))
    assert {key: done.receipt["task"] for key, done in found.items()} == {i: i for i in range(7)}
    assert {done.receipt["device"] for done in found.values()} == {"cpu", "meta"}
    assert list(engine.map(echo, numbered())) == []


@pytest.mark.parametrize(
    ("task", "error", "words"),
    [
        (ModelError("no model 'x'"), ModelError, "no model 'x'"),
        ("odd", RuntimeError, "OddError: 1 and 2"),
        *((kind("why"), kind, "why") for kind in (EOFError, OSError, BrokenPipeError, MemoryError, RecursionError)),
        ("die", StudyError, r"worker process of cpu died \(exit status 3; out of memory\?\); run again to go on"),
    ],
)
def test_what_a_worker_raises_is_raised_here(task, error, words):
    with pytest.raises(error, match=words):
        list(LocalEngine(["cpu", "cpu"]).map(echo, numbered(0, task, 2)))


def test_what_is_done_is_given_back_though_the_next_task_cannot_be_made():
    def damaged():
        raise StudyError("damaged")

    results = LocalEngine(["cpu", "cpu"]).map(echo, enumerate([lambda: 0, lambda: 1, damaged]))
    next(results)
    with pytest.raises(StudyError, match="damaged"):
        next(results)


def test_an_error_that_cannot_travel_goes_as_its_words():
    class LocalError(Exception):
        pass

    kept = ModelError("x")
    assert _portable(kept) is kept
    assert str(_portable(LocalError("why"))) == "LocalError: why"


def test_a_study_that_is_left_leaves_no_worker(study, tmp_path):
    class Leaves(BaseException):
        pass

    class Watcher:
        def choosing(self, *_): ...
        def chosen(self, *_): ...
        def progressed(self, *_): ...

        def finished(self, unit, receipt, left):
            raise Leaves

    import multiprocessing

    small = study(models=[model("one"), model("two")], shard=2)
    with pytest.raises(Leaves) as caught:
        run_study(small, tmp_path / "a", LocalEngine(["cpu", "cpu"]), Watcher())
    # The error still holds the frames in which the workers were made.
    assert caught.value.__traceback__ is not None
    assert multiprocessing.active_children() == []
    run_study(small, tmp_path / "a", LocalEngine(["cpu", "cpu"]))
    assert tables(run(small, tmp_path / "b"))[0].height == tables(run(small, tmp_path / "a"))[0].height


def test_any_iterator_of_results_can_be_closed():
    with closing(iter([(1, TaskResult({}, {}))])) as results:
        assert next(results)[0] == 1
