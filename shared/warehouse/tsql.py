"""T-SQL as DuckDB takes it. Pure; sqlglot does nearly all of it."""

import re
from functools import lru_cache

import sqlglot
from sqlglot import exp

from shared.warehouse import clustering, schema

SCHEMA = "metering"

_EXISTS_GUARD = re.compile(r"IF (?:SCHEMA|OBJECT)_ID\('[^']*'\) IS NULL\s+")
_SCHEMA = re.compile(r"EXEC\('CREATE SCHEMA \w+'\)")


@lru_cache(maxsize=512)
def translated(sql: str) -> str:
    """One statement of T-SQL in DuckDB's dialect; its `?` stay in order."""
    tree = sqlglot.parse_one(sql, read="fabric").transform(_without_openjson)
    return _without_schema(clustering.with_numbers(tree)).sql(dialect="duckdb")


def translated_definition(batch: str) -> str | None:
    """One batch of the scripts in infra/warehouse in DuckDB's dialect; None where there is nothing to do.

    DuckDB has `IF NOT EXISTS` where T-SQL guards with `OBJECT_ID`, and clusters in its own way.
    """
    statement = _EXISTS_GUARD.sub("", schema.without_clustering(batch))
    if _SCHEMA.search(statement):
        return None
    tree = sqlglot.parse_one(statement, read="fabric").transform(_with_own_clock)
    if isinstance(tree, exp.Create) and tree.kind == "TABLE":
        tree.set("exists", True)
        tree = clustering.with_number_column(tree)
    return _without_schema(tree).sql(dialect="duckdb")


def _without_schema(tree: exp.Expr) -> exp.Expr:
    """Tables live in DuckDB's own schema.

    A database is called as its file there, and where a file is called as the schema, `metering`,
    a table named with its schema would be ambiguous; with its database, a file could not be renamed.
    """
    for node in tree.find_all(exp.Table, exp.Column):
        if node.text("db") == SCHEMA:
            node.set("db", None)
    return tree


def _with_own_clock(node: exp.Expr) -> exp.Expr:
    """`SYSUTCDATETIME()`, the time now in UTC without zone."""
    if isinstance(node, exp.Anonymous) and node.name.upper() == "SYSUTCDATETIME":
        return exp.AtTimeZone(this=exp.CurrentTimestamp(), zone=exp.Literal.string("UTC"))
    return node


def _without_openjson(node: exp.Expression) -> exp.Expression:
    """`OPENJSON(x) WITH (a type, ...) AS t` becomes rows of a list of structs, which DuckDB reads."""
    if not (isinstance(node, exp.Table) and isinstance(node.this, exp.OpenJSON)):
        return node
    fields = {column.name: column.args["kind"].sql("duckdb") for column in node.this.expressions}
    structure = ", ".join(f'"{name}": "{kind}"' for name, kind in fields.items())
    rows = sqlglot.parse_one(
        f"SELECT UNNEST(FROM_JSON(?, '[{{{structure}}}]'), recursive := TRUE)", read="duckdb"
    )
    placeholder = rows.find(exp.Placeholder)
    assert placeholder is not None  # It stands in the text parsed just above.  # noqa: S101
    placeholder.replace(node.this.this)
    return exp.Subquery(this=rows, alias=node.args["alias"])
