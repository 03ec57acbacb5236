"""The app with the demo world behind it, as a host to ask in this process."""

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import azure.functions as func

from contract import world
from local import demo, places
from local.functionhost import easyauth, functions
from local.functionhost.easyauth import Principal
from local.functionhost.host import Host
from shared.services import Services


class AsGateway(easyauth.Authentication):
    """Takes every request for one of the gateway's."""

    def __init__(self) -> None:
        """Leave out the issuer and its keys, which are not needed."""

    async def principal(self, headers: Mapping[str, str], *, path: str) -> Principal | None:
        """Return the gateway."""
        return Principal(demo.GATEWAY_PRINCIPAL_ID)


def host(made: Services, folder: Path) -> Host:
    """Return the host of an app of its own that works with these services."""
    settings = world.host_settings(folder, table_storage=made.settings.table_storage)
    indexed = functions.index(_app_with(made, folder), prefix="", settings=settings)
    return Host(
        functions=indexed,
        pool=ThreadPoolExecutor(max_workers=4),
        directory=str(places.ROOT),
        clock=made.clock,
        authentication=AsGateway(),
    )


def _app_with(made: Services, folder: Path) -> func.FunctionApp:
    """Load a function app beside any other, as if it had been started with the world's settings."""
    environment, module = dict(os.environ), sys.modules.get("function_app")
    os.environ.update(world.app_settings(folder, table_storage=made.settings.table_storage))
    try:
        app = functions.load(places.ROOT)
        sys.modules["function_app"].services = made  # type: ignore[attr-defined]
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.modules.pop("function_app", None)
        if module is not None:
            sys.modules["function_app"] = module
    return app
