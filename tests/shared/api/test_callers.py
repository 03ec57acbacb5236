import pytest

from shared.api import callers
from shared.api.problems import Refused

GATEWAY = "5a5e0000-0000-4000-8000-0000000000a1"
CALLER = "5a5e0000-0000-4000-8000-0000000000c1"
GENUINE = {"x-ms-client-principal-id": GATEWAY, "x-caller-type": "app", "x-caller-id": CALLER}


def test_the_caller_is_whom_the_gateway_names() -> None:
    caller = callers.identify(GENUINE, gateway_principal_id=GATEWAY, authentication_enabled=True)

    assert caller.principal == f"app:{CALLER}"


def test_ids_are_compared_whatever_their_case() -> None:
    headers = {
        "x-ms-client-principal-id": GATEWAY.upper(),
        "x-caller-type": "user",
        "x-caller-id": CALLER.upper(),
    }

    assert (
        callers.identify(headers, gateway_principal_id=GATEWAY, authentication_enabled=True).principal
        == f"user:{CALLER}"
    )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"x-ms-client-principal-id": ""}, "not-from-gateway"),
        ({"x-ms-client-principal-id": CALLER}, "not-from-gateway"),
        ({"x-caller-type": ""}, "unknown-caller"),
        ({"x-caller-type": "App"}, "unknown-caller"),
        ({"x-caller-type": "admin"}, "unknown-caller"),
        ({"x-caller-id": ""}, "unknown-caller"),
        ({"x-caller-id": "*"}, "unknown-caller"),
        ({"x-caller-id": f"{CALLER},{CALLER}"}, "unknown-caller"),
    ],
)
def test_anybody_else_is_refused(changed: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        callers.identify({**GENUINE, **changed}, gateway_principal_id=GATEWAY, authentication_enabled=True)

    assert refused.value.code == code


def test_an_app_that_does_not_know_its_gateway_lets_nobody_in() -> None:
    with pytest.raises(Refused) as refused:
        callers.identify(
            {**GENUINE, "x-ms-client-principal-id": ""},
            gateway_principal_id=None,
            authentication_enabled=True,
        )

    assert refused.value.code == "gateway-not-configured"
    assert refused.value.headers == {"Retry-After": "300"}


def test_without_authentication_a_forged_principal_is_not_believed() -> None:
    with pytest.raises(Refused) as refused:
        callers.identify(GENUINE, gateway_principal_id=GATEWAY, authentication_enabled=False)

    assert refused.value.code == "gateway-not-configured"


def test_a_well_formed_request_id_is_kept_and_any_other_replaced() -> None:
    assert callers.request_id({"x-request-id": "abc-1.2_3"}) == "abc-1.2_3"
    for bad in ("", "a b", "a\nb", "x" * 65, "<script>"):
        assert callers.request_id({"x-request-id": bad}) != bad


@pytest.mark.parametrize(
    ("changed", "logged"),
    [
        ({}, f"app:{CALLER}"),
        ({"x-caller-id": CALLER.upper()}, f"app:{CALLER}"),
        ({"x-caller-id": "secret\nforged line"}, "unknown"),
        ({"x-caller-type": "secret"}, "unknown"),
        ({"x-caller-type": "", "x-caller-id": ""}, "unknown"),
    ],
)
def test_only_a_well_formed_caller_is_named_in_the_log(changed: dict[str, str], logged: str) -> None:
    assert callers.for_the_log({**GENUINE, **changed}) == logged


@pytest.mark.parametrize(
    ("given", "logged"),
    [
        ({}, ""),
        ({"x-subscription-id": "sub-partner"}, "sub-partner"),
        ({"x-subscription-id": "sub\nforged line"}, "unknown"),
        ({"x-subscription-id": "s" * 257}, "unknown"),
    ],
)
def test_only_a_well_formed_subscription_is_named_in_the_log(given: dict[str, str], logged: str) -> None:
    assert callers.subscription(given) == logged
