from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from lakeworks.catalog import Catalog
from lakeworks.catalog.errors import CatalogUnavailableError, CatalogUrlError
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_server_that_does_not_answer_is_named_without_its_password(
    unavailable: Callable[[str], None],
) -> None:
    if find_spec("psycopg") is None:
        unavailable("psycopg (pip install 'lakeworks[postgres]')")
    with pytest.raises(CatalogUnavailableError, match="cannot be opened") as told:
        Catalog.open("postgresql://lake:secret@127.0.0.1:1/lake")
    assert "127.0.0.1:1/lake" in told.value.problem
    assert "secret" not in str(told.value)


def test_without_its_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lakeworks\[postgres\]'"):
        Catalog.open("postgresql://lake@localhost/lake")


def test_a_url_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(CatalogUrlError) as told:
        Catalog.open("postgresql://lake:secr@et@localhost:port/lake")
    assert "lake:***@localhost:port" in told.value.problem
