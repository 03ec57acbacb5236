"""Which version of a principal's grants its files were last compared with."""

from collections.abc import Callable, Iterable

from shared import tables
from shared.files import sweeping
from shared.tables import Tables

_BETWEEN = "~"
_PARTITION = "compared"


class ComparedGrants:
    """The versions of all principals, for one kind of files. Methods may raise `tables.TablesUnavailable`."""

    def __init__(self, storage: Tables, *, kind: str) -> None:
        self._tables = storage
        self._kind = kind

    def for_each_changed(
        self,
        principals: Iterable[str],
        compare: Callable[[str], object],
        *,
        version: Callable[[str], str | None],
    ) -> None:
        """Compare the files of each principal whose grants have changed since that was last done.

        If the process dies in between, work is only delayed. A failure is logged and tried again, and
        does not hold up other principals.

        Args:
            version: returns the version of a principal's grants; None where it has none.
        """
        for principal in sorted(set(principals)):
            with sweeping.alone(f"the {self._kind} of {principal}"):
                self._compare_changed(principal, compare, now=version(principal) or "")

    def _compare_changed(self, principal: str, compare: Callable[[str], object], *, now: str) -> None:
        row = f"{self._kind}{_BETWEEN}{principal}"
        stored = self._tables.get(tables.FILE_WORK, partition=_PARTITION, row=row)
        if stored is None or tables.stored_text(stored, "version") != now:
            compare(principal)
            self._tables.upsert(tables.FILE_WORK, {"PartitionKey": _PARTITION, "RowKey": row, "version": now})
