"""The words of a Bicep text: its names in use, apart from comments, strings and the keys of objects.

pycep's tree gives strings and names alike as text, so what a text refers to is read here.
"""

import re
from collections.abc import Iterator
from typing import cast

_TOKEN = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<quote>   ' )
    | (?P<open>    \{ )
    | (?P<close>   \} )
    | (?P<name>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_STRING_PART = re.compile(r"(?:\\.|\$(?!\{)|[^'$\\])*", re.DOTALL)


def without_strings(text: str) -> str:
    """The text without comments and string literals; what `${…}` in a string holds stays, in parentheses."""
    return "".join(_code(text))


def _code(text: str) -> Iterator[str]:
    position = 0
    braces = [0]  # Open braces of the text, and then of each interpolation within another.
    while position < len(text):
        match = cast(re.Match[str], _TOKEN.match(text, position))  # Its last alternative takes anything.
        position, kind = match.end(), match.lastgroup
        if kind == "comment":
            continue
        if kind == "quote":
            position, opened = _skip_string(text, position)
            if opened:
                braces.append(0)
            yield " (" if opened else " '' "
        elif kind == "close" and braces[-1] == 0 and len(braces) > 1:
            position, opened = _skip_string(text, position)
            if not opened:
                braces.pop()
            yield ") (" if opened else ") "
        else:
            braces[-1] += {"open": 1, "close": -1}.get(kind or "", 0)
            yield match.group()


def _skip_string(text: str, position: int) -> tuple[int, bool]:
    """Where the string's literal part that begins at `position` ends, and whether `${` ends it."""
    end = cast(re.Match[str], _STRING_PART.match(text, position)).end()
    return (end + 2, True) if text.startswith("${", end) else (end + 1, False)


_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_KEY = re.compile(r":(?!:)")
_AFTER_IN = re.compile(r"\bin\s+$")


def names_used(text: str) -> set[str]:
    """Names that stand where a value, a function or a type is expected; keys and members are left out."""
    return set(_names(text))


def times_named(text: str, name: str) -> int:
    """How often the name stands in the code, its declaration included."""
    return list(_names(text)).count(name)


def _names(text: str) -> Iterator[str]:
    code = without_strings(text)
    for match in _NAME.finditer(code):
        before = code[max(0, match.start() - 10) : match.start()]
        is_key = _KEY.match(code, match.end()) and not _AFTER_IN.search(before)
        if not is_key and not before.endswith("::"):
            yield match.group()


_DECLARATION = re.compile(r"^\s*(?:param|var|resource|module|output)\s+([A-Za-z_]\w*)", re.MULTILINE)
_LOOP = re.compile(r"\bfor\s+\(?\s*([A-Za-z_]\w*)(?:\s*,\s*([A-Za-z_]\w*)\s*\))?\s+in\b")
_OUTPUT_USE = re.compile(r"\b([A-Za-z_]\w*)[!?]?\.outputs\.([A-Za-z_]\w*)")


def names_declared(text: str) -> set[str]:
    """Names that the text itself makes: parameters, variables, resources, modules, outputs, loop items."""
    code = without_strings(text)
    loops = {name for match in _LOOP.finditer(code) for name in match.groups() if name}
    return set(_DECLARATION.findall(code)) | loops


def outputs_used(text: str) -> set[tuple[str, str]]:
    """The outputs that the text reads: (symbol of the module, name of the output)."""
    return set(_OUTPUT_USE.findall(without_strings(text)))
