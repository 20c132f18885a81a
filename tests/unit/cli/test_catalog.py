from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

CLICKS = {
    "Table": {
        "Name": "Clicks",
        "DatabaseName": "raw",
        "Description": "Clicks of the web shop",
        "Owner": "web team",
        "CreateTime": "2025-03-01T10:00:00+01:00",
        "Retention": 0,
        "StorageDescriptor": {
            "Columns": [
                {"Name": "user_id", "Type": "bigint", "Comment": ""},
                {
                    "Name": "email",
                    "Type": "string",
                    "Comment": "Of the customer",
                    "Parameters": {"lakeworks.tag.pii": "email"},
                },
            ],
            "Location": "s3://raw/clicks/",
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        },
        "PartitionKeys": [
            {"Name": "year", "Type": "int"},
            {"Name": "region", "Type": "string"},
        ],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "json"},
        "VersionId": "17",
    }
}
PARTITIONS = {
    "Partitions": [
        {
            "Values": [str(year), region],
            "DatabaseName": "raw",
            "TableName": "clicks",
            "StorageDescriptor": {"Location": f"s3://raw/clicks/{year}/{region}"},
        }
        for year in (2024, 2025, 999)
        for region in ("eu", "us")
    ]
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lake.yml").write_text("name: shop\n")
    (tmp_path / "clicks.json").write_text(json.dumps(CLICKS))
    (tmp_path / "partitions.json").write_text(json.dumps(PARTITIONS))
    monkeypatch.chdir(tmp_path)
    assert main(["catalog", "import", "clicks.json"]) == 0
    assert main(["catalog", "import", "partitions.json"]) == 0
    return tmp_path


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    def _told(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return _told


@pytest.mark.usefixtures("project")
def test_what_glue_printed_is_imported_listed_and_shown(
    told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [one["Name"] for one in told("catalog", "databases")] == ["raw"]
    (listed,) = told("catalog", "tables")
    assert (listed["DatabaseName"], listed["Name"], listed["VersionId"]) == (
        "raw",
        "clicks",
        "0",
    )
    shown = told("catalog", "show", "raw.clicks")
    assert shown["partitions"] == 6
    assert shown["tags"]["columns"] == {"email": {"pii": ["email"]}}
    assert shown["reason"] == "import of clicks.json"
    assert told("show", "raw.clicks") == shown
    assert main(["show", "raw.clicks"]) == 0
    text = capsys.readouterr().out
    assert "partitioned by: year int, region string" in text
    assert "pii: email" in text


@pytest.mark.usefixtures("project")
def test_partitions_are_listed_by_a_condition(told: Any) -> None:
    found = told("catalog", "partitions", "raw.clicks", "--where", "year > 999 and region='eu'")
    assert [one["Values"] for one in found] == [["2024", "eu"], ["2025", "eu"]]
    assert len(told("catalog", "partitions", "raw.clicks", "--limit", "2")) == 2


@pytest.mark.usefixtures("project")
def test_a_condition_that_cannot_be_read_ends_with_2_and_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["catalog", "partitions", "raw.clicks", "--where", "year >> 5"]) == 2
    assert "LW355" in capsys.readouterr().err


def test_an_export_creates_the_same_table_elsewhere(project: Path, told: Any) -> None:
    out = project / "out.json"
    assert main(["catalog", "export", "raw.clicks", "--partitions", "-o", str(out)]) == 0
    document = json.loads(out.read_text())
    table: dict[str, Any] = CLICKS["Table"]
    read_only = {"DatabaseName", "CreateTime", "VersionId"}
    expected = {key: value for key, value in table.items() if key not in read_only}
    assert document["TableInput"] == {**expected, "Name": "clicks"}
    assert len(document["PartitionInputList"]) == 6
    assert main(["catalog", "import", str(out), "--database", "copy"]) == 0
    assert told("catalog", "show", "copy.clicks")["partitions"] == 6


def test_an_export_of_everything_imports_as_nothing_new(project: Path, told: Any) -> None:
    assert main(["catalog", "create-database", "empty", "--description", "Nothing yet"]) == 0
    everything = project / "all.json"
    assert main(["catalog", "export", "--partitions", "-o", str(everything)]) == 0
    done = told("catalog", "import", str(everything))
    assert done == {"databases": 2, "tables": 1, "changed": 0, "partitions": 6}
    assert [one.get("Description") for one in told("catalog", "databases")] == [
        "Nothing yet",
        None,
    ]


def test_a_changed_import_makes_a_version_that_says_what_changed(
    project: Path, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = json.loads(json.dumps(CLICKS))
    columns = changed["Table"]["StorageDescriptor"]["Columns"]
    columns[0]["Type"] = "string"
    columns.append({"Name": "page", "Type": "string"})
    (project / "later.json").write_text(json.dumps({"TableList": [changed["Table"]]}))
    assert main(["catalog", "import", "later.json"]) == 0
    found = told("catalog", "versions", "raw.clicks")
    assert [(one["VersionId"], one["Reason"]) for one in found] == [
        ("1", "import of later.json"),
        ("0", "import of clicks.json"),
    ]
    assert main(["catalog", "versions", "raw.clicks"]) == 0
    assert "+page string, user_id bigint -> string" in capsys.readouterr().out
    assert (
        len(told("catalog", "show", "raw.clicks@v0")["glue"]["StorageDescriptor"]["Columns"])
        == 2
    )


@pytest.mark.usefixtures("project")
def test_search_says_where_the_words_are(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (hit,) = told("search", "customer email")
    assert (hit["table"], hit["complete"]) == ("raw.clicks", True)
    assert {(one["where"], one["column"]) for one in hit["matches"]} >= {
        ("column", "email"),
        ("comment", "email"),
        ("tag", "email"),
    }
    assert main(["search", "customer", "email"]) == 0
    assert "column email" in capsys.readouterr().out
    assert main(["search", "nothing"]) == 0
    assert "Nothing was found" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_drop_asks_then_forgets_the_entry(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert main(["catalog", "drop", "raw.clicks"]) == 0
    assert main(["catalog", "show", "raw.clicks"]) == 2
    assert "LW350" in capsys.readouterr().err
    assert main(["catalog", "drop", "raw", "--database", "--yes"]) == 0
    assert main(["catalog", "databases"]) == 0
    assert "empty" in capsys.readouterr().out


def test_the_lakes_own_databases_take_no_imports(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["catalog", "import", "clicks.json", "--database", "silver"]) == 2
    assert "belongs to the lake's own tables" in capsys.readouterr().err
    (project / "broken.json").write_text("{")
    assert main(["catalog", "import", "broken.json"]) == 2
    assert "LW354" in capsys.readouterr().err
    deep = '{"TableList": ' + "[" * 100_000 + "]" * 100_000 + "}"
    for text in (deep, "\udcff", "[" * 300 + '{"TableInput": {"Name": "x"}}' + "]" * 300):
        (project / "deep.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        assert main(["catalog", "import", "deep.json"]) == 2
        assert "LW354" in capsys.readouterr().err
    (project / "odd.json").write_text('{"Crawlers": []}')
    assert main(["catalog", "import", "odd.json"]) == 2
    assert "no entry of a catalog" in capsys.readouterr().err
    assert main(["catalog", "show", "clicks"]) == 2
    assert "database.table" in capsys.readouterr().err


def test_a_declared_table_is_not_dropped_behind_its_file(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "tables").mkdir()
    declared = "table: raw.taps\nlocation: taps\nformat: csv\ncolumns: {id: bigint}\n"
    (project / "tables" / "taps.yml").write_text(declared)
    assert main(["catalog", "show", "raw.taps"]) == 0
    assert main(["catalog", "drop", "raw.taps", "--yes"]) == 2
    assert "declared in tables/taps.yml" in capsys.readouterr().err
