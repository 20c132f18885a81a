"""The properties that travel with a job: the engine's, the environment's, and never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.aws.spark_conf import spark_conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.declaration import Project

    Submittable = Callable[..., Project]


def test_the_drivers_memory_is_named_only_when_the_project_names_it(
    submittable: Submittable,
) -> None:
    silent = submittable().environment
    assert "spark.driver.memory" not in spark_conf(silent, on_aws=True)
    limited = submittable(
        ("    engine: spark\n", "    engine: spark\n    memory_limit: 3GiB\n")
    )
    assert spark_conf(limited.environment, on_aws=True)["spark.driver.memory"] == "3072m"
    named = submittable(("{spark.executor.memory: 8g", "{spark.driver.memory: 5g"))
    assert spark_conf(named.environment, on_aws=True)["spark.driver.memory"] == "5g"


def test_what_submit_says_goes_before_what_spark_says(submittable: Submittable) -> None:
    settings = "{spark.executor.memory: 1g, spark.executor.cores: '3'}"
    spark = f"    engine: spark\n    spark:\n      settings: {settings}\n"
    conf = spark_conf(submittable(("    engine: spark\n", spark)).environment, on_aws=False)
    assert conf["spark.executor.memory"] == "8g"
    assert conf["spark.executor.cores"] == "3"


def test_a_service_scales_in_its_own_way_unless_the_project_says_how(
    submittable: Submittable,
) -> None:
    name = "spark.dynamicAllocation.maxExecutors"
    assert not any(
        "dynamicAllocation" in one for one in spark_conf(submittable().environment, on_aws=True)
    )
    said = submittable(("{spark.executor.memory: 8g", f"{{{name}: '40'"))
    assert spark_conf(said.environment, on_aws=True)[name] == "40"
    assert (
        spark_conf(said.environment, on_aws=False)["spark.dynamicAllocation.enabled"] == "true"
    )


def test_a_plain_cluster_is_told_where_s3_is_and_no_key(submittable: Submittable) -> None:
    keys = (
        "    s3: {endpoint: 'http://store:9000', access_key_id: AKIATEST, "
        "secret_access_key: hidden, session_token: hidden-too}\n    submit:\n"
    )
    environment = submittable(("    submit:\n", keys)).environment
    conf = spark_conf(environment, on_aws=False)
    assert conf["spark.hadoop.fs.s3a.endpoint"] == "http://store:9000"
    assert "hadoop-aws" in conf["spark.jars.packages"]
    assert not any("AKIATEST" in value or "hidden" in value for value in conf.values())
    assert not any("fs.s3a" in name for name in spark_conf(environment, on_aws=True))
