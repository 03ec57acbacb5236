"""Policy files as elements that remember their line, with named values put in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from local.gateway.faults import Fault, PolicyRefused

_NAMED_VALUE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass
class Element:
    """One XML element. `text` is what it holds beside its children, stripped."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def refuse(self, reason: str) -> PolicyRefused:
        """Return the refusal of this element."""
        return PolicyRefused(Fault(self.file, self.line, reason))


def read(path: Path, *, named_values: Mapping[str, str], placeholders: Mapping[str, str]) -> Element:
    """Return the root element of a policy file.

    `placeholders` are replaced in the text of the file, as Bicep does before API Management sees
    it; named values in attributes and text, as API Management does. Raises PolicyRefused when
    the file is missing, is not well-formed, or uses a named value that is not defined.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as missing:
        raise PolicyRefused(Fault(path, 0, f"cannot be read: {missing.strerror}")) from missing
    for placeholder, value in placeholders.items():
        source = source.replace(placeholder, value)
    root = _parse(source, path)
    faults = list(_put_in(root, named_values))
    if faults:
        raise PolicyRefused(*faults)
    return root


def _parse(source: str, path: Path) -> Element:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    open_elements: list[Element] = []
    roots: list[Element] = []

    def started(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, path, parser.CurrentLineNumber)
        (open_elements[-1].children if open_elements else roots).append(element)
        open_elements.append(element)

    def ended(_: str) -> None:
        closed = open_elements.pop()
        closed.text = closed.text.strip()

    def characters(text: str) -> None:
        open_elements[-1].text += text

    def declared(*_: object) -> None:
        raise PolicyRefused(Fault(path, parser.CurrentLineNumber, "a policy file has no DOCTYPE"))

    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = (
        started,
        ended,
        characters,
    )
    try:
        parser.Parse(source, True)
    except expat.ExpatError as broken:
        raise PolicyRefused(Fault(path, broken.lineno, f"not well-formed XML: {broken}")) from broken
    return roots[0]


def _put_in(element: Element, named_values: Mapping[str, str]) -> "list[Fault]":
    faults: list[Fault] = []

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in named_values:
            faults.append(Fault(element.file, element.line, f"named value '{name}' is not defined"))
        return named_values.get(name, "")

    element.text = _NAMED_VALUE.sub(value, element.text)
    element.attributes = {
        name: _NAMED_VALUE.sub(value, content) for name, content in element.attributes.items()
    }
    for child in element.children:
        faults.extend(_put_in(child, named_values))
    return faults
