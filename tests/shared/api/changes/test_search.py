"""Changes of a portfolio of any size: complete, in order, and as cheap as the page."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.api.changes import search
from shared.periods import ONE_DAY
from shared.publishing.remembered import Ranges
from shared.readable import Readable
from shared.warehouse.engine import Query, Row
from shared.warehouse.queries.changes import ChangeRow, Key
from shared.warehouse.queries.publication_log import PublicationRow, PublishedDays
from tests.builders.warehouse import readable

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
START = search.first_of(1)


def point(number: int) -> str:
    return f"{number:018d}"


def published(sequence: int, number: int, day: date = FIRST, direction: str = "consumption") -> ChangeRow:
    at = datetime(2026, 3, 3, tzinfo=UTC)
    return ChangeRow(point(number), direction, day, "PT1H", "1.000", "M", sequence=sequence, published_at=at)


def key(row: ChangeRow) -> Key:
    return row.sequence, row.metering_point_id, row.direction, row.delivery_date


@dataclass
class Warehouse:
    """Answers the four queries of the search from a list, and remembers the statements."""

    rows: Sequence[ChangeRow]
    unlisted: frozenset[int] = frozenset()
    """Publications that the list of publications leaves out."""
    queries_sent: list[tuple[str, int]] = field(default_factory=list)
    """Name of each question, and how many metering points it was given."""

    def fetch(self, query: Query[Row]) -> list[Row]:
        answered: list[Any] = getattr(self, f"_{query.name}")(*query.parameters)
        return answered

    def _publications(self, first: int, last: int, limit: int) -> list[PublicationRow]:
        self.queries_sent.append(("publications", 0))
        days = Counter(row.sequence for row in self.rows if first <= row.sequence <= last)
        return [PublicationRow(*each) for each in sorted(days.items()) if each[0] not in self.unlisted][
            :limit
        ]

    def _published_days(self, first: int, last: int) -> list[PublishedDays]:
        days = [row.delivery_date for row in self.rows if first <= row.sequence <= last]
        return [PublishedDays(min(days), max(days)) if days else PublishedDays(FIRST, FIRST - ONE_DAY)]

    def _published_metering_points(self, first: int, last: int, first_day: date, last_day: date) -> list[str]:
        self.queries_sent.append(("published_metering_points", 0))
        return list({row.metering_point_id for row in self.rows if first <= row.sequence <= last})

    def _changes(self, *bound: Any) -> list[ChangeRow]:
        *of_permitted, first, last = bound[:-8]
        _, _, point_after, _, direction, _, day, limit = bound[-8:]
        if len(of_permitted) == 3:  # The bounds of a single span.
            first_id, first_day, last_day = of_permitted
            last_id, given = first_id, {first_id: {"first_day": str(first_day)}}
        else:
            permitted, first_id, last_id, first_day, last_day = of_permitted
            given = {each["metering_point_id"]: each for each in json.loads(permitted)}
        self.queries_sent.append(("changes", len(given)))
        found = [
            row
            for row in sorted(self.rows, key=key)
            if row.sequence <= last
            and key(row) > (first, point_after, direction, day)
            and row.metering_point_id in given
            and first_id <= row.metering_point_id <= last_id
            and first_day <= row.delivery_date <= last_day
            and str(row.delivery_date) >= given[row.metering_point_id]["first_day"]
        ]
        return found[:limit]


def ask(
    warehouse: Warehouse,
    caller: Readable,
    *,
    after: Key = START,
    through: int = 9,
    limit: int = 100,
    at_once: int = 4,
) -> list[ChangeRow]:
    return search.first(
        warehouse,  # type: ignore[arg-type]
        ranges=Ranges(warehouse),  # type: ignore[arg-type]
        readable=caller,
        after=after,
        through=through,
        limit=limit,
        at_once=at_once,
    )


def portfolio(*numbers: int) -> Readable:
    return readable(*((point(each), None, None) for each in numbers))


def test_a_small_portfolio_is_one_question() -> None:
    warehouse = Warehouse([published(sequence, 2) for sequence in (1, 2, 3)])

    found = ask(warehouse, portfolio(1, 2, 3, 4))

    assert found == warehouse.rows
    assert warehouse.queries_sent == [("changes", 4)]


def test_a_page_of_a_large_publication_is_asked_for_with_what_should_fill_it() -> None:
    warehouse = Warehouse([published(1, each) for each in range(100)])

    found = ask(
        warehouse, portfolio(*range(100)), after=(1, point(49), "consumption", FIRST), limit=8, at_once=20
    )

    assert found == [published(1, each) for each in range(50, 58)]
    assert warehouse.queries_sent == [("publications", 0), ("changes", 10)]


def test_metering_points_without_a_day_are_passed_in_larger_steps() -> None:
    warehouse = Warehouse([published(1, each) for each in range(60, 100)])

    found = ask(warehouse, portfolio(*range(70)), limit=8, at_once=30)

    assert found == [published(1, each) for each in range(60, 68)]
    assert warehouse.queries_sent == [("publications", 0), ("changes", 10), ("changes", 30), ("changes", 30)]


def test_small_publications_name_the_metering_points_to_ask_for() -> None:
    warehouse = Warehouse([published(1, 3), published(2, 200), published(3, 3, SECOND), published(3, 7)])

    found = ask(warehouse, portfolio(*range(100)))

    assert found == [published(1, 3), published(3, 3, SECOND), published(3, 7)]
    assert warehouse.queries_sent == [("publications", 0), ("published_metering_points", 0), ("changes", 2)]


def test_publications_of_others_ask_for_no_days() -> None:
    warehouse = Warehouse([published(sequence, 200 + sequence) for sequence in range(1, 4)])

    assert ask(warehouse, portfolio(*range(100))) == []

    assert warehouse.queries_sent == [("publications", 0), ("published_metering_points", 0)]


def test_what_is_mostly_others_is_joined_whole_once_the_portfolio_was_looked_through() -> None:
    others = [published(sequence, each) for sequence in range(1, 7) for each in range(100, 140)]
    own = [published(sequence, 7) for sequence in range(1, 7)]
    warehouse = Warehouse([*others, *own])

    found = ask(warehouse, portfolio(*range(40)), limit=8, at_once=20)

    assert found == own
    assert warehouse.queries_sent == [
        ("publications", 0),
        ("changes", 10),
        ("changes", 20),
        ("changes", 10),
        ("changes", 40),
    ]


def test_a_publication_that_is_not_listed_is_returned_all_the_same() -> None:
    rows = [published(sequence, each) for sequence in (1, 2, 3) for each in range(8)]

    found = ask(Warehouse(rows, unlisted=frozenset({1, 3})), portfolio(*range(8)))

    assert found == rows


def test_a_day_outside_the_permitted_ones_is_left_out_in_every_step() -> None:
    rows = [
        published(sequence, each, day) for sequence, day in ((1, FIRST), (2, SECOND)) for each in range(8)
    ]
    caller = readable(*((point(each), SECOND if each == 5 else None, None) for each in range(8)))

    found = ask(Warehouse(rows), caller)

    assert found == [row for row in rows if key(row)[1:] != (point(5), "consumption", FIRST)]


@given(
    days=st.sets(
        st.tuples(st.integers(1, 6), st.integers(0, 9), st.sampled_from(["consumption", "production"])),
        max_size=40,
    ),
    permitted=st.sets(st.integers(0, 9)),
    limit=st.integers(1, 12),
    at_once=st.integers(1, 12),
    through=st.integers(1, 6),
)
def test_pages_of_any_size_in_steps_of_any_size_return_each_day_once_and_in_order(
    days: set[tuple[int, int, str]], permitted: set[int], limit: int, at_once: int, through: int
) -> None:
    rows = sorted((published(at, each, direction=way) for at, each, way in days), key=key)
    found: list[ChangeRow] = []

    while True:
        after = key(found[-1]) if found else START
        page = ask(
            Warehouse(rows), portfolio(*permitted), after=after, through=through, limit=limit, at_once=at_once
        )
        found += page
        if len(page) < limit:
            break

    expected = [row for row in rows if int(row.metering_point_id) in permitted and row.sequence <= through]
    assert found == expected
