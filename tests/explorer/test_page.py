"""The page in a real browser: what it shows, what moves, and what must never happen."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from presoftmax.explorer import Explorer, View
from tests.explorer.conftest import door
from tests.explorer.made import CLASSES, material

DOORS = ("file", "bundle", "server")
NASTY = "<img src=x onerror=window.hacked=1>"
ENDING = "</script><script>window.hacked=1</script><!--"


def stop(seen, position):
    """Bring the slider to a position."""
    seen.page.evaluate(f"location.hash = location.hash.replace(/^#?(i=\\d+&?)?/, '#i={position}&')")
    seen.until(f"document.getElementById('slider').value === '{position}'")
    seen.page.wait_for_timeout(200)


def average(seen, pane="now"):
    """The mean red value of a picture."""
    return seen.page.evaluate(
        f"""() => {{ const shown = document.querySelector('figure.{pane} canvas'), c = document.createElement('canvas');
        c.width = shown.width; c.height = shown.height;
        c.getContext('2d', {{ willReadFrequently: true }}).drawImage(shown, 0, 0);
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let sum = 0; for (let k = 0; k < d.length; k += 4) sum += d[k]; return 4 * sum / d.length; }}"""
    )


def numbers_of(seen):
    """What stands in the rows: the id, and every cell by its column."""
    return seen.page.evaluate(
        """() => [...document.querySelectorAll('#rows tbody tr[data-n]')].map(r => [Number(r.dataset.n),
        Object.fromEntries([...r.querySelectorAll('td[data-column]')].map(c => [c.dataset.column, c.textContent]))])"""
    )


@pytest.mark.parametrize("kind", DOORS)
def test_every_door_shows_the_same_and_asks_nobody_else(kind, look, tmp_path):
    made = material()
    with door(kind, made, tmp_path) as address:
        seen = look(f"{address}#i=3&e=1")
        assert seen.text("#title") == "made"
        assert seen.text("#one-heading").startswith("image1")
        assert "ant" in seen.text("#verdict")
        assert "bee" in seen.text("#verdict")
        assert seen.text("#at") == "3 of 5"
        assert len(numbers_of(seen)) == 4
        assert seen.page.locator("#scatter circle.dot").count() == 4
        assert average(seen) == pytest.approx(55, abs=1)
        own = [each for each in seen.requests if not each.startswith(("data:", "blob:"))]
        if kind == "file":
            assert own == [address]
        else:
            host = re.match(r"http://[^/]+/", address)[0]
            assert own
            assert all(each.startswith(host) for each in own)


def test_the_numbers_are_those_of_the_tables(look, one_file):
    made = material(examples=3, steps=6)
    steps = made.parts[0].steps.collect()
    seen = look(one_file(made))
    for position in (0, 2, 6):
        stop(seen, position)
        rows = {row["example"]: row for row in steps.filter(iteration=position).to_dicts()}
        for n, cells in numbers_of(seen):
            row = rows[f"image{n}"]
            assert cells["confidence"] == f"{row['confidence']:.2f}"
            assert cells["strength"] == f"{row['misclassification_log_odds']:.1f}".replace("-", "−")
        shown = seen.text("#numbers")
        assert f"{rows['image0']['ca1']:.1f}" in shown
        bars = seen.page.locator("#bars svg").get_attribute("aria-label")
        for number, logit in [(rows["image0"]["predicted"], rows["image0"]["ca1"])]:
            assert f"{CLASSES[number]}, softmax {rows['image0']['confidence']:.2f}, logit {logit:.1f}" in bars
        assert f"ant, softmax {1 / (1 + 2.718281828459045 ** rows['image0']['misclassification_log_odds']):.2f}" in bars


def test_the_slider_moves_everything(look, one_file):
    seen = look(one_file(material()) + "#i=0")
    before = (average(seen), seen.page.locator("#bars svg").inner_html(), cursor(seen), dots(seen))
    slider = seen.page.locator("#slider")
    slider.focus()
    seen.press("ArrowRight", "ArrowRight", "ArrowRight")
    seen.until("document.getElementById('at').innerText === '3 of 5'")
    seen.page.wait_for_timeout(400)
    after = (average(seen), seen.page.locator("#bars svg").inner_html(), cursor(seen), dots(seen))
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert slider.get_attribute("aria-valuetext") == "iteration 3"
    box = slider.bounding_box()
    seen.page.mouse.click(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    seen.until("document.getElementById('at').innerText === '5 of 5'")


def cursor(seen):
    return seen.page.locator("#curves .cursor").get_attribute("x1")


def dots(seen):
    return seen.page.evaluate("[...document.querySelectorAll('#scatter .dots circle')].map(c => c.getAttribute('cy'))")


def test_keys(look, one_file):
    seen = look(one_file(material()) + "#i=2")
    steps = (("ArrowRight", "#at", "3 of 5"), ("ArrowLeft", "#at", "2 of 5"), ("End", "#at", "5 of 5"),
             ("Home", "#at", "0 of 5"), ("j", "#one-heading", "image1"), ("k", "#one-heading", "image0"))  # fmt: skip
    for key, where, expected in steps:
        seen.press(key)
        seen.until(f"document.querySelector('{where}').innerText.startsWith('{expected}')")
    seen.press("?")
    assert seen.page.locator("#keys").is_visible()
    seen.press("Escape")
    assert not seen.page.locator("#keys").is_visible()
    seen.press("y")
    seen.until("document.getElementById('measure').value === 'ca1'")
    seen.press(" ")
    seen.until("document.getElementById('at').innerText === '5 of 5'")
    seen.until("document.getElementById('play').getAttribute('aria-label') === 'Play'")


def test_every_column_sorts_both_ways_and_back(look, one_file):
    seen = look(one_file(material()) + "#i=3")
    for key in ("id", "confidence", "strength", "fooled", "first", "v0", "v1"):
        button = seen.page.locator(f"[data-sort={key}]")
        orders = []
        for _ in range(3):
            button.click()
            seen.page.wait_for_timeout(60)
            orders.append([n for n, _ in numbers_of(seen)])
        assert orders[2] == [0, 1, 2, 3]
        assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2, 3)}
        if key in ("id", "strength"):
            assert orders[0] != orders[1]


FILTERS = [
    ("only=saturated&i=5", {0, 1, 2, 3}), ("only=saturated&i=0", set()),
    ("only=all&i=5", {0, 1, 2, 3}), ("only=all&i=0", set()), ("only=none&i=0", {0, 1, 2, 3}),
    ("only=halted&i=5", {0, 1, 2, 3}), ("only=vanished&i=3", {2}), ("only=disguised&i=3", set()),
    ("victim=0&i=1", set()), ("victim=0&i=5", {0, 1, 2, 3}),
    ("find=image2&i=1", {2}), ("find=bee&i=5", {0, 1, 2, 3}), ("find=nobody&i=1", set()),
]  # fmt: skip


@pytest.mark.parametrize(("hash_", "expected"), FILTERS)
def test_filters_of_a_link(hash_, expected, look, one_file):
    seen = look(f"{one_file(material())}#{hash_}")
    assert {n for n, _ in numbers_of(seen)} == expected


def test_a_link_restores_what_is_seen(look, one_file):
    address = one_file(material(attacks=("first", "second")))
    seen = look(address)
    seen.page.select_option("#by-attack", "1")
    seen.page.select_option("#by-victim", "0")
    seen.page.select_option("#measure", "ca1")
    seen.page.fill("#by-find", "image")
    seen.press("Tab")
    seen.page.locator("[data-sort=strength]").click()
    seen.press("End", "j", "t")
    seen.page.wait_for_timeout(300)
    other = look(address + seen.page.evaluate("location.hash"))
    for selector in ("#at", "#one-heading", "#count", "#numbers", "#rows"):
        assert other.text(selector) == seen.text(selector)
    assert other.page.locator("#measure").input_value() == "ca1"
    assert other.page.locator("#by-attack").input_value() == "1"
    assert other.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_link_to_the_clean_images(look, one_file):
    address = one_file(material())
    seen = look(address)
    seen.press("Home")
    seen.until("document.getElementById('at').innerText === '0 of 5'")
    assert look(address + seen.page.evaluate("location.hash")).text("#at") == "0 of 5"


def test_a_drag_selects_and_a_click_opens(look, one_file):
    seen = look(one_file(material(examples=6)) + "#i=5")
    holder = seen.page.locator("#scatter").bounding_box()
    circle = seen.page.locator("#scatter .dots circle").nth(5).bounding_box()
    x, y = circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2
    seen.page.mouse.move(x, y)
    assert "image" in seen.text("#tip")
    seen.page.mouse.click(x, y)
    seen.until("location.hash.includes('e=')")
    seen.page.mouse.move(holder["x"] + 60, y - 3)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 12, holder["y"] + holder["height"] - 50, steps=4)
    seen.page.mouse.up()
    seen.until("!document.getElementById('unselect').hidden")
    assert 0 < len(numbers_of(seen)) <= 6
    link = seen.page.evaluate("location.href")
    assert {n for n, _ in numbers_of(look(link))} == {n for n, _ in numbers_of(seen)}
    seen.press("Escape")
    seen.until("document.getElementById('unselect').hidden")
    assert len(numbers_of(seen)) == 6


def test_the_nearest_image_is_shown_and_said(look, one_file):
    seen = look(one_file(material(kept=[0, 4, 5])) + "#i=3")
    assert seen.text("figure.now figcaption") == "nearest kept: 4"
    assert average(seen) == pytest.approx(120, abs=1)
    assert seen.page.locator("#marks circle").count() == 3
    stop(seen, 4)
    assert seen.text("figure.now figcaption") == "iteration 4"
    assert seen.text("figure.change figcaption").startswith("perturbation")
    without = look(one_file(material(kept=[])))
    assert "No images" in without.text("#pictures")


@pytest.mark.parametrize("kind", DOORS)
def test_names_stay_text(kind, look, tmp_path):
    classes = [f"{NASTY}{n}" for n in range(7)]
    made = material(
        victims=(ENDING, "&amp;"), ids=[NASTY, ENDING, "a\u202eb", "c\x00d"], attacks=(ENDING,), classes=classes,
        title=f"{ENDING}{NASTY}",
    )  # fmt: skip
    with door(kind, made, tmp_path) as address:
        seen = look(f"{address}#i=5&e=0")
        seen.page.locator("#rows tbody tr[data-n='1'] button").click()
        seen.until("document.getElementById('one-heading').innerText.includes('</script>')")
        assert seen.page.evaluate("window.hacked") is None
        assert seen.page.locator("img[src='x']").count() == 0
        assert seen.text("#title") == f"{ENDING}{NASTY}"
        assert NASTY in seen.page.locator("#verdict").get_attribute("title")
        assert "\\u202e" in seen.text("#rows")


ODD = {
    "one example": lambda: material(examples=1),
    "one iteration": lambda: material(steps=0),
    "one of all": lambda: material(examples=1, steps=0, victims=(), kept=[]),
    "no victim": lambda: material(victims=()),
    "a NaN": lambda: material(broken=[(0, 2), (1, 5), (3, 0)]),
    "nothing but NaN": lambda: material(examples=2, steps=2, broken=[(n, at) for n in range(2) for at in range(3)]),
    "many victims": lambda: material(examples=2, steps=2, victims=tuple(f"victim number {v}" for v in range(1000))),
    "a long class": lambda: material(classes=["x" * 200, *("y" * 200 + str(n) for n in range(6))]),
    "no class names": lambda: material(classes=None),
    "many iterations": lambda: material(examples=2, steps=400, victims=("v",), kept=[0, 400]),
    "many examples": lambda: material(examples=1700, steps=1, victims=("v",), kept=[]),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_runs(what, look, tmp_path):
    made = ODD[what]()
    with door("server" if what.startswith("many") else "file", made, tmp_path) as address:
        seen = look(address)
        for key in ("End", "j", "ArrowLeft", "y", "Home"):
            seen.press(key)
            seen.page.wait_for_timeout(60)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert "cannot be shown" not in seen.text("#about")
        for word in ("NaN", "undefined", "null"):
            assert word not in seen.page.locator("body").inner_text()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1440, 900), (1920, 1080)])
def test_one_screen_without_scrolling(width, height, look, one_file):
    seen = look(one_file(material(examples=40, victims=tuple("abcdefgh"))), width, height)
    assert seen.page.evaluate("document.documentElement.scrollHeight") <= height
    parts = ("#scatter", "#rows", "#bars", "#curves", "#strips", "#slider")
    boxes = {name: seen.page.locator(name).bounding_box() for name in parts}
    for box in boxes.values():
        assert box["height"] > 15
        assert box["y"] + box["height"] <= height
    for upper, lower in (("#bars", "#curves"), ("#curves", "#strips"), ("#strips", "#slider"), ("#scatter", "#rows")):
        assert boxes[upper]["y"] + boxes[upper]["height"] <= boxes[lower]["y"] + 0.5


def test_a_phone(look, one_file):
    seen = look(one_file(material(classes=["w" * 200] * 7)), 400, 800, has_touch=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 400
    for name in ("#scatter", "#bars", "#curves", "#rows"):
        box = seen.page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
    assert seen.page.locator("#slider").bounding_box()["y"] < 800


def test_dark_and_light(look, one_file):
    address = one_file(material())
    background = "getComputedStyle(document.body).backgroundColor"
    dark, light = look(address, color_scheme="dark"), look(address, color_scheme="light")
    assert dark.page.evaluate(background) != light.page.evaluate(background)
    light.page.locator("#theme").click()
    light.until(f"{background} === '{dark.page.evaluate(background)}'")
    dark.press("t")
    dark.until(f"{background} !== '{light.page.evaluate(background)}'")


def test_the_view_is_saved_as_svg_and_png(look, one_file, tmp_path):
    seen = look(one_file(material(classes=[f"{NASTY}{n}" for n in range(7)])) + "#i=4")
    for kind, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
        seen.page.locator("#saving summary").click()
        with seen.page.expect_download() as got:
            seen.page.locator(f"#save-{kind}").click()
        path = Path(tmp_path / got.value.suggested_filename)
        got.value.save_as(path)
        assert path.suffix == f".{kind}"
        assert path.read_bytes().startswith(begins)
    drawn = ET.parse(next(tmp_path.glob("*.svg"))).getroot()
    texts = "".join(drawn.itertext())
    assert "softmax confidence" in texts
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}image")) >= 3
    for shown in ("iteration", "natural images", *seen.page.locator("#numbers b").all_inner_texts()):
        assert shown in texts


def test_everything_is_reached_by_the_keyboard_and_has_a_name(look, one_file):
    seen = look(one_file(material()))
    reached = set()
    for _ in range(60):
        seen.press("Tab")
        reached.add(seen.page.evaluate("document.activeElement.id || document.activeElement.dataset.sort || ''"))
    assert {"play", "slider", "measure", "theme", "help", "rows", "previous", "next", "by-find", "strength"} <= reached
    unnamed = seen.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, [role=img], canvas, [tabindex="0"]')]
        .filter(e => e.offsetParent && !e.closest('[aria-hidden=true]') && e.getAttribute('aria-hidden') !== 'true')
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')))
        .map(e => e.outerHTML.slice(0, 90))"""
    )  # fmt: skip
    assert unnamed == []


def test_a_frame_of_a_notebook(browser, tmp_path):
    page = tmp_path / "notebook.html"
    page.write_text(f"<!DOCTYPE html><body class=x>{Explorer(material())._repr_html_()}</body>")
    context = browser.new_context()
    seen = context.new_page()
    problems = []
    seen.on("pageerror", lambda error: problems.append(str(error)))
    seen.goto(page.as_uri())
    inner = seen.frame_locator("iframe")
    inner.locator("html.ready").wait_for(timeout=20_000, state="attached")
    assert inner.locator("#title").inner_text() == "made"
    inner.locator("#next").click()
    inner.locator("#one-heading", has_text="image1").wait_for()
    context.close()
    assert problems == []


def test_what_the_page_says_it_leaves_out(look, one_file):
    made = material(examples=260, steps=1, victims=("v",), kept=[])
    seen = look(one_file(made))
    assert "200 of 260 examples" in seen.text("#about")
    assert "200 examples of 260" in seen.text("#count")
    assert json.dumps(View.of(made).overview())  # all of them, behind the server
