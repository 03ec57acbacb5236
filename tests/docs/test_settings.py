"""The guides name every setting, with the default that it has."""

import re

import pytest

from local import demo, places
from shared import settings

GUIDES = {path.name: path.read_text(encoding="utf-8") for path in (places.ROOT / "docs").glob("*.md")}
NEEDED = {
    "WAREHOUSE": "duckdb:metering.duckdb",
    "TABLE_STORAGE": "https://account.table.core.windows.net",
    "SEVERA_CLIENT_ID": "severa",
    "SEVERA_CLIENT_SECRET": "hush",
    **demo.ACCESS_SETTINGS,
}
ELSEWHERE = {"TELEMETRY", "APPLICATIONINSIGHTS_CONNECTION_STRING"}
"""Settings that the same guide names where it describes metrics and traces."""
DEFAULTS = dict(re.findall(r"^\| `([A-Z_]+)` \| (`[^`]+`|none) \|", GUIDES["operations.md"], re.MULTILINE))


def named(guide: str) -> set[str]:
    return set(re.findall(r"\b[A-Z][A-Z_]+\b", guide))


def test_every_setting_is_named_in_a_guide() -> None:
    documented = set().union(*map(named, GUIDES.values()))

    assert set(settings.names()) - documented == set()


def test_the_table_has_what_no_other_guide_names_and_nothing_else() -> None:
    others = set().union(*(described(text) for name, text in GUIDES.items() if name != "operations.md"))

    assert DEFAULTS.keys() == set(settings.names()) - others - ELSEWHERE


def described(guide: str) -> set[str]:
    """Return the names that a guide describes; a command that sets one is no description."""
    return named(re.sub(r" --settings [A-Z_]+=", " ", guide))


@pytest.mark.parametrize(
    "name", sorted(name for name in DEFAULTS.keys() - set(settings.SCHEDULES) if DEFAULTS[name] != "none")
)
def test_a_default_in_the_table_is_what_the_app_takes_without_the_setting(name: str) -> None:
    documented = settings.from_environment({**NEEDED, name: DEFAULTS[name].strip("`")})

    assert documented == settings.from_environment(NEEDED)


def test_what_has_no_default_in_the_table_is_nothing_without_the_setting() -> None:
    read = settings.from_environment(NEEDED)

    assert {name for name, default in DEFAULTS.items() if default == "none"} == {
        *("AZURE_CLIENT_ID", "ENTRA_API_APP_ID", "ENTRA_INVITE_REDIRECT_URL"),
        *("OUTBOX_STORAGE", "QUEUE_STORAGE"),
    }
    assert read.identity_client_id is None
    assert read.outbox is None
    assert (read.directory.api_app_id, read.directory.invite_redirect_url) == (None, None)
