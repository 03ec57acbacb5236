"""Links in README and docs lead somewhere."""

import re
from pathlib import Path

import pytest

from local import places

PAGES = [
    places.ROOT / "README.md",
    places.ROOT / "CHANGELOG.md",
    places.ROOT / "clients" / "python" / "README.md",
    *sorted((places.ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))


def anchors_of(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.exists()], ids=lambda page: str(page.relative_to(places.ROOT))
)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.exists()], ids=lambda page: str(page.relative_to(places.ROOT))
)
def test_links_out_are_encrypted(page: Path) -> None:
    assert [link for link in links_of(page) if link.startswith("http:") and "127.0.0.1" not in link] == []


def test_every_guide_for_customers_is_reached_from_getting_started() -> None:
    reached = set(links_of(places.ROOT / "docs/getting-started.md"))

    guides = ("changes", "exports", "feeds", "times", "quality", "errors", "limits", "versioning")
    assert {f"{each}.md" for each in guides} <= reached
