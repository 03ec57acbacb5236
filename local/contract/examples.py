"""Examples for the reference: real answers, made from the demo world by `python -m local.contract.examples`."""

from collections.abc import Mapping
from typing import Any


def of(operation_id: str) -> Mapping[tuple[int, str], Mapping[str, Any]]:
    return {}
