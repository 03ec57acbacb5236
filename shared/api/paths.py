"""The paths of the API: what may be done with each, and how addresses are read and written."""

from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from shared.api.problems import Refused

PUBLIC_PREFIX = "/metering"
"""The gateway serves /metering/v1 and asks the app for /v1."""

READ = ("GET", "HEAD", "OPTIONS")
PATHS = (
    "customers",
    "metering-points",
    "metering-points/{meteringPointId}",
    "metering-points/{meteringPointId}/consumption",
    "metering-points/{meteringPointId}/production",
    "consumption",
    "production",
    "changes",
    "status",
    "health",
)
"""Below the version, as the routes have them."""

ANY_PATH = "anyPath"
"""The parameter of the route that matches every path."""

_ANY = f"{{*{ANY_PATH}}}"


def options(method: str, url: str) -> dict[str, str]:
    """Return the headers that answer OPTIONS for a path of the API.

    Raises:
        Refused: 404 for an unknown path, 405 for every other method.
    """
    if _path_of(url) is None:
        raise Refused("unknown-path", "Nothing is served at this path. The documentation lists what is.")
    allow = {"Allow": ", ".join(READ)}
    if method.upper() != "OPTIONS":
        raise Refused("method-not-allowed", "The API is read with GET; HEAD and OPTIONS are answered too.",
                      headers=allow)  # fmt: skip
    return allow


def template(url: str, route_parameters: Mapping[str, str]) -> str:
    """Return the route of an address as its template, for logs and metrics: without text of the caller."""
    path = _ANY if ANY_PATH in route_parameters else _path_of(url)
    return f"/v1/{path or _ANY}"


def parameters(url: str) -> dict[str, list[str]]:
    """Return the query parameters by name, each with all its values in order.

    The worker's own dictionary of parameters keeps only one value of a repeated parameter.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found[name].append(value)
    return dict(found)


def public_path(url: str) -> str:
    """Return the path that the caller requested at the gateway."""
    return PUBLIC_PREFIX + quote(urlsplit(url).path, safe="/%:@!$&'()*+,;=~")


def following(url: str, *, cursor: str) -> str:
    """Return the address of the next page without the host: the same request with another cursor."""
    asked = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "cursor"]
    # A colon need not be escaped in a query (RFC 3986, section 3.4), and times have many.
    return f"{public_path(url)}?{urlencode([*kept, ('cursor', cursor)], safe=':')}"


def _path_of(url: str) -> str | None:
    """Return the path of the API that an address matches, if any."""
    segments = [unquote(each) for each in urlsplit(url).path.strip("/").split("/")[1:]]
    return next((path for path in PATHS if _fits(path.split("/"), segments)), None)


def _fits(path: list[str], segments: list[str]) -> bool:
    return len(path) == len(segments) and all(
        wanted.startswith("{") or wanted == segment.lower()
        for wanted, segment in zip(path, segments, strict=True)
    )
