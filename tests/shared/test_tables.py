"""What is observed of requests to Table Storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from shared import limits, tables
from shared.tables import ACCESS_GRANTS, SERVICE_STATE, TablesUnavailable


class Observed:
    """What an observer is told."""

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
