"""Prints who may see what, since when and why: `python -m operations access WHO…`.

WHO is a principal (`app:…`, `user:…`, or only its id), an e-mail address, a customer number or a part of
a customer's name, or a metering point. With several, a grant has to match all of them. `--compare portal.csv`
lists the differences from the customer portal's list instead.

Exit code 0: answered, and nothing differs. 1: there are differences. 2: Table Storage did not answer, or the
question (such as a metering point with a wrong check digit) or the file cannot be read.
"""

import argparse
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from rich.console import Console

from local import places
from operations import printing, services
from operations.access_lists import explain, portal, questions
from operations.access_lists.explain import Answer, Line
from operations.access_lists.portal import Differences, PortalList, UnreadablePortalList
from shared import foreign, periods, settings
from shared.access import grant
from shared.access.sync import state, store
from shared.settings import InvalidSettings
from shared.tables import Tables, TablesUnavailable
from shared.telemetry import log_levels

DIFFERENT, TROUBLE = 1, 2


def main(arguments: Sequence[str]) -> int:
    """Answer the question and return the exit code."""
    parser = argparse.ArgumentParser(prog="access", description="Explain who may see what, and why.")
    parser.add_argument("who", nargs="*", help="principal, e-mail, customer number or name, metering point")
    parser.add_argument(
        "--compare",
        type=places.named,
        metavar="PORTAL.CSV",
        help="list the differences from the portal's list",
    )
    chosen = parser.parse_args(arguments)
    is_blank = any(not word.strip() for word in chosen.who)
    if is_blank or bool(chosen.who) == bool(chosen.compare):
        parser.error("give either WHO, or --compare with a file")
    out = Console(highlight=False, soft_wrap=True)
    log_levels.quieten_libraries()
    try:
        storage = services.storage(settings.tables_from_environment())
        if chosen.compare:
            return compare(storage, chosen.compare, today=periods.day_of(services.now()), out=out)
        return answer(storage, chosen.who, out=out)
    except (InvalidSettings, TablesUnavailable, UnreadablePortalList) as error:
        out.print(str(error), markup=False)
        return TROUBLE


def answer(storage: Tables, who: Sequence[str], *, out: Console) -> int:
    """Print the grants that all of `who` match, and return the exit code."""
    users = state.bound_users(storage)
    wanted = [questions.parse(word, users=users) for word in who]
    problems = [question.problem for question in wanted if question.problem]
    for problem in problems:
        out.print(problem, markup=False)
    found = explain.answer(storage, wanted, users=users)
    _print_grants(found, out=out)
    if found.is_empty and not problems:
        words = " and ".join(f"'{question.text}'" for question in wanted)
        out.print(f"Nothing that is stored matches {words}.", markup=False)
    else:
        out.print(f"{foreign.counted(found.grants, 'grants')}.")
    if len(wanted) > 1 and not found.grants:
        out.print("With several words, a grant has to match all of them.")
    _print_rest(found, out=out)
    return TROUBLE if any(question.metering_point_id and question.problem for question in wanted) else 0


def compare(storage: Tables, file: Path, *, today: date, out: Console) -> int:
    """Print the differences from the portal's list, both ways, and return the exit code."""
    users = state.bound_users(storage)
    listed = portal.read(file, users=users)
    grants = (row.grant for each in store.read(storage).values() for row in each.grants.values())
    differing = portal.differences(listed.accesses, grants, today=today)
    _print_differences(listed, differing, emails=explain.emails_by_principal(users), out=out)
    return DIFFERENT if differing.only_in_portal or differing.only_in_api or listed.unreadable else 0


def _print_grants(answer: Answer, *, out: Console) -> None:
    for heading, lines in groupby(answer.lines, key=_heading):
        table = printing.table("Metering point", "Period", "Since")
        for line in lines:
            table.add_row(line.metering_points, line.periods, line.since)
        out.print(heading, markup=False)
        out.print(table)


def _print_rest(answer: Answer, *, out: Console) -> None:
    for title, texts in (("What happened:", answer.history), ("Not usable in Severa:", answer.faults)):
        if texts:
            out.print(title)
            for text in texts:
                out.print(f"  {text}", markup=False)
    latest = answer.latest
    if latest is None:
        out.print("Access has never been synchronised.")
    else:
        out.print(f"Last sync: {latest.outcome} at {printing.minute(latest.finished_at)}.", markup=False)


def _print_differences(
    listed: PortalList, differing: Differences, *, emails: Mapping[str, str], out: Console
) -> None:
    for line in listed.unreadable:
        out.print(f"Not compared, {line}.", markup=False)
    for title, accesses in (
        ("Only in the portal", differing.only_in_portal),
        ("Only in the API", differing.only_in_api),
    ):
        if accesses:
            table = printing.table("Principal", "Customer", "Metering point", "Period")
            for (principal, customer, point), spans in accesses.items():
                who = _named(principal, emails.get(principal))
                table.add_row(who, str(customer), point, grant.spans_text(spans))
            out.print(f"{title}: {len(accesses)}")
            out.print(table)
    out.print(
        f"{differing.in_both} in both, {len(differing.only_in_portal)} only in the portal, "
        f"{len(differing.only_in_api)} only in the API."
    )


def _heading(line: Line) -> str:
    return f"{_named(line.principal, line.email)} for customer {line.customer} ({line.why})"


def _named(principal: str, email: str | None) -> str:
    return f"{principal} ({email})" if email else principal
