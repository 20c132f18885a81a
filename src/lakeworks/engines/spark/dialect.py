"""Translate the lake's SQL (DuckDB's dialect) into Spark's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.types import Schema


@dataclass(frozen=True, slots=True)
class Translated:
    """A SELECT in Spark's SQL, and the bound names that it reads."""

    sql: str
    tables: tuple[str, ...]


def spark_select(sql: str, schemas: Mapping[str, Schema]) -> Translated:
    """Return a SELECT over bound names in Spark's SQL, over the views of `view_name`."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, dialect="duckdb")
    read: list[str] = []
    for table in list(tree.find_all(exp.Table)):
        name = ".".join(part.name for part in table.parts)
        bound = next((one for one in schemas if one.casefold() == name.casefold()), None)
        if bound is not None:
            read.append(bound)
            alias = table.alias or table.name
            table.set("db", None)
            table.set("this", exp.to_identifier(view_name(bound), quoted=True))
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return Translated(tree.sql(dialect="spark"), tuple(dict.fromkeys(read)))


def spark_expression(text: str, schema: Schema) -> str:  # noqa: ARG001 - types come next
    """Return an expression over columns of `schema` in Spark's SQL."""
    import sqlglot

    return sqlglot.parse_one(text, dialect="duckdb").sql(dialect="spark")


def view_name(name: str) -> str:
    """Return the temporary view that holds a bound name."""
    return name.casefold()
