"""The same study on a Ray cluster of two nodes, one of them killed."""

import threading
import time

import pytest
from polars.testing import assert_frame_equal

from presoftmax.errors import ModelError
from presoftmax.study.folder import StudyFolder
from presoftmax.study.run import run_study
from presoftmax.study.watcher import Quiet
from tests.study.conftest import model, run, tables

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100_000_000})
    second = cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
    cluster.wait_for_nodes()
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


def test_a_killed_node_costs_nothing_but_time(study, tmp_path, cluster):
    from presoftmax.study.engines.ray import RayEngine

    nodes, second = cluster
    engine = RayEngine(nodes.address, device="cpu")
    assert engine._slots() == 2
    config = study(shard=2)

    class Assassin(Quiet):
        """Kills the second node, as if its power had failed, once some units are done."""

        seen = 0

        def finished(self, unit, receipt, left):
            self.seen += 1
            if self.seen == 4:
                threading.Thread(target=nodes.remove_node, args=(second,), kwargs={"allow_graceful": False}).start()

    watcher = Assassin()
    folder = run_study(config, tmp_path / "ray", engine, watcher)
    assert watcher.seen == 48
    deadline = time.monotonic() + 30
    while engine._slots() == 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert engine._slots() == 1
    here = run(config, tmp_path / "here")
    assert folder.selection() == here.selection()
    for ours, theirs in zip(tables(StudyFolder(tmp_path / "ray")), tables(here), strict=True):
        assert_frame_equal(ours, theirs)

    # What a task raises comes through as it is.
    with pytest.raises(ModelError, match="no model 'nobody'"):
        run_study(study(models=[model("one"), model("two")], victims=[model("nobody")]), tmp_path / "bad", engine)
