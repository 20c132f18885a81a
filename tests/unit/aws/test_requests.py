"""The request bodies of every target, held against AWS's own descriptions of its services."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.aws.errors import RequestRefusedError
from lakeworks.aws.submission import Submission
from lakeworks.aws.validation import validate
from lakeworks.engines.spark.errors import SparkSettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.declaration import Project

    Submittable = Callable[..., Project]

CLUSTER = (
    ("storage: s3://acme-lake/tiny", "storage: /mnt/shared/tiny"),
    ("s3://acme-lake/code/", "/mnt/shared/code"),
    ("    submit:\n", "    submit:\n      master: spark://host:7077\n"),
    (
        "catalog: postgresql+psycopg://lake@db.example.com/lake",
        "catalog: sqlite:////mnt/shared/c.db",
    ),
)


def bodies(project: Project, to: Any, *run: str) -> list[dict[str, Any]]:
    submission = Submission.of(project, version="0.1.0", to=to, run=run)
    return [request.as_json() for request in submission.requests()]


def by_name(words: list[str]) -> dict[str, str]:
    assert len(words) % 2 == 0
    return dict(zip(words[::2], words[1::2], strict=True))


def test_emr_serverless_gets_archives_and_the_words_of_lake_run(
    submittable: Submittable,
) -> None:
    [request] = bodies(submittable(), "emr-serverless", "--select", "silver.orders+")
    body = request["body"]
    assert (request["service"], request["operation"]) == ("emr-serverless", "StartJobRun")
    assert body["applicationId"] == "00f1abcdexample"
    assert body["name"] == "lakeworks-tiny"
    job = body["jobDriver"]["sparkSubmit"]
    assert job["entryPoint"].startswith("s3://acme-lake/code/")
    given = by_name(job["entryPointArguments"])
    assert given["--project"] == "lake_project"
    assert given["--code"] == "lakeworks_code"
    assert given["--env"] == "prod"
    assert given["--result"] == f"s3://acme-lake/code/results/{body['clientToken']}.json"
    assert json.loads(given["--run"]) == ["--select", "silver.orders+"]
    assert json.loads(given["--variables"]) == {"STAGE": "live"}
    assert json.loads(given["--secrets"]) == {"DB_PASSWORD": "prod/lake-db"}
    parameters = shlex.split(job["sparkSubmitParameters"])
    conf = dict(word.split("=", 1) for word in parameters[1::2])
    places = [archive.split("#") for archive in conf["spark.archives"].split(",")]
    assert [name for _, name in places] == ["lake_project", "lakeworks_code"]
    # Spark looks at the suffix alone when it decides how to unpack.
    assert all(place.endswith(".zip") for place, _ in places)
    [own] = body["configurationOverrides"]["applicationConfiguration"]
    assert own["classification"] == "spark-defaults"
    assert own["properties"]["spark.executor.extraJavaOptions"] == "-Da=b -Dc=d"
    assert own["properties"]["spark.serializer"].endswith("KryoSerializer")
    assert not any("dynamicAllocation" in name for name in own["properties"])


def test_a_packed_python_is_that_of_driver_and_executors(submittable: Submittable) -> None:
    project = submittable(
        (
            "      worker_type",
            "      python_archive: s3://acme-lake/e.tar.gz\n      worker_type",
        )
    )
    [serverless] = bodies(project, "emr-serverless")
    words = serverless["body"]["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    assert "s3://acme-lake/e.tar.gz#environment" in words
    assert (
        "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=./environment/bin/python" in words
    )
    assert "spark.executorEnv.PYSPARK_PYTHON=./environment/bin/python" in words
    [step] = bodies(project, "emr")
    args = step["body"]["Steps"][0]["HadoopJarStep"]["Args"]
    assert "spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python" in args


def test_emr_gets_a_step_that_leaves_the_cluster_alone_when_it_fails(
    submittable: Submittable,
) -> None:
    [request] = bodies(submittable(), "emr")
    [step] = request["body"]["Steps"]
    assert request["body"]["JobFlowId"] == "j-2AXXXXXXGAPLF"
    assert step["ActionOnFailure"] == "CONTINUE"
    words = step["HadoopJarStep"]["Args"]
    assert words[:3] == ["spark-submit", "--deploy-mode", "cluster"]
    assert "spark.executor.extraJavaOptions=-Da=b -Dc=d" in words
    script = next(place for place, word in enumerate(words) if word.endswith("cluster_job.py"))
    assert by_name(words[script + 1 :])["--project"] == "lake_project"


def test_glue_gets_a_job_and_a_run_with_the_same_arguments(submittable: Submittable) -> None:
    create, start = bodies(submittable(), "glue")
    job = create["body"]
    assert create["operation"] == "CreateJob"
    assert (job["WorkerType"], job["NumberOfWorkers"], job["GlueVersion"]) == (
        "G.2X",
        10,
        "5.1",
    )
    given = job["DefaultArguments"]
    assert given["--extra-files"].endswith("/project.zip")
    assert given["--additional-python-modules"].endswith("-py3-none-any.whl")
    assert given["--project"] == "project.zip"
    assert "--code" not in given
    assert given["--job-bookmark-option"] == "job-bookmark-disable"
    assert (
        "spark.executor.memory=8g --conf spark.executor.extraJavaOptions=-Da=b -Dc=d"
    ) in given["--conf"]
    assert start["operation"] == "StartJobRun"
    assert start["body"] == {"JobName": "lakeworks-tiny", "Arguments": given}


def test_spark_submit_reads_archives_here_for_a_driver_that_runs_here(
    submittable: Submittable,
) -> None:
    [request] = bodies(submittable(*CLUSTER), "spark-submit")
    words = request["body"]["words"]
    assert words[0].endswith("spark-submit")
    options = words[1 : next(i for i, word in enumerate(words) if word.endswith(".py"))]
    assert options[:4] == ["--master", "spark://host:7077", "--deploy-mode", "client"]
    assert f"spark.pyspark.driver.python={sys.executable}" in options
    given = by_name(words[len(options) + 2 :])
    assert given["--project"].startswith("/mnt/shared/code/")
    assert given["--project"].endswith("/project.zip")


def test_spark_submit_lets_spark_unpack_for_a_driver_on_the_cluster(
    submittable: Submittable,
) -> None:
    project = submittable(
        ("    submit:\n", "    submit:\n      master: yarn\n      deploy_mode: cluster\n")
    )
    [request] = bodies(project, "spark-submit")
    words = request["body"]["words"]
    archives = words[words.index("--archives") + 1]
    # Only EMR knows the scheme s3; Hadoop's own connector is s3a.
    assert archives.startswith("s3a://acme-lake/code/")
    assert words[words.index("--project") + 1] == "lake_project"
    assert words[words.index("--result") + 1].startswith("s3://acme-lake/code/results/")


@pytest.mark.parametrize(
    ("to", "change", "told"),
    [
        (
            "emr-serverless",
            ("arn:aws:iam::123456789012:role/lake-job", "lake-job-of-this-account"),
            "executionRoleArn: 'lake-job-of-this-account' does not have the form",
        ),
        ("emr-serverless", ("00f1abcdexample", "MyApp"), "applicationId: 'MyApp' does not"),
        ("glue", ("G.2X", "G.3X"), r"WorkerType: 'G.3X' is not one of Standard, G.1X"),
        ("emr", ("j-2AXXXXXXGAPLF", "j" * 300), "JobFlowId: 300 characters are more than 256"),
    ],
)
def test_a_request_that_the_service_would_refuse_is_refused_before_anything_is_sent(
    submittable: Submittable, to: str, change: tuple[str, str], told: str
) -> None:
    with pytest.raises(RequestRefusedError, match=told):
        bodies(submittable(change), to)


def test_validation_lists_missing_members_and_wrong_types() -> None:
    with pytest.raises(RequestRefusedError) as refused:
        validate("glue", "CreateJob", {"Name": "x", "Role": 3})
    assert 'Missing required parameter in input: "Command"' in str(refused.value)
    assert "Role" in str(refused.value)


def test_no_request_holds_a_credential_or_a_setting_that_changes_results(
    submittable: Submittable,
) -> None:
    keys = "    s3: {access_key_id: AKIATEST, secret_access_key: never-to-be-shown}\n"
    master = "    submit:\n      master: yarn\n      deploy_mode: cluster\n"
    project = submittable(("    submit:\n", keys + master))
    for to in ("emr-serverless", "emr", "glue", "spark-submit"):
        sent = json.dumps(bodies(project, to))
        assert "AKIATEST" not in sent
        assert "never-to-be-shown" not in sent
    fixed = submittable(("spark.executor.memory: 8g", "spark.sql.session.timeZone: CET"))
    with pytest.raises(SparkSettingError, match=r"spark\.sql\.session\.timeZone"):
        bodies(fixed, "glue")
