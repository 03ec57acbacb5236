"""The types and members that expressions may use, as listed in API Management's reference.

https://learn.microsoft.com/azure/api-management/api-management-policy-expressions. Every entry
is one that our policies use or may well come to use; anything else is refused at start.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from local.gateway.exchange import Jwt
from local.gateway.expressions import dotnet, patterns
from local.gateway.expressions.dotnet import EvaluationError
from local.gateway.headers import Fields


class Kind(StrEnum):
    """The types of values, named as in C#."""

    STRING = "string"
    INT = "int"
    BOOL = "bool"
    CHAR = "char"
    NULL = "null"
    OBJECT = "object"
    STRINGS = "string[]"
    BYTES = "byte[]"
    ENCODING = "Encoding"
    KEYS = "IEnumerable<string>"
    GUID = "Guid"
    CONTEXT = "IProxyContext"
    REQUEST = "IRequest"
    BODY = "IMessageBody"
    RESPONSE = "IResponse"
    URL = "IUrl"
    FIELDS = "IReadOnlyDictionary<string, string[]>"
    CLAIMS = "IReadOnlyDictionary<string, string[]> (claims)"
    VARIABLES = "IReadOnlyDictionary<string, object>"
    LAST_ERROR = "ILastError"
    SUBSCRIPTION = "ISubscription"
    PRODUCT = "IProduct"
    OPERATION = "IOperation"
    JWT = "Jwt"
    JOBJECT = "JObject"
    JPROPERTY = "JProperty"
    FORMATTING = "Newtonsoft.Json.Formatting"
    REGEX_OPTIONS = "RegexOptions"
    COMPARISON = "StringComparison"


@dataclass(frozen=True)
class Property:
    """A property of a type."""

    kind: Kind
    get: Callable[[Any], Any]


@dataclass(frozen=True)
class Method:
    """A method of a type, or a static one; `parameters` in order, all required.

    Null is an error for each parameter whose position is not in `nullable`.
    """

    kind: Kind
    parameters: tuple[Kind, ...]
    call: Callable[..., Any]
    nullable: tuple[int, ...] = ()


def _claim(claims: dict[str, list[str]], name: str, default: str) -> str:
    return ",".join(claims[name]) if name in claims else default


def _field(fields: Fields, name: str, default: str) -> str:
    joined = fields.joined(name)
    return default if joined is None else joined


def _fields_of(fields: Fields, name: str) -> list[str]:
    values = fields.values(name)
    if not values:
        raise EvaluationError(f"The given key '{name}' was not present in the dictionary.")
    return values


def _entry(entries: dict[str, Any], name: str) -> Any:
    if name not in entries:
        raise EvaluationError(f"The given key '{name}' was not present in the dictionary.")
    return entries[name]


PROPERTIES: dict[tuple[Kind, str], Property] = {
    (Kind.CONTEXT, "Request"): Property(Kind.REQUEST, lambda x: x.request),
    (Kind.CONTEXT, "Response"): Property(Kind.RESPONSE, lambda x: x.response),
    (Kind.CONTEXT, "LastError"): Property(Kind.LAST_ERROR, lambda x: x.last_error),
    (Kind.CONTEXT, "Variables"): Property(Kind.VARIABLES, lambda x: x.variables),
    (Kind.CONTEXT, "Subscription"): Property(Kind.SUBSCRIPTION, lambda x: x.subscription),
    (Kind.CONTEXT, "Product"): Property(Kind.PRODUCT, lambda x: x.product),
    (Kind.CONTEXT, "Operation"): Property(Kind.OPERATION, lambda x: x.operation),
    (Kind.CONTEXT, "RequestId"): Property(Kind.GUID, lambda x: x.request_id),
    (Kind.REQUEST, "Headers"): Property(Kind.FIELDS, lambda r: r.headers),
    (Kind.REQUEST, "Body"): Property(Kind.BODY, lambda r: r),
    (Kind.REQUEST, "Method"): Property(Kind.STRING, lambda r: r.method),
    (Kind.REQUEST, "IpAddress"): Property(Kind.STRING, lambda r: r.ip_address),
    (Kind.REQUEST, "OriginalUrl"): Property(Kind.URL, lambda r: r.original_url),
    (Kind.RESPONSE, "Headers"): Property(Kind.FIELDS, lambda r: r.headers),
    (Kind.RESPONSE, "StatusCode"): Property(Kind.INT, lambda r: r.status),
    (Kind.URL, "Path"): Property(Kind.STRING, lambda u: u.path),
    (Kind.URL, "Host"): Property(Kind.STRING, lambda u: u.host),
    (Kind.URL, "Scheme"): Property(Kind.STRING, lambda u: u.scheme),
    (Kind.URL, "Query"): Property(Kind.FIELDS, lambda u: u.query),
    (Kind.FIELDS, "Keys"): Property(Kind.KEYS, Fields.names),
    (Kind.STRINGS, "Length"): Property(Kind.INT, len),
    (Kind.STRING, "Length"): Property(Kind.INT, dotnet.length),
    (Kind.BYTES, "Length"): Property(Kind.INT, len),
    (Kind.JWT, "Claims"): Property(Kind.CLAIMS, lambda token: token.claims),
    (Kind.SUBSCRIPTION, "Id"): Property(Kind.STRING, lambda s: s.id),
    (Kind.SUBSCRIPTION, "Name"): Property(Kind.STRING, lambda s: s.name),
    (Kind.PRODUCT, "Id"): Property(Kind.STRING, lambda p: p.id),
    (Kind.PRODUCT, "Name"): Property(Kind.STRING, lambda p: p.name),
    (Kind.OPERATION, "Id"): Property(Kind.STRING, lambda o: o.id),
    (Kind.OPERATION, "Method"): Property(Kind.STRING, lambda o: o.method),
    (Kind.OPERATION, "UrlTemplate"): Property(Kind.STRING, lambda o: o.url_template),
    (Kind.LAST_ERROR, "Source"): Property(Kind.STRING, lambda e: e.source),
    (Kind.LAST_ERROR, "Reason"): Property(Kind.STRING, lambda e: e.reason),
    (Kind.LAST_ERROR, "Message"): Property(Kind.STRING, lambda e: e.message),
    (Kind.LAST_ERROR, "Scope"): Property(Kind.STRING, lambda e: e.scope),
    (Kind.LAST_ERROR, "Section"): Property(Kind.STRING, lambda e: e.section),
    (Kind.LAST_ERROR, "Path"): Property(Kind.STRING, lambda e: e.path),
    (Kind.LAST_ERROR, "PolicyId"): Property(Kind.STRING, lambda e: e.policy_id),
}

METHODS: dict[tuple[Kind, str, int], Method] = {
    (Kind.FIELDS, "GetValueOrDefault", 2): Method(Kind.STRING, (Kind.STRING, Kind.STRING), _field, (1,)),
    (Kind.FIELDS, "ContainsKey", 1): Method(Kind.BOOL, (Kind.STRING,), Fields.__contains__),
    (Kind.CLAIMS, "GetValueOrDefault", 2): Method(Kind.STRING, (Kind.STRING, Kind.STRING), _claim, (1,)),
    (Kind.CLAIMS, "ContainsKey", 1): Method(Kind.BOOL, (Kind.STRING,), lambda claims, name: name in claims),
    (Kind.VARIABLES, "ContainsKey", 1): Method(Kind.BOOL, (Kind.STRING,), lambda known, name: name in known),
    (Kind.STRINGS, "Contains", 1): Method(Kind.BOOL, (Kind.STRING,), lambda texts, text: text in texts, (0,)),
    (Kind.STRING, "Contains", 1): Method(Kind.BOOL, (Kind.STRING,), lambda text, part: part in text),
    # Without a comparison they compare as the culture does, where some characters count for nothing.
    (Kind.STRING, "StartsWith", 2): Method(Kind.BOOL, (Kind.STRING, Kind.COMPARISON), dotnet.starts_with),
    (Kind.STRING, "EndsWith", 2): Method(Kind.BOOL, (Kind.STRING, Kind.COMPARISON), dotnet.ends_with),
    (Kind.STRING, "ToLowerInvariant", 0): Method(Kind.STRING, (), dotnet.lower_invariant),
    (Kind.STRING, "Trim", 0): Method(Kind.STRING, (), dotnet.trim),
    (Kind.STRING, "Split", 1): Method(Kind.STRINGS, (Kind.CHAR,), str.split),
    (Kind.ENCODING, "GetString", 1): Method(Kind.STRING, (Kind.BYTES,), dotnet.decoded),
    (Kind.ENCODING, "GetBytes", 1): Method(Kind.BYTES, (Kind.STRING,), dotnet.encoded),
    (Kind.GUID, "ToString", 0): Method(Kind.STRING, (), str),
    (Kind.INT, "ToString", 0): Method(Kind.STRING, (), str),
    (Kind.OBJECT, "ToString", 0): Method(Kind.STRING, (), dotnet.to_string),
    (Kind.JOBJECT, "ToString", 1): Method(Kind.STRING, (Kind.FORMATTING,), lambda tree, _: dotnet.json(tree)),
}

INDEXERS: dict[Kind, Method] = {
    Kind.FIELDS: Method(Kind.STRINGS, (Kind.STRING,), _fields_of),
    Kind.CLAIMS: Method(Kind.STRINGS, (Kind.STRING,), _entry),
    Kind.VARIABLES: Method(Kind.OBJECT, (Kind.STRING,), _entry),
}

STATICS: dict[tuple[str, str, int], Method] = {
    ("string", "IsNullOrEmpty", 1): Method(Kind.BOOL, (Kind.STRING,), lambda text: not text, (0,)),
    ("string", "Join", 2): Method(
        Kind.STRING, (Kind.STRING, Kind.STRINGS), lambda between, texts: (between or "").join(texts), (0,)
    ),
    ("int", "Parse", 1): Method(Kind.INT, (Kind.STRING,), dotnet.parse_int),
    ("Convert", "ToBase64String", 1): Method(Kind.STRING, (Kind.BYTES,), dotnet.to_base64),
    ("Convert", "FromBase64String", 1): Method(Kind.BYTES, (Kind.STRING,), dotnet.from_base64),
    ("Regex", "IsMatch", 2): Method(Kind.BOOL, (Kind.STRING, Kind.STRING), patterns.is_match),
    ("Regex", "IsMatch", 3): Method(
        Kind.BOOL, (Kind.STRING, Kind.STRING, Kind.REGEX_OPTIONS), patterns.is_match
    ),
}

CONSTANTS: dict[str, tuple[Kind, Any]] = {
    "Encoding.UTF8": (Kind.ENCODING, "utf-8"),
    "Newtonsoft.Json.Formatting.None": (Kind.FORMATTING, "None"),
    "StringComparison.Ordinal": (Kind.COMPARISON, dotnet.exactly),
    "StringComparison.OrdinalIgnoreCase": (Kind.COMPARISON, dotnet.without_case),
    "RegexOptions.IgnoreCase": (Kind.REGEX_OPTIONS, re.IGNORECASE),
    "RegexOptions.None": (Kind.REGEX_OPTIONS, re.NOFLAG),
}

CASTS: dict[str, tuple[Kind, type]] = {
    "string": (Kind.STRING, str),
    "int": (Kind.INT, int),
    "bool": (Kind.BOOL, bool),
    "Jwt": (Kind.JWT, Jwt),
}
