"""References to secrets in a project's YAML, and what they stand for.

    ${secret:env:NAME}                    a variable of the environment
    ${secret:file:/run/secrets/password}  a file, relative to the project's folder
    ${secret:aws:lake/catalog#password}   AWS Secrets Manager: a name or ARN, then a key of its JSON
    ${secret:aws:lake/catalog#password@AWSPREVIOUS}   and another version than the current one

A reference stays text until something needs the value, so that a project can be checked where
its secrets cannot be had. Every value found is handed to `core.redaction` at once.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lakeworks.core.redaction import hide
from lakeworks.project.declaration import Location
from lakeworks.project.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("env", "file", "aws")
MOUNTS = ("/run/secrets/", "/var/run/secrets/")
"""Where container runtimes mount secrets, readable for whoever is in the container."""
MOST_BYTES = 64 * 1024
_REFERENCE = re.compile(r"\$\{secret:([^}]*)\}")
_CREDENTIAL = re.compile(
    r"(?i)password|passwd|secret(?!s?$)|secret_access_key|jaas|token|api[._-]?key|ssl\.key$"
)
_NOWHERE = Location("lake.yml", 1)
_STAGE = re.compile(r"[A-Za-z0-9_.:/-]{1,256}")


@dataclass(frozen=True, slots=True)
class SecretSettings:
    """`secrets:` of an environment.

    Attributes:
        region, endpoint, profile: Of AWS Secrets Manager; where they are left out, the AWS
            tools' own settings hold.
        keep_s: How long a value is used before it is asked for again.
    """

    region: str = ""
    endpoint: str = ""
    profile: str = ""
    keep_s: float = 300.0


@dataclass(frozen=True, slots=True)
class SecretReference:
    """One reference, taken apart.

    Attributes:
        name: A variable, a path, or a secret's name or ARN.
        json_key: Which value of the JSON that the secret is; empty for all of its text.
        stage: A version's stage or identifier; empty for the current one.
    """

    kind: str
    name: str
    json_key: str = ""
    stage: str = ""

    def __str__(self) -> str:
        more = f"#{self.json_key}" if self.json_key or self.stage else ""
        stage = f"@{self.stage}" if self.stage else ""
        return f"${{secret:{self.kind}:{self.name}{more}{stage}}}"

    @classmethod
    def parse(cls, inner: str) -> SecretReference | str:
        """Read what stands behind `secret:`, or return what is wrong with it."""
        kind, _, name = inner.partition(":")
        if kind not in KINDS:
            return f"begins with {kind!r}, which is none of {', '.join(KINDS)}"
        if not name.strip() or not name.isprintable():
            return "names nothing"
        if kind != "aws":
            return cls(kind, name)
        name, _, rest = name.partition("#")
        key, at, stage = rest.rpartition("@")
        if not at:
            key, stage = rest, ""
        if not name or (at and _STAGE.fullmatch(stage) is None):
            return "is written as aws:NAME#KEY@VERSION; KEY and VERSION may be left out"
        return cls(kind, name, key, stage)


def references_in(text: str) -> list[SecretReference | str]:
    """Return the references in a text, each taken apart, or what is wrong with it."""
    return [SecretReference.parse(match[1]) for match in _REFERENCE.finditer(text)]


def holds_reference(text: object) -> bool:
    """Whether a value is a text with a reference in it."""
    return isinstance(text, str) and _REFERENCE.search(text) is not None


def is_reference(text: str) -> bool:
    """Whether a text is a reference, and nothing else."""
    return _REFERENCE.fullmatch(text) is not None


def is_credential(name: str) -> bool:
    """Whether a setting of this name holds a secret, as far as names tell."""
    return _CREDENTIAL.search(name) is not None


@dataclass(slots=True)
class Secrets:
    """What references of one environment stand for. Safe to share by threads.

    Values are kept for `settings.keep_s` seconds; `forget` lets the next use ask again.
    """

    root: Path
    settings: SecretSettings = field(default_factory=SecretSettings)
    _kept: dict[SecretReference, tuple[float, str]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def resolved(self, text: str, at: Location, *, in_url: bool = False) -> str:
        """Return a text with the values of its references.

        Args:
            text: As it is written.
            at: Where that is.
            in_url: Whether a value that is a part of the text is a part of a URL, in which not
                every character stands for itself.

        Raises:
            SecretError: a reference leads nowhere.
            SecretUnavailableError: whoever keeps the secret does not give it.
        """

        def fill(match: re.Match[str]) -> str:
            found = SecretReference.parse(match[1])
            if isinstance(found, str):
                raise SecretError.of(match[0], at, found)
            value = self.value(found, at)
            return quote(value, safe="") if in_url and match[0] != text else value

        return _REFERENCE.sub(fill, text)

    def at_hand(self, text: str) -> str:
        """Return a text with the values of what can be had without asking a service.

        Raises:
            SecretError: one cannot be had; those before it are hidden all the same.
        """

        def fill(match: re.Match[str]) -> str:
            found = SecretReference.parse(match[1])
            if isinstance(found, str) or found.kind == "aws":
                return match[0]
            # As a part of a URL; whatever is all of a text is not changed by that.
            value = self.value(found, _NOWHERE)
            return value if match[0] == text else quote(value, safe="")

        return _REFERENCE.sub(fill, text)

    def value(self, reference: SecretReference, at: Location) -> str:
        """Return what one reference stands for; raises as `resolved` does."""
        with self._lock:
            kept = self._kept.get(reference)
        if kept is not None and time.monotonic() - kept[0] < self.settings.keep_s:
            return kept[1]
        value = self._asked(reference, at)
        hide(value)
        with self._lock:
            self._kept[reference] = (time.monotonic(), value)
        return value

    def forget(self) -> None:
        """Ask for every value again when it is next used."""
        with self._lock:
            self._kept.clear()

    def _asked(self, reference: SecretReference, at: Location) -> str:
        match reference.kind:
            case "env":
                value = os.environ.get(reference.name, "")
                if not value:
                    hint = "set the variable in the environment of this process"
                    raise SecretError.of(reference, at, "is not set", hint)
                return value
            case "file":
                return _from_file(reference, at, self.root)
            case _:
                from lakeworks.project.secrets_manager import fetched

                return fetched(reference, at, self.settings)


class SecretOptions(Mapping[str, str]):
    """Options of which some are references: each is resolved when it is asked for.

    Whatever shows this mapping shows the references.

    Attributes:
        written: The options as they stand in the file.
    """

    def __init__(
        self, written: Mapping[str, str], secrets: Secrets, at: Callable[[str], Location]
    ) -> None:
        self.written = dict(written)
        self._secrets = secrets
        self._at = at

    def __getitem__(self, name: str) -> str:
        return self._secrets.resolved(self.written[name], self._at(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.written)

    def __len__(self) -> int:
        return len(self.written)

    def __contains__(self, name: object) -> bool:
        return name in self.written

    def __repr__(self) -> str:
        return repr(self.written)

    def is_secret(self, name: str) -> bool:
        """Whether an option is a reference."""
        return holds_reference(self.written.get(name))

    def forget(self) -> None:
        """Ask for every secret again when it is next used."""
        self._secrets.forget()


def _from_file(reference: SecretReference, at: Location, root: Path) -> str:
    path = root / Path(reference.name).expanduser()
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SecretError.of(reference, at, "is not a file")
        mounted = str(path).startswith(MOUNTS)
        if found.st_mode & stat.S_IROTH and not mounted:
            hint = f"chmod 600 {path}"
            raise SecretError.of(reference, at, "may be read by every user here", hint)
        if found.st_size > MOST_BYTES:
            raise SecretError.of(reference, at, f"has more than {MOST_BYTES:,} bytes")
        value = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SecretError.of(
            reference, at, "is not there", f"write it to {path}, with mode 600"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SecretError.of(reference, at, f"cannot be read: {why}") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretError.of(reference, at, "is empty")
    return value
