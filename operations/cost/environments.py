"""What an environment's parameter file and the templates set, as far as it costs something."""

import re
from dataclasses import dataclass
from pathlib import Path

from local import places

INFRA = places.ROOT / "infra"
_PARAMETER = re.compile(r"^param (\w+) = '?([\w.]+)'?$", re.MULTILINE)
_FREQUENCY = re.compile(r"^ +every: '(PT\w+)'$", re.MULTILINE)
_SCALED_ALONE = re.compile(r"^@app\.(?:timer|queue)_trigger\(", re.MULTILINE)
_ENDPOINT = re.compile(r"^module \w+ 'modules/private-endpoint\.bicep'", re.MULTILINE)


@dataclass(frozen=True)
class Environment:
    """The sizes that Bicep gives the parts of an environment.

    Attributes:
        always_ready: warm instances that are billed, idle or not. With zones Azure keeps two for each group
            that scales by itself.
        trace_share: of the requests, whose traces are kept.
        alerts: how often each rule for logs runs, in minutes.
        private_endpoints: 0 without private networking.
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
    private_endpoints: int


def read(name: str, *, infra: Path = INFRA) -> Environment:
    """Return the environment of a parameter file.

    Raises:
        FileNotFoundError: there is no parameter file of this name.
    """
    given = dict(_PARAMETER.findall((infra / f"main.{name}.bicepparam").read_text(encoding="utf-8")))
    rules = (infra / "modules" / "alerts.bicep").read_text(encoding="utf-8")
    main = (infra / "main.bicep").read_text(encoding="utf-8")
    return Environment(
        name=name,
        gateway_sku=given["gatewaySku"],
        gateway_units=int(given["gatewayUnits"]),
        always_ready=(
            2 * scale_groups() if given["zoneRedundant"] == "true" else int(given["alwaysReadyInstances"])
        ),
        instance_gb=int(given["instanceMemoryMB"]) / 1024,
        storage_sku=given["storageSku"],
        log_days=int(given["logRetentionDays"]),
        log_cap_gb_a_day=float(given["logDailyCapGb"]),
        trace_share=int(given["gatewayTracePercentage"]) / 100,
        alerts=tuple(_minutes(every) for every in _FREQUENCY.findall(rules)),
        private_endpoints=len(_ENDPOINT.findall(main)) if given["privateNetworking"] == "true" else 0,
    )


def scale_groups(app: Path = places.ROOT / "function_app.py") -> int:
    """Return how many groups of the app Azure scales by themselves: HTTP, and each timer and queue function.

    Source: "Per-function scaling" and "Reliability in Azure Functions", Flex Consumption.
    """
    return 1 + len(_SCALED_ALONE.findall(app.read_text(encoding="utf-8")))


def _minutes(duration: str) -> int:
    return int(duration[2:-1]) * {"M": 1, "H": 60}[duration[-1]]
