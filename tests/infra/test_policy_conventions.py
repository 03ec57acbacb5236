"""What must hold for the policies whatever runs them, checked on the XML itself."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

ROOT = Path(__file__).resolve().parents[2]
APIM = ROOT / "infra" / "apim"
POLICIES = APIM / "policies"
FILES = sorted(POLICIES.rglob("*.xml"))
LIMIT_OF_A_FRAGMENT = 32 * 1024
"""Bytes; the smaller of the two sizes that the documentation has named."""

OVERWRITTEN = ("X-Caller-Type", "X-Caller-Id", "X-Subscription-Id", "X-Request-Id")
DELETED = (
    "Ocp-Apim-Subscription-Key",
    "Authorization",
    "Cookie",
    "X-ZUMO-AUTH",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-ID",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-MS-CLIENT-PRINCIPAL-IDP",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "X-MS-TOKEN-AAD-ID-TOKEN",
    "X-Functions-Key",
    "X-Original-URL",
    "X-Rewrite-URL",
)


def read(name: str) -> etree._Element:
    return etree.parse(POLICIES / name).getroot()


def elements(tag: str) -> Iterator[etree._Element]:
    for path in FILES:
        yield from etree.parse(path).getroot().iter(tag)


def inbound_of_api() -> list[etree._Element]:
    (section,) = read("api.xml").findall("inbound")
    return [child for child in section if isinstance(child.tag, str)]


def position(tag: str, **attributes: str) -> int:
    """Return where a policy stands among those of the API's inbound section."""
    found = [
        at
        for at, child in enumerate(inbound_of_api())
        if child.tag == tag
        and all(child.get(name.replace("_", "-")) == wanted for name, wanted in attributes.items())
    ]
    assert len(found) == 1, (tag, attributes, found)
    return found[0]


def test_every_forward_request_has_a_time_limit_and_does_not_buffer() -> None:
    found = list(elements("forward-request"))

    assert found
    for element in found:
        assert 1 <= int(element.get("timeout", "0")) <= 230
        assert element.get("buffer-response") == "false"


def test_every_validate_jwt_demands_signature_expiry_audience_and_issuer() -> None:
    found = list(elements("validate-jwt"))

    assert found
    for element in found:
        assert element.get("require-expiration-time") == "true"
        assert element.get("require-signed-tokens") == "true"
        assert element.get("require-scheme") == "Bearer"
        assert int(element.get("clock-skew", "0")) <= 300
        assert [each.text for each in element.iterfind("audiences/audience")] == ["{{api-audience}}"]
        assert [each.text for each in element.iterfind("issuers/issuer")] == ["{{token-issuer}}"]
        assert [each.get("url") for each in element.iterfind("openid-config")] == ["{{openid-config-url}}"]


@pytest.mark.parametrize("header", OVERWRITTEN)
def test_caller_headers_are_overwritten(header: str) -> None:
    element = inbound_of_api()[position("set-header", name=header)]

    assert element.get("exists-action") == "override"
    assert len(element.findall("value")) == 1


@pytest.mark.parametrize("header", DELETED)
def test_what_the_caller_must_not_hand_on_is_deleted(header: str) -> None:
    assert inbound_of_api()[position("set-header", name=header)].get("exists-action") == "delete"


def test_the_key_is_deleted_from_the_query() -> None:
    element = inbound_of_api()[position("set-query-parameter", name="subscription-key")]

    assert element.get("exists-action") == "delete"


def test_the_gateways_own_token_comes_after_everything_that_touches_authorization() -> None:
    own = position("authentication-managed-identity", resource="{{function-app-audience}}")

    assert position("validate-jwt") < position("set-header", name="Authorization") < own
    assert own == len(inbound_of_api()) - 1


def test_the_token_is_checked_before_it_is_believed_and_problems_are_answered_at_once() -> None:
    tags = [(child.tag, child.get("fragment-id")) for child in inbound_of_api()]

    believed = tags.index(("include-fragment", "caller"))
    assert tags.index(("validate-jwt", None)) < believed
    assert tags[believed + 1] == ("include-fragment", "problem")
    assert believed < position("set-header", name="X-Caller-Id")


def test_limits_are_those_of_the_product_and_count_by_subscription_and_by_caller() -> None:
    (by_caller,) = read("api.xml").iter("rate-limit-by-key")
    (rate,) = read("product.xml").iter("rate-limit-by-key")
    (quota,) = elements("quota")

    assert by_caller.get("calls") == '@(int.Parse((string)context.Variables["calls-per-minute"]))'
    kind, who = ('(string)context.Variables["caller-type"]', '(string)context.Variables["caller-id"]')
    assert by_caller.get("counter-key") == f'@("caller:" + {kind} + ":" + {who})'
    believed = position("include-fragment", fragment_id="caller")
    assert position("rate-limit-by-key", renewal_period="60") == believed + 2

    assert (rate.get("calls"), rate.get("renewal-period")) == ("__calls-per-minute__", "60")
    assert rate.get("counter-key") == "@(context.Subscription.Id)"
    assert (quota.get("calls"), quota.get("renewal-period")) == ("__calls-per-day__", "86400")
    assert not list(elements("quota-by-key")), "not available on the v2 tiers"
    assert {each.get("retry-after-variable-name") for each in (rate, by_caller)} == {"retry-after"}


def test_a_pattern_ends_where_its_text_ends() -> None:
    texts = [
        value for path in FILES for each in etree.parse(path).iter("*") for value in each.attrib.values()
    ]
    patterns = [text for text in texts if "Regex.IsMatch(" in text]

    assert len(patterns) >= 5
    # `$` takes a last line break for the end as well.
    assert [text for text in patterns if "$" in text] == []


def test_browsers_are_let_in_from_the_developer_portal_only() -> None:
    (cors,) = elements("cors")

    assert next(read("global.xml").iterfind("inbound/*")).tag == "cors"
    assert [each.text for each in cors.iterfind("allowed-origins/origin")] == ["{{developer-portal-url}}"]
    assert [each.text for each in cors.iterfind("allowed-methods/method")] == [
        "GET",
        "POST",
        "PUT",
        "DELETE",
    ]
    assert cors.get("allow-credentials") == "false"
    assert "*" not in [each.text for each in cors.iter()]


@pytest.mark.parametrize("name", ["product.xml", "api.xml"])
@pytest.mark.parametrize("section", ["inbound", "backend", "outbound", "on-error"])
def test_every_section_below_the_global_scope_inherits_first(name: str, section: str) -> None:
    (found,) = read(name).findall(section)

    assert next(child.tag for child in found if isinstance(child.tag, str)) == "base"


def test_every_failure_ends_as_a_problem() -> None:
    (section,) = read("global.xml").findall("on-error")
    children = [child for child in section if isinstance(child.tag, str)]

    assert children[-1].get("fragment-id") == "problem"
    _, options, choose = section.findall("choose")
    assert [each.get("code") for each in options.iter("set-status")] == ["499", "204"]
    for case in choose:
        names = {each.get("name") for each in case.iter("set-variable")}
        assert {"problem-status", "problem-code", "problem-title", "problem-detail"} <= names
    assert choose[-1].tag == "otherwise"


DOCUMENTED_REASONS = {
    "OperationNotFound", "SubscriptionKeyNotFound", "SubscriptionKeyInvalid", "TokenNotPresent",
    "TokenExpired", "TokenClaimNotFound", "TokenClaimValueNotAllowed", "RateLimitExceeded",
    "QuotaExceeded", "BackendConnectionFailure", "ClientConnectionFailure", "Timeout",
}  # fmt: skip


def test_the_reasons_that_are_distinguished_are_documented_ones() -> None:
    text = (POLICIES / "global.xml").read_text(encoding="utf-8")

    assert set(re.findall(r"LastError\.Reason == &quot;(\w+)&quot;", text)) == DOCUMENTED_REASONS


def problem_codes() -> list[str]:
    return [
        element.get("value", "")
        for element in elements("set-variable")
        if element.get("name") == "problem-code"
    ]


def test_codes_are_stable() -> None:
    assert set(problem_codes()) == {
        "backend-timeout",
        "backend-unavailable",
        "body-not-expected",
        "body-too-large",
        "expired-token",
        "internal-error",
        "invalid-path",
        "invalid-subscription-key",
        "invalid-token",
        "method-not-allowed",
        "missing-role",
        "missing-subscription-key",
        "missing-token",
        "not-json",
        "quota-exceeded",
        "rate-limit-exceeded",
        "reserved-header",
        "unknown-path",
        "unsupported-media-type",
    }


def names_beside(element: etree._Element) -> set[str | None]:
    """Return what the variables are called that are set together with this one."""
    parent = element.getparent()
    assert parent is not None
    return {each.get("name") for each in parent}


def test_every_401_carries_a_challenge() -> None:
    for element in elements("set-variable"):
        if element.get("name") == "problem-status" and element.get("value") == "@(401)":
            siblings = names_beside(element)
            assert "problem-challenge" in siblings, element.sourceline


def test_every_429_and_503_says_when_to_come_back() -> None:
    for element in elements("set-variable"):
        if element.get("name") == "problem-status" and element.get("value") in ("@(429)", "@(503)"):
            siblings = names_beside(element)
            assert "problem-retry-after" in siblings, element.sourceline


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_comment_uses_no_named_value(path: Path) -> None:
    for comment in etree.parse(path).iter(etree.Comment):
        assert "{{" not in (comment.text or ""), "API Management would look for it"


@pytest.mark.parametrize("path", sorted((POLICIES / "fragments").glob("*.xml")), ids=lambda path: path.name)
def test_a_fragment_is_used_flat_and_small_enough(path: Path) -> None:
    root = etree.parse(path).getroot()

    assert root.tag == "fragment"
    assert not list(root.iter("include-fragment", "base"))
    assert path.stat().st_size < LIMIT_OF_A_FRAGMENT
    assert path.stem in {element.get("fragment-id") for element in elements("include-fragment")}


def test_named_values_listed_at_the_top_of_global_are_the_ones_used() -> None:
    used = {
        name for path in FILES for name in re.findall(r"\{\{([^}]+)\}\}", path.read_text(encoding="utf-8"))
    }
    top = (POLICIES / "global.xml").read_text(encoding="utf-8").partition("-->")[0]

    assert used == set(re.findall(r"^    ([a-z-]+)  ", top, flags=re.MULTILINE))


def test_products_are_complete_and_need_approval() -> None:
    products = {each["id"]: each for each in json.loads((APIM / "products.json").read_text())["products"]}

    assert {"standard", "partner"} <= set(products)
    for product in products.values():
        assert 0 < product["callsPerMinute"] < product["callsPerDay"]
        assert product["name"]
        assert product["description"]
        assert product["terms"]
        assert product["approvalRequired"] is True
        assert 1 <= product["subscriptionsLimit"] <= 4
    assert f"{products['standard']['callsPerMinute']} calls a minute" in products["standard"]["description"]


def test_health_is_not_among_the_operations() -> None:
    paths = json.loads((APIM / "openapi.json").read_text(encoding="utf-8"))["paths"]

    assert paths
    assert not [path for path in paths if "health" in path]
