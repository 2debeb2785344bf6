"""``presoftmax explore``, and that every report has its explorer beside it."""

import json
import re
import shutil
import signal
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import presoftmax as ps
from tests.conftest import Tiny, make_set


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A run with its report, written once."""
    tiny, folder = Tiny(), tmp_path_factory.mktemp("reported") / "run"
    attack = ps.attacks.over_optimized(steps=3, alpha=0.5)
    ps.trace(attack, tiny, make_set(tiny), keep="all", victims={"v": tiny}).report(folder)
    return folder


@pytest.fixture
def run(tmp_path, reported):
    """A copy of it, to do with as one likes."""
    return shutil.copytree(reported, tmp_path / "run")


def embedded(page, name="answers"):
    """The JSON inside a single file."""
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def test_a_report_has_its_explorer(run):
    page = (run / "explorer.html").read_text(encoding="utf-8")
    answers = embedded(page)
    assert answers["overview.json"]["victims"] == ["v"]
    assert len(answers["frames/3.json"]["confidence"]) == 5
    assert embedded(page, "pictures-held")["images/4/3.png"].startswith("data:image/png;base64,")


def test_one_file_names_no_other(run):
    page = (run / "explorer.html").read_text(encoding="utf-8")
    own = re.sub(r'<script type="application/json".*?</script>', "", page, flags=re.DOTALL)
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", own) == []
    assert "import " not in re.search(r'<script type="module">(.*?)</script>', own, re.DOTALL)[1]
    addresses = set(re.findall(r"https?://[\w./]+", own))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, nothing that is asked


def test_names_of_the_modules_are_one_thing_in_all_of_them():
    from presoftmax.explorer._page import STATIC, static_file

    found = [
        name
        for file in STATIC
        if file.endswith(".js")
        for name in re.findall(
            r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", static_file(file).decode(), re.MULTILINE
        )
    ]
    assert sorted(found) == sorted(set(found))


def test_bundle(run, cli, tmp_path):
    code, out, _ = cli("explore", run, "--bundle", tmp_path / "site")
    assert code == 0
    assert str(tmp_path / "site") in out
    overview = json.loads((tmp_path / "site/data/overview.json").read_text())
    assert len(overview["examples"]["id"]) == 5
    for n in range(5):
        assert (tmp_path / f"site/data/examples/{n}.json").is_file()
        assert (tmp_path / f"site/data/images/{n}/3.png").read_bytes() == next(
            (run / "images").glob(f"*/{n:05d}-*/00003.png")
        ).read_bytes()
    assert cli("explore", run, "--bundle", tmp_path / "site")[0] == 2


def test_refusals_are_one_line(run, cli, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/run.json").write_text("[1]")
    (tmp_path / "file").write_text("x")
    damaged = tmp_path / "damaged"
    run.rename(damaged)
    (damaged / "steps.parquet").write_bytes(b"none")
    for folder in ("missing", "empty", "other", "file", "damaged"):
        for more in ((), ("--bundle", tmp_path / "new")):
            code, out, err = cli("explore", tmp_path / folder, "--no-browser", *more)
            assert code == 2
            assert out == ""
            assert err.count("\n") == 1
            assert folder in err
            assert not (tmp_path / "new").exists()


def test_a_port_that_is_taken(run, cli):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = cli("explore", run, "--no-browser", "--port", taken.getsockname()[1])
    assert code == 2
    assert "--port" in err


def test_the_command_serves_until_it_is_interrupted(run):
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "presoftmax", "explore", str(run), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        address = started.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
        assert b"presoftmax" in urlopen(address).read()
        assert len(json.loads(urlopen(f"{address}data/overview.json").read())["iterations"]) == 4
        with pytest.raises(HTTPError):
            urlopen(re.sub(r"/[\w-]{32}/", "/", address))
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=20)
    assert started.returncode == 0
    assert "Traceback" not in err


def test_from_python(tmp_path, tiny, photos):
    trace = ps.trace(ps.attacks.over_optimized(steps=3, alpha=0.5), tiny, photos, keep=[1], victims={"v": tiny})
    explorer = trace.explore()
    assert embedded(explorer.save(tmp_path / "page.html").read_text())["examples/2.json"]["kept"] == [0, 1, 3]
    shown = explorer._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in shown
    assert "allow-same-origin" not in shown
    assert "explorer" in repr(explorer).lower()


@pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")
def test_of_a_recording(tmp_path, tiny, photos):
    with ps.record(tiny, photos.images, photos.labels, ids=photos.ids) as rec:
        images = photos.images.float() / 255
        for _ in range(3):
            leaf = images.clone().requires_grad_()
            tiny(leaf).logsumexp(1).sum().backward()
            images = (images + 0.02 * leaf.grad.sign()).clamp(0, 1)
    rec.result(images)
    answers = embedded(rec.explore({"v": tiny}).save(tmp_path / "page.html").read_text())
    steps = rec.steps
    for n, name in enumerate(photos.ids):
        mine = steps.filter(example=name).sort("iteration")
        assert answers[f"examples/{n}.json"]["iterations"] == mine["iteration"].to_list()
        assert answers[f"examples/{n}.json"]["kept"] == mine["iteration"].to_list()
    assert answers["overview.json"]["victims"] == ["v"]


@pytest.mark.filterwarnings("ignore::presoftmax.errors.PresoftmaxWarning")
def test_of_judged_examples(tmp_path, tiny, photos, cli):
    changed = (photos.images.int() + 9).clamp(0, 255).to(photos.images.dtype)
    judged = ps.judge(tiny, photos.images, changed, photos.labels, victims={"v": tiny}, ids=photos.ids)
    folder = judged.save(tmp_path / "score").parent
    answers = embedded((folder / "explorer.html").read_text(encoding="utf-8"))
    assert answers["overview.json"]["steps"] is False
    table = judged.table
    assert answers["frames/1.json"]["ca1"] == [round(value, 5) for value in table["ca1"]]
    assert answers["frames/1.json"]["confidence"] == [round(value, 8) for value in table["confidence"]]
    assert answers["frames/0.json"]["predicted"] == table["predicted_clean"].to_list()
    assert answers["examples/0.json"]["kept"] == [0, 1]
    assert cli("explore", folder, "--bundle", tmp_path / "site")[0] == 0
    assert len(list((tmp_path / "site/data/images").glob("*/*.png"))) == 10
