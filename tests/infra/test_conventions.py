"""What the infrastructure must be whatever else changes: one door, no keys, nothing logged, few sessions."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.infracheck.templates import Template

APP = "infra/modules/function-app.bicep"
API = "infra/modules/api.bicep"
WORKSPACE_SESSIONS = 724  # Fabric refuses the next session of a workspace (workload-management, 2026-03-11).
POOL_LIMIT = 8
TIMERS = 2


def values_of(node: Any, key: str) -> Iterator[Any]:
    """Every value that stands under `key`, however deep."""
    if isinstance(node, Mapping):
        for name, child in node.items():
            if name == key:
                yield child
            yield from values_of(child, key)
    elif isinstance(node, list):
        for child in node:
            yield from values_of(child, key)


def test_the_function_app_admits_the_gateways_identity_and_nobody_else(
    project: Mapping[str, Template],
) -> None:
    door = project[APP].resource("authentication")["properties"]

    assert door["platform"] == {"enabled": True}
    assert door["globalValidation"] == {
        "requireAuthentication": True,
        "unauthenticatedClientAction": "Return401",
        "excludedPaths": ["/v1/health"],
    }
    entra = door["identityProviders"]["azureActiveDirectory"]
    assert entra["validation"]["defaultAuthorizationPolicy"] == {
        "allowedApplications": ["gatewayClientId"],
        "allowedPrincipals": {"identities": ["gatewayPrincipalId"]},
    }
    assert entra["validation"]["allowedAudiences"] == ["backendAppId", "api://${backendAppId}"]


def test_the_app_checks_the_identity_that_the_door_admits(project: Mapping[str, Template]) -> None:
    main = project["infra/main.bicep"].text
    settings = project[APP].variables["appSettings"]

    assert settings["GATEWAY_PRINCIPAL_ID"] == "gatewayPrincipalId"
    assert "gatewayPrincipalId: gateway.outputs.principalId\n" in main
    assert "gatewayClientId: gateway.outputs.clientId\n" in main


@pytest.mark.parametrize(
    "word", ["listKeys", "accountKey", "sharedKey:", "AccountKey=", "instrumentationKey"]
)
def test_no_template_uses_a_key(project: Mapping[str, Template], word: str) -> None:
    assert [path for path, template in project.items() if word.lower() in template.text.lower()] == []


def test_storage_refuses_shared_keys_and_anonymous_readers(project: Mapping[str, Template]) -> None:
    account = project["infra/modules/storage.bicep"].resource("account")["properties"]

    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["minimumTlsVersion"] == "TLS1_2"


def test_the_one_secret_is_referred_to_and_never_passed(project: Mapping[str, Template]) -> None:
    settings = project[APP].variables["appSettings"]
    secret = {name for name, value in settings.items() if str(value).startswith("@Microsoft.KeyVault(")}

    assert secret == {"SEVERA_CLIENT_SECRET"}
    assert [path for path, template in project.items() if "@secure()" in template.text] == []


def test_the_gateway_logs_no_headers_and_no_bodies(project: Mapping[str, Template]) -> None:
    api = project[API]
    logged = [api.variables["nothing"], api.variables["nothingButTheAddress"]]

    assert [message["headers"] for message in logged] == [[], []]
    assert [message["body"] for message in logged] == [{"bytes": 0}, {"bytes": 0}]
    for log in ("insights", "workspaceLog"):
        properties = api.resource(log)["properties"]
        assert properties["frontend"] == {"request": "nothingButTheAddress", "response": "nothing"}
        assert properties["backend"] == {"request": "nothing", "response": "nothing"}
        assert properties["logClientIp"] is False


def test_a_key_in_the_query_string_is_taken_out_of_the_logged_address(
    project: Mapping[str, Template],
) -> None:
    api = project[API]
    names = api.resource("api")["properties"]["subscriptionKeyParameterNames"]
    hidden = api.variables["nothingButTheAddress"]["dataMasking"]["queryParams"]

    assert hidden == [{"value": names["query"], "mode": "Hide"}]


def test_api_and_products_both_require_a_subscription(project: Mapping[str, Template]) -> None:
    for symbol in ("api", "apiProducts"):
        assert project[API].resource(symbol)["properties"]["subscriptionRequired"] is True


def test_roles_are_named_beside_their_ids(project: Mapping[str, Template]) -> None:
    guid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
    named = re.compile(rf"^  '[A-Z][A-Za-z ]+': '{guid.pattern}'$", re.MULTILINE)

    for path, template in project.items():
        assert len(guid.findall(template.text)) == len(named.findall(template.text)), path


def test_each_service_is_asked_for_in_one_version_of_its_interface(project: Mapping[str, Template]) -> None:
    versions: dict[str, set[str]] = {}
    for template in project.values():
        for resource in template.resources.values():
            if "/" in resource["type"]:  # A child written within its parent has the parent's version.
                kind = "/".join(resource["type"].split("/")[:2])
                versions.setdefault(kind, set()).add(resource["api_version"])

    assert versions["Microsoft.ApiManagement/service"] == {"2024-05-01"}
    assert versions["Microsoft.Web/sites"] == {"2025-03-01"}
    assert {kind: found for kind, found in versions.items() if len(found) > 1} == {}


def test_the_largest_scale_stays_below_the_sessions_of_the_warehouse(project: Mapping[str, Template]) -> None:
    app = project[APP]
    instances = app.parameters["maximumInstanceCount"]
    budget = app.variables["httpSessions"]
    assert instances.least is not None
    assert instances.most is not None

    for count in range(instances.least, instances.most + 1):
        pool = min(POOL_LIMIT, budget // count)
        assert pool >= 1
        while_a_new_version_starts = 2 * (count * pool + TIMERS * POOL_LIMIT)
        assert while_a_new_version_starts < WORKSPACE_SESSIONS


def test_pool_and_concurrency_follow_the_number_of_instances(project: Mapping[str, Template]) -> None:
    app = project[APP]
    scale = app.resource("app")["properties"]["functionAppConfig"]["scaleAndConcurrency"]

    assert "var sessionsPerInstance = min(8, httpSessions / maximumInstanceCount)\n" in app.text
    assert app.variables["concurrentRequests"] == "sessionsPerInstance"
    assert scale["maximumInstanceCount"] == "maximumInstanceCount"
    assert scale["triggers"] == {"http": {"perInstanceConcurrency": "concurrentRequests"}}
    assert "WAREHOUSE_POOL_SIZE: string(sessionsPerInstance)\n" in app.text
    assert "FUNCTIONS_WORKER_PROCESS_COUNT" not in app.variables["hostSettings"]


def test_main_bounds_the_scale_as_the_module_does(project: Mapping[str, Template]) -> None:
    main, app = project["infra/main.bicep"], project[APP]

    assert main.parameters["maximumInstanceCount"].least == app.parameters["maximumInstanceCount"].least
    assert main.parameters["maximumInstanceCount"].most == app.parameters["maximumInstanceCount"].most


def test_a_private_network_is_asked_for_only_where_the_gateway_can_reach_one(root: Path) -> None:
    for path in (root / "infra").glob("main.*.bicepparam"):
        text = path.read_text("utf-8")
        assert "param privateNetworking = false" in text or "param gatewaySku = 'BasicV2'" not in text


def test_nothing_that_the_alerts_and_their_guide_read_is_sampled_away_by_the_host(root: Path) -> None:
    types = {"AppRequests": "Request", "AppTraces": "Trace", "AppExceptions": "Exception"}
    alerts = "".join(path.read_text("utf-8") for path in (root / "infra/alerts").glob("*.kql"))
    runbooks = (root / "docs/operations.md").read_text("utf-8").partition("## Metrics and traces")[0]

    host = json.loads((root / "host.json").read_text("utf-8"))

    read = set(re.findall(r"\bApp[A-Z][a-z]+\b", alerts + runbooks))
    kept = host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    assert {types[table] for table in read} == set(kept)
