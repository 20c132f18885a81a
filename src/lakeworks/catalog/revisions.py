"""The revision of the catalog's tables that this version of the code works with.

Alembic is imported only when a catalog's stored revision differs; a test holds this constant
equal to the newest file of `migrations/versions`.
"""

from __future__ import annotations

CURRENT = "0014"
