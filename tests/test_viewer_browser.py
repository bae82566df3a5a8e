"""The viewer in a real browser, Debian's Chromium or another one that is installed."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from viewed import answers_of, predictions_of, running

from mass13k_tools.images import png_bytes, read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.viewer.export import export_site

pytest.importorskip("starlette", reason="the extra 'web' is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed"),
    pytest.mark.xdist_group("browser"),  # one browser for all
]
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser):
    """A page; the test fails if anything is said on the console or any request fails."""
    opened = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
    opened.set_default_timeout(WAIT_MS)
    faults = []
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("requestfailed", lambda request: faults.append(f"{request.url} {request.failure}"))
    opened.faults = faults
    yield opened
    opened.close()
    # Pictures that scroll away or are filtered out need not be loaded any more
    assert [fault for fault in faults if "ERR_ABORTED" not in fault] == []


@pytest.fixture
def root(tiny_dataset):
    """The tiny data set, with one photo of several tiles: blocks of classes and a line."""
    rng = np.random.default_rng(0)
    label_map = np.kron(rng.integers(4, 7, (15, 24)), np.ones((50, 50))).astype(np.uint8)
    label_map[333] = 3
    label_map[:50, :50] = 1
    for folder, pixels in (
        ("images", np.repeat(255 - 40 * label_map[..., None], 3, axis=2)),
        ("annotations", label_map),
    ):
        (tiny_dataset / folder / "val" / "wide.png").write_bytes(png_bytes(pixels))
    return tiny_dataset


def shown(root, **options):
    """Serve a data set that is measured, so that pages have nothing left to ask."""
    return running(answers_of(root, measured=True, **options))


def keep(page, name):
    """Keep a picture of the page where a person can look at it."""
    folder = os.environ.get("MASS13K_ARTEFACTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, f"{name}.png"))


def pixel(page, x, y):
    """Read the colour of a pixel of the first canvas, in CSS pixels."""
    return page.evaluate(
        """([x, y]) => {
            const canvas = document.querySelector(".views canvas"), ratio = devicePixelRatio;
            return [...canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data];
        }""",
        [x, y],
    )


def wait_for_pixel(page, x, y, colour):
    page.wait_for_function(
        """([x, y, colour]) => {
            const canvas = document.querySelector(".views canvas"), ratio = devicePixelRatio;
            const found = canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data;
            return colour.every((value, place) => Math.abs(value - found[place]) < 4);
        }""",
        arg=[x, y, list(map(int, colour))],
    )


def open_photo(page, home, place, query):
    page.goto(f"{home}#/photo/{place}?{query}")
    expect(page.locator(".panel")).to_be_visible()


def test_a_gallery_is_searched_filtered_sorted_and_its_address_keeps_it(page, root):
    with shown(root) as home:
        page.goto(home)
        expect(page.locator(".card")).to_have_count(7)
        expect(page.locator(".card img").first).to_have_js_property("complete", True)
        keep(page, "gallery")
        page.get_by_label("Search").fill("hangzhou")
        expect(page.locator(".card")).to_have_count(2)
        page.get_by_label("Search").fill("")
        page.get_by_label("Split").select_option("val")
        page.get_by_label("Sort by").select_option("mipq")
        expect(page.locator(".card")).to_have_count(3)
        found = [float(text.split()[-1]) for text in page.locator(".card .facts").all_inner_texts()]
        assert found == sorted(found, reverse=True)
        page.reload()
        expect(page.locator(".card")).to_have_count(3)
        page.get_by_label("With class").select_option(label="background")
        assert page.locator(".card").count() < 3


def test_a_pixel_that_is_probed_has_the_label_maps_value(page, root):
    dataset = find_dataset(root)
    label_map = read_label_map(root / "annotations/val/wide.png", dataset.taxonomy)
    with shown(root) as home:
        open_photo(page, home, "val/wide", "x=600&y=320&z=4")
        box = page.locator(".views canvas").first.bounding_box()
        for x, y in ((511, 333), (512, 332), (513, 334), (600, 320)):
            px = box["width"] / 2 + (x + 0.5 - 600) * 4
            py = box["height"] / 2 + (y + 0.5 - 320) * 4
            page.mouse.move(box["x"] + px, box["y"] + py)
            name = dataset.taxonomy.names[label_map[y, x]]
            expect(page.locator(".probe")).to_contain_text(f"x {x}, y {y}")
            expect(page.locator(".probe")).to_contain_text(f"Labels: {label_map[y, x]} {name}")


def test_labels_are_drawn_pixel_by_pixel_and_switched_by_class(page, root):
    taxonomy = find_dataset(root).taxonomy
    label_map = read_label_map(root / "annotations/val/wide.png", taxonomy)
    with shown(root) as home:
        open_photo(page, home, "val/wide", "x=600&y=333&z=8&layers=labels:100")
        box = page.locator(".views canvas").first.bounding_box()
        for x, y in ((590, 332), (590, 333), (590, 334), (610, 333)):
            px = box["width"] / 2 + (x + 0.5 - 600) * 8
            py = box["height"] / 2 + (y + 0.5 - 333) * 8
            wait_for_pixel(page, px, py, [*taxonomy.colours[label_map[y, x]], 255])
        keep(page, "pixels")
        px, py = box["width"] / 2 - 76, box["height"] / 2 + 4  # of class 3
        page.keyboard.press("4")
        wait_for_pixel(page, px, py, [0, 0, 0, 0])
        page.wait_for_url(re.compile("off=3"))
        page.keyboard.press("4")
        wait_for_pixel(page, px, py, [*taxonomy.colours[3], 255])
        page.get_by_role("button", name="Palette").click()
        wait_for_pixel(page, px, py, [0, 158, 115, 255])


def test_outlines_are_drawn_across_tiles(page, root):
    taxonomy = find_dataset(root).taxonomy
    with shown(root) as home:
        open_photo(page, home, "val/wide", "x=512&y=333&z=16&layers=labels:100")
        page.keyboard.press("o")
        box = page.locator(".views canvas").first.bounding_box()
        for x in (511, 512):  # of two tiles, on the line of one pixel
            px = box["width"] / 2 + (x + 0.5 - 512) * 16
            wait_for_pixel(page, px, box["height"] / 2 + 8, [*taxonomy.colours[3], 255])
        inside = (box["width"] / 2 + 8, box["height"] / 2 + 8 + 16 * 8)
        wait_for_pixel(page, *inside, [0, 0, 0, 0])


def test_zoom_swipe_keys_and_help(page, root, tmp_path):
    folder = predictions_of(root, tmp_path / "pred", change=lambda each: each * 0 + 5)
    with shown(root, predictions=[folder]) as home:
        open_photo(page, home, "val/wide", "layers=labels:100")
        zoom = page.locator(".zoom")
        before = zoom.inner_text()
        page.keyboard.press("+")
        expect(zoom).not_to_have_text(before)
        page.keyboard.press("0")
        expect(zoom).to_have_text(before)
        page.keyboard.press("s")
        expect(page.locator(".swipe")).to_be_visible()
        box = page.locator(".views canvas").first.bounding_box()
        wait_for_pixel(page, box["width"] * 0.75, box["height"] / 2, [0, 0, 255, 255])
        handle = page.locator(".swipe").bounding_box()
        page.mouse.move(handle["x"] + 14, handle["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, handle["y"] + 50, steps=4)
        page.mouse.up()
        expect(page.locator(".swipe")).to_have_attribute("aria-valuenow", "90")
        keep(page, "swipe")
        page.keyboard.press("d")
        expect(page.locator(".views canvas").nth(1)).to_be_visible()
        page.keyboard.press("e")
        expect(page.get_by_label("Errors of pred", exact=True)).to_be_checked()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.locator(".windows button").first.click()
        page.wait_for_url(re.compile("z="))
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".title")).not_to_have_text("wide")
        assert "mode=side" in page.url


def test_a_view_can_be_shared_and_a_part_be_kept(page, root):
    with shown(root) as home:
        open_photo(page, home, "val/wide", "")
        box = page.locator(".views").bounding_box()
        page.mouse.move(box["x"] + 300, box["y"] + 200)
        page.mouse.wheel(0, -900)
        page.wait_for_url(re.compile(r"z=[2-9]"))
        address, zoom = page.url, page.locator(".zoom").inner_text()
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(".zoom")).to_have_text(zoom)
        with page.expect_download() as download:
            page.get_by_role("button", name="Keep what is in sight as PNG").click()
        assert re.fullmatch(r"wide-image-x\d+-y\d+-\d+x\d+\.png", download.value.suggested_filename)


def test_a_broken_photo_shows_its_error_in_place(page, root):
    sample = find_dataset(root).samples[0]
    sample.label_path.write_bytes(b"no png")
    with shown(root) as home:
        page.goto(home)
        expect(page.locator(".card .fault")).to_contain_text(sample.key)
        expect(page.locator(".card img")).to_have_count(6)
        page.locator(".card").first.click()
        expect(page.get_by_role("alert")).to_contain_text(sample.key)
        page.keyboard.press("ArrowRight")
        expect(page.locator(".panel")).to_be_visible()
    page.faults[:] = [fault for fault in page.faults if "422" not in fault]


def test_a_bar_of_the_statistics_leads_to_its_photos(page, root):
    with shown(root) as home:
        page.goto(f"{home}#/statistics")
        expect(page.get_by_role("rowheader", name="person")).to_be_visible()
        keep(page, "statistics")
        page.locator("figure").first.locator(".bin[role=link]").last.press("Enter")
        expect(page.locator(".chip")).to_contain_text("mIPQ")
        expect(page.locator(".card")).to_have_count(1)
        page.locator(".chip").click()
        expect(page.locator(".card")).to_have_count(7)


def test_exported_pages_open_from_disk(page, root, tmp_path):
    folder = predictions_of(root, tmp_path / "pred")
    export_site(answers_of(root, predictions=[folder]), tmp_path / "site")
    taxonomy = find_dataset(root).taxonomy
    label_map = read_label_map(root / "annotations/val/wide.png", taxonomy)
    page.goto((tmp_path / "site" / "index.html").as_uri())
    expect(page.locator(".card")).to_have_count(7)
    page.locator(".card", has_text="wide").click()
    expect(page.locator(".panel")).to_be_visible()
    page.keyboard.press("+")
    box = page.locator(".views canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2 + 3)
    expect(page.locator(".probe")).to_contain_text("Prediction pred: ")
    x, y = map(int, re.match(r"x (\d+), y (\d+)", page.locator(".probe").inner_text()).groups())
    expect(page.locator(".probe")).to_contain_text(f"Labels: {label_map[y, x]} ")
    page.goto((tmp_path / "site" / "index.html").as_uri() + "#/statistics")
    expect(page.locator("figure").first).to_be_visible()


def test_a_key_before_the_first_drawing_zooms(page, root, tmp_path):
    """What a slow machine does by chance: the photo is there, no frame is drawn yet."""
    export_site(answers_of(root), tmp_path / "site")
    page.add_init_script(
        "const draw = requestAnimationFrame;"
        "window.requestAnimationFrame = (act) => setTimeout(() => draw(act), 300);"
    )
    page.goto((tmp_path / "site" / "index.html").as_uri() + "#/photo/val/wide?x=5wide")
    page.locator(".panel").wait_for()
    page.keyboard.press("+")
    page.wait_for_url(re.compile(r"z="))
    assert "NaN" not in page.url


def test_a_phone_and_a_dark_room_do(browser, root):
    with shown(root) as home:
        phone = browser.new_page(viewport={"width": 390, "height": 780}, color_scheme="dark")
        phone.goto(home)
        expect(phone.locator(".card").first).to_be_visible()
        dark = phone.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, re.findall(r"\d+", dark))) < 60
        for address in ("", "#/statistics", "#/photo/val/wide"):
            phone.goto(home + address)
            phone.wait_for_timeout(300)
            assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        phone.get_by_role("button", name="Theme").click()
        light = phone.evaluate("getComputedStyle(document.body).backgroundColor")
        assert min(map(int, re.findall(r"\d+", light))) > 200
        phone.close()


def test_names_of_photos_are_shown_as_text(page, root):
    sample = find_dataset(root).samples[0]
    name = "<img src=x onerror=document.title='hit'>"
    for path in (sample.image_path, sample.label_path):
        path.rename(path.with_name(f"{name}{path.suffix}"))
    with shown(root) as home:
        page.goto(home)
        page.locator(".card", has_text="onerror").click()
        expect(page.locator(".title")).to_have_text(name)
        assert "hit" != page.title()
