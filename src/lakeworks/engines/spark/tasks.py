"""Run parts of reading files on Spark: one task a partition, results back in order.

What Spark is given is an ordinary function over a column, so that it works on a cluster and over
Spark Connect alike; it places the tasks, repeats those whose machine was lost, and stops them when the
session is interrupted. The package comes with it (`shipping.py`); what it imports does not.
"""

from __future__ import annotations

import inspect
import pickle
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.engines.duckdb.file_tasks import run_packed
from lakeworks.engines.spark.shipping import ship

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa
    from pyspark.sql import Column, SparkSession
    from pyspark.sql.types import StructType

    from lakeworks.engines.duckdb.file_tasks import Place, Task
    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.engines.protocol import ArrivedFile

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
        if not tasks:
            return []
        ship(self.spark)
        function = _function([pickle.dumps(task) for task in tasks], self.place)
        numbers = self.spark.range(0, len(tasks), 1, len(tasks))
        result = over_arrow(function, "binary")("id").alias("result")
        rows = numbers.select("id", result).collect()
        results = {row["id"]: bytes(row["result"]) for row in rows}
        # Packed by our own tasks.
        return [pickle.loads(results[number]) for number in range(len(tasks))]  # noqa: S301


def over_arrow(
    function: Callable[[pa.Array], pa.Array], returns: StructType | str
) -> Callable[[str], Column]:
    """Return a function over a column, whose values come in batches as Arrow arrays."""
    import pyarrow as pa
    from pyspark.sql.pandas import functions

    # Spark tells the kind of function by its types, which it has to find as objects.
    [name] = inspect.signature(function).parameters
    function.__annotations__ = {name: pa.Array, "return": pa.Array}
    made: Any = functions.arrow_udf
    with warnings.catch_warnings(action="ignore"):  # of a pandas that nothing here uses
        wrapped: Callable[[str], Column] = made(function, returns)
    return wrapped


def _function(packed: list[bytes], place: Place) -> Callable[[pa.Array], pa.Array]:
    def run(numbers: pa.Array) -> pa.Array:
        import pyarrow as pa

        results = [run_packed(packed[number], place) for number in numbers.to_pylist()]
        return pa.array(results, pa.binary())

    return run


def _checked(result: Any) -> Any:  # noqa: ANN401 - whatever the task gives
    if isinstance(result, LakeError):
        raise result
    return result
