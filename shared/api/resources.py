"""The paths of the API, and what may be done with them. Each can be read, and nothing else."""

from urllib.parse import urlsplit

from shared.api.problems import Refused

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


def options(method: str, url: str) -> dict[str, str]:
    """The headers that answer OPTIONS for a path of the API.

    Raises:
        Refused: 404 for a path that is none, 405 for every other method.
    """
    segments = urlsplit(url).path.strip("/").split("/")[1:]
    if not any(_fits(path.split("/"), segments) for path in PATHS):
        raise Refused("unknown-path", "Nothing is served at this path. The documentation lists what is.")
    allow = {"Allow": ", ".join(READ)}
    if method.upper() != "OPTIONS":
        raise Refused("method-not-allowed", "The API is read with GET; HEAD and OPTIONS are answered too.",
                      headers=allow)  # fmt: skip
    return allow


def _fits(path: list[str], segments: list[str]) -> bool:
    return len(path) == len(segments) and all(
        wanted.startswith("{") or wanted == segment.lower()
        for wanted, segment in zip(path, segments, strict=True)
    )
