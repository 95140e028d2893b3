"""A supervisor whose interpreter is up before there is an attempt for it."""

from __future__ import annotations

import os
import sys

from ..light import socket
from .main import main

_FOLDER_BYTES = 4096
#: One descriptor in a control message (unix(7), SCM_RIGHTS) is a C int.
_INT_BYTES = 4


def wait(channel: int) -> int:
    """Wait for an attempt's folder, its lock and its own log, then supervise it.

    Returns as ``main`` does, and 0 when the engine has gone without one (end of ``channel``).
    """
    _call_myself("hpcc-spare")
    engine = socket.socket(fileno=channel)
    folder, handed, _, _ = engine.recvmsg(_FOLDER_BYTES, socket.CMSG_LEN(2 * _INT_BYTES))
    engine.close()
    if not folder:
        return 0
    _call_myself("hpcc-supervisor")
    handles = handed[0][2]
    lock = int.from_bytes(handles[:_INT_BYTES], sys.byteorder)
    own_words = int.from_bytes(handles[_INT_BYTES:], sys.byteorder)
    os.dup2(own_words, 1)
    os.dup2(own_words, 2)
    os.close(own_words)
    return main(os.fsdecode(folder), lock)


def _call_myself(name: str) -> None:
    """What ``ps -o comm`` shows, at most 15 characters."""
    try:
        with open("/proc/self/comm", "w") as file:
            file.write(name)
    except OSError:
        return
