"""The Spark properties of a job: the engine's own, the environment's, and those of `submit:`.

A session that `spark-submit` began takes no more properties that count from the start, so they
travel with the submission. Credentials never do: on a cluster they are those of its machines.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeworks.project.declaration import Environment

_OF_THE_SERVICE = "spark.dynamicAllocation."
_NEVER_SENT = frozenset({"key_id", "secret", "session_token"})
_DRIVER_MEMORY = "spark.driver.memory"


def spark_conf(environment: Environment, *, on_aws: bool) -> dict[str, str]:
    """Return the properties by name; those of `submit: conf:` go before the others.

    Args:
        on_aws: Whether the service scales executors and reaches S3 in its own way.

    Raises:
        SparkSettingError: a property would change what results are.
    """
    from lakeworks.engines.spark.settings import configuration

    given = {**environment.spark.settings, **environment.submit.conf}
    found = configuration(
        # Whatever the master is, none of the settings for a Spark of one machine are sent.
        replace(environment.spark, settings=given, master="yarn", remote=None),
        temp_directory="",
        memory_limit=environment.memory_limit,
        s3=None if on_aws else _s3(environment),
    )
    conf = dict(found.static)
    if environment.memory_limit is None and _DRIVER_MEMORY not in given:
        del conf[_DRIVER_MEMORY]
    if not on_aws:
        return conf
    return {
        name: value
        for name, value in conf.items()
        if name in given or not name.startswith(_OF_THE_SERVICE)
    }


def _s3(environment: Environment) -> dict[str, str | bool] | None:
    from lakeworks.storage.objects import ObjectStore

    if not environment.storage.startswith("s3://"):
        return None
    found = ObjectStore.open(environment.storage, environment.options).s3_settings()
    return {name: value for name, value in found.items() if name not in _NEVER_SENT}
