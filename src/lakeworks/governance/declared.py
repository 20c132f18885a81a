"""What `policies/*.yml` mean: a `PolicySet`, or every mistake in them with its line.

Pure. The files of a project are read together: a role that one declares, another may grant to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError, NameRefusedError, did_you_mean
from lakeworks.core.names import TableName, is_identifier
from lakeworks.governance.data_locations import checked_location
from lakeworks.governance.declared_policies import read_policy
from lakeworks.governance.errors import (
    GovernanceError,
    PrincipalError,
    ResourceError,
    TagError,
)
from lakeworks.governance.policy_set import CellsFilter, Grant, Hybrid, PolicySet
from lakeworks.governance.principals import EVERYONE, Directory, grantee
from lakeworks.governance.resources import Resource, checked_permissions
from lakeworks.governance.row_filters import parse_filter
from lakeworks.project.errors import DECLARED_TWICE, Mistake, ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lakeworks.governance.policy_set import Policy
    from lakeworks.governance.resources import TagExpression
    from lakeworks.project.declaration import Location, Model, PolicyFile, Project, Source

_COLUMN_PARTS = 3


def policy_set(project: Project) -> PolicySet:
    """Return what a project's policies come to.

    Raises:
        ProjectError: with every mistake in them.
    """
    found, mistakes = examine_policies(project)
    if mistakes:
        raise ProjectError.of(mistakes)
    return found


def examine_policies(project: Project) -> tuple[PolicySet, list[Mistake]]:
    """Return what a project's policies come to as far as they are sound, and their mistakes."""
    reading = _Reading(project)
    for file in project.policies:
        reading.people(file)
        reading.tags(file)
    reading.finish_people()
    for file in project.policies:
        reading.data_filters(file)
    for file in project.policies:
        reading.rest(file)
    return reading.result(), reading.mistakes


@dataclass
class _Reading:
    """One reading of all files."""

    project: Project
    mistakes: list[Mistake] = field(default_factory=list)
    users: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lf_tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    assigned: dict[str, dict[str, str]] = field(default_factory=dict)
    filters: dict[str, CellsFilter] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    hybrid: list[Hybrid] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)
    administrators: set[str] = field(default_factory=set)
    members: list[tuple[str, Location]] = field(default_factory=list)
    directory: Directory = field(default_factory=Directory)
    known: set[str] = field(default_factory=set)

    def result(self) -> PolicySet:
        return PolicySet(
            self.directory,
            frozenset(self.administrators),
            tuple(self.grants),
            self.filters,
            tuple(self.policies.values()),
            tuple(self.hybrid),
            self.lf_tags,
            self.assigned,
            declared=bool(self.project.policies),
            locations=self.locations,
        )

    def people(self, file: PolicyFile) -> None:
        """Read users, groups and roles."""
        for name, user in self._each(file, "users", self.users):
            self.users[name] = dict(user.get("tags", {}))
        for key, found in (("groups", self.groups), ("roles", self.roles)):
            for name, entry in self._each(file, key, found):
                found[name] = tuple(self._members(file, (key, name), entry))

    def finish_people(self) -> None:
        """Note members that nobody declared: groups, for users need no entry of their own."""
        self.directory = Directory(self.users, self.groups, self.roles)
        self.known = self.directory.known()
        for member, at in self.members:
            name = member.removeprefix("group:")
            if member.startswith("group:") and name not in self.groups:
                hint = did_you_mean(name, self.groups)
                self._note(at, f"{member} is not declared", hint, PrincipalError.code)

    def tags(self, file: PolicyFile) -> None:
        """Read the definitions and assignments of LF-tags."""
        for key, values in self._each(file, "lf_tags", self.lf_tags):
            self.lf_tags[key.lower()] = tuple(value.lower() for value in values)
        for resource, tags in file.values.get("tagged", {}).items():
            at = file.at("tagged", resource)
            if not is_taggable(resource):
                problem = f"{resource!r} cannot be tagged"
                hint = "write silver, silver.orders or silver.orders.email"
                self._note(at, problem, hint, ResourceError.code)
            for key in tags:
                if key.lower() in self.assigned.get(resource.lower(), {}):
                    problem = f"{resource} is given the tag {key} twice"
                    self._note(file.at("tagged", resource, key), problem, "", DECLARED_TWICE)
            self.assigned.setdefault(resource.lower(), {}).update(
                {key.lower(): value.lower() for key, value in tags.items()}
            )

    def data_filters(self, file: PolicyFile) -> None:
        """Read data cells filters and data locations."""
        for name, place in self._each(file, "data_locations", self.locations):
            at = file.at("data_locations", name)
            self._try(at, partial(self._location, name, place))
        for name, entry in self._each(file, "filters", self.filters):
            self._try(file.at("filters", name), partial(self._filter, file, name, entry))

    def rest(self, file: PolicyFile) -> None:
        """Read what refers to people, tags and filters."""
        self._check_assigned(file)
        for i, name in enumerate(file.values.get("administrators", ())):
            with_self = self._grantees(file, ("administrators", i), (name,))
            self.administrators.update(with_self)
        for i, entry in enumerate(file.values.get("grants", ())):
            self._try(file.at("grants", i), partial(self._grant, file, i, entry))
        for name, entry in self._each(file, "policies", self.policies):
            self._try(file.at("policies", name), partial(self._policy, file, name, entry))
        for i, entry in enumerate(file.values.get("hybrid", ())):
            opted = self._grantees(file, ("hybrid", i, "opted_in"), entry.get("opted_in", ()))
            self._try(file.at("hybrid", i), partial(self._hybrid, entry["on"], opted))

    def _hybrid(self, on: Iterable[str], opted_in: Iterable[str]) -> None:
        self.hybrid.append(Hybrid(_resources(on), frozenset(opted_in)))

    def _filter(self, file: PolicyFile, name: str, entry: Mapping[str, Any]) -> None:
        table = str(TableName.parse(entry["table"]))
        rows = entry.get("rows", "")
        if rows:
            parse_filter(rows)
        columns, excluded = tuple(entry.get("columns", ())), tuple(entry.get("except", ()))
        self.filters[name] = CellsFilter(
            name, table, rows, columns, excluded, str(file.at("filters", name))
        )

    def _location(self, name: str, place: str) -> None:
        if not is_identifier(name):
            raise ResourceError(f"{name!r} cannot name a data location", "write it as exports")
        self.locations[name] = checked_location(place)

    def _grant(self, file: PolicyFile, i: int, entry: Mapping[str, Any]) -> None:
        path = ("grants", i)
        if bool(entry.get("on")) == bool(entry.get("tagged")):
            raise GovernanceError(
                "a grant is on something, or on what is tagged", "write on: …"
            )
        if entry.get("rows"):
            parse_filter(entry["rows"])
        resources = list(self._granted(entry))
        people = self._grantees(file, (*path, "to"), entry["to"])
        for resource in resources:
            words = checked_permissions(tuple(entry["permissions"]), resource)
            grantable = words if entry.get("grant_option") else frozenset()
            for one in people:
                at = str(file.at(*path))
                self.grants.append(Grant(one, words, resource, frozenset(grantable), "", at))

    def _granted(self, entry: Mapping[str, Any]) -> Iterator[Resource]:
        columns, excluded = tuple(entry.get("columns", ())), tuple(entry.get("except", ()))
        rows, cells = entry.get("rows", ""), entry.get("filter", "")
        if cells and cells not in self.filters:
            problem = f"there is no data cells filter {cells!r}"
            raise ResourceError(problem, did_you_mean(cells, self.filters))
        if cells and (columns or excluded or rows):
            raise ResourceError("a filter stands for columns and rows", "write filter: alone")
        if entry.get("tagged"):
            if columns or excluded or cells:
                raise ResourceError("a grant on tags takes no columns and no filter")
            yield self._by_tags(entry)
            return
        for written in entry["on"]:
            base = self._resource(written)
            if base.kind != "table" and (columns or excluded or rows or cells):
                raise ResourceError(
                    f"{base} has no columns and rows", f"write {written}.* or a table"
                )
            if cells and written != self.filters[cells].table:
                problem = f"the filter {cells} is one of {self.filters[cells].table}"
                raise ResourceError(problem, f"write on: {self.filters[cells].table}")
            yield Resource(base.kind, base.database, base.table, columns, excluded, rows, cells)

    def _resource(self, written: str) -> Resource:
        found = Resource.parse(written)
        if found.kind == "location" and found.database not in self.locations:
            raise ResourceError.no_location(found.database, self.locations)
        return found

    def _by_tags(self, entry: Mapping[str, Any]) -> Resource:
        rows, of = entry.get("rows", ""), entry.get("of", "tables")
        if rows and of == "databases":
            raise ResourceError("databases have no rows", "leave rows: out")
        return Resource("tags", rows=rows, tags=self.expression(entry["tagged"]), of=of)

    def _policy(self, file: PolicyFile, name: str, entry: Mapping[str, Any]) -> None:
        path = ("policies", name)
        to = self._grantees(file, (*path, "to"), entry.get("to", ()))
        exempt = self._grantees(file, (*path, "except"), entry.get("except", ()))
        self.policies[name] = read_policy(
            name,
            entry,
            on=_resources(entry.get("on", ())),
            expression=self.expression,
            people=(frozenset(to), frozenset(exempt)),
            at=str(file.at(*path)),
        )

    def expression(self, tags: Mapping[str, Iterable[str]]) -> TagExpression:
        """Return an LF-tag expression whose keys and values are defined.

        Raises:
            TagError: one is not.
        """
        known = self._known_tags()
        found = []
        for key, values in sorted(tags.items()):
            folded = key.lower()
            if folded not in known:
                raise TagError.unknown(key, known)
            words = tuple(sorted(value.lower() for value in values))
            for word in words:
                if folded in self.lf_tags and word not in (*self.lf_tags[folded], "*"):
                    raise TagError.value(key, word, self.lf_tags[folded])
            found.append((folded, words))
        return tuple(found)

    def _known_tags(self) -> set[str]:
        declared: list[Source | Model] = [
            *self.project.sources.values(),
            *self.project.models.values(),
        ]
        found = {key for tags in self.assigned.values() for key in tags} | self.lf_tags.keys()
        for one in declared:
            found |= {key.lower() for key in one.tags}
            found |= {key.lower() for note in one.columns.values() for key in note.tags}
        for table in self.project.tables.values():
            found |= {key.lower() for key in table.tags}
            found |= {k.lower() for c in (*table.columns, *table.partitions) for k in c.tags}
        return found

    def _check_assigned(self, file: PolicyFile) -> None:
        for resource, tags in file.values.get("tagged", {}).items():
            for key, value in tags.items():
                known = self.lf_tags.get(key.lower())
                at = file.at("tagged", resource, key)
                if known is None and self.lf_tags:
                    self._add(at, TagError.unknown(key, self.lf_tags))
                elif known is not None and value.lower() not in known:
                    self._add(at, TagError.value(key, value, known))

    def _members(
        self, file: PolicyFile, path: tuple[str, ...], entry: Mapping[str, Any]
    ) -> Iterator[str]:
        for i, text in enumerate(entry.get("members", ())):
            own = file.at(*path, "members", i)
            # A list stands for the members alone: then it is one key less deep.
            at = own if "\x1f".join((*path, "members")) in file.lines else file.at(*path, i)
            try:
                member = grantee(text)
            except PrincipalError as error:
                self._add(at, error)
                continue
            if not member.startswith(("user:", "group:")):
                problem = f"{member} cannot be a member: users and groups can"
                self._note(at, problem, "", PrincipalError.code)
                continue
            self.members.append((member, at))
            yield member

    def _grantees(
        self, file: PolicyFile, path: tuple[str | int, ...], texts: Iterable[str]
    ) -> list[str]:
        found: list[str] = []
        known = self.known
        for i, text in enumerate(texts):
            at = file.at(*path, i)
            try:
                one = grantee(text)
                if one.startswith(("role:", "group:")) and one not in known:
                    raise PrincipalError.unknown(one, {*known, EVERYONE})
                if one.startswith("user:") and known and one not in known:
                    raise PrincipalError.unknown(one, {*known, EVERYONE})
            except PrincipalError as error:
                self._add(at, error)
                continue
            found.append(one)
        return found

    def _each(
        self, file: PolicyFile, key: str, seen: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        """Give the entries of a mapping whose names are not taken yet."""
        for name, entry in file.values.get(key, {}).items():
            if name in seen:
                problem = f"{key}: {name!r} is declared in another file as well"
                self._note(file.at(key, name), problem, "keep one of them", DECLARED_TWICE)
            else:
                yield name, entry

    def _try(self, at: Location, work: Callable[[], None]) -> None:
        try:
            work()
        except (GovernanceError, NameRefusedError) as error:
            self._add(at, error)

    def _add(self, at: Location, error: LakeError) -> None:
        self._note(at, error.problem, error.hint, error.code)

    def _note(self, at: Location, problem: str, hint: str, code: str) -> None:
        self.mistakes.append(Mistake(at, problem, hint, code))


def _resources(texts: Iterable[str]) -> tuple[Resource, ...]:
    return tuple(Resource.parse(text) for text in texts)


def is_taggable(resource: str) -> bool:
    """Whether a text names a database, a table or a column."""
    parts = resource.split(".", 2)
    return all(is_identifier(part) for part in parts[:2]) and (
        len(parts) < _COLUMN_PARTS or bool(parts[2].strip())
    )
