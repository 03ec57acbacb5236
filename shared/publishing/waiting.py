"""Deliveries that wait to be published."""

from dataclasses import dataclass
from datetime import datetime

from shared.warehouse.engine import Query, aware


@dataclass(frozen=True)
class Delivery:
    """A delivery that waits to be published; its values start within `[first_start, last_start]`."""

    batch_id: str
    source: str
    received_at: datetime
    first_start: datetime
    last_start: datetime
    values: int


def deliveries() -> Query[Delivery]:
    """The deliveries that no publication has taken in yet, the oldest first."""
    return Query(
        """
        SELECT batch_id, source, received_at, first_start_utc, last_start_utc, interval_values
        FROM metering.unpublished_delivery
        ORDER BY received_at, batch_id
        """,
        (),
        lambda batch_id, source, received_at, first, last, values: Delivery(
            batch_id, source, aware(received_at), aware(first), aware(last), values
        ),
        "waiting_deliveries",
    )
