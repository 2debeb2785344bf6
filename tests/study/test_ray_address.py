"""A cluster that is not there, or too small, is said in seconds; what Ray says goes to a file."""

import logging
import os
import socket
import sys
import threading
from contextlib import contextmanager

import pytest

from presoftmax.errors import StudyError
from presoftmax.study.engines import ray as engine_module
from presoftmax.study.engines import ray_apart
from presoftmax.study.engines._ray_address import answers, check_address
from presoftmax.study.engines.ray import RayEngine
from tests.cli.test_study import toml  # noqa: F401  a fixture
from tests.study.conftest import pictures  # noqa: F401  a fixture


@pytest.fixture
def ray():
    return pytest.importorskip("ray")


@contextmanager
def listening(reply: bytes | None):
    """The port of a server that says this to whoever comes; that hangs up, if None."""
    with socket.create_server(("", 0)) as server:

        def serve():
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        if reply is not None:
                            connection.sendall(reply)
                            connection.recv(100)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]


def test_nobody_at_the_address(ray, monkeypatch):
    port = free_port()
    nobody = f"127.0.0.1:{port}"
    for address in (nobody, f"ray://{nobody}"):
        with pytest.raises(StudyError, match=rf"--address .*:{port}.*no Ray cluster answers \(Connection refused\)"):
            RayEngine(address)
    monkeypatch.setenv("RAY_ADDRESS", nobody)
    for address in (None, "auto"):
        with pytest.raises(StudyError, match=rf":{port}.*no Ray cluster answers"):
            RayEngine(address)
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    "address", ["nonsense", "host:port", "127.0.0.1:0", "127.0.0.1:99999", ":", "", " ", "a b:1", "1:2:3"]
)
def test_what_is_no_address(ray, address, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(StudyError, match="^--address") as caught:
        check_address(ray, address)
    assert "\n" not in str(caught.value)


def test_no_cluster_for_auto(ray, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray._private.services, "find_gcs_addresses", set)
    monkeypatch.setattr(ray._private.services, "find_bootstrap_address", lambda _: None)
    with pytest.raises(StudyError, match="--address auto: Could not find any running Ray instance"):
        check_address(ray, "auto")
    check_address(ray, None)
    check_address(ray, "local")


@pytest.mark.parametrize(
    ("reply", "is_one"),
    [(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), True), (b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (None, False)],
)
def test_somebody_else_at_the_address(ray, monkeypatch, reply, is_one):
    with listening(reply) as port:
        assert answers(f"127.0.0.1:{port}") is is_one
        if is_one:
            check_address(ray, f"127.0.0.1:{port}")
            return
        with pytest.raises(StudyError, match=r"what answers is no Ray cluster|no Ray cluster answers"):
            check_address(ray, f"127.0.0.1:{port}")


def test_one_who_never_answers(ray, monkeypatch):
    monkeypatch.setattr("presoftmax.study.engines._ray_address._SECONDS", 0.1)
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(StudyError, match=r"no Ray cluster answers \(timed out\)"):
            check_address(ray, address)
        assert not answers(address)


class Cluster:
    """As much of Ray as an engine asks for."""

    def __init__(self, *machines, done=()):
        self.machines, self.done = list(machines), list(done)

    def is_initialized(self):
        return True

    def nodes(self):
        return [{"Alive": True, "Resources": each} for each in self.machines]

    def cluster_resources(self):
        kinds = {kind for each in self.machines for kind in each}
        return {kind: sum(each.get(kind, 0) for each in self.machines) for kind in kinds}

    def get_runtime_context(self):
        return type("Context", (), {"gcs_address": "127.0.0.1:1"})()

    def wait(self, references, num_returns, timeout):
        return ([references[0]], []) if self.done and self.done.pop(0) else ([], references)


@pytest.mark.parametrize(
    ("machines", "device", "cpus", "words"),
    [
        ([{"CPU": 2.0}, {"CPU": 4.0}], None, 5, "has 5 CPUs for a task; there are: 2 CPUs and 0 GPUs, 4 CPUs"),
        ([{"CPU": 2.0}], None, 999, "no machine of the Ray cluster has 999 CPUs"),
        ([{"CPU": 2.0}], "cuda", 1, "has 1 CPUs and a GPU for a task"),
        ([{"CPU": 1.0, "GPU": 1.0}, {"CPU": 8.0}], "cuda", 4, "4 CPUs and a GPU"),
        ([{"CPU": 1.0}] * 7, None, 2, "and 3 more"),
        ([], None, 1, "there are: none"),
        ([{"CPU": 8.0}], "cuda:1", 1, "device 'cuda:1': with Ray each task has a device of its own"),
    ],
)
def test_a_task_that_no_machine_could_run_is_refused(monkeypatch, machines, device, cpus, words):
    monkeypatch.setitem(sys.modules, "ray", Cluster(*machines))
    with pytest.raises(StudyError, match=words):
        RayEngine(None, device, cpus)


def test_a_cluster_that_falls_silent_or_shrinks_is_said(monkeypatch):
    cluster = Cluster({"CPU": 2.0}, done=[0, 0, 1])
    monkeypatch.setitem(sys.modules, "ray", cluster)
    engine = RayEngine(None, None, 2)
    heard = iter([False, True, *[False] * 6])
    monkeypatch.setattr(engine_module, "answers", lambda _: next(heard))
    assert engine._wait({"a": 1}) == ["a"]
    with pytest.raises(StudyError, match=r"cluster at 127.0.0.1:1 no longer answers; run again to go on"):
        engine._wait({"a": 1})
    monkeypatch.setattr(engine_module, "answers", lambda _: True)
    cluster.machines = [{"CPU": 1.0}]
    with pytest.raises(StudyError, match="no machine of the Ray cluster has 2 CPUs"):
        engine._wait({"a": 1})


def test_what_ray_says_goes_to_a_file(tmp_path, capfd):
    log = tmp_path / "ray.log"
    with ray_apart(log):
        ours, theirs = threading.Thread(target=print, args=("ours",)), threading.Thread(target=print, args=("theirs",))
        theirs.name = "ray_listen_error_messages"
        for thread in (ours, theirs):
            thread.start()
            thread.join()
        os.write(2, b"from C\n")
        logging.getLogger("ray").warning("from a logger")
        print("for the terminal", file=sys.stderr)
    os.write(2, b"after\n")
    out, err = capfd.readouterr()
    assert out == "ours\n"
    assert err == "for the terminal\nafter\n"
    assert log.read_text().split("\n") == ["theirs", "from C", "from a logger", ""]
    with ray_apart(tmp_path / "empty.log"):
        pass
    assert not (tmp_path / "empty.log").exists()


def test_the_command_line_says_it_in_a_line(ray, toml, tmp_path):  # noqa: F811
    from tests.cli.running import run_main

    arguments = ["run", toml, "--engine", "ray", "--address", f"127.0.0.1:{free_port()}"]
    done = run_main(tmp_path, arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no Ray cluster answers" in done.stderr
    assert not (tmp_path / "presoftmax-runs").exists()
