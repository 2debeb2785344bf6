"""Many GPUs and machines by Ray: tasks out, bytes back. Only this machine needs the study's folder and the images."""

from collections.abc import Iterator
from typing import Any

from presoftmax.errors import StudyError, first_line
from presoftmax.study.engines._ray_address import answers, check_address
from presoftmax.study.engines.engine import Key, Tasks, Work
from presoftmax.study.tasks import OnBlock, TaskResult

__all__ = ["RayEngine"]

_RETRIES = 8
# Ray ends this process without a word when it has not heard of its cluster for 60 seconds: that is said before.
_ASKED_EVERY, _SILENCE = 5.0, 6
_SHOWN = 4


class RayEngine:
    """Runs tasks on a Ray cluster.

    A worker keeps the models that it has loaded. A task whose worker or node dies is run again by Ray elsewhere; a task
    that raises is not.

    Args:
        address: of the cluster, ``"auto"`` for the one that this machine belongs to; a new one on this machine when
            left out.
        device: where each task runs; ``"cuda"``, a whole GPU for each task, if the cluster has GPUs, when left out.
        cpus: for each task; PyTorch uses as many threads.
    """

    def __init__(self, address: str | None = None, device: str | None = None, cpus: int = 1) -> None:
        try:
            import ray
        except ImportError:
            raise StudyError("the engine 'ray' needs Ray: pip install 'presoftmax[ray]'") from None
        self._ray: Any = ray
        if not ray.is_initialized():
            check_address(ray, address)
            try:
                ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, configure_logging=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise StudyError(f"Ray: {first_line(error)}") from error
        resources = self._ray.cluster_resources()
        self.device = device or ("cuda" if resources.get("GPU", 0) >= 1 else "cpu")
        if not self.device.isalpha():
            raise StudyError(f"device {self.device!r}: with Ray each task has a device of its own; give cuda or cpu")
        self._per_task = {"num_cpus": cpus, "num_gpus": 1 if self.device == "cuda" else 0}
        self._cluster: str | None = getattr(ray.get_runtime_context(), "gcs_address", None)
        self._check_size()

    def map(self, work: Work, tasks: Tasks[Key], on_block: OnBlock | None = None) -> Iterator[tuple[Key, TaskResult]]:
        """Results with their keys, as they are finished; twice as many tasks are out as can run at a time."""
        remote = self._ray.remote(work).options(max_retries=_RETRIES, **self._per_task)
        running: dict[Any, Key] = {}
        try:
            for key, make in tasks:
                running[remote.remote(make(), self.device, None)] = key
                if len(running) >= 2 * self._slots():
                    yield from self._finished(running)
            while running:
                yield from self._finished(running)
        finally:
            for reference in running:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster; one that was started for this engine ends."""
        self._ray.shutdown()

    def _slots(self) -> int:
        resources = self._ray.cluster_resources()
        wanted = {"CPU": self._per_task["num_cpus"], "GPU": self._per_task["num_gpus"]}
        return max(1, min(int(resources.get(kind, 0) // count) for kind, count in wanted.items() if count))

    def _check_size(self) -> None:
        """Refuse a task that no machine of the cluster could ever run: Ray would wait for one."""
        cpus, gpus = self._per_task["num_cpus"], self._per_task["num_gpus"]
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if any(each.get("CPU", 0) >= cpus and each.get("GPU", 0) >= gpus for each in machines):
            return
        there = [f"{each.get('CPU', 0):g} CPUs and {each.get('GPU', 0):g} GPUs" for each in machines[:_SHOWN]]
        more = f" and {len(machines) - _SHOWN} more" if len(machines) > _SHOWN else ""
        raise StudyError(
            f"no machine of the Ray cluster has {cpus} CPUs{' and a GPU' if gpus else ''} for a task; there are: "
            f"{', '.join(there) or 'none'}{more}; give --cpus or --device"
        )

    def _wait(self, running: dict[Any, Key]) -> list[Any]:
        """Tasks that are done; meanwhile the cluster is asked whether it is still there."""
        silent = 0
        while True:
            done, _ = self._ray.wait(list(running), num_returns=1, timeout=_ASKED_EVERY)
            if done:
                return list(done)
            silent = 0 if self._cluster is None or answers(self._cluster) else silent + 1
            if silent == _SILENCE:
                raise StudyError(f"the Ray cluster at {self._cluster} no longer answers; run again to go on")
            if not silent:
                self._check_size()

    def _finished(self, running: dict[Any, Key]) -> Iterator[tuple[Key, TaskResult]]:
        for reference in self._wait(running):
            key = running.pop(reference)
            try:
                yield key, self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise (error.cause if isinstance(error.cause, Exception) else error) from None
            except self._ray.exceptions.RayError as error:
                raise StudyError(f"Ray gave up on {key}: {first_line(error)}; run again to go on") from error
