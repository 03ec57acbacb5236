"""What is typed into the two fields in Severa, as people type it."""

from datetime import date

import pytest

from shared.access.grant import ALWAYS, Span
from shared.access.severa import severa_fields
from tests.builders.access import METERING_POINTS, Client, guid, point, register

A, B, C = point(1), point(2), point(3)
MAY = date(2024, 5, 1)
NEW_YEAR = date(2025, 1, 1)
ASTRAY = (
    "may limit any metering point in the field, so it gives no access; "
    "write each period after its metering point, and remarks elsewhere"
)


@pytest.mark.parametrize(
    "text",
    [
        f"{A} {B}",
        f"{A},{B}",
        f"{A}, {B}",
        f"{A};{B}",
        f"{A}\n{B}",
        f"{A}\r\n\r\n{B}\n",
        f"\t{A}\u00a0{B}",
        f"{A};, {B},",
    ],
)
def test_metering_points_are_separated_by_space_comma_semicolon_or_line(text: str) -> None:
    read = severa_fields.read_metering_points([text])

    assert read.points == {A: ALWAYS, B: ALWAYS}
    assert read.problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A} 2024-05-01..2025-01-01", (Span(MAY, NEW_YEAR),)),
        (f"{A} 2024-05-01..", (Span(MAY, None),)),
        (f"{A} ..2025-01-01", (Span(None, NEW_YEAR),)),
        (f"{A} 2024-05-01 .. 2025-01-01", (Span(MAY, NEW_YEAR),)),
        (f"{A}, 2024-05-01..2025-01-01", (Span(MAY, NEW_YEAR),)),
        (f"{A}\n2024-05-01..2025-01-01", (Span(MAY, NEW_YEAR),)),
        (f"{A} ..2024-05-01 2025-01-01..", (Span(None, MAY), Span(NEW_YEAR, None))),
        (f"{A} ..2024-05-01\n2025-01-01..", (Span(None, MAY), Span(NEW_YEAR, None))),
        (f"{A} 2024-05-01..; {A} 2024-05-01..", (Span(MAY, None),)),
        (f"{A} 2024-05-01..2025-01-01; {A} 2025-01-01..", (Span(MAY, None),)),
    ],
)
def test_a_period_belongs_to_the_metering_point_before_it(text: str, expected: tuple[Span, ...]) -> None:
    assert severa_fields.read_metering_points([text]).points == {A: expected}


def test_a_period_does_not_reach_the_next_metering_point() -> None:
    read = severa_fields.read_metering_points([f"{A} 2024-05-01.. {B}"])

    assert read.points == {A: (Span(MAY, None),), B: ALWAYS}


def test_several_values_of_one_field_count_together() -> None:
    assert set(severa_fields.read_metering_points([A, f"{B} {C}"]).points) == {A, B, C}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("70705750000000001", "'70705750000000001' is not a metering point id: "
         "a metering point id has exactly 18 digits"),
        ("707057500000000011", "'707057500000000011' is not a metering point id: "
         "the check digit should be 8"),
        (";", "there is no metering point in it"),
        ("see contract", f"'see' {ASTRAY}"),
        ("2024-05-01..2025-01-01", f"'2024-05-01..2025-01-01' {ASTRAY}"),
        (f"{A} 2025-01-01..2024-05-01", f"{A}: the period 2025-01-01..2024-05-01 ends before it starts; "
         "the day after the last one stands last"),
        (f"{A} 01.05.2024..", f"{A}: '01.05.2024..' is not a period such as 2024-05-01..2025-01-01"),
        (f"{A} 2024-05-01..2025-01-01..", f"{A}: '2024-05-01..2025-01-01..' is not a period such as "
         "2024-05-01..2025-01-01"),
        (f"{A} ..", f"{A}: '..' has no date; leave it out or write one, such as 2024-05-01.."),
        ("x" * 90, f"'{'x' * 60}…' {ASTRAY}"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_grants_nothing_and_is_named(text: str, problem: str) -> None:
    read = severa_fields.read_metering_points([text])

    assert read.points == {}
    assert problem in read.problems


@pytest.mark.parametrize(
    "period",
    ["20240501..", "01.05.2024..01.01.2025", "2024-13-01..", "2024-05-01...", "2024-05-01....", "..."],
)
def test_a_metering_point_with_an_unreadable_period_is_left_out(period: str) -> None:
    read = severa_fields.read_metering_points([f"{A} {period}; {B}"])

    assert read.points == {B: ALWAYS}
    assert read.claims == {A: ALWAYS, B: ALWAYS}
    assert read.problems[0].startswith(f"{A}: ")


@pytest.mark.parametrize(
    "other",
    [
        "ikke",
        "Kiosk",
        "Kiosk:",
        "\u5f93\u524d",
        "fra 2024-05-01..",
        "2024-05-01 .. snart",
        "2024-05-01",
        "123456789",
        "-",
        "2024-05-01-2025-01-01",
        *(f"20240501{mark}20250101" for mark in ("/", ":", "_", "+", "\u2013", "\u2026", "\u2212", "til")),
        "2024050120250101",
        "0105202401012025",
        "010524010125",
        "2024O5012025O101",
        "fra2024050120250101",
        "20240501T000000",
        "20240501000000",
        "20240501000000000",
        "2024050100000020250101000000",
        f"{C}/{C}",
        f"Hytte-{C}",
        f"2024-05-01..{C}",
        f"{C}\u200b",
        "\uff12\uff10\uff12\uff14\uff0d\uff10\uff15\uff0d\uff10\uff11..",
    ],
)
@pytest.mark.parametrize(
    "text",
    ["{other} {a} {b}", "{a} {other}; {b}", "{a}, {other} {b}", "{a}\n{other}\n{b}", "{a} {b} {other}"],
)
def test_other_text_may_limit_any_metering_point_wherever_it_stands(text: str, other: str) -> None:
    read = severa_fields.read_metering_points([text.format(a=A, b=B, other=other)])

    assert read.points == {}
    assert read.claims == {A: ALWAYS, B: ALWAYS}
    assert any(problem.endswith(ASTRAY) for problem in read.problems)


@pytest.mark.parametrize(
    "texts",
    [
        [f"2024-05-01.. {A}, 2025-01-01.. {B}"],
        [f"{A}\n2025-01-01.. {B}"],
        [f"{A} 2024-05-01..2025-01-01; 2025-01-01.. {B}"],
        [f"{A} {B}", "2024-05-01.."],
    ],
)
def test_a_period_in_front_of_a_metering_point_may_limit_any_of_them(texts: list[str]) -> None:
    read = severa_fields.read_metering_points(texts)

    assert read.points == {}
    assert read.claims == {A: ALWAYS, B: ALWAYS}
    assert read.problems[0].endswith(ASTRAY)


def test_one_other_word_of_each_text_is_named() -> None:
    read = severa_fields.read_metering_points([f"fra mai: {A}", B, f"ikke {C}"])

    assert read.points == {}
    assert read.problems == (f"'fra' {ASTRAY}", f"'ikke' {ASTRAY}")


@pytest.mark.parametrize(
    "texts",
    [
        [f"{A} 2024-05-01..; {B}; {A}"],
        [A, f"{A} ..2024-05-01 {B}"],
        [f"{A} 2024-05-01.. ..2025-01-01 {B}"],
        [f"{A} 2024-05-01..\n2025-01-01..\n{B}"],
        [f"{B}, {A} 2024-05-01..2025-01-01, {A} 2024-12-31.."],
    ],
)
def test_periods_that_overlap_may_mean_only_the_days_of_both(texts: list[str]) -> None:
    read = severa_fields.read_metering_points(texts)

    assert read.points == {B: ALWAYS}
    assert read.claims == {A: ALWAYS, B: ALWAYS}
    assert read.problems == (
        f"{A}: its periods overlap, or it also stands without a period; write each of its days once",
    )


@pytest.mark.parametrize("word", [B.replace("0", "O"), f"{B[:-1]}l"])
def test_a_metering_point_with_a_letter_for_a_digit_limits_none_before_it(word: str) -> None:
    read = severa_fields.read_metering_points([f"{A} 2024-05-01..2025-01-01, {word}"])

    assert read.points == {A: (Span(MAY, NEW_YEAR),)} == read.claims
    assert len(read.problems) == 1


def test_a_wrong_period_does_not_slip_to_the_metering_point_before() -> None:
    read = severa_fields.read_metering_points([f"{A}\n{B[:-1]} 2024-05-01..\n{C}"])

    assert read.points == {A: ALWAYS, C: ALWAYS}
    assert len(read.problems) == 1


@pytest.mark.parametrize("digits", [17, 19])
def test_a_word_with_a_digit_too_few_or_too_many_is_an_id_with_a_typing_error(digits: int) -> None:
    read = severa_fields.read_metering_points([f"{A} {'7' * digits} 2024-05-01.."])

    assert read.points == {A: ALWAYS}
    assert len(read.problems) == 1


@pytest.mark.parametrize("limits", ["", "2024-05-01.."])
def test_a_metering_point_with_one_readable_and_one_unreadable_period_is_left_out(limits: str) -> None:
    read = severa_fields.read_metering_points([f"{A} {limits}", f"{A} 20240501..; {B}"])

    assert read.points == {B: ALWAYS}
    assert read.claims == {A: ALWAYS, B: ALWAYS}


def test_an_unreadable_period_is_the_only_problem_of_its_metering_point() -> None:
    read = severa_fields.read_metering_points([f"{A} 2024-05-01.., {A} ..2025-01-01, {A} 20240501.."])

    assert read.problems == (f"{A}: '20240501..' is not a period such as 2024-05-01..2025-01-01",)


def test_of_a_long_word_only_the_beginning_is_quoted() -> None:
    [of_point] = severa_fields.read_metering_points([f"{A} {'1' * 90}.."]).problems
    [of_app] = severa_fields.read_client_ids(["x" * 90]).problems

    assert of_point.startswith(f"'{'1' * 60}…' may limit")
    assert of_app.startswith(f"'{'x' * 60}…' is not an application id")


def test_a_value_that_cannot_be_read_hides_no_problem_of_another() -> None:
    severa = register([Client(1, points=f"{A} 20240501..", unreadable=(METERING_POINTS,))])

    [read] = severa_fields.metering_points(severa, METERING_POINTS).values()

    assert len(read.problems) == 2
    assert read.problems[0].startswith(f"{A}: ")
    assert read.problems[1] == severa_fields.NO_TEXT


@pytest.mark.parametrize(
    "text", [f"{guid(1)}, {guid(2)}", f"{guid(1)};{guid(2)};", f" ,{guid(1)}\r\n\n{guid(2)} "]
)
def test_client_ids_are_separated_by_space_comma_semicolon_or_line(text: str) -> None:
    read = severa_fields.read_client_ids([text])

    assert read.ids == (guid(1), guid(2))
    assert read.problems == ()


@pytest.mark.parametrize(("digits", "ids"), [(23, ()), (24, (guid(1),))])
def test_a_word_with_three_quarters_of_the_digits_of_an_id_is_one_with_a_typing_error(
    digits: int, ids: tuple[str, ...]
) -> None:
    read = severa_fields.read_client_ids([f"{guid(1)} {'a' * digits}"])

    assert read.ids == ids
    assert len(read.problems) == 1


def test_client_ids_are_read_in_any_case_and_once() -> None:
    first, second = "ABCDEF00-0000-4000-8000-000000000001", guid(2)

    read = severa_fields.read_client_ids([f"{first}; {second}", first.lower()])

    assert read.ids == (first.lower(), second)
    assert read.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "5a5e0000",
        "00000000-0000-0000-0000-000000000000",
        "{5a5e0000-0000-4000-8000-000000000001}",
        "app/../x",
    ],
)
def test_what_is_no_application_id_names_nobody(text: str) -> None:
    read = severa_fields.read_client_ids([text])

    assert read.ids == ()
    assert len(read.problems) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"ikke {guid(1)}",
        f"{guid(1)} until 2025-01-01",
        f"{guid(1)} ..2025-01-01",
        f"{guid(1)}\n5a5e0000\n{guid(2)}",
    ],
)
def test_other_text_may_limit_any_application_so_none_is_named(text: str) -> None:
    read = severa_fields.read_client_ids([text])

    assert read.ids == ()
    assert "may limit any in the field, so none of them gives access" in read.problems[0]


@pytest.mark.parametrize(
    "mistyped", [guid(2)[:-1], f"{guid(2)}0", f"{{{guid(2)}}}", guid(2).replace("0", "O", 2)]
)
def test_an_application_id_with_a_typing_error_does_not_affect_others(mistyped: str) -> None:
    read = severa_fields.read_client_ids([f"{guid(1)}; {mistyped}"])

    assert read.ids == (guid(1),)
    assert len(read.problems) == 1
