"""Keeps the days of a metering point together in the embedded engine, as CLUSTER BY does in Fabric. Pure.

DuckDB skips a group of rows if the smallest and largest values of a column exclude the group. For text it
keeps only the first eight characters of these values, which are equal for most metering points of a country.
So a stored day also has the number of its metering point, which this module adds to the statements. Skipping
also needs sorted rows, but days are stored in the order of publication. So the years with unsorted days are
sorted again by metering point now and then, except for recent days.
"""

import sqlglot
from sqlglot import exp

TABLE = "series_day"
NUMBER = "metering_point_number"
_ID = "metering_point_id"
_NUMBER_OF_DAY = f"CASE WHEN REGEXP_FULL_MATCH(days.{_ID}, '[0-9]{{18}}') THEN CAST(days.{_ID} AS BIGINT) END"

_NUMBER_OF_PARAMETER = sqlglot.parse_one(
    "TRY_CAST(REGEXP_EXTRACT(?, '^[0-9]{18}$') AS BIGINT)", read="duckdb"
)
"""The number of a bound id; null, which is equal to nothing, if the text is not an id."""
_NO_BOUND: dict[type[exp.Expr], int] = {exp.GTE: 0, exp.LTE: 2**63 - 1}

LATELY_DAYS = 31
"""Market days within this many days before the latest publication, and published within them, stay in the
order of publication, since they are read in it: as the newest days of all metering points, and as changes."""
UNORDERED_SHARE = 0.02
"""If at least this share of the days is unsorted, their years are sorted again."""
UNORDERED_LEAST = 100_000
"""Sorting pays from this many unsorted days on: fewer are about one group of rows."""

STATE = "CREATE TABLE IF NOT EXISTS series_day_order (year BIGINT NOT NULL, days BIGINT NOT NULL)"
"""How many days of each year are sorted."""

_LATELY = f"(SELECT MAX(published_at) FROM {TABLE}) - INTERVAL {LATELY_DAYS} DAY"  # noqa: S608
_OLD = f"(published_at < {_LATELY} OR delivery_date < {_LATELY})"
_OF_YEARS = f"SELECT YEAR(delivery_date) AS year, COUNT(*) AS days FROM {TABLE} WHERE {_OLD} GROUP BY year"  # noqa: S608
_OUT_OF_ORDER = f"""
SELECT of_year.year, of_year.days - COALESCE(ordered.days, 0) AS days
FROM ({_OF_YEARS}) AS of_year
LEFT JOIN series_day_order AS ordered ON ordered.year = of_year.year
WHERE of_year.days <> COALESCE(ordered.days, 0)
"""  # noqa: S608  # Nothing but the names above is put in.

IS_DUE = f"""
SELECT COALESCE(SUM(days), 0) >= {UNORDERED_LEAST}
   AND COALESCE(SUM(days), 0) >= {UNORDERED_SHARE} * (SELECT COALESCE(SUM(days), 0) FROM series_day_order)
FROM ({_OUT_OF_ORDER})
"""  # noqa: S608  # As above.

SORT = (
    f"CREATE OR REPLACE TEMPORARY TABLE ordered AS SELECT * FROM {TABLE} "  # noqa: S608  # As above.
    f"WHERE YEAR(delivery_date) IN (SELECT year FROM ({_OUT_OF_ORDER})) AND {_OLD} "
    f"ORDER BY YEAR(delivery_date), {NUMBER}, direction, delivery_date, sequence",
    f"DELETE FROM {TABLE} WHERE YEAR(delivery_date) IN (SELECT YEAR(delivery_date) FROM ordered) AND {_OLD}",  # noqa: S608
    f"INSERT INTO {TABLE} SELECT * FROM ordered",  # noqa: S608
    "DROP TABLE ordered",
    "DELETE FROM series_day_order",
    f"INSERT INTO series_day_order {_OF_YEARS}",
)
"""One transaction: readers see the same days before, during and after it."""


def stores_days(sql: str) -> bool:
    """Return whether a statement stores published days."""
    return f"INSERT INTO metering.{TABLE}" in sql


def with_numbers(tree: exp.Expr) -> exp.Expr:
    """Make a statement store the number of a metering point beside its id, and join days by that number.

    An id has 18 digits, so equal numbers are equal ids; any other text in the table has no number, and is
    never read. Joined by number alone, rows of other metering points are skipped before their texts are read.
    """
    names = {table.alias_or_name for table in tree.find_all(exp.Table) if table.name == TABLE}
    for equality in list(tree.find_all(exp.EQ)):
        left, right = equality.left, equality.right
        if _is_id(left) and _is_id(right) and {left.text("table"), right.text("table")} & names:
            equality.replace(exp.EQ(this=_number(left, names), expression=_number(right, names)))
        elif _is_compared_with_parameter(equality, names):
            equality.set("this", _number(left, names))
            equality.set("expression", _NUMBER_OF_PARAMETER.copy())
    for bound in list(tree.find_all(exp.GTE, exp.LTE)):
        if _is_compared_with_parameter(bound, names):
            bound.set("this", _number(bound.left, names))
            bound.set("expression", _number_of_parameter(unless=_NO_BOUND[type(bound)]))
    if isinstance(tree, exp.Insert) and _is_about_days(tree):
        _fill_number(tree)
    return tree


def without_ranges_of_joins(tree: exp.Expr) -> exp.Expr:
    """Return a query without its range of metering points where a join to JSON rows implies the range.

    Such a range goes from the least to the greatest metering point of these rows. Fabric needs it, and
    DuckDB derives it from the join: planning it again costs a tenth of a short query. Its `?` stay.
    """
    names = {table.alias_or_name for table in tree.find_all(exp.Table) if table.name == TABLE}
    rows = {table.alias for table in tree.find_all(exp.Table) if isinstance(table.this, exp.OpenJSON)}
    joined = {
        side.text("table")
        for equality in tree.find_all(exp.EQ)
        if _is_id(equality.left) and _is_id(equality.right)
        for side, other in ((equality.left, equality.right), (equality.right, equality.left))
        if other.text("table") in rows
    }
    for bound in list(tree.find_all(exp.GTE, exp.LTE)):
        if _is_compared_with_parameter(bound, names & joined) and _is_for_every_row(bound):
            bound.replace(exp.Not(this=exp.Is(this=bound.right.copy(), expression=exp.Null())))
    return tree


def with_number_column(tree: exp.Expr) -> exp.Expr:
    """Add the number of the metering point to the definition of the table."""
    if _is_about_days(tree):
        tree.this.append(
            "expressions", exp.ColumnDef(this=exp.to_identifier(NUMBER), kind=exp.DataType.build("BIGINT"))
        )
    return tree


def _is_about_days(tree: exp.Expr) -> bool:
    """Return whether a statement creates or fills the table of days, which it names first."""
    table = tree.find(exp.Table)
    return table is not None and table.name == TABLE


def _is_id(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == _ID


def _number(column: exp.Expr, names: set[str]) -> exp.Expr:
    table = column.text("table")
    if table in names:
        return exp.column(NUMBER, table=table)
    return exp.TryCast(this=column.copy(), to=exp.DataType.build("BIGINT"))


def _is_compared_with_parameter(bound: exp.Expr, tables: set[str]) -> bool:
    """Return whether a comparison is of the metering points of one of the tables with a parameter."""
    left, right = bound.args["this"], bound.args["expression"]
    return _is_id(left) and left.text("table") in tables and isinstance(right, exp.Placeholder)


def _is_for_every_row(condition: exp.Expr) -> bool:
    """Return whether WHERE requires a condition of every row, and not as one of several alternatives."""
    node = condition.parent
    while isinstance(node, exp.And):
        node = node.parent
    return isinstance(node, exp.Where)


def _number_of_parameter(*, unless: int) -> exp.Expr:
    """Return the number of a bound id; `unless`, which excludes nothing, if the text is not an id."""
    return exp.Coalesce(this=_NUMBER_OF_PARAMETER.copy(), expressions=[exp.Literal.number(unless)])


def _fill_number(insert: exp.Insert) -> None:
    """Make an INSERT store the number, too. It must name its columns, the metering point's id first."""
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
    insert.set("expression", exp.select("*", sqlglot.parse_one(_NUMBER_OF_DAY, read="duckdb")).from_(rows))
