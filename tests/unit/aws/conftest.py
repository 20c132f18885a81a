"""A project that declares where it is submitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project

LAKE = """\
name: tiny
environments:
  prod:
    engine: spark
    storage: s3://acme-lake/tiny
    catalog: postgresql+psycopg://lake@db.example.com/lake
    submit:
      code: s3://acme-lake/code/
      application_id: 00f1abcdexample
      cluster_id: j-2AXXXXXXGAPLF
      execution_role_arn: arn:aws:iam::123456789012:role/lake-job
      worker_type: G.2X
      number_of_workers: 10
      conf: {spark.executor.memory: 8g, spark.executor.extraJavaOptions: -Da=b -Dc=d}
      variables: {STAGE: live}
      secrets: {DB_PASSWORD: prod/lake-db}
"""


@pytest.fixture
def submittable(orders_project: Path) -> Callable[..., Project]:
    """Return the project as changed: pieces of lake.yml replaced, by pairs of old and new."""
    source = orders_project / "sources/orders.yml"
    source.write_text(source.read_text().replace("landing/orders", "s3://acme-raw/orders"))

    def _submittable(*changes: tuple[str, str]) -> Project:
        text = LAKE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (orders_project / "lake.yml").write_text(text)
        return load_project(orders_project, variables={})

    return _submittable
