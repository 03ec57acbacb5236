"""Where the local stack reads and keeps its things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

STATE = ROOT / ".local"
"""Everything that the local stack makes; ignored by git, safe to delete while nothing runs."""
