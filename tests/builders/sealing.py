"""Keys that seal cursors in tests."""

from shared.api.sealing import Seals

SEALS = Seals([b"thirty-two bytes that seal tests"])
