"""The operations of the API: path, parameters and answers of each."""

from dataclasses import dataclass, field, replace
from typing import Any

from shared.api import models
from shared.api.bodies import Body
from shared.api.changes import models as change_models
from shared.api.exports import models as export_models
from shared.api.exports.requests import DEFAULT_LIMIT as EXPORTS_LIMIT
from shared.api.exports.requests import MAX_LIMIT as EXPORTS_MAX
from shared.api.feeds import models as feed_models
from shared.api.feeds.requests import DEFAULT_LIMIT as RUNS_LIMIT
from shared.api.feeds.requests import MAX_LIMIT as RUNS_MAX
from shared.api.formats import OF_SERIES, ONLY_JSON, TIMES, USUAL, Kind
from shared.api.insights import models as insight_models
from shared.api.insights.requests import COMPLETENESS_RESOLUTIONS, DEFAULT_COUNT, MAX_COUNT
from shared.api.insights.sizes import MAX_WHOLE
from shared.api.listings import models as listing_models
from shared.api.parameters import CHOSEN_ID
from shared.api.series import models as series_models
from shared.api.series.pages import MAX_VALUES
from shared.api.series.requests import DEFAULT_LIMIT, MAX_LIMIT, MAX_NAMED, Layout
from shared.api.webhooks import models as webhook_models
from shared.files.forms.delimited import Dialect
from shared.files.forms.templates import Times
from shared.metering import PRICE_AREAS, Direction, Resolution
from shared.series.peaks import Of

Schema = dict[str, Any]


@dataclass(frozen=True)
class Words:
    """The words that a parameter takes: a closed list, shared by all parameters that take them.

    In answers the words of quality and resolution are an open text (`answers`), so the name is free for this.
    """

    name: str
    description: str
    words: tuple[str, ...]
    default: str | None = None

    @property
    def schema(self) -> Schema:
        """As a JSON schema."""
        default = {} if self.default is None else {"default": self.default}
        return {"type": "string", "description": self.description, "enum": list(self.words), **default}


@dataclass(frozen=True)
class Parameter:
    """One parameter; `example` is shown in the reference and used by tools that try it.

    Attributes:
        shared_as: the name under which the documents share it; by default its own with a capital letter.
    """

    name: str
    description: str
    schema: Schema | Words
    example: Any = None
    place: str = "query"
    shared_as: str = ""

    @property
    def key(self) -> str:
        """The name among the shared parameters."""
        return self.shared_as or "".join(f"{part[0].upper()}{part[1:]}" for part in self.name.split("-"))

    @property
    def required(self) -> bool:
        """Only what is in the path is: `from` or `date` must be given, and the API says which is missing."""
        return self.place == "path"


@dataclass(frozen=True)
class Operation:
    """What one method answers for one path. HEAD answers what GET does without the body.

    Attributes:
        answer: None where a success has no content.
        method: in capitals.
        status: of a success.
        also: of another success with the same answer.
        body: what the request's body holds; None where it has none.
        tag: the group that it is shown in.
        formats: in which it can be answered.
        row: what a row of CSV is.
        line: what a line of NDJSON is.
        beside: what their headers hold of the JSON.
        paged: whether the answer may go on after `limit`.
        cached: whether it has an ETag.
        last_modified: what that header says of a cached answer; None where it is not sent.
        retry_after: what that header says of a success; None where it is not sent, or described for all.
        retried: statuses of problems with that header, besides those that have it everywhere.
        only_json: answers that are no JSON are not described.
    """

    id: str
    path: str
    tag: str
    summary: str
    description: str
    answer: type[models.Answer] | None
    method: str = "GET"
    status: int = 200
    also: int | None = None
    body: type[Body] | None = None
    parameters: tuple[Parameter, ...] = field(default=())
    statuses: tuple[int, ...] = (400, 401, 403, 406, 429, 500, 503)
    formats: tuple[Kind, ...] = USUAL
    row: str = ""
    line: str = ""
    beside: str = ""
    paged: bool = True
    cached: bool = True
    last_modified: str | None = "When data was last published."
    retry_after: str | None = None
    retried: tuple[int, ...] = ()
    only_json: bool = False

    @property
    def text(self) -> str:
        """The description, with what CSV and NDJSON hold."""
        if self.formats == ONLY_JSON:
            return self.description
        rows = f"CSV has a header, then a row for {self.row}; NDJSON has a JSON line for {self.line}."
        if Kind.XLSX in self.formats:
            rows = f"{rows} {_WORKBOOK}"
        return f"{self.description}\n\n{rows} {self.beside}".rstrip()

    def as_json_alone(self) -> "Operation":
        """Return the same operation for clients that read JSON alone."""
        parameters = tuple(
            LAYOUT_OF_JSON if each is LAYOUT else each
            for each in self.parameters
            if each not in (*FORMATS_OF_SERIES, *FORMATS_WITH_TIMES, JSON_ALONE)
        )
        return replace(self, parameters=parameters, formats=ONLY_JSON, only_json=True)


TAGS = {
    "Customers and metering points": "What you may read, and since when.",
    "Series": "Consumption and production, as stored or summed.",
    "Insights": "Totals over metering points, the highest hours, and what is missing.",
    "Changes": "What is new or corrected since your last call.",
    "Webhooks": "Signed notices to your address.",
    "Exports": "Files made once, on your request.",
    "Feeds": "Files made after each publication, for as long as you want them.",
    "Freshness": "How new the data is.",
}
"""The groups of operations, each with what it is about."""
_MASTER_DATA, _SERIES, _INSIGHTS, _CHANGES, _WEBHOOKS, _EXPORTS, _FEEDS, _FRESHNESS = TAGS

_WHOLE = (
    f"Without `limit`: {DEFAULT_LIMIT} in JSON; answers in other formats are whole, or refused with "
    "`too-large-for-one-answer`."
)
_WORKBOOK = (
    "`format=xlsx` is a workbook with a sheet of metering points, one of values, and one of sums by month "
    "with a chart. Times are Excel dates in Norwegian time; ids are text."
)
_MOMENT = {
    "type": "string",
    "pattern": r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,7})?)?"
    r"([Zz]|[+ -](0[0-9]|1[0-4])(:?[0-5][0-9])?))?$",
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
    shared_as="MeteringPointIds",
)
CUSTOMER = Parameter(
    "customerNumber",
    "Only metering points of this customer.",
    {"type": "integer", "format": "int64", "minimum": 0, "maximum": 10**18 - 1},
    10001,
)
CUSTOMER_IN_PATH = Parameter(
    "customerNumber",
    "The customer.",
    {"type": "integer", "format": "int64", "minimum": 0, "maximum": 10**18 - 1},
    10001,
    place="path",
    shared_as="CustomerNumberInPath",
)
PRICE_AREA = Parameter(
    "priceArea",
    "Only this price area.",
    Words("PriceArea", "An electricity price area of Norway.", tuple(PRICE_AREAS)),
)
CURSOR = Parameter(
    "cursor", "`nextCursor` of the previous page; keep all other parameters the same.", {"type": "string"}
)
EXPORT_ID = Parameter(
    "exportId",
    "The id of an export.",
    {"type": "string", "pattern": "^ex_[0-9A-Za-z]{16,32}$"},
    "ex_8224962400000A1B2C3D4",
    place="path",
)
FILE_NAME = Parameter(
    "name",
    "The name of a file.",
    {"type": "string", "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,199}$"},
    "ex_8224962400000A1B2C3D4_2026-03-18_2026-04-01_1-of-1.csv",
    place="path",
    shared_as="FileName",
)
FEED_ID = Parameter(
    "feedId",
    "The id of a feed, which you choose: at most 64 lower-case letters, digits and hyphens.",
    {"type": "string", "pattern": f"^{CHOSEN_ID.pattern}$"},
    "daily-gs2",
    place="path",
)
RUN = Parameter(
    "run",
    "The name of a run.",
    {"type": "string", "pattern": "^[0-9]{6,11}-[0-9]{6,11}$"},
    "000002-000002",
    place="path",
)
FILE_OF_RUN = Parameter(
    "name",
    "The name of a file of the run, or of its manifest.",
    {"type": "string", "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,199}$"},
    "daily-gs2_000002-000002_1-of-1.gs2",
    place="path",
    shared_as="FileOfRun",
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "Identifies the request, so that it can be repeated safely. Use a new UUID for each new request.",
    {"type": "string", "minLength": 1, "maxLength": 64},
    place="header",
    shared_as="IdempotencyKey",
)
FORMAT = Parameter(
    "format",
    "The format of the answer. By default the header `Accept` decides; without it, the answer is JSON.",
    Words("Format", "How the answer is written.", USUAL),
)
FORMATS = (
    FORMAT,
    Parameter(
        "csv",
        "How CSV is written. `norwegian` is for Excel with Norwegian settings: `;` between cells, decimal "
        'comma, a byte order mark, and ids as `="…"` so that Excel keeps every digit. Only with CSV.',
        Words("CsvDialect", "How CSV is written.", tuple(Dialect)),
    ),
)
_WITH_TIMES = (
    FORMATS[1],
    Parameter(
        "time",
        "How `csv=norwegian` writes times. `local`: `dd.mm.yyyy hh:mm` in Norwegian time, with the offset in "
        "a separate column. `iso`: as in all other formats.",
        Words("CsvTimes", "How times are written in CSV for Excel.", TIMES, default=Times.LOCAL),
    ),
)
FORMATS_WITH_TIMES = (FORMAT, *_WITH_TIMES)
FORMATS_OF_SERIES = (
    Parameter(
        "format",
        f"{FORMAT.description} `xlsx` is for Excel.",
        Words("SeriesFormat", "How series are written.", OF_SERIES),
        shared_as="SeriesFormat",
    ),
    *_WITH_TIMES,
)
JSON_ALONE = Parameter(
    "format",
    "JSON is the only format here.",
    Words("JsonFormat", "The format of answers that are only JSON.", ONLY_JSON),
    shared_as="JsonFormat",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    "The `ETag` of the answer that you have. If the answer has not changed, you get 304.",
    {"type": "string"},
    place="header",
)
REQUEST_ID = Parameter(
    "X-Request-Id",
    "Your own id for the request, which we log: 8 to 64 letters, digits, `.`, `_` or `-`.",
    {"type": "string"},
    place="header",
)
TRACE_PARENT = Parameter(
    "traceparent", "W3C trace context; our traces continue it.", {"type": "string"}, place="header"
)
LAYOUT = Parameter(
    "layout",
    "`values`: an object for each value, grouped by series. `rows`: a flat object for each value with its "
    "metering point, for tools that load tables (CSV, NDJSON and xlsx always have rows). `days`: packed "
    "arrays, an eighth of the size; only JSON and NDJSON. `wide`: a row for each interval and a column for "
    "each metering point, without qualities; only CSV and xlsx.",
    Words("Layout", "How values are laid out.", tuple(Layout), default=Layout.VALUES),
)
LAYOUT_OF_JSON = Parameter(
    "layout",
    "`values`: an object for each value, grouped by series. `rows`: a flat object for each value with its "
    "metering point. `days`: packed arrays, an eighth of the size.",
    Words(
        "Layout",
        "How values are laid out.",
        tuple(each for each in Layout if each is not Layout.WIDE),
        default=Layout.VALUES,
    ),
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
        "End of the period, exclusive; written like `from`. By default, the end of the available data.",
        _MOMENT,
        "2026-03-30",
    ),
    Parameter("date", "One market day, instead of `from` and `to`.", {"type": "string", "format": "date"}),
    Parameter(
        "resolution",
        "By default, values are returned as stored. A coarser resolution is summed. A resolution finer than "
        "stored is refused for one metering point. For many metering points, days stored coarser are left "
        "out, and `storedCoarser` lists the first 40 metering points with such days.",
        Words("Resolution", "The length of an interval, as an ISO 8601 duration.", tuple(Resolution)),
    ),
    LAYOUT,
    Parameter(
        "asOf", "Return the answer as it was at this time: a market day or a time with an offset.",
        _MOMENT,
    ),
    Parameter(
        "limit",
        f"Market days on a page. A page holds at most {MAX_VALUES} values, so it may hold fewer days; "
        "only the last page can be empty. " + _WHOLE,
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        shared_as="DaysLimit",
    ),
    CURSOR,
    *FORMATS_OF_SERIES,
)  # fmt: skip


_WITH_NOT_FOUND = (400, 401, 403, 404, 406, 429, 500, 503)
_OF_FEEDS: dict[str, Any] = {"tag": _FEEDS, "formats": ONLY_JSON, "paged": False, "cached": False}
_DATA_OR_DESCRIPTIONS = (
    "When data was last published or metering points were last updated, whichever is later."
)
_VALUE_LINE = "each value or, with `layout=days`, for each market day"


def _series_of_one(direction: Direction, meaning: str) -> Operation:
    return Operation(
        id=f"get-{direction}-of-metering-point",
        path=f"/metering-points/{{meteringPointId}}/{direction}",
        tag=_SERIES,
        summary=f"{direction.capitalize()} of one metering point",
        description=f"Energy {meaning} at one metering point, in order of time.",
        answer=series_models.Series,
        row="each value",
        line=_VALUE_LINE,
        parameters=(ID, *SERIES),
        formats=OF_SERIES,
        statuses=_WITH_NOT_FOUND,
    )


def _series_of_many(direction: Direction, meaning: str) -> Operation:
    return Operation(
        id=f"list-{direction}",
        path=f"/{direction}",
        tag=_SERIES,
        summary=f"{direction.capitalize()} of many metering points",
        description=f"Energy {meaning} at named metering points, those of a customer, or all that you may "
        "read, in pages and ordered by metering point. A metering point without values in the period is left "
        "out unless you named it.",
        beside="On the first page, the header `X-Not-Found` lists named metering points that cannot be read, "
        "and `X-Stored-Coarser` those that JSON has in `storedCoarser`.",
        answer=series_models.ManySeries,
        row="each value",
        line=_VALUE_LINE,
        parameters=(IDS, CUSTOMER, *SERIES),
        formats=OF_SERIES,
        statuses=_WITH_NOT_FOUND,
    )


def _of_insights(limit: str, shared_as: str, *own: Parameter) -> tuple[Parameter, ...]:
    """Return the parameters of a question beyond the series: its own, and those that the series have, too."""
    by_name = {each.name: each for each in SERIES}
    paging = Parameter(
        "limit",
        f"{limit} {_WHOLE}",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        shared_as=shared_as,
    )
    period = tuple(by_name[name] for name in ("from", "to", "date"))
    return (IDS, CUSTOMER, *period, *own, by_name["asOf"], paging, CURSOR, *FORMATS_WITH_TIMES)


def _total(direction: Direction, meaning: str) -> Operation:
    return Operation(
        id=f"get-total-{direction}",
        path=f"/{direction}/total",
        tag=_INSIGHTS,
        summary=f"Total {direction}",
        description=f"For each interval, the total energy {meaning} at named metering points, those of a "
        "customer, or all that you may read. A total is the sum of their series. Totals of days, months and "
        "years cover whole market days.",
        answer=insight_models.TotalPage,
        row="each interval",
        line="each interval",
        beside="On the first page, the header `X-Not-Found` lists named metering points that cannot be read.",
        parameters=_of_insights(
            f"Market days on a page; a page may hold fewer, and holds at most {MAX_VALUES} totals.",
            "TotalLimit",
            Parameter(
                "resolution",
                "The resolution of the totals. `PT15M` is refused if a day in the period is stored in hours.",
                Words(
                    "TotalResolution",
                    "The length of a total's interval, as an ISO 8601 duration.",
                    tuple(Resolution),
                    default=Resolution.P1D,
                ),
                shared_as="TotalResolution",
            ),
        ),
        statuses=_WITH_NOT_FOUND,
    )


def _peaks(direction: Direction, meaning: str) -> Operation:
    return Operation(
        id=f"list-{direction}-peaks",
        path=f"/{direction}/peaks",
        tag=_INSIGHTS,
        summary=f"Highest hours of {direction}",
        description=f"For each metering point and month, the hours in which the most energy was {meaning}, "
        "and their mean, for the capacity tariff (effektledd). Quarters are summed to hours first; if hours "
        "are equal, the earlier one is taken. Give `month`, or whole market days with `from` and `to`.",
        answer=insight_models.PeaksPage,
        row="each hour",
        line="each metering point and month",
        beside="On the first page, the header `X-Not-Found` lists named metering points that cannot be read.",
        parameters=_of_insights(
            "Entries on a page (a month of a metering point); a page may hold fewer. A whole answer has at "
            f"most {MAX_WHOLE}, and {MAX_VALUES} hours.",
            "PeaksLimit",
            Parameter(
                "month",
                "A month in Europe/Oslo, such as 2026-11, instead of `from` and `to`.",
                {"type": "string", "pattern": r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$"},
            ),
            Parameter(
                "count",
                "How many hours.",
                {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": DEFAULT_COUNT},
            ),
            Parameter(
                "of",
                "`days`: the highest hours on different days. `weeks`: in different weeks (ISO 8601) of the "
                "month. `hours`: the highest overall.",
                Words(
                    "PeaksOf",
                    "Whether the highest hours are on different days, in different weeks, or any.",
                    tuple(Of),
                    default=Of.DAYS,
                ),
            ),
        ),
        statuses=_WITH_NOT_FOUND,
    )


WEBHOOK_ID = Parameter(
    "webhookId",
    "The id of a webhook, which you choose: at most 64 lower-case letters, digits and hyphens.",
    {"type": "string", "pattern": f"^{CHOSEN_ID.pattern}$"},
    "main",
    place="path",
)
NOTICE_ID = Parameter(
    "noticeId",
    "The id of a notice: the `webhook-id` of its attempts.",
    {"type": "string", "pattern": "^[a-z]{2}_[0-9a-f]{32}$"},
    place="path",
)


def _of_webhooks(
    id: str,  # noqa: A002  # As the operation has it.
    path: str,
    summary: str,
    description: str,
    answer: type[models.Answer] | None,
    **others: Any,
) -> Operation:
    is_read = others.get("method", "GET") == "GET"
    named = (each for each in (WEBHOOK_ID, NOTICE_ID) if f"{{{each.name}}}" in path)
    return Operation(
        id=id,
        path=f"/webhooks{path}",
        tag=_WEBHOOKS,
        summary=summary,
        description=description,
        answer=answer,
        parameters=(*named, *((JSON_ALONE,) if is_read else ())),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
        **{"statuses": _WITH_NOT_FOUND if is_read else (400, 401, 403, 404, 429, 500, 503), **others},
    )


_WEBHOOK_OPERATIONS = (
    _of_webhooks(
        "list-webhooks", "", "Your webhooks", "All your webhooks; their secrets are not shown.",
        webhook_models.WebhookList, statuses=(400, 401, 403, 406, 429, 500, 503),
    ),
    _of_webhooks(
        "get-webhook", "/{webhookId}", "One webhook", "One of your webhooks.", webhook_models.Webhook
    ),
    _of_webhooks(
        "put-webhook", "/{webhookId}", "Create or change a webhook",
        "A new webhook returns 201 with the secret: keep it, it is not shown again. A changed one returns "
        "200 without the secret. A signed `webhook.challenge` is sent to a new address. Nothing else is sent "
        "until it has answered 200 and repeated the `challenge`.",
        webhook_models.Webhook, method="PUT", status=200, also=201, body=webhook_models.WebhookBody,
        statuses=(400, 401, 403, 409, 413, 415, 429, 500, 503),
    ),
    _of_webhooks(
        "delete-webhook", "/{webhookId}", "Delete a webhook", "No more notices are sent.", None,
        method="DELETE", status=204,
    ),
    _of_webhooks(
        "rotate-webhook-secret", "/{webhookId}/secret", "A new secret",
        "Returns a new secret, once. For 24 hours the previous secret signs as well: notices then have two "
        "signatures, and either is valid.",
        webhook_models.Webhook, method="POST",
    ),
    _of_webhooks(
        "test-webhook", "/{webhookId}/test", "Test a webhook",
        "Sends `webhook.test` now and returns the receiver's answer, within ten seconds. If the receiver "
        "has not confirmed, or was disabled, `webhook.challenge` is sent instead. While a test of yours is "
        "under way, no other is sent, and `fault` is `test-under-way`.",
        webhook_models.WebhookTest, method="POST",
    ),
    _of_webhooks(
        "list-notices", "/{webhookId}/notices", "Notices of a webhook",
        "The notices of the last 30 days with their attempts, the newest first.", webhook_models.NoticeList,
    ),
    _of_webhooks(
        "resend-notice", "/{webhookId}/notices/{noticeId}/resend", "Send a notice again",
        "Starts a new series of attempts with the same id. If an attempt was made in the last minute, is "
        "under way, or is due within a minute, nothing is started, and the notice is returned as it is.",
        webhook_models.Notice, method="POST",
        statuses=(400, 401, 403, 404, 409, 429, 500, 503),
    ),
)  # fmt: skip

OPERATIONS = (
    Operation(
        id="list-customers",
        path="/customers",
        tag=_MASTER_DATA,
        summary="Customers",
        description="The customers whose metering points you may read.",
        answer=listing_models.CustomerList,
        row="each customer",
        line="each customer",
        parameters=FORMATS,
        paged=False,
        last_modified=None,
    ),
    Operation(
        id="list-readers",
        path="/customers/{customerNumber}/readers",
        tag=_MASTER_DATA,
        summary="Readers of a customer",
        description="The applications and persons that may read metering points of the customer (including "
        "you), since when and until when. Only for persons who are registered as a contact of the customer; "
        "an application gets 403 `persons-only`.",
        answer=listing_models.ReaderList,
        row="each reader",
        line="each reader",
        parameters=(CUSTOMER_IN_PATH, *FORMATS),
        statuses=_WITH_NOT_FOUND,
        paged=False,
        last_modified=None,
    ),
    Operation(
        id="list-metering-points",
        path="/metering-points",
        tag=_MASTER_DATA,
        summary="Metering points",
        description="The metering points that you may read, in pages and ordered by id.",
        answer=listing_models.MeteringPointPage,
        row="each permitted period of a metering point",
        line="each metering point",
        last_modified=_DATA_OR_DESCRIPTIONS,
        parameters=(
            CUSTOMER,
            PRICE_AREA,
            Parameter(
                "limit",
                f"Metering points on a page. {_WHOLE}",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                shared_as="MeteringPointsLimit",
            ),
            CURSOR,
            *FORMATS,
        ),
        statuses=_WITH_NOT_FOUND,
    ),
    Operation(
        id="get-metering-point",
        path="/metering-points/{meteringPointId}",
        tag=_MASTER_DATA,
        summary="One metering point",
        description="One metering point that you may read.",
        answer=listing_models.MeteringPoint,
        parameters=(ID, JSON_ALONE),
        formats=ONLY_JSON,
        paged=False,
        statuses=_WITH_NOT_FOUND,
        last_modified=_DATA_OR_DESCRIPTIONS,
    ),
    _series_of_one(Direction.CONSUMPTION, "taken from the grid"),
    _series_of_one(Direction.PRODUCTION, "delivered to the grid"),
    _series_of_many(Direction.CONSUMPTION, "taken from the grid"),
    _series_of_many(Direction.PRODUCTION, "delivered to the grid"),
    _total(Direction.CONSUMPTION, "taken from the grid"),
    _total(Direction.PRODUCTION, "delivered to the grid"),
    _peaks(Direction.CONSUMPTION, "taken from the grid"),
    _peaks(Direction.PRODUCTION, "delivered to the grid"),
    Operation(
        id="list-completeness",
        path="/completeness",
        tag=_INSIGHTS,
        summary="Completeness",
        description="For each metering point, direction and day or month: the number of values expected, of "
        "each quality, and missing, and whether a day is late. Periods are whole market days; by default, "
        "`to` is the end of the newest day that is published or due.",
        answer=insight_models.CompletenessPage,
        row="each day or month of a series",
        line="each day or month of a series",
        beside="On the first page, the header `X-Not-Found` lists named metering points that cannot be read.",
        parameters=_of_insights(
            "Entries on a page (a day or month of a series); a page may hold fewer. A whole answer has at "
            f"most {MAX_WHOLE}.",
            "CompletenessLimit",
            Parameter(
                "resolution",
                "Days or months.",
                Words(
                    "CompletenessResolution",
                    "The length of a period of completeness, as an ISO 8601 duration.",
                    tuple(COMPLETENESS_RESOLUTIONS),
                    default=Resolution.P1D,
                ),
                shared_as="CompletenessResolution",
            ),
        ),
        statuses=_WITH_NOT_FOUND,
    ),
    Operation(
        id="list-changes",
        path="/changes",
        tag=_CHANGES,
        summary="What is new or corrected",
        description="Every market day of your metering points that was published or corrected after the "
        "cursor, in the order of publication. A day that was published several times since then is returned "
        "once, as it is now. Without `cursor` and `since` the answer has no days, only the current cursor: "
        "keep it, and then fetch history.",
        answer=change_models.Changes,
        row="each value",
        line="each market day",
        parameters=(
            Parameter(
                "cursor",
                "`cursor` of the previous answer. If it is given, `since` is ignored.",
                {"type": "string"},
                shared_as="ChangesCursor",
            ),
            Parameter(
                "since",
                "Instead of a cursor: return everything published after this time (a market day, or a time "
                "with an offset).",
                _MOMENT,
            ),
            Parameter(
                "limit",
                f"Market days on a page. {_WHOLE}",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                shared_as="ChangesLimit",
            ),
            *FORMATS_WITH_TIMES,
        ),
    ),
    *_WEBHOOK_OPERATIONS,
    Operation(
        id="create-export",
        path="/exports",
        method="POST",
        status=202,
        tag=_EXPORTS,
        summary="Request an export",
        description="Files of named metering points, those of a customer, or all that you may read. They "
        "are built in the background: poll `Location` until the status is `finished`. All files show the "
        "data at `asOf`; /changes with `changesCursor` returns everything that was published after it. The "
        "same `Idempotency-Key` within a day, or without a key the same body within a minute, returns the "
        "same export, unless it has failed.",
        body=export_models.ExportRequest,
        answer=export_models.Export,
        parameters=(IDEMPOTENCY_KEY,),
        statuses=(400, 401, 403, 404, 409, 413, 415, 429, 500, 503),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
    ),
    Operation(
        id="list-exports",
        path="/exports",
        tag=_EXPORTS,
        summary="Your exports",
        description="Your exports, the newest first.",
        answer=export_models.ExportPage,
        parameters=(
            Parameter(
                "limit",
                "Exports on a page.",
                {"type": "integer", "minimum": 1, "maximum": EXPORTS_MAX, "default": EXPORTS_LIMIT},
                shared_as="ExportsLimit",
            ),
            CURSOR,
            JSON_ALONE,
        ),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
    ),
    Operation(
        id="get-export",
        path="/exports/{exportId}",
        tag=_EXPORTS,
        summary="One export",
        description="The progress of an export, and its files when it is finished.",
        answer=export_models.Export,
        parameters=(EXPORT_ID, JSON_ALONE),
        statuses=_WITH_NOT_FOUND,
        formats=ONLY_JSON,
        paged=False,
        cached=False,
        retry_after="Seconds to wait before the next poll; absent when the export is finished or has failed.",
    ),
    Operation(
        id="delete-export",
        path="/exports/{exportId}",
        method="DELETE",
        status=204,
        tag=_EXPORTS,
        summary="Delete an export",
        description="Stops the work on an export and deletes its files.",
        answer=None,
        parameters=(EXPORT_ID,),
        statuses=(400, 401, 403, 404, 429, 500, 503),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
    ),
    Operation(
        id="get-export-file",
        path="/exports/{exportId}/files/{name}",
        status=302,
        tag=_EXPORTS,
        summary="A file of an export",
        description="A link to the file, valid for 15 minutes. Your access is checked again.",
        answer=None,
        parameters=(EXPORT_ID, FILE_NAME),
        statuses=(400, 401, 403, 404, 410, 429, 500, 503),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
    ),
    Operation(
        id="list-feeds",
        path="/feeds",
        summary="Your feeds",
        description="All your feeds.",
        answer=feed_models.FeedList,
        parameters=(JSON_ALONE,),
        **_OF_FEEDS,
    ),
    Operation(
        id="get-feed",
        path="/feeds/{feedId}",
        summary="One feed",
        description="The settings of a feed.",
        answer=feed_models.Feed,
        parameters=(FEED_ID, JSON_ALONE),
        statuses=_WITH_NOT_FOUND,
        **_OF_FEEDS,
    ),
    Operation(
        id="put-feed",
        path="/feeds/{feedId}",
        method="PUT",
        also=201,
        summary="Make or change a feed",
        description="A new feed returns 201. It holds what is published from half a minute ago on; use an "
        "export for history. A changed feed returns 200, and the change applies from the next run on. Files "
        "are fetched by links; to receive them on an SFTP server, ask your contact.",
        body=feed_models.FeedRequest,
        answer=feed_models.Feed,
        parameters=(FEED_ID,),
        statuses=(400, 401, 403, 404, 409, 413, 415, 429, 500, 503),
        retried=(409,),
        **_OF_FEEDS,
    ),
    Operation(
        id="delete-feed",
        path="/feeds/{feedId}",
        method="DELETE",
        status=204,
        summary="Delete a feed",
        description="Deletes a feed with its runs and files.",
        answer=None,
        parameters=(FEED_ID,),
        statuses=(400, 401, 403, 404, 429, 500, 503),
        **_OF_FEEDS,
    ),
    Operation(
        id="list-feed-runs",
        path="/feeds/{feedId}/runs",
        summary="Runs of a feed",
        description="The runs of a feed, the newest first, each with its files. A run covers the "
        "publications since the previous run, and holds each changed day once, as it was after the last of "
        "these publications. Files are kept for 35 days.",
        answer=feed_models.FeedRunPage,
        parameters=(
            FEED_ID,
            Parameter(
                "limit",
                "Runs on a page; a page may hold fewer.",
                {"type": "integer", "minimum": 1, "maximum": RUNS_MAX, "default": RUNS_LIMIT},
                shared_as="RunsLimit",
            ),
            CURSOR,
            JSON_ALONE,
        ),
        statuses=_WITH_NOT_FOUND,
        **_OF_FEEDS,
    ),
    Operation(
        id="get-feed-file",
        path="/feeds/{feedId}/runs/{run}/files/{name}",
        status=302,
        summary="A file of a run",
        description="A link to the file, valid for 15 minutes. Your access is checked again.",
        answer=None,
        parameters=(FEED_ID, RUN, FILE_OF_RUN),
        statuses=(400, 401, 403, 404, 410, 429, 500, 503),
        **_OF_FEEDS,
    ),
    Operation(
        id="acknowledge-feed-run",
        path="/feeds/{feedId}/runs/{run}/acknowledgement",
        method="POST",
        status=204,
        summary="Acknowledge a run",
        description="Confirms that you have stored the files of the run. If a run is neither fetched nor "
        "acknowledged, we are alerted.",
        answer=None,
        parameters=(FEED_ID, RUN),
        statuses=(400, 401, 403, 404, 409, 429, 500, 503),
        **_OF_FEEDS,
    ),
    Operation(
        id="resend-feed-run",
        path="/feeds/{feedId}/runs/{run}/resend",
        method="POST",
        status=202,
        summary="Send a run again",
        description="Makes the same files available again. Deleted files are made again, with the data that "
        "you may still read.",
        answer=feed_models.FeedRun,
        parameters=(FEED_ID, RUN),
        statuses=(400, 401, 403, 404, 409, 429, 500, 503),
        **_OF_FEEDS,
    ),
    Operation(
        id="get-status",
        path="/status",
        tag=_FRESHNESS,
        summary="Freshness",
        description="How fresh metering data and access are.",
        answer=models.Status,
        parameters=(JSON_ALONE,),
        statuses=(400, 401, 403, 406, 429, 500, 503),
        formats=ONLY_JSON,
        paged=False,
        cached=False,
    ),
)
