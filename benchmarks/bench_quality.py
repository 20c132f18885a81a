"""Judging 20 rules of DQDL: one hand-written scan, Spark, Deequ and Great Expectations.

Budgets: at most 1.5 times one hand-written DuckDB scan with the same aggregates; at least 20 times
faster than PyDeequ; at least 8 times faster than Great Expectations on pandas in memory, at 1
million rows. Further: 1,000 rules over 1 million rows, with the peak memory.

Every run is a process of its own. "Whole" counts it from its start to its end; "judging" counts the
first judging alone, without start and imports on both sides. There are two references on Spark:
`quality_spark.py` does by hand what Deequ does (one scan shared by the aggregates, and a grouping
for each uniqueness), on the Spark that Lakeworks runs on; `quality_deequ.py` is Deequ itself, by
PyDeequ, with `--deequ`: on Spark 3.5, in an environment made with pip beside the data. Great
Expectations (`quality_expectations.py`) has the data in memory, where ours reads the file. Medians
are printed of ours.

    python benchmarks/bench_quality.py [--rows 10000000] [--rounds 3] [--no-spark] [--deequ]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path

from bench_main_job import GIB, Measured, measured

HERE = Path(__file__).parent
SMALL = 1_000_000
MANY = 1_000
# PySpark 3.5 knows Python 3.8 to 3.12; PyDeequ lists no requirements of its own that fit it.
DEEQU_PACKAGES = ("pyspark==3.5.*", "pydeequ==1.7.*", "pandas<3", "numpy<2", "setuptools")
RULES = """Rules = [
  RowCount > 1000,
  ColumnCount = 10,
  IsComplete "id",
  IsUnique "id",
  IsComplete "customer",
  Completeness "comment" > 0.8,
  ColumnValues "status" in ["new", "paid", "sent", "done", "lost"],
  ColumnValues "amount" >= 0,
  ColumnValues "amount" < 1000000,
  ColumnValues "quantity" between 0 and 100,
  ColumnValues "email" matches "[a-z0-9]+@[a-z]+[.]org",
  ColumnLength "country" = 2,
  ColumnValues "created" > "2019-12-31",
  Mean "amount" between 100 and 900,
  Sum "quantity" > 1000,
  StandardDeviation "amount" < 10000,
  DistinctValuesCount "country" = 26,
  Uniqueness "id" > 0.99,
  Completeness "ratio" > 0.9,
  ColumnValues "ratio" <= 1 with threshold > 0.9
]
"""
# The figures that the rules above and Glue's metrics of them need, in one scan; what occurs once
# needs a grouping.
BY_HAND = """
select count(*), count(id), count(customer), count(comment), count(ratio),
  count_if(status in ('new', 'paid', 'sent', 'done', 'lost')), count_if(amount >= 0),
  count_if(amount < 1000000), min(amount), max(amount),
  count_if(quantity > 0 and quantity < 100),
  count_if(regexp_full_match(email, '[a-z0-9]+@[a-z]+[.]org')),
  count_if(length(country) = 2), count_if(created > timestamp '2019-12-31'), avg(amount),
  sum(quantity), stddev_pop(amount), count(distinct country), count_if(ratio <= 1),
  min(quantity), max(quantity), min(length(country)), max(length(country)), max(ratio),
  (select count(*) from (select id from '{data}' group by id having count(*) = 1))
from '{data}'
"""


def generated(folder: Path, rows: int) -> Path:
    """The data, made once and kept."""
    import duckdb

    path = folder / f"rows-{rows}.parquet"
    if not path.exists():
        duckdb.execute(f"""
            copy (
              select i as id, 'c' || i % 500_000 as customer,
                'user' || i % 700_000 || '@mail.org' as email,
                ['new', 'paid', 'sent', 'done', 'lost'][(i * 7919 % 5)::int + 1] as status,
                (hash(i * 7) % 100_000)::double / 100 as amount,
                cast(1 + hash(i * 11) % 90 as integer) as quantity,
                timestamp '2020-01-01' + to_minutes((hash(i * 13) % 2_000_000)::bigint) as created,
                chr(65 + (hash(i * 17) % 26)::int) || 'X' as country,
                case when i % 50 > 0 then (hash(i * 19) % 1000)::double / 1000 end as ratio,
                case when i % 10 > 0 then 'some words on order ' || hash(i) % 1000 end as comment
              from range({rows}) as r(i)
            ) to '{path}.part' (format parquet, compression snappy)
        """)
        Path(f"{path}.part").rename(path)
    return path


def lakeworks(data: Path, rules: Path) -> Measured:
    """One `lake quality check`."""
    return measured(
        sys.executable, "-m", "lakeworks", "quality", "check", str(data), "--rules", str(rules),
        "--json",
    )  # fmt: skip


def judging_s(data: Path, rules: Path) -> float:
    """The seconds of one `evaluate`, in a process that has imported what it needs."""
    # (The rules of the first one are answered without a scan: nothing of the data is warm.)
    code = (
        "import sys, time; from pathlib import Path; from lakeworks.quality import evaluate; "
        "evaluate(sys.argv[1], 'Rules = [ RowCount > 0 ]'); begun = time.perf_counter(); "
        "assert evaluate(sys.argv[1], Path(sys.argv[2])).passed; "
        "print(time.perf_counter() - begun)"
    )
    return float(measured(sys.executable, "-c", code, str(data), str(rules)).out)


def scan(data: Path) -> Measured:
    """The hand-written scan."""
    code = f"import duckdb; duckdb.execute({BY_HAND.format(data=data)!r}).fetchall()"
    return measured(sys.executable, "-c", code)


def median(runs: list[Measured]) -> float:
    """The median of their seconds."""
    return statistics.median(run.seconds for run in runs)


def against_scan(data: Path, rules: Path, rows: int, rounds: int) -> float:
    """Print the ratio to one scan; return our seconds."""
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(scan(data))
        ours.append(lakeworks(data, rules))
    ratio = statistics.median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True))
    peak = max(run.peak_bytes for run in ours) / GIB
    print(f"{rows:,} rows: lakeworks {median(ours):.2f} s, peak {peak:.2f} GiB")
    print(f"one hand-written DuckDB scan {median(theirs):.2f} s")
    print(f"ratio lakeworks / scan {ratio:.2f} (budget 1.5)")
    return median(ours)


def many_rules(data: Path, folder: Path) -> None:
    """Print what a thousand rules cost."""
    kinds = ('ColumnValues "quantity" < {}', 'ColumnValues "amount" > -{}', "RowCount > {}",
             'ColumnLength "email" < {}', 'Completeness "comment" > 0.{}')  # fmt: skip
    entries = ",\n  ".join(kinds[i % len(kinds)].format(100 + i) for i in range(MANY))
    path = folder / "many.dqdl"
    path.write_text(f"Rules = [\n  {entries}\n]\n")
    code = (
        "import sys; from pathlib import Path; from lakeworks.quality import evaluate; "
        "print(len(evaluate(sys.argv[1], Path(sys.argv[2])).outcomes))"
    )
    run = measured(sys.executable, "-c", code, str(data), str(path))
    assert run.out.strip() == str(MANY)
    peak = run.peak_bytes / GIB
    print(f"{MANY:,} rules over {SMALL:,} rows: {run.seconds:.2f} s, peak {peak:.2f} GiB")


def deequ_python(folder: Path) -> str:
    """The interpreter of Deequ's own environment, made once and kept."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SystemExit("Deequ needs Java (8, 11 or 17), which is not installed")
    home = folder / "deequ-environment"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        venv.create(home, with_pip=True, clear=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *DEEQU_PACKAGES],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"pip cannot install {DEEQU_PACKAGES}:\n{done.stderr}")
        (home / "ready").touch()
    return str(python)


def against_deequ(data: Path, rules: Path, folder: Path, ours_s: float, rounds: int) -> None:
    """Print how much longer Deequ takes: tuned, and with Spark's own settings."""
    python = deequ_python(folder)
    judged = statistics.median(judging_s(data, rules) for _ in range(rounds))
    print(f"lakeworks: judging {judged:.2f} s, whole {ours_s:.2f} s")
    for name, options in (("tuned", ()), ("with Spark's defaults", ("--defaults",))):
        run = measured(
            python, "-W", "ignore", str(HERE / "quality_deequ.py"), str(data), *options
        )
        seconds = float(run.out.split()[-1])
        print(
            f"Deequ by PyDeequ, {name}: judging {seconds:.1f} s, {seconds / judged:.1f} times "
            f"ours; whole {run.seconds:.1f} s, {run.seconds / ours_s:.1f} times ours (budget 20)"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spark", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--deequ", action="store_true", help="also Deequ itself")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "lakeworks-bench"
    )
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rules = args.folder / "rules.dqdl"
    rules.write_text(RULES)
    data, small = generated(args.folder, args.rows), generated(args.folder, SMALL)
    ours_s = against_scan(data, rules, args.rows, args.rounds)
    if args.spark or (args.spark is None and find_spec("pyspark")):
        spark = measured(sys.executable, str(HERE / "quality_spark.py"), str(data))
        print(
            f"Spark local[2] doing by hand what Deequ does: whole {spark.seconds:.1f} s; "
            f"{spark.seconds / ours_s:.1f} times ours"
        )
    if args.deequ:
        against_deequ(data, rules, args.folder, ours_s, args.rounds)
    if find_spec("great_expectations"):
        small_s = statistics.median(judging_s(small, rules) for _ in range(args.rounds))
        told = measured(sys.executable, str(HERE / "quality_expectations.py"), str(small))
        seconds = float(told.out.split()[-1])
        print(
            f"{SMALL:,} rows: lakeworks {small_s:.2f} s, Great Expectations on pandas "
            f"{seconds:.1f} s; {seconds / small_s:.1f} times ours (budget 8)"
        )
    many_rules(small, args.folder)


if __name__ == "__main__":
    main()
