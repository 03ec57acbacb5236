"""`python -m local.functionhost --port 7071` serves the app of this checkout; settings as in Azure."""

import argparse
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx

from local import places, ports
from local.functionhost import easyauth, functions, invocation, microsoft, queues, server, throttle
from local.functionhost.functions import Function
from local.functionhost.host import Host
from local.functionhost.timers import StatesInFolder
from shared.telemetry import log_levels

log = logging.getLogger("functionhost")

HOME_PAGE_SETTING = "AzureWebJobsDisableHomepage"
AUTHENTICATION_VARIABLE = "WEBSITE_AUTH_ENABLED"
"""App Service sets it to say whether authentication is on; here it is set for both hosts:
https://learn.microsoft.com/azure/app-service/reference-app-settings"""


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    arguments = _parser().parse_args()
    # The app sets the levels of loggers, as in Azure: nothing is silenced here.
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if not arguments.without_authentication:
        os.environ[AUTHENTICATION_VARIABLE] = str(arguments.auth_issuer is not None)
    if arguments.host is not None:
        return _serve_on_microsofts_host(arguments)
    host = _host(arguments, settings=dict(os.environ))
    app = host.asgi(follow_schedules=not arguments.without_schedules)
    server.run(app, host=ports.HOST, port=arguments.port)
    # A function under way must not delay the end: Python would wait for its thread.
    logging.shutdown()
    os._exit(0)


def _serve_on_microsofts_host(arguments: argparse.Namespace) -> int:
    # httpx would log a line for each forwarded request; the host and the app log their own.
    log_levels.quieten_libraries()
    try:
        return microsoft.serve(
            microsoft.Launch(
                host=arguments.host,
                state=arguments.state / "microsofts-host",
                python=arguments.python,
            ),
            _authentication(arguments),
            port=arguments.port,
        )
    except microsoft.NotServed as error:
        print(error, file=sys.stderr)
        return 1


def _host(arguments: argparse.Namespace, *, settings: Mapping[str, str]) -> Host:
    return Host(
        functions=_functions(arguments.app, settings),
        pool=invocation.threads(settings),
        directory=str(arguments.app),
        clock=lambda: datetime.now(UTC),
        authentication=_authentication(arguments),
        throttle=throttle.read(arguments.app / "host.json"),
        queues=queues.read(arguments.app / "host.json"),
        home_page=settings.get(HOME_PAGE_SETTING, "").lower() != "true",
        timer_states=StatesInFolder(arguments.state / "timers"),
    )


def _functions(app: Path, settings: Mapping[str, str]) -> list[Function]:
    """Load the app. If that fails, the host answers 404 everywhere, as the real one does."""
    prefix = functions.route_prefix(app / "host.json")
    try:
        return functions.index(functions.load(app), prefix=prefix, settings=settings)
    except Exception:
        log.exception("The app could not be loaded, so every address answers 404.")
        return []


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
    parser = argparse.ArgumentParser(
        prog="python -m local.functionhost", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--port", type=int, default=ports.Ports().function_host)
    parser.add_argument("--state", type=Path, default=places.STATE, help="where timers keep their state")
    parser.add_argument("--app", type=Path, default=places.ROOT, help="the folder of the app")
    parser.add_argument("--without-schedules", action="store_true", help="run timers only on request")
    parser.add_argument("--host", help="a folder with Microsoft's host, or `func`, to run the app on")
    parser.add_argument("--python", default=sys.executable, help="runs the app on Microsoft's host")
    parser.add_argument(
        "--without-authentication",
        action="store_true",
        help=f"nothing stands in front of the app, and {AUTHENTICATION_VARIABLE} stays as it is",
    )
    access = parser.add_argument_group(
        "who may call", "App Service authentication; without an issuer it is off"
    )
    access.add_argument(
        "--auth-issuer", help="the issuer of the tokens, as its OpenID configuration names it"
    )
    access.add_argument("--auth-audience", help="the audience that a token must have")
    access.add_argument("--auth-principal", action="append", default=[], help="object id that may call")
    access.add_argument("--auth-excluded-path", action="append", default=[], help="path open to everybody")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
