"""`lake catalog create-database`, `import`, `export`, `drop`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import catalog_entry, render, say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import (
    AsJson,
    AsPrincipal,
    EnvironmentName,
    Folder,
    opened,
    owned,
    permitted,
    seen,
)

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog import DataCatalog, PartitionEntry
    from lakeworks.catalog.data_catalog.glue_documents import Document
    from lakeworks.cli.options import AnyLake
    from lakeworks.core.names import TableName
    from lakeworks.lake import Lake


def create_database(
    name: Annotated[str, typer.Argument(help="Its name; written in lower case.")],
    *,
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="What it holds.", show_default=False)
    ] = "",
    location: Annotated[
        str,
        typer.Option(metavar="URI", help="Where its tables' files lie.", show_default=False),
    ] = "",
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Make a database for external tables."""
    from lakeworks.catalog.data_catalog.glue_json import database_to_json
    from lakeworks.catalog.data_catalog.model import DatabaseEntry

    with seen(folder, environment, principal) as lake:
        made = lake.catalog.data_catalog.create_database(
            DatabaseEntry(name, description, location)
        )
    if as_json:
        say.as_json(database_to_json(made))
    else:
        say.line(f"Database {made.name} is there.")


def import_(
    file: Annotated[
        Path, typer.Argument(help="Glue's JSON; - for standard input.", show_default=False)
    ],
    *,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Put all tables into this database.", show_default=False
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE", help="The table that partitions belong to.", show_default=False
        ),
    ] = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Bring databases, tables and partitions in from Glue's JSON.

    Takes what `lake catalog export` and `aws glue get-databases`, `get-tables`, `get-table` and
    `get-partitions` print. What is there already is updated, as a new version.
    """
    from lakeworks.catalog.data_catalog.glue_documents import read_document

    belongs = None if table is None else catalog_entry.name_of(table)
    document = read_document(
        _json_of(file),
        database=database or (belongs.database if belongs else None),
        table=belongs.table if belongs else None,
    )
    with opened(folder, environment) as lake:
        done = _bring_in(lake.catalog.data_catalog, document, f"import of {file.name}")
    if as_json:
        say.as_json(done)
        return
    say.line(
        f"{render.plural(done['tables'], 'table')} in the file, {done['changed']:,} new or "
        f"changed; {render.plural(done['partitions'], 'partition')}."
    )


def export(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A table or a database; default: everything.",
            show_default=False,
        ),
    ] = None,
    *,
    partitions: Annotated[
        bool,
        typer.Option("--partitions", help="With the tables' partitions.", show_default=False),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here.", show_default=False),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
) -> None:
    """Print Glue's JSON of a table, a database or everything.

    Of a table: what `aws glue create-table --cli-input-json` takes.
    """
    with seen(folder, environment, principal) as lake:
        told = _exported(lake, name, partitions=partitions)
        view = permitted(lake)
        if output is not None and view is not None:
            view.exported("catalog export", [name or "catalog"], output)
    if output is None:
        say.as_json(told)
    else:
        output.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        say.remark(f"Written: {output}")


def drop(
    name: Annotated[str, typer.Argument(help="A table, or with --database a database.")],
    *,
    database: Annotated[
        bool,
        typer.Option("--database", help="A database with all its tables.", show_default=False),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Delete entries from the data catalog. Files stay where they are."""
    with seen(folder, environment, principal) as lake:
        data = lake.catalog.data_catalog
        if database:
            _refuse_managed(name.lower())
            data.get_database(name)
        else:
            table = catalog_entry.name_of(name)
            if data.get_table(table).managed:
                _refuse_managed(table.database)
            whole = owned(lake)
            if whole is not None:
                _refuse_declared(whole, table)
        if not yes:
            what = f"database {name} with all its tables" if database else name
            typer.confirm(f"Delete the entry of {what}? Its files stay.", abort=True)
        if database:
            data.delete_database(name)
        else:
            data.delete_table(table)
    if as_json:
        say.as_json({"dropped": name.lower()})
    else:
        say.line(f"{name} is no longer in the data catalog.")


def _bring_in(data: DataCatalog, document: Document, reason: str) -> dict[str, Any]:
    for name in (*(table.name for table in document.tables), *document.partitions):
        _refuse_managed(name.database.lower())
    for entry in document.databases:
        data.ensure_database(entry.name)
        # A database that only carries tables says nothing of itself.
        if entry != type(entry)(entry.name):
            data.update_database(entry)
    changed = data.put_tables(document.tables, reason=reason)
    added = data.put_partitions_of(document.partitions)
    return {
        "databases": len(document.databases),
        "tables": len(document.tables),
        "changed": changed,
        "partitions": added,
    }


def _exported(lake: AnyLake, name: str | None, *, partitions: bool) -> dict[str, Any]:
    from lakeworks.catalog.data_catalog.glue_documents import (
        database_document,
        table_document,
    )

    data = lake.catalog.data_catalog

    def table(table_name: TableName) -> dict[str, Any]:
        found = _partitions(lake, table_name) if partitions else []
        return table_document(data.get_table(table_name), found)

    def database(wanted: str) -> dict[str, Any]:
        entry = data.get_database(wanted)
        names = [one for one in data.table_names() if one.database == entry.name]
        return database_document(entry, [table(one) for one in names])

    if name is None:
        return {"Databases": [database(one.name) for one in data.list_databases()]}
    return table(catalog_entry.name_of(name)) if "." in name else database(name)


def _partitions(lake: AnyLake, name: TableName) -> list[PartitionEntry]:
    whole = owned(lake)
    data = whole.catalog.data_catalog if whole is not None else None
    return lake.entries.partitions(name) if data is None else data.partitions(name)


def _refuse_managed(database: str) -> None:
    from lakeworks.catalog.data_catalog.verbs import MANAGED_DATABASES

    if database in MANAGED_DATABASES:
        raise UsageError(
            f"database {database} belongs to the lake's own tables, whose entries its runs keep",
            "name another with --database for tables that are to be imported",
        )


def _refuse_declared(lake: Lake, table: TableName) -> None:
    declared = lake.project.tables.get(table)
    if declared is not None:
        raise UsageError(
            f"{table} is declared in {declared.at.file}, and would be there again at once",
            "delete that file first",
        )


def _json_of(file: Path) -> Any:  # noqa: ANN401 - JSON
    from lakeworks.catalog.data_catalog.errors import GlueJsonError

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        return json.loads(text)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except RecursionError:
        raise GlueJsonError.too_deep() from None
    except ValueError as error:
        raise GlueJsonError.unreadable(str(file), str(error)) from error
