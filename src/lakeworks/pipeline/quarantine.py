"""What was rejected and why, as the last published snapshot has it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import QUARANTINE, TableName
from lakeworks.pipeline.errors import ReplayError

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.pipeline.state import Services
    from lakeworks.storage.files import TableSource


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows of one table that one rule rejected.

    Attributes:
        table: The table that they were meant for.
        rule: The rule's text, or `parse`, `type`, `schema`, `key`.
        example: The reason given for one of them.
        latest: When the last of them was rejected, ISO 8601, UTC.
    """

    table: str
    rule: str
    rows: int
    example: str
    latest: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def summary(services: Services, table: TableName | None = None) -> list[Rejected]:
    """Return what is in quarantine, by table and rule, most rows first."""
    found: list[Rejected] = []
    for name, source in sorted(_published(services).items()):
        if (table is not None and name != table) or not source.rows:
            continue
        with services.engine.session() as session:
            session.bind("quarantine.rejects", source)
            grouped = session.query(
                "select rule, count(*) as row_count, min(error) as example, "
                "cast(max(quarantined_at) as varchar) as latest "
                "from quarantine.rejects group by rule"
            ).read_all()
        found += [
            Rejected(str(name), r["rule"], r["row_count"], r["example"], r["latest"])
            for r in grouped.to_pylist()
        ]
    return sorted(found, key=lambda r: (-r.rows, r.table, r.rule))


def rows(services: Services, table: TableName, *, limit: int | None = None) -> pa.Table:
    """Return rejected rows of one table, the latest first.

    Raises:
        ReplayError: nothing of the table is in quarantine.
    """
    source = _published(services).get(table)
    if source is None or not source.rows:
        raise ReplayError.nothing(table)
    bound = "" if limit is None else f" limit {int(limit)}"
    with services.engine.session() as session:
        session.bind("quarantine.rejects", source)
        return session.query(
            "select * from quarantine.rejects "
            f'order by quarantined_at desc, source_file, source_row, "row"{bound}'
        ).read_all()


def _published(services: Services) -> dict[TableName, TableSource]:
    """Return the quarantine of every table that has one, by the table it is for."""
    by_quarantine = {
        table.quarantine: table
        for table in (*services.project.sources, *services.project.models)
    }
    found: dict[TableName, TableSource] = {}
    for name, version in services.catalog.current_snapshot().tables.items():
        if name.database == QUARANTINE and name in by_quarantine:
            table = services.storage.table(name).version(version)
            found[by_quarantine[name]] = table.source(services.storage.table_root(name))
    return found
