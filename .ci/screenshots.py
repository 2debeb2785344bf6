"""Pictures of the explorer for the README and the documents, from the folder of a demo.

    presoftmax demo --out /tmp/run && python .ci/screenshots.py /tmp/run

Writes docs/figures/explorer.png (light), explorer-dark.png and explorer-phone.png. Needs playwright and a Chromium.
"""

import os
import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FIGURES = Path(__file__).parent.parent / "docs" / "figures"
# Name, width, height, colors, and what is shown: an iteration at which the confidence reads 1.00 and goes on.
SHOTS = (
    ("explorer", 1280, 800, "light", "#i=29&e=0&y=misclassification_log_odds"),
    ("explorer-dark", 1280, 800, "dark", "#i=40&e=19&y=ca1&sort=strength&down=1"),
    ("explorer-phone", 400, 860, "light", "#i=29&e=0"),
)
SCALE = 1.5


def browser_path() -> str:
    """The path of a Chromium, as the tests find it."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("PRESOFTMAX_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sys.exit("no Chromium found; give its path in PRESOFTMAX_BROWSER")
    return found


def main(run: Path) -> None:
    """Draw all of them."""
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        for name, width, height, colors, shown in SHOTS:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=colors, device_scale_factor=SCALE
            )
            page = context.new_page()
            page.goto((run / "explorer.html").resolve().as_uri() + shown)
            page.wait_for_selector("html.ready")
            page.wait_for_timeout(800)
            with Image.open(BytesIO(page.screenshot())) as picture:
                picture.convert("RGB").save(FIGURES / f"{name}.png", optimize=True)
            context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
