"""The embedded engine: DuckDB over Parquet files."""
