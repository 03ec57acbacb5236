"""What the server makes of T-SQL, and what it refuses as Fabric does."""

import pytest

from tests.doubles.tds import statements
from tests.doubles.tds.statements import Refused


def test_named_parameters_become_marks_in_the_order_in_which_they_stand() -> None:
    plan = statements.plan("SELECT CAST(@P2 AS date), '@P1 stays' FROM metering.write_lock WHERE taken = @P1")

    assert plan.sql == "SELECT CAST(? AS DATE), '@P1 stays' FROM write_lock WHERE taken = ?"
    assert (plan.order, plan.is_question, plan.is_change) == ((1, 0), True, False)


def test_a_change_returns_how_many_rows_and_a_definition_nothing() -> None:
    assert statements.plan("DELETE FROM metering.write_lock WHERE taken = @P1").is_change
    assert not statements.plan("-- a view\nCREATE OR ALTER VIEW metering.v AS SELECT 1 AS one").is_question


@pytest.mark.parametrize(
    "text", ["SET LOCK_TIMEOUT 30000", "IF SCHEMA_ID('metering') IS NULL\nEXEC('CREATE SCHEMA metering')"]
)
def test_there_is_nothing_to_do_for_settings_and_the_schema(text: str) -> None:
    assert statements.plan(text).sql is None


@pytest.mark.parametrize(
    "text",
    [
        "MERGE INTO metering.t AS t USING metering.s AS s ON 1 = 1 WHEN MATCHED THEN DELETE",
        "IF OBJECT_ID('metering.t') IS NULL\nCREATE TABLE metering.t (name nvarchar(10))",
        "SELECT FROM WHERE",
    ],
)
def test_what_fabric_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        statements.plan(text)

    assert caught.value.number == 102


def test_a_text_may_hold_any_word() -> None:
    assert statements.plan("SELECT 'MERGE, nvarchar' AS words").sql == "SELECT 'MERGE, nvarchar' AS words"
