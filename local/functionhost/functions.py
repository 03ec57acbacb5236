"""Reads the functions of an app from their bindings, as the host does."""

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func

from local.functionhost import routes

HTTP_TRIGGER = "httpTrigger"
TIMER_TRIGGER = "timerTrigger"
QUEUE_TRIGGER = "queueTrigger"
WARMUP_TRIGGER = "warmupTrigger"
DEFAULT_PREFIX = "api"
"""The host's route prefix if host.json has none."""

_SETTING = re.compile(r"%([^%]+)%")


class AppNotServed(Exception):
    """The app needs something that this host does not have, or its settings are incomplete."""


@dataclass(frozen=True)
class Function:
    """A function of the app: `argument` is the name of its trigger's parameter."""

    name: str
    call: Callable[..., Any]
    argument: str


@dataclass(frozen=True)
class HttpFunction(Function):
    """A function that answers requests; `anonymous` is false where the host would ask for a key."""

    route: routes.Route
    anonymous: bool


@dataclass(frozen=True)
class TimerFunction(Function):
    """A function that runs by an NCRONTAB schedule of six fields, in UTC."""

    schedule: str
    run_on_startup: bool
    use_monitor: bool = True


@dataclass(frozen=True)
class QueueFunction(Function):
    """A function that is called for each message of a queue; `connection` is a connection string."""

    queue: str
    connection: str


@dataclass(frozen=True)
class WarmupFunction(Function):
    """A function that the host calls when it adds an instance to running ones, and at no other start."""


def load(folder: Path) -> func.FunctionApp:
    """Return the app of `function_app.py` in a folder, whose modules it may import.

    Raises:
        AppNotServed: if there is no such file, or not exactly one app in it.
    """
    script = folder / "function_app.py"
    spec = importlib.util.spec_from_file_location("function_app", script)
    if spec is None or spec.loader is None or not script.is_file():
        raise AppNotServed(f"There is no {script}.")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module = importlib.util.module_from_spec(spec)
    sys.modules["function_app"] = module
    spec.loader.exec_module(module)
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        raise AppNotServed(f"{script} must hold one FunctionApp, and holds {len(apps)}.")
    return apps[0]


def index(app: func.FunctionApp, *, prefix: str, settings: Mapping[str, str]) -> list[Function]:
    """Return the functions of the app, which lists them only once: call this once for each app.

    Raises:
        AppNotServed: for a trigger, route, schedule or setting that this host cannot serve.
    """
    return [_function(built, prefix=prefix, settings=settings) for built in app.get_functions()]


def route_prefix(host: Path) -> str:
    """Return the route prefix of a host.json."""
    configured = json.loads(host.read_text(encoding="utf-8"))
    return str(configured.get("extensions", {}).get("http", {}).get("routePrefix", DEFAULT_PREFIX))


def _function(built: Any, *, prefix: str, settings: Mapping[str, str]) -> Function:
    name, trigger = str(built.get_function_name()), built.get_trigger()
    binding = trigger.get_dict_repr()
    call, argument = built.get_user_function(), str(binding["name"])
    if binding["type"] == HTTP_TRIGGER:
        route = _route(name, binding, prefix=prefix)
        return HttpFunction(name, call, argument, route, anonymous=_word(binding["authLevel"]) == "anonymous")
    if binding["type"] == TIMER_TRIGGER:
        schedule = _resolve(str(binding["schedule"]), function=name, settings=settings)
        return TimerFunction(
            name,
            call,
            argument,
            schedule,
            run_on_startup=bool(binding.get("runOnStartup")),
            use_monitor=binding.get("useMonitor") is not False,
        )
    if binding["type"] == QUEUE_TRIGGER:
        queue = _resolve(str(binding["queueName"]), function=name, settings=settings)
        connection = _connection(str(binding["connection"]), function=name, settings=settings)
        return QueueFunction(name, call, argument, queue, connection)
    if binding["type"] == WARMUP_TRIGGER:
        return WarmupFunction(name, call, argument)
    raise AppNotServed(f"The function '{name}' has a trigger that this host does not know: {binding['type']}")


def _route(name: str, binding: Mapping[str, Any], *, prefix: str) -> routes.Route:
    methods = binding.get("methods")
    words = None if methods is None else [_word(method) for method in methods]
    try:
        return routes.parse(
            function=name, template=str(binding.get("route", name)), methods=words, prefix=prefix
        )
    except routes.UnknownRouteSyntax as error:
        raise AppNotServed(str(error)) from error


def _connection(named: str, *, function: str, settings: Mapping[str, str]) -> str:
    """Return the connection string in the setting that a binding names; this host has no identity."""
    found = settings.get(f"AzureWebJobs{named}") or settings.get(named)
    if not found:
        raise AppNotServed(f"The function '{function}' needs the app setting {named}, a connection string.")
    return found


def _resolve(text: str, *, function: str, settings: Mapping[str, str]) -> str:
    """Return the text with each %NAME% replaced by the app setting of that name."""
    missing = [name for name in _SETTING.findall(text) if not settings.get(name)]
    if missing:
        raise AppNotServed(f"The trigger of '{function}' needs the app setting {', '.join(missing)}.")
    return _SETTING.sub(lambda found: settings[found[1]], text)


def _word(value: Any) -> str:
    """Return a binding's word in lower case: the library has some of them as enum members."""
    return str(getattr(value, "value", value)).lower()
