"""Run parts of reading files on Spark: one task a partition, results back in order.

What Spark is given is an ordinary `mapInArrow`, so that it works on a cluster and over Spark
Connect alike; it places the tasks, repeats those whose machine was lost, and stops them when the
session is interrupted. The machines need this package, as they do for any Python function.
"""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.engines.duckdb.file_tasks import run_packed
from lakeworks.engines.spark.errors import WorkersLackPackageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from lakeworks.engines.duckdb.file_tasks import Place, Task
    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.engines.protocol import ArrivedFile

_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
# Over Spark Connect a client is not told how many cores the cluster has.
_UNTOLD_CORES = 8


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs tasks for one reading.

    Attributes:
        statements: This process's own DuckDB.
        place: What each task may use.
        root: Where the tasks write.
    """

    spark: SparkSession
    statements: Statements
    place: Place
    root: str

    def cores(self) -> int:
        """Return how many tasks run at once, as far as that can be told."""
        from pyspark.errors import PySparkException

        try:
            return int(self.spark.sparkContext.defaultParallelism)
        except PySparkException:
            return _UNTOLD_CORES

    def is_here_only(self, files: Iterable[ArrivedFile]) -> bool:
        """Whether there are files that no other machine reaches.

        Scratch files of a lake in a bucket lie on this machine; those of a lake in a folder lie
        in that folder, which all machines share.
        """
        remote = self.root.startswith("s3://")
        return remote and any(not file.uri.startswith("s3://") for file in files)

    def run(self, tasks: Sequence[Task], files: Sequence[Iterable[ArrivedFile]]) -> list[Any]:
        """Run each task, which reads the files at its place in `files`.

        Raises:
            LakeError: the first that a task met.
        """
        here = {n for n, some in enumerate(files) if self.is_here_only(some)}
        spread = [n for n in range(len(tasks)) if n not in here]
        done = dict(zip(spread, self._spread([tasks[n] for n in spread]), strict=True))
        for number in here:
            done[number] = tasks[number].run(self.statements, self.place.s3)
        return [_checked(done[number]) for number in range(len(tasks))]

    def _spread(self, tasks: Sequence[Task]) -> list[Any]:
        from pyspark.errors import PySparkException

        if not tasks:
            return []
        function = _function([pickle.dumps(task) for task in tasks], self.place)
        numbers = self.spark.range(0, len(tasks), 1, len(tasks))
        try:
            rows = numbers.mapInArrow(function, "number long, result binary").collect()
        except PySparkException as error:
            missing = _MISSING_MODULE.search(str(error))
            if missing is not None:
                raise WorkersLackPackageError.found(missing[1]) from error
            raise
        results = {row["number"]: bytes(row["result"]) for row in rows}
        # Packed by our own tasks.
        return [pickle.loads(results[number]) for number in range(len(tasks))]  # noqa: S301


def _function(
    packed: list[bytes], place: Place
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                result = run_packed(packed[number], place)
                yield pa.RecordBatch.from_arrays(
                    [pa.array([number], pa.int64()), pa.array([result], pa.binary())],
                    ["number", "result"],
                )

    return run


def _checked(result: Any) -> Any:  # noqa: ANN401 - whatever the task gives
    if isinstance(result, LakeError):
        raise result
    return result
