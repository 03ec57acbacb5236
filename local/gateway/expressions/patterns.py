"""Regular expressions that .NET and Python read alike, and nothing else of either."""

import re
from functools import lru_cache

from local.gateway.expressions import dotnet
from local.gateway.expressions.dotnet import EvaluationError

_PLAIN = r"[A-Za-z0-9 ,:;@/_!=<>-]"
_IN_CLASS = r"[A-Za-z0-9 \t,:;@/_!=<>.*+?()]"
_TOKEN = re.compile(
    rf"""
    (?P<atom>{_PLAIN} | \. | \[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|{_IN_CLASS})+-?\])
  | (?P<open>\((?:\?[:=!]|(?!\?)))
  | (?P<close>\))
  | (?P<anchor>\^ | \$ | \\z)
  | (?P<or>\|)
  | (?P<quantifier>(?:[*+?] | \{{[0-9]{{1,4}}(?:,(?:[0-9]{{1,4}})?)?\}})\??)
    """,
    re.VERBOSE,
)


class PatternRefused(Exception):
    """A pattern is not valid, or not known to be read alike."""


@lru_cache(maxsize=256)
def translate(pattern: str) -> str:
    """Return the pattern as Python writes it.

    Raises:
        PatternRefused: it holds what the two read differently, such as a quantifier after a quantifier,
            `{,3}` or a class inside a class, or what nobody has compared.
    """
    position, before, written = 0, "open", []
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None:
            raise PatternRefused(f"the pattern {pattern!r} uses signs that are not supported here")
        kind = found.lastgroup or ""
        if kind == "quantifier" and before not in ("atom", "close"):
            raise PatternRefused(f"the pattern {pattern!r} repeats what cannot be repeated")
        # Python's word for the end, and for nothing but the end.
        written.append(r"\Z" if found[0] == r"\z" else found[0])
        position, before = found.end(), kind
    try:
        re.compile("".join(written))
    except re.error as broken:
        raise PatternRefused(f"the pattern {pattern!r} is not valid: {broken}") from broken
    return "".join(written)


def is_match(text: str, pattern: str, options: re.RegexFlag = re.NOFLAG) -> bool:
    """Do what Regex.IsMatch does with a pattern that `translate` accepts. Raises EvaluationError."""
    if options & re.IGNORECASE and not text.isascii():
        raise EvaluationError("The case of characters beyond ASCII is not known to be the same here.")
    return re.search(translate(pattern), dotnet.units(text), options) is not None
