"""The form `csv`: a row for each value, as the API writes it or by a profile."""

from collections.abc import Iterable, Iterator

from shared.files.forms import rows, templates, wide
from shared.files.forms.about import About, Counts
from shared.files.forms.delimited import Dialect
from shared.files.forms.form import ColumnField, FileLayout, Form, Profile, Unit
from shared.files.forms.rows import Column, Style
from shared.files.forms.templates import Times
from shared.series.assembly import Series

_WITH_OFFSETS = (Times.LOCAL,)


def pieces(series: Iterable[Series], *, form: Form, about: About, counts: Counts) -> Iterator[bytes]:
    """Yield the file in pieces, one for each series."""
    style, encoding = style_of(form), encoding_of(form)
    texts = (
        wide.rows_of(series, style=style, counts=counts)
        if form.layout is FileLayout.WIDE
        else _rows(series, style=style, about=about, counts=counts)
    )
    return (text.encode(encoding) for text in texts)


def style_of(form: Form) -> Style:
    """Return how the rows of a form are written."""
    profile = form.profile
    if profile is None:
        return rows.style_of(Dialect.STANDARD, Times.ISO)
    return Style(
        columns=tuple(_columns(profile)),
        separator=profile.delimiter,
        decimal_mark=profile.decimal,
        times=profile.time,
        stamp=profile.stamp or "start",
        is_in_wh=profile.unit is Unit.WH,
        has_mark=profile.bom,
    )


def encoding_of(form: Form) -> str:
    """Return Python's name of the encoding."""
    return form.profile.encoding if form.profile else "utf-8"


def _rows(series: Iterable[Series], *, style: Style, about: About, counts: Counts) -> Iterator[str]:
    yield rows.header(about.resolution, style)
    for each in series:
        counts.rows += templates.count(each)
        scope = each.scope
        yield "".join(
            rows.of_series(
                each.parts,
                metering_point_id=scope.metering_point_id,
                direction=scope.direction,
                style=style,
            )
        )


def _columns(profile: Profile) -> Iterator[Column]:
    if profile.columns:
        for each in profile.columns:
            yield Column(each.field, each.heading or _heading(each.field, profile))
        return
    fields = [ColumnField.METERING_POINT_ID, ColumnField.DIRECTION]
    for time, offset in _times(profile):
        fields += [time, offset] if profile.time in _WITH_OFFSETS else [time]
    for field in (*fields, ColumnField.QUANTITY, ColumnField.QUALITY):
        yield Column(field, _heading(field, profile))


def _times(profile: Profile) -> list[tuple[ColumnField, ColumnField]]:
    if profile.stamp:
        return [(ColumnField.TIME, ColumnField.TIME_OFFSET)]
    return [
        (ColumnField.START, ColumnField.START_OFFSET),
        (ColumnField.END, ColumnField.END_OFFSET),
    ]


def _heading(field: ColumnField, profile: Profile) -> str:
    return f"quantity{profile.unit.replace('k', 'K')}" if field is ColumnField.QUANTITY else field
