"""Export of a person's data: one file a place, and a manifest that says where each is from.

For the lake's owner every table, quarantine and landed file is read as it is. Under a principal's
permissions only queries are asked, in its name, so it gets what it could have asked for itself;
nothing that it may not see helps to find rows, and no file as it arrived is opened.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lakeworks.core import clock
from lakeworks.core.names import QUARANTINE, TableName, quote_identifier
from lakeworks.core.types import Schema
from lakeworks.governance.principals import Principal
from lakeworks.privacy.erased_rows import condition
from lakeworks.privacy.errors import ExportFolderError, SubjectError
from lakeworks.privacy.landed_records import json_of
from lakeworks.privacy.landing import Landings
from lakeworks.privacy.outside import Outside
from lakeworks.privacy.parquet_bounds import may_hold
from lakeworks.privacy.parquet_search import rows_of
from lakeworks.privacy.sharing import check_unshared
from lakeworks.privacy.table_search import TableFound
from lakeworks.privacy.trace import ROW
from lakeworks.privacy.tracing import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from lakeworks.governance.service import Governance
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.parquet_search import Look
    from lakeworks.privacy.subjects import Wanted
    from lakeworks.privacy.trace import Trace
    from lakeworks.query.service import QueryService

FORMATS = ("json", "csv", "parquet")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export.

    Attributes:
        place: `silver.orders`, `quarantine.silver_orders`, `landing/bronze.orders`.
        version: Of a table: the version that was read.
        origins: Of landed records: the files that hold them.
    """

    place: str
    kind: str
    file: str
    rows: int
    version: int | None = None
    columns: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubjectExport:
    """An export: its folder, its files, and whose permissions held.

    Attributes:
        not_searched: What could not be looked at, or is not by who asked, and why.
    """

    folder: str
    principal: str
    identified_by: tuple[str, ...]
    exported_at: str
    snapshot: int
    files: tuple[ExportedFile, ...] = ()
    not_searched: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows and records were written."""
        return sum(one.rows for one in self.files)


@dataclass
class Exporter:
    """Exports persons from one lake."""

    services: Services
    lineage: Lineage
    query: Callable[[], QueryService]
    governance: Governance
    principal: str = ""
    shared: bool = False
    files: list[ExportedFile] = field(default_factory=list)
    not_searched: list[str] = field(default_factory=list)

    def export(self, wanted: tuple[Wanted, ...], out: Path, format_: str) -> SubjectExport:
        """Write the files and the manifest.

        Raises:
            SubjectError: a name leads nowhere, or to unlike things.
            ExportFolderError: the folder is not empty, or the format is none.
        """
        if format_ not in FORMATS:
            raise ExportFolderError(
                f"--format {format_!r} is none that exports have",
                f"known: {', '.join(FORMATS)}",
            )
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ExportFolderError.taken(str(out))
        who = Principal.parse(self.principal) if self.principal else Principal.operator()
        snapshot = self.services.catalog.current_snapshot()
        trace = self._trace(wanted)
        out.mkdir(parents=True, exist_ok=True)
        for table in sorted(snapshot.tables):
            self._table(table, snapshot.tables[table], trace, out, format_)
        if self.principal:
            self.not_searched.append(
                "files as they arrived, and tables of other systems: the lake's owner exports them"
            )
        else:
            self._outside(trace, out, format_)
            self._landed(trace, out)
        done = SubjectExport(
            str(out),
            str(who),
            tuple(one.name for one in wanted),
            clock.now().isoformat(),
            snapshot.id,
            tuple(self.files),
            tuple(self.not_searched),
        )
        told = {**asdict(done), "rows": done.rows}
        (out / MANIFEST).write_text(
            json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        self.governance.audit(
            "export",
            who,
            {
                "subject_export": True,
                "identified_by": list(done.identified_by),
                "tables": [one.place for one in done.files],
                "rows": done.rows,
            },
        )
        return done

    def _trace(self, wanted: tuple[Wanted, ...]) -> Trace:
        schemas = {
            table: self._version(table, number).schema
            for table, number in self.services.catalog.current_snapshot().tables.items()
        }
        if not self.principal:
            trace = Tracer(self.services, self.lineage, schemas).follow(wanted)
            check_unshared(trace, "export", allowed=self.shared)
            return trace
        own = {
            table: self._seen(table, schemas[table])
            for table in self.query().visible(self.principal)
            if table in schemas
        }
        try:
            # What follows from rows (an address looked up, the lines of an order) may be hidden.
            return Tracer(self.services, self.lineage, own, by_rows=False).follow(wanted)
        except SubjectError:
            raise SubjectError(
                "no column that may be seen is called so, or several unlike ones are",
                "name one as table and column: silver.customers.customer_id=…",
            ) from None

    def _seen(self, table: TableName, schema: Schema) -> Schema:
        """Return the columns that the principal sees of a table."""
        seen = {name for name, _ in self.query().columns(str(table), self.principal)}
        return Schema(tuple(one for one in schema if one.name in seen))

    def _version(self, table: TableName, number: int) -> Any:  # noqa: ANN401 - a TableVersion
        return self.services.storage.table(table).version(number)

    def _look(self, table: TableName, trace: Trace, schema: Schema) -> Look:
        project = self.services.project
        targets = {str(t.quarantine): t for t in (*project.sources, *project.models)}
        return trace.look(table, schema, targets)

    def _table(
        self, table: TableName, number: int, trace: Trace, out: Path, format_: str
    ) -> None:
        version = self._version(table, number)
        look = self._look(table, trace, version.schema)
        if not (look.columns or look.cells or look.texts):
            return
        if self.principal:
            self._asked(table, number, look, out, format_)
            return
        log = self.services.storage.table(table)
        found = []
        for one in version.files:
            if may_hold(one, look):
                with log.store.open_read(one.path) as file:
                    found += list(rows_of(file, look, one.partition))
        self._write(table, number, found, out, format_)

    def _asked(
        self, table: TableName, number: int, look: Look, out: Path, format_: str
    ) -> None:
        """Ask for the rows as the principal, by what it sees of the table."""
        from lakeworks.catalog.errors import UnknownTableError
        from lakeworks.core.types import Field, parse_type

        try:
            columns = self.query().columns(str(table), self.principal)
        except UnknownTableError:
            return
        schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in columns))
        names = {name.lower() for name, _ in columns}
        own = {p: v for p, v in look.columns.items() if p.partition(".")[0] in names}
        where = condition(
            TableFound(table, replace(look, columns=own, cells={}, texts={})), schema
        )
        judged = {name: keys for name, keys in look.cells.items() if name in names}
        if not own and not (judged and table.database == QUARANTINE):
            return
        listed = ", ".join(quote_identifier(name) for name, _ in columns)
        where = "true" if table.database == QUARANTINE else where
        sql = f"select {listed} from {table} where {where}"
        with self.query().sql(sql, caller=self.principal) as result:
            found = result.to_arrow()
        if table.database == QUARANTINE:
            import pyarrow as pa

            texts = found[ROW].to_pylist()
            kept = [bool(t) and judged[ROW].owns_text(t) for t in texts]
            found = found.filter(pa.array(kept, pa.bool_()))
        self._write(table, number, [found] if found.num_rows else [], out, format_)

    def _outside(self, trace: Trace, out: Path, format_: str) -> None:
        """Write the rows of other systems and of files outside the lake, as they are now."""
        outside = Outside(self.services)
        for one in outside.tables():
            columns = outside.columns(one, trace)
            rows = outside.rows(one, columns) if columns else None
            if rows is not None and rows.num_rows:
                self._write(one.table, None, [rows], out, format_)
        self.not_searched += [
            f"{what}: {why}" for what, why in sorted(outside.unreached.items())
        ]

    def _write(
        self,
        table: TableName,
        number: int | None,
        found: list[pa.Table],
        out: Path,
        format_: str,
    ) -> None:
        if not found:
            return
        import pyarrow as pa

        from lakeworks.query.results import QueryResult

        rows = pa.concat_tables(found, promote_options="permissive")
        name = f"{table}.{format_}"
        with QueryResult(rows.to_reader(), nullcontext()) as result:
            written = result.write(format_, out / name)
        kind = "quarantine" if table.database == QUARANTINE else "table"
        kind = "outside" if number is None else kind
        self.files.append(
            ExportedFile(str(table), kind, name, written, number, tuple(rows.schema.names))
        )

    def _landed(self, trace: Trace, out: Path) -> None:
        """Write the person's records of landed files, as they arrived."""
        by_table: dict[str, list[dict[str, Any]]] = {}
        for uri, table, text in self._records(trace):
            by_table.setdefault(table, []).append({"file": uri, "record": json_of(text)})
        for table, records in sorted(by_table.items()):
            name = f"landing.{table}.json"
            text = json.dumps(records, indent=1, ensure_ascii=False)
            (out / name).write_text(text + "\n", encoding="utf-8")
            origins = tuple(dict.fromkeys(one["file"] for one in records))
            self.files.append(
                ExportedFile(f"landing/{table}", "landing", name, len(records), origins=origins)
            )

    def _records(self, trace: Trace) -> Iterator[tuple[str, str, str]]:
        for one in Landings(self.services, trace).found(keep_text=True):
            for text in one.owned:
                yield one.uri, one.table, text
