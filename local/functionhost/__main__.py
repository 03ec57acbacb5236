"""`python -m local.functionhost --port 7071` serves the app of this checkout; settings as in Azure."""

import argparse
import logging
import os
import sys
from datetime import UTC, datetime

import httpx
import uvicorn

from local import places, ports
from local.functionhost import easyauth, functions, invocation, throttle
from local.functionhost.host import Host


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        host = _host(arguments)
    except functions.AppNotServed as error:
        print(error, file=sys.stderr)
        return 1
    uvicorn.run(
        host.asgi(follow_schedules=not arguments.without_schedules),
        host=ports.HOST,
        port=arguments.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    # A function under way must not hold up the end: Python would wait for its thread.
    logging.shutdown()
    os._exit(0)


def _host(arguments: argparse.Namespace) -> Host:
    # App Service sets it to say whether its authentication is on: https://learn.microsoft.com/azure/app-service/reference-app-settings
    os.environ["WEBSITE_AUTH_ENABLED"] = str(arguments.auth_issuer is not None)
    settings = dict(os.environ)
    prefix = functions.route_prefix(places.ROOT / "host.json")
    indexed = functions.index(functions.load(places.ROOT), prefix=prefix, settings=settings)
    return Host(
        functions=indexed,
        pool=invocation.threads(settings),
        directory=str(places.ROOT),
        clock=lambda: datetime.now(UTC),
        authentication=_authentication(arguments),
        throttle=throttle.read(places.ROOT / "host.json"),
    )


def _authentication(arguments: argparse.Namespace) -> easyauth.Authentication | None:
    if not arguments.auth_issuer:
        return None
    policy = easyauth.Policy(
        issuer=arguments.auth_issuer,
        audience=arguments.auth_audience,
        principals=frozenset(arguments.auth_principal),
        excluded_paths=frozenset(arguments.auth_excluded_path),
    )
    return easyauth.Authentication(policy, httpx.AsyncClient(timeout=5, trust_env=False))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.functionhost", description=__doc__)
    parser.add_argument("--port", type=int, default=ports.Ports().function_host)
    parser.add_argument("--without-schedules", action="store_true", help="timers run only when asked to")
    access = parser.add_argument_group(
        "who may call", "App Service authentication; without an issuer it is off"
    )
    access.add_argument(
        "--auth-issuer", help="the issuer of the tokens, as its OpenID configuration names it"
    )
    access.add_argument("--auth-audience", help="for whom a token must be")
    access.add_argument("--auth-principal", action="append", default=[], help="object id that may call")
    access.add_argument("--auth-excluded-path", action="append", default=[], help="path open to everybody")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
