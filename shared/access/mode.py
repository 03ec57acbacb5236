"""The settings that decide who may see what; a run in a new mode is held back."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Mode:
    """How a run of the access sync reads its sources. Each field is the setting of that name in capitals."""

    metering_point_source: str
    entra_provisioning: str
    severa_client_ids_property: str
    severa_metering_points_property: str
    severa_contact_role: str


def differences(mode: Mode, *, before: Mode) -> list[str]:
    """Return the differences, such as `METERING_POINT_SOURCE is 'warehouse' and was 'severa'`."""
    return [
        f"{field.name.upper()} is '{getattr(mode, field.name)}' and was '{getattr(before, field.name)}'"
        for field in fields(Mode)
        if getattr(mode, field.name) != getattr(before, field.name)
    ]


def to_columns(mode: Mode) -> dict[str, str]:
    """Return the mode as columns of a stored run."""
    return {f"mode_{name}": value for name, value in asdict(mode).items()}


def from_columns(entity: dict[str, object]) -> Mode | None:
    """Return the mode of a stored run; None if any column is missing."""
    values = [entity.get(f"mode_{field.name}") for field in fields(Mode)]
    if None in values:
        return None
    return Mode(*(str(value) for value in values))
