"""Maps what Severa, Entra and the warehouse hold to the wanted grants. Pure.

Nothing is granted by default. A record with a fault grants nothing and does not affect the others; its fault
names the customer and what to do.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared import foreign, metering
from shared.access import grant
from shared.access.entra.users import ContactEmail, Directory, contact_email
from shared.access.grant import Grant, GrantKey, Spans, cut_spans, spans_text, spans_without
from shared.access.severa import severa_fields
from shared.access.severa.severa_register import ContactPerson, Customer, SeveraRegister
from shared.access.sync import faults, supply_by_customer, unknown_customers
from shared.access.sync.faults import Fault, FaultKind
from shared.access.sync.supply_by_customer import Points, SupplyByCustomer, SupplyPeriod
from shared.metering import MeteringPointId

_NAME_CHARACTERS = 200
_OTHERS_SHOWN = 5

MAX_PERIODS = 100
"""Periods of one customer at one metering point: a stored row has room for thousands of characters, and a
customer that moved in and out a hundred times is a fault of the data."""


@dataclass(frozen=True)
class Fields:
    """The names, in this company's Severa, of the fields that decide access."""

    client_ids: str = "API client id"
    metering_points: str = "API metering points"
    contact_role: str = "API"


@dataclass(frozen=True)
class Wanted:
    """The grants that should exist, and the faults that were found.

    `restricted` are the numbers of the customers who may show less than they are supplied with, since the
    property with metering points has a value, readable or not. A customer with a value of an unknown property
    shows nothing in this run, but is not restricted: the value may be of any property. `restricted` is empty
    where Severa alone decides which metering points a customer has.
    """

    grants: Mapping[GrantKey, Grant]
    faults: tuple[Fault, ...]
    restricted: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Sources:
    """The register by customer guid, and what the other two sources hold.

    `supply` is by customer number if `by_supply`, else by customer guid. `names` has the number of each
    customer by guid, as a report names the customer.
    """

    fields: Fields
    directory: Directory
    numbers: Counter[int | None]
    names: Mapping[str, str]
    client_ids: Mapping[str, Sequence[str]]
    unreadable_client_ids: Mapping[str, Sequence[str]]
    persons: Mapping[str, Sequence[ContactPerson]]
    requested: Mapping[str, severa_fields.MeteringPoints]
    supply: SupplyByCustomer
    by_supply: bool


def users_to_find(register: SeveraRegister, *, fields: Fields) -> tuple[ContactEmail, ...]:
    """Return the addresses of active contact persons with the role, at active customers."""
    active = {customer.guid for customer in _active(register)}
    requested = {
        contact
        for person in register.contact_persons
        if person.customer_guid in active and has_role(person, fields)
        for contact in contacts_of(person)
    }
    return tuple(sorted(requested))


def wanted(
    register: SeveraRegister,
    *,
    directory: Directory,
    fields: Fields,
    supply_periods: Sequence[SupplyPeriod] | None,
) -> Wanted:
    """Return the wanted grants. `supply_periods` is None where Severa alone decides who has what."""
    sources = _arranged(register, directory=directory, fields=fields, supply_periods=supply_periods)
    found: list[Fault] = list(_missing_fields(register, fields, by_supply=sources.by_supply))
    grants: dict[GrantKey, Grant] = {}
    for customer in _active(register):
        given, its_faults = _of_customer(customer, sources)
        found += its_faults
        grants.update({each.key: each for each in given})
    found += unknown_customers.faults(register, supply_periods or ())
    with_value = severa_fields.customers_with_value(register, fields.metering_points)
    restricted = {
        customer.number
        for customer in _active(register)
        if sources.by_supply and customer.guid in with_value and customer.number is not None
    }
    return Wanted(grants=grants, faults=tuple(sorted(set(found))), restricted=frozenset(restricted))


def _arranged(
    register: SeveraRegister,
    *,
    directory: Directory,
    fields: Fields,
    supply_periods: Sequence[SupplyPeriod] | None,
) -> _Sources:
    active = _active(register)
    guids = {customer.guid for customer in active}
    every = severa_fields.metering_points(register, fields.metering_points)
    requested = {guid: each for guid, each in every.items() if guid in guids}
    persons: defaultdict[str, list[ContactPerson]] = defaultdict(list)
    for person in register.contact_persons:
        if has_role(person, fields):
            persons[person.customer_guid].append(person)
    return _Sources(
        fields=fields,
        directory=directory,
        numbers=Counter(customer.number for customer in active),
        names={each.guid: str(each.number or f"without number ({each.guid})") for each in active},
        client_ids=severa_fields.texts(register, fields.client_ids),
        unreadable_client_ids=severa_fields.unreadable(register, fields.client_ids),
        persons=persons,
        requested=requested,
        supply=(
            supply_by_customer.from_severa(
                {guid: each.points for guid, each in requested.items()},
                claims={guid: each.claims for guid, each in requested.items()},
            )
            if supply_periods is None
            else supply_by_customer.from_warehouse(supply_periods)
        ),
        by_supply=supply_periods is not None,
    )


def _of_customer(customer: Customer, sources: _Sources) -> tuple[list[Grant], list[Fault]]:
    """Return a customer's grants and faults: neither if its fields in Severa name nobody."""
    principals, access_faults = _principals(customer, sources)
    if not principals and not access_faults:
        return [], []
    number_faults = _number_faults(customer, sources)
    points, point_faults = _points(customer, sources)
    found = [*access_faults, *number_faults, *point_faults]
    if number_faults or customer.number is None:
        return [], found
    source = _source(customer, sources)
    return [
        Grant(
            principal=principal,
            metering_point_id=point,
            customer_number=customer.number,
            customer_name=foreign.one_line(customer.name)[:_NAME_CHARACTERS],
            spans=permitted,
            why=f"{why}; {source}",
        )
        for principal, why in principals.items()
        for point, permitted in points.items()
    ], found


def _principals(customer: Customer, sources: _Sources) -> tuple[dict[str, str], list[Fault]]:
    """Return the principals to whom the customer gives access, each with the field that does so."""
    fields = sources.fields
    named = severa_fields.read_client_ids(sources.client_ids.get(customer.guid, ()))
    found = [
        faults.fault(customer, FaultKind.CLIENT_ID, f"'{fields.client_ids}': {problem}; correct it in Severa")
        for problem in (*named.problems, *sources.unreadable_client_ids.get(customer.guid, ()))
    ]
    principals = {grant.app(client_id): fields.client_ids for client_id in named.ids}
    for person in sources.persons.get(customer.guid, ()):
        contacts = contacts_of(person)
        if not contacts:
            text = f"contact person {person.name} has the role '{fields.contact_role}' but no e-mail; add one"
            found.append(faults.fault(customer, FaultKind.NO_EMAIL, text))
        for contact in contacts:
            object_id = sources.directory.users.get(contact)
            if object_id is None or not metering.is_guid(object_id):
                found.append(faults.fault(customer, FaultKind.USER, user_text(contact, sources.directory)))
            else:
                principals.setdefault(grant.user(object_id), f"contact role {fields.contact_role}")
    return principals, found


def user_text(contact: ContactEmail, directory: Directory) -> str:
    """Return why a contact person's address gives nobody access, as its fault says it."""
    fault = directory.faults.get(contact)
    return f"{contact.email}: {fault or 'was not looked up in Entra; see ENTRA_PROVISIONING'}"


def _number_faults(customer: Customer, sources: _Sources) -> list[Fault]:
    if customer.number is None or customer.number <= 0:
        text = "gives API access but has no customer number of 1 to 18 digits; give it one in Severa"
        return [faults.fault(customer, FaultKind.NO_NUMBER, text)]
    if sources.numbers[customer.number] > 1:
        text = "another active customer has the same customer number; correct one of them in Severa"
        return [faults.fault(customer, FaultKind.DUPLICATE_NUMBER, text)]
    return []


def _points(customer: Customer, sources: _Sources) -> tuple[Points, list[Fault]]:
    """Return the customer's metering points, without the days that another customer has as well."""
    field = sources.fields.metering_points
    requested = sources.requested.get(customer.guid)
    key = str(customer.number) if sources.by_supply else customer.guid
    supplied = sources.supply.points.get(key, {})
    found = [
        faults.fault(customer, FaultKind.METERING_POINT, f"'{field}': {problem}; correct it in Severa")
        for problem in (requested.problems if requested else ())
    ]
    found += [
        faults.fault(
            customer,
            FaultKind.METERING_POINT,
            f"the warehouse's supply period of '{text}' is of no metering point",
        )
        for text in sources.supply.invalid.get(key, ())
    ]
    if not supplied and not found:
        found.append(faults.fault(customer, FaultKind.NO_METERING_POINTS, _no_points_text(sources)))
    restricted = supplied
    if sources.by_supply and requested is not None:
        restricted, unsupplied = _restricted(supplied, requested.points)
        found += [faults.fault(customer, FaultKind.NOT_SUPPLIED, f"'{field}': {text}") for text in unsupplied]
    permitted, overlaps = _unshared(restricted, key, sources)
    found += [faults.fault(customer, FaultKind.OVERLAP, text) for text in overlaps]
    kept = {point: days for point, days in permitted.items() if len(days) <= MAX_PERIODS}
    found += [
        faults.fault(
            customer,
            FaultKind.METERING_POINT,
            f"{point} has {len(days)} periods, more than the {MAX_PERIODS} that can be kept, so nobody may "
            "read it; correct them in Severa or the warehouse",
        )
        for point, days in permitted.items()
        if point not in kept
    ]
    return kept, found


def _restricted(supplied: Points, requested: Points) -> tuple[Points, list[str]]:
    """Return the requested days that are supplied, and a text for each metering point without any."""
    restricted: dict[MeteringPointId, Spans] = {}
    in_vain = []
    for point, days in requested.items():
        if both := cut_spans(supplied.get(point, ()), days):
            restricted[point] = both
        else:
            in_vain.append(
                f"the customer was not supplied at {point} in {spans_text(days)}; "
                "correct it in Severa, or the supply period in the warehouse"
            )
    return restricted, in_vain


def _unshared(points: Points, key: str, sources: _Sources) -> tuple[Points, list[str]]:
    """Return the days that no other customer has, and a text for each metering point with other days."""
    shared = sources.supply.shared.get(key, {})
    permitted: dict[MeteringPointId, Spans] = {}
    overlaps = []
    for point, days in points.items():
        both = cut_spans(days, shared.get(point, ()))
        if both:
            overlaps.append(
                f"{_others_have(point, both, key, sources)} {point} in {spans_text(both)} too, so nobody may "
                "read those days; write in Severa or the warehouse when each of them has it"
            )
        if left := spans_without(days, both):
            permitted[point] = left
    return permitted, overlaps


def _others_have(point: MeteringPointId, days: Spans, key: str, sources: _Sources) -> str:
    """Return the other customers who have any of the days, such as `customers 10001, 10002 have`."""
    others = sorted(
        sources.names.get(other, other)
        for other, spans in sources.supply.holders[point].items()
        if other != key and cut_spans(days, spans)
    )
    if len(others) == 1:
        return f"customer {others[0]} has"
    more = f" and {len(others) - _OTHERS_SHOWN} more" if len(others) > _OTHERS_SHOWN else ""
    return f"customers {', '.join(others[:_OTHERS_SHOWN])}{more} have"


def _no_points_text(sources: _Sources) -> str:
    if sources.by_supply:
        return "gives API access, but the warehouse has no supply period for this customer number; load it"
    return (
        f"gives API access, but has no metering points; fill in '{sources.fields.metering_points}' in Severa"
    )


def _source(customer: Customer, sources: _Sources) -> str:
    if not sources.by_supply:
        return sources.fields.metering_points
    return (
        f"supply period and {sources.fields.metering_points}"
        if customer.guid in sources.requested
        else "supply period"
    )


def _missing_fields(register: SeveraRegister, fields: Fields, *, by_supply: bool) -> Iterator[Fault]:
    """Yield a fault for each property that is not defined: it was renamed, or not made yet."""
    for name, effect in (
        (fields.client_ids, "no application gets access"),
        (fields.metering_points, "no customer can be restricted" if by_supply else "nobody gets access"),
    ):
        if name not in register.property_names:
            text = (
                f"is not defined for customers, so {effect}; define it, or correct the setting that names it"
            )
            yield Fault(f"custom property '{name}'", FaultKind.NO_FIELD, text)


def _active(register: SeveraRegister) -> list[Customer]:
    return [customer for customer in register.customers if customer.is_active]


def has_role(person: ContactPerson, fields: Fields) -> bool:
    """Return whether an active contact person has the role that gives API access."""
    if not person.is_active or person.is_deleted or person.role_name is None:
        return False
    return person.role_name.strip().casefold() == fields.contact_role.strip().casefold()


def contacts_of(person: ContactPerson) -> list[ContactEmail]:
    """Return a contact person's addresses, without blank ones."""
    return [contact_email(contact_guid=person.guid, email=email) for email in person.emails if email.strip()]
