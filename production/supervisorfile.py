"""The supervisor's configuration as text: the daemon's, and one file per program. Pure."""

import shlex
from collections.abc import Sequence
from pathlib import PurePath

STOP_SECONDS = 10  # after this a program that ignores SIGTERM is killed
ALWAYS = 1_000_000  # tries; the pause before each grows by a second

DAEMON = """\
[unix_http_server]
file={socket}
chmod=0600
[supervisord]
logfile={log}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={pid}
childlogdir={folder}
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files = conf.d/*.conf
"""
PROGRAM = """\
[program:{name}]
command={command}
directory=/
{again}
stopwaitsecs={stop}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""
KEPT_RUNNING = f"autostart=true\nautorestart=true\nstartsecs=1\nstartretries={ALWAYS}"
ONCE = "autostart=false\nautorestart=false\nstartsecs=0\nstartretries=0"


def daemon(socket: PurePath, log: PurePath, pid: PurePath, folder: PurePath, *, as_root: bool) -> str:
    paths = {"socket": socket, "log": log, "pid": pid, "folder": folder}
    user = "user=root" if as_root else ""
    return DAEMON.format(user=user, **{key: _escaped(str(path)) for key, path in paths.items()})


def program(name: str, argv: Sequence[str], log: PurePath, *, once: bool) -> str:
    command, again = _escaped(shlex.join(argv)), ONCE if once else KEPT_RUNNING
    return PROGRAM.format(name=name, command=command, again=again, stop=STOP_SECONDS, log=_escaped(str(log)))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
