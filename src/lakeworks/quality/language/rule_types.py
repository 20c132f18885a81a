"""Every rule type of DQDL: its parameters, its condition and what may follow.

Pure data; one row a type. Types, parameters and what each allows are those of the open grammar
(awslabs/dqdl, `rules-config.json`), of AWS's pages, and for the last few of the open executor
(awslabs/deequ, `DQDLRuleTranslator`). What they mean is written where they are evaluated, and
for users in docs/reference/dqdl.md.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Takes = Literal["nothing", "number", "text", "value", "duration", "moment", "size"]
"""What a condition compares with: `value` is a number, a text, a date or a time."""

FILE_FILTERS = ("recentFiles", "uriRegex")
_FILES = (*FILE_FILTERS, "filterOrder")
_ALL_COLUMNS = "https://docs.aws.amazon.com/glue/latest/dg/dqdl.html#dqdl-analyzers"
_PAGES = "https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-"
_DEEQU = "https://github.com/awslabs/deequ"


@dataclass(frozen=True, slots=True)
class RuleType:
    """What a rule type takes.

    Attributes:
        example: A whole rule, for hints and documents.
        parameters: What each parameter is, in order.
        least: How many must be given.
        more: Whether any number may follow, each like the last one.
        takes: What its condition compares with.
        needs_condition: Whether it has to have one, wherever it takes one.
        where: Whether `where` may follow.
        threshold: Whether `with threshold` may follow.
        options: The other options that `with` may set.
        rule: Whether it may stand in `Rules`.
        analyzer: Whether it may stand in `Analyzers`.
        page: Where its meaning is written.
    """

    example: str
    parameters: tuple[str, ...] = ("column",)
    least: int = 1
    more: bool = False
    takes: Takes = "nothing"
    needs_condition: bool = True
    where: bool = True
    threshold: bool = False
    options: tuple[str, ...] = ()
    rule: bool = True
    analyzer: bool = False
    page: str = ""

    @property
    def most(self) -> int | None:
        """How many parameters may be given, or None."""
        return None if self.more else len(self.parameters)


def _table(name: str, example: str, takes: Takes = "number", **more: object) -> RuleType:
    """Return a rule on the table as a whole, without parameters."""
    return RuleType(example, (), 0, takes=takes, page=_PAGES + name + ".html", **more)  # type: ignore[arg-type]


def _column(name: str, example: str, takes: Takes = "number", **more: object) -> RuleType:
    return RuleType(example, takes=takes, page=_PAGES + name + ".html", **more)  # type: ignore[arg-type]


def _statistic(name: str, example: str) -> RuleType:
    """Return a number computed of one column, which analyzers may gather too."""
    return _column(name, example, analyzer=True)


def _deequ(
    example: str,
    parameters: tuple[str, ...] = ("column",),
    least: int = 1,
    *,
    more: bool = False,
) -> RuleType:
    return RuleType(example, parameters, least, takes="number", more=more, page=_DEEQU)


def _compared(name: str, example: str, *parameters: str, least: int) -> RuleType:
    """Return a rule that compares with another dataset."""
    page = _PAGES + name + ".html"
    return RuleType(example, parameters, least, takes="number", where=False, page=page)


def _file(name: str, example: str, takes: Takes, **more: object) -> RuleType:
    page = _PAGES + name + ".html"
    return RuleType(example, ("path",), 0, takes=takes, where=False, page=page, **more)  # type: ignore[arg-type]


RULE_TYPES: dict[str, RuleType] = {
    # -- the table ---------------------------------------------------------------------
    "RowCount": _table("RowCount", "RowCount > 100", analyzer=True),
    "ColumnCount": _table("ColumnCount", "ColumnCount = 12", where=False, analyzer=True),
    "ColumnExists": _column("ColumnExists", 'ColumnExists "order_id"', "nothing", where=False),
    "ColumnNamesMatchPattern": RuleType(
        'ColumnNamesMatchPattern "[a-z_]+"',
        ("pattern",),
        where=False,
        page=_PAGES + "ColumnNamesMatchPattern.html",
    ),
    # -- single values -----------------------------------------------------------------
    "IsComplete": _column("IsComplete", 'IsComplete "order_id"', "nothing"),
    "Completeness": _statistic("Completeness", 'Completeness "email" >= 0.95'),
    "ColumnValues": _column(
        "ColumnValues",
        'ColumnValues "status" in ["paid", "open"]',
        "value",
        threshold=True,
        options=("ignoreCase", "timeZone"),
        analyzer=True,
    ),
    "ColumnLength": _statistic("ColumnLength", 'ColumnLength "country" = 2'),
    "ColumnDataType": _column(
        "ColumnDataType",
        'ColumnDataType "price" = "Double"',
        "text",
        threshold=True,
        options=("format",),
    ),
    "DataFreshness": _column("DataFreshness", 'DataFreshness "at" <= 24 hours', "duration"),
    # -- keys --------------------------------------------------------------------------
    "IsUnique": _column("IsUnique", 'IsUnique "order_id"', "nothing", more=True),
    "IsPrimaryKey": _column(
        "IsPrimaryKey", 'IsPrimaryKey "order_id" "line"', "nothing", more=True
    ),
    "Uniqueness": _column("Uniqueness", 'Uniqueness "email" > 0.9', more=True, analyzer=True),
    "UniqueValueRatio": _statistic("UniqueValueRatio", 'UniqueValueRatio "email" > 0.5'),
    "DistinctValuesCount": _statistic(
        "DistinctValuesCount", 'DistinctValuesCount "country" between 1 and 200'
    ),
    # -- statistics --------------------------------------------------------------------
    "Mean": _statistic("Mean", 'Mean "price" between 10 and 20'),
    "Sum": _statistic("Sum", 'Sum "price" > 0'),
    "StandardDeviation": _statistic("StandardDeviation", 'StandardDeviation "price" < 5'),
    "Variance": _statistic("Variance", 'Variance "price" < 25'),
    "Entropy": _statistic("Entropy", 'Entropy "status" > 0.5'),
    "ColumnCorrelation": RuleType(
        'ColumnCorrelation "price" "tax" > 0.8',
        ("column", "column"),
        2,
        takes="number",
        analyzer=True,
        page=_PAGES + "ColumnCorrelation.html",
    ),
    "AllStatistics": RuleType(
        'AllStatistics "price"', rule=False, analyzer=True, page=_ALL_COLUMNS
    ),
    "Distribution": RuleType(
        'Distribution "price" with bins = 10',
        options=("bins", "rebin"),
        rule=False,
        analyzer=True,
        page=_PAGES + "Distribution.html",
    ),
    "DetectAnomalies": RuleType(
        'DetectAnomalies of Completeness of "email"',
        ("rule type", "column"),
        1,
        more=True,
        where=False,
        page=_PAGES + "DetectAnomalies.html",
    ),
    # -- SQL and other datasets --------------------------------------------------------
    "CustomSql": RuleType(
        'CustomSql "select count(*) from primary" > 0',
        ("SQL",),
        takes="number",
        needs_condition=False,
        where=False,
        threshold=True,
        analyzer=True,
        page=_PAGES + "CustomSql.html",
    ),
    "ReferentialIntegrity": _compared(
        "ReferentialIntegrity",
        'ReferentialIntegrity "customer_id" "customers.id" = 1.0',
        "columns",
        "columns of another dataset",
        least=2,
    ),
    "DatasetMatch": _compared(
        "DatasetMatch",
        'DatasetMatch "reference" "id" "price,tax" >= 0.9',
        "dataset",
        "key columns",
        "compared columns",
        least=2,
    ),
    "SchemaMatch": _compared(
        "SchemaMatch", 'SchemaMatch "reference" = 1.0', "dataset", least=1
    ),
    "RowCountMatch": _compared(
        "RowCountMatch", 'RowCountMatch "reference" between 0.9 and 1.1', "dataset", least=1
    ),
    "AggregateMatch": _compared(
        "AggregateMatch",
        'AggregateMatch "sum(price)" "sum(reference.price)" >= 0.95',
        "aggregate",
        "aggregate",
        least=2,
    ),
    # -- files -------------------------------------------------------------------------
    "FileFreshness": _file(
        "FileFreshness",
        'FileFreshness "s3://bucket/in/" > (now() - 24 hours)',
        "moment",
        threshold=True,
        options=(*_FILES, "failFast", "timeZone"),
    ),
    "FileSize": _file(
        "FileSize",
        'FileSize "s3://bucket/in/" between 1 KB and 2 GB',
        "size",
        threshold=True,
        options=(*_FILES, "failFast"),
    ),
    "FileUniqueness": _file(
        "FileUniqueness",
        'FileUniqueness "s3://bucket/in/" = 1',
        "number",
        options=(*_FILES, "matchFileName"),
    ),
    "FileMatch": RuleType(
        'FileMatch "s3://bucket/a.json" in ["…"] with hashAlgorithm = "MD5"',
        ("path", "path to compare with"),
        0,
        takes="text",
        where=False,
        options=(*_FILES, "hashAlgorithm", "matchFileName"),
        page=_PAGES + "FileMatch.html",
    ),
    # -- of the open executor only -----------------------------------------------------
    "ZerosCount": _deequ('ZerosCount "price" = 0'),
    "Range": _deequ('Range "price" < 1000'),
    "InterquartileRange": _deequ('InterquartileRange "price" < 50'),
    "Skewness": _deequ('Skewness "price" between -1 and 1'),
    "Kurtosis": _deequ('Kurtosis "price" < 3'),
    "DuplicateRowCount": _deequ('DuplicateRowCount "order_id" = 0', least=0, more=True),
}
ANOMALY_SUBJECTS = tuple(
    name for name, kind in RULE_TYPES.items() if kind.analyzer and kind.rule
)
"""What `DetectAnomalies` watches: what a rule and an analyzer can both be."""
