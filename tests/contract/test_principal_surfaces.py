"""No command tells a principal what it may not know: names, columns, rows, values, counts, SQL.

Every command of the application is here, or refuses `--as` by name (`cli/owners_only.py`). A new
command fails `test_every_command_is_decided` until somebody decides which. The lake is
`canary_lake`'s.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from canary_lake import PRINCIPALS, Seen, leaks, written

from lakeworks.cli.main import command_line, main
from lakeworks.cli.owners_only import OWNERS_ONLY
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What each command is called with. Where `$out` stands, files are written, and searched too.
TABLES = (
    "silver.customers", "silver.orders", "gold.daily", "gold.by_region", "gold.from_customers",
    "raw.clicks", "bronze.people", "gold.eyes",
)  # fmt: skip
SURFACES: dict[str, list[str]] = {
    "tables": [""],
    "show": [*TABLES, "silver.customers@v0", "silver.customers@v1", "silver.orders@v99",
             "silver.orders --at 2001-01-01", "silver.orders@latest"],
    "history": ["", "--limit 1", *TABLES],
    "search": ["customer", "orders", "code", "pay", "kq9", "5550001", "crm", "who", "json"],
    "lineage": [
        *TABLES, "silver.customers.email", "gold.daily.highest", "gold.daily --up --mermaid",
        "silver.orders --down --depth 1", "gold.daily --svg $out/lineage.svg",
        "gold.daily --run last", "silver.customers --run last", "silver.customers.region",
    ],
    "impact": [*TABLES, "silver.customers.region", "silver.orders.amount"],
    "query": [
        "'select * from silver.customers order by all'", "'select count(*) from silver.customers'",
        "'select * from gold.daily' --output $out/daily.csv", "'describe silver.customers'",
        "'summarize silver.customers'", "'select * from gold.eyes'", "'show databases'",
        *(f"'{one}'" for one in (
            "show tables", "show tables in silver", "show views in gold", "show schemas",
            "show columns in silver.customers", "show partitions silver.customers",
            "show create table silver.customers", "show create view gold.eyes",
            "show create view gold.zqview", "show tblproperties silver.customers",
            "describe extended silver.customers", "describe gold.eyes",
            "explain select * from gold.eyes", "show create table silver.zqzq",
        )),
    ],
    "queries list": [""],
    "queries show": ["revenue", "people", "pay", "absent"],
    "queries run": ["revenue --value EU", "people --set id=3", "pay", "absent"],
    "workgroups queries": ["", "primary", "absent"],
    "quarantine": ["", "silver.customers", "silver.orders"],
    "quality": [""],
    "quality show": [*TABLES],
    "quality history": [*TABLES, "silver.customers --metric Dataset.*.RowCount"],
    "quality suggest": [*TABLES],
    "quality profile": [*TABLES, "silver.customers --html $out/profile.html"],
    "catalog databases": [""],
    "catalog tables": ["", "silver", "raw", "--limit 2"],
    "catalog show": [*TABLES, "silver.customers@v0"],
    "catalog versions": [*TABLES],
    "catalog partitions": [*TABLES, "silver.customers --where \"region = 'kq9land'\""],
    "catalog statistics": [*TABLES],
    "catalog export": ["", "silver", "silver.customers", "--partitions",
                       "silver.customers --partitions -o $out/glue.json"],
    "registry list": ["", "people"],
    "registry show": ["people"],
    "registry diff": ["people 1 2"],
    "registry check": ["$out/next.avsc --against people --compatibility BACKWARD"],
    "registry validate": ["$out/records.json --schema people"],
    "permissions": ["", *TABLES, "--of compliance", "silver.customers --of cleo"],
    "principals": [""],
    "audit": ["", "--verify", "--principal cleo"],
    "classify": ["", "silver.customers", "silver.orders"],
    "docs build": ["-o $out/site"],
    "subject export": [
        "--subject customer_id=5550001 --out $out/one",
        "--subject customer_id=3 --out $out/two",
        "--subject zqkey=3 --out $out/three",
    ],
    "shell": ["<\\d\n", "<\\d silver.customers\n", "<select * from silver.customers;\n"],
}  # fmt: skip
# Commands that change something: with the words that a principal without the permission is refused on.
CHANGES: dict[str, list[str]] = {
    "erase": ["--subject customer_id=3 --yes", "--subject customer_id=3 --dry-run"],
    "optimize": ["silver.orders", "silver.customers", "silver.orders --zorder amount"],
    "grant": [
        "SELECT silver.orders --to bea",
        "SELECT silver.customers --columns nope --to bea",
    ],
    "revoke": ["SELECT silver.orders --from bea"],
    "tag": ["silver.customers.name pii=name"],
    "catalog create-database": ["fresh"],
    "catalog drop": ["raw.clicks --yes", "raw --database --yes"],
}
# Tables that are asked for by name, as a hidden and as an absent one: the answers must be alike.
BY_NAME = (
    "show", "history", "lineage", "impact", "quarantine", "quality show", "quality history",
    "quality suggest", "quality profile", "catalog show", "catalog versions",
    "catalog partitions", "catalog statistics", "catalog export", "permissions", "classify",
    "optimize",
)  # fmt: skip
# No other name has their letters, so that hints do not differ either.
HIDDEN, ABSENT = "silver.zqzq", "silver.zqzx"
# They have no --json.
PLAIN = {"catalog export", "registry diff"}
SCHEMA = json.dumps({
    "type": "record", "name": "person", "fields": [{"name": "zqfield", "type": "string"}],
})  # fmt: skip
IDS = [seen.principal for seen in PRINCIPALS]
MISSING = (
    "{} is undecided: give it --as (options.AsPrincipal and options.seen, through lakeworks.permitted) "
    "and name it in SURFACES or CHANGES here, or let it refuse --as by name in cli/owners_only.py"
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = written(tmp_path_factory.mktemp("canaries") / "lake")
    with Lake.open(root) as opened:
        registry = opened.catalog.schema_registry
        registry.create_schema("people", SCHEMA, data_format="AVRO", compatibility="NONE")
        registry.register_schema_version("people", SCHEMA.replace('"zqfield"', '"zqother"'))
    return root


class Ran:
    """What one command line gave: its code, and all that it said and wrote."""

    def __init__(self, code: int, out: str, err: str, files: str = "") -> None:
        self.code, self.out, self.err, self.files = code, out, err, files

    @property
    def text(self) -> str:
        return f"{self.out}\n{self.err}\n{self.files}"


@pytest.fixture(scope="module")
def opened_once(lake: Path) -> Iterator[Lake]:
    """The lake, open for all tests: to open it and read help anew would take most of the time."""
    with pytest.MonkeyPatch.context() as patch, Lake.open(lake) as shared:
        patch.setattr(Lake, "open", lambda *_, **__: shared)
        patch.setattr(Lake, "close", lambda _: None)
        patch.setattr("lakeworks.cli.main.command_line", cache(command_line))
        yield shared
        patch.undo()


@pytest.fixture
def ran(lake: Path, opened_once: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> Any:  # fmt: skip
    """Run one command line in this process, as somebody."""

    def run(
        command: str,
        words: str,
        principal: str = "",
        *,
        as_json: bool = False,
        alone: bool = False,
    ) -> Ran:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        (out / "next.avsc").write_text(SCHEMA.replace("zqfield", "field"))
        (out / "records.json").write_text('{"field": "x"}\n')
        given = words.removeprefix("<") if words.startswith("<") else None
        monkeypatch.setattr("sys.stdin", io.StringIO(given or ""))
        arguments = [*command.split()]
        if given is None:
            arguments += [word.replace("$out", str(out)) for word in shlex.split(words)]
        arguments += ["--as", principal] if principal else []
        arguments += ["--json"] if as_json else []
        capsys.readouterr()
        code = main([*arguments, *([] if alone else ["-C", str(lake)])])
        said = capsys.readouterr()
        files = [
            path.read_text() for path in sorted(out.rglob("*"))
            if path.is_file() and path.name not in {"next.avsc", "records.json"}
        ]  # fmt: skip
        return Ran(code, said.out, said.err, "\n".join(files))

    return run


def command_names() -> Iterator[str]:
    """Yield the words of every command of the application, nouns with an answer of their own too."""
    for name, command in command_line().commands.items():
        inner = getattr(command, "commands", None)
        if inner is None or command.invoke_without_command:
            yield name
        yield from (f"{name} {one}" for one in inner or ())


@pytest.mark.parametrize("command", sorted(command_names()))
def test_every_command_is_decided(command: str) -> None:
    decided = [command in SURFACES, command in CHANGES, command in OWNERS_ONLY]
    assert any(decided), MISSING.format(f"lake {command}")
    assert decided.count(True) == 1


@pytest.mark.parametrize("command", sorted({*SURFACES, *CHANGES, *OWNERS_ONLY}))
def test_no_decision_is_about_a_command_that_is_gone(command: str) -> None:
    assert command in set(command_names())


@pytest.mark.parametrize("command", sorted(OWNERS_ONLY))
def test_what_no_permission_is_for_refuses_as_by_name(ran: Any, command: str) -> None:
    for words in ("", "one two three"):
        found = ran(command, words, "ana", alone=True)
        assert found.code == 2
        assert (
            f"error[LW808]: lake {command} takes no --as: {OWNERS_ONLY[command]}" in found.err
        )
        assert found.out == ""


@pytest.mark.parametrize("command", sorted({*SURFACES, *CHANGES} - {"grant", "revoke", "tag"}))
def test_an_empty_principal_is_not_the_owner(ran: Any, command: str) -> None:
    words = (SURFACES | CHANGES)[command][0]
    found = ran(f"{command} --as=", "" if words.startswith("<") else words)
    assert found.code == 2
    assert "error[LW906]: --as names nobody" in found.err
    assert found.out == ""


def test_as_may_stand_before_the_command(ran: Any) -> None:
    after = ran("tables", "", "ana")
    before = ran("--as ana tables", "")
    assert before.out.splitlines()[2:] == after.out.splitlines()[2:]
    assert "takes no --as" in ran("--as ana run", "").err


@pytest.mark.parametrize("noun", [name for name in command_names() if " " not in name])
def test_as_before_the_command_of_a_noun_is_refused_rather_than_dropped(
    ran: Any, noun: str
) -> None:
    commands = [name.split()[1] for name in command_names() if name.startswith(f"{noun} ")]
    for command in commands[:1]:
        found = ran(f"{noun} --as ana {command}", "")
        assert found.code == 2
        assert "--as" in found.err


@pytest.mark.parametrize("command", sorted(SURFACES))
@pytest.mark.parametrize("seen", PRINCIPALS, ids=IDS)
def test_nobody_is_shown_what_it_may_not_know(ran: Any, seen: Seen, command: str) -> None:
    for words in SURFACES[command]:
        for as_json in (False, True):
            if as_json and command in PLAIN:
                continue
            found = ran(command, words, seen.principal, as_json=as_json)
            assert "unexpected" not in found.err
            assert leaks(seen, _without(words, found.text)) == set(), (words, found.text)


@pytest.mark.parametrize("command", sorted(CHANGES))
@pytest.mark.parametrize("seen", PRINCIPALS[:3], ids=IDS[:3])
def test_nobody_changes_what_it_was_not_granted(
    ran: Any, opened_once: Lake, seen: Seen, command: str
) -> None:
    before = _state(opened_once)
    for words in CHANGES[command]:
        found = ran(command, words, seen.principal)
        assert found.code == 2, found.text
        assert leaks(seen, _without(words, found.text)) == set(), found.text
    assert _state(opened_once) == before


@pytest.mark.parametrize("command", BY_NAME)
@pytest.mark.parametrize("seen", PRINCIPALS[:5], ids=IDS[:5])
def test_what_is_hidden_and_what_is_absent_look_the_same(
    ran: Any, seen: Seen, command: str
) -> None:
    for as_json in (False, True):
        if as_json and command in PLAIN:
            continue
        hidden = ran(command, HIDDEN, seen.principal, as_json=as_json)
        absent = ran(command, ABSENT, seen.principal, as_json=as_json)
        assert hidden.code == absent.code
        assert hidden.out.replace(HIDDEN, "T") == absent.out.replace(ABSENT, "T")
        assert hidden.err.replace(HIDDEN, "T") == absent.err.replace(ABSENT, "T")


@pytest.mark.parametrize("command", sorted(SURFACES))
def test_the_owner_is_told_canaries_by_what_tells_of_tables(ran: Any, command: str) -> None:
    # Else the searches above would prove nothing.
    innocent = {"principals", "catalog databases", "registry check"}
    everything = "".join(
        ran(command, words, as_json=as_json).text
        for words in SURFACES[command]
        for as_json in (False, True)
        if not as_json or command not in PLAIN
    )
    assert bool(leaks(Seen("owner"), everything)) is (command not in innocent), everything


def _without(words: str, text: str) -> str:
    """Return a text without what the command line itself named."""
    for word in re.findall(r"[\w.]*(?:zq|kq9|5550001)[\w.]*", words):
        text = text.replace(word, "")
    return text


def _state(opened: Lake) -> dict[str, Any]:
    return {
        "snapshot": opened.catalog.current_snapshot(),
        "entries": [one.name for one in opened.catalog.data_catalog.list_tables()],
        "databases": [one.name for one in opened.catalog.data_catalog.list_databases()],
        "grants": opened.governance.grants(),
        "tags": opened.governance.authorizer().tags.assigned,
    }
