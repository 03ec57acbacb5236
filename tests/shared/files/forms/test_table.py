"""A file in each form: the API's own bytes, counts beside it, packed the same each time."""

import gzip
from datetime import UTC, datetime

import pytest

from shared import periods
from shared.api.formats import Format, Kind
from shared.api.parameters import Seals
from shared.api.series import rendering
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest
from shared.files.forms import table
from shared.files.forms.about import Counts
from shared.files.forms.form import FileFormat, Form
from shared.metering import Direction, Resolution
from tests.shared.files.forms import cases as series

FILE = [
    series.series(series.run(series.SPRING), series.run(series.AUTUMN, missing=[4, 5])),
    series.series(series.run(series.SUMMER_DAY, resolution=Resolution.PT15M), point=series.OTHER_POINT),
]


def request(kind: Kind, layout: Layout) -> SeriesRequest:
    return SeriesRequest(
        direction=Direction.CONSUMPTION,
        is_one=False,
        named=(),
        customer_number=None,
        period=periods.market_day(series.SPRING),
        resolution=None,
        layout=layout,
        as_of=datetime(2026, 11, 22, tzinfo=UTC),
        limit=1000,
        is_whole=True,
        cursor=None,
        seal=Seals([bytes(32)]).of("test"),
        format=Format(kind),
    )


@pytest.mark.parametrize(
    ("file_format", "kind", "layout"),
    [
        (FileFormat.CSV, Kind.CSV, Layout.VALUES),
        (FileFormat.NDJSON, Kind.NDJSON, Layout.DAYS),
    ],
)
def test_a_file_has_the_bytes_of_the_api(file_format: FileFormat, kind: Kind, layout: Layout) -> None:
    answer = rendering.many(Page(FILE, None), request(kind, layout), not_found=())

    file = table.write(FILE, form=Form(format=file_format), about=series.ABOUT)

    assert b"".join(file.pieces) == answer.body


@pytest.mark.parametrize(("file_format", "rows"), [(FileFormat.CSV, 144), (FileFormat.NDJSON, 3)])
def test_what_a_file_holds_is_counted(file_format: FileFormat, rows: int) -> None:
    file = table.write(FILE, form=Form(format=file_format), about=series.ABOUT)

    assert list(file.pieces)
    assert file.counts == Counts(
        rows=rows, values=144, missing=2, estimated=3, watt_hours=file.counts.watt_hours
    )


def test_a_packed_file_is_the_same_each_time_and_says_nothing_of_the_clock() -> None:
    plain = Form(format=FileFormat.CSV)
    packed = Form.model_validate({"format": "csv", "compression": "gzip"}, strict=False)

    first, second = (b"".join(table.write(FILE, form=packed, about=series.ABOUT).pieces) for _ in range(2))

    assert first == second
    assert first[:10].hex() == "1f8b08000000000000ff"
    assert gzip.decompress(first) == b"".join(table.write(FILE, form=plain, about=series.ABOUT).pieces)


def test_names_end_as_the_form_says() -> None:
    packed = Form.model_validate({"format": "csv", "compression": "gzip"}, strict=False)

    assert (table.ending(packed), table.media_type(packed)) == ("csv.gz", "application/gzip")
    assert (table.ending(Form(format=FileFormat.NDJSON))) == "ndjson"
