"""Which customers are narrowed to some of their metering points, remembered in `ServiceState`.

That a value in Severa is not there looks the same whether somebody emptied the field or Severa failed to
give it. Only what was there before tells that it is missing; the stored grants do not tell of a customer
that was narrowed to nothing.
"""

from collections.abc import Iterable

from shared import tables

PARTITION = "sync-restricted"


def read(storage: tables.Tables) -> frozenset[int]:
    """The numbers of the customers who were narrowed, and were not lifted with consent since."""
    rows = storage.range(tables.SERVICE_STATE, partition=PARTITION, select=("RowKey",))
    return frozenset(int(entity["RowKey"]) for entity in rows)


def add(storage: tables.Tables, numbers: Iterable[int], *, run_id: str) -> None:
    """Remember customers; before any of their grants is written, as a run can be killed."""
    _in_transactions(
        storage,
        [
            ("upsert", {"PartitionKey": PARTITION, "RowKey": str(number), "runId": run_id})
            for number in sorted(numbers)
        ],
    )


def remove(storage: tables.Tables, numbers: Iterable[int]) -> None:
    """Forget customers, once they were lifted."""
    _in_transactions(
        storage,
        [("delete", {"PartitionKey": PARTITION, "RowKey": str(number)}) for number in sorted(numbers)],
    )


def _in_transactions(storage: tables.Tables, operations: list[tables.Operation]) -> None:
    for start in range(0, len(operations), tables.MAX_TRANSACTION):
        storage.transact(tables.SERVICE_STATE, operations[start : start + tables.MAX_TRANSACTION])
