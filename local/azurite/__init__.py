"""Azurite, Microsoft's storage emulator: installed from a lock file, started, and ended with its owner."""
