"""Links of the outbox: signed with a key of the app's identity where there are identities."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, ContainerClient, UserDelegationKey

from shared.files import outbox
from shared.files.outbox import Outbox, OutboxUnavailable

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
ENDPOINT = "https://outbox.blob.example"
PATH = "exports/app-1/ex_1/values.csv"


class Account:
    """A storage account in Azure, where accounts have no shared keys."""

    account_name = "outbox"
    credential = SimpleNamespace()

    def __init__(self) -> None:
        self.keys: list[tuple[datetime, datetime]] = []
        self.refuses = False

    def get_container_client(self, container: str) -> ContainerClient:
        """Return a client, which sends nothing while it only names addresses."""
        return ContainerClient(ENDPOINT, container)

    def get_user_delegation_key(self, starts: datetime, ends: datetime) -> UserDelegationKey:
        """Give a key, as the service does to an identity with the right."""
        if self.refuses:
            raise HttpResponseError("planted")
        self.keys.append((starts, ends))
        key = UserDelegationKey()  # type: ignore[no-untyped-call]  # The package's class has no types.
        key.signed_oid, key.signed_tid = "object-of-the-app", "tenant"
        key.signed_start, key.signed_expiry = f"{starts:%FT%TZ}", f"{ends:%FT%TZ}"
        key.signed_service, key.signed_version = "b", "2025-11-05"
        key.value = "c2VjcmV0"
        return key


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def files(account: Account) -> Outbox:
    return Outbox(cast(BlobServiceClient, account), container="outbox")


def parameters(link: str) -> dict[str, Any]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def test_a_link_is_signed_for_the_identity_and_reads_one_file_for_a_quarter_of_an_hour(files: Outbox) -> None:
    link = files.link(PATH, now=NOW)

    assert link.startswith(f"{ENDPOINT}/outbox/{PATH}?")
    found = parameters(link)
    assert (found["skoid"], found["sp"], found["sr"]) == ("object-of-the-app", "r", "b")
    assert (found["st"], found["se"]) == ("2026-11-29T08:55:00Z", "2026-11-29T09:15:00Z")
    assert found["rscd"] == 'attachment; filename="values.csv"'


def test_a_key_signs_links_until_an_hour_before_its_end(files: Outbox, account: Account) -> None:
    for hours in (0, 2, 5):
        files.link(PATH, now=NOW + timedelta(hours=hours))
    assert account.keys == [(NOW - timedelta(minutes=5), NOW + timedelta(hours=6))]

    files.link(PATH, now=NOW + timedelta(hours=5, minutes=1))

    assert len(account.keys) == 2


def test_an_account_that_gives_no_key_is_unavailable_and_its_message_stays_inside(
    files: Outbox, account: Account
) -> None:
    account.refuses = True

    with pytest.raises(
        OutboxUnavailable, match=r"^The outbox did not answer as expected: HttpResponseError$"
    ):
        files.link(PATH, now=NOW)


def test_an_endpoint_in_azure_is_used_with_the_apps_identity() -> None:
    class Requested(Exception):
        pass

    class Identity:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            """Note that a token was requested, before anything is sent."""
            raise Requested

    opened = outbox.open_outbox(ENDPOINT, credential=cast(Any, Identity()))

    with pytest.raises(Requested):
        opened.link(PATH, now=NOW)
