"""`lake catalog`: databases, tables, their versions and partitions, as Glue's Data Catalog has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import catalog_entry, render, say
from lakeworks.cli.catalog_changes import create_database, drop, export, import_
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, seen

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog import PartitionEntry, TableEntry

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="Such as raw.clicks.")]
_MOST_SHOWN = 100


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    noun = typer.Typer(help="What the data catalog knows: databases, tables, partitions.")
    noun.command()(databases)
    noun.command()(tables)
    noun.command()(show)
    noun.command()(versions)
    noun.command()(partitions)
    noun.command()(statistics)
    noun.command("create-database")(create_database)
    noun.command("import")(import_)
    noun.command()(export)
    noun.command()(drop)
    app.add_typer(noun, name="catalog")


def databases(
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List the databases."""
    with seen(folder, environment, principal) as lake:
        data = lake.catalog.data_catalog
        found = data.list_databases()
        counts: dict[str, int] = {}
        for name in data.table_names():
            counts[name.database] = counts.get(name.database, 0) + 1
    if as_json:
        from lakeworks.catalog.data_catalog.glue_json import database_to_json

        say.as_json([database_to_json(one) for one in found])
        return
    if not found:
        say.line("The data catalog is empty: lake run, or lake catalog import FILE.")
        return
    say.table(
        ["database", "tables", "description", "location"],
        [[one.name, counts.get(one.name, 0), one.description, one.location] for one in found],
    )


def tables(
    database: Annotated[
        str | None, typer.Argument(help="Only of this database.", show_default=False)
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = _MOST_SHOWN,
    after: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Begin behind this table: the last of the page before.",
            show_default=False,
        ),
    ] = "",
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List the tables, the lake's own and external ones, by name."""
    with seen(folder, environment, principal) as lake:
        found = lake.catalog.data_catalog.list_tables(database, after=after, limit=limit + 1)
        catalog_entry.remark_unseen(lake, database)
    page = found[:limit]
    if as_json:
        from lakeworks.catalog.data_catalog.glue_json import table_to_json

        say.as_json([table_to_json(one) for one in page])
        return
    if not page:
        say.line(
            "There are no tables: lake run makes some, lake catalog import FILE brings some."
        )
        return
    say.table(
        ["table", "kind", "format", "columns", "version", "owner", "description"],
        [_row(one) for one in page],
    )
    if len(found) > limit:
        last = str(page[-1].name) if database is None else page[-1].name.table
        say.remark(f"There are more: --after {last}")


def show(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="raw.clicks, or raw.clicks@v3.")
    ],
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show a table's entry: columns, tags, keys, location, format, parameters."""
    with seen(folder, environment, principal) as lake:
        catalog_entry.show(lake, table, as_json=as_json)


def versions(
    table: TableArgument,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List a table's versions: every change, who made it, when and why."""
    with seen(folder, environment, principal) as lake:
        found = lake.catalog.data_catalog.versions(catalog_entry.name_of(table))
    if as_json:
        from lakeworks.catalog.data_catalog.glue_json import table_to_json

        say.as_json([
            {"VersionId": str(one.version), "UpdatedBy": one.by, "Reason": one.reason,
             "Table": table_to_json(one.entry)}
            for one in found
        ])  # fmt: skip
        return
    changes = catalog_entry.changes([one.entry for one in found])
    say.table(
        ["version", "at", "by", "why", "change"],
        [
            [one.version, render.moment(one.at), one.by, one.reason, change]
            for one, change in zip(found, changes, strict=True)
        ],
    )


def partitions(
    table: TableArgument,
    *,
    where: Annotated[
        str,
        typer.Option(
            metavar="CONDITION",
            help="Such as \"year = 2026 and region in ('eu', 'us')\", as Glue's GetPartitions "
            "takes it.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = _MOST_SHOWN,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List a table's partitions, or those that fit a condition over its keys."""
    from lakeworks.catalog.data_catalog.expression import parsed

    condition = parsed(where) if where else None
    name = catalog_entry.name_of(table)
    with seen(folder, environment, principal) as lake:
        entry = lake.catalog.data_catalog.get_table(name)
        found = lake.entries.partitions(name, condition)
        hidden = entry.partition_keys and not found and principal
    if hidden:
        say.remark("Partitions of a table that is not seen whole are left out.")
    if as_json:
        from lakeworks.catalog.data_catalog.glue_json import partition_to_json

        say.as_json([partition_to_json(one, name) for one in found[:limit]])
        return
    if not entry.partition_keys:
        say.line(f"{name} has no partition keys.")
        return
    keys = [key.name for key in entry.partition_keys]
    say.table([*keys, "location"], [_partition_row(one) for one in found[:limit]])
    say.remark(f"{min(limit, len(found)):,} of {render.plural(len(found), 'partition')}.")


def statistics(
    table: TableArgument,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a table's columns: nulls, least, greatest, distinct values.

    Of the lake's own tables the Delta log says it, as far as it is exact.
    """
    with seen(folder, environment, principal) as lake:
        name = catalog_entry.name_of(table)
        found = lake.entries.statistics(name)
        columns = lake.catalog.data_catalog.get_table(name).columns if principal else ()
    if len(found) < len(columns):
        say.remark("Columns that are not seen as they are, in every row, are left out: "
                   f"lake quality profile {table} --as {principal}")  # fmt: skip
    if as_json:
        say.as_json([one.as_json() for one in found])
        return
    if not found:
        say.line(f"Nothing is known of the columns of {table}.")
        return
    say.table(
        ["column", "type", "nulls", "least", "greatest", "distinct"],
        [
            [
                one.column,
                one.type,
                one.data.get("NumberOfNulls"),
                catalog_entry.readable(one, "MinimumValue"),
                catalog_entry.readable(one, "MaximumValue"),
                one.data.get("NumberOfDistinctValues"),
            ]
            for one in found
        ],
    )


def _row(entry: TableEntry) -> list[object]:
    return [
        entry.name,
        catalog_entry.kind(entry),
        entry.classification,
        len(entry.columns),
        entry.version,
        entry.owner,
        entry.description,
    ]


def _partition_row(entry: PartitionEntry) -> list[object]:
    from lakeworks.catalog.data_catalog.model import HIVE_NULL

    return [*("null" if v == HIVE_NULL else v for v in entry.values), entry.location]
