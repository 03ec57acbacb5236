"""Expressions give what C# makes of them: those of the policies, and forms that Python reads otherwise."""

import json
import random
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from local import places, tools
from local.gateway.exchange import Exchange, Jwt, LastError, Product, Request, Response, Subscription, Url
from local.gateway.expressions import EvaluationError, ExpressionRefused, compile_expression
from local.gateway.headers import Fields
from tests.builders import microsoft
from tests.builders.gateway import NOON

POLICIES = places.ROOT / "infra" / "apim" / "policies"
CONTEXTS = 60
GUID = "9f1c3a52-7d8e-4b6a-8c21-0e5f4d3b2a19"

PATHS = (
    "/metering/v1/customers", "/metering/v1/metering-points/707057500000010017", "/metering/v1/health",
    "/Metering/V1/metering-points/707057500000010017/Production", "/metering/v1/metering-points/1%2F..",
    "/metering/v1/metering-points/707057500000010017/consumption/", "/", "/metering/v1/changes\n",
)  # fmt: skip
HEADERS: dict[str, Sequence[list[str]]] = {
    "X-Request-Id": (["abc.DEF_1-23"], ["short"], ["a" * 64, "b"], ["with space 1"], ["abcdefgh\n"]),
    "Content-Length": (["0"], ["12"], ["00"]),
    "Transfer-Encoding": (["chunked"],),
    "X-Caller-Roles": (["admin"],), "x-caller-id": (["me"],), "X-MS-CLIENT-PRINCIPAL-ROLES": (["x"],),
    "X-MS-CLIENT-PRINCIPAL-ID": (["x"],), "Authorization": (["Bearer abc"],), "Retry-After": (["7"], ["x"]),
    "Content-Type": (["application/json"], ["Application/JSON \t; charset=utf-8"], ["application/jsonp"],
                     ["application/problem+json"], ["Application/Problem+JSON; charset=utf-8"], ["text/html"],
                     ["\u00adapplication/problem+json"]),
}  # fmt: skip
CLAIMS: dict[str, Sequence[list[str]]] = {
    "idtyp": (["app"], ["user"], [""]),
    "scp": (["Metering.Read"], ["a Metering.Read b"], ["Metering.ReadAll"]),
    "roles": (["Metering.Read"], ["One", "Metering.Read"], ["metering.read"]),
    "oid": ([GUID], [GUID.upper()], ["x"]), "sub": ([GUID], ["y"]), "azp": ([GUID], ["İ"]),
    "appid": ([GUID], [f"{GUID}\n"]),
}  # fmt: skip
REASONS = (
    "OperationNotFound", "SubscriptionKeyNotFound", "TokenExpired", "RateLimitExceeded", "QuotaExceeded",
    "BackendConnectionFailure", "ClientConnectionFailure", "Timeout", "SomethingElse",
)  # fmt: skip
VARIABLES: dict[str, Sequence[Any]] = {
    "problem-status": (429, 401, 503), "problem-code": ("missing-role", "x"), "problem-title": ("A title",),
    "problem-detail": ('with "quotes" \\ and\nlines \u2028', None), "problem-challenge": ("Bearer",),
    "problem-allow": ("GET",), "problem-retry-after": ("7",), "problem-body": ("{}",),
    "request-id": ("abc.DEF_1-23",), "calls-per-minute": ("300", "+12", "x", None), "retry-after": (9, "11"),
    "token-type": ("app", "", "user"), "has-scope": (True, False), "has-role": (True, False),
    "is-user": (True, False), "is-app": (True, False), "is-other-method": (True, False),
    "has-body": (True, False), "allow": ("GET, HEAD", "", "POST, OPTIONS"),
    "body": ("e30=", "", "77u/e30=", "w6U=", "6Q==", "4oKC4oI=", "{}", None),
    "caller-type": ("app", "user", "unknown"), "caller-id": (GUID, f"{GUID}\n", "", "x"),
}  # fmt: skip

LAST_ERROR = ("source", "reason", "message", "scope", "section", "path", "policyId")


def test_every_expression_of_the_policies_gives_what_csharp_gives(tmp_path: Path) -> None:
    expressions = sorted(
        {
            value.strip()
            for path in POLICIES.rglob("*.xml")
            for element in etree.parse(path).iter("*")
            for value in [*element.attrib.values(), element.text or ""]
            if value.strip().startswith("@(")
        }
    )
    chance = random.Random(20)
    contexts = [drawn(chance) for _ in range(CONTEXTS)]

    theirs = csharp(expressions, contexts, tmp_path)

    assert len(expressions) > 50
    differing = [
        (expression, context, expected, found)
        for expression, results in zip(expressions, theirs, strict=True)
        for context, expected in zip(contexts, results, strict=True)
        if (found := ours(expression, context)) != simplified(expected)
    ]
    assert differing == []
    values = {kind for results in theirs for result in results for kind in result}
    assert "refused" not in values
    assert {"value", "throws"} <= values


FORMS = (
    "2147483647 + 1", "99999999999999999999", "2147483648", "2147483647 + context.Response.StatusCode", "٣",
    "'😀'", '"😀".Length', "context.Request.Headers.Keys.Length", 'Regex.IsMatch("aa", "a++")',
    'Regex.IsMatch("aaa", "a*+a")', 'Regex.IsMatch("aa", "a{1,2}+")', 'Regex.IsMatch("a{,3}", "^a{,3}")',
    'Regex.IsMatch("b", "[a-c-[b]]")', 'Regex.IsMatch("😀", "^.$")', 'Regex.IsMatch("a\\n", "^a$")',
    'Regex.IsMatch("a\\n", "^a\\\\z")', 'Regex.IsMatch("İ", "i", RegexOptions.IgnoreCase)',
    'Regex.IsMatch("ſ", "s", RegexOptions.IgnoreCase)', '"İΣ".ToLowerInvariant()', '"\x1ca\x1c ".Trim()',
    '"\u00ada".StartsWith("a")', '"\u00ada".StartsWith("a", StringComparison.Ordinal)',
    '"ABC".StartsWith("ab", StringComparison.OrdinalIgnoreCase)',
    '"ſtop".StartsWith("ST", StringComparison.OrdinalIgnoreCase)',
    '"\u212a".StartsWith("k", StringComparison.OrdinalIgnoreCase)',
    '"Åse".StartsWith("å", StringComparison.OrdinalIgnoreCase)',
    '"xß".EndsWith("SS", StringComparison.OrdinalIgnoreCase)',
    '"aIı".EndsWith("iI", StringComparison.OrdinalIgnoreCase)',
    'new JObject(new JProperty("a", 1), new JProperty("a", 2)).ToString(Newtonsoft.Json.Formatting.None)',
    'new JObject(new JProperty("a", "\x85\u2028\u2029\x7f\x1f\\""))'
    ".ToString(Newtonsoft.Json.Formatting.None)",
    'int.Parse("99999999999")', 'int.Parse("+12")', 'int.Parse("\\t-7\\n")', 'int.Parse("1 2")',
    "int.Parse(NULL)",
    'Convert.ToBase64String(Encoding.UTF8.GetBytes("å😀"))', "Encoding.UTF8.GetBytes(NULL).Length",
    'Encoding.UTF8.GetString(Convert.FromBase64String("77u/YeVi4oIw8J+YgPCfmA=="))',
    'Convert.FromBase64String("e30=").Length', 'Convert.FromBase64String(" e3 0=\\n").Length',
    'Convert.FromBase64String("e30").Length', 'Convert.FromBase64String("e31=").Length',
    "Convert.FromBase64String(NULL).Length", 'Regex.IsMatch("a\\tb", "^a[ \\t]b\\\\z")',
    '((Jwt)context.Variables["nothing"]) == null', "context.Variables.ContainsKey(NULL)",
    '((Jwt)context.Variables["token"]).Claims.GetValueOrDefault(NULL, "x")', '"a".Contains(NULL)',
    '"a".StartsWith(NULL, StringComparison.Ordinal)', 'Regex.IsMatch(NULL, "a")',
    'context.Request.Headers[NULL].Contains("a")', 'context.Request.Headers.GetValueOrDefault("a", NULL)',
    "string.Join(NULL, context.Request.Headers.Keys)", "string.IsNullOrEmpty(NULL)", '"a" + NULL',
    'new JObject(new JProperty(NULL, "a")).ToString(Newtonsoft.Json.Formatting.None)', "NULL.Length",
    'context.Variables["number"].ToString()', 'context.Variables["nothing"].ToString()',
    'context.Variables["yes"].ToString()', '(int)context.Variables["yes"]', '"" == NULL', "NULL == null",
)  # fmt: skip


def test_a_form_that_python_reads_otherwise_is_refused_or_gives_what_csharp_gives(tmp_path: Path) -> None:
    null = '((string)context.Variables["nothing"])'
    expressions = [f"@({form.replace('NULL', null)})" for form in FORMS]
    context = drawn(random.Random(1)) | {
        "variables": {"nothing": None, "number": 7, "yes": True},
        "claims": {"scp": ["a"]},
        "response": {"status": 404, "headers": {}},
    }

    theirs = csharp(expressions, [context], tmp_path)

    for expression, [expected] in zip(expressions, theirs, strict=True):
        found = ours(expression, context)
        assert found in ("refused", "throws", simplified(expected)), (expression, expected, found)
    assert sum(ours(expression, context) != "refused" for expression in expressions) > 25


def csharp(
    expressions: Iterable[str], contexts: Sequence[dict[str, Any]], folder: Path
) -> list[list[dict[str, Any]]]:
    """Return what C# makes of each expression in each context: type and value, an exception, a refusal."""
    cases = folder / "cases.json"
    cases.write_text(json.dumps({"contexts": contexts, "expressions": list(expressions)}), encoding="utf-8")
    done = subprocess.run(
        [microsoft.needed(tools.HERE.azure_check), "policies", "evaluate", cases],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    results: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return results


def simplified(result: dict[str, Any]) -> Any:
    return ("value", result["value"]) if "value" in result else next(iter(result))


def ours(expression: str, context: dict[str, Any]) -> Any:
    try:
        compiled = compile_expression(expression[2:-1])
    except ExpressionRefused:
        return "refused"
    try:
        return ("value", compiled.evaluate(exchange(context)))
    except EvaluationError:
        return "throws"


def drawn(chance: random.Random) -> dict[str, Any]:
    """Return a context by chance, as azure-check reads it."""

    def some(choices: dict[str, Sequence[Any]], share: float) -> dict[str, Any]:
        return {name: chance.choice(values) for name, values in choices.items() if chance.random() < share}

    def maybe(part: dict[str, Any]) -> dict[str, Any] | None:
        return part if chance.random() < 0.8 else None

    failed = {"source": chance.choice(["validate-jwt", "quota"]), "reason": chance.choice(REASONS)}
    where = {"message": "Out.", "scope": "api", "section": "inbound", "path": "", "policyId": ""}
    url = {"host": "api.example", "path": chance.choice(PATHS), "scheme": "https", "query": {}}
    context = {
        "requestId": "00000000-0000-4000-8000-000000000001",
        "request": {
            "method": chance.choice(["GET", "HEAD", "OPTIONS", "POST"]),
            "ip": "127.0.0.1",
            "headers": some(HEADERS, 0.3),
            "url": url,
        },
        "response": maybe({"status": chance.choice([200, 404, 503]), "headers": some(HEADERS, 0.4)}),
        "lastError": maybe({**failed, **where}),
        "subscription": maybe({"id": "sub-1", "name": "a baker"}),
        "product": maybe({"id": "standard", "name": "Standard"}),
        "variables": some(VARIABLES, 0.85),
        "claims": maybe(some(CLAIMS, 0.7)),
    }
    return {name: part for name, part in context.items() if part is not None}


def exchange(context: dict[str, Any]) -> Exchange:
    """Return the same context for the local gateway."""
    request, response, error = context["request"], context.get("response"), context.get("lastError")
    baker = Subscription("sub-1", "a baker", "standard", (), NOON)
    token = {"token": Jwt(context["claims"])} if "claims" in context else {}
    url = Url(request["url"]["scheme"], request["url"]["host"], request["url"]["path"], Fields([]))
    return Exchange(
        request=Request(request["method"], url, fields(request["headers"]), request["ip"], []),
        request_id=context["requestId"],
        clock=lambda: NOON,
        subscription=baker if "subscription" in context else None,
        product=Product("standard", "Standard", 1, 1) if "product" in context else None,
        variables=context["variables"] | token,
        response=Response(response["status"], fields(response["headers"])) if response else None,
        last_error=LastError(*(error[name] for name in LAST_ERROR)) if error else None,
    )


def fields(headers: dict[str, list[str]]) -> Fields:
    return Fields([(name, value) for name, values in headers.items() for value in values])
