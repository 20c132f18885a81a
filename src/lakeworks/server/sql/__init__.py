"""The SQL service over HTTP: executions, results as Arrow, tables as a principal sees them."""
