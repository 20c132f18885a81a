from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

ASKING = """
import sys
from lakeworks.engines.duckdb.engine import DuckEngine

engine = DuckEngine(temp_directory=sys.argv[1], memory_limit=300 * 2**20, threads=2)
try:
    with engine.session() as session:
        session.query("select 1").read_all()
        print("asking", flush=True)
        session.query("select count(*) from range(100000000000), range(1000000)").read_all()
except KeyboardInterrupt:
    print("stopped", flush=True)
engine.close()
"""


def test_ctrl_c_ends_a_query_and_does_not_wait_for_it(tmp_path: Path) -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING, str(tmp_path / "scratch")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "asking\n"
        time.sleep(0.5)  # DuckDB itself is to take the signal
        asking.send_signal(signal.SIGINT)
        assert asking.wait(60) == 0
        assert asking.stdout.read() == "stopped\n"
    finally:
        asking.kill()
        asking.communicate()
