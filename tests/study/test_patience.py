"""A black box that never answers: asked again, then given up in words; and what it is called with."""

import gc
import threading
import time

import pytest
import torch

from presoftmax.errors import ModelError
from presoftmax.study._patience import ATTEMPTS, Patient
from presoftmax.study.folder import StudyFolder
from presoftmax.study.panel import ModelNames, load_panel
from presoftmax.study.status import status_of
from tests.study.conftest import model, run, tables

SHORT = 0.15


def hangs(times):
    """A callable that does not answer so many times, and the event that lets it go."""
    calls, release = [], threading.Event()

    def ask(images):
        calls.append(images)
        if len(calls) <= times:
            release.wait(30)
        return images + 1

    return ask, calls, release


def test_an_answer_comes_through():
    patient = Patient(lambda images: images * 2, 10)
    assert patient(torch.ones(2)).tolist() == [2, 2]
    assert patient.unanswered == 0


@pytest.mark.parametrize("error", [ValueError("why"), KeyboardInterrupt(), SystemExit(3)])
def test_what_it_raises_is_raised_and_it_is_not_asked_again(error):
    calls = []

    def ask(images):
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        Patient(ask, 10)(torch.ones(1))
    assert len(calls) == 1


def test_it_is_asked_again_and_counted():
    ask, calls, release = hangs(ATTEMPTS - 1)
    patient = Patient(ask, SHORT)
    assert patient(torch.ones(1)).tolist() == [2]
    assert (patient.unanswered, len(calls)) == (ATTEMPTS - 1, ATTEMPTS)
    release.set()


def test_it_is_given_up_in_words_and_no_thread_stays():
    before = victims()
    ask, calls, release = hangs(99)
    patient = Patient(ask, SHORT)
    with pytest.raises(TimeoutError, match=r"no answer within 0.15 s, 3 times; .*victim_timeout"):
        patient(torch.ones(1))
    assert (patient.unanswered, len(calls)) == (ATTEMPTS, ATTEMPTS)
    release.set()
    answered = Patient(lambda images: images, 10)
    answered(torch.ones(1))
    del answered
    gc.collect()
    deadline = time.monotonic() + 10
    while victims() - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not victims() - before


def victims():
    return {thread for thread in threading.enumerate() if thread.name == "victim"}


@pytest.mark.parametrize("gradients", [True, False])
def test_it_is_called_as_the_caller_would(gradients):
    with torch.set_grad_enabled(gradients):
        assert Patient(lambda _: torch.is_grad_enabled(), 10)(torch.ones(1)) is gradients


def test_calls_share_a_thread():
    patient = Patient(lambda _: threading.get_ident(), 10)
    assert len({patient(torch.ones(1)) for _ in range(5)}) == 1 != threading.get_ident()


SLOW = """
import threading, torch
from pathlib import Path
from tests.study.panel import Net
STATE = Path(__file__).with_suffix(".calls")

def ask():
    network = Net(3)
    def answer(images):
        with STATE.open("a") as file:
            file.write("x")
        if STATE.stat().st_size in %s:
            threading.Event().wait(60)
        return network(images.float() / 255).detach()
    return answer
"""


def slow(tmp_path, silent):
    path = tmp_path / "slow.py"
    path.write_text(SLOW % silent)
    return f"{path}:ask"


def small(study, **changes):
    attack = {"kind": "over-optimized", "steps": 3, "alpha": 0.02, "discretization": "straight-through"}
    images = {**study().values()["images"], "count": 4}
    return study(models=[model("one"), model("two")], images=images, attacks=[attack], shard=4, **changes)


def test_a_study_goes_on_and_says_who_did_not_answer(study, tmp_path):
    config = small(study, victims=[slow(tmp_path, "{9}")], victim_timeout=0.5)
    folder = run(config, tmp_path / "a")
    status = status_of(folder)
    assert status.finished
    assert status.unanswered == {"slow:ask": 1}
    plain = run(small(study, victims=[slow(tmp_path, "()")]), tmp_path / "b")
    for ours, theirs in zip(tables(folder), tables(plain), strict=True):
        assert ours.equals(theirs)


def test_a_study_stops_in_words_and_goes_on_with_another_time(study, tmp_path):
    config = small(study, victims=[slow(tmp_path, "range(9, 12)")], victim_timeout=0.2)
    with pytest.raises(ModelError, match=r"model slow:ask failed .*no answer within 0.2 s, 3 times") as caught:
        run(config, tmp_path / "a")
    assert "\n" not in str(caught.value)
    other = config.model_copy(update={"victim_timeout": 5.0})
    assert status_of(run(other, tmp_path / "a")).finished
    assert StudyFolder(tmp_path / "a").config().victim_timeout == 0.2


def test_black_boxes_alone_have_a_time_limit(study):
    config = small(study, victims=[model("black_box")], victim_timeout=7)
    panel = load_panel(ModelNames.of(config), "cpu")
    assert panel.unanswered() == {"panel:black_box": 0}
    assert panel.only_victims[0].function.seconds == 7
