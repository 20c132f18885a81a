"""The history of the catalog's tables, one file a revision."""
