"""The explorer of a study of the paper's size: how long it takes to open, and to change example and iteration.

    python -m benchmarks.explore [--images 2500] [--steps 500] [--changes 20]

Synthesizes the study of `benchmarks/analysis_scale.py` in a temporary place, writes what the report writes for the
explorer, then starts the real server in a process of its own and asks it as the page does: the overview, stops of the
slider, examples far from each other. Prints seconds and the server's peak memory as JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from benchmarks.analysis_scale import synthesize
from presoftmax.study import Results
from presoftmax.study.report import write_study_explorer


def write(place: Path) -> None:
    """In a process of its own: what the report adds for the explorer, seconds and peak memory."""
    results = Results.of(place)
    began = time.perf_counter()
    page = write_study_explorer(results)
    took = time.perf_counter() - began
    tables = sum(path.stat().st_size for path in (place / "report" / "explorer").iterdir())
    print(json.dumps({"write_s": took, "write_peak_gib": peak(), "page_mb": page.stat().st_size / 1e6,
                      "tables_mb": tables / 1e6}))  # fmt: skip


def serve(place: Path) -> None:
    """In a process of its own: the server, its address first, its peak memory at the end of its input."""
    import threading

    from presoftmax.workflows import explore_run

    threading.Thread(target=explore_run, args=(place, 0, lambda at: print(at, flush=True)), daemon=True).start()
    sys.stdin.read()
    print(json.dumps({"serve_peak_gib": peak()}))


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def asked(address: str) -> tuple[float, int]:
    began = time.perf_counter()
    content = urlopen(address).read()
    return time.perf_counter() - began, len(content)


def measure(place: Path, changes: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.explore", "--serve", str(place)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        started = time.perf_counter() - began
        for path in ("", "app.js", "explorer.css"):
            asked(address + path)
        overview, size = asked(f"{address}data/overview.json")
        first = time.perf_counter() - began
        about = json.loads(urlopen(f"{address}data/overview.json").read())
        stops, count = len(about["iterations"]), len(about["examples"]["id"])
        frames = [asked(f"{address}data/frames/{k * stops // changes}.json") for k in range(changes)]
        examples = [asked(f"{address}data/examples/{k * count // changes}.json")[0] for k in range(changes)]
        ended = json.loads(server.communicate()[0])
    return {
        "examples": count, "stops": stops, "process_to_address_s": started, "process_to_overview_s": first,
        "overview_s": overview, "overview_mb": size / 1e6, "iteration_worst_s": max(each for each, _ in frames),
        "frame_mb": max(each for _, each in frames) / 1e6, "example_worst_s": max(examples), **ended,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2500)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write)
    elif options.serve:
        serve(options.serve)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(scratch) / "study"
            rows = synthesize(place, options.images, options.steps)
            command = [sys.executable, "-m", "benchmarks.explore", "--write", str(place)]
            written = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            found = {**written, **measure(place, options.changes)}
        print(json.dumps({**rows, **{name: round(value, 3) for name, value in found.items()}}, indent=1))


if __name__ == "__main__":
    main()
