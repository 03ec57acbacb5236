"""Bringing files in: what is taken, what is rejected and why, and all or nothing of a file."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from shared.deliveries import loading
from shared.deliveries.faults import Fault, Rejected
from shared.deliveries.interval_values.intervals import HEADER
from shared.deliveries.loads import Loaded, Unknown
from shared.publishing import publish
from shared.warehouse import supply
from shared.warehouse.engine import Query, Warehouse
from shared.warehouse.queries import metering_points
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, Clock, Deliverer, Line, values, versions

DAY = date(2026, 3, 30)
GOOD = (HOUSE, "consumption", "2026-03-30T00:00:00+02:00", "PT1H", "1.250", "measured")


def line(**changed: str) -> tuple[str, ...]:
    """A good line with some fields changed."""
    return tuple({**dict(zip(HEADER, GOOD, strict=True)), **changed}.values())


def rejected(warehouse: Warehouse, path: Path, clock: Clock) -> Sequence[Fault]:
    """The faults for which a file is rejected; nothing of it may have been loaded."""
    with pytest.raises(Rejected) as caught:
        building.load(warehouse, path, clock=clock)
    assert caught.value.path == path
    assert building.count(warehouse, "delivery_line") == 0
    return caught.value.faults


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"metering_point_id": "70705750000001001"},
            "metering_point_id '70705750000001001': a metering point id has exactly 18 digits.",
        ),
        (
            {"metering_point_id": "707057500000010018"},
            "metering_point_id '707057500000010018': the check digit should be 7.",
        ),
        ({"direction": "Consumption"}, "direction 'Consumption' is not consumption or production."),
        (
            {"start": "2026-03-30T00:00:00"},
            "start '2026-03-30T00:00:00' has no offset from UTC. Write '2026-03-30T00:00:00+02:00' for the "
            "time in Oslo, or '2026-03-30T00:00:00Z' for UTC, which is another instant.",
        ),
        (
            {"start": "2026-11-20"},
            "start '2026-11-20' is a day and not a time. Write '2026-11-20T00:00:00+01:00' for the time in "
            "Oslo, or '2026-11-20T00:00:00Z' for UTC, which is another instant.",
        ),
        (
            {"start": "30.03.2026 01:00"},
            "start '30.03.2026 01:00' has no offset from UTC. Write '2026-03-30T01:00:00+02:00' for the "
            "time in Oslo, or '2026-03-30T01:00:00Z' for UTC, which is another instant.",
        ),
        (
            {"start": "2025-10-26T02:00:00"},
            "start '2025-10-26T02:00:00' has no offset from UTC. Write '2025-10-26T02:00:00+02:00' or "
            "'2025-10-26T02:00:00+01:00' for the time in Oslo, or '2025-10-26T02:00:00Z' for UTC, which is "
            "another instant.",
        ),
        (
            {"start": "2026-03-29T02:00:00"},
            "start '2026-03-29T02:00:00' has no offset from UTC. There is no such time in Oslo; if it is in "
            "UTC, write '2026-03-29T02:00:00Z'.",
        ),
        (
            {"start": "2026-02-30T00:00:00Z"},
            "start '2026-02-30T00:00:00Z' is not an ISO 8601 time with an offset, such as "
            "2026-03-29T00:00:00+01:00.",
        ),
        (
            {"start": "2026-03-30x00:00:00Z"},
            "start '2026-03-30x00:00:00Z' is not an ISO 8601 time with an offset, such as "
            "2026-03-29T00:00:00+01:00.",
        ),
        (
            {"start": ""},
            "start '' is not an ISO 8601 time with an offset, such as 2026-03-29T00:00:00+01:00.",
        ),
        (
            {"start": "2026-03-30T00:15:00Z"},
            "start '2026-03-30T00:15:00Z' is not the start of an interval of PT1H.",
        ),
        (
            {"start": "2026-03-30T00:20:00Z", "resolution": "PT15M"},
            "start '2026-03-30T00:20:00Z' is not the start of an interval of PT15M.",
        ),
        (
            {"start": "2026-03-30T05:30:00+05:45"},
            "start '2026-03-30T05:30:00+05:45' is not the start of an interval of PT1H.",
        ),
        (
            {"start": "2026-03-30T00:00:00.5Z"},
            "start '2026-03-30T00:00:00.5Z' is not the start of an interval of PT1H.",
        ),
        (
            {"start": "2009-12-31T22:00:00Z"},
            "start '2009-12-31T22:00:00Z' is outside the market days 2010-01-01 to 2051-01-01.",
        ),
        (
            {"start": "2026-04-03T08:00:00+01:00"},
            "start '2026-04-03T08:00:00+01:00' lies more than 2 days in the future.",
        ),
        (
            {"start": "9999-12-31T23:00:00-12:00"},
            "start '9999-12-31T23:00:00-12:00' is outside the calendar.",
        ),
        ({"resolution": "P1D"}, "resolution 'P1D' is not PT15M or PT1H."),
        ({"resolution": "PT1H "}, "resolution 'PT1H ' is not PT15M or PT1H."),
        ({"resolution": "pt1h"}, "resolution 'pt1h' is not PT15M or PT1H."),
        ({"quantity": "1.2345"}, "quantity '1.2345' has more than three decimals."),
        ({"quantity": "1e-4"}, "quantity '1e-4' has more than three decimals."),
        ({"quantity": "-0.001"}, "quantity '-0.001' is negative."),
        ({"quantity": "1,25"}, "quantity '1,25' is not a decimal number with a point."),
        ({"quantity": "."}, "quantity '.' is not a decimal number with a point."),
        ({"quantity": "1e"}, "quantity '1e' is not a decimal number with a point."),
        ({"quantity": "0x10"}, "quantity '0x10' is not a decimal number with a point."),
        ({"quantity": "1_000"}, "quantity '1_000' is not a decimal number with a point."),
        ({"quantity": "Infinity"}, "quantity 'Infinity' is not a decimal number with a point."),
        ({"quantity": "1e99"}, "quantity '1e99' has more than 12 digits before the point."),
        ({"quantity": " 1"}, "quantity ' 1' is not a decimal number with a point."),
        ({"quantity": "NaN"}, "quantity 'NaN' is not a decimal number with a point."),
        ({"quantity": "٣"}, "quantity '٣' is not a decimal number with a point."),
        (
            {"quantity": "1234567890123"},
            "quantity '1234567890123' has more than 12 digits before the point.",
        ),
        (
            {"quality": "målt"},
            "quality 'målt' is not one of measured, estimated, final-estimated, temporary, calculated, "
            "missing.",
        ),
        (
            {"quality": "OK"},
            "quality 'OK' is not one of measured, estimated, final-estimated, temporary, calculated, "
            "missing.",
        ),
        (
            {"quality": ""},
            "quality '' is not one of measured, estimated, final-estimated, temporary, calculated, missing.",
        ),
        (
            {"quality": "Measured\t"},
            "quality 'Measured\\t' is not one of measured, estimated, final-estimated, temporary, "
            "calculated, missing.",
        ),
        ({"quality": "missing"}, "quantity '1.250' has the quality missing."),
    ],
)
def test_a_bad_line_is_rejected_with_its_number_and_the_reason(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, changed: dict[str, str], reason: str
) -> None:
    path = building.write_csv(tmp_path / "bad.csv", [GOOD, line(**changed)])

    faults = rejected(warehouse, path, clock)

    assert list(faults) == [Fault(3, reason)]
    assert building.count(warehouse, "interval_value") == 0


def test_a_value_may_start_up_to_two_days_after_its_receipt(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    path = building.write_csv(tmp_path / "ahead.csv", [line(start="2026-04-03T08:00:00+02:00")])

    assert building.load(warehouse, path, clock=clock).rows == 1


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (
            ("metering_point_id", "direction", "start", "resolution", "kwh", "quality"),
            "The header does not fit interval values: unknown column 'kwh', no column quantity.",
        ),
        (
            (*HEADER, "målepunkt"),
            "The header does not fit interval values: unknown column 'målepunkt'.",
        ),
        (
            HEADER[:5],
            "The header does not fit interval values: no column quality.",
        ),
        (
            (*HEADER, "quality"),
            "The header does not fit interval values: column quality twice.",
        ),
    ],
)
def test_a_header_that_does_not_fit_is_rejected(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, header: Sequence[str], reason: str
) -> None:
    path = building.write_csv(tmp_path / "bad.csv", [(*GOOD, "measured")[: len(header)]], header=header)

    assert list(rejected(warehouse, path, clock)) == [Fault(1, reason)]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (",".join(HEADER).encode(), Fault(1, "The file has a header and no rows.")),
        (
            (",".join(HEADER) + "\n" + ",".join(GOOD) + "\n" + ",".join(GOOD[:5]) + "\n").encode(),
            Fault(3, "5 columns, where the header has 6."),
        ),
        (
            (",".join(HEADER) + '\n"' + ",".join(GOOD) + "\n").encode(),
            Fault(2, "A quotation mark is inside a field, or is not closed on its line."),
        ),
        (
            ",".join(HEADER).encode() + b"\n" + ",".join(GOOD).encode().replace(b"measured", b"m\xe5lt"),
            Fault(2, "The text is not in UTF-8; Excel writes it as 'CSV UTF-8'."),
        ),
    ],
)
def test_lines_that_are_no_rows_are_rejected(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, content: bytes, fault: Fault
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)

    assert list(rejected(warehouse, path, clock)) == [fault]


def test_an_interval_with_two_values_is_rejected(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> None:
    path = building.write_csv(tmp_path / "bad.csv", [GOOD, line(direction="production"), line(quantity="2")])

    assert list(rejected(warehouse, path, clock)) == [
        Fault(
            4,
            "the interval (consumption of 707057500000010017 at 2026-03-29T22:00:00Z) has another value "
            "than in line 2.",
        )
    ]


def test_equal_repeats_of_an_interval_count_once(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> None:
    repeated = [GOOD, line(start="2026-03-29T22:00:00Z", quantity="1.25")]

    building.load(warehouse, building.write_csv(tmp_path / "repeated.csv", repeated), clock=clock)

    assert building.count(warehouse, "interval_value") == 1


def test_a_day_in_two_resolutions_is_rejected(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> None:
    lines = values(HOUSE, DAY, ["1"] * 3) + values(HOUSE, DAY, ["0.5"], resolution="PT15M", first=40)

    faults = rejected(warehouse, building.write_csv(tmp_path / "bad.csv", lines), clock)

    reason = "the day 2026-03-30 of 707057500000010017 has another resolution than in line 2."
    assert list(faults) == [Fault(5, reason)]


@pytest.mark.parametrize(
    ("quantity", "stored"),
    [
        ("0.735000", "0.735"),
        ("-0.0", "0.000"),
        ("-0", "0.000"),
        (".5", "0.500"),
        ("5.", "5.000"),
        ("1e-3", "0.001"),
        ("1.5E+2", "150.000"),
        ("+1", "1.000"),
        ("007.5", "7.500"),
        ("0000000000000001.25", "1.250"),
        ("999999999999.999", "999999999999.999"),
    ],
)
def test_a_number_may_be_written_in_other_ways(deliverer: Deliverer, quantity: str, stored: str) -> None:
    deliverer.deliver([line(quantity=quantity), line(start="2026-03-30T01:00:00+02:00", quantity="2")])

    assert versions(deliverer.warehouse, HOUSE, DAY)[0].quantities.startswith(f"{stored},2.000,")


def test_a_day_that_a_file_has_whole_is_accepted_in_another_resolution(deliverer: Deliverer) -> None:
    deliverer.load(values(HOUSE, DAY, ["1"] * 24))

    loaded = deliverer.load(values(HOUSE, DAY, ["0.25"] * 96, resolution="PT15M"))
    part = deliverer.load(values(HOUSE, DAY, ["0.5"], resolution="PT15M"))

    assert (loaded.is_new, part.is_new) == (True, True)


def test_a_day_that_a_file_has_twice_but_not_whole_is_no_whole_day(
    deliverer: Deliverer, clock: Clock
) -> None:
    deliverer.load(values(HOUSE, DAY, ["1"] * 24))

    twice = deliverer.file(values(HOUSE, DAY, ["0.25"] * 48, resolution="PT15M") * 2)

    (fault,) = rejected(deliverer.warehouse, twice, clock)
    assert "is stored in PT1H, and here in PT15M" in fault.reason


@pytest.mark.parametrize("published", [True, False])
def test_a_day_that_is_stored_in_another_resolution_is_rejected(
    deliverer: Deliverer, clock: Clock, published: bool
) -> None:
    deliverer.load(values(HOUSE, DAY, ["1"] * 3))
    if published:
        deliverer.publish()

    other = deliverer.file(values(HOUSE, DAY, ["0.5"], resolution="PT15M", first=90))

    reason = (
        "the day 2026-03-30 of 707057500000010017 is stored in PT1H, and here in PT15M; "
        "deliver the whole day to change it."
    )
    assert list(rejected(deliverer.warehouse, other, clock)) == [Fault(2, reason)]


def test_equal_faults_are_one_with_their_first_lines_and_their_number(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    path = building.write_csv(tmp_path / "bad.csv", [GOOD, *[line(quality="?")] * 60_000])

    (fault,) = rejected(warehouse, path, clock)

    assert (fault.line, fault.next_lines, fault.count) == (3, (4, 5), 60_000)
    assert fault.sentence == (
        "quality '?' is not one of measured, estimated, final-estimated, temporary, calculated, missing. "
        "(Also in 4, 5 and 59,997 more.)"
    )


def test_of_one_kind_of_fault_a_few_texts_are_shown_and_the_others_counted(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    path = building.write_csv(
        tmp_path / "bad.csv", [line(quantity=f"-{number}") for number in range(1, 1000)]
    )

    faults = rejected(warehouse, path, clock)

    assert [fault.reason for fault in faults] == [
        *(f"quantity '-{number}' is negative." for number in range(1, 6)),
        "quantity is negative in other ways, too.",
    ]
    assert (faults[-1].line, faults[-1].count) == (7, 994)


def test_faults_of_one_line_are_all_reported(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> None:
    path = building.write_csv(tmp_path / "bad.csv", [line(direction="in", quantity="x")])

    assert [fault.line for fault in rejected(warehouse, path, clock)] == [2, 2]


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_all_faults_are_reported_also_where_the_separator_and_the_header_are_wrong(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, separator: str
) -> None:
    path = tmp_path / "bad.csv"
    header = ("metering_point_id", "direction", "start", "resolution", "kwh", "quality")
    lines = [header, GOOD, line(direction="in"), GOOD[:3]]
    path.write_text("\n".join(separator.join(each) for each in lines), encoding="utf-8")

    assert [(fault.line, fault.reason) for fault in rejected(warehouse, path, clock)] == [
        (1, "The columns must be separated by commas or semicolons."),
        (1, "The header does not fit interval values: unknown column 'kwh', no column quantity."),
        (3, "direction 'in' is not consumption or production."),
        (4, "3 columns, where the header has 6."),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "﻿" + ",".join(HEADER) + "\r\n" + ",".join(GOOD) + "\r\n",
        ",".join(HEADER) + "\n\n" + ",".join(GOOD) + "\n\n",
        ",".join(reversed(HEADER)) + "\n" + ",".join(reversed(GOOD)),
        ",".join(f'"{name}"' for name in HEADER) + "\n" + ",".join(f'"{text}"' for text in GOOD),
        ",".join(name.upper() for name in HEADER) + "\n" + ",".join(GOOD),
        ",".join(f" {name.title().replace('_', ' ')} " for name in HEADER) + "\n" + ",".join(GOOD),
        ",".join(HEADER) + "\r" + ",".join(GOOD) + "\r",
        ",".join(HEADER) + "\n" + ",".join(line(resolution="PT60M")),
    ],
    ids=[
        "byte order mark and CRLF",
        "blank lines",
        "another order of columns",
        "quoted",
        "header in capitals",
        "header with blanks",
        "CR",
        "PT60M",
    ],
)
def test_csv_may_be_written_in_these_ways(
    deliverer: Deliverer, tmp_path: Path, clock: Clock, content: str
) -> None:
    path = tmp_path / "good.csv"
    path.write_bytes(content.encode())

    loaded = building.load(deliverer.warehouse, path, clock=clock)

    assert (loaded.rows, loaded.is_new) == (1, True)
    deliverer.publish()
    assert versions(deliverer.warehouse, HOUSE, DAY)[0].quantities.startswith("1.250,null,")


def test_a_start_may_have_any_offset(deliverer: Deliverer) -> None:
    deliverer.deliver([line(start="2026-03-30T03:00:00+05:00"), line(start="2026-03-29T23:00:00Z")])

    assert versions(deliverer.warehouse, HOUSE, DAY)[0].qualities.startswith("MMX")


def test_an_empty_quantity_is_a_missing_value_whatever_its_quality(deliverer: Deliverer) -> None:
    deliverer.deliver([line(quantity="", quality="measured")])

    assert versions(deliverer.warehouse, HOUSE, DAY)[0].qualities == "X" * 24


def test_the_same_content_is_loaded_once(deliverer: Deliverer) -> None:
    lines = values(HOUSE, DAY, ["1"] * 24)
    first = deliverer.load(lines)

    again = deliverer.load(lines)

    assert (first.is_new, again.is_new) == (True, False)
    assert again.rows == 24
    assert building.count(deliverer.warehouse, "interval_value") == 24


def test_content_that_was_had_before_counts_again_when_something_newer_came_between(
    deliverer: Deliverer,
) -> None:
    quantities = ["1", "2", "1", "2", "1"]
    for quantity in quantities:
        assert deliverer.load(values(HOUSE, DAY, [quantity] * 24)).is_new
    deliverer.publish()

    found = versions(deliverer.warehouse, HOUSE, DAY)
    assert [each.quantities[:5] for each in found] == [f"{each}.000" for each in quantities]


@pytest.mark.parametrize("hour", [0, 23])
def test_content_counts_again_when_its_first_or_last_interval_alone_was_corrected(
    deliverer: Deliverer, hour: int
) -> None:
    day = values(HOUSE, DAY, ["1"] * 24)
    deliverer.load(day)
    deliverer.load(values(HOUSE, DAY, ["2"], first=hour))

    again = deliverer.load(day)
    deliverer.publish()

    assert again.is_new
    assert versions(deliverer.warehouse, HOUSE, DAY)[-1].quantities == ",".join(["1.000"] * 24)


@pytest.mark.parametrize(
    "between",
    [
        values(CABIN, DAY, ["2"] * 24),
        values(HOUSE, DAY, ["2"] * 24, direction="production"),
        values(HOUSE, DAY, ["2"], first=5),
    ],
    ids=["another metering point", "the other direction", "another hour"],
)
def test_content_is_skipped_when_what_came_between_has_none_of_its_intervals(
    deliverer: Deliverer, between: list[Line]
) -> None:
    content = values(HOUSE, DAY, ["1"] * 5) + values(HOUSE, DAY, ["1"] * 18, first=6)
    deliverer.load(content)
    deliverer.load(between)

    again = deliverer.load(content)

    assert not again.is_new
    assert building.count(deliverer.warehouse, "delivery") == 2


def test_the_same_arrival_is_not_loaded_again_though_something_newer_came_between(
    deliverer: Deliverer, clock: Clock
) -> None:
    arrived_at = clock()
    file = deliverer.file(values(HOUSE, DAY, ["1"] * 24))

    def load_arrived(at: datetime) -> Loaded:
        clock.forward(minutes=1)
        return loading.load(
            deliverer.warehouse, file, now=clock(), arrived_at=at, progress=lambda rows, share: None
        )

    first = load_arrived(arrived_at)
    deliverer.load(values(HOUSE, DAY, ["2"] * 24))
    same, later = load_arrived(arrived_at), load_arrived(clock())

    assert (first.is_new, same.is_new, later.is_new) == (True, False, True)


def test_content_that_an_operator_loaded_is_skipped_when_it_arrives(
    deliverer: Deliverer, clock: Clock
) -> None:
    file = deliverer.file(values(HOUSE, DAY, ["1"] * 24))
    building.load(deliverer.warehouse, file, clock=clock)

    arrived = loading.load(
        deliverer.warehouse, file, now=clock(), arrived_at=clock(), progress=lambda rows, share: None
    )

    assert not arrived.is_new


def test_metering_points_that_nothing_else_knows_are_reported(
    deliverer: Deliverer, tmp_path: Path, clock: Clock
) -> None:
    of_excel = "707057500000010000"
    register = write_metering_points(tmp_path / "points.csv", (HOUSE, *[""] * 7))
    building.load(deliverer.warehouse, register, clock=clock)

    first = deliverer.load([*values(HOUSE, DAY, ["1"]), *values(of_excel, DAY, ["1"])])
    deliverer.publish()
    second = deliverer.load(values(of_excel, DAY, ["2"]))

    assert first.unknown == Unknown(1, (of_excel,))
    assert second.unknown is None


def test_of_two_loads_of_one_content_at_the_same_time_one_takes_it_in(
    deliverer: Deliverer, clock: Clock
) -> None:
    file = deliverer.file(values(HOUSE, DAY, ["1"] * 24))
    others: list[bool] = []

    def meanwhile(rows: int, share: float) -> None:
        others.append(building.load(deliverer.warehouse, file, clock=clock).is_new)

    loaded = loading.load(deliverer.warehouse, file, now=clock(), progress=meanwhile)

    assert (others, loaded.is_new) == ([True], False)
    assert building.count(deliverer.warehouse, "interval_value") == 24
    assert building.count(deliverer.warehouse, "delivery") == 1


def test_rows_left_by_a_load_that_died_are_cleared_by_a_load_a_day_later(
    deliverer: Deliverer, clock: Clock
) -> None:
    class DiesWhileStaging(Exception):
        pass

    class Dying:
        """A warehouse whose connection is lost after the first chunk was staged."""

        def __init__(self) -> None:
            self.transactions = 0

        def __getattr__(self, name: str) -> object:
            return getattr(deliverer.warehouse, name)

        def transaction(self) -> object:
            self.transactions += 1
            if self.transactions > 1:
                raise DiesWhileStaging
            return deliverer.warehouse.transaction()

    with pytest.raises(DiesWhileStaging):
        building.load(Dying(), deliverer.file(values(CABIN, DAY, ["1"] * 24)), clock=clock)  # type: ignore[arg-type]
    left = []

    for hours in (0, 23, 1):
        clock.forward(hours=hours)
        deliverer.load(values(HOUSE, DAY, [f"{hours}"] * 24))
        left.append(building.count(deliverer.warehouse, "delivery_line"))

    assert left == [24, 24, 0]  # A load may take hours.
    assert building.count(deliverer.warehouse, "interval_value") == 3 * 24


def test_progress_is_reported_chunk_by_chunk_and_ends_at_the_whole(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    reported: list[tuple[int, float]] = []
    path = building.write_csv(tmp_path / "good.csv", values(HOUSE, DAY, ["1"] * 24))

    loading.load(warehouse, path, now=clock(), progress=lambda rows, share: reported.append((rows, share)))

    assert reported == [(24, 1.0)]


def test_parquet_gives_what_csv_gives(deliverer: Deliverer, tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "values.parquet"
    with duckdb.connect() as writer:
        writer.execute(
            "COPY (SELECT ? AS metering_point_id, 'consumption' AS direction, "
            "TIMESTAMPTZ '2026-03-29 22:00:00+00' + to_hours(n) AS start, 'PT1H' AS resolution, "
            "CASE n WHEN 2 THEN NULL ELSE CAST(n AS DECIMAL(9, 3)) / 8 END::DECIMAL(9, 3) AS quantity, "
            "'measured' AS quality FROM range(24) AS hours(n)) TO '" + str(path) + "' (FORMAT parquet)",
            [HOUSE],
        )

    loaded = building.load(deliverer.warehouse, path, clock=clock)

    assert (loaded.kind, loaded.rows) == ("interval values", 24)
    deliverer.publish()
    (stored,) = versions(deliverer.warehouse, HOUSE, DAY)
    assert stored.quantities.startswith("0.000,0.125,null,0.375,")
    assert stored.qualities == "MMX" + "M" * 21


def test_a_parquet_time_without_zone_is_rejected(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "values.parquet"
    with duckdb.connect() as writer:
        writer.execute(
            f"COPY (SELECT '{HOUSE}' AS metering_point_id, 'consumption' AS direction, "
            "TIMESTAMP '2026-03-29 22:00:00' AS start, 'PT1H' AS resolution, 1.5 AS quantity, "
            f"'measured' AS quality) TO '{path}' (FORMAT parquet)"
        )

    (fault,) = rejected(warehouse, path, clock)

    assert fault.line == 1
    assert "has no offset from UTC" in fault.reason


def test_a_parquet_file_that_is_cut_off_is_rejected(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "values.parquet"
    path.write_bytes(b"PAR1 and nothing of it")

    (fault,) = rejected(warehouse, path, clock)

    assert fault.reason.startswith("Not Parquet: ")


# --- metering points and supply periods


def write_metering_points(path: Path, *rows: Sequence[str]) -> Path:
    header = (
        "metering_point_id",
        "name",
        "address",
        "postal_code",
        "city",
        "price_area",
        "grid_area",
        "meter_serial",
    )
    return building.write_csv(path, rows, header=header)


def write_supply_periods(path: Path, *rows: Sequence[str]) -> Path:
    return building.write_csv(
        path, rows, header=("customer_number", "metering_point_id", "valid_from", "valid_to")
    )


def test_metering_points_replace_what_was_known_of_them(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    first = write_metering_points(
        tmp_path / "first.csv",
        (HOUSE, "Hovedmåler", "Storgata 1", "0155", "Oslo", "NO1", "Elvia", "A-1"),
        (CABIN, "Hytta", "", "", "", "NO5", "", ""),
    )
    second = write_metering_points(tmp_path / "second.csv", (HOUSE, "", "Storgata 2", "", "", "NO1", "", ""))
    building.load(warehouse, first, clock=clock)

    loaded = building.load(warehouse, second, clock=clock)

    assert (loaded.kind, loaded.rows) == ("metering points", 1)
    known = warehouse.fetch(
        metering_points.descriptions(building.readable((HOUSE, None, None), (CABIN, None, None)))
    )
    assert known == [
        metering_points.MeteringPointRow(HOUSE, None, "Storgata 2", None, None, "NO1", None, None),
        metering_points.MeteringPointRow(CABIN, "Hytta", None, None, None, "NO5", None, None),
    ]


def test_supply_periods_replace_those_of_the_metering_points_that_the_file_names(
    warehouse: Warehouse, tmp_path: Path, clock: Clock
) -> None:
    first = write_supply_periods(
        tmp_path / "first.csv",
        ("1001", HOUSE, "2020-01-01", ""),
        ("1001", CABIN, "2020-01-01", ""),
    )
    moved = write_supply_periods(
        tmp_path / "moved.csv",
        ("1001", HOUSE, "2020-01-01", "2024-05-01"),
        ("1002", HOUSE, "2024-05-01", ""),
    )
    building.load(warehouse, first, clock=clock)

    building.load(warehouse, moved, clock=clock)

    assert warehouse.fetch(supply.periods()) == [
        supply.SupplyPeriodRow(1001, HOUSE, date(2020, 1, 1), date(2024, 5, 1)),
        supply.SupplyPeriodRow(1001, CABIN, date(2020, 1, 1), None),
        supply.SupplyPeriodRow(1002, HOUSE, date(2024, 5, 1), None),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("0", HOUSE, "2020-01-01", ""), "customer_number '0' is not a positive whole number."),
        (("A7", HOUSE, "2020-01-01", ""), "customer_number 'A7' is not a positive whole number."),
        (
            ("1", "123", "2020-01-01", ""),
            "metering_point_id '123': a metering point id has exactly 18 digits.",
        ),
        (("1", HOUSE, "", ""), "valid_from '' is not a date such as 2026-03-29."),
        (("1", HOUSE, "2020-02-30", ""), "valid_from '2020-02-30' is not a date such as 2026-03-29."),
        (("1", HOUSE, "2020-01-01", "20200201"), "valid_to '20200201' is not a date such as 2026-03-29."),
        (("1", HOUSE, "2020-01-01", "2020-01-01"), "valid_to 2020-01-01 is not after valid_from 2020-01-01."),
        (
            ("2", CABIN, "2023-12-31", ""),
            "the period of customer 2 at 707057500000010024 from 2023-12-31 overlaps that of "
            "customer 1 in line 2.",
        ),
    ],
)
def test_a_bad_supply_period_is_rejected(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, row: Sequence[str], reason: str
) -> None:
    path = write_supply_periods(tmp_path / "bad.csv", ("1", CABIN, "2020-01-01", "2024-01-01"), row)

    assert list(rejected(warehouse, path, clock)) == [Fault(3, reason)]
    assert building.count(warehouse, "supply_period") == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            ("1", "", "", "", "", "", "", ""),
            "metering_point_id '1': a metering point id has exactly 18 digits.",
        ),
        ((CABIN, "å" * 101, "", "", "", "", "", ""), "name is longer than 200 bytes."),
        (
            (CABIN, "", "", "", "", "NO6", "", ""),
            "price_area 'NO6' is not one of NO1, NO2, NO3, NO4, NO5, and not empty.",
        ),
        (
            (CABIN, "", "", "", "", "no4", "", ""),
            "price_area 'no4' is not one of NO1, NO2, NO3, NO4, NO5, and not empty.",
        ),
        (
            (CABIN, "Hytta\x07", "", "", "", "", "", ""),
            "name 'Hytta\\x07' has a line break or another control character.",
        ),
        (
            (CABIN, "", "Vei\u2028en", "", "", "", "", ""),
            "address 'Vei\\u2028en' has a line break or another control character.",
        ),
        ((HOUSE, "", "", "", "", "", "", ""), "metering point 707057500000010017 is in line 2 already."),
    ],
)
def test_a_bad_metering_point_is_rejected(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, row: Sequence[str], reason: str
) -> None:
    path = write_metering_points(tmp_path / "bad.csv", (HOUSE, "", "", "", "", "", "", ""), row)

    assert list(rejected(warehouse, path, clock)) == [Fault(3, reason)]


def test_a_delivery_says_where_its_values_come_from(
    deliverer: Deliverer, tmp_path: Path, clock: Clock
) -> None:
    path = building.write_csv(tmp_path / "målinger.csv", values(HOUSE, DAY, ["1"] * 24))

    building.load(deliverer.warehouse, path, clock=clock)

    (source,) = deliverer.warehouse.fetch(Query("SELECT source FROM metering.delivery", (), str, "source"))
    assert source == "m?linger.csv"
    (waiting,) = publish.list_waiting(deliverer.warehouse)
    assert waiting.received_at == clock()
    assert waiting.first_start == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert waiting.last_start == datetime(2026, 3, 30, 21, tzinfo=UTC)
    assert waiting.values == 24
