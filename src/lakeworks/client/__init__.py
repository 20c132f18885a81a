"""Ask a lake's SQL service: with Arrow, by DB-API 2.0, or through SQLAlchemy."""

from lakeworks.client.service import SqlService

__all__ = ["SqlService"]
