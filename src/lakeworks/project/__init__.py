"""Declarations of a lake, and the loader that reads them from a project's folder."""
