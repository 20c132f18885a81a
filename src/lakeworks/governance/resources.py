"""What permissions are granted on, and which permissions each kind of it takes.

Pure. The kinds and words are Lake Formation's
(https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html): the catalog,
a database, a table or all tables of a database, some columns of a table or all but some, cells (a
data cells filter: rows and columns), whatever an LF-tag expression matches, and data locations.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, Literal

from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName, is_identifier
from lakeworks.governance.errors import PermissionNameError, ResourceError

Kind = Literal["catalog", "database", "table", "tags", "location"]
# Keys are joined by AND, the values of a key by OR.
TagExpression = tuple[tuple[str, tuple[str, ...]], ...]

ALL = "ALL"
CATALOG = frozenset({ALL, "CREATE_DATABASE", "DESCRIBE", "ERASE"})
DATABASE = frozenset({ALL, "ALTER", "CREATE_TABLE", "DESCRIBE", "DROP"})
TABLE = frozenset({ALL, "ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"})
COLUMNS = frozenset({"SELECT"})
LOCATION = frozenset({ALL, "DATA_LOCATION_ACCESS"})
PERMISSIONS = CATALOG | DATABASE | TABLE | LOCATION
LOCATION_MARK = "location:"
EVERY_TABLE = "*"
_PARTS = 2


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """What one grant is on.

    Attributes:
        database: A database's name; of a data location, its own.
        table: A table's name, or `*` for all tables of the database.
        columns: The columns granted; empty for all.
        excluded: Columns that are not granted; then columns that come later are.
        rows: A row filter, in Lake Formation's grammar; empty for all rows.
        cells: The name of a declared data cells filter, which stands for columns and rows.
        tags: An LF-tag expression, for the kind `tags`.
        of: What the expression is matched with.
    """

    kind: Kind
    database: str = ""
    table: str = ""
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    rows: str = ""
    cells: str = ""
    tags: TagExpression = ()
    of: Literal["databases", "tables"] = "tables"

    @classmethod
    def parse(cls, text: str) -> Resource:
        """Read `catalog`, `silver`, `silver.*`, `silver.orders` or `location:exports`.

        Raises:
            ResourceError: it is none of them.
        """
        if text == "catalog":
            return cls("catalog")
        if text.startswith(LOCATION_MARK) and is_identifier(text.removeprefix(LOCATION_MARK)):
            return cls("location", text.removeprefix(LOCATION_MARK))
        if is_identifier(text):
            return cls("database", text)
        database, _, table = text.partition(".")
        if table == EVERY_TABLE and is_identifier(database):
            return cls("table", database, table)
        try:
            name = TableName.parse(text)
        except NameRefusedError:
            raise ResourceError.unreadable(text) from None
        return cls("table", name.database, name.table)

    @classmethod
    def from_text(cls, text: str) -> Resource:
        """Read what `as_text` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("columns", "excluded"):
            if name in values:
                values[name] = tuple(values[name])
        if "tags" in values:
            values["tags"] = tuple((key, tuple(words)) for key, words in values["tags"])
        return cls(**values)

    def as_text(self) -> str:
        """Return one line of JSON, the same for equal resources."""
        return json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))

    def as_json(self) -> dict[str, Any]:
        """Return plain values, without those that say nothing."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.kind != "tags":
            del found["of"]
        return {name: value for name, value in found.items() if value}

    @property
    def is_narrowed(self) -> bool:
        """Whether it is less than whole tables."""
        return bool(self.columns or self.excluded or self.rows or self.cells)

    @property
    def takes(self) -> frozenset[str]:
        """The permissions that can be granted on it."""
        if self.kind in {"catalog", "location"}:
            return CATALOG if self.kind == "catalog" else LOCATION
        if self.kind == "database" or (self.kind == "tags" and self.of == "databases"):
            return DATABASE
        return COLUMNS if self.is_narrowed else TABLE

    def names(self, table: TableName) -> bool:
        """Whether it names a table, itself or as one of a database."""
        return (
            self.kind == "table"
            and self.database == table.database
            and self.table in (EVERY_TABLE, table.table)
        )

    def __str__(self) -> str:
        if self.kind == "catalog":
            return "catalog"
        if self.kind in {"database", "location"}:
            return f"{self.kind} {self.database}"
        if self.kind == "tags":
            told = " and ".join(f"{key}={'|'.join(values)}" for key, values in self.tags)
            text = f"{self.of} tagged {told}"
        else:
            text = f"{self.database}.{self.table}"
        if self.columns:
            text += f" ({', '.join(self.columns)})"
        if self.excluded:
            text += f" except ({', '.join(self.excluded)})"
        if self.cells:
            text += f" through {self.cells}"
        return f"{text} where {self.rows}" if self.rows else text


def checked_permissions(words: tuple[str, ...], resource: Resource) -> frozenset[str]:
    """Return permissions in their one spelling.

    Raises:
        PermissionNameError: a word is none, or is not for this kind of resource.
    """
    found: set[str] = set()
    for word in words:
        name = word.upper().replace(" ", "_")
        name = ALL if name in ("SUPER", "ALL_PRIVILEGES") else name
        if name not in PERMISSIONS:
            raise PermissionNameError.unknown(word, PERMISSIONS)
        if name not in resource.takes:
            hint = ""
            if resource.kind == "database" and name in TABLE:
                hint = f"write {resource.database}.* for all its tables"
            raise PermissionNameError.misplaced(name, str(resource), resource.takes, hint)
        found.add(name)
    if not found:
        raise PermissionNameError("no permission is named", "name SELECT, DESCRIBE, …")
    return frozenset(found)
