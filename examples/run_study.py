"""A study from Python: the one of ``own_study.toml``, its tables as frames, its verdicts as values.

``python run_study.py`` runs it into ``study-in-python/``; a second time it goes on where it stopped, or runs nothing.
"""

import runpy
from pathlib import Path

import presoftmax as ps

if __name__ == "__main__":
    if not Path("images.npz").exists():
        runpy.run_path("tiny.py", run_name="__main__")

    config = ps.study.StudyConfig.load("own_study.toml")
    folder = ps.study.run_study(config, "study-in-python", ps.study.LocalEngine(["cpu"]))
    results = ps.study.Results.of(folder)

    for attack, source in results.groups():
        last = results.steps(attack, source).collect().filter(iteration=12)
        shown = results.transfers(attack, source).collect().filter(iteration=12)
        print(
            f"{attack} on {source}: CA1 {last['ca1'].mean():.1f}, transfer {100 * shown['misclassified'].mean():.0f} %"
        )

    claims = ps.study.summarize(results).claims
    for claim, verdict in claims.verdicts().items():
        print(f"{claim}: {verdict}")
