"""Questions about the stored grants: a principal, an e-mail address, a customer or a metering point."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import metering
from shared.access import grant
from shared.access.entra.users import ContactEmail
from shared.access.grant import Grant
from shared.metering import InvalidMeteringPointId, parse_metering_point_id

_LONGEST_CUSTOMER_NUMBER = 10


@dataclass(frozen=True)
class Question:
    """Which grants are wanted. A field that is None matches any grant; `text` is as it was typed."""

    text: str
    principals: frozenset[str] | None = None
    customer_number: int | None = None
    metering_point_id: str | None = None
    customer_name: str | None = None

    @property
    def problem(self) -> str | None:
        """Why no grant can match the question, such as a wrong check digit; None if one may."""
        if self.principals == frozenset():
            return f"No user is bound to the address {self.text}."
        if self.metering_point_id is None:
            return None
        try:
            parse_metering_point_id(self.metering_point_id)
        except InvalidMeteringPointId as error:
            return f"{self.text} is not a metering point: {error}."
        return None

    def matches(self, grant: Grant) -> bool:
        """Return whether a grant matches."""
        return (
            (self.principals is None or grant.principal in self.principals)
            and (self.customer_number is None or grant.customer_number == self.customer_number)
            and (self.metering_point_id is None or grant.metering_point_id == self.metering_point_id)
            and (self.customer_name is None or self.customer_name in grant.customer_name.casefold())
        )


def parse(text: str, *, users: Mapping[ContactEmail, str]) -> Question:
    """Return the question of one word; what is not a principal, number or address is part of a name."""
    word = text.strip()
    lowered = word.lower()
    if word.isdecimal() and len(word) > _LONGEST_CUSTOMER_NUMBER:
        return Question(word, metering_point_id=word)
    if word.isdecimal():
        return Question(word, customer_number=int(word))
    if "@" in word:
        return Question(word, principals=principals_of_email(lowered, users=users))
    if metering.is_guid(lowered.removeprefix("app:").removeprefix("user:")):
        named = {lowered} if ":" in lowered else {f"app:{lowered}", f"user:{lowered}"}
        return Question(word, principals=frozenset(named))
    return Question(word, customer_name=word.casefold())


def principals_of_email(email: str, *, users: Mapping[ContactEmail, str]) -> frozenset[str]:
    """Return the users who are bound to an address; none if no contact person has it."""
    return frozenset(
        grant.user(object_id) for contact, object_id in users.items() if contact.email == email.lower()
    )
