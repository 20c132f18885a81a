"""Names of databases and tables, as the Glue Data Catalog and Athena accept them.

Pure. A name that passes here is safe inside SQL quotes, a path and a URL, so no other module
escapes names; column names are free text and are quoted by `quote_identifier`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from lakeworks.core.errors import NameRefusedError

LAYERS = ("bronze", "silver", "gold")
QUARANTINE = "quarantine"
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """`database.table`: lower-case letters, digits and underscores, at most 128 each."""

    database: str
    table: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `database.table`.

        Raises:
            NameRefusedError: not two parts, or a part with other characters.
        """
        parts = text.split(".")
        if len(parts) != 2 or not all(_IDENTIFIER.fullmatch(part) for part in parts):  # noqa: PLR2004
            raise NameRefusedError(
                f"{text!r} is not a table name",
                "write database.table in lower-case letters, digits and underscores, "
                "such as silver.orders",
            )
        return cls(*parts)

    @property
    def quarantine(self) -> TableName:
        """The table that holds this table's rejected rows."""
        return TableName(QUARANTINE, f"{self.database}_{self.table}")

    def __str__(self) -> str:
        return f"{self.database}.{self.table}"


def is_identifier(text: str) -> bool:
    """Whether `text` may name a database, a table, an environment or a lake."""
    return _IDENTIFIER.fullmatch(text) is not None


def quote_identifier(name: str) -> str:
    """Return `name` as a double-quoted SQL identifier, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Return `text` as a single-quoted SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
