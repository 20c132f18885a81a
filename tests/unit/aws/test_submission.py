"""Real requests to a real server of AWS's protocols: uploads, jobs, states, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from lakeworks.aws.errors import SubmissionFailedError
from lakeworks.aws.submission import Submission
from lakeworks.aws.targets import Job, JobState
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.declaration import Project

    Submittable = Callable[..., Project]

ROLE = "arn:aws:iam::123456789012:role/lake-job"


@pytest.fixture
def aws(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Let boto3 and the store talk to the test server; return how to make clients of it."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return boto3.client


def prepared(project: Project, to: Any) -> Submission:
    return Submission.of(project, version="0.1.0", to=to)


def test_emr_serverless_runs_what_was_uploaded(
    submittable: Submittable, aws: Callable[[str], Any], bucket: str
) -> None:
    serverless = aws("emr-serverless")
    application = serverless.create_application(
        name="lake", releaseLabel="emr-7.9.0", type="SPARK", clientToken=bucket
    )["applicationId"]
    project = submittable(
        ("s3://acme-lake/code/", f"s3://{bucket}/code"), ("00f1abcdexample", application)
    )
    submission = prepared(project, "emr-serverless")
    told: list[tuple[Job, JobState | None]] = []
    done = submission.send(told=lambda job, state: told.append((job, state)))
    assert done.as_json()["status"] == "submitted"
    assert told == [(done.job, None)]
    run = serverless.get_job_run(applicationId=application, jobRunId=done.job.id)["jobRun"]
    sent = submission.requests()[0].body
    assert run["jobDriver"] == sent["jobDriver"]
    assert run["executionRole"] == ROLE
    s3 = aws("s3")
    for place, packed in zip(
        done.uploaded, submission.target.files(submission.shipment), strict=True
    ):
        key = place.removeprefix(f"s3://{bucket}/")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == packed.data
    assert run["jobDriver"]["sparkSubmit"]["entryPoint"] in done.uploaded
    # The test server's jobs are done at once.
    state = submission.target.state(submission.shipment, done.job)
    assert (state.ended, state.succeeded) == (True, True)


def test_what_is_in_place_is_not_uploaded_again(
    submittable: Submittable, aws: Callable[[str], Any], bucket: str
) -> None:
    project = submittable(("s3://acme-lake/code/", f"s3://{bucket}/code"))
    first = prepared(project, "glue").upload()
    s3 = aws("s3")
    before = {
        o["Key"]: o["LastModified"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]
    }
    assert len(before) == len(first) == 3
    assert prepared(project, "glue").upload() == first
    after = {o["Key"]: o["LastModified"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert after == before


def test_emr_gets_the_step(
    submittable: Submittable, aws: Callable[[str], Any], bucket: str
) -> None:
    emr = aws("emr")
    cluster = emr.run_job_flow(
        Name="c",
        Instances={
            "MasterInstanceType": "m5.xlarge", "SlaveInstanceType": "m5.xlarge",
            "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True,
        },
        JobFlowRole="a", ServiceRole="b",
    )["JobFlowId"]  # fmt: skip
    project = submittable(
        ("s3://acme-lake/code/", f"s3://{bucket}/code"), ("j-2AXXXXXXGAPLF", cluster)
    )
    submission = prepared(project, "emr")
    done = submission.send()
    step = emr.describe_step(ClusterId=cluster, StepId=done.job.id)["Step"]
    assert step["Name"] == "lakeworks-tiny"
    words = submission.requests()[0].body["Steps"][0]["HadoopJarStep"]["Args"]
    assert step["Config"]["Args"] == words
    assert not submission.target.state(submission.shipment, done.job).succeeded


def test_glue_makes_a_job_that_is_missing(
    submittable: Submittable, aws: Callable[[str], Any], bucket: str
) -> None:
    glue = aws("glue")
    name = f"job-{bucket}"
    named = ("      worker_type", f"      job_name: {name}\n      worker_type")
    submission = prepared(
        submittable(("s3://acme-lake/code/", f"s3://{bucket}/code"), named), "glue"
    )
    done = submission.send(wait=True, poll_s=0.01)
    job = glue.get_job(JobName=name)["Job"]
    assert (job["WorkerType"], job["NumberOfWorkers"]) == ("G.2X", 10)
    assert job["Command"]["ScriptLocation"] in done.uploaded
    assert job["DefaultArguments"] == submission.requests()[1].body["Arguments"]
    assert done.as_json()["status"] == "succeeded"
    assert done.result is None


def test_glue_changes_a_job_that_is_there(
    submittable: Submittable, aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.stub import Stubber

    submission = prepared(submittable(), "glue")
    create, start = (dict(request.body) for request in submission.requests())
    name = create.pop("Name")
    client = aws("glue")
    with Stubber(client) as stub:
        stub.add_response("get_job", {"Job": {"Name": name}}, {"JobName": name})
        stub.add_response(
            "update_job", {"JobName": name}, {"JobName": name, "JobUpdate": create}
        )
        stub.add_response("start_job_run", {"JobRunId": "jr_1"}, start)
        monkeypatch.setattr(boto3, "client", lambda *_args, **_kwargs: client)
        assert submission.target.start(submission.shipment).id == "jr_1"
        stub.assert_no_pending_responses()


def test_the_result_that_the_job_left_is_given_back(
    submittable: Submittable, aws: Callable[[str], Any], bucket: str
) -> None:
    named = ("      worker_type", f"      job_name: job-{bucket}\n      worker_type")
    project = submittable(("s3://acme-lake/code/", f"s3://{bucket}/code"), named)
    submission = prepared(project, "glue")
    result = {"run_id": "r", "status": "succeeded", "steps": []}
    store = ObjectStore.open(f"s3://{bucket}/code")
    store.put(f"results/{submission.shipment.token}.json", json.dumps(result).encode())
    assert submission.send(wait=True, poll_s=0.01).result == result


def test_an_unknown_application_is_told_in_the_services_words(
    submittable: Submittable, aws: Callable[[str], Any], bucket: str
) -> None:
    project = submittable(("s3://acme-lake/code/", f"s3://{bucket}/code"))
    with pytest.raises(SubmissionFailedError, match=r"did not accept StartJobRun: .*00f1abcd"):
        prepared(project, "emr-serverless").send()


def test_missing_credentials_are_told_with_what_to_set(
    submittable: Submittable,
    aws: Callable[[str], Any],
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = submittable(("s3://acme-lake/code/", f"s3://{bucket}/code"))
    submission = prepared(project, "emr")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(SubmissionFailedError) as error:
        submission.target.start(submission.shipment)
    assert "AWS_PROFILE" in error.value.hint


@pytest.mark.parametrize(
    ("to", "operation", "response", "expected"),
    [
        (
            "emr-serverless",
            "get_job_run",
            {"jobRun": {"state": "FAILED", "stateDetails": "driver out of memory"}},
            JobState("FAILED", ended=True, succeeded=False, reason="driver out of memory"),
        ),
        (
            "emr-serverless",
            "get_job_run",
            {"jobRun": {"state": "SUCCESS", "stateDetails": "-"}},
            JobState("SUCCESS", ended=True, succeeded=True, reason="-"),
        ),
        (
            "emr",
            "describe_step",
            {"Step": {"Status": {"State": "FAILED", "FailureDetails": {"Reason": "Oops",
             "Message": "m"}}}},
            JobState("FAILED", ended=True, succeeded=False, reason="Oops m"),
        ),
        (
            "glue",
            "get_job_run",
            {"JobRun": {"JobRunState": "TIMEOUT", "ErrorMessage": "too long"}},
            JobState("TIMEOUT", ended=True, succeeded=False, reason="too long"),
        ),
        (
            "glue",
            "get_job_run",
            {"JobRun": {"JobRunState": "RUNNING"}},
            JobState("RUNNING", ended=False, succeeded=False),
        ),
    ],
)  # fmt: skip
def test_states_are_read_from_the_services_answers(
    submittable: Submittable,
    aws: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    to: str,
    operation: str,
    response: dict[str, Any],
    expected: JobState,
) -> None:
    from botocore.stub import Stubber

    service = {"emr": "emr", "glue": "glue"}.get(to, "emr-serverless")
    client = aws(service)
    submission = prepared(submittable(), to)
    if to == "emr-serverless":
        response["jobRun"] |= {
            "applicationId": "00f1abcdexample", "jobRunId": "00f2", "arn": ROLE * 2,
            "createdBy": ROLE, "createdAt": 0, "updatedAt": 0, "executionRole": ROLE,
            "releaseLabel": "emr-7.9.0", "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/x.py"}},
        }  # fmt: skip
    with Stubber(client) as stub:
        stub.add_response(operation, response)
        monkeypatch.setattr(boto3, "client", lambda *_args, **_kwargs: client)
        found = submission.target.state(submission.shipment, Job("job", ""))
    assert found == expected
