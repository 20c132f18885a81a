"""What keeps a cluster from running a project is told with its line, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.aws.errors import NotForClustersError, NotReachableError, SubmitSettingsError
from lakeworks.aws.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project

    Submittable = Callable[..., Project]


def submit(project: Project, to: Any = None) -> Submission:
    return Submission.of(project, version="0.1.0", to=to)


@pytest.mark.parametrize("to", ["emr-serverless", "emr", "glue"])
def test_a_sound_project_passes(submittable: Submittable, to: str) -> None:
    assert submit(submittable(), to).target.name == to


@pytest.mark.parametrize(
    ("to", "line", "key"),
    [
        ("emr-serverless", "      application_id: 00f1abcdexample\n", "application_id"),
        ("emr", "      cluster_id: j-2AXXXXXXGAPLF\n", "cluster_id"),
        ("glue", "      code: s3://acme-lake/code/\n", "code"),
        (
            "glue",
            "      execution_role_arn: arn:aws:iam::123456789012:role/lake-job\n",
            "execution_role_arn",
        ),
    ],
)
def test_a_missing_setting_is_named_with_the_line_and_an_example(
    submittable: Submittable, to: str, line: str, key: str
) -> None:
    with pytest.raises(SubmitSettingsError) as error:
        submit(submittable((line, "")), to)
    assert str(error.value).startswith(
        f"lake.yml:7: submitting to {to} needs the setting '{key}'"
    )
    assert f"write below submit: {key}: " in error.value.hint


def test_the_target_may_stand_in_the_settings_and_must_stand_somewhere(
    submittable: Submittable,
) -> None:
    named = submittable(("    submit:\n", "    submit:\n      to: glue\n"))
    assert submit(named).target.name == "glue"
    assert submit(named, "emr").target.name == "emr"
    with pytest.raises(SubmitSettingsError, match="needs the setting 'to'"):
        submit(submittable())
    with pytest.raises(SubmitSettingsError, match="did you mean glue"):
        submit(submittable(), "glu")


def test_an_environment_of_one_machine_is_refused(submittable: Submittable) -> None:
    with pytest.raises(NotForClustersError, match=r"lake\.yml:4: .* runs on duckdb"):
        submit(submittable(("engine: spark", "engine: duckdb")), "glue")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("s3://acme-lake/tiny", "/mnt/shared/tiny"), r"lake\.yml:5: the storage lies in /mnt"),
        (
            ("postgresql+psycopg://lake@db.example.com/lake", "sqlite:////mnt/catalog.db"),
            r"lake\.yml:6: the catalog is a SQLite file",
        ),
    ],
)
def test_what_lies_on_this_machine_is_not_for_aws(
    submittable: Submittable, change: tuple[str, str], told: str
) -> None:
    with pytest.raises(NotReachableError, match=told):
        submit(submittable(change), "glue")


def test_a_source_of_this_machine_is_named_with_its_file(
    submittable: Submittable, orders_project: Path
) -> None:
    submittable()
    source = orders_project / "sources/orders.yml"
    source.write_text(source.read_text().replace("s3://acme-raw/orders", "landing/orders"))
    with pytest.raises(NotReachableError, match=r"sources/orders\.yml:1: .*landing/orders"):
        submit(submittable(), "emr")


def test_what_lies_in_the_project_is_not_for_a_cluster_either(submittable: Submittable) -> None:
    changes = (
        ("storage: s3://acme-lake/tiny", "storage: .lake"),
        ("    submit:\n", "    submit:\n      master: spark://h:7077\n"),
        ("      code: s3://acme-lake/code/\n", ""),
    )
    with pytest.raises(NotReachableError, match=r"the storage lies in .*/tiny/\.lake"):
        submit(submittable(*changes), "spark-submit")


def test_code_on_s3_is_not_for_a_driver_that_runs_here(submittable: Submittable) -> None:
    change = ("    submit:\n", "    submit:\n      master: spark://h:7077\n")
    with pytest.raises(SubmitSettingsError, match=r"lake\.yml:9: code is on S3"):
        submit(submittable(change), "spark-submit")


def test_a_variable_that_is_not_set_is_missed_by_lake_submit_only(
    submittable: Submittable,
) -> None:
    project = submittable(
        ("00f1abcdexample", "${APPLICATION}"), ("prod/lake-db", "'${SECRET}'")
    )
    assert project.environment.submit.application_id is None
    with pytest.raises(SubmitSettingsError, match=r"names the variable \w+, which is not set"):
        submit(project, "emr-serverless")


def test_a_variable_cannot_be_a_secret_too(submittable: Submittable) -> None:
    project = submittable(("{STAGE: live}", "{DB_PASSWORD: x}"))
    with pytest.raises(SubmitSettingsError, match="is given among the variables too"):
        submit(project, "glue")
