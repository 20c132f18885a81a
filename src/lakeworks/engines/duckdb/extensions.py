"""Load DuckDB's extensions from installed Python packages, without a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_literal
from lakeworks.engines.errors import MissingExtensionError

if TYPE_CHECKING:
    import duckdb


def load_extension(con: duckdb.DuckDBPyConnection, name: str, *, purpose: str) -> None:
    """Load the extension `name` into the instance behind `con`; once is enough.

    Args:
        con: Any connection of the instance.
        name: Such as `httpfs` or `avro`.
        purpose: What needs it, for the error: "reading Avro files".

    Raises:
        MissingExtensionError: its package is not installed.
    """
    loaded = con.execute(
        "SELECT loaded FROM duckdb_extensions() WHERE extension_name = ?", [name]
    ).fetchone()
    if loaded is not None and loaded[0]:
        return
    path = extension_path(name)
    if path is None:
        import duckdb

        raise MissingExtensionError.of_duckdb(name, duckdb.__version__, purpose)
    con.execute(f"LOAD {quote_literal(str(path))}")


def extension_path(name: str) -> Path | None:
    """Return the file of an installed extension for this DuckDB, or None."""
    import duckdb

    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
    path = folder / f"{name}.duckdb_extension"
    return path if path.is_file() else None
