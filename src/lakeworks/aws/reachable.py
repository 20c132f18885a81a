"""Whether a cluster can run a project: its settings, its engine, and where its data is.

Everything is told before a byte is uploaded, with the line of lake.yml or of the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.aws.errors import NotForClustersError, NotReachableError, SubmitSettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.aws.targets import Target
    from lakeworks.project.declaration import Environment, Location, Project

_S3 = "s3://"


def check_engine(environment: Environment) -> None:
    """Look at the environment's engine.

    Raises:
        NotForClustersError: it is not Spark.
    """
    if environment.engine != "spark":
        raise NotForClustersError.engine(
            environment.at("engine"), environment.engine, environment.name
        )


def check(project: Project, target: Target) -> None:
    """Raise the first thing that keeps `target` from running `project`.

    Raises:
        SubmitSettingsError: a setting is missing or wrong.
        NotReachableError: tables, catalog or a source lie where the cluster cannot reach them.
    """
    environment = project.environment
    check_settings(environment, target)
    hint = (
        "write s3://bucket/prefix"
        if target.on_aws
        else "write s3://bucket/prefix, or the absolute path of a folder outside the project "
        "that every machine of the cluster has"
    )
    root = f"{project.root}/"
    for at, what, place in _places(project):
        stays = not place.startswith(_S3) and (target.on_aws or f"{place}/".startswith(root))
        if stays:
            raise NotReachableError.from_cluster(
                at, f"{what} lies in {place}", target.name, hint
            )
    _check_catalog(project, target)


def check_settings(environment: Environment, target: Target) -> None:
    """Look at `submit:` alone.

    Raises:
        SubmitSettingsError: a setting is missing or wrong.
    """
    settings = environment.submit
    for key, variable in settings.unset.items():
        raise SubmitSettingsError.wrong(
            environment.at(key), key, f"names the variable {variable}, which is not set",
            f"set {variable} in the environment",
        )  # fmt: skip
    for key, example in target.needs.items():
        of_spark = environment.spark.master if key == "master" else None
        if not (getattr(settings, key) or of_spark):
            raise SubmitSettingsError.missing(
                environment.at(f"submit.{key}"), key, target.name, example
            )
    for key in ("code", "python_archive"):
        place = getattr(settings, key)
        if place is not None and target.on_aws and not place.startswith(_S3):
            raise SubmitSettingsError.wrong(
                environment.at(f"submit.{key}"), key, f"{place!r} is not on S3",
                f"write {key}: s3://bucket/prefix",
            )  # fmt: skip
    if not target.on_aws:
        _check_code_of_driver(environment)
    for name in settings.variables.keys() & settings.secrets.keys():
        raise SubmitSettingsError.wrong(
            environment.at(f"submit.secrets.{name}"), f"secrets: {name}",
            "is given among the variables too", "keep one of them",
        )  # fmt: skip


def _check_code_of_driver(environment: Environment) -> None:
    settings = environment.submit
    at = environment.at("submit.code")
    if settings.deploy_mode == "cluster" and settings.code is None:
        raise SubmitSettingsError.missing(
            at, "code", "a driver on the cluster", "s3://bucket/x"
        )
    if settings.code is None:
        return
    if settings.deploy_mode == "client" and settings.code.startswith(_S3):
        raise SubmitSettingsError.wrong(
            at, "code", "is on S3, and a driver that runs here reads a folder",
            "leave code: out, or write deploy_mode: cluster",
        )  # fmt: skip
    if not settings.code.startswith((_S3, "/")):
        raise SubmitSettingsError.wrong(at, "code", "is not an absolute folder")


def _places(project: Project) -> Iterator[tuple[Location, str, str]]:
    environment = project.environment
    yield environment.at("storage"), "the storage", environment.storage
    for source in project.sources.values():
        yield source.at, f"the source of {source.table}", source.path
    for table in project.tables.values():
        yield table.at, f"the external table {table.table}", table.location
    read = {table.database for model in project.models.values() for table in model.inputs}
    for catalog in project.catalogs.values():
        place = catalog.path or catalog.location
        if place and not read.isdisjoint(catalog.databases):
            yield catalog.at, f"the catalog {catalog.name}", place


def _check_catalog(project: Project, target: Target) -> None:
    environment = project.environment
    scheme, _, path = environment.catalog.partition(":///")
    if not scheme.startswith("sqlite"):
        return
    at = environment.at("catalog")
    if target.on_aws or environment.submit.deploy_mode == "cluster":
        raise NotReachableError.from_cluster(
            at, "the catalog is a SQLite file", target.name,
            "write catalog: postgresql+psycopg://user:${DB_PASSWORD}@host/database",
        )  # fmt: skip
    if path.startswith(f"{project.root}/"):
        raise NotReachableError.from_cluster(
            at, "the catalog lies in the project's folder, of which the job has a copy",
            target.name, "write catalog: sqlite:////absolute/path/catalog.db, or PostgreSQL",
        )  # fmt: skip
