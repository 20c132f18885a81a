"""What the parser reads and this version does not evaluate: refused by name.

Whoever evaluates one of these takes it out here; `rules.py` then lets it pass.
"""

from __future__ import annotations

RULES = frozenset({
    "AggregateMatch", "ColumnCorrelation", "ColumnDataType", "ColumnNamesMatchPattern",
    "CustomSql", "DataFreshness", "DatasetMatch", "DetectAnomalies", "DistinctValuesCount",
    "DuplicateRowCount", "Entropy", "FileFreshness", "FileMatch", "FileSize", "FileUniqueness",
    "InterquartileRange", "Kurtosis", "Mean", "Range", "ReferentialIntegrity", "RowCountMatch",
    "SchemaMatch", "Skewness", "StandardDeviation", "Sum", "UniqueValueRatio", "Variance",
    "ZerosCount",
})  # fmt: skip
# Analyzers by the name of their type: all of them until one is evaluated.
ANALYZERS = frozenset({
    "AllStatistics", "ColumnCorrelation", "ColumnCount", "ColumnLength", "ColumnValues",
    "Completeness", "CustomSql", "DistinctValuesCount", "Distribution", "Entropy", "Mean",
    "RowCount", "StandardDeviation", "Sum", "UniqueValueRatio", "Uniqueness", "Variance",
})  # fmt: skip
# Options, as `RuleType.option`.
OPTIONS = frozenset({"ColumnValues.ignoreCase", "ColumnValues.timeZone"})
DYNAMIC_RULES = True
