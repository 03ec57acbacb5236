"""Policy expressions: what they give, what they are refused for, what fails when they run."""

from typing import Any

import pytest

from local.gateway.exchange import Exchange, Jwt, LastError, Request, Response, Subscription, Url
from local.gateway.expressions import EvaluationError, ExpressionRefused, compile_expression
from local.gateway.headers import Fields
from tests.builders.gateway import NOON


def exchange() -> Exchange:
    """Return a request with a bit of everything."""
    headers = Fields([("Accept", "text/csv"), ("X-Two", "a"), ("x-two", "b")])
    url = Url("http", "api.example", "/metering/v1/customers", Fields([("limit", "5")]))
    return Exchange(
        request=Request("GET", url, headers, "127.0.0.1", []),
        request_id="00000000-0000-4000-8000-000000000001",
        clock=lambda: NOON,
        subscription=Subscription("sub-1", "a baker", "standard", (), NOON),
        variables={
            "text": "abc",
            "number": 7,
            "yes": True,
            "nothing": None,
            "lines": "\x85\u2028",
            "token": Jwt({"scp": ["a b"], "roles": ["One", "Two"]}),
        },
        response=Response(404, Fields([("Retry-After", "9")])),
        last_error=LastError("quota", "QuotaExceeded", "Out.", "product", "inbound", "quota[1]", ""),
    )


VALUES: list[tuple[str, Any]] = [
    ('"a\\"b\\\\c"', 'a"b\\c'),
    ('@"a\\b""c"', 'a\\b"c'),
    ("42", 42),
    ("true", True),
    ("1 + 2 + 3", 6),
    ('"a" + 1 + 2', "a12"),
    ('1 + 2 + "a"', "3a"),
    ('"a" + (string)context.Variables["nothing"]', "a"),
    ("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", True),
    ("true || false && false", True),
    ("!true == false", True),
    ('1 == 1 ? 2 == 3 ? "a" : "b" : "c"', "b"),
    ("context.Request.Method", "GET"),
    ("context.Request.OriginalUrl.Path", "/metering/v1/customers"),
    ('context.Request.OriginalUrl.Query.GetValueOrDefault("limit", "1")', "5"),
    ('context.Request.Headers.GetValueOrDefault("ACCEPT", "none")', "text/csv"),
    ('context.Request.Headers.GetValueOrDefault("X-Two", "none")', "a,b"),
    ('context.Request.Headers.GetValueOrDefault("X-None", "none")', "none"),
    ('context.Request.Headers["X-Two"].Contains("b")', True),
    ('context.Request.Headers.ContainsKey("x-TWO")', True),
    ('string.Join("|", context.Request.Headers.Keys)', "Accept|X-Two"),
    ("context.Response.StatusCode >= 400", True),
    ('context.Response.Headers.GetValueOrDefault("Retry-After", "60")', "9"),
    ("context.LastError.Reason", "QuotaExceeded"),
    ("context.LastError.Source + context.LastError.Path", "quotaquota[1]"),
    ("context.Subscription.Id", "sub-1"),
    ("context.Product == null", True),
    ("context.Subscription != null", True),
    ("context.RequestId.ToString()", "00000000-0000-4000-8000-000000000001"),
    ('(string)context.Variables["text"]', "abc"),
    ('(int)context.Variables["number"] + 1', 8),
    ('!(bool)context.Variables["yes"]', False),
    ('context.Variables["nothing"] == null', True),
    ('context.Variables.ContainsKey("absent")', False),
    ('context.Variables.GetValueOrDefault<string>("absent", "x")', "x"),
    ('context.Variables.GetValueOrDefault<int>("number", 1)', 7),
    ('((Jwt)context.Variables["token"]).Claims["roles"].Contains("Two")', True),
    ('((Jwt)context.Variables["token"]).Claims.GetValueOrDefault("roles", "")', "One,Two"),
    (
        '((Jwt)context.Variables["token"]).Claims.GetValueOrDefault("scp", "").Split(\' \').Contains("b")',
        True,
    ),
    ('((Jwt)context.Variables["token"]).Claims.ContainsKey("Scp")', False),
    ('Regex.IsMatch("ABC", "^[a-c]+$")', False),
    ('Regex.IsMatch("ABC", "^[a-c]+$", RegexOptions.IgnoreCase)', True),
    ('Regex.IsMatch("a\\tb", "^a[ \\t]b\\\\z")', True),
    ('Encoding.UTF8.GetString(Convert.FromBase64String("77u/w6VhMPCfmIA="))', "\ufeffåa0😀"),
    ('Encoding.UTF8.GetString(Convert.FromBase64String("YeVi"))', "a\ufffdb"),
    ('Convert.ToBase64String(Encoding.UTF8.GetBytes("å😀"))', "w6Xwn5iA"),
    ('Convert.FromBase64String("w6U=").Length', 2),
    ('string.IsNullOrEmpty("")', True),
    ('int.Parse("12") + 1', 13),
    ('"AbC".ToLowerInvariant().StartsWith("ab", StringComparison.Ordinal)', True),
    ('"Text/CSV;x".StartsWith("text/csv", StringComparison.OrdinalIgnoreCase)', True),
    ('"abC".EndsWith("bc", StringComparison.Ordinal)', False),
    ('Regex.IsMatch("ab\\n", "^ab$")', True),
    ('Regex.IsMatch("ab\\n", "^ab\\\\z")', False),
    ('int.Parse(" +12 ")', 12),
    ("2147483647 + context.Response.StatusCode", -2147483245),
    ('"😀".Length', 2),
    ('string.Join((string)context.Variables["nothing"], context.Request.Headers.Keys)', "AcceptX-Two"),
    ('string.IsNullOrEmpty((string)context.Variables["nothing"])', True),
    ('context.Variables["number"].ToString() + context.Variables["yes"].ToString()', "7True"),
    ('((Jwt)context.Variables["nothing"]) == null', True),
    ('"İΣΣ".ToLowerInvariant()', "İσσ"),
    ('"a\x1c ".Trim()', "a\x1c"),
    (
        'new JObject(new JProperty("a", (string)context.Variables["lines"]))'
        ".ToString(Newtonsoft.Json.Formatting.None)",
        '{"a":"\\u0085\\u2028"}',
    ),
    ('(context.Request.Method == "GET" ? 1 : 2).ToString()', "1"),
    (
        'new JObject(new JProperty("a", "q\\"\\n"), new JProperty("b", 1), new JProperty("c", true), '
        'new JProperty("d", null), new JProperty("e", new JObject()))'
        ".ToString(Newtonsoft.Json.Formatting.None)",
        '{"a":"q\\"\\n","b":1,"c":true,"d":null,"e":{}}',
    ),
]


@pytest.mark.parametrize(("source", "value"), VALUES)
def test_an_expression_gives(source: str, value: Any) -> None:
    result = compile_expression(source).evaluate(exchange())

    assert (type(result), result) == (type(value), value)


REFUSED = [
    ("", "ends too early"),
    ("1 +", "ends too early"),
    ("(1", "expected ')'"),
    ("1 2", "unexpected '2'"),
    ('"open', "cannot read '\"open'"),
    ('"\\q"', "unknown escape \\q in a string"),
    ("1.5", "cannot read '1.5'"),
    ('"a\u2028"', "cannot read"),
    ("٣", "cannot read '٣'"),
    ("1\u00a0+ 1", "cannot read '\\xa0+ 1'"),
    ("2147483648", "the number 2147483648 is larger than 2147483647"),
    ("2147483647 + 1", "the sum overflows"),
    ("'😀'", "is two characters in UTF-16"),
    ("context.Request.Headers.Keys.Length", "IEnumerable<string> has no property 'Length' here"),
    ('context.Request.Headers.Keys.Contains("a")', "IEnumerable<string> has no method 'Contains'"),
    ('"a".StartsWith("b")', "string has no method 'StartsWith' with 1 arguments here"),
    ('"a".EndsWith("b")', "string has no method 'EndsWith' with 1 arguments here"),
    ("context.Request.IpAddress.ToString()", "string has no method 'ToString' with 0 arguments here"),
    *(
        (f'Regex.IsMatch("a", "{pattern}")', reason)
        for pattern, reason in (
            ("a++", "repeats what cannot be repeated"),
            ("a*+a", "repeats what cannot be repeated"),
            ("a{1,2}+", "repeats what cannot be repeated"),
            ("^*", "repeats what cannot be repeated"),
            ("(*a)", "repeats what cannot be repeated"),
            ("a{,3}", "uses signs that are not supported here"),
            ("[a-c-[b]]", "uses signs that are not supported here"),
            ("[]a]", "uses signs"),
            ("æ", "uses signs that are not supported here"),
            ("a{2,1}", "is not valid"),
            ("(?i)a", "uses signs that are not supported here"),
            ("(?<!a)b", "uses signs"),
        )
    ),
    ("context.Request.Body.As<string>()", "only Body.As<byte[]>() is known"),
    ("context.Request.Body.As<byte[]>(true)", "only Body.As<byte[]>() is known"),
    ("context.Request.Method.As<byte[]>()", "only Body.As<byte[]>() is known"),
    ("context.Request.Body.As<byte[>()", "unexpected '>'"),
    ('Convert.ToBase64String("a")', "'Convert.ToBase64String' needs byte[], not string"),
    ("Encoding.ASCII", "'Encoding' is not known"),
    ("context.Deployment.Region", "IProxyContext has no property 'Deployment' here"),
    ("context.request", "IProxyContext has no property 'request' here"),
    ('context.Request.Headers.GetValueOrDefault("a")', "has no method 'GetValueOrDefault' with 1 arguments"),
    ('context.Request.Headers["a"]["b"]', "string[] has no indexer here"),
    ("context.Request.Headers[1]", "'[]' needs string, not int"),
    ('context.Variables["a"] == "b"', "cannot compare object with string"),
    ('"a" == 1', "cannot compare string with int"),
    ("1 == null", "cannot compare int with null"),
    ("!1", "'!' needs bool, not int"),
    ("1 && true", "'&&' needs bool, not int"),
    ('"a" < "b"', "cannot write string < string"),
    ("true + 1", "cannot add bool and int"),
    ('true ? 1 : "a"', "the two sides of ? : are int and string"),
    ('null ?? "b"', "cannot write null ?? string"),
    ("(string)1", "cannot cast int to string"),
    ('(Guid)context.Variables["a"]', "unexpected 'context'"),
    ('System.IO.File.ReadAllText("/etc/passwd")', "'System' is not known"),
    ('__import__("os")', "only methods can be called"),
    ('"a".__class__', "string has no property '__class__' here"),
    ('"a".Format("b")', "string has no method 'Format' with 1 arguments here"),
    ("new Random()", "'new Random' is not known"),
    ('new JObject("a")', "'new JObject' needs JProperty, not string"),
    ('new JProperty("a")', "'new JProperty' takes a name and a value"),
    ('new JProperty("a", context)', "'new JProperty' takes no IProxyContext here"),
    ('context.Variables.GetValueOrDefault<Jwt2>("a", null)', "'GetValueOrDefault<Jwt2>' is not known"),
    ('Regex.IsMatch("a", context.Request.Method)', "the pattern of Regex.IsMatch has to be a literal"),
    ('Regex.IsMatch("a", "(?<name>a)")', "uses signs that are not supported here"),
    ('Regex.IsMatch("a", "(?P<name>a)")', "uses signs that are not supported here"),
    ('Regex.IsMatch("a", "\\\\d")', "uses signs that are not supported here"),
    ('Regex.IsMatch("a", "(")', "is not valid"),
    ('Regex.Replace("a", "b", "c")', "'Regex' is not known"),
    ("context.Request.Headers.Keys.Any(key => true)", "cannot read '=> true)'"),
    ("1 == 1 & true", "cannot read '& true'"),
]


@pytest.mark.parametrize(("source", "reason"), REFUSED)
def test_an_expression_is_refused(source: str, reason: str) -> None:
    with pytest.raises(ExpressionRefused) as refused:
        compile_expression(source)

    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("context.Product.Name", "Object reference not set to an instance of an object ('Name')."),
        ('(string)context.Variables["absent"]', "The given key 'absent' was not present in the dictionary."),
        ('(string)context.Variables["number"]', "Unable to cast object of type 'int'."),
        ('(int)context.Variables["yes"]', "Unable to cast object of type 'bool'."),
        ('((string)context.Variables["nothing"]).Length == 0', "Object reference not set"),
        ('context.Request.Headers["X-None"].Length == 0', "The given key 'X-None' was not present"),
        ('context.Variables.GetValueOrDefault<int>("text", 1)', "Unable to cast object of type 'str'."),
        ('int.Parse("1x")', "Input string was not in a correct format."),
        ('Convert.FromBase64String("w6U").Length', "The input is not a valid Base-64 string"),
        ('Convert.FromBase64String("w6V=").Length', "Base64 that is written otherwise is not known"),
        ("Convert.ToBase64String(context.Request.Body.As<byte[]>())", "Object reference not set"),
        ('int.Parse("99999999999")', "Value was either too large or too small for an Int32."),
        ('new JObject(new JProperty("a", 1), new JProperty("a", 2))'
         ".ToString(Newtonsoft.Json.Formatting.None)",
         "Property with the name 'a' already exists on object."),
        ('Regex.IsMatch("ſ", "s", RegexOptions.IgnoreCase)', "The case of characters beyond ASCII"),
        *(
            (form.replace("NULL", '(string)context.Variables["nothing"]'), "Value cannot be null")
            for form in (
                "context.Variables.ContainsKey(NULL)",
                'context.Variables.GetValueOrDefault<string>(NULL, "x")',
                '((Jwt)context.Variables["token"]).Claims.GetValueOrDefault(NULL, "x")',
                'context.Request.Headers.GetValueOrDefault(NULL, "x")',
                'context.Request.Headers[NULL].Contains("a")',
                '"a".StartsWith(NULL, StringComparison.Ordinal)',
                '"a".Contains(NULL)',
                'Regex.IsMatch(NULL, "a")',
                "int.Parse(NULL)",
                "Convert.FromBase64String(NULL).Length",
                "Encoding.UTF8.GetBytes(NULL).Length",
                "new JObject(new JProperty(NULL, 1)).ToString(Newtonsoft.Json.Formatting.None)",
            )
        ),
    ],
)  # fmt: skip
def test_what_would_be_an_exception_in_dotnet_is_a_fault(source: str, message: str) -> None:
    compiled = compile_expression(source)

    with pytest.raises(EvaluationError) as failed:
        compiled.evaluate(exchange())

    assert str(failed.value).startswith(message)


def test_the_second_side_of_and_and_or_is_only_asked_when_it_matters() -> None:
    failing = '(bool)context.Variables["absent"]'

    assert compile_expression(f"false && {failing}").evaluate(exchange()) is False
    assert compile_expression(f"true || {failing}").evaluate(exchange()) is True
    assert compile_expression(f"true ? true : {failing}").evaluate(exchange()) is True
