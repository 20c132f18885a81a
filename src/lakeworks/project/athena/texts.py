"""Athena's functions of texts, of bytes and of addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import Kind
from lakeworks.project.athena.rules import ANY, Rule, failing, plain

if TYPE_CHECKING:
    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_GROUP = "Texts"
_TEXT = Kind("text")

_PLAIN = plain(
    _GROUP,
    f"""
chr/1 text chr(CAST({{0}} AS INTEGER))
codepoint/1 int unicode({{0}})
hamming_distance/2 int hamming({{0}}, {{1}})
length/1 int length({{0}})
levenshtein_distance/2 int levenshtein({{0}}, {{1}})
lower/1 text lower({{0}})
upper/1 text upper({{0}})
lpad/3 text lpad({{0}}, CAST({{1}} AS INTEGER), {{2}})
rpad/3 text rpad({{0}}, CAST({{1}} AS INTEGER), {{2}})
ltrim/1 text ltrim({{0}})
rtrim/1 text rtrim({{0}})
trim/1 text trim({{0}})
replace/2 text replace({{0}}, {{1}}, '')
replace/3 text replace({{0}}, {{1}}, {{2}})
split/2 [text] split({{0}}, {{1}})
split/3 [text] CASE WHEN len(split({{0}}, {{1}})) <= {{2}} THEN split({{0}}, {{1}}) ELSE list_append(split({{0}}, {{1}})[1:{{2}} - 1], array_to_string(split({{0}}, {{1}})[{{2}}:], {{1}})) END
split_part/3 text split({{0}}, {{1}})[CASE WHEN {{2}} > 0 THEN {{2}} ELSE {failing("the index of split_part must be greater than zero")} END]
split_to_map/3 map map_from_entries(list_transform(split({{0}}, {{1}}), lambda _p: row(split_part(_p, {{2}}, 1), substr(_p, strpos(_p, {{2}}) + length({{2}})))))
strpos/2 int strpos({{0}}, {{1}})
starts_with/2 bool starts_with({{0}}, {{1}})
substr/2 text CASE WHEN {{1}} = 0 OR {{1}} < 0 AND -({{1}}) > length({{0}}) THEN substr({{0}}, 1, 0) ELSE substr({{0}}, {{1}}) END
substr/3 text CASE WHEN {{1}} = 0 OR {{1}} < 0 AND -({{1}}) > length({{0}}) OR {{2}} <= 0 THEN substr({{0}}, 1, 0) ELSE substr({{0}}, {{1}}, {{2}}) END
substring/2 text CASE WHEN {{1}} = 0 OR {{1}} < 0 AND -({{1}}) > length({{0}}) THEN substr({{0}}, 1, 0) ELSE substr({{0}}, {{1}}) END
substring/3 text CASE WHEN {{1}} = 0 OR {{1}} < 0 AND -({{1}}) > length({{0}}) OR {{2}} <= 0 THEN substr({{0}}, 1, 0) ELSE substr({{0}}, {{1}}, {{2}}) END
translate/3 text translate({{0}}, {{1}}, {{2}})
uuid/0 uuid uuid()
regexp_count/2 int len(regexp_extract_all({{0}}, {{1}}))
regexp_like/2 bool regexp_matches({{0}}, {{1}})
regexp_split/2 [text] regexp_split_to_array({{0}}, {{1}})
regexp_replace/2 text regexp_replace({{0}}, {{1}}, '', 'g')
url_decode/1 text url_decode(replace({{0}}, '+', ' '))
url_encode/1 text replace(url_encode({{0}}), '%20', '+')
url_extract_protocol/1 text nullif(regexp_extract({{0}}, '^([^:/?#]+):', 1), '')
url_extract_host/1 text nullif(regexp_extract({{0}}, '^[^:/?#]+://(?:[^/?#@]*@)?([^/?#:]*)', 1), '')
url_extract_port/1 int CAST(nullif(regexp_extract({{0}}, '^[^:/?#]+://(?:[^/?#@]*@)?[^/?#:]*:([0-9]+)', 1), '') AS BIGINT)
url_extract_path/1 text url_decode(regexp_extract({{0}}, '^(?:[^:/?#]+:)?(?://[^/?#]*)?([^?#]*)', 1))
url_extract_query/1 text url_decode(regexp_extract({{0}}, '^[^?#]*\\?([^#]*)', 1))
url_extract_fragment/1 text url_decode(regexp_extract({{0}}, '#(.*)$', 1))
url_extract_parameter/2 text list_transform(list_filter(split(regexp_extract({{0}}, '^[^?#]*\\?([^#]*)', 1), '&'), lambda _p: _p = {{1}} OR starts_with(_p, {{1}} || '=')), lambda _p: url_decode(replace(substr(_p, length({{1}}) + 2), '+', ' ')))[1]
from_hex/1 binary unhex({{0}})
to_hex/1 text hex({{0}})
from_base64/1 binary from_base64({{0}})
to_base64/1 text to_base64({{0}})
to_base64url/1 text translate(to_base64({{0}}), '+/', '-_')
from_base64url/1 binary from_base64(rpad(translate({{0}}, '-_', '+/'), CAST((length({{0}}) + 3) // 4 * 4 AS INTEGER), '='))
from_utf8/1 text decode({{0}})
to_utf8/1 binary encode({{0}})
md5/1 binary unhex(md5({{0}}))
sha1/1 binary unhex(sha1({{0}}))
sha256/1 binary unhex(sha256({{0}}))
""",
)
# What RE2 does not know, and Athena's patterns may hold.
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>)|(?<!\\)(?:\\\\)*\\[1-9]|[+*?}]\+|\\[GZXRK]")
_DIRECTIVE = re.compile(
    r"%(?:%|n|(?P<flags>[-0]?)(?P<width>\d*)(?:\.(?P<digits>\d+))?(?P<kind>[sdfxb]))"
)


def _concat(call: Call) -> Made:
    """Any null makes the whole null; arrays are put together, too."""
    if len(call.args) < 2:  # noqa: PLR2004
        raise call.wrong("two values at least are put together")
    kinds = {one.name for one in call.kinds}
    if "array" in kinds and kinds != {"array"}:
        parts = (
            f"{{{n}}}" if k.name == "array" else f"[{{{n}}}]" for n, k in enumerate(call.kinds)
        )
    else:
        parts = (f"{{{n}}}" for n in range(len(call.args)))
    return f"({' || '.join(parts)})", next((k for k in call.kinds if k.name == "array"), _TEXT)


def _concat_ws(call: Call) -> Made:
    if len(call.args) == 2 and call.kind(1).name == "array":  # noqa: PLR2004
        return "CASE WHEN {0} IS NOT NULL THEN array_to_string({1}, {0}) END", _TEXT
    if any(one.name == "array" for one in call.kinds):
        raise call.wrong("an array stands alone behind the separator")
    return "CASE WHEN {0} IS NOT NULL THEN concat_ws({*}) END", _TEXT


def pattern(call: Call, number: int) -> None:
    """Refuse a pattern of what the lake's expressions do not know, where it can be seen.

    Raises:
        AthenaUnsupportedError: it looks around, refers back, or is possessive.
    """
    found = call.literal(number)
    if found is not None and (odd := _NOT_RE2.search(found)):
        raise call.wrong(f"{odd[0]!r} in a regular expression does not work here")


def _extract(call: Call) -> Made:
    pattern(call, 1)
    group = "{2}" if len(call.args) > 2 else "0"  # noqa: PLR2004
    found = (
        f"CASE WHEN regexp_matches({{0}}, {{1}}) THEN regexp_extract({{0}}, {{1}}, {group}) END"
    )
    return found, _TEXT


def _extract_all(call: Call) -> Made:
    pattern(call, 1)
    group = ", {2}" if len(call.args) > 2 else ""  # noqa: PLR2004
    return f"regexp_extract_all({{0}}, {{1}}{group})", Kind("array", (_TEXT,))


def _replace(call: Call) -> Made:
    r"""Make `\1` of `$1`, and `$` of `\$`."""
    pattern(call, 1)
    told = call.constant(2, "the replacement")
    if "${" in told:
        raise call.wrong("a group by name in the replacement does not work here")
    parts = re.findall(r"\\.|\$\d|\\|.", told, re.DOTALL)
    made = "".join(_replacement(part) for part in parts).replace("'", "''")
    made = made.replace("{", "{{").replace("}", "}}")
    return f"regexp_replace({{0}}, {{1}}, '{made}', 'g')", _TEXT


def _replacement(part: str) -> str:
    if part[0] == "$" and len(part) > 1:
        return f"\\{part[1]}"
    if part[0] == "\\":
        return "\\\\" if part in {"\\", "\\\\"} else part[1]
    return part


def _seen(template: str, kind: Kind) -> object:
    def write(call: Call) -> Made:
        pattern(call, 1)
        return template, kind

    return write


def _normalize(call: Call) -> Made:
    form = call.literal(1) or (call.args[1].name if len(call.args) > 1 else "NFC")
    if form.upper() != "NFC":
        raise call.wrong("only NFC works here")
    return "nfc_normalize({0})", _TEXT


def _format(call: Call) -> Made:
    """Java's `%s`, `%d`, `%f` with their widths; a decimal and a double are rounded alike."""
    told = call.constant(0, "the format")
    args: list[str] = []
    made, at = [], 0
    for found in _DIRECTIVE.finditer(told):
        made.append(_escaped(told[at : found.start()], call))
        at = found.end()
        if found["kind"] is None:
            made.append("%%" if found[0] == "%%" else "\n")
            continue
        args.append(_argument(call, len(args) + 1, found["kind"]))
        made.append(found[0] if found["kind"] != "b" else "%s")
    made.append(_escaped(told[at:], call))
    if len(args) != len(call.args) - 1:
        raise call.wrong(f"the format takes {len(args)} values, and gets {len(call.args) - 1}")
    text = "".join(made).replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"printf('{text}'{''.join(', ' + one for one in args)})", _TEXT


def _escaped(told: str, call: Call) -> str:
    if "%" in told:
        raise call.wrong(f"{told[told.index('%') :][:6]!r} in a format does not work here")
    return told


def _argument(call: Call, number: int, kind: str) -> str:
    if number >= len(call.args):
        raise call.wrong("the format takes more values than it gets")
    if kind in "dx":
        return f"CAST({{{number}}} AS BIGINT)"
    if kind == "f":
        return f"CAST({{{number}}} AS DOUBLE)"
    if call.kind(number).name not in {"text", "int", "bool", "date"}:
        raise call.wrong("%s takes a text, a whole number or a date here: CAST the value")
    return f"CAST({{{number}}} AS VARCHAR)"


def _reverse(call: Call) -> Made:
    if call.kind(0).name == "array":
        return "list_reverse({0})", call.kind(0)
    return "reverse({0})", call.kind(0)


RULES: dict[str, Rule] = {
    **_PLAIN,
    "concat": Rule({ANY: ""}, writer=_concat, group=_GROUP, note="of arrays, too"),
    "concat_ws": Rule({ANY: ""}, writer=_concat_ws, group=_GROUP),
    "regexp_extract": Rule({2: "", 3: ""}, writer=_extract, group=_GROUP),
    "regexp_extract_all": Rule({2: "", 3: ""}, writer=_extract_all, group=_GROUP),
    "regexp_replace": Rule(
        {**_PLAIN["regexp_replace"].templates, 3: ""},
        writer=lambda call: (
            _replace(call) if len(call.args) > 2  # noqa: PLR2004
            else (_PLAIN["regexp_replace"].templates[2], _TEXT)
        ),
        group=_GROUP,
        note="the replacement is a constant: no function, no group by name",
    ),
    "normalize": Rule({1: "", 2: ""}, writer=_normalize, group=_GROUP, note="to NFC"),
    "format": Rule({ANY: ""}, writer=_format, group=_GROUP, note="a constant format of %s, %d, %x, %f, %b"),
    "reverse": Rule({1: ""}, writer=_reverse, group=_GROUP, note="of arrays, too"),
}  # fmt: skip
PATTERNED = frozenset({"regexp_count", "regexp_like", "regexp_split"})
