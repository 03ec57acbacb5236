"""The customers' guides as pages."""

import re
from pathlib import Path

import pytest

from local import places
from local.page import guides

DOCS = places.ROOT / "docs"


@pytest.mark.parametrize("name", [each["name"] for each in guides.listed(DOCS)])
def test_every_link_between_guides_leads_to_a_heading_that_is_there(name: str) -> None:
    page = guides.page(name, DOCS)
    assert page is not None

    for target, anchor in re.findall(r'href="/pages/guides/([a-z-]+)(?:#([^"]*))?"', page):
        found = guides.page(target, DOCS)
        assert found is not None, target
        assert not anchor or f'id="{anchor}"' in found, (target, anchor)


def test_a_guide_has_its_title_tables_and_code(tmp_path: Path) -> None:
    text = "# Times & days\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n## How so\n\n```sh\ncurl <x>\n```\n"
    (tmp_path / "times.md").write_text(text, encoding="utf-8")

    page = guides.page("times", tmp_path) or ""

    assert "<title>Times &amp; days</title>" in page
    assert '<h2 id="how-so">How so</h2>' in page
    assert "<td>1</td>" in page
    assert "curl &lt;x&gt;" in page
    assert guides.listed(tmp_path) == [{"name": "times", "title": "Times & days"}]


def test_links_lead_to_guides_and_not_to_other_files_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "errors.md").write_text("# Errors\n", encoding="utf-8")
    text = "# Times\n[a](errors.md#x) [b](../README.md) [c](limits.md) [d](https://example.com) [e](#here)\n"
    (tmp_path / "times.md").write_text(text, encoding="utf-8")

    page = guides.page("times", tmp_path) or ""

    assert re.findall(r"<a[^>]*>\w</a>", page) == [
        '<a href="/pages/guides/errors#x">a</a>',
        "<a>b</a>",
        "<a>c</a>",
        '<a href="https://example.com">d</a>',
        '<a href="#here">e</a>',
    ]


@pytest.mark.parametrize("name", ["operations", "deploy", "nothing", "../README"])
def test_only_guides_for_customers_are_pages(name: str) -> None:
    assert guides.page(name, DOCS) is None
