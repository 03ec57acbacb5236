"""What .NET makes of texts, numbers and JSON where Python does something else.

What is not known to be the same is an EvaluationError, so that no test passes for a reason that is not true
in API Management. Compared with C# in `tests/local/gateway/test_same_as_csharp.py`.
"""

import base64
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

LARGEST_INT = 2**31 - 1

Comparison = Callable[[str], str]
"""What two texts become before they are compared."""

# Char.IsWhiteSpace; str.strip() would cut U+001C to U+001F as well.
_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_INTEGER = re.compile(r"[\t-\r ]*([+-]?[0-9]+)[\t-\r ]*")
_ESCAPED_BY_NEWTONSOFT = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class EvaluationError(Exception):
    """What would be a .NET exception at run time: a null reference, a wrong cast, a missing key."""


def wrapped(number: int) -> int:
    """Return an int after an unchecked addition: 2147483647 + 1 is -2147483648."""
    return (number + 2**31) % 2**32 - 2**31


def parse_int(text: str) -> int:
    """Do what int.Parse does."""
    found = _INTEGER.fullmatch(text)
    if found is None:
        raise EvaluationError("Input string was not in a correct format.")
    number = int(found[1])
    if not -(2**31) <= number <= LARGEST_INT:
        raise EvaluationError("Value was either too large or too small for an Int32.")
    return number


def length(text: str) -> int:
    """Return the length of a string in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def units(text: str) -> str:
    """Return a text with a character for each of its UTF-16 units."""
    if length(text) == len(text):
        return text
    encoded = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(encoded[at] + 256 * encoded[at + 1]) for at in range(0, len(encoded), 2))


def lower_invariant(text: str) -> str:
    """Do what ToLowerInvariant does: each character by itself, and only if it becomes one character."""
    _within_one_unit(text)
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def decoded(encoding: str, content: bytes) -> str:
    """Do what GetString of an encoding does: U+FFFD for what is not valid."""
    return content.decode(encoding, "replace")


def encoded(encoding: str, text: str) -> bytes:
    """Do what GetBytes of an encoding does."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as broken:
        raise EvaluationError("The bytes of half a character are not known to be the same here.") from broken


def to_base64(content: bytes) -> str:
    """Do what Convert.ToBase64String does."""
    return base64.b64encode(content).decode()


def from_base64(text: str) -> bytes:
    """Do what Convert.FromBase64String does with a text as `to_base64` writes it."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as broken:
        raise EvaluationError(f"The input is not a valid Base-64 string: {broken}.") from broken
    if to_base64(content) != text:
        raise EvaluationError("Base64 that is written otherwise is not known to be the same here.")
    return content


def trim(text: str) -> str:
    """Do what Trim without arguments does."""
    return text.strip(_WHITE)


def exactly(text: str) -> str:
    """Prepare a text for StringComparison.Ordinal."""
    return text


def without_case(text: str) -> str:
    """Prepare a text for StringComparison.OrdinalIgnoreCase and a comparison with ASCII characters."""
    return "".join(character.upper() if character.isascii() else character for character in text)


def starts_with(text: str, part: str, comparison: Comparison) -> bool:
    """Do what StartsWith with an ordinal comparison does."""
    _comparable(part, comparison)
    return comparison(text).startswith(comparison(part))


def ends_with(text: str, part: str, comparison: Comparison) -> bool:
    """Do what EndsWith with an ordinal comparison does."""
    _comparable(part, comparison)
    return comparison(text).endswith(comparison(part))


def to_string(value: Any) -> str:
    """Do what ToString of a variable does."""
    if type(value) not in (str, int, bool):
        raise EvaluationError(f"ToString of '{type(value).__name__}' is not known here.")
    return str(value)


def jobject(properties: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JObject: a name may only come once."""
    made: dict[str, Any] = {}
    for name, value in properties:
        if name in made:
            raise EvaluationError(f"Property with the name '{name}' already exists on object.")
        made[name] = value
    return made


def json(tree: dict[str, Any]) -> str:
    """Return a JObject as text without spaces."""
    try:
        return orjson.dumps(tree).decode().translate(_ESCAPED_BY_NEWTONSOFT)
    except TypeError as broken:
        raise EvaluationError(f"The text cannot be written as JSON: {broken}.") from broken


def _comparable(part: str, comparison: Comparison) -> None:
    if comparison is without_case and not part.isascii():
        raise EvaluationError("The case of characters beyond ASCII is not known to be the same here.")


def _within_one_unit(text: str) -> None:
    if length(text) != len(text):
        raise EvaluationError("The case of characters beyond U+FFFF is not known to be the same here.")
