"""An app's functions as the host reads them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import azure.functions as func
import pytest

from local.functionhost import functions

EVERY_HOUR = {"SYNC_SCHEDULE": "0 5 * * * *"}


@pytest.fixture(autouse=True)
def _app_of_the_checkout() -> Iterator[None]:
    """Puts back what loading an app replaces, so that other tests find the app of this checkout."""
    path, module = list(sys.path), sys.modules.get("function_app")
    yield
    sys.path[:] = path
    sys.modules.pop("function_app", None)
    if module is not None:
        sys.modules["function_app"] = module


def sample_app() -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route("v1/customers", methods=["GET"])
    def customers(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("[]")

    @app.route("v1/secret", auth_level=func.AuthLevel.FUNCTION)
    def secret(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("secret")

    @app.timer_trigger(schedule="%SYNC_SCHEDULE%", arg_name="timer")
    def sync_access(timer: func.TimerRequest) -> None:
        """Do nothing."""

    return app


def test_http_functions_have_route_methods_and_level() -> None:
    customers, secret, _ = functions.index(sample_app(), prefix="", settings=EVERY_HOUR)

    assert isinstance(customers, functions.HttpFunction)
    assert (customers.name, customers.argument, customers.anonymous) == ("customers", "req", True)
    assert (customers.route.template, customers.route.methods) == ("v1/customers", frozenset({"GET"}))
    assert isinstance(secret, functions.HttpFunction)
    assert (secret.anonymous, secret.route.methods) == (False, None)


def test_a_schedule_is_read_from_the_setting_it_names() -> None:
    *_, sync = functions.index(sample_app(), prefix="", settings=EVERY_HOUR)

    assert isinstance(sync, functions.TimerFunction)
    assert (sync.name, sync.schedule, sync.argument) == ("sync_access", "0 5 * * * *", "timer")


def test_a_schedule_whose_setting_is_missing_is_refused() -> None:
    with pytest.raises(functions.AppNotServed, match="'sync_access' needs the app setting SYNC_SCHEDULE"):
        functions.index(sample_app(), prefix="", settings={})


def test_a_trigger_that_is_not_known_is_refused() -> None:
    app = func.FunctionApp()

    @app.blob_trigger(arg_name="blob", path="q", connection="c")
    def read(blob: func.InputStream) -> None:
        """Do nothing."""

    with pytest.raises(functions.AppNotServed, match=r"'read' has a trigger .* blobTrigger"):
        functions.index(app, prefix="", settings={})


def test_the_app_of_a_folder_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("import azure.functions as func\napp = func.FunctionApp()\n")

    assert isinstance(functions.load(tmp_path), func.FunctionApp)


@pytest.mark.parametrize("script", [None, "x = 1\n"])
def test_a_folder_without_an_app_is_refused(tmp_path: Path, script: str | None) -> None:
    if script is not None:
        (tmp_path / "function_app.py").write_text(script)

    with pytest.raises(functions.AppNotServed, match=r"function_app\.py"):
        functions.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "prefix"), [("{}", "api"), ('{"extensions": {"http": {"routePrefix": ""}}}', "")]
)
def test_the_route_prefix_comes_from_host_json(tmp_path: Path, text: str, prefix: str) -> None:
    (tmp_path / "host.json").write_text(text)

    assert functions.route_prefix(tmp_path / "host.json") == prefix
