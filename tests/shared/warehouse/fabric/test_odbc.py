"""What the driver's errors mean, and how addresses become connection strings."""

from datetime import timedelta

import pytest

from shared.warehouse.engine import (
    FileUnreadable,
    WarehouseConflict,
    WarehouseMisconfigured,
    WarehouseTimeout,
    WarehouseUnavailable,
)
from shared.warehouse.fabric import odbc
from shared.warehouse.fabric.odbc import WarehouseLost

PREFIX = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
MINUTE = timedelta(minutes=1)


def message(text: str, number: int, function: str = "SQLExecDirectW") -> str:
    return f"[42000] {PREFIX}{text} ({number}) ({function})"


@pytest.mark.parametrize(
    ("state", "text", "meant", "retry_after"),
    [
        (
            "42000",
            message(
                "Unable to complete the action because your organization's Fabric compute capacity", 24801
            ),
            WarehouseUnavailable,
            MINUTE,
        ),
        (
            "42000",
            message("This query was rejected due to current capacity constraints.", 24999),
            WarehouseUnavailable,
            MINUTE,
        ),
        (
            "42000",
            message("The user session limit for the workspace is 724 and has been reached.", 24001),
            WarehouseUnavailable,
            MINUTE,
        ),
        (
            "42000",
            message("Unable to complete the action because this Fabric capacity is currently paused.", 24802),
            WarehouseUnavailable,
            MINUTE,
        ),
        ("42000", message("This Fabric capacity is currently paused.", 25000), WarehouseUnavailable, MINUTE),
        (
            "42000",
            message("A severe error occurred on the current command.  The results are discarded.", 0),
            WarehouseLost,
            odbc.SOON,
        ),
        (
            "42000",
            message("Internal error. Unable to properly update physical metadata.", 24700),
            WarehouseLost,
            odbc.SOON,
        ),
        (
            "HY000",
            "[HY000] An existing connection was forcibly closed by the remote host. (0) (SQLFetch)",
            WarehouseLost,
            odbc.SOON,
        ),
        ("42000", message("System update.", 24804), WarehouseLost, odbc.SOON),
        ("42000", message("SHUTDOWN is in progress.", 6005), WarehouseLost, odbc.SOON),
        (
            "08S01",
            "[08S01] [Microsoft]TCP Provider: Error code 0x68 (104) (SQLFetch)",
            WarehouseLost,
            odbc.SOON,
        ),
        ("42000", message("The request limit was reached.", 10928), WarehouseLost, odbc.SOON),
    ],
)
def test_what_passes_by_itself_is_worth_another_try(
    state: str, text: str, meant: type[WarehouseUnavailable], retry_after: timedelta
) -> None:
    error = odbc.meaning((state, text), name="days", limit=MINUTE)

    assert type(error) is meant
    assert isinstance(error, WarehouseUnavailable)
    assert error.retry_after == retry_after


@pytest.mark.parametrize(
    ("sentence", "number", "fault"),
    [
        (
            "Unable to complete the action because your organization's Fabric compute capacity has exceeded "
            "its limits.",
            24801,
            "The warehouse is at the limit of its capacity.",
        ),
        (
            "The user session limit for the workspace is 724 and has been reached.",
            24001,
            "The warehouse is at the limit of its capacity.",
        ),
        (
            "Unable to complete the action because this Fabric capacity is currently paused.",
            24802,
            "The warehouse's capacity is paused.",
        ),
    ],
)
def test_what_stops_a_capacity_is_said_in_the_servers_own_words_too(
    sentence: str, number: int, fault: str
) -> None:
    error = odbc.meaning(("42000", message(sentence, number)), name="days", limit=MINUTE)

    assert str(error) == (f"{fault} The server says (error {number}): {sentence} ({number}) (SQLExecDirectW)")


def test_the_number_of_an_error_of_the_capacity_survives_a_long_sentence() -> None:
    error = odbc.meaning(("42000", message("Limit.\n" * 1000, 24801)), name="days", limit=MINUTE)

    assert str(error).startswith(
        "The warehouse is at the limit of its capacity. The server says (error 24801): Limit. Limit. "
    )
    assert "\n" not in str(error)
    assert str(error).endswith("…")


def test_a_long_message_of_the_server_is_cut_and_put_on_one_line() -> None:
    error = odbc.meaning(("42000", message("Row\n" * 1000, 4863)), name="copy", limit=MINUTE)

    assert isinstance(error, FileUnreadable)
    assert str(error) == "Row " * 100 + "…"


def test_a_statement_that_ran_out_of_time_says_how_long_that_was() -> None:
    error = odbc.meaning(("HYT00", "[HYT00] Query timeout expired (0)"), name="days", limit=MINUTE)

    assert isinstance(error, WarehouseTimeout)
    assert str(error) == "days took longer than 60 s."


@pytest.mark.parametrize("number", [24556, 24706, 3960, 1205])
def test_a_change_that_somebody_else_made_first_is_a_conflict(number: int) -> None:
    error = odbc.meaning(("42000", message("Snapshot isolation", number)), name="publish", limit=MINUTE)

    assert isinstance(error, WarehouseConflict)


@pytest.mark.parametrize(
    "arguments",
    [
        ("42S02", message("Invalid object name 'metering.series_day'.", 208)),
        ("22001", message("String data, column varchar(64) would be truncated", 2628)),
        (),
    ],
)
def test_anything_else_is_a_fault_of_ours(arguments: tuple[str, ...]) -> None:
    assert odbc.meaning(arguments, name="days", limit=MINUTE) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            (
                "01000",
                "[01000] [unixODBC]Can't open lib 'ODBC Driver 18 for SQL Server' : file not found (0)",
            ),
            "The ODBC driver 'ODBC Driver 18 for SQL Server' is not installed (found: SQLite3). "
            "Install it or set ODBC_DRIVER.",
        ),
        (
            ("28000", "[28000] Login failed for user '<token-identified principal>'. (18456)"),
            "The warehouse refused the sign-in. Give the identity Read on the warehouse and GRANT SELECT on "
            "schema metering, and let service principals use Fabric (tenant setting).",
        ),
    ],
)
def test_a_sign_in_that_cannot_succeed_says_what_to_change(arguments: tuple[str, str], sentence: str) -> None:
    error = odbc.meaning_at_sign_in(arguments, driver="ODBC Driver 18 for SQL Server", drivers=["SQLite3"])

    assert isinstance(error, WarehouseMisconfigured)
    assert str(error) == sentence


@pytest.mark.parametrize("state", ["HYT00", "08001", "HY000"])
def test_a_server_that_cannot_be_reached_is_worth_another_try(state: str) -> None:
    error = odbc.meaning_at_sign_in((state, "[…] Login timeout expired (0)"), driver="d", drivers=[])

    assert isinstance(error, WarehouseUnavailable)
    assert not isinstance(error, WarehouseMisconfigured)
    assert "secret" not in str(error)


def test_a_paused_capacity_is_away_at_sign_in_too() -> None:
    error = odbc.meaning_at_sign_in(
        ("42000", message("Unable to complete the action.", 24800)), driver="d", drivers=[]
    )

    assert type(error) is WarehouseUnavailable
    assert error.retry_after == MINUTE


def test_fabric_is_reached_encrypted_and_without_a_password() -> None:
    text = odbc.connection_string(
        "fabric://abc.datawarehouse.fabric.microsoft.com/Metering", driver="ODBC Driver 18 for SQL Server"
    )

    assert text == (
        "Driver={ODBC Driver 18 for SQL Server};Server={abc.datawarehouse.fabric.microsoft.com,1433};"
        "Database={Metering};APP={metering-api};ConnectRetryCount={0};Encrypt={yes};TrustServerCertificate={no}"
    )


def test_what_a_password_holds_does_not_end_the_field_that_it_stands_in() -> None:
    text = odbc.connection_string("mssql://sa:p%40ss%7D;x@127.0.0.1:1533/metering", driver="D")

    assert "Server={127.0.0.1,1533}" in text
    assert text.endswith("UID={sa};PWD={p@ss}};x}")


@pytest.mark.parametrize("url", ["fabric://server", "fabric:///database", "mssql://"])
def test_an_address_without_server_or_database_is_refused(url: str) -> None:
    with pytest.raises(WarehouseMisconfigured, match="needs a server and a database"):
        odbc.connection_string(url, driver="D")


def test_a_file_with_a_line_that_is_too_long_is_unreadable_and_the_server_says_where() -> None:
    text = "Bulk load data conversion error (truncation) for row 3125, column 1 (line) in data file a.csv."

    meant = odbc.meaning(("42000", message(text, 13811)), name="copy_lines", limit=MINUTE)

    assert isinstance(meant, FileUnreadable)
    assert str(meant) == f"{text} (13811) (SQLExecDirectW)"
