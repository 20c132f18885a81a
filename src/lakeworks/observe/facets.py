"""The facets of OpenLineage that Lakeworks fills, each as its schema wants it.

Pure: plain values in, plain values out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Struct
from lakeworks.project.lineage_facts import VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.core.types import Field, Schema
    from lakeworks.project.declaration import ColumnNote
    from lakeworks.project.lineage_facts import Origins

PRODUCER = "pkg:pypi/lakeworks"
_SPEC = "https://openlineage.io/spec/facets"
_SUBTYPES = {
    "filter": "FILTER", "join": "JOIN", "group": "GROUP_BY", "sort": "SORT", "window": "WINDOW",
    "condition": "CONDITIONAL", "count": "AGGREGATION",
}  # fmt: skip


def _facet(title: str, edition: str, /, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/{edition}/{title}.json", **values}


def job_type(kind: str) -> dict[str, Any]:
    """Return what sort of work a job is."""
    facet = _facet("JobTypeJobFacet", "2-0-4", processingType="BATCH",
                   integration="LAKEWORKS", jobType=kind)  # fmt: skip
    return {"jobType": facet}


def sql(query: str) -> dict[str, Any]:
    """Return a job's SQL."""
    return {"sql": _facet("SQLJobFacet", "1-1-0", query=query, dialect="duckdb")}


def source_code(language: str, text: str) -> dict[str, Any]:
    """Return a job's source."""
    facet = _facet("SourceCodeJobFacet", "1-0-1", language=language, sourceCode=text)
    return {"sourceCode": facet}


def parent(run_id: str, job: Mapping[str, Any]) -> dict[str, Any]:
    """Return of which run a step is a part."""
    facet = _facet(
        "ParentRunFacet",
        "1-2-0",
        run={"runId": run_id},
        job={"namespace": job["namespace"], "name": job["name"]},
    )
    return {"parent": facet}


def engine(name: str, version: str) -> dict[str, Any]:
    """Return what does the work: the engine's name, and the version of Lakeworks."""
    facet = _facet("ProcessingEngineRunFacet", "1-1-1", name=name, version=version)
    return {"processing_engine": facet}


def error(message: str) -> dict[str, Any]:
    """Return why a run failed."""
    facet = _facet(
        "ErrorMessageRunFacet", "1-0-1", message=message, programmingLanguage="PYTHON"
    )
    return {"errorMessage": facet}


def schema(columns: Schema, notes: Mapping[str, ColumnNote]) -> dict[str, Any]:
    """Return a dataset's columns."""
    fields = [_field(column, notes) for column in columns]
    return {"schema": _facet("SchemaDatasetFacet", "1-2-0", fields=fields)}


def _field(column: Field, notes: Mapping[str, ColumnNote]) -> dict[str, Any]:
    note = notes.get(column.name)
    told: dict[str, Any] = {"name": column.name, "type": str(column.type)}
    described = column.comment or (note.description if note else "")
    if described:
        told["description"] = described
    if isinstance(column.type, Struct):
        told["fields"] = [_field(one, {}) for one in column.type.fields]
    return told


def version(number: int) -> dict[str, Any]:
    """Return a table's version."""
    return {
        "version": _facet("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=str(number))
    }


def described(text: str) -> dict[str, Any]:
    """Return a description, or nothing."""
    facet = _facet("DocumentationDatasetFacet", "1-1-0", description=text)
    return {"documentation": facet} if text else {}


def owned(owner: str) -> dict[str, Any]:
    """Return who owns a dataset, or nothing."""
    facet = _facet("OwnershipDatasetFacet", "1-0-1", owners=[{"name": owner}])
    return {"ownership": facet} if owner else {}


def location(root: str) -> dict[str, Any]:
    """Return where a table lies, and as what."""
    namespace, name = place(root)
    where = {"namespace": namespace, "name": name, "type": "LOCATION"}
    storage = _facet("StorageDatasetFacet", "1-0-1", storageLayer="delta", fileFormat="parquet")
    symlinks = _facet("SymlinksDatasetFacet", "1-0-1", identifiers=[where])
    return {"storage": storage, "symlinks": symlinks}


def place(path: str) -> tuple[str, str]:
    """Return a path as the standard names files: `file` and the path, or the bucket and key."""
    if path.startswith("s3://"):
        bucket, _, key = path.removeprefix("s3://").partition("/")
        return f"s3://{bucket}", key or "/"
    return "file", path


def input_statistics(read: Mapping[str, Any], rows: int | None) -> dict[str, Any]:
    """Return how much was read of an input."""
    told = {"fileCount": read.get("files"), "size": read.get("size_bytes"), "rowCount": rows}
    given = {key: value for key, value in told.items() if value is not None}
    return {"inputStatistics": _facet("InputStatisticsInputDatasetFacet", "1-0-0", **given)}


def output_statistics(rows: int) -> dict[str, Any]:
    """Return how much was written."""
    return {
        "outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=rows)
    }


def assertions(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how the rules of a table came out."""
    told = [
        {
            "assertion": str(one["rule"]),
            "success": one["outcome"] == "Passed",
            **({"description": one["failure_reason"]} if one.get("failure_reason") else {}),
        }
        for one in outcomes
    ]
    facet = _facet("DataQualityAssertionsDatasetFacet", "1-1-0", assertions=told)
    return {"dataQualityAssertions": facet}


def column_lineage(
    namespace: str, columns: Mapping[str, Origins], rows: Origins
) -> dict[str, Any]:
    """Return what each column, and the dataset's rows, derive from."""
    facet = _facet(
        "ColumnLineageDatasetFacet",
        "1-2-0",
        fields={
            name: {"inputFields": _input_fields(namespace, origins)}
            for name, origins in columns.items()
        },
        dataset=_input_fields(namespace, rows),
    )
    return {"columnLineage": facet}


def _input_fields(namespace: str, origins: Origins) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for table, column, kind in sorted(origins):
        found.setdefault((table, column), []).append(_transformation(kind))
    return [
        {"namespace": namespace, "name": table, "field": column, "transformations": kinds}
        for (table, column), kinds in found.items()
    ]


def _transformation(kind: str) -> dict[str, str]:
    if kind in VALUE:
        return {"type": "DIRECT", "subtype": kind.upper()}
    return {"type": "INDIRECT", "subtype": _SUBTYPES[kind]}
