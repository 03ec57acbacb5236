"""The app's identity: the managed one in Azure and no other, within its limits."""

import pytest
from azure.core.exceptions import AzureError
from azure.identity import AzureCliCredential, ManagedIdentityCredential

from shared import limits
from shared.outside import identity
from tests.doubles import faulty
from tests.doubles.faulty import Faulty

CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000e1"


@pytest.mark.parametrize("sign", ["IDENTITY_ENDPOINT", "WEBSITE_INSTANCE_ID"])
def test_in_azure_no_sign_in_of_a_developer_is_tried(sign: str) -> None:
    assert isinstance(identity.credential(CLIENT_ID, {sign: "some"}), ManagedIdentityCredential)


def test_elsewhere_the_azure_cli_is_signed_in_and_nothing_else() -> None:
    assert isinstance(identity.credential(CLIENT_ID, {}), AzureCliCredential)


def test_an_identity_that_accepts_and_never_answers_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Faulty(fault="silent") as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{endpoint.port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "unused")
        credential = identity.credential(CLIENT_ID)

        with faulty.at_most(limits.TOKEN.in_all), pytest.raises(AzureError):
            credential.get_token("https://storage.azure.com/.default")

    assert endpoint.accepted == limits.TOKEN.tries
