"""Foreign text, made safe to parse, store and show; and numbers with their nouns, for messages.

Other services return what people typed into them. A strange value may spoil its own record only: if it ended
the reading, nobody's access would be updated.
"""

import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

MAX_DEPTH = 100
"""Levels of JSON that are parsed; the app uses at most five."""

EXCERPT = 200
"""Characters of a foreign text that a message shows."""
SHOWN = 60
"""Characters of one word or value that a message quotes; the longest time has 33."""
_BLANKS = 4
"""An excerpt is made from this many times its length, since blanks are joined; the text may be megabytes."""

MAX_DIGITS = 18
"""Digits of a whole number that all our stores and readers can hold."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Return the pause that `Retry-After` asks for (RFC 9110, section 10.2.3).

    None if the header is absent, or is neither a number of seconds nor a date.
    """
    given = (text or "").strip()
    if given.isascii() and given.isdigit():
        return timedelta(seconds=int(given[:9]))
    try:
        moment = parsedate_to_datetime(given)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now, timedelta(0))
    except (TypeError, ValueError, OverflowError):
        return None


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Bytes that are not UTF-8 become U+FFFD. A whole number with more than `MAX_DIGITS` digits becomes a float.
    If the text is nested too deeply to be parsed, everything below `MAX_DEPTH` becomes an empty list: a value
    that cannot be read must not look like a missing one.

    Raises:
        ValueError: the text is not JSON.
    """
    text = body.decode("utf-8-sig", "replace")
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError:
        return json.loads(_without_depths(text), parse_int=_whole_number)


def storable(text: str) -> str:
    """Return the text with U+FFFD in place of characters that stores and logs do not accept.

    These are lone surrogates, which JSON can write and UTF-8 cannot, and control characters other than white
    space.
    """
    if text.isprintable():
        return text
    return "".join(_REPLACEMENT if _is_unstorable(character) else character for character in text)


def one_line(text: str) -> str:
    """Return the text without line breaks and repeated blanks, so that it cannot begin a log line."""
    return " ".join(text.split())


def excerpt(text: str, *, at_most: int = EXCERPT) -> str:
    """Return the beginning of a foreign text on one line, fit for a log or a message.

    A text that is longer than `at_most` characters is cut and ends in an ellipsis.
    """
    line = one_line(storable(text[: at_most * _BLANKS]))
    return line if len(line) <= at_most and len(text) <= at_most * _BLANKS else f"{line[:at_most]}…"


def shown(text: str) -> str:
    """Return a faulty word or value for a message that quotes it: an excerpt of `SHOWN` characters."""
    return excerpt(text, at_most=SHOWN)


def counted(number: int, plural: str) -> str:
    """Return a number with its noun, such as `1 supply period` or `1,234 grants`."""
    return f"{number:,} {plural.removesuffix('s') if number == 1 else plural}"


def _is_unstorable(character: str) -> bool:
    return unicodedata.category(character) in ("Cs", "Cc") and not character.isspace()


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits.removeprefix("-")) <= MAX_DIGITS else float(digits)


def _without_depths(text: str) -> str:
    kept: list[str] = []
    depth, kept_until = 0, 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += [text[kept_until : match.start()], "[]"]
        elif match[0] in "]}":
            depth -= 1
            if depth == MAX_DEPTH:
                kept_until = match.end()
    return "".join([*kept, text[kept_until:]])
