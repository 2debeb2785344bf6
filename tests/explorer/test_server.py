"""The local server: who may ask, and that nothing but the page and its answers is given."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from presoftmax.explorer import FolderPictures, Key, application, new_token, run_material
from presoftmax.storage import RunFolder
from tests.explorer.conftest import TOKEN, serving
from tests.explorer.made import material

pytest.importorskip("starlette", reason="needs the extra explore")


@pytest.fixture(scope="module")
def address():
    with serving(material()) as found:
        yield found


def ask(address, path, method="GET", **headers):
    """One request as it is written, without a client that would put its path in order."""
    where = urlsplit(address)
    connection = HTTPConnection(where.hostname, where.port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply.status, dict(reply.getheaders()), content


GIVEN = [
    ("", "text/html"), ("index.html", "text/html"), ("app.js", "text/javascript"), ("explorer.css", "text/css"),
    ("data/overview.json", "application/json"), ("data/frames/0.json", "application/json"),
    ("data/examples/3.json", "application/json"), ("data/images/0/2.png", "image/png"),
    ("data/thumbs/0.png", "image/png"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "kind"), GIVEN)
def test_what_is_given(path, kind, address):
    status, headers, content = ask(address, f"/{TOKEN}/{path}")
    assert status == 200
    assert headers["content-type"].startswith(kind)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert content
    if kind == "text/html":
        assert b"<style" not in content
        assert content.count(b"<script") == 1


REFUSED = [
    "/", "/index.html", "/data/overview.json", "/wrong-token/", f"/{TOKEN}x/", f"/{TOKEN[:-1]}/", "//", f"//{TOKEN}/",
    *(f"/{TOKEN}/{path}" for path in (
        "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "%2fetc%2fpasswd",
        "data/../../run.json", "data/images/..%2f..%2f/1.png", "data/images/0/../../../run.json.png", "run.json",
        "steps.parquet", "data/steps.parquet", "static/app.js", "app.js/", "app.js%00", "data/", "data",
        "data/frames/-1.json", "data/frames/99.json", "data/frames/1e3.json", "data/frames/1.json/",
        "data/frames/%D9%A1.json", "data/examples/4.json", "data/examples/99999999999999999999.json",
        "data/images/0/99.png", "data/images/9/0.png", "view.py", "../view.py", "__init__.py",
    )),
]  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_not_given(path, address):
    status, _, content = ask(address, path)
    assert status in (400, 404)
    assert b"root:" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_get(method, address):
    assert ask(address, f"/{TOKEN}/", method)[0] == 405


STRANGE = [
    {"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Host": "127.0.0.1.evil.example"}, {"Host": ""},
    {"Host": "localhost.evil.example:1"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
    {"Origin": "https://127.0.0.1"}, {"Origin": "http://127.0.0.1:1"}, {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
]  # fmt: skip


@pytest.mark.parametrize("headers", STRANGE, ids=str)
@pytest.mark.parametrize("path", ["", "data/overview.json", "data/images/0/0.png"])
def test_other_sites_are_refused(headers, path, address):
    assert ask(address, f"/{TOKEN}/{path}", **headers)[0] == 403


def test_the_page_itself_is_not(address):
    host = urlsplit(address).netloc
    for headers in ({"Origin": f"http://{host}"}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}):
        assert ask(address, f"/{TOKEN}/data/overview.json", **headers)[0] == 200
    assert ask(address, f"/{TOKEN}/", Host=host.replace("127.0.0.1", "localhost"))[0] == 200


def test_tokens_cannot_be_guessed():
    assert len({new_token() for _ in range(50)}) == 50
    assert len(new_token()) >= 32


def test_no_image_outside_the_folder(tmp_path):
    """Links out of the run's folder, of a file, of an example and of all images; names that climb."""
    outside = tmp_path / "outside"
    outside.mkdir()
    from PIL import Image

    Image.new("RGB", (4, 4)).save(outside / "00000.png")
    Image.new("RGB", (4, 4)).save(outside / "secret.png")
    run = RunFolder.create(tmp_path / "run")
    names = ["file", "folder", "../../outside", "/etc"]
    pictures = FolderPictures(run, names)
    file = run.image_path("attack", 0, "file", 0)
    file.parent.mkdir(parents=True)
    file.symlink_to(outside / "secret.png")
    run.image_path("attack", 1, "folder", 0).parent.symlink_to(outside)
    for name in names:
        key = Key("attack", "source", name)
        assert pictures.kept(key) == []
        assert pictures.pixels(key, 0) is None
    whole = RunFolder.create(tmp_path / "other")
    (whole.path / "images").symlink_to(outside)
    key = Key("..", "source", "file")
    assert FolderPictures(whole, ["file"]).kept(key) == []


def test_a_run_folder_is_served(tmp_path, tiny, photos):
    import presoftmax as ps

    trace = ps.trace(ps.attacks.over_optimized(steps=3, alpha=0.5), tiny, photos, keep="all", victims={"v": tiny})
    folder = trace.save(tmp_path / "run")
    (folder / "secret.txt").write_text("root:")
    with serving(run_material(folder)) as address:
        overview = json.loads(ask(address, f"/{TOKEN}/data/overview.json")[2])
        assert overview["examples"]["id"] == list(photos.ids)
        assert ask(address, f"/{TOKEN}/data/images/0/3.png")[2].startswith(b"\x89PNG")
        assert ask(address, f"/{TOKEN}/secret.txt")[0] == 404
        assert ask(address, f"/{TOKEN}/images/../secret.txt")[0] == 404


def test_without_starlette_one_line_says_what_is_needed(monkeypatch):
    import sys

    from presoftmax.errors import PresoftmaxError
    from presoftmax.explorer import View

    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    with pytest.raises(PresoftmaxError, match="presoftmax\\[explore\\]"):
        application(View.of(material()), "t")
