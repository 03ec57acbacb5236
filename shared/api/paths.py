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
"""The parameter of the route that takes every path."""

_ANY = f"{{*{ANY_PATH}}}"


def options(method: str, url: str) -> dict[str, str]:
    """The headers that answer OPTIONS for a path of the API.

    Raises:
        Refused: 404 for a path that is none, 405 for every other method.
    """
    if _path_of(url) is None:
        raise Refused("unknown-path", "Nothing is served at this path. The documentation lists what is.")
    allow = {"Allow": ", ".join(READ)}
    if method.upper() != "OPTIONS":
        raise Refused("method-not-allowed", "The API is read with GET; HEAD and OPTIONS are answered too.",
                      headers=allow)  # fmt: skip
    return allow


def template(url: str, route_parameters: Mapping[str, str]) -> str:
    """The route that answers an address, for logs and metrics: words of ours, whatever the caller wrote."""
    path = _ANY if ANY_PATH in route_parameters else _path_of(url)
    return f"/v1/{path or _ANY}"


def parameters(url: str) -> dict[str, list[str]]:
    """Query parameters by name, each with all its values in order.

    The worker's own dictionary of parameters keeps one value of a repeated parameter; the address has all.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found[name].append(value)
    return dict(found)


def public_path(url: str) -> str:
    """The path that the caller asked the gateway for."""
    return PUBLIC_PREFIX + quote(urlsplit(url).path, safe="/%:@!$&'()*+,;=~")


def following(url: str, *, cursor: str) -> str:
    """Where the caller gets the next page: the same question with another cursor, without the host."""
    asked = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "cursor"]
    # A colon need not be escaped in a query (RFC 3986, section 3.4), and times have many.
    return f"{public_path(url)}?{urlencode([*kept, ('cursor', cursor)], safe=':')}"


def _path_of(url: str) -> str | None:
    """The path of the API that an address fits; None when it is none."""
    segments = [unquote(each) for each in urlsplit(url).path.strip("/").split("/")[1:]]
    return next((path for path in PATHS if _fits(path.split("/"), segments)), None)


def _fits(path: list[str], segments: list[str]) -> bool:
    return len(path) == len(segments) and all(
        wanted.startswith("{") or wanted == segment.lower()
        for wanted, segment in zip(path, segments, strict=True)
    )
