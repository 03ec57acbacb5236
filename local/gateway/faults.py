"""The two kinds of fault: a policy file that is refused at start, and a request that fails.

PolicyRefused   at start; lists every fault with file, line and reason
GatewayError    during a request; becomes context.LastError
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a policy file."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class PolicyRefused(Exception):
    """The policies are not all understood, so none of them is run."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class PolicyPlace:
    """Where a policy stands among those that run."""

    policy: str
    place: str
    scope: str
    section: str
    path: str
    policy_id: str


@dataclass
class GatewayError(Exception):
    """A request fails, by a built-in step or by a policy.

    Reasons and texts: https://learn.microsoft.com/azure/api-management/api-management-error-handling-policies.
    """

    source: str
    reason: str
    message: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    step: PolicyPlace | None = None
    """The policy at which it happened; None for a built-in step."""

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}: {self.message}"
