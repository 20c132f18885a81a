"""What a person is known by in a lake: the values of columns, as texts. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.core.names import QUARANTINE
from lakeworks.core.types import Scalar
from lakeworks.privacy.parquet_search import Look
from lakeworks.privacy.subjects import is_vague
from lakeworks.privacy.text_search import Keys, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.privacy.subjects import ColumnId

RESCUED, ROW = "_rescued", "row"


@dataclass
class Trace:
    """What a person is known by, wherever that is.

    Attributes:
        columns: Of each table the columns with values of the person, as texts.
        named: Names that were said of no table in particular, with the person's values: whatever is
            called so names persons, a key in a text of JSON too.
        primary: Values that name the person, and not merely something of theirs.
        carried: Of a column of each table, the tables that carry its values on.
        unidentified: Tables made of the person's rows in which nobody can be told apart.
        singly: Those of them that have something of single rows, and not merely sums.
        untold: Tables of which nothing tells what they were made from.
        shared: Of each identifier that others have too, how many rows of theirs have it.
    """

    columns: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    primary: set[str] = field(default_factory=set)
    carried: dict[str, set[str]] = field(default_factory=dict)
    unidentified: dict[str, str] = field(default_factory=dict)
    singly: set[str] = field(default_factory=set)
    untold: set[str] = field(default_factory=set)
    shared: dict[str, int] = field(default_factory=dict)

    def values(self, column: ColumnId) -> set[str]:
        """Return the values known of a column."""
        return self.columns.get(column[0], {}).get(column[1], set())

    @property
    def words(self) -> Words:
        """What is looked for in free text."""
        return Words(frozenset(self.primary))

    def keys(self, table: str, inputs: Iterable[str] = ()) -> Keys:
        """Return what tells that a record of a table, in JSON, is the person's."""
        by_path: dict[tuple[str, ...], set[str]] = {}
        for one in (table, *inputs):
            for path, values in self.columns.get(one, {}).items():
                names = tuple(path.split("."))
                # An `id` of something else in the record names somebody else.
                key = names if is_vague(names[-1]) else names[-1:]
                by_path.setdefault(key, set()).update(values)
        words = self.words if by_path else Words(frozenset())
        for name, values in self.named.items():
            by_path.setdefault((name,), set()).update(values)
        frozen = {key: frozenset(values) for key, values in by_path.items()}
        return Keys(
            {key[0]: v for key, v in frozen.items() if not is_vague(key[-1])},
            words,
            {key: values for key, values in frozen.items() if is_vague(key[-1])},
        )

    def look(self, table: TableName, schema: Schema, inputs: Mapping[str, TableName]) -> Look:
        """Return what to look for in a table's files.

        Args:
            table: The table.
            schema: Its columns.
            inputs: Of quarantine tables: whose rows these are.
        """
        if table.database == QUARANTINE:
            target = inputs.get(str(table))
            named = (str(target),) if target else ()
            keys = self.keys(*named) if named else replace(self.keys(""), words=self.words)
            return Look(cells={ROW: keys}) if keys or keys.words.values else Look()
        columns = {
            path: frozenset(values) for path, values in self.columns.get(str(table), {}).items()
        }
        keys = replace(self.keys(str(table)), words=Words(frozenset()))
        texts = [one.name.lower() for one in schema if keys and one.type == Scalar("string")]
        cells = {RESCUED: keys} if RESCUED in texts else {}
        return Look(columns, cells, {name: keys for name in texts if name not in cells})

    def as_json(self) -> dict[str, object]:
        """Return plain values."""
        return {
            "columns": {
                table: {path: sorted(values) for path, values in paths.items()}
                for table, paths in self.columns.items()
            },
            "named": {name: sorted(values) for name, values in self.named.items()},
            "primary": sorted(self.primary),
            "carried": {column: sorted(tables) for column, tables in self.carried.items()},
            "unidentified": self.unidentified,
            "singly": sorted(self.singly),
        }

    def join(self, told: object) -> None:
        """Add what an earlier trace, as `as_json` wrote it, knew."""
        if not isinstance(told, dict):
            return
        for table, paths in told["columns"].items():
            for path, values in paths.items():
                self.columns.setdefault(table, {}).setdefault(path, set()).update(values)
        for name, values in told.get("named", {}).items():
            self.named.setdefault(name, set()).update(values)
        self.primary.update(told["primary"])
        for column, tables in told["carried"].items():
            self.carried.setdefault(column, set()).update(tables)
        self.unidentified = {**told.get("unidentified", {}), **self.unidentified}
        self.singly.update(told.get("singly", ()))

    def concerns(self, table: str) -> bool:
        """Whether a table is, or may be, made of the person's rows."""
        return table in self.columns or table in self.unidentified or table in self.untold

    def carries(self, table: str, source: str, path: str) -> bool:
        """Whether a table has what names the person in a column of a table that it reads."""
        return table in self.carried.get(f"{source}.{path}", ())
