"""A browser, if there is one, and pages of which every request, console message and dialog is written down."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from presoftmax.explorer import Material, View, application, write_bundle, write_explorer

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TOKEN = "token-of-a-test"


def found_browser() -> str | None:
    """The path of a Chromium: that of PRESOFTMAX_BROWSER, or the first in the PATH."""
    given = os.environ.get("PRESOFTMAX_BROWSER")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = found_browser()
    if path is None or find_spec("playwright") is None:
        pytest.skip(f"needs playwright and a browser ({', '.join(NAMES)}, or PRESOFTMAX_BROWSER)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playing:
        started = playing.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Seen:
    """An opened page, and what happened on it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def go(self, address: str) -> "Seen":
        self.page.goto(address)
        self.page.wait_for_selector("html.ready", timeout=40_000)
        return self

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def until(self, condition: str) -> None:
        """Wait for an expression of JavaScript to be true."""
        self.page.wait_for_function(f"() => Boolean({condition})", timeout=40_000)


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Seen]]:
    """Open a page in a context of its own; at the end nothing may have gone wrong on any."""
    contexts, opened = [], []

    def open_page(address: str, width: int = 1280, height: int = 800, **options: Any) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        seen = Seen(context.new_page())
        opened.append(seen)
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("pageerror", lambda error: seen.problems.append(str(error)))
        seen.page.on("dialog", lambda dialog: (seen.problems.append("a dialog"), dialog.dismiss()))
        seen.page.on("console", lambda said: said.type in ("error", "warning") and seen.problems.append(said.text))
        return seen.go(address)

    yield open_page
    for context in contexts:
        context.close()
    assert [problem for seen in opened for problem in seen.problems] == []


@contextmanager
def serving(made: Material) -> Iterator[str]:
    """The real server, in a thread; gives its address."""
    uvicorn = pytest.importorskip("uvicorn")
    config = uvicorn.Config(application(View.of(made), TOKEN), port=0, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/{TOKEN}/"
    server.should_exit = True
    thread.join(10)


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Any web server, of a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@contextmanager
def door(kind: str, made: Material, folder: Path) -> Iterator[str]:
    """The address of some material behind one of the three doors."""
    if kind == "file":
        yield write_explorer(made, folder / "explorer.html").as_uri()
    elif kind == "bundle":
        with plain_server(write_bundle(made, folder / "bundle")) as address:
            yield address
    else:
        with serving(made) as address:
            yield address


@pytest.fixture
def one_file(tmp_path: Path) -> Callable[[Material], str]:
    return lambda made: write_explorer(made, tmp_path / "explorer.html").as_uri()
