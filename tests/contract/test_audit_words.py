"""What audit entries quote can be erased, and nothing else: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from lakeworks.catalog import Catalog
from lakeworks.catalog.audit_trail import FIRST, _hash
from lakeworks.catalog.errors import CatalogError, CatalogReadOnlyError
from lakeworks.catalog.migrate import SCRIPTS
from lakeworks.catalog.query_history import QueryRecord
from lakeworks.core import clock

if TYPE_CHECKING:
    from lakeworks.catalog.audit_trail import AuditTrail

ANA = "select * from silver.people where email = 'ana@example.org'"
BOB = "select * from silver.people where email = 'bob@example.org'"
FACTS = {"tables": [{"table": "silver.people", "columns": ["email"]}], "rows": 1}


def is_ana(text: str) -> bool:
    return "ana@example.org" in text


@pytest.fixture
def trail(catalog: Catalog) -> AuditTrail:
    """Return a trail of four entries, of which the second and the fourth quote Ana."""
    trail = catalog.audit_trail
    trail.append("query", "user:una", {**FACTS, "sql": BOB})
    trail.append("query", "user:una", {**FACTS, "sql": ANA})
    trail.append("policy", "operator", {"files": {"a": "b"}, "grants": 3})
    trail.append("denial", "user:una", {**FACTS, "sql": ANA, "error": "LW301", "problem": ANA})
    return trail


def erase(trail: AuditTrail) -> int:
    return trail.erase_words(is_ana, principal="role:privacy", told={"erasure": "e1"})[0]


def stored(catalog: Catalog, columns: str, table: str) -> list[tuple[Any, ...]]:
    with catalog._database.reading() as session:
        return session.all(f"SELECT {columns} FROM {table} ORDER BY seq")


def change(catalog: Catalog, *statements: str) -> None:
    with catalog._database.writing() as session:
        for statement in statements:
            session.run(statement)


def without_guards(catalog: Catalog) -> None:
    """Do what the owner of the tables can always do."""
    names = {
        "audit_entries": ["no_update", "no_delete", "no_replace"],
        "audit_words": ["no_update", "no_replace", "only_erased"],
    }
    if "postgresql" in catalog._database.where:
        names = {
            "audit_entries": ["only_added", "not_emptied"],
            "audit_words": ["no_update", "not_emptied", "only_erased"],
        }
    on = "postgresql" in catalog._database.where
    for table, each in names.items():
        for name in each:
            change(catalog, f"DROP TRIGGER {table}_{name}" + (f" ON {table}" if on else ""))


def test_an_entry_is_read_as_it_was_written(trail: AuditTrail) -> None:
    newest = trail.entries(limit=1)[0]
    assert newest.body == {**FACTS, "sql": ANA, "error": "LW301", "problem": ANA}
    assert not newest.words_erased
    assert trail.entries(kind="policy")[0].body == {"files": {"a": "b"}, "grants": 3}


def test_the_chain_itself_holds_no_word_and_equal_words_look_unlike(
    catalog: Catalog, trail: AuditTrail
) -> None:
    trail.append("query", "user:una", {**FACTS, "sql": ANA})
    chained = str(stored(catalog, "*", "audit_entries"))
    assert "example.org" not in chained
    digests = [
        json.loads(body).get("words_sha256")
        for (body,) in stored(catalog, "body", "audit_entries")
    ]
    assert len({*digests}) == 5  # one is of the entry without words: None
    assert len({salt for (salt,) in stored(catalog, "salt", "audit_words")}) == 4


def test_an_erasure_takes_the_words_and_leaves_who_when_and_what(
    catalog: Catalog, trail: AuditTrail
) -> None:
    before = {one.seq: one for one in trail.entries()}
    assert trail.words_that(is_ana) == [2, 4]
    assert erase(trail) == 2
    assert trail.words_that(is_ana) == []
    assert "ana@" not in str(stored(catalog, "*", "audit_words"))
    after = {one.seq: one for one in trail.entries()}
    for seq in (2, 4):
        assert after[seq].words_erased
        assert (after[seq].at, after[seq].principal, after[seq].hash) == (
            before[seq].at, before[seq].principal, before[seq].hash,
        )  # fmt: skip
        assert {key: after[seq].body[key] for key in FACTS} == FACTS
        assert "sql" not in after[seq].body
    assert after[4].body["error"] == "LW301"
    assert (after[1], after[3]) == (before[1], before[3])


def test_an_erasure_is_an_entry_and_the_trail_stays_sound(trail: AuditTrail) -> None:
    kept = trail.head()
    erase(trail)
    (entry,) = trail.entries(kind="erasure")
    assert (entry.principal, entry.body) == (
        "role:privacy", {"erasure": "e1", "entries": 2, "words_of": "2,4"},
    )  # fmt: skip
    found = trail.verify([kept, trail.head()])
    assert (found.sound, found.entries, found.words, found.words_erased) == (True, 5, 1, 2)
    assert erase(trail) == 0
    assert trail.verify([kept]).entries == 5


def test_the_database_refuses_to_take_or_change_words_without_an_erasure(
    catalog: Catalog, trail: AuditTrail
) -> None:
    for statement in (
        "DELETE FROM audit_words WHERE seq = 2",
        "UPDATE audit_words SET words = '{}'",
    ):
        with pytest.raises(CatalogError):
            change(catalog, statement)
    erase(trail)
    trail.append("query", "user:una", {"sql": BOB})
    with pytest.raises(CatalogError):
        change(catalog, "DELETE FROM audit_words")
    assert trail.verify([trail.head()]).sound


def test_what_deletes_around_triggers_is_refused_too(
    catalog: Catalog, trail: AuditTrail
) -> None:
    columns = "(seq, at_us, kind, principal, body, previous, hash)"
    values = "VALUES (2, 0, '', '', '{}', '', '')"
    if "postgresql" in catalog._database.where:
        around = [
            "TRUNCATE audit_entries",
            "TRUNCATE audit_words",
            "TRUNCATE audit_words, audit_entries CASCADE",
            # As replication does, whose sessions ask ordinary triggers nothing.
            "SET LOCAL session_replication_role = replica; DELETE FROM audit_entries",
            "SET LOCAL session_replication_role = replica; UPDATE audit_entries SET body = '{}'",
            "SET LOCAL session_replication_role = replica; DELETE FROM audit_words",
            f"INSERT INTO audit_entries {columns} {values} ON CONFLICT (seq) DO UPDATE SET body = ''",
        ]
    else:
        around = [
            f"INSERT OR REPLACE INTO audit_entries {columns} {values}",
            "REPLACE INTO audit_words (seq, salt, words) VALUES (2, '', '{}')",
            "UPDATE OR REPLACE audit_entries SET seq = 1 WHERE seq = 2",
        ]
    for statement in around:
        with pytest.raises(CatalogError, match=r"only added|erasure that is the last"):
            change(catalog, *statement.split("; "))
    assert trail.verify([trail.head()]).sound


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM audit_words WHERE seq = 1", "words of entry 1 are gone, and no erasure"),
        ("DELETE FROM audit_words", "words of entry 1 are gone, and no erasure"),
        ("UPDATE audit_words SET words = '{}' WHERE seq = 1", "words of entry 1 were changed"),
        ("UPDATE audit_words SET salt = 'x' WHERE seq = 1", "words of entry 1 were changed"),
        ("UPDATE audit_words SET seq = 3 WHERE seq = 1", "entry 3 was written without words"),
        ("UPDATE audit_words SET seq = 99 WHERE seq = 1", "words of an entry 99"),
        ("INSERT INTO audit_words VALUES (2, 's', '{}')", "entry 5 took the words of entry 2"),
        ("UPDATE audit_entries SET body = '{}' WHERE seq = 1", "entry 1 was changed"),
        ("DELETE FROM audit_entries WHERE seq = 5", "words of entry 2 are gone"),
    ],
)
def test_whoever_tampers_with_words_against_the_databases_will_is_found_out(
    catalog: Catalog, trail: AuditTrail, statement: str, told: str
) -> None:
    erase(trail)
    head = trail.head()
    without_guards(catalog)
    assert trail.verify([head]).sound
    change(catalog, statement)
    found = trail.verify([head])
    assert not found.sound
    assert told in "\n".join(found.breaks)


@pytest.mark.parametrize(
    "taken", ["", "x", "1-", "0", "5", "1-4", "2-1", f"1-{10**17}", "9" * 40]
)
def test_an_erasure_that_names_what_it_did_not_take_is_found_out(
    trail: AuditTrail, taken: str
) -> None:
    trail.append("erasure", "operator", {"words_of": taken, "entries": 1})
    assert trail.verify([trail.head()]).sound is (taken == "")


def test_words_of_very_many_entries_go_in_several_erasures(catalog: Catalog) -> None:
    from lakeworks.catalog import audit_trail

    trail = catalog.audit_trail
    for number in range(7):
        trail.append("query", "user:una", {"sql": BOB if number == 3 else ANA})
    at_once = audit_trail._ERASED_AT_ONCE
    audit_trail._ERASED_AT_ONCE = 4
    try:
        assert erase(trail) == 6
    finally:
        audit_trail._ERASED_AT_ONCE = at_once
    told = [one.body["words_of"] for one in trail.entries(kind="erasure")]
    assert told == ["6-7", "1-3,5"]
    assert trail.verify([trail.head()]).sound


def test_a_trail_from_before_words_were_kept_apart_stays_sound_and_is_told_of(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    scripts = ScriptDirectory(str(SCRIPTS))
    body = json.dumps({**FACTS, "sql": ANA})
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for script in reversed(list(scripts.iterate_revisions("0013", "base"))):
                script.module.upgrade()
        context.stamp(scripts, "0013")
        made = _hash(1, 7, "query", "user:una", body, FIRST)
        connection.exec_driver_sql(
            "INSERT INTO audit_entries (seq, at_us, kind, principal, body, previous, hash) "
            f"VALUES (1, 7, 'query', 'user:una', '{body.replace(chr(39), chr(39) * 2)}', "
            f"'{FIRST}', '{made}')"
        )
    engine.dispose()
    with Catalog.open(url) as opened:
        trail = opened.audit_trail
        trail.append("query", "user:una", {**FACTS, "sql": ANA})
        trail.append("export", "user:una", {**FACTS, "file": "/tmp/ana@example.org.csv"})
        assert [one.body.get("sql") for one in trail.entries()] == [None, ANA, ANA]
        assert erase(trail) == 1
        assert trail.facts_that(is_ana) == (1, 1)
        assert trail.entries(limit=9)[-1].body["sql"] == ANA
        found = trail.verify([trail.head()])
        assert (found.sound, found.entries, found.words_erased) == (True, 4, 1)
        with pytest.raises(CatalogError):
            change(opened, "UPDATE audit_entries SET body = '{}'")


@pytest.mark.parametrize(
    "url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_role_that_does_not_own_the_tables_writes_the_trail_and_cannot_unguard_it(
    url: str, catalog: Catalog, trail: AuditTrail
) -> None:
    role = f"writer_{uuid.uuid4().hex}"
    how_to = Path(__file__).parents[2] / "docs/how-to/permissions.md"
    fence = how_to.read_text().split("```sql\ngrant select, insert")[1].partition("```")[0]
    change(catalog, f"CREATE ROLE {role} LOGIN")
    for one in f"grant select, insert{fence}".replace("lake;", f"{role};").split(";")[:-1]:
        change(catalog, one)
    with Catalog.open(url.replace("//lake@", f"//{role}@")) as theirs:
        theirs.audit_trail.append("query", "user:una", {"sql": ANA})
        assert erase(theirs.audit_trail) == 3
        theirs.erasures.compact()
        assert theirs.audit_trail.verify([theirs.audit_trail.head()]).sound
        for statement in (
            "DROP TRIGGER audit_entries_only_added ON audit_entries",
            "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
            "TRUNCATE audit_words",
            "DELETE FROM audit_entries",
            "DROP TABLE audit_words",
            "DROP FUNCTION audit_entries_only_added CASCADE",
            "SET LOCAL session_replication_role = replica",
        ):
            with pytest.raises(CatalogReadOnlyError):
                change(theirs, statement)


def test_no_digest_of_a_query_outlives_the_value_that_it_quoted(catalog: Catalog) -> None:
    catalog.query_history.record(QueryRecord("q", ANA, clock.now()))

    def digest() -> str:
        with catalog._database.reading() as session:
            return str(session.all("SELECT query_digest FROM queries")[0][0])

    before = digest()
    catalog.erasures.redact(is_ana, lambda text: text.replace("ana@example.org", "[erased]"))
    assert digest() != before


def test_names_and_reasons_lose_a_value_without_clashing(catalog: Catalog) -> None:
    for name in ("of_novak", "of_novak2", "other"):
        catalog.named_queries.save(name, "select 1", description=f"what {name} bought")
    begun = catalog.erasures.begin(
        "customer=b", kind="erasure", principal="operator", reason="novak asked"
    )
    catalog.erasures.redact(
        lambda text: "novak" in text, lambda text: re.sub("novak2?", "[erased]", text)
    )
    found = {one.name: one.description for one in catalog.named_queries.list()}
    assert found == {
        "of__erased": "what of_[erased] bought",
        "of__erased_2": "what of_[erased] bought",
        "other": "what other bought",
    }
    assert catalog.erasures.named(begun.erasure_id)[0].reason == "[erased] asked"
