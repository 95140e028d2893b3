"""The one table of routes; a test holds it equal to ``openapi.yaml``."""

from __future__ import annotations

from tornado.web import Application

from ...backends.protocol import Backend
from ..lifetime import Lifetime
from .base import NoRoute
from .jobs import (
    Cancel,
    CancelMany,
    DryRun,
    Explain,
    Hold,
    Jobs,
    OneJob,
    Release,
    Resume,
    Suspend,
    Workflows,
)
from .machine import Backup, Config, Doctor, Drain, Health, Images, MachineUse, Stop
from .output import Files, Follow, Log, OneFile

_ID = r"(\d{1,18})"

ROUTES = (
    (r"/v1/health", Health),
    (r"/v1/machine", MachineUse),
    (r"/v1/config", Config),
    (r"/v1/doctor", Doctor),
    (r"/v1/images", Images),
    (r"/v1/jobs", Jobs),
    (r"/v1/jobs/cancel", CancelMany),
    (r"/v1/jobs/dry-run", DryRun),
    (rf"/v1/jobs/{_ID}", OneJob),
    (rf"/v1/jobs/{_ID}/cancel", Cancel),
    (rf"/v1/jobs/{_ID}/hold", Hold),
    (rf"/v1/jobs/{_ID}/release", Release),
    (rf"/v1/jobs/{_ID}/suspend", Suspend),
    (rf"/v1/jobs/{_ID}/resume", Resume),
    (rf"/v1/jobs/{_ID}/explain", Explain),
    (rf"/v1/jobs/{_ID}/log", Log),
    (rf"/v1/jobs/{_ID}/files", Files),
    (rf"/v1/jobs/{_ID}/files/(.+)", OneFile),
    (r"/v1/workflows", Workflows),
    (r"/v1/follow", Follow),
    (r"/v1/engine/stop", Stop),
    (r"/v1/engine/drain", Drain),
    (r"/v1/engine/backup", Backup),
)


def application(backend: Backend, lifetime: Lifetime) -> Application:
    """Return the tornado application over a backend."""
    shared = {"backend": backend, "lifetime": lifetime}
    return Application(
        [(pattern, handler, shared) for pattern, handler in ROUTES],
        default_handler_class=NoRoute,
        default_handler_args=shared,
        compress_response=False,
        log_function=lambda handler: None,
    )
