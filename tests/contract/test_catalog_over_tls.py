"""The catalog on a PostgreSQL server that takes TLS alone, and whose password is replaced."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import pytest
from postgres_server import PASSWORD, PostgresServer, programs

from lakeworks.catalog.errors import CatalogError, CatalogUnavailableError
from lakeworks.catalog.store import Catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def secured(unavailable: Callable[[str], NoReturn]) -> Iterator[PostgresServer]:
    """A server that takes connections with TLS and a password."""
    folder = programs()
    if folder is None or find_spec("psycopg") is None:
        unavailable("PostgreSQL")
    server = PostgresServer(folder, tls=True)
    yield server
    server.remove()


def test_the_servers_certificate_is_checked(secured: PostgresServer, tmp_path: Path) -> None:
    trusted = secured.url(sslmode="verify-full", sslrootcert=str(secured.authority))
    with Catalog.open(trusted) as catalog:
        assert catalog.integrity() == []
        with catalog._database.reading() as session:
            row = session.first("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert row is not None
    assert row[0] in {"TLSv1.2", "TLSv1.3"}
    other = tmp_path / "other.pem"
    other.write_bytes((secured.data / "server.crt").read_bytes().replace(b"M", b"N", 1))
    for wrong in (
        secured.url(sslmode="verify-full", sslrootcert=str(tmp_path / "absent.pem")),
        secured.url(sslmode="verify-full", sslrootcert=str(other)),
        secured.url(sslmode="verify-full"),  # no authority vouches for it
        secured.url(
            host="localhost", sslmode="verify-full", sslrootcert=str(secured.authority)
        ),
        secured.url(sslmode="disable"),
    ):
        with pytest.raises(CatalogUnavailableError) as failed:
            Catalog.open(wrong)
        assert PASSWORD not in str(failed.value)
    with Catalog.open(secured.url(sslmode="require")) as catalog:
        assert catalog.integrity() == []


def test_a_wrong_password_is_refused_and_not_shown(secured: PostgresServer) -> None:
    with pytest.raises(CatalogError, match="authentication failed") as failed:
        Catalog.open(secured.url(password="wrong-passw0rd", sslmode="require"))
    told = str(failed.value) + repr(failed.value)
    assert "wrong-passw0rd" not in told
    assert PASSWORD not in told


def test_a_password_that_was_replaced_is_asked_for_again(secured: PostgresServer) -> None:
    kept = {"asked": 0}

    def fresh(refused: bool) -> str:
        kept["asked"] += int(refused)
        # Whoever keeps the secret gives the new one when it is asked again.
        password = "an0ther-password" if kept["asked"] else PASSWORD
        return secured.url(password=password, sslmode="require")

    with Catalog.open(secured.url(sslmode="require"), fresh=fresh) as catalog:
        assert catalog.integrity() == []
        secured.set_password("an0ther-password")
        try:
            catalog.close()  # its connections; the next one is new
            assert catalog.integrity() == []
            assert kept["asked"] == 1
        finally:
            with catalog._database.writing() as session:
                session.run(f"ALTER USER lake PASSWORD '{PASSWORD}'")
