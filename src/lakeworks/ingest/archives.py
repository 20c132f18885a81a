"""Take zip archives apart, member by member, trusting nothing that they say of themselves."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.discover import passed_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.ingest.salvage import Rejects

_CHUNK_BYTES = 1024 * 1024
_MOST_MEMBERS = 100_000
_MOST_BYTES = 256 * 1024**3
_BOMB_RATIO = 250
_BOMB_BYTES = 256 * 1024**2
_ENCRYPTED = 0x1
_LINK = 0o120000


@dataclass(slots=True)
class _Budget:
    """How much may still be unpacked of one archive."""

    left_bytes: int = _MOST_BYTES


def is_zip(start: bytes, name: str) -> bool:
    """Whether a file is a zip archive: by its first bytes, or by name when it is damaged."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06")) or name.lower().endswith(".zip")


def take_apart(
    file: BinaryIO, source_file: str, folder: Path, rejects: Rejects
) -> list[ArrivedFile]:
    """Unpack an archive's files into `folder`; refuse members with their reason.

    What cannot be unpacked at all counts as one row: the archive, or the member.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return list(_members(archive, source_file, folder, rejects))
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        rejects.whole(source_file, f"not a zip archive that can be read: {error}")
        return []


def refusal(member: zipfile.ZipInfo) -> str:
    """Return why a member is not unpacked, or an empty string."""
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\x00" in name:
        return "its name climbs out of the archive's folder"
    if member.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if (member.external_attr >> 16) & 0o170000 == _LINK:
        return "it is a link"
    if name.lower().endswith(".zip"):
        return "it is an archive inside an archive: unpack it before it arrives"
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > _BOMB_BYTES and ratio > _BOMB_RATIO:
        return f"it would unpack to {member.file_size:,} bytes, {ratio:,.0f} times its size"
    return ""


def _members(
    archive: zipfile.ZipFile, source_file: str, folder: Path, rejects: Rejects
) -> Iterator[ArrivedFile]:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        rejects.whole(source_file, f"the archive has more than {_MOST_MEMBERS:,} members")
        return
    budget = _Budget()
    seen: dict[str, int] = {}
    for number, member in enumerate(members):
        name = f"{source_file}!{member.filename}"
        parts = member.filename.replace("\\", "/").split("/")
        if member.is_dir() or any(passed_over(part) for part in parts if part != ".."):
            continue
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:  # two members of one name are two files
            name = f"{name}#{seen[name]}"
        reason = refusal(member)
        if reason:
            rejects.whole(name, f"the member was refused: {reason}")
            continue
        # Numbered, so that no name of a member ever becomes a path.
        place = folder / f"{number}{_suffix(member.filename)}"
        problem = _unpack(archive, member, place, budget)
        if problem:
            rejects.whole(name, f"the member could not be unpacked: {problem}")
            place.unlink(missing_ok=True)
            continue
        yield ArrivedFile(str(place), name, place.stat().st_size)


def _unpack(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path, budget: _Budget
) -> str:
    taken = 0
    try:
        with archive.open(member) as source, place.open("wb") as target:
            while piece := source.read(_CHUNK_BYTES):
                taken += len(piece)
                budget.left_bytes -= len(piece)
                if taken > member.file_size or budget.left_bytes < 0:
                    return "it is larger than the archive says, or than may be unpacked"
                target.write(piece)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        NotImplementedError,
        ValueError,
    ) as error:
        return str(error) or type(error).__name__
    return ""


def _suffix(name: str) -> str:
    suffix = "".join(Path(name).suffixes[-2:]).lower()
    return suffix if suffix.replace(".", "").isalnum() and len(suffix) < 20 else ""  # noqa: PLR2004
