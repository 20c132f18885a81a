"""Entries go to a Glue server and come back: what is exported, it takes; what it says, we read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import (
    Column,
    DatabaseEntry,
    PartitionEntry,
    SerDe,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.catalog.data_catalog.expression import parsed
from lakeworks.catalog.data_catalog.glue_documents import (
    database_document,
    read_document,
    table_document,
)
from lakeworks.catalog.data_catalog.glue_json import table_input
from lakeworks.catalog.data_catalog.model import with_tags
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLICKS = TableName("raw", "clicks")


@pytest.fixture
def glue(s3_endpoint: str) -> Any:
    """A client of the tests' Glue server, which has no database yet."""
    import boto3

    client = boto3.client(
        "glue",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for one in client.get_databases()["DatabaseList"]:
        client.delete_database(Name=one["Name"])
    return client


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(f"sqlite:///{tmp_path}/catalog.db") as opened:
        yield opened


def clicks() -> TableEntry:
    return TableEntry(
        CLICKS,
        description="Clicks of the web shop",
        owner="web",
        storage=StorageDescriptor(
            columns=(
                Column("user_id", "bigint"),
                Column("email", "string", "The customer's", with_tags({}, {"pii": "email"})),
            ),
            location="s3://raw/clicks/",
            serde=SerDe(
                library="org.openx.data.jsonserde.JsonSerDe", parameters={"paths": "id"}
            ),
        ),
        partition_keys=(Column("year", "int"), Column("region", "string")),
        parameters=with_tags({"classification": "json"}, {"tier": "raw"}),
    )


def parts() -> list[PartitionEntry]:
    return [
        PartitionEntry(
            (str(year), region), StorageDescriptor(location=f"s3://raw/clicks/{year}/{region}/")
        )
        for year in (999, 2025, 2026)
        for region in ("eu", "us")
    ]


def test_what_is_exported_is_taken_by_glue_and_comes_back_as_it_was(
    glue: Any,
    catalog: Catalog,
) -> None:
    data = catalog.data_catalog
    data.create_database(DatabaseEntry("raw", "As it came", "s3://raw/"))
    data.put_table(clicks())
    data.put_partitions(CLICKS, parts())

    glue.create_database(
        **{
            key: value
            for key, value in database_document(data.get_database("raw")).items()
            if key != "Tables"
        }
    )
    request = table_document(data.get_table(CLICKS), data.partitions(CLICKS))
    listed = request.pop("PartitionInputList")
    glue.create_table(**request)
    glue.batch_create_partition(
        DatabaseName="raw", TableName="clicks", PartitionInputList=listed
    )

    answers: list[Any] = [
        {"DatabaseList": glue.get_databases()["DatabaseList"]},
        {"TableList": glue.get_tables(DatabaseName="raw")["TableList"]},
        {
            "Partitions": glue.get_partitions(DatabaseName="raw", TableName="clicks")[
                "Partitions"
            ]
        },
    ]
    document = read_document(answers, database="copy")
    assert document.databases[0].description == "As it came"
    data.put_tables(document.tables)
    data.put_partitions_of(document.partitions)
    copy = data.get_table(TableName("copy", "clicks"))
    assert copy.columns == clicks().columns
    assert copy.tags == {"tier": "raw"}
    told, original = table_input(copy), table_input(clicks())
    # A server may say more than it was told, but nothing else.
    assert {key: told[key] for key in original} == original
    found = data.partitions(copy.name)
    assert [(one.values, one.location) for one in found] == [
        (one.values, one.location) for one in parts()
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "year = 2026",
        "year > 999 and region = 'eu'",
        "region in ('us') or year between 900 and 1000",
        "region like 'e%'",
        "year <> 2025 and region is not null",
    ],
)
def test_expressions_keep_what_another_glue_keeps(
    glue: Any,
    catalog: Catalog,
    expression: str,
) -> None:
    data = catalog.data_catalog
    data.put_table(clicks())
    data.put_partitions(CLICKS, parts())
    glue.create_database(DatabaseInput={"Name": "raw"})
    request = table_document(clicks(), parts())
    listed = request.pop("PartitionInputList")
    glue.create_table(**request)
    glue.batch_create_partition(
        DatabaseName="raw", TableName="clicks", PartitionInputList=listed
    )
    answer = glue.get_partitions(DatabaseName="raw", TableName="clicks", Expression=expression)[
        "Partitions"
    ]
    found = data.partitions(CLICKS, where=parsed(expression))
    assert {one.values for one in found} == {tuple(one["Values"]) for one in answer}
