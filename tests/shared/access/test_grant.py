"""The names of principals, and the text of a change."""

import pytest

from shared.access import grant
from tests.builders.access import guid


def test_a_principal_is_named_by_a_guid_in_lower_case() -> None:
    assert grant.app(guid(1).upper()) == f"app:{guid(1)}"
    assert grant.user(guid(70).upper()) == f"user:{guid(70)}"


@pytest.mark.parametrize("text", ["", "kari@fjord.example", guid(1)[:-1], f"{guid(1)}\n", f"{{{guid(1)}}}"])
def test_a_principal_cannot_be_named_by_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="named by a GUID"):
        grant.app(text)
    with pytest.raises(ValueError, match="named by a GUID"):
        grant.user(text)
