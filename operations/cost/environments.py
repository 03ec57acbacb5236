"""The settings of an environment's parameter file and of the templates that affect the cost."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from local import places

APP = places.ROOT / "function_app.py"
HOST = places.ROOT / "host.json"
INFRA = places.ROOT / "infra"
_PARAMETER = re.compile(r"^param (\w+) = '?([\w.]+)'?$", re.MULTILINE)
_FREQUENCY = re.compile(r"^ +every: '(PT\w+)'$", re.MULTILINE)
_SCALED_ALONE = re.compile(r"^@app\.(?:timer|queue)_trigger\(", re.MULTILINE)
_QUEUE = re.compile(r"^@app\.queue_trigger\(", re.MULTILINE)
_ENDPOINT = re.compile(
    r"^module \w+ 'modules/private-endpoint\.bicep'.*?^    groupId: '(\w+)'$", re.MULTILINE | re.DOTALL
)
_WITH_ZONES = 2
"""Warm instances that Azure keeps for each group that scales by itself."""


@dataclass(frozen=True)
class Environment:
    """The sizes that Bicep gives the parts of an environment.

    Attributes:
        always_ready: warm instances that are billed, idle or not. With zones Azure keeps two for each group
            that scales by itself.
        trace_share: the share of requests whose traces are kept.
        alerts: how often each rule for logs runs, in minutes.
        private_endpoints: the part of a resource that each one reaches, such as `blob`; parts of the same
            name share a DNS zone. Empty without private networking.
        queues: queue functions of the app.
        queue_polls_a_minute: how often the warm instances of a queue function ask for messages while there
            are none.
    """

    name: str
    gateway_sku: str
    gateway_units: int
    always_ready: int
    instance_gb: float
    storage_sku: str
    log_days: int
    log_cap_gb_a_day: float
    trace_share: float
    alerts: tuple[int, ...]
    private_endpoints: tuple[str, ...]
    queues: int
    queue_polls_a_minute: float


def read(name: str, *, infra: Path = INFRA) -> Environment:
    """Return the environment of a parameter file.

    Raises:
        FileNotFoundError: there is no parameter file of this name.
    """
    given = dict(_PARAMETER.findall((infra / f"main.{name}.bicepparam").read_text(encoding="utf-8")))
    rules = (infra / "modules" / "alerts.bicep").read_text(encoding="utf-8")
    main = (infra / "main.bicep").read_text(encoding="utf-8")
    has_zones = given["zoneRedundant"] == "true"
    return Environment(
        name=name,
        gateway_sku=given["gatewaySku"],
        gateway_units=int(given["gatewayUnits"]),
        always_ready=_WITH_ZONES * scale_groups() if has_zones else int(given["alwaysReadyInstances"]),
        instance_gb=int(given["instanceMemoryMB"]) / 1024,
        storage_sku=given["storageSku"],
        log_days=int(given["logRetentionDays"]),
        log_cap_gb_a_day=float(given["logDailyCapGb"]),
        trace_share=int(given["gatewayTracePercentage"]) / 100,
        alerts=tuple(_minutes(every) for every in _FREQUENCY.findall(rules)),
        private_endpoints=tuple(_ENDPOINT.findall(main)) if given["privateNetworking"] == "true" else (),
        queues=len(_QUEUE.findall(APP.read_text(encoding="utf-8"))),
        # Without zones the warm instances are for HTTP alone.
        queue_polls_a_minute=_WITH_ZONES * polls_a_minute() if has_zones else 0,
    )


def scale_groups(app: Path = APP) -> int:
    """Return how many groups of the app Azure scales by themselves: HTTP, and each timer and queue function.

    Source: "Per-function scaling" and "Reliability in Azure Functions", Flex Consumption.
    """
    return 1 + len(_SCALED_ALONE.findall(app.read_text(encoding="utf-8")))


def polls_a_minute(host: Path = HOST) -> float:
    """Return how often an instance asks an empty queue for messages.

    After each empty answer the host waits twice as long, from 0.1 s up to `maxPollingInterval`.
    Source: "Azure Queue storage trigger for Azure Functions", polling algorithm.
    """
    queues = json.loads(host.read_text(encoding="utf-8"))["extensions"]["queues"]
    hours, minutes, seconds = map(int, queues["maxPollingInterval"].split(":"))
    return 60 / (hours * 3600 + minutes * 60 + seconds)


def _minutes(duration: str) -> int:
    return int(duration[2:-1]) * {"M": 1, "H": 60}[duration[-1]]
