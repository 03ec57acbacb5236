"""Files made on request, on the developer page: asked for, followed, saved, deleted."""

import hashlib
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from local.sampledata import readings
from tests.builders.browser import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def files(page: Page) -> Iterator[Page]:
    """The page at the files of kari, who has none before and after."""
    page.open(caller="kari", tab="files")
    yield page
    page.open(caller="kari", tab="files")
    while left := page.all("#files .entry-head button"):
        left[0].click()
        page.wait(partial(fewer_than, page, len(left)))


def fewer_than(page: Page, count: int) -> bool:
    return len(page.all("#files .entry-head button")) < count


def make(page: Page, **choices: str) -> None:
    for name, value in choices.items():
        page.choose(f"#export-{name}", value)
    page.find("#files form button[type=submit]").click()
    page.wait(lambda: page.all(".answer .outcome, .answer .problem"))


def test_a_file_is_made_and_saved_as_it_was_made(files: Page, tmp_path: Path, yesterday: date) -> None:
    make(files, points=readings.BAKERY, format="csv", compression="none")
    files.wait(lambda: files.all("#files .state.finished"))
    behavior = {"behavior": "allow", "downloadPath": str(tmp_path)}
    files.driver.execute_cdp_cmd("Page.setDownloadBehavior", behavior)

    button = files.find("#files .files button")
    name = button.text
    button.click()
    files.wait((tmp_path / name).exists)

    content = (tmp_path / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == files.find("#files .hash").get_attribute("title")
    assert content.startswith(b"meteringPointId,")
    assert f"{yesterday}T23:00:00".encode() in content
    assert files.text("#files .message") == f"Saved as {name}."


def test_an_export_without_values_says_that_it_has_no_files(files: Page) -> None:
    files.run("arguments[0].value = '2011-01-01'", files.find("#export-from"))

    make(files, format="csv", to="2011-01-02")
    files.wait(lambda: files.all("#files .state.finished"))

    assert "No values in this period, so there are no files." in files.text("#files .entry")


def test_every_fault_of_an_export_is_named(files: Page, yesterday: date) -> None:
    make(files, format="xlsx", compression="gzip", to=str(yesterday.replace(day=1)))

    faults = [row.text.split()[0] for row in files.all(".answer .faults tbody tr")]
    assert faults == ["to", "form.compression"]
    assert files.text("#files section:last-child") == "Your exports There are none yet."


def test_a_deleted_export_is_gone(files: Page) -> None:
    make(files, format="ndjson")
    files.wait(lambda: files.all("#files .entry"))

    files.find("#files .entry-head button").click()

    files.wait(lambda: files.text("#files section:last-child") == "Your exports There are none yet.")


def test_an_export_that_is_gone_already_is_a_problem(files: Page) -> None:
    make(files, format="ndjson")
    files.wait(lambda: files.all("#files .state.finished"))
    delete_elsewhere(files, files.text("#files .entry-head code"))

    files.find("#files .entry-head button").click()

    files.wait(lambda: files.all(".answer .problem"))
    assert files.text(".answer .problem h2").startswith("404 ")
    assert "GET /exports lists" in files.text(".answer .problem")
    files.wait(lambda: files.text("#files section:last-child") == "Your exports There are none yet.")


def delete_elsewhere(page: Page, export: str) -> None:
    """Delete an export of kari as another client does."""
    page.run(
        "const id = arguments[0];"
        "return import('/pages/js/api.js').then(async (api) => {"
        " const demo = await api.world();"
        " const kari = demo.callers.find(({ name }) => name === 'kari');"
        " return (await api.call(demo, kari, `/exports/${id}`, { method: 'DELETE' })).status })",
        export,
    )


def test_the_curl_line_makes_the_same_export(files: Page) -> None:
    make(files, format="parquet", direction="")
    files.run("document.querySelector('.answer details').open = true")
    files.wait(lambda: files.all(".answer [role=tabpanel]"))

    lines = files.text(".answer [role=tabpanel]:not([hidden])")
    assert "-X POST" in lines
    assert '--data \'{"directions":["consumption","production"]' in lines


def test_the_chart_s_button_begins_an_export_of_what_it_shows(page: Page, yesterday: date) -> None:
    page.open(caller="kari", point=readings.OUTLET, view="year", day=str(yesterday))

    next(one for one in page.all(".downloads button") if one.text.startswith("Parquet")).click()
    page.settle()

    chosen = {
        name: page.find(f"#export-{name}").get_property("value") for name in ("points", "from", "format")
    }
    assert chosen == {"points": readings.OUTLET, "from": f"{yesterday.year}-01-01", "format": "parquet"}
