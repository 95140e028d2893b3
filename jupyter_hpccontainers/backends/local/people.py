"""As whom a job runs: the engine's user, or under a root engine the owner of the folder."""

from __future__ import annotations

import grp
import os
import pwd

from ...model.errors import NotAllowed
from ...runtimes.order import Person
from ...store.records import StoredJob


def person_for(workdir: str, *, as_root: bool, run_as: str, allow_root: bool) -> Person:
    """Return whose uid and gid a job in this folder gets.

    A root engine never runs a job as uid 0 unless that is asked for and allowed: it takes the
    configured user, else the folder's owner. Raises NotAllowed with the ways out.
    """
    if as_root and not allow_root:
        raise NotAllowed(
            "jobs may not run as root here",
            cure="drop --root, or ask the administrator to set Engine.allow_root",
            field="as_root",
        )
    if as_root:
        return person_of(0)
    if os.geteuid() != 0:
        return person_of(os.geteuid())
    uid = pwd.getpwnam(run_as).pw_uid if run_as else os.stat(workdir).st_uid
    if uid == 0:
        raise NotAllowed(
            f"the engine is root's and so is the folder {workdir}: whose job is it?",
            cure="start from a folder that belongs to a person, set Engine.run_as to a user, "
            "or ask for --root",
            field="workdir",
        )
    return person_of(uid)


def person_of(uid: int) -> Person:
    """Return the person of a uid, with names even where the machine knows none."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Person(uid=uid, gid=uid, groups=(), name=f"uid{uid}", group_name=f"gid{uid}")
    groups = os.getgroups() if uid == os.geteuid() else os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Person(
        uid=uid,
        gid=entry.pw_gid,
        groups=tuple(sorted(set(groups))),
        name=entry.pw_name,
        group_name=_group_name(entry.pw_gid),
    )


def person_of_row(row: StoredJob) -> Person:
    """Return the person a stored job belongs to, as it was when the job was accepted."""
    return Person(
        uid=row.owner.uid,
        gid=row.owner.gid,
        groups=row.owner.groups,
        name=row.owner.user,
        group_name=_group_name(row.owner.gid),
    )


def groups_of(person: Person) -> tuple[str, ...]:
    """Return the names of all groups the person is in, in alphabetical order."""
    return tuple(sorted({_group_name(gid) for gid in {person.gid, *person.groups}}))


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid{gid}"
