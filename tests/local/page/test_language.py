"""The page in Norwegian: every text has its translation, and numbers and days are written as in Norway."""

import json
import re

import pytest

from local.page import app
from local.sampledata import readings
from tests.builders.browser import Page

_TEXT = re.compile(r'\bt\(\s*("(?:[^"\\]|\\.)*")')
_STATIC = re.compile(r"data-t>([^<]*)<")
_LABEL = re.compile(r'aria-label="([^"]*)" data-t-label')
_ENTRY = re.compile(r'^  ("(?:[^"\\]|\\.)*"|[A-Za-z]+):\s*("(?:[^"\\]|\\.)*"),', re.MULTILINE)
_PLACE = re.compile(r"\{\w+\}")


def texts() -> set[str]:
    """Return every text of the scripts and of the documents."""
    scripts = [path for path in (app.FILES / "js").rglob("*.js") if path.name != "norwegian.js"]
    document = "".join(path.read_text(encoding="utf-8") for path in app.FILES.glob("*.html"))
    return {
        *(json.loads(text) for path in scripts for text in _TEXT.findall(path.read_text(encoding="utf-8"))),
        *(" ".join(text.split()) for text in _STATIC.findall(document)),
        *_LABEL.findall(document),
    }


def translations() -> dict[str, str]:
    """Return the Norwegian texts by the English ones."""
    file = (app.FILES / "js" / "norwegian.js").read_text(encoding="utf-8")
    return {
        json.loads(key if key[0] == '"' else f'"{key}"'): json.loads(text)
        for key, text in _ENTRY.findall(file)
    }


def test_every_text_is_translated_and_none_is_left_over() -> None:
    assert texts() == set(translations())


def test_a_translation_has_the_places_of_its_text() -> None:
    wrong = {
        text: norwegian
        for text, norwegian in translations().items()
        if sorted(_PLACE.findall(text)) != sorted(_PLACE.findall(norwegian))
    }

    assert wrong == {}


@pytest.mark.slow
def test_a_day_is_shown_in_norwegian(page: Page) -> None:
    page.open(caller="eos-vendor")
    with page.speaking("nb"):
        page.open(caller="eos-vendor", point=readings.BAKERY, view="week", day="2026-03-29")
        title, total = page.text("#period"), page.headline("Sum")
        tabs = [tab.text for tab in page.all("#tabs > .tabs > [role=tablist] [role=tab]")]

    assert title == "Uke 13, 23.–29. mars 2026"
    assert re.match(r"^\d\s\d{3}(,\d)? kWh", total)
    assert tabs[:2] == ["Oversikt", "Serie"]


@pytest.mark.slow
def test_the_choice_of_a_language_is_kept(page: Page) -> None:
    page.open(caller="kari")
    page.choose("#language", "nb")
    page.wait(lambda: page.text("h1") == "Måledata")

    page.open(caller="kari")
    kept = page.text("h1")
    page.settle()
    page.choose("#language", "en")
    page.wait(lambda: page.text("h1") == "Metering data")

    assert kept == "Måledata"
