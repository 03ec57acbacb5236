"""Builds the statements with which the warehouse reads, checks and stages a large file itself. Pure.

COPY INTO stores each line of the file as one text in `landed_line`. SQL splits the lines into fields and
reads their values, by the same rules as for files that the app reads: `intervals.RULES`, which have their
SQL beside the check on a column. From `delivery_line` on, both kinds of files are treated alike.

T-SQL's `=` ignores trailing blanks, and LEN does not count them, so a `|` is appended before texts are
compared or measured. Lengths are never negative, not even for refused lines, since an engine may compute a
column before it applies a condition.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from shared.deliveries.delimited import BAD_QUOTES, RAGGED, describe_ragged
from shared.deliveries.interval_values import intervals
from shared.deliveries.interval_values.intervals import AHEAD, HEADER, RULES
from shared.deliveries.rules import Context, shown
from shared.metering import GSRN_LENGTH
from shared.warehouse.engine import Query, Statement

_NO_TERMINATOR = "0x1c"
"""A control character that no line of text should have, so that a line is one field. A line with this
character is joined again from `line` and `rest`, and the rules refuse it, unless the character ends the line.
Fabric accepts one character only
(https://learn.microsoft.com/sql/t-sql/statements/copy-into-transact-sql?view=fabric, PARSER_VERSION)."""
_NO_QUOTE = "0x0b"
_DIGITS = "0123456789"
_SHOWN = 120
_WIDTH = len(HEADER)


class Refused(NamedTuple):
    """The rows that are refused for one reason: their number, and two of them as the file has them."""

    reason: str
    rows: int
    first: str
    last: str


def copy_lines(location: str, *, is_packed: bool) -> Statement:
    """Store the lines of a file after its header.

    Args:
        location: the address of the file in storage, or for the embedded engine its path.
        is_packed: whether the file is compressed with gzip.
    """
    options = ("FILE_TYPE = 'CSV'", "FIRSTROW = 2", "ENCODING = 'UTF8'", "MAXERRORS = 0")
    terminators = (
        f"FIELDTERMINATOR = '{_NO_TERMINATOR}'",
        f"FIELDQUOTE = '{_NO_QUOTE}'",
        "ROWTERMINATOR = '0x0a'",
    )
    packing = ("COMPRESSION = 'Gzip'",) if is_packed else ()
    literal = location.replace("'", "''")
    return Statement(
        f"COPY INTO metering.landed_line FROM '{literal}' "
        f"WITH ({', '.join((*options, *terminators, *packing))})",
        (),
        "copy_lines",
    )


def delete_lines() -> Statement:
    """Delete the lines, in the transaction that stored them."""
    return Statement("DELETE FROM metering.landed_line", (), "delete_lines")


def insert_rows(header: Sequence[str], *, load_id: str, now: datetime) -> Statement:
    """Stage the rows that no rule refuses. They have no line number: the engine reads lines in any order."""
    return Statement(
        f"""
        INSERT INTO metering.delivery_line (load_id, staged_at, line, metering_point_id, direction, start_utc,
                                            delivery_date, resolution, quantity, quality)
        SELECT CAST(? AS varchar(32)), CAST(? AS datetime2(6)), CAST(0 AS bigint), v.metering_point_id,
               v.direction, v.start_utc,
               CASE WHEN v.start_utc >= ahead.start_utc
                    THEN ahead.delivery_date
                    ELSE CAST(DATEADD(day, -1, ahead.delivery_date) AS date) END,
               v.resolution, TRY_CAST(v.quantity AS decimal(18, 3)), v.quality
        FROM ({_judged(header)}) AS v
        JOIN metering.market_day AS ahead
          ON ahead.delivery_date
             = CAST(DATEADD(hour, 2, CASE WHEN v.reason IS NULL THEN v.start_utc END) AS date)
        WHERE v.reason IS NULL
        """,  # noqa: S608  # Nothing but the texts of this module and of the rules is put in.
        (load_id, now, now + AHEAD),
        "stage_landed",
    )


class Counted(NamedTuple):
    """How many rows a file has, and how many of them are staged."""

    landed: int
    staged: int


def count_rows(load_id: str) -> Query[Counted]:
    """Ask how many rows have landed and how many are staged; blank lines are not rows."""
    return Query(
        f"""
        SELECT (SELECT COUNT_BIG(*) FROM ({_LINES}) AS l),
               (SELECT COUNT_BIG(*) FROM metering.delivery_line WHERE load_id = ?)
        """,  # noqa: S608  # As above.
        (load_id,),
        Counted,
        "count_landed",
    )


def refused_rows(header: Sequence[str], *, now: datetime) -> Query[Refused]:
    """Ask for the reasons why rows are refused, the first one of each row."""
    return Query(
        f"""
        SELECT v.reason, COUNT_BIG(*), MIN(v.line), MAX(v.line)
        FROM ({_judged(header)}) AS v
        WHERE v.reason IS NOT NULL
        GROUP BY v.reason
        ORDER BY v.reason
        """,  # noqa: S608  # As above.
        (now + AHEAD,),
        Refused,
        "refused_landed",
    )


# --- what is wrong with refused rows


def describe(refused: Refused, header: Sequence[str], *, context: Context) -> str:
    """Return why rows are refused, in the same words as for a file that the app reads, and quote two rows."""
    others = refused.rows - 1
    first, last = (shown(row, at_most=_SHOWN) for row in (refused.first, refused.last))
    more = f" and {others:,} more, such as {last}" if others else ""
    return f"{_sentence(refused, header, context=context)} In the row {first}{more}."


def _sentence(refused: Refused, header: Sequence[str], *, context: Context) -> str:
    if refused.reason == RAGGED:
        columns = refused.first.count(",") + 1
        return describe_ragged(columns, width=len(header), separator=",")
    if refused.reason == BAD_QUOTES:
        return BAD_QUOTES
    texts = dict(zip(header, (each.strip('"') for each in refused.first.split(",")), strict=True))
    (named,) = (rule for rule in RULES if rule.name == refused.reason)
    for rule in RULES:
        row = [texts[name] for name in rule.columns]
        if (
            rule.columns[0] == named.columns[0]
            and rule.refuses(context, *(pa.array([text]) for text in row))[0].as_py()
        ):
            return rule.message(context, *row)
    return f"{refused.reason}, in the plain form that a file of this size must have."


# --- from a line to values, step by step: each step selects from the one before


def _length(text: str) -> str:
    return f"LEN(CONCAT({text}, '|')) - 1"


def _is(text: str, *words: str) -> str:
    listed = ", ".join(f"'{word}|'" for word in words)
    return f"CONCAT({text}, '|') IN ({listed})"


_LINES = f"""
    SELECT r.line
    FROM (
        SELECT CASE WHEN RIGHT(w.line, 1) = CHAR(13)
                    THEN SUBSTRING(w.line, 1, {_length("w.line")} - 1)
                    ELSE w.line END AS line
        FROM (
            SELECT CASE WHEN rest IS NULL THEN line ELSE CONCAT(line, CHAR(28), rest) END AS line
            FROM metering.landed_line
        ) AS w
    ) AS r
    WHERE NOT ({_is("r.line", "")})
"""  # noqa: S608  # As above.
"""The lines that are not blank, without the carriage return that may end them. (No text is NULL: CONCAT of
NULL is empty.)"""


def _judged(header: Sequence[str]) -> str:
    """Return the SELECT of the rows with their values, and with the reason why they are refused.

    It has a `?` for the latest start that is accepted.
    """
    cases = "\n                ".join(
        f"WHEN {rule.sql} THEN '{rule.name}'" for rule in RULES if rule.sql is not None
    )
    return f"""
    SELECT v.*,
           CASE WHEN v.width <> {_WIDTH} THEN '{RAGGED}'
                WHEN v.has_bad_quotes = 1 THEN '{BAD_QUOTES}'
                {cases}
           END AS reason
    FROM ({_values(header)}) AS v
    """  # noqa: S608  # As above.


def _values(header: Sequence[str]) -> str:
    return f"""
    SELECT u.line, u.width, u.has_bad_quotes, u.metering_point_id, u.quantity_text, u.latest_start,
           CASE WHEN CONCAT(RIGHT(CONCAT('{"0" * GSRN_LENGTH}', TRY_CAST(u.metering_point_id AS bigint)),
                                  {GSRN_LENGTH}), '|') = CONCAT(u.metering_point_id, '|')
                  AND LEFT(u.metering_point_id, 1) <> '-'
                THEN u.metering_point_id END AS digits,
           CASE WHEN {_is("u.direction", *intervals.DIRECTIONS)} THEN u.direction END AS direction,
           CASE WHEN {_is("u.resolution", "PT60M")} THEN 'PT1H'
                WHEN {_is("u.resolution", "PT15M", "PT1H")} THEN u.resolution END AS resolution,
           CASE WHEN {_is("u.quality", *intervals.QUALITIES)}
                THEN CASE WHEN {_is("u.quantity_text", "")} THEN 'missing' ELSE u.quality END END AS quality,
           {_NUMBER} AS quantity,
           CASE WHEN DATEPART(year, u.local_start) < 2000 OR DATEPART(year, u.local_start) > 2100
                THEN u.local_start
                ELSE DATEADD(minute, u.minutes_to_utc, u.local_start) END AS start_utc
    FROM ({_understood_starts(header)}) AS u
    """  # noqa: S608  # As above.


def _without_digits(text: str) -> str:
    for digit in _DIGITS:
        text = f"REPLACE({text}, '{digit}', '')"
    return text


_IS_USUAL = " OR ".join(
    f"CONCAT(CAST(TRY_CAST(u.quantity_text AS decimal(18, {decimals})) AS varchar(20)), '|') "
    "= CONCAT(u.quantity_text, '|')"
    for decimals in (3, 2, 1, 0)
)
"""A number has the right form if it converts back to the same text."""
_MARKS = _without_digits("u.quantity_text")
_IS_NUMBER = (
    f"{_length('u.quantity_text')} <= 20 AND {_length(_MARKS)} < {_length('u.quantity_text')} "
    f"AND ({_is(_MARKS, '', '.')} OR {_is(_MARKS, '+', '-', '+.', '-.')} "
    "AND LEFT(u.quantity_text, 1) IN ('+', '-'))"
)
_NUMBER = f"""CASE WHEN {_is("u.quantity_text", "")} THEN NULL
                WHEN {_IS_USUAL} THEN TRY_CAST(u.quantity_text AS decimal(38, 19))
                WHEN {_IS_NUMBER} THEN TRY_CAST(u.quantity_text AS decimal(38, 19)) END"""
"""A number of at most 20 characters has at most 19 decimals, so that none is lost."""


def _understood_starts(header: Sequence[str]) -> str:
    """Return the SELECT that adds `local_start`: the time without its offset; NULL for an invalid text."""
    zone = "CONCAT(LEFT(c.zone, 1), RIGHT(CONCAT('0', c.hours), 2), ':', RIGHT(CONCAT('0', c.minutes), 2))"
    return f"""
    SELECT c.*,
           CASE WHEN c.is_separated = 1
                 AND c.hours < 24 AND c.minutes < 60 AND CONCAT({zone}, '|') = CONCAT(c.zone, '|')
                 AND CONCAT(REPLACE(CAST(TRY_CAST(c.clock AS datetime2(0)) AS varchar(19)), ' ', 'T'), '|')
                     = CONCAT(c.clock, '|')
                THEN TRY_CAST(c.clock AS datetime2(0)) END AS local_start,
           CASE WHEN LEFT(c.zone, 1) = '-' THEN 1 ELSE -1 END * (60 * c.hours + c.minutes) AS minutes_to_utc
    FROM ({_clocks(header)}) AS c
    """  # noqa: S608  # As above.


def _clocks(header: Sequence[str]) -> str:
    """Return the SELECT that adds `clock` (yyyy-mm-ddThh:mm:ss) to `zone` (+hh:mm), and the parts of `zone`.

    A fraction of a second may only have zeros.
    """
    fraction = "SUBSTRING(z.local, 20, 20)"
    return f"""
    SELECT z.line, z.width, z.has_bad_quotes, z.metering_point_id, z.direction, z.resolution, z.quantity_text,
           z.quality, CAST(? AS datetime2(6)) AS latest_start, z.zone,
           TRY_CAST(SUBSTRING(z.zone, 2, 2) AS int) AS hours,
           TRY_CAST(SUBSTRING(z.zone, 5, 2) AS int) AS minutes,
           CONCAT(LEFT(z.local, 10), 'T', SUBSTRING(z.local, 12, 8),
                  CASE WHEN {_length("z.local")} = 16 THEN ':00' ELSE '' END) AS clock,
           CASE WHEN {_is("SUBSTRING(z.local, 11, 1)", "T", " ")}
                 AND ({_length("z.local")} IN (16, 19)
                      OR {_length("z.local")} > 20 AND {_is("SUBSTRING(z.local, 20, 1)", ".")}
                         AND {_is(f"REPLACE({fraction}, '0', '')", ".")})
                THEN 1 ELSE 0 END AS is_separated
    FROM ({_zones(header)}) AS z
    """  # noqa: S608  # As above.


def _zones(header: Sequence[str]) -> str:
    length = _length("f.start")
    return f"""
    SELECT s.line, s.width, s.has_bad_quotes, s.metering_point_id, s.direction, s.resolution, s.quantity_text,
           s.quality,
           CASE WHEN s.zone_length = 0 THEN ''
                ELSE LEFT(s.start, s.start_length - s.zone_length) END AS local,
           CASE s.zone_length
                WHEN 1 THEN '+00:00'
                WHEN 3 THEN CONCAT(RIGHT(s.start, 3), ':00')
                WHEN 5 THEN CONCAT(LEFT(RIGHT(s.start, 5), 3), ':', RIGHT(s.start, 2))
                WHEN 6 THEN RIGHT(s.start, 6)
                ELSE '' END AS zone
    FROM (
        SELECT f.*, {length} AS start_length,
               CASE WHEN {length} < 17 OR {length} > 40 THEN 0
                    WHEN RIGHT(f.start, 1) IN ('Z', 'z') THEN 1
                    WHEN SUBSTRING(f.start, {length} - 5, 1) IN ('+', '-')
                     AND SUBSTRING(f.start, {length} - 2, 1) = ':' THEN 6
                    WHEN SUBSTRING(f.start, {length} - 4, 1) IN ('+', '-') THEN 5
                    WHEN SUBSTRING(f.start, {length} - 2, 1) IN ('+', '-') THEN 3
                    ELSE 0 END AS zone_length
        FROM ({_fields(header)}) AS f
    ) AS s
    """  # noqa: S608  # As above.


_NAMES = {"quantity": "quantity_text"}


def _fields(header: Sequence[str]) -> str:
    """Return the SELECT of the fields by their names, without the quotation marks that enclose them."""
    names = [_NAMES.get(name, name) for name in header]
    whole = ",\n           ".join(
        f"{_unquoted(f'p.field_{place}')} AS {name}" for place, name in enumerate(names, 1)
    )
    marks = " OR ".join(
        f"CHARINDEX('\"', {_unquoted(f'p.field_{place}')}) > 0" for place in range(1, _WIDTH + 1)
    )
    return f"""
    SELECT p.line, p.width,
           CASE WHEN CHARINDEX('"', p.line) = 0 THEN 0 WHEN {marks} THEN 1 ELSE 0 END AS has_bad_quotes,
           {whole}
    FROM ({_split()}) AS p
    """  # noqa: S608  # As above.


def _unquoted(field: str) -> str:
    length = _length(field)
    return (
        f"CASE WHEN LEFT({field}, 1) = '\"' AND RIGHT({field}, 1) = '\"' AND {length} > 1 "
        f"THEN SUBSTRING({field}, 2, {length} - 2) ELSE {field} END"
    )


def _split() -> str:
    """Return the SELECT of the texts between commas; with a wrong number of commas they have no meaning."""
    steps = f"""
        SELECT l.line, CONCAT(l.line, ',') AS text,
               {_length("l.line")} - ({_length("REPLACE(l.line, ',', '')")}) + 1 AS width,
               CHARINDEX(',', CONCAT(l.line, ',')) AS end_1
        FROM ({_LINES}) AS l
    """  # noqa: S608  # As above.
    for place in range(2, _WIDTH + 1):
        before = f"e.end_{place - 1}"
        steps = f"""
        SELECT e.*, CASE WHEN {before} > 0 THEN CHARINDEX(',', e.text, {before} + 1) ELSE 0 END AS end_{place}
        FROM ({steps}) AS e
        """  # noqa: S608  # As above.
    fields = ",\n               ".join(_field(place) for place in range(1, _WIDTH + 1))
    return f"SELECT e.line, e.width, {fields} FROM ({steps}) AS e"  # noqa: S608  # As above.


def _field(place: int) -> str:
    end = f"e.end_{place}"
    start = f"e.end_{place - 1}" if place > 1 else "0"
    return (
        f"SUBSTRING(e.text, {start} + 1, CASE WHEN {end} > {start} THEN {end} - {start} - 1 ELSE 0 END) "
        f"AS field_{place}"
    )
