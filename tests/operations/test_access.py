"""What operators see: who may see what, since when and why, and how the portal differs."""

import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from operations import access
from operations.access_lists import portal, questions
from operations.access_lists.portal import UnreadablePortalList
from shared import tables
from shared.access.entra.users import ContactEmail
from shared.access.sync import stages
from shared.access.sync.stages import Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.tables import Tables
from tests.builders.access import Client, Clock, Entra, Person, app, guid, point, register, rules, user

KARI = "kari@fjord.example"
VENDOR = app(1)
TODAY = date(2026, 11, 22)


class Office:
    """The stored access of a bakery and a mall, and what the commands print about it."""

    def __init__(self, storage: Tables) -> None:
        self.storage = storage
        self.clock = Clock()
        self.supply: list[SupplyPeriod] | None = None

    def sync(self, *clients: Client) -> None:
        """Make the stored access that of these customers."""
        self.clock.pass_time(timedelta(hours=1))
        read, supply = register(clients), self.supply
        find = Entra({KARI: guid(70)}).find
        sources = Sources(lambda: read, find, None if supply is None else lambda: supply)
        stages.run(sources, storage=self.storage, rules=rules(self.storage), clock=self.clock)

    def ask(self, *who: str, code: int = 0) -> str:
        """Return what the command prints about somebody."""
        out = Console(file=io.StringIO(), width=250)
        assert access.answer(self.storage, who, out=out) == code
        return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]

    def compare(self, file: Path) -> tuple[int, str]:
        """What the command prints about the portal's list, and its exit code."""
        out = Console(file=io.StringIO(), width=250)
        code = access.compare(self.storage, file, today=TODAY, out=out)
        return code, out.file.getvalue()  # type: ignore[attr-defined]


BAKERY = Client(
    10001, apps=guid(1), points=f"{point(1)} 2024-05-01..", persons=(Person(7),), name="Fjordbakeriet"
)
MALL = Client(10002, apps=guid(1), points=f"{point(2)} {point(3)}", name="Nordlys")


@pytest.fixture
def office(table_storage: str) -> Office:
    storage = tables.open_tables(table_storage, credential=None)
    storage.create_missing()
    return Office(storage)


@pytest.fixture
def synced(office: Office) -> Office:
    office.sync(BAKERY, MALL)
    return office


def test_an_app_and_a_metering_point_show_since_when_and_why(synced: Office) -> None:
    printed = synced.ask(VENDOR, point(1))

    lines = printed.splitlines()
    assert lines[0] == f"{VENDOR} for customer 10001 Fjordbakeriet (API client id; API metering points)"
    assert lines[2].split() == [point(1), "2024-05-01..", "2026-11-22"]
    assert (
        f"2026-11-22 06:00 UTC  granted {VENDOR} at {point(1)} in 2024-05-01.. of customer 10001" in printed
    )
    assert "1 grant." in printed.splitlines()
    assert "Last sync: complete at 2026-11-22 06:00 UTC." in printed


@pytest.mark.parametrize("who", ["10001", "fjordbak", point(1)])
def test_a_customer_or_metering_point_lists_everybody_who_sees_it(synced: Office, who: str) -> None:
    printed = synced.ask(who)

    assert VENDOR in printed
    assert user(70) in printed
    assert KARI in printed
    assert "10002" not in printed
    assert "2 grants." in printed


@pytest.mark.parametrize("who", [user(70), guid(70), "Kari@Fjord.example"])
def test_a_user_is_found_by_principal_id_or_address(synced: Office, who: str) -> None:
    printed = synced.ask(who)

    assert user(70) in printed
    assert VENDOR not in printed


def test_access_that_has_ended_is_shown_from_the_audit(synced: Office) -> None:
    synced.sync(BAKERY)

    printed = synced.ask(VENDOR, point(2))

    assert "0 grants." in printed
    assert f"2026-11-22 07:00 UTC  revoked {VENDOR} at {point(2)} in .. of customer 10002" in printed


@pytest.mark.parametrize("moved_to", ["2024-06-01..2026-01-01", "2025-06-01..2026-01-01"])
def test_a_period_that_moved_is_one_event_with_its_days(office: Office, moved_to: str) -> None:
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} 2024-01-01..2025-01-01"))
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} {moved_to}"))

    printed = office.ask("10001")

    assert [line.strip() for line in printed.splitlines() if " UTC  " in line] == [
        f"2026-11-22 07:00 UTC  changed {VENDOR} at {point(1)} in 2024-01-01..2025-01-01 to {moved_to} "
        "of customer 10001 (API client id; API metering points)",
        f"2026-11-22 06:00 UTC  granted {VENDOR} at {point(1)} in 2024-01-01..2025-01-01 "
        "of customer 10001 (API client id; API metering points)",
    ]


def test_a_change_that_keeps_the_days_shows_them_once(office: Office) -> None:
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} 2024-01-01..", name="Fjordbakeriet"))
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} 2024-01-01..", name="Bakeriet"))

    assert f"changed {VENDOR} at {point(1)} in 2024-01-01.. of customer 10001 (" in office.ask("10001")


def test_a_fault_of_a_customer_is_shown_with_it(office: Office) -> None:
    office.sync(Client(10001, apps="nobody", points=point(1)), MALL)

    printed = office.ask("10001")

    assert "Not usable in Severa:" in printed
    assert "customer 10001, Kunde 10001: 'API client id': 'nobody' is not an application id" in printed
    assert "Not usable" not in office.ask("10002")


def test_an_unknown_address_is_said_to_be_unknown(synced: Office) -> None:
    printed = synced.ask("nobody@fjord.example")

    assert "No user is bound to the address nobody@fjord.example." in printed
    assert "0 grants." in printed


@pytest.mark.parametrize("who", ["nobody", "99999", "²", "[bold]", app(9), point(9)])
def test_what_nothing_is_known_of_is_said_to_be_unknown(synced: Office, who: str) -> None:
    printed = synced.ask(who)

    assert printed.splitlines()[0] == f"Nothing that is stored matches '{who}'."
    assert "grants." not in printed


def test_several_words_without_an_answer_are_said_to_narrow(synced: Office) -> None:
    printed = synced.ask("10001", point(2))

    assert printed.splitlines()[:2] == [
        f"Nothing that is stored matches '10001' and '{point(2)}'.",
        "With several words, a grant has to match all of them.",
    ]
    assert "narrow" not in synced.ask("10001", point(1))


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("707057500000000017", "the check digit should be 8"),
        ("70705750000000018", "a metering point id has exactly 18 digits"),
    ],
)
def test_a_mistyped_metering_point_is_said_to_be_none(synced: Office, typed: str, problem: str) -> None:
    printed = synced.ask(typed, code=access.TROUBLE)

    assert printed.splitlines()[:2] == [f"{typed} is not a metering point: {problem}.", "0 grants."]


@pytest.mark.parametrize("who", ["77777", point(9)])
def test_a_customer_that_severa_does_not_know_is_named_by_number_and_metering_point(
    office: Office, who: str
) -> None:
    office.supply = [SupplyPeriod(77777, point(9), date(2024, 5, 1), None)]
    office.sync(Client(10001))

    printed = office.ask(who, "77777")

    assert printed.count("customer 77777, not in Severa: no active customer 77777 in Severa") == 1
    assert "Nothing that is stored" not in printed


def test_one_of_many_unknown_customers_is_named_by_its_whole_number(office: Office) -> None:
    office.supply = [SupplyPeriod(20_000 + each, point(each), date(2024, 5, 1), None) for each in range(25)]
    office.sync(Client(10001))

    assert "customer numbers 20000, 20001, " in office.ask("20019")
    assert office.ask("20020").splitlines()[0] == "Nothing that is stored matches '20020'."
    assert office.ask("2000").splitlines()[0] == "Nothing that is stored matches '2000'."


@pytest.mark.parametrize("width", [40, 80])
def test_ids_are_whole_however_narrow_the_terminal(synced: Office, width: int) -> None:
    out = Console(file=io.StringIO(), width=width, soft_wrap=True)

    access.answer(synced.storage, ["10001"], out=out)

    printed = out.file.getvalue()  # type: ignore[attr-defined]
    assert all(each in printed for each in (VENDOR, user(70), point(1)))


def test_many_grants_are_counted_by_customer(office: Office) -> None:
    office.sync(Client(10001, apps=guid(1), points=" ".join(point(each) for each in range(100, 160))), MALL)

    printed = office.ask(VENDOR)

    assert "60 metering points" in printed
    assert "2 metering points" in printed
    assert "62 grants." in printed


def test_before_the_first_sync_that_is_what_is_said(office: Office) -> None:
    assert "Access has never been synchronised." in office.ask("10001")


# The portal.


def listed(folder: Path, *lines: str, header: str = "principal,customer_number,metering_point_id") -> Path:
    file = folder / "portal.csv"
    file.write_text("\n".join((header, *lines)), encoding="utf-8")
    return file


def test_an_equal_list_has_no_differences(synced: Office, tmp_path: Path) -> None:
    file = listed(
        tmp_path,
        f"{VENDOR},10001,{point(1)}",
        f"{VENDOR.upper().replace('APP', 'app')},10002,{point(2)}",
        f"{VENDOR},10002,{point(3)}",
        f"Kari@Fjord.example,10001,{point(1)}",
    )

    code, printed = synced.compare(file)

    assert code == 0
    assert "4 in both, 0 only in the portal, 0 only in the API." in printed


def test_a_list_whose_fields_are_quoted_is_read(synced: Office, tmp_path: Path) -> None:
    file = listed(
        tmp_path,
        f'"{VENDOR}";"10001";"{point(1)}"',
        header='\ufeff"Principal";"customer_number";"metering_point_id"',
    )

    _, printed = synced.compare(file)

    assert "1 in both, 0 only in the portal, 3 only in the API." in printed


def test_differences_are_listed_both_ways(synced: Office, tmp_path: Path) -> None:
    file = listed(
        tmp_path,
        f"{VENDOR};10001;{point(1)}",
        f"{VENDOR};10002;{point(9)}",
        f"ola@fjord.example;10001;{point(1)}",
        header="\ufeffPrincipal;customer_number;metering_point_id",
    )

    code, printed = synced.compare(file)

    assert code == 1
    assert "Only in the portal: 2" in printed
    assert f"{VENDOR}" in printed
    assert "ola@fjord.example" in printed
    assert "Only in the API: 3" in printed
    assert "1 in both, 2 only in the portal, 3 only in the API." in printed


def test_differences_have_their_period_and_a_person_s_address(synced: Office, tmp_path: Path) -> None:
    file = listed(
        tmp_path, f"{VENDOR},10001,{point(1)}", f"{VENDOR},10002,{point(2)}", f"{VENDOR},10002,{point(3)}"
    )

    _, printed = synced.compare(file)

    assert printed.splitlines()[2].split() == [user(70), f"({KARI})", "10001", point(1), "2024-05-01.."]


@pytest.mark.parametrize(
    ("period", "differing"),
    [("2024-05-01..2026-11-22", 0), ("2024-05-01..2026-11-23", 1), ("2026-12-01..", 1)],
)
def test_access_whose_last_day_is_over_need_not_be_listed(
    office: Office, tmp_path: Path, period: str, differing: int
) -> None:
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} {point(2)} {period}"))

    code, printed = office.compare(listed(tmp_path, f"{VENDOR},10001,{point(1)}"))

    assert code == differing
    assert printed.splitlines()[-1] == f"1 in both, 0 only in the portal, {differing} only in the API."


def test_access_that_the_portal_lists_after_its_last_day_is_a_difference(
    office: Office, tmp_path: Path
) -> None:
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} 2024-05-01..2026-07-03"))

    code, printed = office.compare(listed(tmp_path, f"{VENDOR},10001,{point(1)}"))

    assert code == access.DIFFERENT
    assert printed.splitlines()[0] == "Only in the portal: 1"
    assert printed.splitlines()[2].split()[-1] == "2024-05-01..2026-07-03"


def test_a_line_that_cannot_be_compared_is_named_and_is_a_difference(synced: Office, tmp_path: Path) -> None:
    file = listed(
        tmp_path,
        f"{VENDOR},10001,{point(1)}",
        f"{VENDOR},10001,123",
        f"{VENDOR},Fjord,{point(1)}",
        f"somebody,10001,{point(1)}",
        f"{VENDOR}",
        f"{VENDOR},²,{point(1)}",
    )

    code, printed = synced.compare(file)

    assert code == 1
    assert "Not compared, line 3: '123': a metering point id has exactly 18 digits." in printed
    assert "Not compared, line 4: 'Fjord' is not a customer number." in printed
    assert (
        "Not compared, line 5: 'somebody' is neither app:<id>, user:<id>, an id nor an e-mail address."
        in printed
    )
    assert "Not compared, line 6: '' is not a customer number." in printed
    assert "Not compared, line 7: '²' is not a customer number." in printed


def test_an_id_alone_is_the_known_user_or_else_an_app(synced: Office, tmp_path: Path) -> None:
    file = listed(
        tmp_path,
        f"{guid(1).upper()},10001,{point(1)}",
        f"{guid(1)},10002,{point(2)}",
        f"{guid(1)},10002,{point(3)}",
        f"{guid(70)},10001,{point(1)}",
    )

    code, printed = synced.compare(file)

    assert (code, printed) == (0, "4 in both, 0 only in the portal, 0 only in the API.\n")


UNCLOSED = b"principal,customer_number,metering_point_id\n" + b'"a,1,2\n' + b"a,1,2\n" * 30_000


@pytest.mark.parametrize("content", [b"user,customer_number\n", b"", b"\xff\xfe", UNCLOSED])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "portal.csv"
    file.write_bytes(content)

    with pytest.raises(UnreadablePortalList):
        portal.read(file, users={})


def test_one_address_of_two_contact_persons_is_both_their_users() -> None:
    users = {ContactEmail("a", KARI): guid(1), ContactEmail("b", KARI): guid(2)}

    assert questions.principals_of_email(KARI, users=users) == {user(1), user(2)}
