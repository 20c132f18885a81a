"""What speaks with the system of a catalog, by the catalog's type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.redaction import hide
from lakeworks.engines.remote_reading import RemoteServer
from lakeworks.ingest.federation.tables import FederatedTables
from lakeworks.project.catalog_declaration import federated
from lakeworks.project.catalogs import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.partition_conditions import ExternalPlanner
    from lakeworks.engines.remote_reading import RemoteReader
    from lakeworks.ingest.federation.connector import Connector
    from lakeworks.project.catalog_declaration import FederatedCatalog
    from lakeworks.project.declaration import Project


def federated_tables(
    project: Project,
    reader: Callable[[], RemoteReader],
    planner: Callable[[], ExternalPlanner],
) -> FederatedTables:
    """Return the tables of a project's catalogs, but for files, which are external tables."""
    catalogs = {name: one for name, one in federated(project).items() if one.type != "parquet"}

    def connect(catalog: FederatedCatalog) -> Connector:
        return _connector(catalog, project, reader)

    return FederatedTables(catalogs, connect, reader, planner)


def _connector(
    catalog: FederatedCatalog, project: Project, reader: Callable[[], RemoteReader]
) -> Connector:
    def settings() -> dict[str, str]:
        return settings_of(catalog, project)

    if catalog.type == "sqlite":
        from lakeworks.ingest.federation.sqlite import Sqlite

        return Sqlite(catalog)
    if catalog.type == "dynamodb":
        from lakeworks.ingest.federation.dynamodb import DynamoDb

        return DynamoDb(catalog, settings)

    def ask(server: RemoteServer, sql: str) -> list[dict[str, object]]:
        return reader().table(server, sql)

    if catalog.type == "mysql":
        from lakeworks.ingest.federation.mysql import MySql

        return MySql(catalog, lambda: _server(catalog, settings()), ask)
    from lakeworks.ingest.federation.postgres import Postgres

    return Postgres(catalog, lambda: _server(catalog, settings()), ask)


def settings_of(catalog: FederatedCatalog, project: Project) -> dict[str, str]:
    """Return how a catalog's system is reached, secrets in place of their references.

    Raises:
        SecretUnavailableError: whoever keeps a secret does not give it.
    """
    secrets = project.environment.secrets
    found = {}
    for key, value in catalog.settings.items():
        text = str(value)
        found[key] = text if secrets is None else secrets.resolved(text, catalog.line(key))
        if key in SECRET:
            hide(found[key])
    return found


def _server(catalog: FederatedCatalog, settings: dict[str, str]) -> RemoteServer:
    told = {**settings, "tls": catalog.tls, "connect_s": str(catalog.connect_s)}
    kind = "mysql" if catalog.type == "mysql" else "postgres"
    return RemoteServer("mysql" if kind == "mysql" else "postgres", catalog.name, told)
