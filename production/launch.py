"""Started by the supervisor with `python -I -S launch.py SPEC.json`: becomes the program that the file describes.

The program gets the environment in the file and nothing else; whoever started the supervisor, and the supervisor's own
variables, stay unknown to it. Beside the file go `.pid` (who we are) and `.starts` (how often this happened).
With `once`, the program is run to its end and its exit code written as `result`. Only the standard library is used.
"""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
from typing import Any


def main(path: str) -> int:
    with open(path) as file:
        spec: dict[str, Any] = json.load(file)
    base = path.removesuffix(".json")
    bury(base + ".pid")
    with open(base + ".pid", "w") as file:
        file.write(identity(os.getpid()))
    with open(base + ".starts", "a") as file:
        file.write("x")
    argv, env = spec["argv"], spec["env"]
    try:
        os.chdir(spec["cwd"])
        if "once" in spec:
            return once(argv, env, spec.get("user"), spec["once"])
        if spec.get("user"):
            become(spec["user"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would pass that on
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        print(f"{argv[0]} could not be started: {error.strerror} ({error.filename or spec['cwd']})", flush=True)
        return 127


def once(argv: list[str], env: dict[str, str], user: str | None, how: dict[str, Any]) -> int:
    """Run to the end or to the limit, then write the code, None for out of time, and take everything down with us."""
    code: int | None = 127
    account: dict[str, Any] = {}
    if user:
        gid = pwd.getpwnam(user).pw_gid
        account = {"user": user, "group": gid, "extra_groups": os.getgrouplist(user, gid)}
    try:
        code = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, **account).wait(how["seconds"])
    except subprocess.TimeoutExpired:
        code = None
    except OSError as error:
        print(f"{argv[0]} could not be started: {error.strerror}", flush=True)
    draft = how["result"] + ".draft"
    with open(draft, "w") as file:
        json.dump({"code": code}, file)
    os.replace(draft, how["result"])
    if code is None:
        os.killpg(0, signal.SIGKILL)
    return code or 0


def become(user: str) -> None:
    account = pwd.getpwnam(user)
    os.initgroups(user, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def identity(pid: int) -> str:
    """Name a process so that a later one with the same number is not taken for it; empty when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else f"{pid} {fields[19]} {boot()}"  # 19: when it started, counted from the state


def boot() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def bury(pid_file: str) -> bool:
    """Kill what the process in that file has left of its group; False when nothing was left."""
    try:
        with open(pid_file) as file:
            seen = file.read()
    except OSError:
        return False
    pid = int(seen.partition(" ")[0] or 0)
    if pid <= 1 or pid == os.getpid() or not seen.endswith(boot()) or identity(pid) not in ("", seen):
        return False  # another program has that number by now
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # a group's number is not given away while one of its processes lives
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
