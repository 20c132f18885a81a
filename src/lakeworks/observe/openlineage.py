"""From the events of a run to those of OpenLineage, the open standard for lineage.

A run is a job, each of its steps is one below it, and a statement that writes is one of its own;
tables and files are datasets. Nothing is sent here: `delivery.py` does.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import TableName
from lakeworks.observe import facets
from lakeworks.project.catalog_declaration import federated
from lakeworks.project.lineage_facts import NOTHING, QueryLineage

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.core import events
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model

SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_ENDS = {"succeeded": "COMPLETE", "up to date": "COMPLETE", "failed": "FAIL"}


class Translator:
    """Makes OpenLineage events of those of one lake's runs.

    Args:
        services: The lake's parts: what is declared, and the columns that its tables have.
        lineage: Where its columns come from.
        version: Of Lakeworks.
        namespace: Of its jobs and tables; the lake's name where it is left out.
    """

    def __init__(
        self,
        services: Services,
        lineage: Lineage,
        *,
        version: str,
        namespace: str | None = None,
    ) -> None:
        self._services = self._declared = services
        self._lineage = lineage
        self._version = version
        self.namespace = namespace or services.project.name
        self._tables = {str(table): table for table in
                        (*services.project.sources, *services.project.models)}  # fmt: skip
        self._runs: set[str] = set()

    def translated(self, event: events.Event) -> dict[str, Any] | None:
        """Return the OpenLineage event, or None for what is not told, or not of this lake."""
        data = event.data
        if event.name == "run.started" and self._is_ours(data):
            self._runs.add(data["run_id"])
            self._know_views()
        if event.name.startswith("statement.") and self._is_ours(data):
            return self._statement(event)
        if data.get("run_id") not in self._runs:
            return None
        match event.name:
            case "run.started":
                return self._whole(event, "START")
            case "run.ended" | "run.failed":
                good = event.name == "run.ended" and data["status"] != "failed"
                return self._whole(event, "COMPLETE" if good else "FAIL")
            case "step.started":
                return self._step(event.at, "START", data)
            case "step.ended":
                return self._step(event.at, _ENDS[data["status"]], data)
            case _:
                return None

    def _know_views(self) -> None:
        """Take note of the materialised views that a run fills beside the project's models."""
        self._services = self._declared.with_views()
        models = self._services.project.models
        self._tables |= {str(table): table for table in models}

    def _is_ours(self, data: dict[str, Any]) -> bool:
        project = self._services.project
        ours = (str(project.root), project.environment.name)
        return (data.get("project"), data.get("environment")) == ours

    def _engine(self) -> dict[str, Any]:
        return facets.engine(self._services.project.environment.engine, self._version)

    def _whole(self, event: events.Event, kind: str) -> dict[str, Any]:
        run_facets = self._engine()
        if event.data.get("error"):
            run_facets |= facets.error(str(event.data["error"]))
        return {
            **_head(event.at, kind),
            "run": {"runId": run_uuid(event.data["run_id"]), "facets": run_facets},
            "job": self._job(self._services.project.name, facets.job_type("DAG")),
            "inputs": [],
            "outputs": [],
        }

    def _step(self, at: datetime, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        table = self._tables[data["table"]]
        parent = self._job(self._services.project.name, {})
        run_facets = facets.parent(run_uuid(data["run_id"]), parent)
        run_facets |= self._engine()
        if data.get("error"):
            run_facets |= facets.error(str(data["error"]))
        return {
            **_head(at, kind),
            "run": {"runId": run_uuid(f"{data['run_id']}/{table}"), "facets": run_facets},
            "job": self._job(str(table), self._job_facets(table)),
            "inputs": self._inputs(table, data),
            "outputs": [self._output(table, data)],
        }

    def _statement(self, event: events.Event) -> dict[str, Any]:
        """Return what a statement that writes does: a job of its own, under its table's name."""
        data = event.data
        table = TableName.parse(data["table"])
        kind = "START" if event.name == "statement.started" else _ENDS[data["status"]]
        run_facets = self._engine()
        if data.get("error"):
            run_facets |= facets.error(str(data["error"]))
        output = self._dataset(table, data.get("version"))
        if kind == "COMPLETE":
            output["outputFacets"] = facets.output_statistics(data["rows_written"])
        if kind == "COMPLETE" and data.get("lineage"):
            output["facets"] |= self._column_lineage(QueryLineage.from_json(data["lineage"]))
        job_facets = facets.job_type("STATEMENT") | facets.sql(data["sql"])
        return {
            **_head(event.at, kind),
            "run": {"runId": run_uuid(data["run_id"]), "facets": run_facets},
            "job": self._job(str(table), job_facets),
            "inputs": [
                self._input(TableName.parse(read["name"]), read)
                for read in data.get("reads", ())
            ],
            "outputs": [output],
        }

    def _job(self, name: str, job_facets: dict[str, Any]) -> dict[str, Any]:
        return {"namespace": self.namespace, "name": name, "facets": job_facets}

    def _job_facets(self, table: TableName) -> dict[str, Any]:
        model = self._services.project.models.get(table)
        if model is None:
            return facets.job_type("INGEST")
        found = facets.job_type("MODEL")
        if model.sql is not None:
            return found | facets.sql(model.sql)
        return found | self._python_source(model)

    def _python_source(self, model: Model) -> dict[str, Any]:
        try:
            text = (self._services.project.root / model.at.file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return {}
        return facets.source_code("python", text)

    def _inputs(self, table: TableName, data: dict[str, Any]) -> list[dict[str, Any]]:
        reads: dict[str, dict[str, Any]] = {
            read["name"]: read for read in data.get("reads", ())
        }
        model = self._services.project.models.get(table)
        if model is None:
            source = self._services.project.sources[table]
            read = reads.get(source.declared_path, {})
            namespace, name = facets.place(source.path)
            found: dict[str, Any] = {"namespace": namespace, "name": name, "facets": {}}
            if read:
                found["inputFacets"] = facets.input_statistics(
                    read, data.get("rows_read") if data["status"] == "succeeded" else None
                )
            return [found]
        return [self._input(one, reads.get(str(one), {})) for one in model.inputs]

    def _input(self, table: TableName, read: dict[str, Any]) -> dict[str, Any]:
        if table in self._services.project.tables:
            return self._external(table, read)
        if table.database in federated(self._services.project):
            return self._elsewhere(table)
        return self._dataset(table, read.get("version"))

    def _external(self, table: TableName, read: dict[str, Any]) -> dict[str, Any]:
        """Return the files of an external table: they are what was read."""
        declared = self._services.project.tables[table]
        namespace, name = facets.place(declared.location)
        found = facets.described(declared.description) | facets.owned(declared.owner)
        told: dict[str, Any] = {"namespace": namespace, "name": name, "facets": found}
        if read:
            told["inputFacets"] = facets.input_statistics(read, None)
        return told

    def _elsewhere(self, table: TableName) -> dict[str, Any]:
        """Return a table of another system, under the address that its catalog names."""
        catalog = federated(self._services.project)[table.database]
        place = catalog.settings.get("host") or catalog.settings.get("region") or "localhost"
        port = catalog.settings.get("port")
        namespace = f"{catalog.type}://{place}{f':{port}' if port else ''}"
        found = facets.described(catalog.description)
        return {"namespace": namespace, "name": str(table), "facets": found}

    def _dataset(self, table: TableName, version: int | None) -> dict[str, Any]:
        head = self._services.catalog.head(table)
        declared = self._services.project.models.get(table) or (
            self._services.project.sources.get(table)
        )
        found: dict[str, Any] = {}
        if head is not None or declared is not None:  # else its files are not ours
            found = facets.location(self._services.storage.table_root(table))
        if head is not None:
            notes = declared.columns if declared else {}
            found |= facets.schema(head.schema, notes)
        if version is not None:
            found |= facets.version(version)
        if declared is not None:
            found |= facets.described(declared.description) | facets.owned(declared.owner)
        return {"namespace": self.namespace, "name": str(table), "facets": found}

    def _output(self, table: TableName, data: dict[str, Any]) -> dict[str, Any]:
        dataset = self._dataset(table, data.get("version"))
        if data.get("status") == "succeeded":
            dataset["outputFacets"] = facets.output_statistics(data["rows_written"])
        if data.get("outcomes"):
            # The standard counts it among the facets of inputs; readers look for it here as well.
            dataset["facets"] |= facets.assertions(data["outcomes"])
        if data.get("status") in {"succeeded", "up to date"}:
            dataset["facets"] |= self._columns(table)
        return dataset

    def _columns(self, table: TableName) -> dict[str, Any]:
        if table not in self._services.project.models:
            return {}
        return self._column_lineage(self._lineage.of_model(table))

    def _column_lineage(self, found: QueryLineage) -> dict[str, Any]:
        fields = {column.name: column.origins for column in found.columns if column.name}
        if not fields and found.rows == NOTHING:
            return {}
        return facets.column_lineage(self.namespace, fields, found.rows)


def run_uuid(run_id: str) -> str:
    """Return the identifier that OpenLineage wants for a run: always the same for the same run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"lakeworks:run/{run_id}"))


def _head(at: datetime, kind: str) -> dict[str, Any]:
    return {
        "eventTime": at.isoformat(),
        "eventType": kind,
        "producer": facets.PRODUCER,
        "schemaURL": SCHEMA_URL,
    }
