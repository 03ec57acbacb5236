"""The form `ndjson`: one packed market day a line, as the API writes it."""

from collections.abc import Iterable, Iterator

from shared.files.forms import lines
from shared.files.forms.about import About, Counts
from shared.files.forms.form import Form
from shared.series.assembly import Series


def pieces(series: Iterable[Series], *, form: Form, about: About, counts: Counts) -> Iterator[bytes]:
    """Yield the file in pieces, one for each series."""
    for each in series:
        scope = each.scope
        counts.rows += len(each.parts)
        yield "".join(
            lines.days(each.parts, metering_point_id=scope.metering_point_id, direction=scope.direction)
        ).encode()
