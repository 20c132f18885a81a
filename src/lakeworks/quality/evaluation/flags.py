"""Say of every row which rules it passes: SQL for the engine, Arrow for the lists.

The columns are those of AWS Glue Data Quality: `DataQualityRulesPass`, `DataQualityRulesFail`
and `DataQualityRulesSkip` (lists of rule texts) and `DataQualityEvaluationResult`, "Failed"
where a rule fails. Skipped are the rules that single rows cannot tell, and, if so asked, those
whose `where` leaves the row out (deequ, `RowLevelResultHelper`).

The engine gives one short text a row, a character a rule. Few such texts differ, so the lists
are made once for each and taken from there: no row is looked at in Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.quality.rules.context import RowGroup, RowLevel, both_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from lakeworks.core.types import Schema

PASS, FAIL = "DataQualityRulesPass", "DataQualityRulesFail"
SKIP, RESULT = "DataQualityRulesSkip", "DataQualityEvaluationResult"
_TOLD = "lw_told"
_PASSED, _FAILED, _SKIPPED = "1", "0", "2"


@dataclass
class Flags:
    """Row-level tests over one relation, sharing what they need of it.

    Attributes:
        relation: A quoted name, or a SELECT in parentheses.
        skipping: Whether a row that a rule's `where` leaves out skips the rule; else it passes.
        ordered: Whether rows keep their order, on an engine that keeps it: repeated values are
            then looked up, where a join would put rows with them first.
    """

    relation: str
    skipping: bool = False
    ordered: bool = False
    _repeated: dict[tuple[tuple[str, ...], str], str] = field(default_factory=dict)

    def expression(self, rows: RowLevel | RowGroup) -> str:
        """Return SQL that is true for a good row, false for a bad one and null for neither."""
        if isinstance(rows, RowGroup):
            joined = f" {rows.operator} ".join(self.expression(part) for part in rows.parts)
            return f"({joined})"
        good = rows.condition
        if rows.unique:
            once = self._looked_up(rows) if self.ordered else f"{self._flag(rows)} is null"
            good = both_of(good, once)
        good = f"coalesce({good}, false)"
        if not rows.where:
            return good
        left_out = "null" if self.skipping else "true"
        return f"(case when {rows.where} then {good} else {left_out} end)"

    @property
    def joined(self) -> bool:
        """Whether the tests asked so far need more than the rows themselves."""
        return bool(self._repeated)

    def source(self) -> str:
        """Return the relation, joined with what says which values are repeated."""
        joins = [f"{self.relation} as lw_rows"]
        for (columns, where), name in self._repeated.items():
            quoted = [quote_identifier(column) for column in columns]
            # Under names of their own, so that a rule's SQL finds the rows' columns only.
            keys = [f"{column} as {name}_{i}" for i, column in enumerate(quoted)]
            same = " and ".join(
                f"lw_rows.{column} is not distinct from {name}.{name}_{i}"
                for i, column in enumerate(quoted)
            )
            repeated = self._repeating(
                quoted, where, ", ".join([*keys, f"true as {name}_flag"])
            )
            joins.append(f"left join ({repeated}) as {name} on {same}")
        return "\n".join(joins)

    def _looked_up(self, rows: RowLevel) -> str:
        quoted = [quote_identifier(column) for column in rows.unique]
        key = quoted[0] if len(quoted) == 1 else f"row({', '.join(quoted)})"
        return f"not coalesce({key} in ({self._repeating(quoted, rows.where, key)}), false)"

    def _repeating(self, quoted: Sequence[str], where: str, selected: str) -> str:
        some = " or ".join(f"{column} is not null" for column in quoted)
        kept = both_of(where, f"({some})")
        return (
            f"select {selected} from {self.relation} as lw_rows where {kept} "
            f"group by {', '.join(quoted)} having count(*) > 1"
        )

    def query(self, schema: Schema, tests: Sequence[RowLevel | RowGroup]) -> str:
        """Return a SELECT of all columns, and of what is told of each row."""
        # Rules that ask the same of a row are reckoned once.
        told: dict[str, str] = {}
        for rows in tests:
            told.setdefault(self._told(rows), f"lw_told_{len(told)}")
        marks = ", ".join(told[self._told(rows)] for rows in tests)
        columns = [f"lw_rows.{quote_identifier(name)}" for name in schema.names]
        each = [f"{sql} as {name}" for sql, name in told.items()]
        names = ", ".join(map(quote_identifier, schema.names))
        inner = "select " + ",\n  ".join([*columns, *each]) + f"\nfrom {self.source()}"
        together = f"concat({marks})" if told else "''"
        return f"select {names}, {together} as {_TOLD}\nfrom ({inner}) as lw_marked"

    def _told(self, rows: RowLevel | RowGroup) -> str:
        test = self.expression(rows)
        if not self.skipping:
            return f"case when {test} then '{_PASSED}' else '{_FAILED}' end"
        return (
            f"case when {test} then '{_PASSED}' when not {test} then '{_FAILED}' "
            f"else '{_SKIPPED}' end"
        )

    def _flag(self, rows: RowLevel) -> str:
        key = (rows.unique, rows.where)
        name = self._repeated.setdefault(key, f"lw_repeated_{len(self._repeated)}")
        return f"{name}.{name}_flag"


def batches(
    reader: pa.RecordBatchReader, tested: Sequence[str], skipped: Sequence[str]
) -> pa.RecordBatchReader:
    """Return the rows of `Flags.query` with the four columns in the place of what is told.

    The lists are of dictionary-encoded text: a number a rule, and each rule's text once.

    Args:
        tested: Texts of the rules that were tested, in the order of the tests.
        skipped: Texts of the rules that rows cannot tell.
    """
    import pyarrow as pa

    rules = pa.array([*tested, *skipped], pa.string())
    lists = pa.list_(pa.dictionary(pa.int32(), pa.string()))
    added = [pa.field(name, lists) for name in (PASS, FAIL, SKIP)]
    fields = [field for field in reader.schema if field.name != _TOLD]
    schema = pa.schema([*fields, *added, pa.field(RESULT, pa.string())])

    def told() -> Iterator[pa.RecordBatch]:
        with reader:
            for batch in reader:
                columns = [batch.column(field.name) for field in fields]
                added = _lists(batch.column(_TOLD), rules, len(tested))
                yield pa.RecordBatch.from_arrays([*columns, *added], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, told())


def _lists(told: pa.Array, rules: pa.Array, tested: int) -> list[pa.Array]:
    import pyarrow as pa

    coded = told.dictionary_encode()
    texts, places = coded.dictionary.to_pylist(), coded.indices
    always = list(range(tested, len(rules)))
    passed = [_places(text, _PASSED) for text in texts]
    failed = [_places(text, _FAILED) for text in texts]
    skipped = [[*_places(text, _SKIPPED), *always] for text in texts]
    results = ["Failed" if each else "Passed" for each in failed]
    found: list[pa.Array] = []
    for lists in (passed, failed, skipped):
        numbers = pa.array(lists, pa.list_(pa.int32())).take(places)
        values = pa.DictionaryArray.from_arrays(numbers.values, rules)
        found.append(pa.ListArray.from_arrays(numbers.offsets, values))
    return [*found, pa.array(results, pa.string()).take(places)]


def _places(text: str, mark: str) -> list[int]:
    return [place for place, told in enumerate(text) if told == mark]
