"""DynamoDB as a catalog: its items as rows, asked for by key where a query gives one.

An item has whatever attributes it has. Columns are those that the catalog declares, else those that the
first items show, and always the keys.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import MissingExtraError
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.types import Array, Decimal, Field, Scalar, Schema
from lakeworks.engines.remote_reading import RemoteRows
from lakeworks.ingest.federation.connector import RemoteColumn, RemoteTable
from lakeworks.ingest.federation.dynamodb_requests import Request, requests_for
from lakeworks.ingest.federation.dynamodb_values import arrow_array, inferred_kind
from lakeworks.ingest.federation.errors import (
    CatalogUnreachableError,
    RemoteRefusedError,
    RemoteValueError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.engines.remote_conditions import Condition
    from lakeworks.project.catalog_declaration import FederatedCatalog

SAMPLED_ITEMS = 200
_LETTERS: dict[str, Type] = {
    "S": Scalar("string"), "N": Decimal(38, 18), "B": Scalar("binary"),
    "BOOL": Scalar("boolean"), "SS": Array(Scalar("string")), "BS": Array(Scalar("binary")),
    "NS": Array(Decimal(38, 18)), "WHOLE": Scalar("bigint"),
}  # fmt: skip


class DynamoDb:
    """See `Connector`.

    Args:
        settings: Region, endpoint and credentials, with secrets in place of references.
    """

    def __init__(
        self, catalog: FederatedCatalog, settings: Callable[[], Mapping[str, str]]
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._made: Any = None
        self._lock = threading.Lock()

    def tables(self, schema: str) -> list[str]:
        """Return the names of the tables that begin with a prefix."""
        found: list[str] = []
        start: dict[str, str] = {}
        while True:
            page = self._call("list_tables", self._catalog.name, **start)
            found += page["TableNames"]
            if "LastEvaluatedTableName" not in page:
                return [name for name in found if name.startswith(schema)]
            start = {"ExclusiveStartTableName": page["LastEvaluatedTableName"]}

    def table(self, name: TableName, schema: str, remote: str) -> RemoteTable | None:
        """Describe a table: its keys, and the attributes declared or seen."""
        described = self._call("describe_table", str(name), TableName=remote)["Table"]
        letters = {one["AttributeName"]: one["AttributeType"]
                   for one in described["AttributeDefinitions"]}  # fmt: skip
        ordered = sorted(described["KeySchema"], key=lambda one: str(one["KeyType"]) != "HASH")
        keys = tuple(str(one["AttributeName"]) for one in ordered)
        declared = self._declared(name)
        if declared is not None:
            kinds = {key: letters[key] for key in keys if key not in declared}
            columns = [*_seen(kinds), *declared.values()]
        else:
            page = self._call("scan", str(name), TableName=remote, Limit=SAMPLED_ITEMS)
            kinds = {key: letters[key] for key in keys}
            columns = _seen(_sampled(kinds, page["Items"]))
        return RemoteTable(name, self._catalog, schema, remote, tuple(columns), keys)

    def _declared(self, name: TableName) -> dict[str, RemoteColumn] | None:
        for table, columns in self._catalog.columns.items():
            if table.casefold() == name.table:
                return {
                    column: _declared_column(column, parse_hive_type(kind))
                    for column, kind in columns.items()
                }
        return None

    def rows(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        condition: Condition | None,
        limit: int | None,
    ) -> RemoteRows:
        """Return what reads some attributes of a table's items."""
        stopped = threading.Event()
        requests = requests_for(table, columns, condition)
        schema = Schema(tuple(column.field for column in columns))
        return RemoteRows(
            schema,
            stream=lambda: self._batches(table, columns, requests, limit, stopped),
            stop=stopped.set,
        )

    def _batches(
        self,
        table: RemoteTable,
        columns: tuple[RemoteColumn, ...],
        requests: list[Request],
        limit: int | None,
        stopped: threading.Event,
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from lakeworks.storage.parquet import arrow_schema

        schema = arrow_schema(Schema(tuple(column.field for column in columns)))
        left = limit
        for items in self._pages(table, requests, limit):
            if stopped.is_set() or (left is not None and left <= 0):
                return
            arrays = []
            for column, field in zip(columns, schema, strict=True):
                try:
                    arrays.append(arrow_array(items, column, field.type))
                except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError,
                        ArithmeticError) as error:  # fmt: skip
                    name, at = column.field.name, self._catalog.at
                    reason = str(error).split("\n")[0]
                    raise RemoteValueError.of(str(table.name), name, at, reason) from None
            if left is not None:
                left -= len(items)
            if items:
                yield pa.record_batch(arrays, schema=schema)

    def _pages(
        self, table: RemoteTable, requests: Iterable[Request], limit: int | None
    ) -> Iterator[list[dict[str, Any]]]:
        for request in requests:
            told = dict(request.parameters)
            if limit is not None and "FilterExpression" not in told:
                told["Limit"] = max(limit, 1)
            while True:
                page = self._call(request.operation, str(table.name), **told)
                yield page["Items"]
                if "LastEvaluatedKey" not in page:
                    break
                told["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _call(self, operation: str, what: str, **parameters: Any) -> Any:  # noqa: ANN401 - plain JSON
        client = self._client()
        from botocore.exceptions import BotoCoreError, ClientError

        at = self._catalog.at
        try:
            return getattr(client, operation)(**parameters)
        except ClientError as error:
            detail = error.response.get("Error", {})
            reason = f"{detail.get('Code', 'refused')}: {detail.get('Message', '')}"
            raise RemoteRefusedError.of(what, at, reason) from None
        except BotoCoreError as error:
            raise CatalogUnreachableError.of(self._catalog.name, at, str(error)) from None

    def _client(self) -> Any:  # noqa: ANN401 - untyped vendor
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError:
            raise MissingExtraError.needed("aws", "reading DynamoDB") from None
        with self._lock:
            if self._made is None:
                told = self._settings()
                wait_s = self._catalog.connect_s
                config = Config(connect_timeout=wait_s, retries={"total_max_attempts": 3})
                try:
                    session = boto3.Session(
                        aws_access_key_id=told.get("access_key_id"),
                        aws_secret_access_key=told.get("secret_access_key"),
                        aws_session_token=told.get("session_token"),
                        profile_name=told.get("profile"),
                        region_name=told.get("region"),
                    )
                    self._made = session.client(
                        "dynamodb", endpoint_url=told.get("endpoint_url"), config=config
                    )
                except (BotoCoreError, ValueError) as error:
                    at, name = self._catalog.at, self._catalog.name
                    raise CatalogUnreachableError.of(name, at, str(error)) from None
            return self._made


def _sampled(kinds: Mapping[str, str], items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what kind each attribute is of, by the items that were looked at."""
    found: dict[str, set[str]] = {}
    for item in items:
        for name, value in item.items():
            found.setdefault(name, set()).add(inferred_kind(value))
    seen = {name: _one(names - {"NULL"}) for name, names in sorted(found.items())}
    keys = {name: seen.get(name, kind) if kind == "N" else kind for name, kind in kinds.items()}
    return {**keys, **{name: kind for name, kind in seen.items() if name not in kinds}}


def _one(kinds: set[str]) -> str:
    if kinds <= {"WHOLE", "N"} and kinds:
        return "N" if "N" in kinds else "WHOLE"
    return kinds.pop() if len(kinds) == 1 else "JSON"


def _seen(kinds: Mapping[str, str]) -> list[RemoteColumn]:
    columns = []
    for name, kind in kinds.items():
        if kind in _LETTERS:
            letter = "N" if kind == "WHOLE" else kind
            asked = letter if letter in {"S", "N", "BOOL"} else ""
            columns.append(RemoteColumn(Field(name, _LETTERS[kind]), name, asked))
        else:
            columns.append(RemoteColumn(Field(name, Scalar("string")), name, read="json"))
    return columns


def _declared_column(name: str, kind: Type) -> RemoteColumn:
    match kind:
        case Scalar("string"):
            return RemoteColumn(Field(name, kind), name, "S", "text")
        case Scalar("tinyint" | "smallint" | "int" | "bigint") | Decimal():
            return RemoteColumn(Field(name, kind), name, "N")
        case Scalar("boolean"):
            return RemoteColumn(Field(name, kind), name, "BOOL")
        case _:
            return RemoteColumn(Field(name, kind), name)
