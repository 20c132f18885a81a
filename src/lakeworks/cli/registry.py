"""`lake registry`: schemas of records, their versions, and what may follow them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lakeworks.cli import say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, opened, seen
from lakeworks.cli.registry_check import check, validate
from lakeworks.cli.registry_files import DataFormatName, definition_of

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry import SchemaEntry, SchemaVersion

DEFAULT = "default-registry"
RegistryName = Annotated[
    str, typer.Option("--registry", metavar="NAME", help="The registry that holds the schema.")
]
Number = Annotated[
    int | None,
    typer.Option("--version", metavar="N", help="Default: the latest.", show_default=False),
]
Mode = Annotated[
    str | None,
    typer.Option(
        metavar="MODE",
        help="NONE, DISABLED, BACKWARD, BACKWARD_ALL, FORWARD, FORWARD_ALL, FULL or FULL_ALL.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    noun = typer.Typer(help="Schemas of records: versions, compatibility, validation.")
    noun.command("list")(list_)
    noun.command()(show)
    noun.command("register")(register_)
    noun.command()(check)
    noun.command()(validate)
    noun.command()(diff)
    noun.command("set")(set_)
    noun.command()(delete)
    app.add_typer(noun, name="registry")


def list_(
    schema: Annotated[
        str | None,
        typer.Argument(help="List this schema's versions.", show_default=False),
    ] = None,
    *,
    registry: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this registry.", show_default=False),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List schemas, or the versions of one."""
    with seen(folder, environment, principal) as lake:
        kept = lake.catalog.schema_registry
        if schema is not None:
            _print_versions(
                kept.list_schema_versions(schema, registry=registry or DEFAULT), as_json=as_json
            )
            return
        found = kept.list_schemas(registry)
    if as_json:
        say.as_json([say.plain(one) for one in found])
        return
    rows = [
        [
            one.registry,
            one.name,
            one.data_format,
            one.compatibility,
            one.latest,
            one.description,
        ]
        for one in found
    ]
    if rows:
        say.table(
            ["registry", "schema", "format", "compatibility", "latest", "description"], rows
        )
    else:
        say.line("No schema is registered yet: lake registry register FILE --schema NAME")


def show(
    schema: Annotated[str, typer.Argument(help="The schema's name.")],
    *,
    version: Number = None,
    registry: RegistryName = DEFAULT,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Print one version: its definition and what is known of it."""
    from lakeworks.catalog.schema_registry.texts import laid_out

    with seen(folder, environment, principal) as lake:
        kept = lake.catalog.schema_registry
        entry = kept.get_schema(schema, registry=registry)
        number: int | Literal["latest"] = version or "latest"
        found = kept.get_schema_version(schema, number, registry=registry)
        metadata = kept.query_schema_version_metadata(schema, version=number, registry=registry)
    if as_json:
        say.as_json(
            {
                "schema": say.plain(entry),
                "version": say.plain(found),
                "metadata": metadata,
            }
        )
        return
    for line in _facts(entry, found):
        say.line(line)
    for key, values in metadata.items():
        say.line(f"{key}: {', '.join(values)}")
    say.line()
    say.line(laid_out(found).rstrip("\n"))


def register_(
    file: Annotated[Path, typer.Argument(help="The definition: .avsc, .json or .proto.")],
    *,
    schema: Annotated[str, typer.Option(metavar="NAME", help="The schema's name.")],
    data_format: DataFormatName = None,
    compatibility: Mode = None,
    registry: RegistryName = DEFAULT,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Add a version to a schema; a schema that is not there is made.

    Ends with 1 when the version breaks the schema's compatibility: nothing is registered then.
    """
    from lakeworks.catalog.schema_registry.errors import UnknownSchemaError

    definition, kind = definition_of(file, data_format)
    with opened(folder, environment) as lake:
        kept = lake.catalog.schema_registry
        try:
            entry = kept.get_schema(schema, registry=registry)
        except UnknownSchemaError:
            kept.create_schema(
                schema,
                definition,
                data_format=kind,
                compatibility=compatibility or "BACKWARD",
                registry=registry,
            )
            found = kept.get_schema_version(schema, registry=registry)
        else:
            if compatibility is not None and compatibility.upper() != entry.compatibility:
                raise UsageError(
                    f"schema {schema!r} is there already and {entry.compatibility}",
                    f"lake registry set {schema} --compatibility {compatibility}",
                )
            found = kept.register_schema_version(schema, definition, registry=registry)
    if as_json:
        say.as_json(say.plain(found))
    else:
        say.line(f"{registry}/{schema} version {found.number} ({found.version_id})")


def diff(
    schema: Annotated[str, typer.Argument(help="The schema's name.")],
    first: Annotated[int, typer.Argument(help="A version's number.")],
    second: Annotated[int, typer.Argument(help="Another's.")],
    *,
    registry: RegistryName = DEFAULT,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
) -> None:
    """Print how the texts of two versions differ."""
    with seen(folder, environment, principal) as lake:
        found = lake.catalog.schema_registry.get_schema_versions_diff(
            schema, first, second, registry=registry
        )
    say.line(found or f"Versions {first} and {second} are equal.")


def set_(
    schema: Annotated[str, typer.Argument(help="The schema's name.")],
    *,
    compatibility: Mode = None,
    checkpoint: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The version from which modes over all versions compare; a new compatibility "
            "moves it to the latest.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is of.", show_default=False)
    ] = None,
    registry: RegistryName = DEFAULT,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Change a schema's compatibility, checkpoint or description."""
    with opened(folder, environment) as lake:
        found = lake.catalog.schema_registry.update_schema(
            schema,
            registry=registry,
            compatibility=compatibility,
            checkpoint=checkpoint,
            description=description,
        )
    if as_json:
        say.as_json(say.plain(found))
    else:
        say.line(f"{registry}/{schema}: {found.compatibility}, checkpoint {found.checkpoint}")


def delete(
    schema: Annotated[str, typer.Argument(help="The schema's name.")],
    *,
    versions: Annotated[
        str | None,
        typer.Option(
            metavar="N[-M]", help="Only these; the first cannot go alone.", show_default=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
    registry: RegistryName = DEFAULT,
    folder: Folder = None,
    environment: EnvironmentName = None,
) -> None:
    """Delete a schema, or some of its versions. Records that name them can then not be read."""
    what = f"versions {versions} of {schema}" if versions else f"{schema} with all its versions"
    with opened(folder, environment) as lake:
        kept = lake.catalog.schema_registry
        kept.get_schema(schema, registry=registry)
        if not yes:
            typer.confirm(f"Delete {what}? This cannot be undone.", abort=True)
        if versions:
            gone = kept.delete_schema_versions(schema, versions, registry=registry)
            say.line(f"Deleted: {', '.join(map(str, gone))}")
        else:
            kept.delete_schema(schema, registry=registry)
            say.line(f"Deleted: {registry}/{schema}")


def _print_versions(found: list[SchemaVersion], *, as_json: bool) -> None:
    if as_json:
        say.as_json([say.plain(one) for one in found])
        return
    rows = [
        [one.number, one.version_id, one.serial, one.status, one.created_at] for one in found
    ]
    say.table(["version", "id", "serial", "status", "created"], rows)


def _facts(entry: SchemaEntry, found: SchemaVersion) -> list[str]:
    lines = [
        f"{say.strong(f'{entry.registry}/{entry.name}')} version {found.number} of {entry.latest}",
        f"{found.data_format}, {entry.compatibility}, checkpoint {entry.checkpoint}",
        f"id {found.version_id}, serial {found.serial}, {found.created_at:%Y-%m-%d %H:%M} UTC",
    ]
    return [*lines, *([entry.description] if entry.description else [])]
