"""What stands in the custom properties of customers, by customer guid: pure.

A value that cannot be read is never taken for none: an empty property with metering points may mean that
a customer shows everything.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from shared.access.severa import entries
from shared.access.severa.register import Register

NO_TEXT = "Severa gave a value that is no text, so it lets nobody in"
UNKNOWN_PROPERTY = (
    "Severa gave a value of a custom property that it does not define, which may be this one, "
    "so it lets nobody in"
)


def texts(register: Register, property_name: str) -> dict[str, list[str]]:
    """The texts in one custom property that are not blank."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for value in register.custom_values:
        if value.property_name == property_name and value.value.strip():
            found[value.customer_guid].append(value.value)
    return dict(found)


def unreadable(register: Register, property_name: str) -> Mapping[str, tuple[str, ...]]:
    """The problems with values of one custom property, or of an unknown one that may be this."""
    problems: defaultdict[str, list[str]] = defaultdict(list)
    for value in register.unreadable_values:
        if value.property_name in ("", property_name):
            problems[value.customer_guid].append(NO_TEXT if value.property_name else UNKNOWN_PROPERTY)
    return {guid: tuple(each) for guid, each in problems.items()}


def metering_points(register: Register, property_name: str) -> dict[str, entries.MeteringPoints]:
    """What the property with metering points asks for, of customers where anything stands in it.

    What cannot be read asks for nothing, and leaves what can be read beside it as it is.
    """
    asked = {guid: entries.metering_points(each) for guid, each in texts(register, property_name).items()}
    for guid, problems in unreadable(register, property_name).items():
        read = asked.get(guid, entries.MeteringPoints({}, {}, ()))
        asked[guid] = replace(read, problems=(*read.problems, *problems))
    return dict(sorted(asked.items()))
