"""CSV as in RFC 4180: rows end with CRLF, and cells with a separator, quote or line break are quoted."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

LINE_END = "\r\n"
BYTE_ORDER_MARK = "\ufeff"


class Dialect(StrEnum):
    """How the API writes CSV, in the words of its parameter `csv`.

    `norwegian` is for Excel with Norwegian settings, which opens it on a double click: `;` between cells,
    a decimal comma, a byte order mark (without it Excel reads UTF-8 as Windows-1252), and numbers other than
    quantities as `="…"`, because Excel keeps only 15 digits of a number. `standard` is for programs:
    a byte order mark would become part of the first column's name in Python's csv.
    """

    STANDARD = "standard"
    NORWEGIAN = "norwegian"


_SEPARATORS = {Dialect.STANDARD: ",", Dialect.NORWEGIAN: ";"}
# Spreadsheets read such a cell as a formula: https://owasp.org/www-community/attacks/CSV_Injection
# If a file is opened with the wrong separator, a cell may begin in the middle of a text.
_FORMULA = re.compile(r"""^(?=[\t\r\n])|(?:^|(?<=[,;|\t\r\n]))(?=["' ]*[=+\-@＝＋－＠])""")
_NEEDS_QUOTES = re.compile(r'[",;|\r\n]')


def separator(dialect: Dialect) -> str:
    """Return the separator of cells."""
    return _SEPARATORS[dialect]


def header(columns: Sequence[str], dialect: Dialect) -> str:
    """Return the first row."""
    mark = BYTE_ORDER_MARK if dialect is Dialect.NORWEGIAN else ""
    return mark + separator(dialect).join(columns) + LINE_END


def row(values: Iterable[object], dialect: Dialect) -> str:
    """Return one row of texts, whole numbers and Nones."""
    return separator(dialect).join(cell(value, dialect) for value in values) + LINE_END


def as_text(value: str) -> str:
    """Return a cell that a spreadsheet reads as text and not as a number or a time."""
    return f'"=""{value}"""'


def cell(value: object, dialect: Dialect) -> str:
    """Return one cell; text that a spreadsheet may read as a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    if dialect is Dialect.NORWEGIAN and value.isascii() and value.isdigit():
        return as_text(value)
    guarded = _FORMULA.sub("'", value)
    if not _NEEDS_QUOTES.search(guarded):
        return guarded
    escaped = guarded.replace('"', '""')
    return f'"{escaped}"'
