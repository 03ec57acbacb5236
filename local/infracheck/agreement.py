"""Whether the infrastructure says the same as the code: settings, policies, operations, alerts, package."""

import fnmatch
import re
from collections.abc import Iterable, Mapping

HOST_SETTINGS = (
    *("AzureWebJobsStorage", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "FUNCTIONS_"),
    *("IDENTITY_", "OTEL_", "PYTHON_"),
)
"""Beginnings of settings that the host, its Python worker and the libraries read; the app never does.

Azure sets those of the managed identity (IDENTITY_) itself; locally the sample stands in for it.
"""


def differing_settings(*, app: Iterable[str], bicep: Iterable[str], sample: Iterable[str]) -> list[str]:
    """Settings that the app reads, that Bicep sets and that the local sample shows must be the same."""
    read = set(app)
    places = {"Bicep": set(bicep), "local.settings.sample.json": set(sample)}
    findings = []
    for place, names in places.items():
        ours = {name for name in names if not name.startswith(HOST_SETTINGS)}
        findings += [f"{name} is read by the app and missing in {place}." for name in sorted(read - ours)]
        findings += [f"{name} is set in {place} and not read by the app." for name in sorted(ours - read)]
    return findings


_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NAMED_VALUE = re.compile(r"\{\{([^{}]+)\}\}")
_INCLUDE = re.compile(r'<include-fragment\s+fragment-id="([^"]+)"')


def differing_named_values(policies: Mapping[str, str], *, defined: Iterable[str]) -> list[str]:
    """Named values that a policy (by path) uses and that are not defined, and those defined for nothing."""
    return _differing(policies, pattern=_NAMED_VALUE, defined=defined, kind="named value")


def differing_fragments(policies: Mapping[str, str], *, defined: Iterable[str]) -> list[str]:
    """Fragments that a policy (by path) includes and that are not defined, and those defined for nothing."""
    return _differing(policies, pattern=_INCLUDE, defined=defined, kind="fragment")


def _differing(
    policies: Mapping[str, str], *, pattern: re.Pattern[str], defined: Iterable[str], kind: str
) -> list[str]:
    known, used = set(defined), set[str]()
    findings = []
    for path, text in sorted(policies.items()):
        names = set(pattern.findall(_COMMENT.sub("", text)))
        used |= names
        findings += [
            f"{path} uses the {kind} {name}, which is not defined." for name in sorted(names - known)
        ]
    return findings + [f"The {kind} {name} is defined and not used." for name in sorted(known - used)]


Operation = tuple[str, str]
"""Method and path, as ('GET', '/customers')."""

NOT_EXPOSED = frozenset({("GET", "/health"), ("HEAD", "/health")})
"""Routes for the platform's probes; the gateway does not serve them."""

_ANY_PATH = re.compile(r"/\{\*\w+\}")
"""The route for what is no resource: the gateway answers that itself."""


def differing_operations(*, app: Iterable[Operation], openapi: Iterable[Operation]) -> list[str]:
    """Routes without an operation (the gateway answers 404) and operations without a route."""
    ours = {each for each in app if each not in NOT_EXPOSED and not _ANY_PATH.fullmatch(each[1])}
    documented = set(openapi)
    return [
        *(f"{method} {path} is a route without operation." for method, path in sorted(ours - documented)),
        *(f"{method} {path} is an operation without route." for method, path in sorted(documented - ours)),
    ]


_FUNCTION_NAME = re.compile(r'\bName == "(\w+)"')


def unknown_functions(queries: Mapping[str, str], *, known: Iterable[str]) -> list[str]:
    """Alerts (by path) that watch a function which the app does not have: they fire never, or always."""
    names = set(known)
    return [
        f"{path} watches {name}, which is not a function of the app."
        for path, text in sorted(queries.items())
        for name in sorted(set(_FUNCTION_NAME.findall(text)) - names)
    ]


_LOG_LINE = re.compile(r'\bMessage startswith "([^"]+)"(?: and Message has "([^"]+)")?')


def unlogged_lines(queries: Mapping[str, str], *, sources: Iterable[str]) -> list[str]:
    """Alerts (by path) that look for a log line which no source of the app writes."""
    texts = list(sources)
    return [
        f'{path} looks for log lines "{_shown(start, words)}", which the app does not write.'
        for path, text in sorted(queries.items())
        for start, words in _LOG_LINE.findall(text)
        if not any(_logging(start, words).search(source) for source in texts)
    ]


def _shown(start: str, words: str) -> str:
    return f"{start}… {words}" if words else start


def _logging(start: str, words: str) -> re.Pattern[str]:
    """A call that logs a text which starts so, and has the words."""
    return re.compile(rf'\blog\.(?:info|warning|error)\(\s*"{re.escape(start)}[^"]*{re.escape(words)}')


_HEADING = re.compile(r"^#+ `?([\w-]+)`?\s*$", re.MULTILINE)


def alerts_without_advice(alerts: Iterable[str], *, guide: str) -> list[str]:
    """Alerts for which the operators' guide has no section with their name."""
    headings = set(_HEADING.findall(guide))
    return [f"docs/operations.md has no section {alert}." for alert in sorted(set(alerts) - headings)]


def left_in_package(entries: Iterable[str], *, ignored: Iterable[str], deployed: Iterable[str]) -> list[str]:
    """What would be deployed though it should not, and what is kept out though the app needs it.

    `entries` are the names in the project's root, `ignored` the lines of .funcignore.
    """
    patterns = [line.strip().rstrip("/") for line in ignored if line.strip() and not line.startswith("#")]
    kept = {entry for entry in entries if not any(fnmatch.fnmatchcase(entry, p) for p in patterns)}
    wanted = set(deployed)
    return [
        *(f"{entry} would be deployed; name it in .funcignore." for entry in sorted(kept - wanted)),
        *(f"{entry} is needed and missing, or kept out by .funcignore." for entry in sorted(wanted - kept)),
    ]
