import pytest

from shared import guids


def test_a_guid_in_lower_case_names_somebody() -> None:
    assert guids.is_guid("0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000-0000-0000-0000-000000000000",
        "0B6F1A52-8F5E-4C7E-9F7A-3F3C1D1E2A4B",
        "{0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b}",
        "0b6f1a528f5e4c7e9f7a3f3c1d1e2a4b",
        "0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b\n",
    ],
)
def test_anything_else_names_nobody(text: str) -> None:
    assert not guids.is_guid(text)
