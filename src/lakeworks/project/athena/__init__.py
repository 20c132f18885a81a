"""Athena's SQL (Trino's) in the lake's dialect: what is translated gives Athena's results.

`translation.translate` is the way in. What is not in the tables of this package is refused by name.
"""
