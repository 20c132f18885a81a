"""What runs on the cluster: unpack the project, run `lake run --json`, keep its result.

`lake submit` ships this file as the job's script, so it imports nothing but the standard library
until it has unpacked Lakeworks itself, and it is understood by Pythons that are too old for
Lakeworks, to say so. The Spark session is the one that `spark-submit` configured: the engine does
not name a master in a process that `spark-submit` started.

    cluster_job.py --project PLACE [--code PLACE] [--env NAME] [--result URL]
                   [--variables JSON] [--secrets JSON] [--run JSON]

A PLACE is a zip file, a folder that Spark unpacked, or `s3://…` of a zip file. The variables and
secrets are objects, what `lake run` is told is a list: Glue takes each name once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import runpy
import shutil
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

_OLDEST_PYTHON = (3, 11)
_NEEDED = (
    "lakeworks",
    "deltalake",
    "duckdb",
    "pyarrow",
    "pydantic",
    "pyspark",
    "sqlglot",
    "typer",
)


def main(arguments: Sequence[str]) -> int:
    """Run the job and return the exit code of `lake run`."""
    if sys.version_info < _OLDEST_PYTHON:
        told = ".".join(str(part) for part in sys.version_info[:3])
        return _refused(f"Lakeworks needs Python 3.11 or newer, and the cluster's is {told}")
    given, _ = _parser().parse_known_args(arguments)  # Glue adds arguments of its own
    with tempfile.TemporaryDirectory(prefix="lakeworks-") as scratch:
        if given.code:
            sys.path.insert(0, str(unpacked(given.code, Path(scratch) / "code")))
        project = unpacked(given.project, Path(scratch) / "project")
        os.environ.update(given.variables)
        os.environ.update(_secrets(given.secrets))
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            return _refused(f"the cluster's Python has no {', '.join(missing)}")
        words = ["run", "--json", "-C", str(project), *given.run]
        if given.env:
            words += ["--env", given.env]
        code, printed = _lake(words)
        if given.result and printed.strip():
            _keep(given.result, printed, project, given.env)
    return code


def unpacked(place: str, folder: Path) -> Path:
    """Unpack or copy what is at `place` into `folder` and return it.

    Folders are copied: those that Spark unpacks are shared and may be read-only, and a project
    keeps a cache in its own.
    """
    folder.mkdir(parents=True)
    if place.startswith("s3://"):
        import boto3

        bucket, _, key = place[len("s3://") :].partition("/")
        held = io.BytesIO()
        boto3.client("s3").download_fileobj(bucket, key, held)
        zipfile.ZipFile(held).extractall(folder)
    elif Path(place).is_dir():
        shutil.copytree(place, folder, dirs_exist_ok=True)
    else:
        with zipfile.ZipFile(place) as archive:
            archive.extractall(folder)
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster_job", allow_abbrev=False)
    parser.add_argument("--project", required=True)
    parser.add_argument("--code")
    parser.add_argument("--env")
    parser.add_argument("--result")
    parser.add_argument("--variables", type=json.loads, default={})
    parser.add_argument("--secrets", type=json.loads, default={})
    parser.add_argument("--run", type=json.loads, default=[])
    return parser


def _secrets(named: Mapping[str, str]) -> dict[str, str]:
    """Fetch secrets by name or ARN, so that no request and no console ever shows them."""
    if not named:
        return {}
    import boto3

    client = boto3.client("secretsmanager")
    return {
        name: str(client.get_secret_value(SecretId=secret)["SecretString"])
        for name, secret in named.items()
    }


class _Both(io.StringIO):
    """Writes to the job's log as well as to memory."""

    def __init__(self, log: TextIO) -> None:
        super().__init__()
        self.log = log

    def write(self, text: str) -> int:
        self.log.write(text)
        return super().write(text)

    def flush(self) -> None:
        self.log.flush()


def _lake(words: Sequence[str]) -> tuple[int, str]:
    """Run the command `lake` in this process; return its exit code and what it printed."""
    out = _Both(sys.stdout)
    before = sys.argv
    sys.argv = ["lake", *words]
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_module("lakeworks", run_name="__main__")
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    finally:
        sys.argv = before
    return 0, out.getvalue()


def _keep(url: str, printed: str, project: Path, environment: str | None) -> None:
    """Write the result where the one who submitted the job looks for it."""
    from lakeworks.project.loader import load_project
    from lakeworks.storage.objects import ObjectStore

    folder, _, name = url.rpartition("/")
    options = load_project(project, environment=environment).environment.options
    ObjectStore.open(folder, options).put(name, printed.encode())


def _refused(problem: str) -> int:
    sys.stderr.write(
        f"{problem}\n  hint: submit with python_archive: s3://… of a packed Python environment "
        "that has Lakeworks' dependencies\n"
    )
    return 2


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    if exit_code:
        sys.exit(exit_code)
