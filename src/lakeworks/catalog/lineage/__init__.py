"""Which column derives from which, through the whole lake, and what follows from that."""

from lakeworks.catalog.lineage.build import build_graph
from lakeworks.catalog.lineage.graph import ColumnId, LineageGraph, Node
from lakeworks.catalog.lineage.tags import TagOrigin, tags_of, tags_on

__all__ = ["ColumnId", "LineageGraph", "Node", "TagOrigin", "build_graph", "tags_of", "tags_on"]
