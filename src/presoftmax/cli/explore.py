"""Showing the explorer: where its page is, or where its files are."""

import shlex
import webbrowser
from pathlib import Path
from threading import Thread

from presoftmax.cli.display import say, terminal
from presoftmax.workflows import bundle_run, explore_run

__all__ = ["show_explore"]


def show_explore(run: Path, bundle: Path | None, port: int, browser: bool) -> None:
    """Serve a run's page and open it, or write it as a folder of files."""
    console = terminal()
    if bundle is not None:
        with terminal(stderr=True).status("reading the tables, writing the images"):
            folder = bundle_run(run, bundle)
        say(console, f"{folder} holds the page; any web server shows it, for example:")
        say(console, f"python -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(folder))}")
        return

    def ready(address: str) -> None:
        say(console, address)
        say(terminal(stderr=True), "for this machine alone, until Ctrl-C")
        if browser:
            # Aside: some browsers only return when they are closed, and this one waits for the server.
            Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    explore_run(run, port, ready)
