"""A request's way through the gateway: built-in steps, then inbound, backend, outbound, or on-error."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from local.gateway.builder import Pipeline
from local.gateway.exchange import Exchange, LastError, Product, Response
from local.gateway.faults import GatewayError
from local.gateway.grammar import run_steps
from local.gateway.headers import Fields
from local.gateway.operations import Operations
from local.gateway.policies.cors import Cors
from local.gateway.products import Subscriptions

log = logging.getLogger(__name__)

KEY_HEADER = "Ocp-Apim-Subscription-Key"
KEY_PARAMETER = "subscription-key"

# Both texts as the gateway sends them; the error reference words the first one slightly differently.
_KEY_MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
_KEY_INVALID = (
    "Access denied due to invalid subscription key. "
    "Make sure to provide a valid key for an active subscription."
)


@dataclass(frozen=True)
class Gateway:
    """The policies in effect: for every API, for this API, and for this API within each product."""

    operations: Operations
    subscriptions: Subscriptions
    products: Mapping[str, Product]
    everywhere: Pipeline
    api: Pipeline
    by_product: Mapping[str, Pipeline]

    async def handle(self, exchange: Exchange) -> Response:
        """Return the answer to one request. Failures become the answer of on-error."""
        try:
            response = await self._run(exchange)
        except GatewayError as failed:
            response = await self._failed(exchange, failed)
        except Exception as unexpected:
            # A fault of this gateway's own: still an answer with a request id, and all of it in the log.
            log.exception("The gateway failed at %s.", exchange.ran[-1:] or "the start")
            response = await self._failed(exchange, GatewayError("gateway", "", str(unexpected), 500))
        if exchange.response is not response:
            _discard(exchange.response)
        for name, value in exchange.cors_headers:
            response.headers.replace(name, [value])
        return response

    async def _run(self, exchange: Exchange) -> Response:
        if (answer := self._find_operation(exchange)) is not None:
            return answer
        self._find_subscription(exchange)
        pipeline = self._pipeline(exchange)
        for section in ("inbound", "backend", "outbound"):
            answer = await run_steps(pipeline[section], exchange)
            if answer is not None:
                return answer
        return exchange.response or Response(200)

    def _find_operation(self, exchange: Exchange) -> Response | None:
        """Match the operation, a built-in step. A preflight request is answered here by cors."""
        request = exchange.request
        below = self.operations.below_api(request.original_url.raw_path)
        if below is not None:
            exchange.api_path = below
            exchange.operation = self.operations.match(request.method, below)
        if exchange.operation is None and below is not None and request.method == "OPTIONS":
            answer = self._preflight(exchange, below)
            if answer is not None:
                return answer
        if exchange.operation is None:
            raise GatewayError(
                "configuration", "OperationNotFound", "Unable to match incoming request to an operation.", 404
            )
        return None

    def _preflight(self, exchange: Exchange, below: str) -> Response | None:
        """Run only cors, as documented; when no cors policy fits, an empty 200 ends the request."""
        headers = exchange.request.headers
        method = headers.joined("Access-Control-Request-Method")
        if method is None or "Origin" not in headers or self.operations.match(method, below) is None:
            return None
        for step in self.api["inbound"]:
            if isinstance(step.run, Cors):
                exchange.ran.append([step.section, step.place, step.policy, "preflight"])
                if (answer := step.run.preflight(headers)) is not None:
                    return answer
        return Response(200)

    def _find_subscription(self, exchange: Exchange) -> None:
        """Find the subscription of the key in the header, else in the query: a built-in step."""
        key = exchange.request.headers.joined(KEY_HEADER)
        if key is None:
            key = exchange.request.original_url.query.joined(KEY_PARAMETER)
        challenge = {
            "WWW-Authenticate": f'AzureApiManagementKey realm="{exchange.request.original_url.host}",'
            f'name="{KEY_HEADER}",type="header"'
        }
        if not key:
            raise GatewayError("authorization", "SubscriptionKeyNotFound", _KEY_MISSING, 401, challenge)
        subscription = self.subscriptions.of(key)
        if subscription is None:
            raise GatewayError("authorization", "SubscriptionKeyInvalid", _KEY_INVALID, 401, challenge)
        exchange.subscription = subscription
        # A key of all APIs is in no product's context, so no product's policies run for it.
        exchange.product = self.products[subscription.product] if subscription.product else None

    def _pipeline(self, exchange: Exchange) -> Pipeline:
        """Return the policies that apply: without an operation not the API's, without a key no product's."""
        if exchange.operation is None:
            return self.everywhere
        return self.by_product[exchange.product.id] if exchange.product else self.api

    async def _failed(self, exchange: Exchange, failed: GatewayError) -> Response:
        step = failed.step
        exchange.last_error = LastError(
            source=failed.source,
            reason=failed.reason,
            message=failed.message,
            scope=step.scope if step else "",
            section=step.section if step else "",
            path=step.path if step else "",
            policy_id=step.policy_id if step else "",
        )
        _discard(exchange.response)
        exchange.response = _default_answer(failed)
        try:
            answer = await run_steps(self._pipeline(exchange)["on-error"], exchange)
        except GatewayError as again:
            # A fault in on-error itself: the answer that a gateway without on-error gives.
            exchange.decided(str(again))
            return _default_answer(again)
        return answer or exchange.response


def _default_answer(failed: GatewayError) -> Response:
    """Return the body that API Management sends unless on-error changes it, without internal details."""
    message = "Internal server error" if failed.status == 500 else failed.message
    if failed.reason == "OperationNotFound":
        message = "Resource not found"
    headers = Fields([("Content-Type", "application/json"), *failed.headers.items()])
    return Response(failed.status, headers, plain_body(failed.status, message))


def plain_body(status: int, message: str) -> bytes:
    """Return the body with the gateway's own spaces: its documented Content-Length counts them."""
    return b'{ "statusCode": %d, "message": %s }' % (status, orjson.dumps(message))


def _discard(response: Response | None) -> None:
    if response is not None and response.stream is not None:
        response.stream.close()
