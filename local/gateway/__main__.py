"""Starts the gateway.

    python -m local.gateway --port 8080 --backend http://127.0.0.1:7071 --identity http://127.0.0.1:8085

`--backend` is the function app, `--identity` the local identity provider; from them and
`local.demo` come the named values of the policies, the demo subscriptions and the gateway's
managed identity. Any of it can be replaced:

    --named-value NAME=VALUE   one named value; may be repeated
    --named-values FILE        a JSON object of named values
    --policies DIR             instead of infra/apim/policies
    --products FILE            instead of infra/apim/products.json
    --openapi FILE             instead of infra/apim/openapi.json
    --page-packages DIR        the developer page's npm packages; without them it draws no chart
    --receiver URL             a receiver of webhooks, whose notices the developer page shows
    --outbox URL               where files are, which the developer page saves

Listens on 127.0.0.1 only, ends on SIGTERM, answers `GET /healthz` with 200 when ready. A policy
file that is not fully understood ends the start with file, line and reason, and exit code 1.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import uvicorn

from local import demo, ports
from local.gateway import assembly
from local.gateway.assembly import Files
from local.gateway.exchange import Subscription
from local.gateway.faults import PolicyRefused
from local.gateway.operations import OpenApiRefused
from local.gateway.products import ProductsRefused
from local.gateway.server import Server
from local.page.app import DeveloperPage
from local.ports import Ports, address
from local.standins import receiver

ROOT = Path(__file__).resolve().parents[2]
_STARTED = datetime(2026, 1, 1, tzinfo=UTC)
"""When the demo subscriptions began: their daily quotas are renewed at midnight UTC."""


def main() -> int:
    """Serve until a signal ends the process."""
    options = _options(sys.argv[1:])
    try:
        server = _server(options)
    except (PolicyRefused, ProductsRefused, OpenApiRefused) as refused:
        print(f"The gateway does not start:\n{refused}", file=sys.stderr)
        return 1
    uvicorn.run(
        server,
        host=ports.HOST,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=65,
        server_header=False,
        date_header=False,
    )
    return 0


def demo_subscriptions() -> list[Subscription]:
    """Return the subscriptions of the demo world, with fixed ids."""
    return [
        Subscription(
            id=str(uuid5(NAMESPACE_URL, f"subscription/{known.name}")),
            name=known.name,
            product=known.product,
            keys=(known.key,),
            started=_STARTED,
        )
        for known in demo.SUBSCRIPTIONS
    ]


def demo_named_values(*, port: int, backend: str, identity: str) -> dict[str, str]:
    """Return the named values for the local stack."""
    tenant = f"{identity}/{demo.TENANT_ID}"
    return {
        "openid-config-url": f"{tenant}/v2.0/.well-known/openid-configuration",
        "token-issuer": f"{tenant}/v2.0",
        "api-audience": demo.AUDIENCE,
        "function-app-url": backend,
        "function-app-audience": demo.FUNCTION_APP_AUDIENCE,
        "developer-portal-url": ports.address(port),
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    usual = ports.Ports()
    project = Files.of_project(ROOT)
    parser = argparse.ArgumentParser(
        prog="python -m local.gateway",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=usual.gateway)
    parser.add_argument("--backend", default=ports.address(usual.function_host))
    parser.add_argument("--identity", default=ports.address(usual.identity))
    parser.add_argument("--named-value", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--named-values", type=Path, metavar="FILE")
    parser.add_argument("--policies", type=Path, default=project.policies)
    parser.add_argument("--products", type=Path, default=project.products)
    parser.add_argument("--openapi", type=Path, default=project.openapi)
    parser.add_argument("--page-packages", type=Path, metavar="DIR")
    parser.add_argument("--receiver", metavar="URL", default=f"{address(Ports().standins)}{receiver.PREFIX}")
    parser.add_argument("--outbox", metavar="URL", default=address(Ports().azurite_blob))
    return parser.parse_args(arguments)


def _server(options: argparse.Namespace) -> Server:
    named_values = demo_named_values(port=options.port, backend=options.backend, identity=options.identity)
    if options.named_values:
        named_values |= json.loads(options.named_values.read_text(encoding="utf-8"))
    named_values |= dict(pair.split("=", 1) for pair in options.named_value)

    def clock() -> datetime:
        return datetime.now(UTC)

    services = assembly.connect(
        identity_endpoint=f"{options.identity}/msi/token",
        identity_header=demo.GATEWAY_IDENTITY_HEADER,
        clock=clock,
    )
    gateway = assembly.assemble(
        Files(options.policies, options.products, options.openapi),
        named_values=named_values,
        subscriptions=demo_subscriptions(),
        services=services,
    )
    page = DeveloperPage(
        options.identity, receiver=options.receiver, outbox=options.outbox, packages=options.page_packages
    )
    return Server(gateway, services=services, page=page.application())


if __name__ == "__main__":
    sys.exit(main())
