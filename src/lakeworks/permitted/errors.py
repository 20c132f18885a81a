"""What a principal may be refused. Codes LW807 and LW808."""

from __future__ import annotations

from typing import Self

from lakeworks.core.errors import RequestError


class NotPermittedError(RequestError):
    """A principal may know of something, and may not do with it what was asked."""

    code = "LW807"

    @classmethod
    def lacks(cls, principal: str, permission: str, resource: str) -> Self:
        """Name the permission."""
        return cls(
            f"{principal} may not {permission} {resource}",
            f"that takes {permission} on {resource}: lake permissions --as {principal} shows "
            "what is granted",
        )

    @classmethod
    def unseen(cls, principal: str, table: str) -> Self:
        """What was asked works on rows that the principal does not see."""
        return cls(
            f"{principal} may not let the rejected rows of {table} try again",
            f"that takes to see {table} and its quarantine whole, without filter or mask",
        )

    @classmethod
    def administrators(cls, principal: str, what: str) -> Self:
        """Only lake administrators may."""
        return cls(f"{principal} may not see {what}", "that takes a lake administrator")


class OwnerOnlyError(RequestError):
    """Something that no permission is for was asked in a principal's name."""

    code = "LW808"

    @classmethod
    def command(cls, command: str, why: str) -> Self:
        """Say why nobody but the owner may."""
        return cls(f"{command} takes no --as: {why}", "leave out --as, as the lake's owner")

    @classmethod
    def attribute(cls, name: str) -> Self:
        """Name what a principal's view of the lake lacks."""
        return cls(
            f"{name} is the lake's owner's: a principal's view does not have it",
            "docs/reference/python.md lists what as_principal gives",
        )
