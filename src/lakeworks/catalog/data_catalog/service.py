"""The data catalog: all its verbs in one place, as Glue names them. Each is one transaction.

Names are folded to lower case where they are stored and asked for, as Glue does.
"""

from __future__ import annotations

from lakeworks.catalog.data_catalog.column_statistics import StatisticsVerbs
from lakeworks.catalog.data_catalog.databases import DatabaseVerbs
from lakeworks.catalog.data_catalog.managed import ManagedVerbs
from lakeworks.catalog.data_catalog.partitions import PartitionVerbs
from lakeworks.catalog.data_catalog.searching import SearchVerbs
from lakeworks.catalog.data_catalog.tables import TableVerbs
from lakeworks.catalog.data_catalog.views import ViewVerbs


class DataCatalog(
    DatabaseVerbs,
    TableVerbs,
    PartitionVerbs,
    StatisticsVerbs,
    SearchVerbs,
    ManagedVerbs,
    ViewVerbs,
):
    """Databases, tables, partitions. Safe to use from several threads and processes.

    `by` is who changes something, the operating system's user where it is left out.
    """
