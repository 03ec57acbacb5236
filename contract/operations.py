"""The operations of the API: path, parameters and answers of each."""

from dataclasses import dataclass, field
from typing import Any

from contract import answers
from shared.api.formats import EVERY, ONLY_JSON, Dialect, Kind
from shared.api.listings.listings import PRICE_AREAS
from shared.api.series.pages import MAX_VALUES
from shared.api.series.requests import DEFAULT_LIMIT, MAX_LIMIT, MAX_NAMED, Layout
from shared.metering import Direction, Resolution

Schema = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter; `example` is shown in the reference and used by tools that try it."""

    name: str
    description: str
    schema: Schema
    example: Any = None
    place: str = "query"

    @property
    def required(self) -> bool:
        """Only what is in the path is: `from` or `date` must be given, and the API says which is missing."""
        return self.place == "path"


@dataclass(frozen=True)
class Operation:
    """What GET answers for one path. HEAD answers the same without the body.

    Attributes:
        formats: in which it can be answered.
        line: what a line of CSV or NDJSON is, for the reader.
        paged: whether the answer may go on after `limit`.
        cached: whether it has an ETag.
    """

    id: str
    path: str
    summary: str
    description: str
    answer: type[answers.Answer]
    parameters: tuple[Parameter, ...] = field(default=())
    statuses: tuple[int, ...] = (400, 401, 403, 406, 429, 500, 503)
    formats: tuple[Kind, ...] = EVERY
    line: str = ""
    paged: bool = True
    cached: bool = True


_MOMENT = {
    "type": "string",
    "pattern": r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-3]):[0-5]\d))?$",
}
ID = Parameter(
    "meteringPointId",
    "The metering point (målepunkt-ID): 18 digits.",
    {"type": "string", "pattern": r"^\d{18}$"},
    "707057500000010017",
    place="path",
)
IDS = Parameter(
    "meteringPointId",
    f"A metering point; repeat the parameter for more, at most {MAX_NAMED}. Left out: all that you may read.",
    {"type": "array", "items": {"type": "string", "pattern": r"^\d{18}$"}, "maxItems": MAX_NAMED},
)
CUSTOMER = Parameter(
    "customerNumber",
    "Only metering points of this customer.",
    {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    10001,
)
PRICE_AREA = Parameter("priceArea", "Only this price area.", {"type": "string", "enum": list(PRICE_AREAS)})
CURSOR = Parameter(
    "cursor", "`nextCursor` of the page before, with the same other parameters.", {"type": "string"}
)
FORMAT = Parameter(
    "format",
    "The format of the answer. Left out, the header `Accept` decides; without either it is JSON.",
    {"type": "string", "enum": [str(each) for each in EVERY]},
)
FORMATS = (
    FORMAT,
    Parameter(
        "csv",
        "How CSV is written. `norwegian` is for Excel with Norwegian settings: `;` between cells, decimal "
        'comma, a byte order mark, and ids as `="…"` so that Excel keeps every digit. Only with CSV.',
        {"type": "string", "enum": [str(each) for each in Dialect]},
    ),
)
JSON_ALONE = Parameter("format", "JSON is the only format here.", {"type": "string", "enum": ["json"]})
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    "The `ETag` of the answer that you hold: 304 when it is still the answer.",
    {"type": "string"},
    place="header",
)
REQUEST_ID = Parameter(
    "X-Request-Id",
    "Your own id of the request, for our log and yours: 8 to 64 letters, digits, `.`, `_` or `-`.",
    {"type": "string"},
    place="header",
)
TRACE_PARENT = Parameter(
    "traceparent", "W3C trace context, followed by our traces.", {"type": "string"}, place="header"
)
SERIES = (
    Parameter(
        "from",
        "Start of the period: a market day (its start in Europe/Oslo) or a time with an offset. "
        "Required unless `date` is given.",
        _MOMENT,
        "2026-03-29",
    ),
    Parameter(
        "to",
        "End of the period, exclusive; written like `from`. Left out: what is available.",
        _MOMENT,
        "2026-03-30",
    ),
    Parameter("date", "One market day; instead of `from` and `to`.", {"type": "string", "format": "date"}),
    Parameter(
        "resolution",
        "As stored when left out. Coarser is summed. Finer than stored is refused for one metering point; of "
        "many, the days stored coarser are left out and listed in `storedCoarser`.",
        {"type": "string", "enum": [str(each) for each in Resolution]},
    ),
    Parameter(
        "layout",
        "`values`: an object for each value. `days`: packed arrays, an eighth of the size; not in CSV.",
        {"type": "string", "enum": [str(each) for each in Layout], "default": "values"},
    ),
    Parameter(
        "asOf", "The answer as it would have been at this moment: a market day or a time with an offset.",
        _MOMENT,
    ),
    Parameter(
        "limit",
        f"Market days on a page. A page holds at most {MAX_VALUES} values, and may hold fewer days for it.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    CURSOR,
    *FORMATS,
)  # fmt: skip


_WITH_NOT_FOUND = (400, 401, 403, 404, 406, 429, 500, 503)
_VALUE_LINE = "each value; with `layout=days`, NDJSON has a line for each market day"


def _series_of_one(direction: Direction, meaning: str) -> Operation:
    return Operation(
        id=f"get-{direction}-of-metering-point",
        path=f"/metering-points/{{meteringPointId}}/{direction}",
        summary=f"{direction.capitalize()} of one metering point",
        description=f"Energy {meaning} at one metering point, in order of time.",
        answer=answers.Series,
        line=_VALUE_LINE,
        parameters=(ID, *SERIES),
        statuses=_WITH_NOT_FOUND,
    )


def _series_of_many(direction: Direction, meaning: str) -> Operation:
    return Operation(
        id=f"list-{direction}",
        path=f"/{direction}",
        summary=f"{direction.capitalize()} of many metering points",
        description=f"Energy {meaning} at the metering points named, a customer's, or all that you may read, "
        "ordered by metering point and paged. A metering point without values in the period is left out "
        "unless you named it. In CSV and NDJSON, those named that cannot be read are in `X-Not-Found`, and "
        "those that `storedCoarser` would list in `X-Stored-Coarser`.",
        answer=answers.ManySeries,
        line=_VALUE_LINE,
        parameters=(IDS, CUSTOMER, *SERIES),
        statuses=_WITH_NOT_FOUND,
    )


OPERATIONS = (
    Operation(
        id="list-customers",
        path="/customers",
        summary="Customers",
        description="The customers whose metering points you may read.",
        answer=answers.Customers,
        line="each customer",
        parameters=FORMATS,
        paged=False,
    ),
    Operation(
        id="list-metering-points",
        path="/metering-points",
        summary="Metering points",
        description="The metering points that you may read, ordered by id and paged.",
        answer=answers.MeteringPoints,
        line="each metering point; CSV has one for each permitted period of it",
        parameters=(
            CUSTOMER,
            PRICE_AREA,
            Parameter(
                "limit",
                "Metering points on a page.",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
            CURSOR,
            *FORMATS,
        ),
        statuses=_WITH_NOT_FOUND,
    ),
    Operation(
        id="get-metering-point",
        path="/metering-points/{meteringPointId}",
        summary="One metering point",
        description="One metering point that you may read.",
        answer=answers.MeteringPoint,
        parameters=(ID, JSON_ALONE),
        formats=ONLY_JSON,
        paged=False,
        statuses=_WITH_NOT_FOUND,
    ),
    _series_of_one(Direction.CONSUMPTION, "taken from the grid"),
    _series_of_one(Direction.PRODUCTION, "delivered to the grid"),
    _series_of_many(Direction.CONSUMPTION, "taken from the grid"),
    _series_of_many(Direction.PRODUCTION, "delivered to the grid"),
    Operation(
        id="list-changes",
        path="/changes",
        summary="What is new or corrected",
        description="Every market day of your metering points that was published or corrected after the "
        "cursor, in the order of publication. Without `cursor` and `since` the answer is empty and holds the "
        "cursor of now. A day that was published several times since then comes once, as it is now.",
        answer=answers.Changes,
        line="each market day; CSV has one for each value",
        parameters=(
            Parameter("cursor", "`cursor` of the answer before.", {"type": "string"}),
            Parameter(
                "since",
                "Instead of a cursor: all that was published after this moment, a market day or a time with "
                "offset.",
                _MOMENT,
            ),
            Parameter(
                "limit",
                "Market days on a page.",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
            *FORMATS,
        ),
    ),
    Operation(
        id="get-status",
        path="/status",
        summary="Freshness",
        description="How fresh metering data and access are.",
        answer=answers.Status,
        parameters=(JSON_ALONE,),
        statuses=(400, 401, 403, 406, 429, 500, 503),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
    ),
)
