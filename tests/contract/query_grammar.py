"""Queries at random, by a typed grammar, over the tables of `attacked_lake.py`.

Most bind and answer; some name what their role may not see, or fail on a value. They say the same
whatever order their rows are met in, so that two lakes can be asked and compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

Text = st.SearchStrategy[str]
TABLE = "silver.customers"
NUMBERS = ("0", "1", "2", "3", "100.5", "null::int")
TEXTS = ("'EU'", "'US'", "'ann'", "'a'", "'%n%'", "'Berlin'", "''", "null::varchar")
SETS = ("union", "union all", "except", "except all", "intersect", "intersect all")
WINDOWS = (
    "rank() over (order by {0})", "count(*) over (partition by {1})", "lag({0}) over (order by {0})",
    "dense_rank() over (partition by c.region order by {0})", "max({1}) over ()",
    "count({1}) over (order by c.customer_id range between 1 preceding and current row)",
    "first_value({0}) over (partition by {1} order by {0} rows between 1 preceding and 1 following)",
)  # fmt: skip
AGGREGATES = (
    "count({0})", "count(distinct {0})", "max({0})", "min({0})", "max({0}) filter (where {1})",
    "bool_or({1})", "count_if({1})", "list(distinct {0} order by {0})",
)  # fmt: skip
WITH_ORDERS = (
    "{} c, silver.orders o",
    "{} c left join silver.orders o using (customer_id)",
    "silver.orders o full join {} c on o.customer_id = c.customer_id",
    "silver.orders o right join {} c on o.customer_id < c.customer_id",
    "{} c join silver.orders o on cast(c.name as int) = o.customer_id",
    "{} c join silver.orders o on try_cast(c.name as int) is distinct from o.customer_id",
)
ALONE = (
    "{0} c",
    "{0} c, {0} y",
    "{0} c left join {0} y on c.customer_id = y.customer_id + 1",
    "{0} c semi join {0} y on c.region = y.region and c.customer_id <> y.customer_id",
    "{0} c anti join {0} y on c.name < y.name",
)


@dataclass(frozen=True)
class Sight:
    """What queries of one role are made of.

    Attributes:
        numbers: Its columns of numbers.
        texts: Those of texts.
        hidden: Names that it may not see.
        orders: Whether it sees the other table.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    orders: bool = True


SIGHTS = {
    "ana": Sight(
        ("customer_id", "größe"), ("name", "email", "ssn", "region", "address.city"), ("salary",)
    ),
    "eve": Sight(
        ("customer_id", "größe", "salary"), ("name", "email", "ssn", "region", "address.city")
    ),
    "rex": Sight(("customer_id",), ("name", "region"), ("email", "salary", "tags"), orders=False),
}  # fmt: skip


@dataclass(frozen=True)
class Grammar:
    """Writes expressions over one alias of the table, and of the other table where it is there."""

    sight: Sight
    alias: str = "c"
    orders: bool = False
    depth: int = 2

    def number(self) -> Text:
        """A number."""
        columns = [f"{self.alias}.{name}" for name in self.sight.numbers]
        columns += ["o.amount", "o.customer_id"] if self.orders else []
        return self._either(columns, NUMBERS, (
            "({n} + {n})", "({n} - {n})", "({n} * {n})", "({n} / nullif({n}, 0))", "({n} % 3)",
            "abs({n})", "length({t})", "strpos({t}, {t})", "try_cast({t} as int)",
            "cast({t} as int)", "sqrt({n} - 2)", "coalesce({n}, {n})",
            "case when {b} then {n} else {n} end", "(select max({xn}) from {table} x)",
            "(select count(*) from {table} x where {xb})",
            "(select min({xn}) from {table} x where x.region = {a}.region)",
        ))  # fmt: skip

    def text(self) -> Text:
        """A text."""
        columns = [f"{self.alias}.{name}" for name in self.sight.texts]
        columns += ["o.order_id"] if self.orders else []
        return self._either(columns, TEXTS, (
            "upper({t})", "md5({t})", "substr({t}, 1, 2)", "({t} || {t})", "cast({n} as varchar)",
            "coalesce({t}, {t})", "split_part({t}, '@', 2)", "replace({t}, {t}, 'x')",
            "case when {b} then {t} else {t} end", "(select max({xt}) from {table} x where {xb})",
        ))  # fmt: skip

    def condition(self) -> Text:
        """A condition."""
        return self._filled(st.sampled_from((
            "{n} = {n}", "{n} < {n}", "{n} is distinct from {n}", "{n} between {n} and {n}",
            "{t} = {t}", "{t} <> {t}", "{t} >= {t}", "{t} like {t}", "{t} is null", "{n} is null",
            "{n} in (select {xn} from {table} x)", "{t} not in (select {xt} from {table} x where {xb})",
            "exists (select 1 from {table} x where x.customer_id = {a}.customer_id and {xb})",
            "not exists (select 1 from {table} x where x.region = {a}.region and {xb})",
            "{n} < any (select {xn} from {table} x where {xb})",
            "({b} and {b})", "({b} or {b})", "not ({b})",
        )))  # fmt: skip

    def _either(
        self, columns: list[str], constants: tuple[str, ...], grown: tuple[str, ...]
    ) -> Text:
        hidden = [f"{self.alias}.{name}" for name in self.sight.hidden]
        leaves = st.integers(0, 24).flatmap(
            lambda n: st.sampled_from(
                hidden if hidden and n == 24 else constants if n % 4 == 3 else columns
            )
        )
        if self.depth <= 0:
            return leaves
        return st.one_of(leaves, self._filled(st.sampled_from(grown)))

    def _filled(self, templates: Text) -> Text:
        return templates.flatmap(lambda template: _with_parts(self, template))

    def shallow(self) -> Text:
        """A condition that holds no other, where there is no room for one."""
        if self.depth > 0:
            return self.condition()
        return self._filled(
            st.sampled_from(("{n} < {n}", "{t} = {t}", "{t} is null", "{n} > 1"))
        )


@st.composite
def _with_parts(draw: st.DrawFn, grammar: Grammar, template: str) -> str:
    """Fill a template's holes; what begins with an x is made of a subquery's own alias."""
    own = replace(grammar, depth=grammar.depth - 1)
    inner = replace(own, alias="x", orders=False)
    makers = {
        "{n}": own.number, "{t}": own.text, "{b}": own.shallow,
        "{xn}": inner.number, "{xt}": inner.text, "{xb}": inner.shallow,
    }  # fmt: skip
    for hole, maker in makers.items():
        while hole in template:
            template = template.replace(hole, draw(maker()), 1)
    return template.replace("{table}", TABLE).replace("{a}", grammar.alias)


@st.composite
def queries(draw: st.DrawFn, sight: Sight) -> str:
    """A query that a role asks."""
    orders = sight.orders and draw(st.booleans())
    joined = draw(st.sampled_from(WITH_ORDERS if orders else ALONE)).format(TABLE)
    grammar = Grammar(sight, orders=orders)
    shown = [
        draw(st.one_of(grammar.number(), grammar.text(), grammar.condition()))
        for _ in range(draw(st.integers(1, 3)))
    ]
    where = draw(st.none() | grammar.condition())
    source = f"{joined} where {where}" if where else joined
    return draw(st.sampled_from(_KINDS))(draw, grammar, shown, source)


def _told(shown: list[str]) -> str:
    return ", ".join(f"{one} as v{number}" for number, one in enumerate(shown))


def _plain(_draw: st.DrawFn, _grammar: Grammar, shown: list[str], source: str) -> str:
    return f"select {_told(shown)} from {source}"


def _ordered(draw: st.DrawFn, _grammar: Grammar, shown: list[str], source: str) -> str:
    distinct = draw(st.sampled_from(["", "distinct "]))
    return f"select {distinct}{_told(shown)} from {source} order by all limit 3"


def _grouped(draw: st.DrawFn, grammar: Grammar, shown: list[str], source: str) -> str:
    counted = draw(st.sampled_from(AGGREGATES)).format(shown[-1], draw(grammar.shallow()))
    by = draw(st.sampled_from(["", "v", "rollup (v)", "grouping sets ((v), ())"]))
    if not by:
        return f"select {shown[0]} as v, {counted} as n from {source} group by all"
    had = draw(st.sampled_from(["count(*) > 1", "max(v) is null", "count(v) < 3"]))
    inner = f"select {shown[0]} as v, {shown[-1]} as w from {source}"
    return f"select v, count(w) as n, max(w) as m from ({inner}) group by {by} having {had}"


def _counted(draw: st.DrawFn, grammar: Grammar, shown: list[str], source: str) -> str:
    found = draw(st.sampled_from(AGGREGATES)).format(shown[0], draw(grammar.shallow()))
    return f"select count(*) as n, {found} as m from {source}"


def _window(draw: st.DrawFn, _grammar: Grammar, shown: list[str], source: str) -> str:
    window = draw(st.sampled_from(WINDOWS)).format(shown[0], shown[-1])
    kept = draw(st.sampled_from(["", " qualify n is not null"]))
    return f"select {shown[0]} as v, {window} as n from {source}{kept}"


def _sets(draw: st.DrawFn, grammar: Grammar, shown: list[str], source: str) -> str:
    word = draw(st.sampled_from(SETS))
    other = draw(st.sampled_from([source, f"{TABLE} c"]))
    second = draw(st.one_of(st.just(shown[0]), Grammar(grammar.sight).text()))
    return f"select {shown[0]}::varchar as v from {source} {word} select {second}::varchar from {other}"


def _lateral(draw: st.DrawFn, grammar: Grammar, shown: list[str], source: str) -> str:
    inner = draw(Grammar(grammar.sight, "x", depth=1).text())
    side = f"select {inner} as w from {TABLE} x where x.region = c.region"
    joined, _, where = source.partition(" where ")
    return f"select {shown[0]} as v, l.w from {joined}, lateral ({side}) l" + (
        f" where {where}" if where else ""
    )


def _nested(draw: st.DrawFn, _grammar: Grammar, shown: list[str], source: str) -> str:
    outer = draw(
        st.sampled_from(["v0 is not null", "v0::varchar > 'a'", "v0 = any (select v0 from t)"])
    )
    return f"with t as (select {_told(shown)} from {source}) select * from t where {outer}"


_KINDS = (_plain, _ordered, _grouped, _counted, _window, _sets, _lateral, _nested)
