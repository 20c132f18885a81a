"""What can go wrong when permissions are granted, read or checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class GovernanceError(RequestError):
    """A request about permissions is wrong."""

    code = "LW550"


class PrincipalError(GovernanceError):
    """A principal is written wrongly, or nobody declared it."""

    code = "LW551"

    @classmethod
    def unreadable(cls, text: str) -> Self:
        """The text names no principal."""
        return cls(
            f"{text!r} names no principal",
            "write user:ana, role:analyst, role:analyst/ana?team=eu, group:finance, "
            "account:123456789012 or everyone; a name is of letters A to Z, digits and _.@+=,-",
        )

    @classmethod
    def unknown(cls, text: str, known: Iterable[str]) -> Self:
        """No such role or group is declared."""
        others = did_you_mean(text, [one for one in known if one != "everyone"])
        kind, _, name = text.partition(":")
        entry = f"{{{name}: {'{}' if kind == 'user' else '[its members]'}}}"
        declare = f"declare it in policies/*.yml: {kind}s: {entry}"
        hint = f"{others} Or {declare}" if others.endswith("?") else declare
        return cls(f"{text} is not declared in policies/", hint)


class MaskSaltError(LakeError):
    """Values are to be shown as hashes, and the salt that lake.yml names cannot be had."""

    code = "LW561"

    @classmethod
    def missing(cls) -> Self:
        """Why is for the lake's owner: it names the place where the salt is kept."""
        return cls(
            "values are shown as hashes here, and the salt of these cannot be had just now",
            "lake doctor tells the lake's owner why",
        )


class PermissionNameError(GovernanceError):
    """A permission that does not exist, or not on this kind of resource."""

    code = "LW552"

    @classmethod
    def unknown(cls, word: str, known: Iterable[str]) -> Self:
        """There is no such permission."""
        return cls(f"there is no permission {word!r}", did_you_mean(word.upper(), known))

    @classmethod
    def misplaced(
        cls, word: str, resource: str, fitting: Iterable[str], hint: str = ""
    ) -> Self:
        """The permission is for another kind of resource."""
        words = ", ".join(sorted(fitting))
        return cls(f"{word} cannot be granted on {resource}", hint or f"it takes {words}")


class ResourceError(GovernanceError):
    """What a grant is on is written wrongly, or does not exist."""

    code = "LW553"

    @classmethod
    def unreadable(cls, text: str) -> Self:
        """The text names no resource."""
        return cls(
            f"{text!r} is nothing that permissions can be granted on",
            "write catalog, a database (silver), all its tables (silver.*) or a table "
            "(silver.orders)",
        )

    @classmethod
    def location(cls, text: str, why: str) -> Self:
        """The text names no place where data could be written."""
        return cls(
            f"{text!r} is no data location: {why}", "write /exports or s3://bucket/exports"
        )

    @classmethod
    def no_location(cls, name: str, known: Iterable[str]) -> Self:
        """No such location is declared."""
        return cls(f"there is no data location {name!r}", did_you_mean(name, known))

    @classmethod
    def no_table(cls, name: str, known: Iterable[str]) -> Self:
        """No such table is there, or declared."""
        return cls(f"there is no table {name}", did_you_mean(name, known))

    @classmethod
    def no_column(cls, table: str, column: str, known: Iterable[str]) -> Self:
        """The table has no such column."""
        return cls(f"{table} has no column {column!r}", did_you_mean(column, known))


class ExpressionError(GovernanceError):
    """A row filter or a mask's expression is not in the accepted language."""

    code = "LW554"

    @classmethod
    def at(cls, text: str, position: int, problem: str, hint: str = "") -> Self:
        """Something is wrong at one character."""
        shown = text if len(text) <= 80 else text[:80] + "…"  # noqa: PLR2004
        return cls(f"{shown!r}, at character {position + 1}: {problem}", hint)


class TagError(GovernanceError):
    """A tag or a tag expression is wrong."""

    code = "LW555"

    @classmethod
    def unknown(cls, key: str, known: Iterable[str]) -> Self:
        """Nobody defined the tag."""
        return cls(f"the tag {key!r} is not defined", did_you_mean(key, known))

    @classmethod
    def value(cls, key: str, value: str, known: Iterable[str]) -> Self:
        """The tag does not take this value."""
        return cls(f"the tag {key!r} has no value {value!r}", did_you_mean(value, known))


class NotGrantableError(GovernanceError):
    """Who grants or revokes may not."""

    code = "LW556"

    @classmethod
    def without_option(cls, principal: str, permission: str, resource: str) -> Self:
        """The grantor lacks the grant option."""
        return cls(
            f"{principal} may not grant or revoke {permission} on {resource}",
            "that takes the permission with the grant option on all of it, or a lake "
            "administrator",
        )

    @classmethod
    def unseen(cls, principal: str, resource: str) -> Self:
        """A column that the grant names is hidden from the grantor, or not there."""
        return cls(
            f"{principal} may not grant these columns of {resource}",
            "name columns that you see yourself",
        )

    @classmethod
    def beyond_share(cls, account: str, principal: str) -> Self:
        """An account that was given a share may pass it on to its own principals only."""
        return cls(
            f"account {account} may not grant to {principal}",
            f"it may pass a share on to principals of its own: account:{account}/role:…",
        )


class DeclaredGrantError(GovernanceError):
    """A grant that a file declares cannot be revoked at run time."""

    code = "LW557"

    @classmethod
    def declared(cls, at: str) -> Self:
        """Name the place."""
        return cls("the grant is declared in a file", f"take it out of {at}")


class GrantStatementError(GovernanceError):
    """A GRANT or REVOKE statement does not parse."""

    code = "LW558"

    @classmethod
    def at(cls, position: int, problem: str) -> Self:
        """Say where and what."""
        return cls(
            f"GRANT or REVOKE, at character {position + 1}: {problem}",
            "GRANT SELECT (order_id, total) ON silver.orders TO role:analyst WITH GRANT OPTION",
        )


class NothingToClassifyError(GovernanceError):
    """There is no table to look at."""

    code = "LW559"

    @classmethod
    def unknown(cls, table: str, known: Iterable[str]) -> Self:
        """The table is not published."""
        return cls(f"there is no table {table}", did_you_mean(table, known))
