"""Microsoft's tools for a test that needs one."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from local import tools

T = TypeVar("T")


def needed(find: Callable[[], T]) -> T:
    """Return a tool, as in `needed(tools.HERE.bicep)`.

    Where the tool is missing the test is skipped, or fails when tools are required (REQUIRE_TOOLS=1).
    """
    try:
        return find()
    except tools.Missing as error:
        if tools.HERE.required:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
