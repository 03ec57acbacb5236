"""Which operation a request is for, from the OpenAPI file that API Management imports.

A URL template's parameter matches one segment. Paths are compared without regard to case.
Dot segments are removed first, as .NET's Uri does, even if their dots are encoded; an encoded
slash stays within its segment.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from local.gateway.exchange import Operation

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class OpenApiRefused(Exception):
    """The OpenAPI file is not one that can be served."""


@dataclass(frozen=True)
class Operations:
    """The API's path and its operations."""

    api_path: str
    templates: tuple[tuple[tuple[str, ...], Operation], ...]

    def below_api(self, raw_path: str) -> str | None:
        """Return what follows the API's path, or None when the request is not for this API."""
        path = normalised(raw_path)
        prefix = f"/{self.api_path}"
        if unquote(path).lower() == prefix:
            return "/"
        return path[len(prefix) :] if path.lower().startswith(f"{prefix}/") else None

    def match(self, method: str, below: str) -> Operation | None:
        """Return the operation for a method and a path below the API's."""
        segments = [unquote(segment) for segment in below.split("/")[1:]]
        for template, operation in self.templates:
            if operation.method == method and _fits(template, segments):
                return operation
        return None


def read(path: Path) -> Operations:
    """Return the operations of an OpenAPI 3.0 file, below `servers[0].url`. Raises OpenApiRefused."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as broken:
        raise OpenApiRefused(f"{path} cannot be read: {broken}") from broken
    return parse(document, name=str(path))


def parse(document: dict[str, Any], *, name: str) -> Operations:
    """Return the operations of an OpenAPI 3.0 document."""
    if not str(document.get("openapi", "")).startswith("3.0."):
        raise OpenApiRefused(f"{name} is not OpenAPI 3.0")
    if not document.get("servers"):
        raise OpenApiRefused(f"{name} names no server, so the API's path is unknown")
    url: str = document["servers"][0]["url"]
    api_path = re.sub(r"^https?://[^/]*", "", url).strip("/").lower()
    found = [
        (
            tuple(template.split("/")[1:]),
            Operation(described["operationId"], method.upper(), template),
        )
        for template, methods in document["paths"].items()
        for method, described in methods.items()
        if method in _METHODS
    ]
    # A template with fewer parameters is the better match.
    found.sort(key=lambda entry: sum(_is_parameter(segment) for segment in entry[0]))
    return Operations(api_path, tuple(found))


def normalised(raw_path: str) -> str:
    """Return the path without dot segments (RFC 3986 section 5.2.4), backslashes read as slashes."""
    kept: list[str] = []
    plain = ""
    for segment in raw_path.replace("\\", "/").split("/"):
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            kept = kept[:-1] if len(kept) > 1 else kept
        elif plain != ".":
            kept.append(segment)
    # A dot segment at the end leaves the slash before it.
    return "/".join([*kept, ""] if plain in (".", "..") else kept)


def _fits(template: tuple[str, ...], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        (segment != "" if _is_parameter(wanted) else wanted.lower() == segment.lower())
        for wanted, segment in zip(template, segments, strict=True)
    )


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")
