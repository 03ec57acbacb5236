"""Translates T-SQL to DuckDB's dialect. Pure; sqlglot does nearly all of it."""

import re
from functools import lru_cache, partial

import sqlglot
from sqlglot import exp

from shared.warehouse import schema
from shared.warehouse.duckdb import clustering

SCHEMA = "metering"
ROWS = "delivered_rows"
"""The name of `Rows` while a statement reads them."""
LONGEST_LINE = 8_000
"""Bytes of a line of a file at most, as in Fabric, whose text columns are no longer."""

_COPY = re.compile(
    r"\s*COPY INTO metering\.(?P<table>\w+)\s+FROM '(?P<path>(?:[^']|'')*)'\s+WITH \((?P<options>[^)]*)\)\s*"
)
_TERMINATOR = re.compile(r"FIELDTERMINATOR = '0x(\w+)'")
_EXISTS_GUARD = re.compile(r"IF (?:SCHEMA|OBJECT)_ID\('[^']*'\) IS NULL\s+")
_SCHEMA = re.compile(r"EXEC\('CREATE SCHEMA \w+'\)")


@lru_cache(maxsize=512)
def translate(sql: str, *, from_rows: bool = False) -> str:
    """Translate one statement; its `?` stay in order.

    Args:
        sql: the statement in T-SQL.
        from_rows: whether its OPENJSON reads `Rows`, registered as ROWS, instead of JSON. The `?` of OPENJSON
            is then left out.
    """
    if copy := _COPY.fullmatch(sql):
        return _insert_lines(copy)
    parsed = clustering.without_ranges_of_joins(sqlglot.parse_one(sql, read="fabric"))
    tree = parsed.transform(partial(_without_openjson, from_rows=from_rows))
    plain = tree.transform(_without_length).transform(_with_own_clock).transform(_without_ranges_of_letters)
    ordered = _in_order_of_time(plain)
    return _without_schema(clustering.with_numbers(ordered)).sql(dialect="duckdb")


def reads_file(sql: str) -> bool:
    """Return whether a statement in T-SQL reads a file."""
    return _COPY.fullmatch(sql) is not None


def translate_definition(batch: str) -> str | None:
    """Translate one batch of the scripts in infra/warehouse; None if DuckDB does not need it.

    DuckDB has `IF NOT EXISTS` instead of a guard with `OBJECT_ID`, and is clustered by `clustering`.
    """
    statement = _EXISTS_GUARD.sub("", schema.without_clustering(batch))
    if _SCHEMA.search(statement):
        return None
    tree = sqlglot.parse_one(statement, read="fabric").transform(_with_own_clock)
    tree = tree.transform(_without_length)
    if isinstance(tree, exp.Create) and tree.kind == "TABLE":
        tree.set("exists", True)
        tree = clustering.with_number_column(tree)
    return _without_schema(tree).sql(dialect="duckdb")


def _insert_lines(copy: re.Match[str]) -> str:
    """Translate COPY INTO of a table of lines; the file is a path."""
    terminator = _TERMINATOR.search(copy["options"])
    assert terminator is not None  # The one statement of this kind names it.  # noqa: S101
    compression = "gzip" if "COMPRESSION = 'Gzip'" in copy["options"] else "none"
    return (
        f"INSERT INTO {copy['table']} SELECT line, rest FROM read_csv('{copy['path']}', auto_detect = false, "  # noqa: S608
        f"header = false, skip = 1, columns = {{'line': 'VARCHAR', 'rest': 'VARCHAR'}}, "
        f"null_padding = true, quote = '', escape = '', "
        f"delim = '{bytes.fromhex(terminator[1]).decode()}', strict_mode = false, "
        f"max_line_size = {LONGEST_LINE}, compression = '{compression}')"
    )


def _without_schema(tree: exp.Expr) -> exp.Expr:
    """Name tables without their schema: they are in DuckDB's default schema.

    DuckDB names a database after its file. If the file is called `metering`, like the schema, a table with
    its schema would be ambiguous; with the database's name, the file could not be renamed.
    """
    for node in tree.find_all(exp.Table, exp.Column):
        if node.text("db") == SCHEMA:
            node.set("db", None)
    return tree


def _in_order_of_time(tree: exp.Expr) -> exp.Expr:
    """Sort delivered values by day when they are stored, as CLUSTER BY does in Fabric.

    DuckDB skips groups of rows by their smallest and largest start. If a file of several years is sorted by
    metering point, every group would have every day. A statement that names its only day needs no order.
    """
    columns = tree.this if isinstance(tree, exp.Insert) else None
    if (
        isinstance(columns, exp.Schema)
        and columns.this.name == "interval_value"
        and not any(each.left.name == "delivery_date" for each in tree.find_all(exp.EQ))
    ):
        names = [exp.to_identifier(column.name) for column in columns.expressions]
        alias = exp.TableAlias(this=exp.to_identifier("delivered"), columns=names)
        rows = exp.Subquery(this=tree.expression, alias=alias)
        day = exp.cast(exp.column("start_utc"), "date")
        tree.set("expression", exp.select("*").from_(rows).order_by(day))
    return tree


def _with_own_clock(node: exp.Expr) -> exp.Expr:
    """Replace `SYSUTCDATETIME()`, the current time in UTC without a zone."""
    if isinstance(node, exp.Anonymous) and node.name.upper() == "SYSUTCDATETIME":
        return exp.AtTimeZone(this=exp.CurrentTimestamp(), zone=exp.Literal.string("UTC"))
    return node


def _without_length(node: exp.Expr) -> exp.Expr:
    """Replace `varbinary(100)` and `varchar(max)`: these have no length in DuckDB."""
    if isinstance(node, exp.DataType) and node.is_type(exp.DataType.Type.VARBINARY):
        return exp.DataType.build("varbinary")
    if isinstance(node, exp.DataType) and any(each.name.upper() == "MAX" for each in node.expressions):
        return exp.DataType.build(node.this)
    return node


def _without_ranges_of_letters(node: exp.Expr) -> exp.Expr:
    """Replace `x LIKE '%[0-9]n%'`, or several joined by OR, by one search for a regular expression.

    DuckDB's LIKE has no ranges, and the search for all of the patterns takes no longer than for one.
    """
    likes = list(node.flatten()) if isinstance(node, exp.Or) else [node]
    if not all(isinstance(each, exp.Like) and "[" in each.expression.name for each in likes):
        return node
    if len({each.this for each in likes}) > 1:
        return node
    patterns = "|".join(_regular(each.expression.name) for each in likes)
    return exp.func("REGEXP_MATCHES", likes[0].this.copy(), exp.Literal.string(patterns), dialect="duckdb")


def _regular(like: str) -> str:
    """Return the regular expression of a pattern of LIKE that has `%` at both ends."""
    inner = like.removeprefix("%").removesuffix("%")
    return "".join(each if each[0] == "[" else re.escape(each) for each in re.findall(r"\[[^\]]*\]|.", inner))


def _without_openjson(node: exp.Expression, *, from_rows: bool) -> exp.Expression:
    """Replace `OPENJSON(x) WITH (a type, ...) AS t` by rows that DuckDB can read."""
    if not (isinstance(node, exp.Table) and isinstance(node.this, exp.OpenJSON)):
        return node
    fields = {column.name: column.args["kind"].sql("duckdb") for column in node.this.expressions}
    if from_rows:
        rows = sqlglot.parse_one(_rows_of_columns(fields), read="duckdb")
    else:
        rows = sqlglot.parse_one(_rows_of_structs(fields), read="duckdb")
        placeholder = rows.find(exp.Placeholder)
        assert placeholder is not None  # The text parsed just above has one.  # noqa: S101
        placeholder.replace(node.this.this)
    return exp.Subquery(this=rows, alias=node.args["alias"])


def _rows_of_structs(fields: dict[str, str]) -> str:
    structure = ", ".join(f'"{name}": "{kind}"' for name, kind in fields.items())
    return f"SELECT UNNEST(FROM_JSON(?, '[{{{structure}}}]'), recursive := TRUE)"


def _rows_of_columns(fields: dict[str, str]) -> str:
    columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in fields.items())
    return f"SELECT {columns} FROM {ROWS}"  # noqa: S608  # Names and types of a statement of ours.
