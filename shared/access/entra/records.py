"""Microsoft Graph's records, reduced to the fields that are used, under Graph's own names.

A field of an unexpected type counts as missing. Only a record without its id cannot be read.
"""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


def lowered(value: object) -> str:
    """Return a text in lower case if it is ASCII.

    Some other letters, such as the Kelvin sign, would become ASCII and yield another address.
    """
    if not isinstance(value, str):
        return ""
    return value.lower() if value.isascii() else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _records(value: object) -> list[object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _record(value: object) -> object:
    return value if isinstance(value, dict) else {}


Lowered = Annotated[str, BeforeValidator(lowered)]
Id = Annotated[str, BeforeValidator(lowered), Field(min_length=1)]
Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Enabled = Annotated[bool, BeforeValidator(lambda value: value is True)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class UserModel(_Model):
    """A user: https://learn.microsoft.com/graph/api/resources/user"""

    id: Id
    account_enabled: Enabled = False
    mail: Lowered = ""
    other_mails: Texts = ()
    user_principal_name: Lowered = ""


class AppRoleModel(_Model):
    """A role that an application defines."""

    id: Lowered = ""
    value: Text = ""
    allowed_member_types: Texts = ()
    is_enabled: Enabled = False


class ServicePrincipalModel(_Model):
    """An enterprise application."""

    id: Id
    app_roles: Annotated[tuple[AppRoleModel, ...], BeforeValidator(_records)] = ()


class AssignmentModel(_Model):
    """The assignment of an application's role to a user."""

    principal_id: Lowered = ""
    app_role_id: Lowered = ""


class InvitedUserModel(_Model):
    """The guest that an invitation created."""

    id: Id


class InvitationModel(_Model):
    """An invitation that was sent: https://learn.microsoft.com/graph/api/resources/invitation"""

    invited_user_email_address: Lowered = ""
    invited_user: Annotated[InvitedUserModel, BeforeValidator(_record)]


class ErrorModel(_Model):
    """The `error` of a refusal: https://learn.microsoft.com/graph/errors"""

    code: Text = ""
    message: Text = ""
