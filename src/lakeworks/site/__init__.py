"""A static, searchable site of a whole lake, made of metadata only."""

from lakeworks.site.errors import NotASiteError, SiteNotWrittenError
from lakeworks.site.service import Built, Site

__all__ = ["Built", "NotASiteError", "Site", "SiteNotWrittenError"]
