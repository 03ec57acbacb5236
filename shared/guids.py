"""GUIDs, with which Entra identifies applications, users and managed identities."""

import re

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NIL = "00000000-0000-0000-0000-000000000000"


def is_guid(text: str) -> bool:
    """Return whether a text is a lower-case GUID other than the nil GUID, which identifies nobody."""
    return bool(_GUID.fullmatch(text)) and text != _NIL
