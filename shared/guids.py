"""GUIDs as Entra names applications, users and managed identities with them."""

import re

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NIL = "00000000-0000-0000-0000-000000000000"


def is_guid(text: str) -> bool:
    """Whether a text is a GUID, in lower case, that can name somebody: the nil GUID names nobody."""
    return bool(_GUID.fullmatch(text)) and text != _NIL
