"""What the plan of the house names is there."""

import re
from pathlib import Path

import pytest

from local import places

PAGES = sorted((places.ROOT / "docs" / "development").rglob("*.md"))
PLACE = re.compile(
    r"`((?:shared|operations|contract|local|infra|tests|bench|docs)/[\w./-]*|function_app\.py)(?::(\w+))?`"
)


def named(page: Path) -> list[tuple[str, str]]:
    """The files and folders that a page names, each with the function or class behind the colon."""
    return PLACE.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_exists(page: Path) -> None:
    for path, name in named(page):
        assert (places.ROOT / path).exists(), path
        if name:
            text = (places.ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^(?:class|def) {name}\b", text, flags=re.MULTILINE), f"{path}:{name}"


def test_the_walks_name_functions() -> None:
    page = places.ROOT / "docs" / "development" / "walks.md"

    assert sum(1 for _, name in named(page) if name) > 20
