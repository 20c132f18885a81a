"""One Delta table by its log: its versions, what changed between them, and new commits.

Commits are written here, line by line, because a commit must remove chosen files, set
bookmarks and change the schema in one put-if-absent (ARCHITECTURE.md, "Own commits").
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core import clock, events
from lakeworks.core.errors import LakeError
from lakeworks.storage import log_history
from lakeworks.storage.errors import (
    AlreadyExistsError,
    CommitConflictError,
    CommitRefusedError,
    CorruptLogError,
    FilesLostError,
    ObjectNotFoundError,
    TableNotFoundError,
    UnsupportedTableError,
    VersionNotFoundError,
)
from lakeworks.storage.local import flush_file, flush_folders
from lakeworks.storage.log_actions import Action, Commit, commit_path, lines, parse_lines
from lakeworks.storage.log_changes import Changes, net_changes
from lakeworks.storage.log_checkpoint import CHECKPOINT_EVERY, read_checkpoint, write_checkpoint
from lakeworks.storage.log_listing import Listing, list_log
from lakeworks.storage.log_plan import plan
from lakeworks.storage.log_state import (
    ERASED_BELOW,
    TableState,
    TableVersion,
    UnsupportedFeatureError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from lakeworks.storage.files import DataFile
    from lakeworks.storage.objects import ObjectStore

logger = logging.getLogger(__name__)

__all__ = ["Changes", "Commit", "TableLog", "TableVersion"]

_PROBES_BEFORE_LISTING = 16
_KEPT_VERSIONS = 4
_THREADS = 8


class TableLog:
    """The log of the table at a store's root. Safe to use from several threads.

    It remembers the versions that it has read, which never change; it asks the store anew for
    the latest version each time.

    Args:
        store: Rooted at the table.
        durable: Whether a commit also forces its data files to disk (folders only), so that
            a power cut cannot leave a version whose files are empty.
        checkpoint_every: After how many commits a checkpoint is written; 0 for never.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        durable: bool = True,
        checkpoint_every: int = CHECKPOINT_EVERY,
    ) -> None:
        self.store = store
        self.durable = durable
        self.checkpoint_every = checkpoint_every
        self._known: dict[int, tuple[TableState, TableVersion]] = {}
        self._lock = threading.Lock()

    @property
    def root(self) -> str:
        """The table's root: an absolute folder or `s3://…`."""
        return self.store.root

    def exists(self) -> bool:
        """Whether there is a table."""
        return self.store.exists(commit_path(0)) or list_log(self.store).latest is not None

    def latest_version(self, at_least: int | None = None) -> int | None:
        """Return the highest version, or None when there is no table.

        Args:
            at_least: A version known to exist. Then only the log files after it are asked for,
                which takes one cheap request when nothing is new.
        """
        if at_least is None:
            return list_log(self.store).latest
        for version in range(at_least + 1, at_least + 1 + _PROBES_BEFORE_LISTING):
            if not self.store.exists(commit_path(version)):
                return version - 1
        return list_log(self.store).latest

    def version(self, number: int | None = None) -> TableVersion:
        """Return the table as it was at a version, or as it is now.

        Raises:
            TableNotFoundError: there is no table.
            VersionNotFoundError: it has no such version.
            CorruptLogError: the log is damaged on the way to it.
            UnsupportedTableError: the table uses what is not read here.
        """
        return self._load(number)[1]

    def commit(self, commit: Commit) -> int:
        """Make a change, and return its version.

        Raises:
            CommitConflictError: another writer made that version; safe to retry anew.
            CommitRefusedError: it would make the table wrong, or its files are not there.
            VersionNotFoundError: the version before it does not exist.
        """
        before = TableState() if not commit.expected else self._load(commit.expected - 1)[0]
        moment_ms = int(clock.now().timestamp() * 1000)
        # Versions rise with time, so that time travel by moment finds one answer.
        earlier = before.commit_info.get("timestamp") or 0
        actions = plan(before, commit, self.root, max(moment_ms, earlier + 1))
        self._check_stored(commit)
        data = lines(actions)
        with events.span("table.commit", root=self.root, version=commit.expected):
            self._put(commit.expected, data)
        after = before.copy()
        after.apply(commit.expected, parse_lines(data))
        self._remember(after)
        every = self.checkpoint_every
        if every and commit.expected and commit.expected % every == 0:
            write_checkpoint(self.store)
        return commit.expected

    def discard(self, files: Iterable[DataFile]) -> None:
        """Delete staged files that will not be committed after all.

        Those that the table does hold stay: whoever gives up may not know that its commit
        was made. When the log cannot be read, all stay, as orphans for vacuum.
        """
        paths = {found.path for found in files}
        if not paths:
            return
        try:
            paths -= {found.path for found in self.version().files}
        except TableNotFoundError:
            pass
        except LakeError:
            logger.warning("staged files of %s were left, for its log is unreadable", self.root)
            return
        self.store.delete(sorted(paths))

    def forget(self) -> None:
        """Forget the versions that were read: some of them are no more."""
        with self._lock:
            self._known.clear()

    def changes(self, since: int, until: int) -> Changes:
        """Return which files' rows came and went after version `since`, up to `until`."""
        return net_changes(self, since, until)

    def history(self, limit: int | None = None) -> list[log_history.HistoryEntry]:
        """Return what each commit did, the latest first, at most `limit` of them."""
        return list(log_history.history(self, limit))

    def version_at(self, moment: datetime) -> int:
        """Return the version that the table had at a moment.

        Raises:
            VersionNotFoundError: the table is younger.
        """
        return log_history.version_at(self, moment)

    def restore_commit(
        self, to: int, *, expected: int | None = None, operation: str = "RESTORE"
    ) -> Commit:
        """Return the commit that makes the table equal to what it was at version `to`.

        Its transactions (bookmarks) go back too; those unknown at `to` read as absent.
        Nothing is written until it is handed to `commit`.

        Args:
            to: The version to bring back.
            expected: The version that the commit becomes; None: the next one.
            operation: What history says.
        """
        wanted = self.version(to)
        head = self.version(None if expected is None else expected - 1)
        kept, there = {f.path for f in wanted.files}, {f.path for f in head.files}
        absent = dict.fromkeys(head.transactions.keys() - wanted.transactions.keys(), -1)
        moved = {
            app: version
            for app, version in wanted.transactions.items()
            if head.transactions.get(app) != version
        }
        dropped = dict.fromkeys(head.properties.keys() - wanted.properties.keys())
        return Commit(
            expected=head.version + 1,
            operation=operation,
            added=tuple(f for f in wanted.files if f.path not in there),
            removed=tuple(f for f in head.files if f.path not in kept),
            schema=wanted.schema,
            partition_columns=wanted.partition_columns,
            transactions={**absent, **moved},
            info={**wanted.info, "restores": to},
            properties={**wanted.properties, **dropped},
            description=wanted.description,
            restores=to,
        )

    def read_commit(self, version: int) -> list[Action]:
        """Return the lines of one commit.

        Raises:
            ObjectNotFoundError: its file is gone.
            CorruptLogError: its file is damaged.
        """
        path = commit_path(version)
        data = self.store.get(path)
        try:
            return list(parse_lines(data))
        except ValueError as error:
            raise CorruptLogError.file(self.store.uri(path), str(error)) from error

    def _load(self, number: int | None) -> tuple[TableState, TableVersion]:
        """Return a version, from the nearest one that is known when that is quicker."""
        with self._lock:
            near = max((v for v in self._known if number is None or v <= number), default=-1)
            known = self._known.get(near)
        target = number
        if known and number is None:
            target = self.latest_version(near)
        if known and target == near:
            return known
        if known and target is not None and target - near <= _PROBES_BEFORE_LISTING:
            try:
                state = self._replayed(known[0].copy(), range(near + 1, target + 1))
            except ObjectNotFoundError:
                pass  # not made yet, or the log was cleaned: the listing tells which
            else:
                return self._remember(state)
        return self._remember(self._read_state(number))

    def _read_state(self, number: int | None) -> TableState:
        listing = list_log(self.store, up_to=number)
        latest = listing.latest
        if latest is None:
            raise TableNotFoundError.at(self.root)
        version = latest if number is None else number
        if not 0 <= version <= latest:
            raise VersionNotFoundError.numbered(self.root, version, latest)
        state = self._from_checkpoint(listing, version)
        if state.version < 0:
            listing = list_log(self.store, whole=True)
            if listing.cleaned and min(listing.checkpoints) > version:
                oldest = min(listing.checkpoints)
                if version < self._erased_below(latest):
                    raise VersionNotFoundError.erased(self.root, version, oldest)
                raise VersionNotFoundError.cleaned(self.root, version, oldest)
        listing.check_whole(self.store, state.version, version)
        return self._replayed(state, range(state.version + 1, version + 1))

    def _erased_below(self, latest: int) -> int:
        """Return the version below which the table was erased, or 0."""
        told = self._load(latest)[1].properties.get(ERASED_BELOW, "")
        return int(told) if told.isdecimal() else 0

    def _from_checkpoint(self, listing: Listing, version: int) -> TableState:
        """Return the state at the newest sound checkpoint up to a version, or an empty one."""
        base = listing.base_of(version)
        if base < 0:
            return TableState()
        paths = listing.checkpoints[base]
        state = TableState()
        try:
            self._apply(state, base, read_checkpoint(self.store, paths), paths[0])
        except CorruptLogError as error:
            if listing.cleaned and not self.store.exists(commit_path(0)):
                raise
            # A checkpoint only repeats what the commits say, so the commits stand in for it.
            logger.warning("%s; reading the commits instead", error.problem)
            return TableState()
        self._restore_info(state)
        return state

    def _restore_info(self, state: TableState) -> None:
        """Add what a checkpoint leaves out: the commit's own information, if it is there."""
        try:
            found = self.read_commit(state.version)
        except ObjectNotFoundError:
            return
        state.commit_info = next((a["commitInfo"] for a in found if "commitInfo" in a), {})

    def _replayed(self, state: TableState, versions: Iterable[int]) -> TableState:
        for version in versions:
            self._apply(state, version, self.read_commit(version), commit_path(version))
        return state

    def _apply(
        self, state: TableState, version: int, actions: Iterable[Action], path: str
    ) -> None:
        try:
            state.apply(version, actions)
        except UnsupportedFeatureError as error:
            raise UnsupportedTableError.feature(self.root, str(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptLogError.file(self.store.uri(path), f"{error}") from error

    def _remember(self, state: TableState) -> tuple[TableState, TableVersion]:
        modified = None
        if not state.commit_info.get("timestamp"):  # another writer's, or its log file is gone
            entry = self.store.info(commit_path(state.version))
            modified = entry.modified if entry else None
        files = tuple(self._counted(found) for found in state.files.values())
        known = state, replace(state.frozen(modified), files=files)
        with self._lock:
            self._known[state.version] = known
            for old in sorted(self._known)[:-_KEPT_VERSIONS]:
                if old != state.version:
                    del self._known[old]
        return known

    def _counted(self, found: DataFile) -> DataFile:
        """Return the file with its rows counted, from its footer if the log does not say."""
        if found.rows >= 0:
            return found
        import pyarrow.parquet as pq

        with self.store.open_read(found.path) as file:
            return replace(found, rows=pq.read_metadata(file).num_rows)

    def _check_stored(self, commit: Commit) -> None:
        """Make sure that every file to be added is there, whole and, in a folder, on disk."""
        if not commit.added:
            return
        with ThreadPoolExecutor(min(_THREADS, len(commit.added))) as pool:
            sizes = list(pool.map(self._stored_size, commit.added))
        missing = [f.path for f, size in zip(commit.added, sizes, strict=True) if size is None]
        if missing and commit.restores is not None:
            raise FilesLostError.version(self.root, missing[0], len(missing))
        if missing:
            raise CommitRefusedError.because(self.root, f"the file {missing[0]} is not there")
        for found, size in zip(commit.added, sizes, strict=True):
            if size != found.size_bytes:
                reason = f"{found.path} has {size} bytes, not {found.size_bytes}"
                raise CommitRefusedError.because(self.root, reason)
        if self.durable and self.store.local_path("_") is not None:
            flush_folders((self.store.uri(f.path) for f in commit.added), self.root)

    def _stored_size(self, found: DataFile) -> int | None:
        place = self.store.local_path(found.path)
        if place is not None and self.durable:
            try:
                return flush_file(str(place))
            except ObjectNotFoundError:
                return None
        entry = self.store.info(found.path)
        return entry.size_bytes if entry else None

    def _put(self, version: int, data: bytes) -> None:
        path = commit_path(version)
        try:
            self.store.put_if_absent(path, data)
        except AlreadyExistsError as error:
            # A request whose answer was lost is sent again and meets itself; `txnId` tells.
            if self.store.get(path) != data:
                raise CommitConflictError.lost(self.root, version) from error

    def commits_between(self, since: int, until: int) -> Iterator[list[Action]]:
        """Yield the lines of each commit after `since`, up to `until`."""
        for version in range(since + 1, until + 1):
            yield self.read_commit(version)
