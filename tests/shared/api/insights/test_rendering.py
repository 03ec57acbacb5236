"""Totals, peaks and completeness as they are written: JSON, lines, and CSV in both dialects."""

from datetime import UTC, date, datetime

import pytest

from shared import periods
from shared.api.formats import NOTHING_LEFT_OUT, LeftOut, Rendered
from shared.api.insights import completeness, peaks, rendering, requests, totals
from shared.metering import Direction
from shared.publishing.watermark import DataState
from shared.series.completeness import Period
from shared.series.peaks import Hour, Peaks
from shared.series.totals import Total
from tests.builders.sealing import SEALS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATE = DataState(NOW, NOW, NOW)
POINT = "707057500000010017"
SPRING = periods.market_day(date(2026, 3, 29))

TOTALS = totals.Page(
    [
        Total(SPRING.start, SPRING.end, watt_hours=1_234_005, complete=True, missing=0, metering_points=3),
        Total(SPRING.end, SPRING.end + periods.ONE_DAY, None, complete=False, missing=48, metering_points=2),
    ],
    "next",
)
PEAKS = peaks.Page(
    [
        Peaks(
            POINT,
            date(2026, 3, 1),
            [Hour(SPRING.start + periods.ONE_HOUR, 1_500), Hour(SPRING.start, 1_001)],
            provisional=True,
        ),
        Peaks(POINT, date(2026, 4, 1), [], provisional=False),
    ],
    None,
)
COMPLETE = completeness.Page(
    [
        Period(
            *(POINT, "production", (date(2026, 3, 29), date(2026, 3, 31)), 47),
            *(21, 2, 3, 4, 5, 12),
            late=True,
        )
    ],
    None,
)


def write_totals(page: totals.Page = TOTALS, **given: str) -> Rendered:
    request = requests.total(direction=Direction.CONSUMPTION, given=asked(given), state=STATE, seals=SEALS)
    return rendering.total(page, request, not_found=["707057500000010024"])


def write_peaks(**given: str) -> Rendered:
    request = requests.peaks(direction=Direction.CONSUMPTION, given=asked(given), state=STATE, seals=SEALS)
    return rendering.highest(PEAKS, request, not_found=[])


def write_completeness(**given: str) -> Rendered:
    request = requests.complete(given=asked(given), state=STATE, seals=SEALS)
    return rendering.complete(COMPLETE, request, not_found=[])


def asked(given: dict[str, str]) -> dict[str, list[str]]:
    return {"from": ["2026-03-01"], **{name: [text] for name, text in given.items()}}


def test_totals_are_numbers_with_three_decimals_and_null_without_any_value() -> None:
    written = write_totals()

    assert written.body.decode() == (
        '{"values":[{"start":"2026-03-29T00:00:00+01:00","end":"2026-03-30T00:00:00+02:00",'
        '"quantity":1234.005,"complete":true,"missing":0,"meteringPoints":3},'
        '{"start":"2026-03-30T00:00:00+02:00","end":"2026-03-31T00:00:00+02:00",'
        '"quantity":null,"complete":false,"missing":48,"meteringPoints":2}],'
        '"notFound":["707057500000010024"],"nextCursor":"next"}'
    )
    assert (written.rows, written.next_cursor, written.left_out) == (2, "next", NOTHING_LEFT_OUT)


def test_lines_have_an_object_for_each_total() -> None:
    first, second, end = write_totals(format="ndjson").body.decode().split("\n")

    assert first.startswith('{"start":"2026-03-29T00:00:00+01:00",')
    assert second.startswith('{"start":"2026-03-30T00:00:00+02:00",')
    assert end == ""


def test_csv_of_totals_has_a_row_for_each_and_an_empty_cell_without_any_value() -> None:
    assert write_totals(format="csv").body.decode() == (
        "start,end,quantityKWh,complete,missing,meteringPoints\r\n"
        "2026-03-29T00:00:00+01:00,2026-03-30T00:00:00+02:00,1234.005,true,0,3\r\n"
        "2026-03-30T00:00:00+02:00,2026-03-31T00:00:00+02:00,,false,48,2\r\n"
    )


def test_norwegian_csv_of_totals_has_local_times_with_their_offsets_and_a_decimal_comma() -> None:
    _, first, _, end = write_totals(format="csv", csv="norwegian").body.decode().split("\r\n")

    assert first == '29.03.2026 00:00;"=""+01:00""";30.03.2026 00:00;"=""+02:00""";1234,005;true;0;3'
    assert end == ""


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_what_was_not_found_is_for_the_headers_of_the_first_page(kind: str) -> None:
    cursor = requests.total(
        direction=Direction.CONSUMPTION, given=asked({}), state=STATE, seals=SEALS
    ).following(day=date(2026, 4, 1))

    first, second = write_totals(format=kind), write_totals(format=kind, cursor=cursor)

    assert first.left_out == LeftOut(["707057500000010024"], (), 0, 20)
    assert second.left_out == NOTHING_LEFT_OUT


def test_peaks_name_their_month_and_are_the_highest_first() -> None:
    assert write_peaks().body.decode() == (
        '{"peaks":[{"meteringPointId":"707057500000010017","month":"2026-03","hours":['
        '{"start":"2026-03-29T01:00:00+01:00","end":"2026-03-29T03:00:00+02:00","quantity":1.500},'
        '{"start":"2026-03-29T00:00:00+01:00","end":"2026-03-29T01:00:00+01:00","quantity":1.001}],'
        '"mean":1.251,"provisional":true},'
        '{"meteringPointId":"707057500000010017","month":"2026-04","hours":[],'
        '"mean":null,"provisional":false}],"notFound":[],"nextCursor":null}'
    )


def test_csv_of_peaks_has_a_row_for_each_hour_by_its_rank() -> None:
    assert write_peaks(format="csv").body.decode() == (
        "meteringPointId,month,rank,start,end,quantityKWh,meanKWh,provisional\r\n"
        "707057500000010017,2026-03,1,2026-03-29T01:00:00+01:00,2026-03-29T03:00:00+02:00,"
        "1.500,1.251,true\r\n"
        "707057500000010017,2026-03,2,2026-03-29T00:00:00+01:00,2026-03-29T01:00:00+01:00,"
        "1.001,1.251,true\r\n"
    )


def test_a_period_of_completeness_has_each_count_under_its_name() -> None:
    assert write_completeness().body.decode() == (
        '{"periods":[{"meteringPointId":"707057500000010017","direction":"production",'
        '"start":"2026-03-29T00:00:00+01:00","end":"2026-03-31T00:00:00+02:00","expected":47,'
        '"measured":21,"estimated":2,"finalEstimated":3,"temporary":4,"calculated":5,"missing":12,'
        '"late":true}],"notFound":[],"nextCursor":null}'
    )


def test_norwegian_csv_keeps_the_digits_of_a_metering_point() -> None:
    for written in (write_peaks, write_completeness):
        _, first, *_ = written(format="csv", csv="norwegian").body.decode().split("\r\n")

        assert first.startswith('"=""707057500000010017""";')


def test_csv_of_completeness_has_the_columns_of_json() -> None:
    assert write_completeness(format="csv").body.decode() == (
        "meteringPointId,direction,start,end,expected,measured,estimated,finalEstimated,temporary,calculated,"
        "missing,late\r\n"
        "707057500000010017,production,2026-03-29T00:00:00+01:00,2026-03-31T00:00:00+02:00,"
        "47,21,2,3,4,5,12,true\r\n"
    )
