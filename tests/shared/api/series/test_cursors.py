from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as some

from shared.api import parameters
from shared.api.series import cursors
from shared.api.series.cursors import Cursor
from shared.metering import MeteringPointId
from tests.builders.sealing import SEALS

moments = some.datetimes(min_value=datetime(1899, 12, 31), max_value=datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)
SEAL = SEALS.of("consumption")


def test_a_cursor_comes_back_as_it_went_out() -> None:
    cursor = Cursor(
        MeteringPointId("007057500000010017"),
        date(1899, 12, 31),
        until=datetime(2200, 1, 1, tzinfo=UTC),
        as_of=datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC),
    )

    assert cursors.parse(cursor.as_text(SEAL), SEAL) == cursor


@given(some.integers(0, 10**18 - 1), some.dates(), moments, moments)
def test_every_cursor_is_short_and_comes_back(
    number: int, day: date, until: datetime, as_of: datetime
) -> None:
    cursor = Cursor(MeteringPointId(f"{number:018d}"), day, until=until, as_of=as_of)

    text = cursor.as_text(SEAL)

    assert cursors.parse(text, SEAL) == cursor
    assert len(text) <= parameters.LONGEST
