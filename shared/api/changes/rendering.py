"""Pages of changes written in the requested format."""

import orjson

from shared.api.changes.pages import Page
from shared.api.formats import Format, Kind, Rendered
from shared.files.forms import lines, packed, rows
from shared.series import assembly
from shared.warehouse.queries.changes import ChangeRow


def render(page: Page, written: Format, *, access_version: str) -> Rendered:
    """Write a page in the requested format; `access_version` names what the caller may read."""
    match written.kind:
        case Kind.JSON:
            body, rows = _json(page, access_version), len(page.rows)
        case Kind.NDJSON:
            body, rows = _ndjson(page), len(page.rows)
        case Kind.CSV:
            body, rows = _csv(page, written), sum(len(row.qualities) for row in page.rows)
    return Rendered(
        body,
        kind=written.kind,
        rows=rows,
        next_cursor=None if page.is_up_to_date else page.cursor,
        cursor=page.cursor,
        access_version=access_version,
    )


def _json(page: Page, access_version: str) -> bytes:
    days = ",".join(map(_day, page.rows))
    about = orjson.dumps(
        {
            "nextCursor": None if page.is_up_to_date else page.cursor,
            "cursor": page.cursor,
            "upToDate": page.is_up_to_date,
            "accessVersion": access_version,
        }
    ).decode()
    return f'{{"days":[{days}],{about[1:]}'.encode()


def _ndjson(page: Page) -> bytes:
    return "".join(f"{_day(row)}\n" for row in page.rows).encode()


def _csv(page: Page, written: Format) -> bytes:
    return "".join(
        [rows.header_of_changes(written.style), *(_csv_rows(row, written) for row in page.rows)]
    ).encode()


def _csv_rows(row: ChangeRow, written: Format) -> str:
    return rows.of_change(
        assembly.whole_day(row),
        metering_point_id=row.metering_point_id,
        direction=row.direction,
        sequence=row.sequence,
        style=written.style,
    )


def _day(row: ChangeRow) -> str:
    head = lines.head(row.metering_point_id, row.direction)
    return f'{head}"sequence":{row.sequence},{packed.day(assembly.whole_day(row))[1:]}'
