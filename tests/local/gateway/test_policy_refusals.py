"""A policy file with a mistake is refused at start, with its file, the line and the reason."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.gateway import assembly
from local.gateway.assembly import Files
from local.gateway.faults import Fault, PolicyRefused
from tests.builders import gateway

NAMED_VALUES = gateway.named_values(identity="http://127.0.0.1:1", backend="http://127.0.0.1:2")


SERVICES = assembly.connect(
    identity_endpoint="http://127.0.0.1:1", identity_header="", clock=lambda: datetime.now(UTC)
)


def faults(files: Files, named_values: dict[str, str] = NAMED_VALUES) -> list[Fault]:
    """Return what starting a gateway with these files finds."""
    try:
        assembly.assemble(files, named_values=named_values, subscriptions=(), services=SERVICES)
    except PolicyRefused as refused:
        return list(refused.faults)
    return []


def planted(files: Files, name: str, old: str, new: str) -> tuple[Path, int]:
    """Exchange `old` for `new` in a policy file; gives the file and the line of the change."""
    path = files.policies / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path, text[: text.index(old)].count("\n") + 1


def line_of_blame(path: Path, changed: int, reason: str) -> int:
    """Return the line of the element that the reason names, nearest to the change; else the changed line."""
    named = re.search(r"<([\w-]+)>", reason)
    if named is None:
        return changed
    lines = path.read_text().splitlines()
    holds = [at for at, line in enumerate(lines, start=1) if re.search(rf"<{named.group(1)}[\s/>]", line)]
    return min(holds, key=lambda at: (at > changed + reason.count("before"), abs(at - changed)))


def test_the_deployed_policies_are_understood(files: Files) -> None:
    assert faults(files) == []


def test_a_gateway_in_a_network_has_policies_that_are_understood_too(files: Files) -> None:
    planted(files, "api.xml", '-url}}" />', '-url}}" validate-connectivity="false" />')

    assert faults(files) == []


INBOUND = "<inbound>\n        <base />"
MISTAKES = [
    # An unknown policy, or one that exists in API Management and is not known here.
    ("api.xml", "<base />", "<base /><ip-filter action='allow' />", "the policy <ip-filter> is not known"),
    ("global.xml", "<include-fragment", "<quota-by-key calls='1' /><include-fragment",
     "the policy <quota-by-key> is not known"),
    ("product.xml", "<set-variable ", "<retry count='3' /><set-variable ", "the policy <retry> is not known"),
    ("fragments/caller.xml", "<set-variable ", "<Set-Variable name='a' value='b' /><set-variable ",
     "the policy <Set-Variable> is not known"),
    ("fragments/problem.xml", "<choose>", "<trace source='x' /><choose>", "the policy <trace> is not known"),
    ("fragments/request-id.xml", "<set-variable", "<wait /><set-variable", "the policy <wait> is not known"),
    ("fragments/reserved-headers.xml", "<choose>", "<check-header /><choose>",
     "the policy <check-header> is not known"),
    # A policy where it may not stand.
    ("global.xml", "<outbound>", "<outbound><forward-request timeout='1' />",
     "<forward-request> is not allowed in <outbound>"),
    ("global.xml", "<backend>", "<backend><validate-jwt header-name='Authorization' />",
     "<validate-jwt> is not allowed in <backend>"),
    ("api.xml", "<choose>", "<quota calls='1' renewal-period='300' /><choose>",
     "<quota> is not allowed at the api scope"),
    ("global.xml", "<on-error>", "<on-error><rate-limit-by-key calls='1' renewal-period='1' />",
     "<rate-limit-by-key> is not allowed in <on-error>"),
    ("global.xml", "<inbound>", "<inbound><set-variable name='a' value='b' />",
     "<cors> has to be the first policy of its section"),
    ("product.xml", "<quota ", "<quota calls='1' renewal-period='300' /><quota ",
     "<quota> may stand only once in a section"),
    # Sections, scopes, <base />.
    ("api.xml", "<backend>\n        <base />\n    </backend>", "",
     "<policies> needs the sections inbound, backend, outbound, on-error, once and in this order"),
    ("product.xml", "<backend>", "<inbound><base /></inbound><backend>",
     "<policies> needs the sections inbound, backend, outbound, on-error, once and in this order"),
    ("product.xml", "<backend>", "<middle></middle><backend>", "<middle> is not a section"),
    ("api.xml", "<base />", "<base /><base />", "<base /> may stand only once in a section"),
    ("global.xml", "<outbound>", "<outbound><base />",
     "the global scope has nothing above it for <base /> to inherit"),
    ("fragments/caller.xml", "<set-variable ", "<base /><set-variable ", "the policy <base> is not known"),
    # Attributes.
    ("global.xml", 'timeout="150"', 'timeout="150" retries="2"',
     "attribute 'retries' of <forward-request> is not known"),
    ("global.xml", 'timeout="150" ', "", "<forward-request> needs the attribute 'timeout'"),
    ("global.xml", 'timeout="150"', 'timeout="a minute"',
     "the attribute 'timeout' of <forward-request> is not a whole number: 'a minute'"),
    ("global.xml", 'timeout="150"', 'timeout="300"',
     "the attribute 'timeout' of <forward-request> has to be 1 to 240, not 300"),
    ("global.xml", 'buffer-response="false"', 'buffer-response="true"',
     "<forward-request> is supported with buffer-response='false' only"),
    ("product.xml", 'renewal-period="60"', 'renewal-period="600"',
     "the attribute 'renewal-period' of <rate-limit-by-key> has to be 1 to 300, not 600"),
    ("product.xml", 'renewal-period="86400"', 'renewal-period="60"',
     "the attribute 'renewal-period' of <quota> has to be 0 or at least 300"),
    ("product.xml", 'counter-key="@(context.Subscription.Id)" ', "",
     "<rate-limit-by-key> needs the attribute 'counter-key'"),
    ("product.xml", 'remaining-calls-header-name="RateLimit-Remaining"',
     'increment-condition="@(context.Response.StatusCode == 200)"',
     "attribute 'increment-condition' of <rate-limit-by-key> is not known"),
    ("product.xml", "<inbound>", "<inbound id-of='x'>", "attribute 'id-of' of <inbound> is not known"),
    ("api.xml", 'exists-action="override"', 'exists-action="replace"',
     "the attribute 'exists-action' of <set-header> has to be override, skip, append, delete; not 'replace'"),
    ("api.xml", 'require-signed-tokens="true"', 'require-signed-tokens="false"',
     "tokens without a signature are not accepted here"),
    ("api.xml", 'clock-skew="60"', 'clock-skew="@(60)"',
     "the attribute 'clock-skew' of <validate-jwt> takes no expression"),
    ("api.xml", 'base-url="{{function-app-url}}/v1"', 'base-url="/v1"',
     "the attribute 'base-url' is not a URL: '/v1'"),
    ("api.xml", 'name="X-MS-CLIENT-PRINCIPAL" exists-action="delete"', 'name="X-MS-CLIENT-PRINCIPAL"',
     "<set-header> with exists-action 'override' needs a <value>"),
    ("api.xml", 'name="X-MS-CLIENT-PRINCIPAL"', 'name="Transfer-Encoding"',
     "API Management does not let a policy change the header 'Transfer-Encoding' so"),
    # Children and their order.
    ("api.xml", "<audiences>", "<required-claims></required-claims><audiences>",
     "<audiences> has to come before <required-claims> inside <validate-jwt>"),
    ("api.xml", "<audiences>", "<audience>x</audience><audiences>",
     "<audience> is not known inside <validate-jwt>"),
    ("api.xml", '<openid-config url="{{openid-config-url}}" />', "", "<validate-jwt> needs <openid-config>"),
    ("api.xml", "<issuers>", "<issuers /><issuers>", "<issuers> may stand only once inside <validate-jwt>"),
    ("global.xml", "<allowed-methods", "<expose-headers><header>a</header></expose-headers><allowed-methods",
     "<allowed-methods> has to come before <expose-headers> inside <cors>"),
    ("global.xml", "<origin>{{developer-portal-url}}</origin>", "",
     "<allowed-origins> needs at least one <origin>"),
    ("global.xml", "<otherwise>", "<otherwise></otherwise><otherwise>",
     "<otherwise> may stand only once inside <choose>"),
    ("fragments/problem.xml", "<set-status ", "<set-body>a</set-body><set-status ",
     "<set-status> has to come before <set-body> inside <return-response>"),
    ("fragments/reserved-headers.xml", "<choose>", "<choose><otherwise></otherwise>",
     "<when> has to come before <otherwise> inside <choose>"),
    ("api.xml", "<base />", "<base />stray", "<inbound> holds text: 'stray'"),
    # Named values, fragments, placeholders, the XML itself.
    ("api.xml", "{{api-audience}}", "{{api-audiences}}", "named value 'api-audiences' is not defined"),
    ("fragments/caller.xml", 'value="user"', 'value="{{nobody}}"', "named value 'nobody' is not defined"),
    ("global.xml", 'fragment-id="problem"', 'fragment-id="problems"', "there is no fragment 'problems'"),
    ("fragments/caller.xml", "<choose>", '<include-fragment fragment-id="problem" /><choose>',
     "a fragment cannot include a fragment"),
    ("product.xml", '"__calls-per-minute__" renewal', '"__calls-per-hour__" renewal',
     "the attribute 'calls' of <rate-limit-by-key> is not a whole number: '__calls-per-hour__'"),
    # Expressions.
    ("api.xml", "@(context.Subscription.Id)", "@(context.Subscription.Key)",
     "expression not supported: ISubscription has no property 'Key' here, in @(context.Subscription.Key)"),
    ("product.xml", "@(context.Subscription.Id)", "@{ return context.Subscription.Id; }",
     "statement blocks @{ } are not supported: @{ return context.Subscription.Id; }"),
    ("fragments/caller.xml", '@((bool)context.Variables[&quot;is-user&quot;])',
     '@(context.Variables[&quot;is-user&quot;])',
     'the expression gives object, not bool: @(context.Variables["is-user"])'),
    ("fragments/request-id.xml", "context.RequestId.ToString()", "Guid.NewGuid().ToString()",
     "expression not supported: 'Guid' is not known, in "),
    ("fragments/problem.xml", "new JObject(", "new JArray(",
     "expression not supported: 'new JArray' is not known"),
    ("fragments/reserved-headers.xml", "RegexOptions.IgnoreCase", "RegexOptions.Compiled",
     "expression not supported: 'RegexOptions' is not known"),
    ("global.xml", "Reason == &quot;Timeout&quot;", "Reason = &quot;Timeout&quot;",
     "expression not supported: cannot read '= \"Timeout\"'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "reason"), MISTAKES, ids=lambda part: str(part)[:40])
def test_a_mistake_is_refused_with_its_place(
    files: Files, name: str, old: str, new: str, reason: str
) -> None:
    path, changed = planted(files, name, old, new)

    found = faults(files)

    line = line_of_blame(path, changed, reason)
    assert [fault for fault in found if (fault.file, fault.line) == (path, line)]
    assert any(fault.reason.startswith(reason) for fault in found), [str(fault) for fault in found]


def test_the_line_is_that_of_the_element(files: Files) -> None:
    path = files.policies / "product.xml"
    lines = path.read_text().splitlines()
    number = next(at for at, line in enumerate(lines, start=1) if "<quota " in line)
    lines.insert(number - 1, "        <unheard-of\n            a='1'\n            b='2' />")
    path.write_text("\n".join(lines))

    assert str(faults(files)[0]) == f"{path}:{number}: the policy <unheard-of> is not known"


def test_all_mistakes_are_named_at_once(files: Files) -> None:
    planted(files, "global.xml", 'timeout="150"', 'timeout="never"')
    planted(files, "product.xml", "<quota ", "<unheard-of /><quota ")
    planted(files, "fragments/caller.xml", "context.Variables[&quot;token&quot;]", "context.Tokens")

    assert {fault.file.name for fault in faults(files)} == {"global.xml", "product.xml", "caller.xml"}


@pytest.mark.parametrize("name", ["global.xml", "api.xml", "product.xml", "fragments/problem.xml"])
def test_xml_that_is_not_well_formed_is_refused(files: Files, name: str) -> None:
    path = files.policies / name
    text = path.read_text()
    path.write_text(text.replace("&quot;", '"') if "&quot;" in text else text.replace("<base />", "<base>"))

    (fault,) = [fault for fault in faults(files) if fault.file == path][:1]

    assert fault.reason.startswith("not well-formed XML")
    assert fault.line > 1


@pytest.mark.parametrize("name", ["global.xml", "api.xml", "product.xml"])
def test_a_file_that_is_missing_is_named(files: Files, name: str) -> None:
    (files.policies / name).unlink()

    assert {str(fault) for fault in faults(files)} == {
        f"{files.policies / name}:0: cannot be read: No such file or directory"
    }


def test_a_doctype_is_refused(files: Files) -> None:
    planted(files, "api.xml", "<policies>", "<!DOCTYPE policies [<!ENTITY a 'b'>]><policies>")

    assert [fault.reason for fault in faults(files)] == ["a policy file has no DOCTYPE"]


@pytest.mark.parametrize("missing", sorted(NAMED_VALUES))
def test_every_named_value_is_needed(files: Files, missing: str) -> None:
    rest = {name: value for name, value in NAMED_VALUES.items() if name != missing}

    assert {fault.reason for fault in faults(files, rest)} == {f"named value '{missing}' is not defined"}


def test_the_named_values_are_those_that_are_documented() -> None:
    assert set(assembly.NAMED_VALUES) == set(NAMED_VALUES)
