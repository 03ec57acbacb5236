"""Changes come in the order of publication, by key, up to the last publication that is announced."""

from datetime import date

from shared.warehouse.queries import changes
from tests.builders.warehouse import CABIN, HOUSE, Deliverer, readable, values
from tests.shared.warehouse.queries.five_days import EVER, FIRST, START


def test_changes_come_in_order_of_publication_and_as_they_are_now(filled: Deliverer) -> None:
    filled.deliver(values(HOUSE, FIRST, ["7"]) + values(CABIN, FIRST, ["8"]))
    filled.deliver(values(HOUSE, FIRST, ["9"]))
    permitted = readable((HOUSE, None, date(2026, 3, 30)), (CABIN, None, date(2026, 3, 29)))

    rows = filled.warehouse.fetch(changes.days(permitted, after=START, through=3, published=EVER, limit=10))

    assert [
        (row.sequence, row.metering_point_id, row.delivery_date.day, row.quantities[:5]) for row in rows
    ] == [
        (1, HOUSE, 29, "0.500"),
        (2, CABIN, 28, "8.000"),
        (3, HOUSE, 28, "9.000"),
    ]


def test_changes_are_paged_by_key_and_end_at_the_last_publication_that_is_announced(
    filled: Deliverer,
) -> None:
    filled.deliver(values(HOUSE, FIRST, ["7"]))
    permitted = readable((HOUSE, None, date(2026, 3, 31)), (CABIN, None, date(2026, 3, 30)))

    def page(after: changes.Key, through: int) -> list[tuple[int, str, int]]:
        rows = filled.warehouse.fetch(
            changes.days(permitted, after=after, through=through, published=EVER, limit=2)
        )
        return [(row.sequence, row.metering_point_id, row.delivery_date.day) for row in rows]

    assert page(START, 2) == [(1, HOUSE, 29), (1, HOUSE, 30)]
    assert page((1, HOUSE, "consumption", date(2026, 3, 30)), 2) == [(1, CABIN, 28), (1, CABIN, 29)]
    assert page((1, CABIN, "consumption", date(2026, 3, 29)), 2) == [(2, HOUSE, 28)]
    assert page((1, CABIN, "consumption", date(2026, 3, 29)), 1) == []
    assert page((2, HOUSE, "consumption", FIRST), 2) == []
