"""What to do instead, where SQL asks for what the lake does otherwise. Pure."""

from __future__ import annotations

_MODELS_CHANGE = "rows change by a model with load: merge, or by DELETE and INSERT INTO"
INSTEAD = {
    "SHOW": "lake tables lists the tables",
    "UPDATE": _MODELS_CHANGE,
    "MERGE": _MODELS_CHANGE,
    "MERGE_INTO": _MODELS_CHANGE,
    "TRUNCATE": "DELETE FROM without WHERE empties a table",
    "ATTACH": "catalogs/*.yml name other databases, whose tables are then read like the lake's",
    "COPY": "lake query --output writes a file, UNLOAD a folder",
    "EXPORT": "lake query --output writes a file, UNLOAD a folder",
}
# Which extra of Lakeworks brings an extension of DuckDB.
EXTRAS = {
    "avro": "avro",
    "httpfs": "s3",
    "mysql_scanner": "federation",
    "postgres_scanner": "federation",
}
ONE_QUERY = "write one SELECT, or WITH, FROM, VALUES, DESCRIBE, SUMMARIZE or EXPLAIN"


def spoken_in_athena(function: str) -> str:
    """Return a hint to the other dialect, where it has the function."""
    from lakeworks.project.athena.functions import rules

    if function.lower() not in rules():
        return ""
    return f"{function} is Athena's: ask with --dialect athena, or say dialect: athena in the model"
