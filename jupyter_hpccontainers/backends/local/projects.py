"""The projects of the site: who may submit for which, and up to which class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...model.errors import InvalidSpec, NotAllowed
from ...model.job import JobSpec, Priority
from ...model.wants import check_name

_KEYS = frozenset({"members", "highest_priority"})
_EVERYONE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """``members`` are users, ``@group`` for everybody of a Unix group, ``*`` for everybody."""

    members: tuple[str, ...]
    highest_priority: Priority = Priority.URGENT

    def has(self, user: str, groups: Collection[str]) -> bool:
        """Whether such a person may submit for it."""
        names = {_EVERYONE, user, *(f"@{group}" for group in groups)}
        return not names.isdisjoint(self.members)


def parse_projects(given: Mapping[str, Any]) -> dict[str, Project]:
    """Return the projects of ``{"carbon": {"members": ["ann"], "highest_priority": "normal"}}``.

    The name '' stands for jobs that name no project. Raises InvalidSpec for what is none.
    """
    return {str(name): _project(str(name), about) for name, about in given.items()}


def _project(name: str, about: Any) -> Project:
    if name:
        check_name(name, "projects")
    if not isinstance(about, Mapping) or not isinstance(about.get("members"), list | tuple):
        raise _wrong(name, "has no list of members")
    if unknown := about.keys() - _KEYS:
        raise _wrong(name, f"has {min(unknown)!r}, which is not known")
    try:
        highest = Priority(about.get("highest_priority", Priority.URGENT))
    except ValueError:
        raise _wrong(name, "has a highest_priority that is no class") from None
    return Project(members=tuple(map(str, about["members"])), highest_priority=highest)


def _wrong(name: str, what: str) -> InvalidSpec:
    return InvalidSpec(
        f"project {name!r} {what}",
        cure='write {"members": ["ann", "@group"], "highest_priority": "normal"}',
        field="projects",
    )


class Projects:
    """Lets in who belongs to a project; where a site names none, any name may be given."""

    def __init__(self, projects: Mapping[str, Project]) -> None:
        self._projects = projects

    def of(self, user: str, groups: Collection[str]) -> list[str]:
        """Return the names of the projects a person may submit for."""
        return sorted(
            name for name, project in self._projects.items() if name and project.has(user, groups)
        )

    @property
    def any(self) -> bool:
        """Whether the site names any."""
        return bool(self._projects)

    def check(self, spec: JobSpec, user: str, groups: Collection[str]) -> None:
        """Raise InvalidSpec for a project nobody knows, NotAllowed where a person may not."""
        project = self._projects.get(spec.project)
        if project is None:
            if spec.project and self.any:
                raise InvalidSpec(
                    f"project {spec.project} is not known here",
                    cure=self._yours(user, groups),
                    field="project",
                )
            return
        if not project.has(user, groups):
            what = f"{user} is not a member of project {spec.project}"
            raise NotAllowed(
                what if spec.project else "a job needs a project here",
                cure=self._yours(user, groups),
                field="project",
            )
        if spec.priority.rank < project.highest_priority.rank:
            whose = f"project {spec.project}" if spec.project else "a job without a project"
            raise NotAllowed(
                f"{whose} may not ask for the class {spec.priority}",
                cure=f"ask for {project.highest_priority} at most",
                field="priority",
            )

    def _yours(self, user: str, groups: Collection[str]) -> str:
        names = self.of(user, groups)
        return f"name one of {', '.join(names)}" if names else "you are in no project of this site"
