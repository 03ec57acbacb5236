"""Reading a list to its end while others change it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.severa import paging
from shared.access.severa.paging import ListUnreadable, Page
from shared.access.severa.records import MalformedRecord, Row

Change = tuple[str, int]
CHANGES = st.tuples(st.sampled_from(["remove", "add"]), st.integers(0, 500))


class ChangingList:
    """A list paged by row, to which the next few of `changes` happen before each page is read."""

    def __init__(self, count: int, *, changes: list[list[Change]], longest_page: int) -> None:
        self.guids = [f"{number:04}" for number in range(count)]
        self.always = set(self.guids)
        self.ever = set(self.guids)
        self._changes = iter(changes)
        self._longest_page = longest_page

    def read(self, parameters: Mapping[str, str]) -> Page:
        for what, where in next(self._changes, []):
            self._change(what, where)
        first = int(parameters["firstRow"])
        end = first + min(int(parameters["rowCount"]), self._longest_page)
        return Page([{"guid": guid} for guid in self.guids[first:end]], None)

    def _change(self, what: str, where: int) -> None:
        if what == "remove" and self.guids:
            self.always.discard(self.guids.pop(where % len(self.guids)))
        if what == "add":
            new = f"new-{len(self.ever):04}"
            self.guids.insert(where % (len(self.guids) + 1), new)
            self.ever.add(new)


@given(
    count=st.integers(0, 450),
    changes=st.lists(st.lists(CHANGES, max_size=3), max_size=12),
    longest_page=st.sampled_from([2, 10, 57, 100]),
)
def test_a_record_that_is_in_the_list_all_the_time_is_read_exactly_once_or_the_reading_fails(
    count: int, changes: list[list[Change]], longest_page: int
) -> None:
    changing = ChangingList(count, changes=changes, longest_page=longest_page)

    try:
        guids = [str(row["guid"]) for row in paging.by_row(changing.read)]
    except ListUnreadable:
        return

    assert len(guids) == len(set(guids))
    assert changing.always <= set(guids) <= changing.ever


@given(count=st.integers(0, 450), longest_page=st.sampled_from([1, 2, 10, 57, 100]))
def test_a_list_that_stays_is_read_whole_and_in_order(count: int, longest_page: int) -> None:
    staying = ChangingList(count, changes=[], longest_page=longest_page)

    rows = paging.by_row(staying.read)

    assert [row["guid"] for row in rows] == staying.guids


@pytest.mark.parametrize("settled", ["abc", "cba"])
def test_rows_whose_order_is_not_settled_are_read_again_rather_than_lost(settled: str) -> None:
    before = [f"{number:02}" for number in range(98)]
    shown = [*before, *settled]
    orders = iter([[*before, *"abc"], [*before, *"cba"], *[shown] * 5])

    def read(parameters: Mapping[str, str]) -> Page:
        first = int(parameters["firstRow"])
        guids = next(orders)[first : first + 100]
        return Page([{"guid": guid} for guid in guids], None)

    rows = paging.by_row(read)

    assert [row["guid"] for row in rows] == shown


def test_a_service_that_ignores_the_row_number_is_not_read_for_ever() -> None:
    rows: list[Row] = [{"guid": f"{number}"} for number in range(100)]

    with pytest.raises(ListUnreadable, match="changed during each of 4 readings"):
        paging.by_row(lambda parameters: Page(rows, None))


@pytest.mark.parametrize(
    ("count", "first_rows"), [(0, [0]), (1, [0, 1]), (2, [0, 1]), (19, [0, 18]), (20, [0, 19, 20])]
)
def test_a_list_of_one_page_takes_more_requests_since_it_may_go_on(count: int, first_rows: list[int]) -> None:
    staying = ChangingList(count, changes=[], longest_page=100)
    requested = []

    def read(parameters: Mapping[str, str]) -> Page:
        requested.append(int(parameters["firstRow"]))
        return staying.read(parameters)

    paging.by_row(read)

    assert requested == first_rows


def test_a_page_that_is_cut_down_does_not_end_the_list() -> None:
    rows: list[Row] = [{"guid": f"{number:02}"} for number in range(15)]

    def read(parameters: Mapping[str, str]) -> Page:
        first = int(parameters["firstRow"])
        return Page(rows[first : first + 10], None)

    assert paging.by_row(read) == rows


@pytest.mark.parametrize("cut_pages", [1, 2, 200])
def test_a_first_page_of_one_row_does_not_end_the_list(cut_pages: int) -> None:
    rows: list[Row] = [{"guid": f"{number:03}"} for number in range(130)]
    lengths = iter([1] * cut_pages)

    def read(parameters: Mapping[str, str]) -> Page:
        first = int(parameters["firstRow"])
        return Page(rows[first : first + next(lengths, 100)], None)

    assert paging.by_row(read) == rows


def test_a_list_of_pages_of_one_row_that_moves_is_read_again() -> None:
    orders = iter([["a", "b", "c"], ["b", "c"], ["b", "c"]])
    shown = ["b", "c"]

    def read(parameters: Mapping[str, str]) -> Page:
        first = int(parameters["firstRow"])
        return Page([{"guid": guid} for guid in next(orders, shown)[first : first + 1]], None)

    assert [row["guid"] for row in paging.by_row(read)] == ["b", "c"]


def test_pages_by_token_end_with_a_missing_token_and_not_with_a_short_or_empty_page() -> None:
    pages = {
        None: Page([{"guid": "a"}], "1"),
        "1": Page([], "2"),
        "2": Page([{"guid": "b"}, {"guid": "a"}], None),
    }

    rows = paging.by_token(lambda parameters: pages[parameters.get("pageToken")])

    assert [row["guid"] for row in rows] == ["a", "b"]


def test_each_page_has_as_many_rows_as_severa_documents() -> None:
    requested: list[Mapping[str, str]] = []
    pages = iter([Page([{"guid": "a"}], "1"), Page([], None), Page([], None)])

    def read(parameters: Mapping[str, str]) -> Page:
        requested.append(parameters)
        return next(pages)

    paging.by_token(read)
    paging.by_row(read)

    assert requested == [
        {"rowCount": "100"},
        {"rowCount": "100", "pageToken": "1"},
        {"rowCount": "100", "firstRow": "0"},
    ]


def test_a_row_without_a_guid_cannot_be_counted() -> None:
    with pytest.raises(MalformedRecord, match=r"no guid; it has the fields \['name'\]"):
        paging.by_token(lambda parameters: Page([{"name": "x"}], None))
