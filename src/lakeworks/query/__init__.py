"""SQL over what the lake has published."""

from lakeworks.query.errors import ResultSpentError, UnknownFormatError, UnqualifiedTableError
from lakeworks.query.results import FORMATS, QueryResult
from lakeworks.query.service import QueryService

__all__ = [
    "FORMATS",
    "QueryResult",
    "QueryService",
    "ResultSpentError",
    "UnknownFormatError",
    "UnqualifiedTableError",
]
