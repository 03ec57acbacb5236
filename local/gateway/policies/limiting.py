"""rate-limit-by-key and quota."""

from collections.abc import Callable
from datetime import timedelta

from local.gateway.documents import Element
from local.gateway.exchange import Exchange
from local.gateway.expressions import EvaluationError, Kind
from local.gateway.faults import GatewayError
from local.gateway.grammar import (
    Run,
    Site,
    attributes,
    literal,
    no_children,
    no_text,
    value,
    whole_number,
)


def rate_limit_by_key(element: Element, site: Site) -> Run:
    """Allow `calls` in `renewal-period` seconds for each key; 429 beyond."""
    attributes(
        element,
        required=("calls", "renewal-period", "counter-key"),
        optional=(
            "remaining-calls-header-name",
            "total-calls-header-name",
            "retry-after-header-name",
            "retry-after-variable-name",
        ),
    )
    no_children(element)
    no_text(element)
    calls_of = _calls(element)
    period = whole_number(element, "renewal-period", minimum=1, maximum=300)
    key = value(element, element.attributes["counter-key"], (Kind.STRING,)).evaluate
    remaining_header = literal(element, "remaining-calls-header-name", "")
    total_header = literal(element, "total-calls-header-name", "")
    retry_header = literal(element, "retry-after-header-name", "Retry-After")
    retry_variable = literal(element, "retry-after-variable-name", "")
    rates, clock = site.services.rates, site.services.clock

    async def run(exchange: Exchange) -> None:
        calls = calls_of(exchange)
        allowance = rates.take(_key(key(exchange)), calls=calls, period_seconds=period, now=clock())
        if remaining_header:
            exchange.response_headers.replace(remaining_header, [str(allowance.remaining)])
        if total_header:
            exchange.response_headers.replace(total_header, [str(calls)])
        exchange.decided(f"{allowance.remaining} of {calls} left")
        if not allowance.allowed:
            wait = allowance.retry_after_seconds
            if retry_variable:
                exchange.variables[retry_variable] = wait
            raise GatewayError(
                "rate-limit-by-key",
                "RateLimitExceeded",
                f"Rate limit is exceeded. Try again in {wait} seconds.",
                429,
                {retry_header: str(wait)},
            )

    return run


def _calls(element: Element) -> Callable[[Exchange], int]:
    """Return how many calls may be made: a number, or an expression that gives one."""
    text = element.attributes["calls"]
    if not text.startswith("@"):
        number = whole_number(element, "calls", minimum=1)
        return lambda _: number
    evaluate = value(element, text, (Kind.INT,)).evaluate

    def calls(exchange: Exchange) -> int:
        number = int(evaluate(exchange))
        if number < 1:
            raise EvaluationError(f"the number of calls is {number}")
        return number

    return calls


def _key(key: object) -> str:
    # A null key would put all callers into one bucket.
    if not isinstance(key, str):
        raise EvaluationError("the counter key is null")
    return key


def quota(element: Element, site: Site) -> Run:
    """Allow `calls` in each period of the subscription; 403 beyond. Periods count from its start."""
    attributes(element, required=("calls", "renewal-period"))
    no_children(element)
    no_text(element)
    calls = whole_number(element, "calls", minimum=1)
    period = whole_number(element, "renewal-period")
    if 0 < period < 300:
        raise element.refuse("the attribute 'renewal-period' of <quota> has to be 0 or at least 300")
    quotas, clock = site.services.quotas, site.services.clock

    async def run(exchange: Exchange) -> None:
        subscription = exchange.subscription
        if subscription is None:
            # Documented: only applied when the API is called with a subscription key.
            return
        allowance = quotas.take(
            subscription.id, calls=calls, period_seconds=period, started=subscription.started, now=clock()
        )
        exchange.decided(f"{allowance.remaining} of {calls} left")
        if not allowance.allowed:
            wait = allowance.retry_after_seconds
            raise GatewayError(
                "quota",
                "QuotaExceeded",
                f"Out of call volume quota. Quota will be replenished in {_clock_face(wait)}.",
                403,
                {"Retry-After": str(wait)},
            )

    return run


def _clock_face(seconds: int) -> str:
    """Write seconds as .NET writes a TimeSpan: [d.]hh:mm:ss."""
    span = timedelta(seconds=seconds)
    hours, rest = divmod(span.seconds, 3600)
    minutes, left = divmod(rest, 60)
    face = f"{hours:02}:{minutes:02}:{left:02}"
    return f"{span.days}.{face}" if span.days else face
