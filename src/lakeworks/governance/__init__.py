"""Who may see what: principals, grants, tags, filters, masks; classification and audit."""

from lakeworks.governance.decisions import Authorizer, ColumnAccess, Decision, TableAccess
from lakeworks.governance.masks import Mask
from lakeworks.governance.principals import Principal

__all__ = ["Authorizer", "ColumnAccess", "Decision", "Mask", "Principal", "TableAccess"]
