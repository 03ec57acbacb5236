"""Builds the statements that check staged records against each other, and replace the stored ones. Pure."""

from collections.abc import Sequence
from datetime import datetime

from shared.deliveries.faults import Fault
from shared.deliveries.staging import MOST_FAULTS, TABLES, Found
from shared.warehouse.engine import Query, Statement


def repeated_metering_points(load_id: str) -> Query[Found]:
    """Ask for metering points that the file names again."""
    return Query(
        """
        SELECT line, metering_point_id, first_line, COUNT_BIG(*) OVER ()
        FROM (
            SELECT line, metering_point_id, MIN(line) OVER (PARTITION BY metering_point_id) AS first_line
            FROM metering.metering_point_line
            WHERE load_id = ?
        ) AS numbered
        WHERE line > first_line
        ORDER BY line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MOST_FAULTS),
        lambda line, id_, first, count: Found(
            Fault(line, f"metering point {id_} is in line {first} already."), count
        ),
        "repeated_metering_points",
    )


def overlapping_periods(load_id: str) -> Query[Found]:
    """Ask for periods that overlap the previous one of the same metering point."""

    def found(
        line: int, id_: str, customer: int, since: object, other: int, other_line: int, count: int
    ) -> Found:
        reason = (
            f"the period of customer {customer} at {id_} from {since} overlaps that of customer {other} "
            f"in line {other_line}."
        )
        return Found(Fault(line, reason), count)

    return Query(
        """
        SELECT line, metering_point_id, customer_number, valid_from, other_customer, other_line,
               COUNT_BIG(*) OVER ()
        FROM (
            SELECT line, metering_point_id, customer_number, valid_from,
                   LAG(customer_number) OVER (PARTITION BY metering_point_id ORDER BY valid_from, line)
                       AS other_customer,
                   LAG(line) OVER (PARTITION BY metering_point_id ORDER BY valid_from, line) AS other_line,
                   LAG(COALESCE(valid_to, CAST('9999-12-31' AS date)))
                       OVER (PARTITION BY metering_point_id ORDER BY valid_from, line) AS other_end
            FROM metering.supply_period_line
            WHERE load_id = ?
        ) AS in_order
        WHERE other_end > valid_from
        ORDER BY line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MOST_FAULTS),
        found,
        "overlapping_periods",
    )


def replace_records(table: str, load_id: str) -> Sequence[Statement]:
    """Replace the stored records of the staged metering points.

    Args:
        table: `metering_point_line` or `supply_period_line`.
        load_id: which rows.
    """
    target = table.removesuffix("_line")
    names = ", ".join(TABLES[table])
    return (
        Statement(
            f"""
            DELETE FROM metering.{target}
            WHERE metering_point_id IN
                (SELECT staged.metering_point_id FROM metering.{table} AS staged WHERE staged.load_id = ?)
            """,  # noqa: S608  # Nothing but names of TABLES is put in.
            (load_id,),
            "delete_records",
        ),
        Statement(
            f"""
            INSERT INTO metering.{target} ({names})
            SELECT {names} FROM metering.{table} WHERE load_id = ?
            """,  # noqa: S608  # As above.
            (load_id,),
            "insert_records",
        ),
    )


def latest_master_data() -> Query[datetime | None]:
    """Ask when the latest file of metering points or supply periods was received: one row, None if never."""
    return Query(
        "SELECT MAX(received_at) FROM metering.register_delivery", (), lambda at: at, "latest_master_data"
    )


def latest_arrival(kind: str) -> Query[datetime | None]:
    """Ask when the last file of a kind of master data arrived in the container: one row, None if never."""
    return Query(
        "SELECT MAX(arrived_at) FROM metering.register_delivery WHERE kind = ?",
        (kind,),
        lambda at: at,
        "latest_arrival",
    )


def record_master_data(
    kind: str, *, source: str, received_at: datetime, arrived_at: datetime | None, records: int
) -> Statement:
    """Record that the records of a file of metering points or supply periods were replaced."""
    return Statement(
        """
        INSERT INTO metering.register_delivery (kind, source, received_at, records, arrived_at)
        SELECT CAST(? AS varchar(20)), CAST(? AS varchar(400)), CAST(? AS datetime2(6)), CAST(? AS bigint),
               CAST(? AS datetime2(6))
        """,
        (kind, source, received_at, records, arrived_at),
        "record_master_data",
    )
