"""Who asks: users, groups, roles, sessions of roles with tags, and other accounts.

Pure. A principal acts under *identities*, the names that grants may be made to: a user under
its own, those of its groups and of the roles that it is a member of; a role, or a session of
it, under the role's alone. A principal that nobody declared has none, and sees nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, quote

from lakeworks.governance.errors import PrincipalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVERYONE = "everyone"
Kind = Literal["user", "role", "group", "account", "operator"]
# The characters of IAM's names, without those that part the words of ours.
_NAME = r"[A-Za-z0-9_.@+=,-]{1,128}"
_LOCAL = re.compile(rf"(?:(user|role|group):)?({_NAME})(?:/({_NAME}))?(?:\?(.*))?")
_ACCOUNT = re.compile(rf"account:(\d{{12}})(?:/(user|role):({_NAME}))?")
# No `=` in a tag's key: `tag:a=b=c` is one tag's value, and no other's.
_KEY = _NAME.replace("=", "")
_TAG = re.compile(rf"tag:({_KEY})=(.{{1,256}})", re.DOTALL)
_PART, _TAG_KEY = re.compile(_NAME), re.compile(_KEY)


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """Who asks.

    Attributes:
        kind: `operator` is whoever holds the lake's files and catalog: runs, and commands
            without `--as`. It is never made from text.
        session: For a session of a role, the user that assumed it.
        account: The other account that the principal belongs to.
        tags: Session tags, as whoever authenticated the session set them.
    """

    kind: Kind
    name: str
    session: str = ""
    account: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    def operator(cls) -> Principal:
        """Return the principal of the process itself, which no policy binds."""
        return cls("operator", "operator")

    @classmethod
    def parse(cls, text: str) -> Principal:
        """Read `ana`, `user:ana`, `role:analyst`, `role:analyst/ana?team=eu`, `account:…/…`.

        Raises:
            PrincipalError: the text names nobody who could ask; a group cannot.
        """
        foreign = _ACCOUNT.fullmatch(text)
        if foreign is not None:
            account, kind, name = foreign.groups()
            if kind is None:
                return cls("account", account, account=account)
            return cls("role" if kind == "role" else "user", name, account=account)
        found = _LOCAL.fullmatch(text)
        if found is None or found[2] == EVERYONE:
            raise PrincipalError.unreadable(text)
        kind, name, session, query = found.groups()
        if kind == "group" or (session is not None and kind != "role"):
            raise PrincipalError.unreadable(text)
        tags = _session_tags(text, query)
        return cls("role" if kind == "role" else "user", name, session or "", tags=tags)

    def __str__(self) -> str:
        if self.kind == "operator":
            return "operator"
        if self.account:
            own = f"account:{self.account}"
            return own if self.kind == "account" else f"{own}/{self.kind}:{self.name}"
        text = f"{self.kind}:{self.name}"
        if self.session:
            text += f"/{self.session}"
        if self.tags:
            text += "?" + "&".join(f"{quote(k)}={quote(v)}" for k, v in self.tags)
        return text


def grantee(text: str) -> str:
    """Return whom a grant is made to, in its one spelling: `ana` becomes `user:ana`.

    Beside principals that ask, these are groups, `everyone` of this lake, and `tag:team=eu`,
    all whose session has that tag.

    Raises:
        PrincipalError: the text names none of them.
    """
    if text == EVERYONE or _TAG.fullmatch(text):
        return text
    kind, mark, name = text.partition(":")
    if mark and kind == "group" and _PART.fullmatch(name):
        return text
    principal = Principal.parse(text)
    if principal.session or principal.tags:
        raise PrincipalError(
            f"{text!r} is a session, and grants are made to lasting principals",
            f"grant to {principal.kind}:{principal.name}, or to tag:key=value",
        )
    return str(principal)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who there is, as declared.

    Attributes:
        users: Declared users, each with the tags that its sessions have.
        groups: Members of each group: users and groups, in a grant's spelling.
        roles: Who may assume each role: users and groups.
    """

    users: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def known(self) -> set[str]:
        """Return everyone who is declared, in a grant's spelling."""
        found = {f"group:{name}" for name in self.groups}
        found |= {f"role:{name}" for name in self.roles}
        found |= {f"user:{name}" for name in self.users}
        for members in (*self.groups.values(), *self.roles.values()):
            found.update(members)
        return found

    def groups_of(self, user: str) -> set[str]:
        """Return the groups that a user is in, itself or through other groups."""
        found: set[str] = set()
        todo = [f"user:{user}"]
        while todo:
            member = todo.pop()
            for name, members in self.groups.items():
                if member in members and name not in found:
                    found.add(name)
                    todo.append(f"group:{name}")
        return found

    def may_assume(self, user: str, role: str) -> bool:
        """Whether a user is a member of a role, itself or through a group."""
        members = self.roles.get(role, ())
        own = {f"user:{user}", *(f"group:{name}" for name in self.groups_of(user))}
        return not own.isdisjoint(members)

    def identities(self, principal: Principal, granted: frozenset[str]) -> frozenset[str]:
        """Return the names under which a principal acts; none for one that is not known.

        Args:
            principal: Who asks.
            granted: Whom grants are made to: who has one is known, declared or not.
        """
        if principal.account:
            # `everyone` is everyone of this lake.
            own = str(principal)
            account = f"account:{principal.account}"
            return frozenset({own}) if account in granted or own in granted else frozenset()
        if principal.kind == "role":
            return self._of_role(principal)
        if principal.kind != "user":
            return frozenset()
        own = f"user:{principal.name}"
        if own not in granted and own not in self.known():
            return frozenset()
        found = {own, EVERYONE, *self._tags(principal, principal.name)}
        found |= {f"group:{name}" for name in self.groups_of(principal.name)}
        found |= {
            f"role:{name}" for name in self.roles if self.may_assume(principal.name, name)
        }
        return frozenset(found)

    def bound_as(self, principal: Principal, identities: frozenset[str]) -> frozenset[str]:
        """Return the names by which policies bind a principal: in a session, the person's too.

        Else who is bound as one of a group could leave the policy behind by assuming a role.
        """
        if not identities or not principal.session or principal.account:
            return identities
        groups = (f"group:{name}" for name in self.groups_of(principal.session))
        return identities | {f"user:{principal.session}", *groups}

    def session_tags(self, principal: Principal) -> dict[str, str]:
        """Return the tags of a principal's session: declared ones of its user win."""
        user = principal.session or (principal.name if principal.kind == "user" else "")
        return {**dict(principal.tags), **self.users.get(user, {})}

    def _of_role(self, principal: Principal) -> frozenset[str]:
        if principal.name not in self.roles:
            return frozenset()
        if principal.session and not self.may_assume(principal.session, principal.name):
            return frozenset()
        tags = self._tags(principal, principal.session)
        return frozenset({f"role:{principal.name}", EVERYONE, *tags})

    def _tags(self, principal: Principal, _user: str) -> Iterator[str]:
        for key, value in self.session_tags(principal).items():
            yield f"tag:{key}={value}"


def _session_tags(text: str, query: str | None) -> tuple[tuple[str, str], ...]:
    if query is None:
        return ()
    try:
        pairs = parse_qsl(query, strict_parsing=True)
    except ValueError:
        raise PrincipalError.unreadable(text) from None
    if (
        not pairs
        or len({key for key, _ in pairs}) < len(pairs)
        or not all(_TAG_KEY.fullmatch(key) for key, _ in pairs)
    ):
        raise PrincipalError.unreadable(text)
    return tuple(sorted(pairs))
