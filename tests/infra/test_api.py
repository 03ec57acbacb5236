"""The gateway as deployed: its policies, named values, products, operations, and what it logs."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.functionhost.functions import HttpFunction
from local.functionhost.host import Host
from shared.api import boundary
from tests.builders.bicep import Snapshot

SERVICE = "Microsoft.ApiManagement/service"
ADDRESS = re.compile(
    r"^\[replace\('(?P<document>.*)', '(?P<relative>[^']+)', format\('(?P<absolute>[^']+)', ", re.S
)
NOT_EXPOSED = {("GET", "/health"), ("HEAD", "/health")}
"""Routes for the platform's probes; the gateway does not serve them."""
POINT = "707057500000010017"
EXAMPLES = {
    "meteringPointId": POINT, "customerNumber": "10001", "exportId": "ex_0123456789abcdefABCDEF",
    "name": "ex_0123456789abcdef_2026-01-01_2026-02-01_1-of-2.csv.gz",
    "feedId": "morning", "run": "000184-000187", "webhookId": "mine", "noticeId": "no_0123456789abcdef",
}  # fmt: skip
NAMED_VALUE = re.compile(r"\{\{([^{}]+)\}\}")
INCLUDE = re.compile(r'<include-fragment\s+fragment-id="([^"]+)"')


def deployed_policies(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the text of every policy and fragment, by type and name."""
    kinds = ("policies", "apis/policies", "products/policies", "policyFragments")
    return {
        f"{kind} {resource['name']}": resource["properties"]["value"]
        for kind in kinds
        for resource in snapshot.of(f"{SERVICE}/{kind}")
    }


def names_of(snapshot: Snapshot, kind: str) -> set[str]:
    return {resource["name"].rpartition("/")[2] for resource in snapshot.of(f"{SERVICE}/{kind}")}


def imported(snapshot: Snapshot) -> re.Match[str]:
    """Return the imported document's text, and which server Bicep replaces by which."""
    value = snapshot.one(f"{SERVICE}/apis")["properties"]["value"]
    found = ADDRESS.match(value)
    assert found is not None, value[:100]
    return found


def operations(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    methods = {"get", "put", "post", "delete", "patch", "head", "options"}
    return {
        (each.upper(), path) for path, item in document["paths"].items() for each in item if each in methods
    }


def routes(host: Host) -> set[tuple[str, str]]:
    """Return methods and paths of the app, without `v1` and without the route for unknown resources."""
    return {
        (method, "/" + function.route.template.removeprefix("v1").lstrip("/"))
        for function in host.functions
        if isinstance(function, HttpFunction) and "{*" not in function.route.template
        for method in function.route.methods or ()
    }


def test_the_document_is_imported_whole_with_the_app_as_its_server(snapshot: Snapshot, root: Path) -> None:
    file = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))
    document = imported(snapshot)["document"].replace("''", "'")

    assert json.loads(document) == file
    assert document.count(imported(snapshot)["relative"]) == 1
    assert json.loads("{" + imported(snapshot)["relative"] + "}") == {"servers": file["servers"]}
    absolute = imported(snapshot)["absolute"].replace("{{", "{").replace("}}", "}")
    assert absolute == '"servers":[{"url":"{0}/v1"}]'
    app = snapshot.one("Microsoft.Web/sites")["id"]
    address = f"format('https://{{0}}', reference('{app}', '2025-03-01').defaultHostName)"
    properties = snapshot.one(f"{SERVICE}/apis")["properties"]
    assert properties["value"].endswith(f"', {address}))]")
    assert properties["serviceUrl"] == f"[format('{{0}}/v1', {address})]"


def test_the_gateway_serves_exactly_the_routes_of_the_app(contract_host: Host, root: Path) -> None:
    document = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))

    assert ("GET", "/health") in routes(contract_host)
    assert routes(contract_host) - NOT_EXPOSED == operations(document)


def test_the_document_is_of_the_version_that_api_management_imports_and_exports(root: Path) -> None:
    document = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))

    assert document["openapi"] == "3.0.3"


def test_the_gateway_names_the_methods_of_exactly_the_documented_paths(root: Path) -> None:
    policy = (root / "infra/apim/policies/global.xml").read_text("utf-8")
    allowed = re.findall(
        r"&quot;(\^/metering/v1/[^&]+)\\\\z&quot;.*\n +<set-variable name=\"allow\" value=\"([^\"]+)\"",
        policy,
    )

    assert len(allowed) == 5
    for path, methods in boundary.PATHS.items():
        found = [allow for pattern, allow in allowed if re.fullmatch(pattern, f"/metering/v1/{filled(path)}")]
        assert found == ([] if path == "health" else [", ".join(methods)]), path
    assert not [each for each, _ in allowed if re.fullmatch(each, "/metering/v1/customers/1/2/3/4/5/6")]


def test_the_gateway_lets_through_exactly_well_formed_paths(root: Path) -> None:
    policy = (root / "infra/apim/policies/api.xml").read_text("utf-8")
    document = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))
    [pattern] = re.findall(r"&quot;(\^/metering/v1/[^&]+)\\\\z&quot;", policy)

    for path in document["paths"]:
        assert re.fullmatch(pattern, "/metering/v1" + filled(path)), path
        for wrong in ("", "..", "a b", "%2F", "..%2Fadmin", "a/b/c/d/e/f"):
            for name in re.findall(r"\{\w+\}", path):
                written = "/metering/v1" + filled(path.replace(name, wrong))
                assert re.fullmatch(pattern, written) is None, written
        assert not re.fullmatch(pattern, f"/metering/v1{filled(path)}/more/than/there/is")
    assert not re.fullmatch(pattern, "/metering/v1/health")


def filled(path: str) -> str:
    """Return a path with an example of each of its parameters."""
    for name, example in EXAMPLES.items():
        path = path.replace(f"{{{name}}}", example)
    assert "{" not in path, path
    return path


def test_policies_and_loggers_use_exactly_the_named_values_that_are_deployed(snapshot: Snapshot) -> None:
    without_comments = [
        re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL) for text in deployed_policies(snapshot).values()
    ]

    by_policies = {name for text in without_comments for name in NAMED_VALUE.findall(text)}
    by_loggers = set(NAMED_VALUE.findall(json.dumps(snapshot.of(f"{SERVICE}/loggers"))))

    assert by_loggers == {"insights-connection-string"}
    assert by_policies | by_loggers == names_of(snapshot, "namedValues")
    assert by_policies & by_loggers == set()


def test_the_gateway_keeps_its_custom_domain(snapshots: Mapping[str, Snapshot]) -> None:
    hosts = {
        name: snapshot.one(SERVICE)["properties"].get("hostnameConfigurations")
        for name, snapshot in snapshots.items()
    }

    own = {
        "type": "Proxy",
        "hostName": "api.company.example",
        "certificateSource": "KeyVault",
        "keyVaultId": "https://kv.vault.azure.net/secrets/api-domain",
        "defaultSslBinding": True,
        "negotiateClientCertificate": False,
    }
    assert hosts == {"dev": [own], "prod": [own], "private": [own], "bare": None}


def test_the_gateway_reads_its_certificate_and_no_other_secret(snapshots: Mapping[str, Snapshot]) -> None:
    scopes = {
        name: [
            below
            for each in snapshot.of("Microsoft.Authorization/roleAssignments")
            if "ApiManagement" in each["properties"]["principalId"]
            for below in re.findall(r"Id\('[^']+/vaults/[^'/]+([^']*)'", each["id"])
        ]
        for name, snapshot in snapshots.items()
    }

    own = ["/secrets/api-domain"]
    assert scopes == {"dev": own, "prod": own, "private": own, "bare": []}


def test_policies_include_exactly_the_fragments_that_are_deployed(snapshot: Snapshot) -> None:
    used = {name for text in deployed_policies(snapshot).values() for name in INCLUDE.findall(text)}

    assert used == names_of(snapshot, "policyFragments") != set()


def test_policies_are_deployed_as_their_files_say(snapshot: Snapshot, policies: Mapping[str, str]) -> None:
    deployed = deployed_policies(snapshot)
    products = names_of(snapshot, "products")

    assert len(deployed) == len(policies) - 1 + len(products)
    product, api = policies["infra/apim/policies/product.xml"], policies["infra/apim/policies/api.xml"]
    assert set(policies.values()) - set(deployed.values()) - {api} == {product}


def test_only_a_gateway_in_a_network_does_not_try_the_address_of_the_keys(
    snapshots: Mapping[str, Snapshot], policies: Mapping[str, str]
) -> None:
    api = policies["infra/apim/policies/api.xml"]
    in_network = api.replace('-url}}" />', '-url}}" validate-connectivity="false" />')
    deployed = {
        name: snapshot.one(f"{SERVICE}/apis/policies")["properties"]["value"]
        for name, snapshot in snapshots.items()
    }

    assert api != in_network
    assert deployed == {"dev": api, "prod": api, "bare": api, "private": in_network}


def test_each_product_has_its_own_limits_and_no_placeholder_is_left(snapshot: Snapshot, root: Path) -> None:
    products = json.loads((root / "infra/apim/products.json").read_text("utf-8"))["products"]
    deployed = {
        resource["name"].split("/")[1]: resource["properties"]["value"]
        for resource in snapshot.of(f"{SERVICE}/products/policies")
    }

    assert set(deployed) == {product["id"] for product in products}
    for product in products:
        text = deployed[product["id"]]
        assert f'calls="{product["callsPerMinute"]}" renewal-period="60"' in text
        assert f'calls="{product["callsPerDay"]}" renewal-period="86400"' in text
    assert [text for text in deployed_policies(snapshot).values() if re.search(r"__[\w-]+?__", text)] == []


def test_api_and_products_require_a_subscription_that_somebody_approves(snapshot: Snapshot) -> None:
    assert snapshot.one(f"{SERVICE}/apis")["properties"]["subscriptionRequired"] is True
    for product in snapshot.of(f"{SERVICE}/products"):
        assert product["properties"]["subscriptionRequired"] is True
        assert product["properties"]["approvalRequired"] is True


def test_the_gateway_logs_no_headers_no_bodies_and_no_key(snapshot: Snapshot) -> None:
    nothing = {"headers": [], "body": {"bytes": 0}}
    names = snapshot.one(f"{SERVICE}/apis")["properties"]["subscriptionKeyParameterNames"]
    hidden = {"queryParams": [{"value": names["query"], "mode": "Hide"}]}

    assert len(snapshot.of(f"{SERVICE}/diagnostics")) == 2
    for log in snapshot.of(f"{SERVICE}/diagnostics"):
        assert log["properties"]["frontend"] == {
            "request": {**nothing, "dataMasking": hidden},
            "response": nothing,
        }
        assert log["properties"]["backend"] == {"request": nothing, "response": nothing}
        assert log["properties"]["logClientIp"] is False
