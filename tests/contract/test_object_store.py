"""What every object store does, on a folder and on S3."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lakeworks.storage.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    BucketNotFoundError,
    ObjectNotFoundError,
    UnreachableError,
    UnsafePathError,
)
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD_NAMES = [
    "plain.txt",
    "with space/ü é 日本.txt",
    "p=a%20b/100%.txt",
    "quotes'\".txt",
    "#?&+=;:@[]{}~^`|<>*!$,().txt",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_object_is_read_back_under_exactly_the_name_it_was_written(
    store: ObjectStore, name: str
) -> None:
    store.put(name, b"content")
    assert store.get(name) == b"content"
    assert store.exists(name)
    assert [found.path for found in store.list()] == [name]
    assert store.uri(name) == f"{store.root}/{name}"


def test_put_replaces_and_reports_size_and_time(store: ObjectStore) -> None:
    store.put("a", b"1")
    first = store.info("a")
    store.put("a", b"22")
    second = store.info("a")
    assert first
    assert second
    assert (first.size_bytes, second.size_bytes) == (1, 2)
    assert first.etag != second.etag
    assert abs(second.modified - datetime.now(UTC)) < timedelta(minutes=2)
    assert [found.etag for found in store.list()] == [second.etag]


def test_of_many_writers_of_a_new_object_exactly_one_wins(store: ObjectStore) -> None:
    def attempt(writer: int) -> int | None:
        try:
            store.put_if_absent("race", str(writer).encode())
        except AlreadyExistsError:
            return None
        return writer

    with ThreadPoolExecutor(8) as pool:
        winners = [w for w in pool.map(attempt, range(16)) if w is not None]
    assert len(winners) == 1
    assert store.get("race") == str(winners[0]).encode()
    assert [found.path for found in store.list(unfinished=True)] == ["race"]


def test_an_absent_object_is_reported_by_name(store: ObjectStore) -> None:
    assert not store.exists("no/such")
    assert store.info("no/such") is None
    for read in (store.get, store.open_read):
        with pytest.raises(ObjectNotFoundError, match="no/such"):
            read("no/such").read()  # type: ignore[attr-defined]


def test_listing_is_sorted_recursive_and_stays_inside_its_folder(store: ObjectStore) -> None:
    names = ["b/2", "b/1/x", "b-1", "b.txt", "a", "bb/1", "b/1-x"]
    for name in names:
        store.put(name, b"x")
    assert [found.path for found in store.list()] == sorted(names)
    assert [found.path for found in store.list("b")] == ["b/1-x", "b/1/x", "b/2"]
    assert [found.path for found in store.list_after("b", "b/1-x")] == ["b/1/x", "b/2"]
    assert list(store.list("absent")) == []


def test_folders_are_named_at_the_depth_asked_for(store: ObjectStore) -> None:
    for name in ("tables/gold/sales/_delta_log/0", "tables/silver/orders/x", "other/y"):
        store.put(name, b"x")
    assert list(store.folders("tables")) == ["gold", "silver"]
    assert list(store.folders("tables", depth=2)) == ["gold/sales", "silver/orders"]
    assert list(store.folders("nothing")) == []


def test_delete_ignores_what_is_gone_and_leaves_the_rest(store: ObjectStore) -> None:
    for name in ("a", "b", "c/d", "c/e"):
        store.put(name, b"x")
    store.delete(["a", "never was", "c/d"])
    assert [found.path for found in store.list()] == ["b", "c/e"]
    store.delete_tree("c")
    store.delete_tree("c")
    assert [found.path for found in store.list()] == ["b"]


def test_a_child_sees_the_same_objects_by_shorter_names(store: ObjectStore) -> None:
    store.put("one/two/x", b"1")
    child = store.child("one/two")
    assert child.root == f"{store.root}/one/two"
    assert child.get("x") == b"1"
    child.put("y", b"2")
    assert store.get("one/two/y") == b"2"


def test_large_content_streams_in_and_out_and_is_seekable(store: ObjectStore) -> None:
    piece = bytes(range(256)) * 4096
    store.write_stream("big", (piece for _ in range(20)))
    info = store.info("big")
    assert info
    assert info.size_bytes == 20 * len(piece)
    with store.open_read("big") as file:
        assert file.read(10) == piece[:10]
        file.seek(-5, 2)
        assert file.read() == piece[-5:]
        file.seek(19 * len(piece) + 3)
        assert file.read(4) == piece[3:7]
    store.write_stream("empty", iter(()))
    assert store.get("empty") == b""


def test_an_object_streams_from_one_place_to_another(store: ObjectStore) -> None:
    content = bytes(range(256)) * 80_000
    store.put("here", content)

    def chunks() -> Iterator[bytes]:
        with store.open_read("here") as file:
            while piece := file.read(1024 * 1024):
                yield piece

    store.write_stream("there", chunks())
    assert store.get("there") == content


@pytest.mark.parametrize(
    "failure", [ValueError("the source broke"), OSError("disk of the source")]
)
def test_a_source_that_fails_midway_leaves_nothing_behind(
    store: ObjectStore, failure: Exception
) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x" * 20_000_000
        raise failure

    with pytest.raises(type(failure), match=str(failure)):
        store.write_stream("half", chunks())
    assert list(store.list(unfinished=True)) == []


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\0"]
)
def test_paths_that_climb_out_are_refused(store: ObjectStore, path: str) -> None:
    with pytest.raises(UnsafePathError):
        store.get(path)
    with pytest.raises(UnsafePathError):
        store.put(path, b"x")


def test_a_missing_bucket_is_named_whatever_is_done(
    s3_endpoint: str, s3_options: dict[str, str]
) -> None:
    store = ObjectStore.open("s3://no-such-bucket-here/x", s3_options)
    for action in (
        lambda: store.get("a"),
        lambda: store.put("a", b""),
        lambda: store.put_if_absent("a", b""),
        lambda: list(store.list()),
    ):
        with pytest.raises(BucketNotFoundError) as caught:
            action()
        assert "no-such-bucket-here" in str(caught.value)
        assert s3_endpoint in str(caught.value)
        assert "aws s3 mb" in caught.value.hint


def test_an_endpoint_that_does_not_answer_is_named(s3_options: dict[str, str]) -> None:
    options = {**s3_options, "endpoint": "http://127.0.0.1:9"}
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9") as caught:
        ObjectStore.open("s3://bucket/x", options).get("a")
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "SignatureDoesNotMatch"), (403, "AccessDenied"), (401, "Unauthorized")],
)
def test_denied_access_is_told_without_quoting_the_server(
    s3_options: dict[str, str],
    refusing_server: tuple[str, dict[str, str]],
    status: int,
    code: str,
) -> None:
    endpoint, answer = refusing_server
    secret = s3_options["secret_access_key"]
    answer.update(status=str(status), body=f"<Error><Code>{code}</Code><X>{secret}</X></Error>")
    store = ObjectStore.open("s3://bucket/x", {**s3_options, "endpoint": endpoint})
    with pytest.raises(AccessDeniedError) as caught:
        store.get("a")
    error = caught.value
    assert code in str(error)
    assert "s3://bucket/x/a" in str(error)
    assert secret not in f"{error}{error.__cause__}{store!r}"
    assert error.__suppress_context__
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
