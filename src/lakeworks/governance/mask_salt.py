"""The salt of hashed values: where it comes from, and what tells two of them apart.

A salt that anyone may read is none: it is never kept in the lake or its files, only named there.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.redaction import hide
from lakeworks.governance.errors import MaskSaltError

if TYPE_CHECKING:
    from lakeworks.governance.policy_set import PolicySet
    from lakeworks.project.declaration import Environment

SALT_VARIABLE = "LAKEWORKS_MASK_SALT"
SALT_KEY = "mask_salt"
_MIN_SALT = 8
# Whoever reads versions of policies, as in the audit trail, is not to try salts quickly.
_COST, _BLOCK = 2**12, 8


@dataclass(frozen=True, slots=True)
class MaskSalt:
    """What hashes are salted with, as of now.

    Attributes:
        value: The salt; empty where there is none, or none that is long enough.
        problem: Why the one that lake.yml names cannot be had.
    """

    value: str = field(default="", repr=False)
    problem: str = ""

    @classmethod
    def of_variable(cls) -> MaskSalt:
        """Return what the variable of the environment says."""
        found = os.environ.get(SALT_VARIABLE, "")
        hide(found)
        return cls(found if len(found) >= _MIN_SALT else "")

    @classmethod
    def for_(cls, policies: PolicySet, environment: Environment) -> MaskSalt:
        """Return the salt that a policy asks for; none where no policy does."""
        return cls.of(environment) if any(p.hashes for p in policies.policies) else cls()

    @classmethod
    def of(cls, environment: Environment) -> MaskSalt:
        """Return the salt that lake.yml names; the variable's where it names none."""
        if not environment.mask_salt:
            return cls.of_variable()
        try:
            found = environment.revealed(environment.mask_salt, SALT_KEY)
        except LakeError as error:
            return cls(problem=error.problem)
        if len(found) < _MIN_SALT:
            return cls(problem=f"it has fewer than {_MIN_SALT} characters")
        return cls(found)

    def usable(self) -> str:
        """Return the salt, or an empty text where none was given.

        Raises:
            MaskSaltError: one is named that cannot be had.
        """
        if self.problem:
            raise MaskSaltError.missing()
        return self.value

    @property
    def mark(self) -> str:
        """What differs between any two salts, and tells nothing of them."""
        return _mark(self.usable())


@lru_cache(maxsize=4)
def _mark(salt: str) -> str:
    if not salt:
        return ""
    return hashlib.scrypt(
        salt.encode(), salt=b"lakeworks mask salt", n=_COST, r=_BLOCK, p=1
    ).hex()
