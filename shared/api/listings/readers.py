"""Who may read a customer's metering points."""

from collections.abc import Sequence
from typing import Any

import orjson

from shared import periods
from shared.access.readers import Reader
from shared.api.formats import Format, Kind, Rendered
from shared.api.listings import lines


def render(readers: Sequence[Reader], written: Format) -> Rendered:
    """Write the readers of a customer, in their order."""
    entries = [_reader(each) for each in readers]
    body = (
        orjson.dumps({"readers": entries}) if written.kind is Kind.JSON else lines.readers(entries, written)
    )
    return Rendered(body, kind=written.kind, rows=len(entries))


def _reader(reader: Reader) -> dict[str, Any]:
    first, end = reader.days.shown
    return {
        "type": str(reader.kind),
        "id": reader.id,
        "name": reader.name,
        "from": first,
        "to": end,
        "since": periods.local_text(reader.since),
        "by": str(reader.by),
    }
