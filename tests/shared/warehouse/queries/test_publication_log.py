"""Which publications were visible at a moment, and where the days that they left lie."""

from datetime import datetime, timedelta

from shared import periods
from shared.warehouse.engine import LONGEST_PUBLICATION, Statement, Warehouse
from shared.warehouse.queries import changes, publication_log
from tests.builders.warehouse import HOUSE, MORNING, Deliverer, readable, values
from tests.shared.warehouse.queries.five_days import EVER, FIRST, FIVE_DAYS, START


def test_a_publication_counts_as_had_once_it_was_visible_for_certain(
    filled: Deliverer, warehouse: Warehouse
) -> None:
    filled.deliver(values(HOUSE, FIRST, ["9"]))
    (newest,) = warehouse.fetch(
        changes.days(readable((HOUSE, FIRST, FIVE_DAYS[1])), after=START, through=2, published=EVER, limit=1)
    )

    def had_at(moment: datetime) -> int:
        (sequence,) = warehouse.fetch(publication_log.sequence_at(moment))
        return sequence

    visible_at = newest.published_at + LONGEST_PUBLICATION
    assert (newest.sequence, had_at(visible_at)) == (2, 2)
    assert had_at(visible_at - timedelta(microseconds=1)) == 1
    assert had_at(MORNING) == 0


def test_where_published_days_lie_is_known_of_publications_that_are_all_there(
    filled: Deliverer,
) -> None:
    (known,) = filled.warehouse.fetch(publication_log.day_range(first=1, last=1))
    (beyond,) = filled.warehouse.fetch(publication_log.day_range(first=1, last=2))

    assert known == (FIVE_DAYS[0], FIVE_DAYS[-1])
    assert beyond == EVER


def test_publications_that_left_no_days_have_an_empty_range(filled: Deliverer) -> None:
    of_house = readable((HOUSE, None, None))
    (repeated,) = filled.deliver(reversed(values(HOUSE, FIRST, ["0.5", "1"])))

    (published,) = filled.warehouse.fetch(publication_log.day_range(first=2, last=2))
    (both,) = filled.warehouse.fetch(publication_log.day_range(first=1, last=2))
    asked = changes.days(of_house, after=(2, *START[1:]), through=2, published=published, limit=10)

    assert (repeated.sequence, repeated.days) == (2, 0)
    assert published == (periods.FIRST_DAY, periods.FIRST_DAY - periods.ONE_DAY)
    assert both == (FIVE_DAYS[0], FIVE_DAYS[-1])
    assert asked.parameters[:5] == ("[]", "", "", periods.FIRST_DAY, periods.FIRST_DAY)
    assert filled.warehouse.fetch(asked) == []


def test_days_whose_range_is_not_recorded_may_lie_anywhere(filled: Deliverer) -> None:
    filled.deliver(values(HOUSE, FIRST, ["9"]))
    with filled.warehouse.transaction() as session:
        session.run(
            Statement(
                "UPDATE metering.publication SET first_day = NULL, last_day = NULL WHERE sequence = 2",
                (),
                "forget_range",
            )
        )

    for first in (1, 2):
        (published,) = filled.warehouse.fetch(publication_log.day_range(first=first, last=2))
        assert published == EVER
