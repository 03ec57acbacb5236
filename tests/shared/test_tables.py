"""Tables change whole and in the version that was read; and what is observed of requests to them."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from shared import limits, tables
from shared.tables import (
    ACCESS_GRANTS,
    SERVICE_STATE,
    AlreadyExists,
    ChangedMeanwhile,
    Entity,
    Operation,
    Tables,
    TablesUnavailable,
    UnreadableValue,
)
from tests.doubles.faulty import Faulty


class Observed:
    """What an observer sees."""

    def __init__(self) -> None:
        self.began: list[tuple[str, str]] = []
        self.ended: list[str | None] = []

    @contextmanager
    def __call__(self, operation: str, table: str) -> Iterator[None]:
        self.began.append((operation, table))
        try:
            yield
        except Exception as error:
            self.ended.append(type(error).__name__)
            raise
        self.ended.append(None)


def test_each_request_is_observed_by_what_it_does_and_to_which_table(table_storage: str) -> None:
    observed = Observed()
    storage = tables.open_tables(table_storage, credential=None, observe=observed)
    storage.create_missing()
    observed.began.clear()
    partition = f"app:{uuid4()}"
    entity = {"PartitionKey": partition, "RowKey": "r"}

    storage.get(SERVICE_STATE, partition=partition, row="r")
    list(storage.range(ACCESS_GRANTS, partition=partition))
    etag = storage.insert(ACCESS_GRANTS, entity)
    storage.replace(ACCESS_GRANTS, entity, etag=etag)
    storage.transact(ACCESS_GRANTS, [("upsert", entity)])
    storage.delete(ACCESS_GRANTS, partition=partition, row="r")

    assert observed.began == [
        ("get", SERVICE_STATE),
        ("query", ACCESS_GRANTS),
        ("post", ACCESS_GRANTS),
        ("put", ACCESS_GRANTS),
        ("batch", ""),
        ("delete", ACCESS_GRANTS),
    ]


def test_each_attempt_on_tables_that_are_away_is_observed_with_its_error(free_port: int) -> None:
    observed = Observed()
    endpoint = f"http://127.0.0.1:{free_port}/account"
    storage = tables.open_tables(
        f"AccountName=account;AccountKey=a2V5;TableEndpoint={endpoint};DefaultEndpointsProtocol=http",
        credential=None,
        observe=observed,
    )

    with pytest.raises(TablesUnavailable):
        storage.get(SERVICE_STATE, partition="p", row="r")

    assert observed.began == [("get", SERVICE_STATE)] * limits.TABLES.tries
    assert observed.ended == ["ServiceRequestError"] * limits.TABLES.tries


ROW = {
    "PartitionKey": "p",
    "RowKey": "r",
    "text": "Blåbær",
    "number": 7,
    "share": 2.0,
    "is": True,
    "bytes": b"packed",
    "nothing": None,
}


def test_a_write_whose_answer_was_lost_is_recognised_as_done(
    storage: Tables, reached_storage: Tables, before_tables: Faulty
) -> None:
    read = storage.insert(SERVICE_STATE, {"PartitionKey": "p", "RowKey": "r"})
    before_tables.lose_answers(1)

    written = reached_storage.replace(SERVICE_STATE, ROW, etag=read)

    stored = storage.get(SERVICE_STATE, partition="p", row="r")
    assert stored == {name: value for name, value in ROW.items() if value is not None} | {"etag": written}


@pytest.mark.parametrize("theirs", [ROW | {"number": 8}, ROW | {"more": 1}, ROW | {"text": None}])
def test_a_write_of_somebody_else_is_not_taken_for_our_own(storage: Tables, theirs: Entity) -> None:
    read = storage.insert(SERVICE_STATE, {"PartitionKey": "p", "RowKey": "r"})
    storage.replace(SERVICE_STATE, theirs, etag=read)

    with pytest.raises(ChangedMeanwhile):
        storage.replace(SERVICE_STATE, ROW, etag=read)


def test_an_entity_that_is_deleted_before_it_is_read_back_was_changed(
    storage: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = storage.insert(SERVICE_STATE, ROW)
    storage.upsert(SERVICE_STATE, ROW)
    monkeypatch.setattr(storage, "get", lambda table, partition, row: None)

    with pytest.raises(ChangedMeanwhile):
        storage.replace(SERVICE_STATE, ROW, etag=read)


def test_entities_are_added_one_at_a_time_while_a_check_allows_it(storage: Tables) -> None:
    partition = f"p-{uuid4()}"

    def refuse_the_fourth() -> None:
        if len(list(storage.range(SERVICE_STATE, partition=partition, rows_before="~"))) == 3:
            raise LookupError

    def is_added(number: int) -> bool:
        entity = {"PartitionKey": partition, "RowKey": str(number)}
        try:
            storage.insert_in_turn(SERVICE_STATE, entity, turn="~", check=refuse_the_fourth)
        except LookupError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert Counter(threads.map(is_added, range(8))) == {True: 3, False: 5}


def test_an_entity_that_is_there_is_not_added_in_turn(storage: Tables) -> None:
    entity = {"PartitionKey": f"p-{uuid4()}", "RowKey": "r"}
    storage.insert_in_turn(SERVICE_STATE, entity, turn="~", check=list)

    with pytest.raises(AlreadyExists):
        storage.insert_in_turn(SERVICE_STATE, entity, turn="~", check=list)


def test_a_range_is_deleted_in_transactions_but_for_one_row(table_storage: str) -> None:
    observed = Observed()
    storage = tables.open_tables(table_storage, credential=None, observe=observed)
    storage.create_missing()
    partition = f"p-{uuid4()}"
    rows = [f"{number:03d}" for number in range(250)]
    for batch in tables.batches([("insert", {"PartitionKey": partition, "RowKey": row}) for row in rows]):
        storage.transact(tables.FILE_WORK, batch)
    observed.began.clear()

    storage.delete_range(tables.FILE_WORK, partition=partition, rows_from="010", rows_before="240", but="020")

    assert observed.began == [("query", tables.FILE_WORK)] + [("batch", "")] * 3
    left = [each["RowKey"] for each in storage.range(tables.FILE_WORK, partition=partition)]
    assert left == [*rows[:10], "020", *rows[240:]]


def test_a_range_that_another_deletes_at_the_same_time_is_deleted(table_storage: str) -> None:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    partition = f"p-{uuid4()}"
    for row in ("1", "2", "3"):
        storage.insert(tables.FILE_WORK, {"PartitionKey": partition, "RowKey": row})
    listed = storage.range

    def overtaken(*given: Any, **chosen: Any) -> list[tables.Entity]:
        found = list(listed(*given, **chosen))
        storage.delete(tables.FILE_WORK, partition=partition, row="2")
        return found

    storage.range = overtaken  # type: ignore[method-assign, assignment]  # This object alone.
    storage.delete_range(tables.FILE_WORK, partition=partition)

    assert list(listed(tables.FILE_WORK, partition=partition)) == []


def test_only_the_version_that_was_read_is_replaced_or_deleted(storage: Tables) -> None:
    keys = {"PartitionKey": "p", "RowKey": "1"}
    first = storage.insert(SERVICE_STATE, {**keys, "value": "first"})
    second = storage.replace(SERVICE_STATE, {**keys, "value": "second"}, etag=first)

    with pytest.raises(ChangedMeanwhile):
        storage.replace(SERVICE_STATE, {**keys, "value": "third"}, etag=first)
    with pytest.raises(ChangedMeanwhile):
        storage.delete(SERVICE_STATE, partition="p", row="1", etag=first)
    assert storage.get(SERVICE_STATE, partition="p", row="1") == {**keys, "value": "second", "etag": second}

    storage.delete(SERVICE_STATE, partition="p", row="1", etag=second)
    with pytest.raises(ChangedMeanwhile):
        storage.replace(SERVICE_STATE, {**keys, "value": "third"}, etag=second)
    assert storage.get(SERVICE_STATE, partition="p", row="1") is None


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (("insert", {"PartitionKey": "p", "RowKey": "1"}), AlreadyExists),
        (("replace", {"PartitionKey": "p", "RowKey": "1", "etag": 'W/"stale"'}), ChangedMeanwhile),
        (("replace", {"PartitionKey": "p", "RowKey": "absent", "etag": 'W/"stale"'}), ChangedMeanwhile),
        (("delete", {"PartitionKey": "p", "RowKey": "absent"}), ChangedMeanwhile),
    ],
)
def test_a_transaction_is_done_whole_or_not_at_all(
    storage: Tables, operation: Operation, error: type[Exception]
) -> None:
    storage.insert(SERVICE_STATE, {"PartitionKey": "p", "RowKey": "1", "value": "first"})

    with pytest.raises(error):
        storage.transact(SERVICE_STATE, [("upsert", {"PartitionKey": "p", "RowKey": "2"}), operation])

    left = [(each["RowKey"], each["value"]) for each in storage.range(SERVICE_STATE, partition="p")]
    assert left == [("1", "first")]


def test_upserts_and_deletions_whose_answer_was_lost_are_done(
    storage: Tables, reached_storage: Tables, before_tables: Faulty
) -> None:
    keys = [{"PartitionKey": "p", "RowKey": row} for row in ("1", "2")]
    for row in keys:
        storage.insert(SERVICE_STATE, row)
    before_tables.lose_answers(1)

    reached_storage.write(SERVICE_STATE, [("delete", keys[0]), ("upsert", {**keys[1], "value": "new"})])

    left = [(each["RowKey"], each["value"]) for each in storage.range(SERVICE_STATE, partition="p")]
    assert left == [("2", "new")]


def test_what_another_has_deleted_hinders_no_other_write(storage: Tables) -> None:
    keys = [{"PartitionKey": "p", "RowKey": row} for row in ("1", "2", "3")]
    storage.insert(SERVICE_STATE, keys[0])

    storage.write(SERVICE_STATE, [("delete", keys[0]), ("delete", keys[1]), ("upsert", keys[2])])
    storage.write(SERVICE_STATE, [("delete", keys[0])])

    assert [each["RowKey"] for each in storage.range(SERVICE_STATE, partition="p")] == ["3"]


def test_a_missing_table_is_not_mistaken_for_a_missing_or_deleted_entity(table_storage: str) -> None:
    storage = tables.open_tables(table_storage, credential=None)

    with pytest.raises(TablesUnavailable):
        storage.get(ACCESS_GRANTS, partition="p", row="1")
    with pytest.raises(TablesUnavailable):
        list(storage.range(ACCESS_GRANTS, partition="p"))
    with pytest.raises(TablesUnavailable):
        storage.replace(ACCESS_GRANTS, {"PartitionKey": "p", "RowKey": "1"}, etag='W/"stale"')


NO_MOMENTS = [{}, {"at": None}, {"at": 7}, {"at": ""}, {"at": "yesterday"}, {"at": "2026-11-01T06:00:00"}]
NO_NUMBERS = [{}, {"count": None}, {"count": "7"}, {"count": 7.5}, {"count": True}]
NO_OBJECTS = [{}, {"areas": None}, {"areas": 7}, {"areas": ""}, {"areas": "{"}, {"areas": "[]"}]


def test_stored_values_are_read_in_their_shapes() -> None:
    stored = {"at": "2026-11-01T07:00:00+01:00", "count": 0, "areas": '{"NO1": "x"}'}

    assert tables.stored_moment(stored, "at") == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert tables.stored_number(stored, "count") == 0
    assert tables.stored_text(stored, "areas") == '{"NO1": "x"}'
    assert tables.stored_object(stored, "areas") == {"NO1": "x"}


@pytest.mark.parametrize(
    ("read", "entity", "name"),
    [
        *[(tables.stored_moment, each, "at") for each in NO_MOMENTS],
        *[(tables.stored_number, each, "count") for each in NO_NUMBERS],
        *[(tables.stored_object, each, "areas") for each in NO_OBJECTS],
        (tables.stored_text, {}, "version"),
        (tables.stored_text, {"version": 7}, "version"),
    ],
)
def test_a_stored_value_of_another_shape_is_unreadable(
    read: Callable[[Entity, str], object], entity: Entity, name: str
) -> None:
    with pytest.raises(UnreadableValue, match=f"The stored '{name}' is"):
        read(entity, name)
