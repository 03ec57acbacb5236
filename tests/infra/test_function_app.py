"""The function app as deployed: one door, no keys, few sessions, the settings that the app reads."""

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local import places
from operations.app_settings import NOT_FOR_COMMANDS
from operations.commands import COMMANDS
from shared import limits, queues, settings
from tests.builders.bicep import NEEDED, OPTIONAL, Snapshot

WORKSPACE_SESSIONS = 724  # Fabric refuses the next session of a workspace (workload-management, 2026-03-11).
POOL_LIMIT = 8
TIMERS = 2

TRIGGERS = "OUTBOX"
"""The connection of the queue triggers."""
HOST_SETTINGS = (
    *("AzureFunctionsJobHost__", "AzureWebJobs", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "FUNCTIONS_"),
    *("IDENTITY_", "OTEL_", "PYTHON_"),
)
"""Beginnings of settings that the host, its Python worker and the libraries read; the app never does.

Azure sets those of the managed identity (IDENTITY_) itself; locally the sample stands in for it.
"""


def app_settings(snapshot: Snapshot) -> Mapping[str, str]:
    properties: Mapping[str, str] = snapshot.one("Microsoft.Web/sites/config", "appsettings")["properties"]
    return properties


def site(snapshot: Snapshot) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = snapshot.one("Microsoft.Web/sites")["properties"]
    return properties


def ours(names: Mapping[str, Any]) -> set[str]:
    """Return the settings that are the app's own."""
    of_triggers = {name for name in names if name == TRIGGERS or name.startswith(f"{TRIGGERS}__")}
    return {name for name in names if not name.startswith(HOST_SETTINGS)} - of_triggers


def test_the_app_bicep_and_the_sample_name_the_same_settings(snapshot: Snapshot, root: Path) -> None:
    sample = json.loads((root / "local.settings.sample.json").read_text("utf-8"))["Values"]

    # Bicep cannot set what lets notices go to the machine itself.
    assert ours(app_settings(snapshot)) == set(settings.names()) - {"WEBHOOK_ALLOW_LOOPBACK"}
    assert ours(sample) == set(settings.names())


def test_the_schedules_in_the_guide_are_those_that_are_deployed(snapshot: Snapshot, root: Path) -> None:
    guide = (root / "docs/operations.md").read_text("utf-8")
    documented = dict(re.findall(r"^\| `(\w+_SCHEDULE)` \| `([^`]+)` \|", guide, re.MULTILINE))

    assert set(documented) == set(settings.SCHEDULES)
    assert {name: app_settings(snapshot)[name] for name in documented} == documented


def test_the_door_admits_the_gateways_identity_and_nobody_else(snapshot: Snapshot) -> None:
    door = snapshot.one("Microsoft.Web/sites/config", "authsettingsV2")["properties"]
    gateway = snapshot.one("Microsoft.ApiManagement/service")["id"]

    assert door["platform"] == {"enabled": True}
    assert door["globalValidation"] == {
        "requireAuthentication": True,
        "unauthenticatedClientAction": "Return401",
        "excludedPaths": ["/v1/health"],
    }
    validation = door["identityProviders"]["azureActiveDirectory"]["validation"]
    backend = NEEDED["BACKEND_APP_ID"]
    assert validation["allowedAudiences"] == [backend, f"api://{backend}"]
    [application] = validation["defaultAuthorizationPolicy"]["allowedApplications"]
    [identity] = validation["defaultAuthorizationPolicy"]["allowedPrincipals"]["identities"]
    own = f"{gateway}/providers/Microsoft.ManagedIdentity/identities/default"
    assert application == f"[reference('{own}', '2023-01-31').clientId]"
    assert identity == f"[reference('{gateway}', '2024-05-01', 'full').identity.principalId]"
    assert app_settings(snapshot)["GATEWAY_PRINCIPAL_ID"] == identity


def test_the_secrets_are_referred_to_and_nothing_else_is(snapshot: Snapshot) -> None:
    referring = {name for name, value in app_settings(snapshot).items() if "@Microsoft.KeyVault(" in value}

    assert referring - {"SEALING_KEY_PREVIOUS"} == {"SEALING_KEY", "SEVERA_CLIENT_SECRET", "SFTP_KEY"}
    assert {each.from_vault for each in COMMANDS.values() if each.from_vault} == referring - NOT_FOR_COMMANDS


def test_the_previous_sealing_key_is_referred_to_where_the_environment_asks_for_it(
    snapshots: Mapping[str, Snapshot],
) -> None:
    previous = {name: app_settings(each)["SEALING_KEY_PREVIOUS"] for name, each in snapshots.items()}

    assert previous.pop("bare") == ""
    assert [name for name, each in previous.items() if "secrets/sealing-key-previous)" not in each] == []


@pytest.mark.parametrize(
    "word", ["listKeys", "accountKey", "sharedAccessKey", "AccountKey=", "instrumentationKey", "listSecrets"]
)
def test_no_resource_holds_or_fetches_a_key(snapshot: Snapshot, word: str) -> None:
    assert word.lower() not in json.dumps([snapshot.resources, snapshot.outputs]).lower()


def test_changes_of_one_app_follow_each_other(compiled: Mapping[str, Any]) -> None:
    before = {
        _last_quoted(resource["name"]): {
            _last_quoted(each) for each in resource["dependsOn"] if each.count(", ") == 2
        }
        for resource in _module(compiled, "function-app")["resources"]
        if resource["type"].startswith("Microsoft.Web/sites/")
    }

    assert before == {"appsettings": set(), "authsettingsV2": {"appsettings"}, "scm": {"authsettingsV2"}}


def test_flex_consumption_gets_no_property_that_it_refuses(snapshot: Snapshot) -> None:
    assert site(snapshot)["siteConfig"] == {"minTlsVersion": "1.2"}


def test_the_host_shows_no_page_of_its_own(snapshot: Snapshot) -> None:
    assert app_settings(snapshot)["AzureWebJobsDisableHomepage"] == "true"


def test_pool_threads_and_concurrency_follow_the_number_of_instances(
    snapshots: Mapping[str, Snapshot],
) -> None:
    found = {}
    for name, snapshot in snapshots.items():
        scale = site(snapshot)["functionAppConfig"]["scaleAndConcurrency"]
        deployed = app_settings(snapshot)
        found[name] = (
            scale["maximumInstanceCount"],
            scale["triggers"]["http"]["perInstanceConcurrency"],
            int(deployed["WAREHOUSE_POOL_SIZE"]),
            int(deployed["PYTHON_THREADPOOL_THREAD_COUNT"]),
        )

    assert found == {
        "dev": (40, 8, 8, 20), "prod": (40, 8, 8, 20), "private": (320, 1, 1, 13), "bare": (40, 8, 8, 20),
    }  # fmt: skip


def test_the_host_lets_in_what_has_a_thread_and_keeps_some_for_what_needs_no_session(
    snapshot: Snapshot, root: Path
) -> None:
    deployed = app_settings(snapshot)
    threads = int(deployed["WAREHOUSE_POOL_SIZE"]) + limits.THREADS_WITHOUT_SESSION
    host = json.loads((root / "host.json").read_text("utf-8"))["extensions"]["http"]
    sample = json.loads((root / "local.settings.sample.json").read_text("utf-8"))["Values"]

    assert int(deployed["PYTHON_THREADPOOL_THREAD_COUNT"]) == threads
    assert int(deployed["AzureFunctionsJobHost__extensions__http__maxConcurrentRequests"]) == threads
    assert limits.SESSIONS.waiting < limits.THREADS_WITHOUT_SESSION
    widest = POOL_LIMIT + limits.THREADS_WITHOUT_SESSION
    assert (host["maxConcurrentRequests"], int(sample["PYTHON_THREADPOOL_THREAD_COUNT"])) == (widest, widest)


def test_the_sessions_of_all_instances_stay_below_those_of_the_workspace(snapshot: Snapshot) -> None:
    instances = site(snapshot)["functionAppConfig"]["scaleAndConcurrency"]["maximumInstanceCount"]
    pool = int(app_settings(snapshot)["WAREHOUSE_POOL_SIZE"])

    while_a_new_version_starts = 2 * (instances * pool + TIMERS * POOL_LIMIT)

    assert while_a_new_version_starts < WORKSPACE_SESSIONS
    assert "FUNCTIONS_WORKER_PROCESS_COUNT" not in app_settings(snapshot)


def test_main_takes_the_scale_that_the_module_takes(compiled: Mapping[str, Any]) -> None:
    bounds = [
        (template["parameters"]["maximumInstanceCount"][bound])
        for template in (compiled, _module(compiled, "function-app"))
        for bound in ("minValue", "maxValue")
    ]

    assert bounds == [40, 320, 40, 320]


def test_the_gateway_waits_longer_than_the_app_may_take_for_an_answer(snapshot: Snapshot) -> None:
    policy = snapshot.one("Microsoft.ApiManagement/service/policies")["properties"]["value"]
    [timeout] = re.findall(r'<forward-request timeout="(\d+)"', policy)

    for_everything_else = int(timeout) - limits.ANSWER.total_seconds()

    assert for_everything_else >= 30
    assert int(app_settings(snapshot)["WAREHOUSE_TIMEOUT_SECONDS"]) < limits.ANSWER.total_seconds()


def test_prod_survives_the_loss_of_a_zone_with_storage_and_app(snapshots: Mapping[str, Snapshot]) -> None:
    redundant = {
        name: (
            {account["sku"]["name"] for account in snapshot.of("Microsoft.Storage/storageAccounts")},
            snapshot.one("Microsoft.Web/serverfarms")["properties"]["zoneRedundant"],
        )
        for name, snapshot in snapshots.items()
    }

    assert redundant == {
        "dev": ({"Standard_LRS"}, False),
        **dict.fromkeys(("prod", "private", "bare"), ({"Standard_ZRS"}, True)),
    }


ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "acdd72a7-3385-48ef-bd42-f606fba846ae": "Reader",
}


def test_each_identity_has_exactly_the_roles_that_it_needs(snapshots: Mapping[str, Snapshot]) -> None:
    app, gateway = "the app", "the gateway"
    known = {
        OPTIONAL["OPERATORS_GROUP_ID"]: "operators",
        OPTIONAL["DELIVERY_WRITER_PRINCIPAL_ID"]: "deliverer",
    }
    given = {
        "prod": {
            (app, "Storage Blob Data Owner"), (app, "Storage Table Data Contributor"),
            (app, "Storage Blob Data Contributor"), (app, "Storage Blob Delegator"),
            (app, "Storage Queue Data Contributor"), ("operators", "Storage Queue Data Contributor"),
            (app, "Key Vault Secrets User"), (app, "Monitoring Metrics Publisher"),
            (gateway, "Monitoring Metrics Publisher"), (gateway, "Key Vault Secrets User"),
            ("operators", "Storage Blob Data Contributor"), ("operators", "Storage Table Data Contributor"),
            ("operators", "Key Vault Secrets Officer"), ("operators", "Reader"),
            ("deliverer", "Storage Blob Data Contributor"),
        },
    }  # fmt: skip
    of_a_domain = {(gateway, "Key Vault Secrets User")}
    given["bare"] = {pair for pair in given["prod"] if pair[0] in (app, gateway)} - of_a_domain

    for name, expected in given.items():
        found = set()
        for assignment in snapshots[name].of("Microsoft.Authorization/roleAssignments"):
            properties = assignment["properties"]
            principal = properties["principalId"]
            who = known.get(principal) or (gateway if "ApiManagement" in principal else app)
            found.add((who, ROLES[properties["roleDefinitionId"].rpartition("/")[2]]))
        assert found == expected


def test_storage_refuses_shared_keys_and_anonymous_readers(snapshot: Snapshot) -> None:
    accounts = snapshot.of("Microsoft.Storage/storageAccounts")

    assert len(accounts) == 2
    for account in accounts:
        assert account["properties"]["allowSharedKeyAccess"] is False
        assert account["properties"]["allowBlobPublicAccess"] is False
        assert account["properties"]["minimumTlsVersion"] == "TLS1_2"


def test_the_queues_of_the_app_are_made_with_their_poison_queues(snapshot: Snapshot) -> None:
    kind = "Microsoft.Storage/storageAccounts/queueServices/queues"
    made = {str(each["name"]).rpartition("/")[2] for each in snapshot.of(kind)}

    assert made == {*queues.ALL, *(f"{name}-poison" for name in queues.ALL)}


def test_files_that_go_out_are_deleted_after_their_days(snapshot: Snapshot) -> None:
    [rules] = [
        each["properties"]["policy"]["rules"]
        for each in snapshot.of("Microsoft.Storage/storageAccounts/managementPolicies")
        if each["name"].startswith("ob")
    ]

    kept = {
        rule["definition"]["filters"]["prefixMatch"][0]: rule["definition"]["actions"]["baseBlob"]["delete"]
        for rule in rules
    }
    assert kept == {
        "outbox/exports/": {"daysAfterCreationGreaterThan": 7},
        "outbox/feeds/": {"daysAfterCreationGreaterThan": 35},
    }


def test_the_queue_triggers_sign_in_as_the_app_and_have_both_addresses(snapshot: Snapshot) -> None:
    deployed = app_settings(snapshot)

    assert {name for name in deployed if name.startswith(TRIGGERS)} - {"OUTBOX_STORAGE"} == {
        *("OUTBOX__credential", "OUTBOX__clientId", "OUTBOX__queueServiceUri", "OUTBOX__blobServiceUri")
    }
    assert deployed["OUTBOX__queueServiceUri"] == deployed["QUEUE_STORAGE"]
    assert deployed["OUTBOX__blobServiceUri"] == deployed["OUTBOX_STORAGE"]
    assert deployed["FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING"] == "true"


def test_a_private_network_takes_everything_behind_the_gateway_off_the_public_one(
    snapshots: Mapping[str, Snapshot],
) -> None:
    kinds = ("Microsoft.Web/sites", "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults")
    reached = {
        name: {
            kind: {each["properties"]["publicNetworkAccess"] for each in snapshot.of(kind)} for kind in kinds
        }
        for name, snapshot in snapshots.items()
    }

    assert reached["private"] == {key: {"Disabled"} for key in kinds}
    assert reached["prod"] == reached["dev"] == reached["bare"] == {key: {"Enabled"} for key in kinds}
    gateway = snapshots["private"].one("Microsoft.ApiManagement/service")
    assert (gateway["sku"]["name"], gateway["properties"]["virtualNetworkType"]) == ("StandardV2", "External")
    assert len(snapshots["private"].of("Microsoft.Network/privateEndpoints")) == 6


def test_each_service_is_asked_for_in_one_version_of_its_interface(snapshot: Snapshot) -> None:
    versions: dict[str, set[str]] = {}
    for resource in snapshot.resources:
        kind = "/".join(resource["type"].split("/")[:2])
        versions.setdefault(kind, set()).add(resource["apiVersion"])

    assert versions["Microsoft.ApiManagement/service"] == {"2024-05-01"}
    assert versions["Microsoft.Web/sites"] == {"2025-03-01"}
    assert {kind: found for kind, found in versions.items() if len(found) > 1} == {}


def test_nothing_that_the_alerts_and_their_guide_read_is_sampled_away_by_the_host(root: Path) -> None:
    types = {"AppRequests": "Request", "AppTraces": "Trace", "AppExceptions": "Exception"}
    alerts = "".join(path.read_text("utf-8") for path in (root / "infra/alerts").glob("*.kql"))
    runbooks = (root / "docs/operations.md").read_text("utf-8").partition("## Metrics and traces")[0]

    host = json.loads((places.ROOT / "host.json").read_text("utf-8"))

    read = set(re.findall(r"\bApp[A-Z][a-z]+\b", alerts + runbooks))
    kept = host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    assert {types[table] for table in read} == set(kept)


def _module(compiled: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the template of a module, by the name that it is deployed under."""
    [found] = [
        resource["properties"]["template"]
        for resource in compiled["resources"].values()
        if resource.get("name") == name
    ]
    template: Mapping[str, Any] = found
    return template


def _last_quoted(expression: str) -> str:
    return str(re.findall(r"'([^']+)'", expression)[-1])


def test_the_log_lines_of_every_function_reach_application_insights() -> None:
    # For Application Insights the host compares beginnings of categories; `*` works on its console only.
    levels = json.loads((places.ROOT / "host.json").read_text("utf-8"))["logging"]["logLevel"]
    app = ast.parse((places.ROOT / "function_app.py").read_text("utf-8"))
    functions = {
        node.name
        for node in app.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(each).startswith("app.") for each in node.decorator_list)
    }

    assert len(functions) > 10
    assert levels == {
        "default": "Information",
        "Azure.Core": "Warning",  # The host's listener of queues logs two lines a call.
        "Microsoft.AspNetCore.Authentication": "Warning",
        "Function": "Warning",
        **{f"Function.{name}.User": "Information" for name in functions},
    }
