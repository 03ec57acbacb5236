"""The customers' guides as pages, rendered from `docs/`."""

import html
import itertools
import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

GUIDES = (
    "getting-started",
    "times",
    "quality",
    "changes",
    "insights",
    "exports",
    "feeds",
    "webhooks",
    "limits",
    "errors",
    "connectors",
    "samples",
    "versioning",
)
"""Names of files in `docs/`, in the order in which the page lists them; one that is not there is left out."""

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>{title}</title>
    <link rel="icon" href="/pages/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/pages/style.css" />
    <script type="module" src="/pages/js/guide.js"></script>
  </head>
  <body>
    <header><a class="home" href="/">Metering data</a></header>
    <main class="guide card">
{content}
    </main>
  </body>
</html>
"""
_GUIDE = re.compile(r"(?:\./)?([a-z-]+)\.md(#.*)?")


def listed(documents: Path) -> list[dict[str, str]]:
    """Return name and title of every guide in a folder, in order."""
    found = [(name, documents / f"{name}.md") for name in GUIDES]
    return [{"name": name, "title": _title(file.read_text("utf-8"))} for name, file in found if file.exists()]


def page(name: str, documents: Path) -> str | None:
    """Return a guide as an HTML page; None if there is no guide of that name."""
    file = documents / f"{name}.md"
    if name not in GUIDES or not file.exists():
        return None
    text = file.read_text("utf-8")
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = renderer.parse(text)
    _link(tokens, documents)
    _anchor(tokens)
    content = renderer.renderer.render(tokens, renderer.options, {})
    # A wide table or a long line scrolls by itself, with the keyboard as well.
    content = content.replace(
        "<table>", '<div class="scrolls" tabindex="0" role="region" aria-label="Table"><table>'
    )
    content = content.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    return _PAGE.format(title=html.escape(_title(text)), content=content)


def _title(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ")


def _link(tokens: list[Token], documents: Path) -> None:
    """Have links between guides lead to their pages; name other files without a link."""
    for token in (child for each in tokens for child in each.children or ()):
        if token.type != "link_open":
            continue
        target = str(token.attrGet("href"))
        found = _GUIDE.fullmatch(target)
        if found and found[1] in GUIDES and (documents / f"{found[1]}.md").exists():
            token.attrSet("href", f"/pages/guides/{found[1]}{found[2] or ''}")
        elif not target.startswith(("https:", "#")):
            token.attrs.pop("href")


def _anchor(tokens: list[Token]) -> None:
    """Give headings the ids that links to them use."""
    for opened, inline in itertools.pairwise(tokens):
        if opened.type == "heading_open":
            words = re.sub(r"[^\w\s-]", "", inline.content.lower())
            opened.attrSet("id", re.sub(r"\s+", "-", words.strip()))
