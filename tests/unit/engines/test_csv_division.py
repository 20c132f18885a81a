"""Lines of too many fields are rejected as the engine would, without its memory."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.engines.duckdb import files_csv
from lakeworks.engines.duckdb.csv_dialect import Dialect
from lakeworks.engines.duckdb.csv_division import divided
from lakeworks.engines.duckdb.csv_width import width_of
from lakeworks.engines.duckdb.files import read_group
from lakeworks.engines.duckdb.files_csv import CsvReader
from lakeworks.engines.duckdb.files_sink import Gathered, RejectFile
from lakeworks.engines.protocol import ArrivedFile, FileReading
from lakeworks.engines.registry import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

TWO = Dialect(",", '"', '"', ("id", "n"), 1, "utf-8")


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    engine = open_engine("duckdb", temp_directory=str(tmp_path_factory.mktemp("spill")))
    yield engine.statements().con  # type: ignore[attr-defined]
    engine.close()


def arrived(folder: Path, data: bytes) -> ArrivedFile:
    path = folder / "a.csv"
    path.write_bytes(data)
    return ArrivedFile(str(path), "a.csv", len(data))


def outcome(
    con: duckdb.DuckDBPyConnection, folder: Path, data: bytes, *, wide: bool, **options: Any
) -> tuple[list[Any], list[Any]]:
    root, rejects = folder / f"rows-{wide}", folder / f"rejects-{wide}"
    reading = FileReading(
        "bronze.t", "csv", [arrived(folder, data)], str(root), str(rejects), "r",
        "2026-01-01T00:00:00Z", options=options,
    )  # fmt: skip
    reader, total = CsvReader(con, reading), Gathered()
    for group in reader.plan():
        read_group(con, reader, replace(group, wide=wide), total)
    assert not total.unreadable

    def rows(columns: str, where: Path, files: list[Any]) -> list[Any]:
        uris = [f"{where}/{file.path}" for file in files]
        selected = f"SELECT {columns} FROM read_parquet({uris})"
        return sorted(con.execute(selected).fetchall(), key=repr) if uris else []

    written = "COLUMNS(c -> NOT starts_with(c, '_'))"
    return (
        rows(written, root, total.added),
        rows("row, error, source_row", rejects, total.rejected),
    )


def rejected(folder: Path, data: bytes, dialect: Dialect = TWO) -> tuple[list[Any], str]:
    """Return (number, row) of what division rejects, and what it leaves."""
    rejects = RejectFile(folder / "rejects.json")
    place = folder / "rest.csv"
    divided(arrived(folder, data), "none", dialect, nulls=[""], place=place, rejects=rejects)
    rejects.close()
    found = []
    if rejects.rows:
        noted = [json.loads(line) for line in rejects.path.read_text().splitlines()]
        found = [(one["source_row"], one["row"]) for one in noted]
    return found, place.read_text()


def test_lines_of_too_many_fields_are_taken_out_with_their_numbers(tmp_path: Path) -> None:
    found, rest = rejected(tmp_path, b"id,n\n1,2\n3,4,5\n\n6,7,8\n9,10\n")
    assert found == [(3, "3,4,5"), (5, "6,7,8")]
    assert rest == "id,n\n1,2\n\n9,10\n"


@pytest.mark.parametrize(
    "line", ["1,2,", '1,2,""', "1,2,,", "1", '"a,b",2', '"a\nb",2', '"a\n1,2,3\nb",2']
)
def test_what_the_engine_takes_is_left(tmp_path: Path, line: str) -> None:
    data = f"id,n\n{line}\n"
    assert rejected(tmp_path, data.encode()) == ([], data)


def test_after_a_quote_gone_astray_all_is_left_to_the_engine(tmp_path: Path) -> None:
    found, _ = rejected(tmp_path, b'id,n\n1,2,3\nx,"a"b\n4,5,6\n')
    assert found == [(2, "1,2,3")]


def soup(rng: random.Random) -> tuple[bytes, dict[str, Any]]:
    """A CSV file with lines that are too wide, short, quoted, broken and gone on with."""
    end = rng.choice(["\n", "\n", "\r\n", "\r"])
    delimiter, columns = rng.choice(",;"), rng.choice([1, 2, 3])
    options: dict[str, Any] = {"delimiter": delimiter, "quote": '"', "escape": '"'}
    escape = '"'
    if rng.random() < 0.2:
        escape = options["escape"] = "\\"
    if rng.random() < 0.2:
        options["null_values"] = ["1", "x y"]
    plain = ["", "1", "abc", "x y", "é", " z"]
    quoted = ['""', '"a"', f'"b{delimiter}c"', f'"{escape}"x"', f'"m{end}n"', f'"{end}"']
    odd = ['"b"c', 'a"', '"""', "\\", ' "s"', '"']

    def field() -> str:
        kinds = [plain, plain, quoted, odd if rng.random() < 0.05 else plain]
        return rng.choice(rng.choice(kinds))

    lines = [delimiter.join("abc"[:columns])]
    for _ in range(rng.randrange(25)):
        many = rng.choice([columns, columns, columns + rng.randrange(1, 6), columns - 1])
        lines.append(delimiter.join(field() for _ in range(many)))
    text = end.join(lines) + rng.choice(["", end])
    return text.encode(rng.choice(["utf-8", "utf-8", "utf-8", "utf-16"])), options


@pytest.mark.parametrize("seed", range(60))
def test_division_comes_to_what_the_engine_says(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int
) -> None:
    data, options = soup(random.Random(seed))
    whole = outcome(con, tmp_path, data, wide=False, **options)
    assert outcome(con, tmp_path, data, wide=True, **options) == whole


def test_hundreds_of_fields_too_many_are_told_in_a_word(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    data = b"id,n\n" + b"1" + b",x" * 200 + b"\n"
    for wide in (False, True):
        _, [(_, error, number)] = outcome(con, tmp_path, data, wide=wide)
        assert (error, number) == ("expected columns: 2, found: 201", 2)


def test_a_broken_line_below_a_blank_one_is_shown_alone_and_counted_once(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rows, quarantined = outcome(con, tmp_path, b'id,n\n1,2\n\n3,"un\n4,5\n', wide=False)
    assert rows == [("1", "2"), ("4", "5")]
    assert [(row, number) for row, _, number in quarantined] == [('3,"un', 4)]


def test_errors_are_reckoned_wherever_in_a_file_the_wide_lines_are(tmp_path: Path) -> None:
    good, bad = b"1,2\n" * 500_000, b"1,2" + b",x" * 100 + b"\n"
    sound = width_of(arrived(tmp_path, good), "none", TWO)
    assert sound.error_bytes == 0
    late = width_of(arrived(tmp_path, good + bad * 20_000), "none", TWO)
    true = 20_000 * 100 * (len(bad) + 700)
    assert true / 2 < late.error_bytes < true * 2


def test_one_long_line_is_always_found(tmp_path: Path) -> None:
    lines = [b"1,2\n"] * 500_000
    lines[300_000] = b"1" + b",x" * 6_000 + b"\n"
    assert width_of(arrived(tmp_path, b"".join(lines)), "none", TWO).most_fields == 6_001


def test_files_past_what_errors_may_take_are_divided(
    intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_csv, "_MOST_ERROR_BYTES", 10_000)
    here = intake()
    bad = b"".join(b"%d,x,y,z\n" % n for n in range(50))
    here.put("bad.csv", b"id,n\n1,2\n" + bad + b"3,4\n")
    here.put("good.csv", b"id,n\n5,6\n")
    done = here.take()
    assert (done.written, done.quarantined) == (3, 50)
    noted = here.quarantine()
    assert {one["source_row"] for one in noted} == set(range(3, 53))
    assert {one["error"] for one in noted} == {
        "expected columns: 2, found: 3; expected columns: 2, found: 4"
    }


def test_a_file_whose_quotes_hide_its_wide_lines_is_quarantined_line_by_line(
    intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_csv, "_MOST_ERROR_BYTES", 10_000)
    here = intake()
    here.put("bad.csv", b'id,n\nx,"a"b\n' + b"1,x,y,z\n" * 50)
    done = here.take()
    assert (done.written, done.quarantined) == (0, 52)
