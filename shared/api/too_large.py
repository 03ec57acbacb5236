"""Responses in CSV, NDJSON and xlsx that are requested whole and are larger than the largest page.

A program that saves a file may overlook a cursor in a header and take the first page for everything. So such
requests are refused, and so are wide tables that are mostly empty.
"""

from typing import Any

from shared.api.problems import Fault

_CODE = "too-large-for-one-answer"
_LONG_PERIOD = Fault(
    "to", _CODE, "The period is long.", "Ask for a shorter period, and then for the next one."
)


class TooLargeForOneAnswer(Exception):
    """A response is requested whole and is too large.

    Attributes:
        members: the size of the response, as members of the problem.
        faults: what the caller can change.
    """

    def __init__(self, members: dict[str, Any], detail: str, faults: list[Fault]) -> None:
        super().__init__(detail)
        self.members = members
        self.detail = detail
        self.faults = faults


def market_days(count: int, *, most_values: int | None = None) -> TooLargeForOneAnswer:
    """Return the refusal of series of this many market days.

    Args:
        count: market days of the answer.
        most_values: the limit of values that was exceeded; None if the limit of days was.
    """
    size = f"{count} market days{_values(most_values)}"
    detail = f"The answer has {size}; without 'limit' it is returned whole or not at all."
    return TooLargeForOneAnswer(
        {"marketDays": count},
        detail,
        [
            _page("values" if most_values else "market days"),
            _LONG_PERIOD,
            Fault(
                "format",
                _CODE,
                "CSV, NDJSON and xlsx have no place for a cursor.",
                "Use JSON, which has pages, also with layout=rows.",
            ),
        ],
    )


def wide_market_days(count: int, *, most_values: int | None = None) -> TooLargeForOneAnswer:
    """Return the refusal of a wide table of this many market days of many metering points; see `market_days`.

    Pages are no alternative: each has its own columns, and may begin within the days of a metering point.
    """
    return TooLargeForOneAnswer(
        {"marketDays": count},
        f"The table has {count} market days{_values(most_values)}, more than one answer holds.",
        [
            _LONG_PERIOD,
            Fault(
                "meteringPointId",
                _CODE,
                "The request has many metering points.",
                "Name fewer metering points, or one customer with 'customerNumber'.",
            ),
            Fault(
                "layout",
                _CODE,
                "Each page of a wide table has columns of its own.",
                "Leave 'layout' out: pages of rows can be joined.",
            ),
        ],
    )


def cells(count: int, *, most: int) -> TooLargeForOneAnswer:
    """Return the refusal of a wide table with this many cells: its metering points have different days."""
    detail = f"The table has up to {count} cells, and the largest has {most}."
    return TooLargeForOneAnswer(
        {"items": count},
        detail,
        [
            Fault(
                "layout",
                _CODE,
                "The metering points have values on different days, so that most cells are empty.",
                "Leave 'layout' out, name fewer metering points, or ask for a shorter period.",
            )
        ],
    )


def changes(count: int, *, most_values: int | None = None) -> TooLargeForOneAnswer:
    """Return the refusal of this many changed market days; see `market_days`."""
    size = f"{count} market days{_values(most_values)}"
    detail = f"{size} have changed; without 'limit' the answer is returned whole or not at all."
    things = "values" if most_values else "market days"
    return TooLargeForOneAnswer({"marketDays": count}, detail, [_page(things)])


def items(count: int) -> TooLargeForOneAnswer:
    """Return the refusal of a list of this many metering points."""
    detail = f"The list has {count} metering points; without 'limit' it is returned whole or not at all."
    return TooLargeForOneAnswer({"items": count}, detail, [_page("metering points")])


def totals(
    count: int, *, most_values: int | None = None, metering_points: int | None = None
) -> TooLargeForOneAnswer:
    """Return the refusal of totals of this many market days; see `market_days`.

    Args:
        metering_points: how many are summed, if these are too many for the days.
    """
    size = f"{count} market days{_values(most_values)}"
    if metering_points is not None:
        size = f"{count} market days of {metering_points} metering points"
    detail = f"The totals have {size}; without 'limit' they are returned whole or not at all."
    things = "values" if most_values else "market days"
    return TooLargeForOneAnswer({"marketDays": count}, detail, [_page(things), _LONG_PERIOD])


def entries(count: int, *, most: int) -> TooLargeForOneAnswer:
    """Return the refusal of peaks or completeness of up to this many days or months of metering points."""
    detail = (
        f"The answer has up to {count} entries, more than the limit of {most}; "
        "without 'limit' it is returned whole or not at all."
    )
    return TooLargeForOneAnswer({"items": count}, detail, [_page("entries")])


def _values(most: int | None) -> str:
    return "" if most is None else f" with more than {most} values"


def _page(things: str) -> Fault:
    return Fault(
        "limit",
        _CODE,
        f"Without 'limit' there are no pages, and there are too many {things} for one.",
        "Give 'limit' (1 to 10000), and follow the header Link until it is absent.",
    )
