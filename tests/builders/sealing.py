"""Keys that seal cursors in tests."""

from shared.api.parameters import Seals

SEALS = Seals([b"thirty-two bytes that seal tests"])
