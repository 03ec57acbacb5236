"""How the embedded engine keeps the days of a metering point together, as CLUSTER BY does in Fabric. Pure.

DuckDB passes over a group of rows when the smallest and largest value of a column in it rule the group
out. It keeps only eight characters of a text for that, and metering points of one country begin alike; so
a stored day also has the number of its metering point, which statements never name: it is put into them
here. And it helps only where rows lie in an order: days come in the order of their publication, so now and
then the years that have days out of order are laid anew by metering point, all but what was published lately.
"""

from sqlglot import exp

TABLE = "series_day"
NUMBER = "metering_point_number"
_ID = "metering_point_id"

LATELY_DAYS = 31
"""Days published so shortly before the latest stay in the order of publication, in which they are read:
the newest of all metering points, and what changed."""
UNORDERED_SHARE = 0.02
"""The share of days out of order from which on their years are laid anew."""
UNORDERED_LEAST = 100_000
"""So many days out of order are read as fast as in order: about one group of rows."""

STATE = "CREATE TABLE IF NOT EXISTS series_day_order (through_sequence BIGINT NOT NULL, days BIGINT NOT NULL)"
"""Through which publication days lie in order, and how many they are: one row, or none at first."""

_OLD = f"published_at < (SELECT MAX(published_at) FROM {TABLE}) - INTERVAL {LATELY_DAYS} DAY"  # noqa: S608
_ORDERED = "COALESCE((SELECT MAX(through_sequence) FROM series_day_order), 0)"

_UNORDERED = f"sequence > {_ORDERED} AND {_OLD}"

IS_DUE = f"""
SELECT COUNT(*) >= {UNORDERED_LEAST}
   AND COUNT(*) >= {UNORDERED_SHARE} * COALESCE((SELECT MAX(days) FROM series_day_order), 0)
FROM {TABLE}
WHERE {_UNORDERED}
"""  # noqa: S608  # Nothing but the names above is put in.

LAY_ANEW = (
    f"CREATE OR REPLACE TEMPORARY TABLE laid AS SELECT * FROM {TABLE} "  # noqa: S608  # As above.
    f"WHERE YEAR(delivery_date) IN (SELECT YEAR(delivery_date) FROM {TABLE} WHERE {_UNORDERED}) AND {_OLD} "
    f"ORDER BY YEAR(delivery_date), {NUMBER}, direction, delivery_date, sequence",
    f"DELETE FROM {TABLE} WHERE YEAR(delivery_date) IN (SELECT YEAR(delivery_date) FROM laid) AND {_OLD}",  # noqa: S608
    f"INSERT INTO {TABLE} SELECT * FROM laid",  # noqa: S608
    "DROP TABLE laid",
    "DELETE FROM series_day_order",
    f"INSERT INTO series_day_order SELECT MAX(sequence), COUNT(*) FROM {TABLE} WHERE {_OLD}",  # noqa: S608
)
"""One transaction: readers see the same days before, during and after it."""


def stores_days(sql: str) -> bool:
    """Whether a statement stores published days."""
    return f"INSERT INTO metering.{TABLE}" in sql


def with_numbers(tree: exp.Expr) -> exp.Expr:
    """A statement that stores the number of a metering point beside its id, and joins days by it.

    An id has 18 digits, so that the same number is the same id. Joined by the number alone, rows of other
    metering points are passed over before their texts are read.
    """
    names = {table.alias_or_name for table in tree.find_all(exp.Table) if table.name == TABLE}
    for equality in list(tree.find_all(exp.EQ)):
        left, right = equality.left, equality.right
        if _is_id(left) and _is_id(right) and {left.text("table"), right.text("table")} & names:
            equality.replace(exp.EQ(this=_number(left, names), expression=_number(right, names)))
    if isinstance(tree, exp.Insert) and _is_about_days(tree):
        _fill_number(tree)
    return tree


def with_number_column(tree: exp.Expr) -> exp.Expr:
    """The definition of the table with the number of the metering point."""
    if _is_about_days(tree):
        tree.this.append(
            "expressions", exp.ColumnDef(this=exp.to_identifier(NUMBER), kind=exp.DataType.build("BIGINT"))
        )
    return tree


def _is_about_days(tree: exp.Expr) -> bool:
    """Whether the table that a statement makes or fills, which it names first, is the one of days."""
    table = tree.find(exp.Table)
    return table is not None and table.name == TABLE


def _is_id(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == _ID


def _number(column: exp.Expr, names: set[str]) -> exp.Expr:
    table = column.text("table")
    if table in names:
        return exp.column(NUMBER, table=table)
    return exp.cast(column.copy(), "BIGINT")


def _fill_number(insert: exp.Insert) -> None:
    """Store the number, too. The statement names its columns, first the metering point's id."""
    columns = insert.this
    if not isinstance(columns, exp.Schema) or columns.expressions[0].name != _ID:
        raise ValueError(f"An INSERT INTO {TABLE} names its columns, {_ID} first.")
    names = [column.name for column in columns.expressions]
    rows = exp.Subquery(
        this=insert.expression,
        alias=exp.TableAlias(
            this=exp.to_identifier("days"), columns=[exp.to_identifier(name) for name in names]
        ),
    )
    columns.append("expressions", exp.to_identifier(NUMBER))
    insert.set("expression", exp.select("*", exp.cast(exp.column(_ID, table="days"), "BIGINT")).from_(rows))
