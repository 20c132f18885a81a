"""Write a profile as JSON or as one HTML page that needs nothing else."""

from __future__ import annotations

import html
import math
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.quality.profiling.profile import ColumnProfile, Profile

_STYLE = """
:root { color-scheme: light dark; --bar: #3a7ca5; --line: #8884; --soft: #888; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
h2 small, .soft { color: var(--soft); font-weight: normal; }
section { border-top: 1px solid var(--line); padding: 1rem 0; display: grid;
  grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0 2rem; }
section h2 { grid-column: 1 / -1; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; align-self: start; }
caption { text-align: left; color: var(--soft); padding: .2rem 0; }
td { padding: .1rem .6rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { display: block; height: .55rem; background: var(--bar); border-radius: 2px; min-width: 1px; }
"""


def as_json(profile: Profile) -> dict[str, Any]:
    """Return plain values: decimals and times as text, NaN as null."""
    plain: dict[str, Any] = _plain(asdict(profile))
    for column, found in zip(plain["columns"], profile.columns, strict=True):
        column["completeness"] = found.completeness
        column["quantiles"] = {str(q): _plain(v) for q, v in found.quantiles.items()}
        for key in ("top_values", "patterns"):
            column[key] = [
                {"value": _plain(v), "share": share} for v, share in getattr(found, key)
            ]
    return plain


def as_html(profile: Profile, title: str) -> str:
    """Return a page; whatever the data holds is shown as text."""
    name = html.escape(title)
    how = (
        "All figures are exact."
        if profile.exact
        else "Distinct values and quantiles are estimates; top values and patterns are those of a "
        f"sample of {profile.sampled:,} rows."
    )
    columns = "\n".join(_section(column) for column in profile.columns)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{name}</h1><p>{profile.rows:,} rows, {len(profile.columns)} columns. "
        f'<span class="soft">{how}</span></p>\n{columns}\n</body></html>\n'
    )


def _section(column: ColumnProfile) -> str:
    facts = [("complete", f"{column.completeness:.2%}"), ("null", f"{column.nulls:,}")]
    if column.distinct is not None:
        facts.append(("distinct", f"{column.distinct:,}"))
    named = {
        "minimum": column.minimum,
        "maximum": column.maximum,
        "mean": column.mean,
        "standard deviation": column.standard_deviation,
        **{f"{100 * q:g} % quantile": value for q, value in column.quantiles.items()},
        "shortest": column.shortest,
        "longest": column.longest,
        "empty": column.empty,
    }
    facts += [(name, _text(value)) for name, value in named.items() if value is not None]
    rows = "".join(
        f'<tr><td>{name}</td><td class="n">{html.escape(value)}</td></tr>'
        for name, value in facts
    )
    tables = [f"<table><caption>figures</caption>{rows}</table>"]
    for caption, shares in (("top values", column.top_values), ("patterns", column.patterns)):
        if shares:
            tables.append(_bars(caption, shares))
    heading = f"{html.escape(column.name)} <small>{html.escape(column.type)}</small>"
    return f"<section><h2>{heading}</h2>{''.join(tables)}</section>"


def _bars(caption: str, shares: tuple[tuple[Any, float], ...]) -> str:
    rows = "".join(
        f'<tr><td>{html.escape(_text(value))}</td><td class="n">{share:.1%}</td>'
        f'<td style="width:35%"><span class="bar" style="width:{100 * share:.1f}%"></span></td></tr>'
        for value, share in shares
    )
    return f"<table><caption>{caption}</caption>{rows}</table>"


def _text(value: Any) -> str:  # noqa: ANN401 - of any column's type
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return "(empty)" if value == "" else str(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
