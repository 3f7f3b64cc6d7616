"""The company's CI, a process of its own: run by git after a commit, with nothing but the standard library.

Tells the portal of the push, runs the repository's tests in a clean copy of the commit, and says what they came to.
Whoever commits does not wait for it, and sees nothing of it; without a portal it ends at once.
"""

import contextlib
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATIENCE = 30.0  # seconds for an answer of the portal
LONGEST = 300.0  # seconds for the tests
CHECK = "tests"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine

Told = Mapping[str, Any]


def main(settings: Path, folder: Path) -> None:
    """Look at the newest commit of the repository in `folder`."""
    told = json.loads(settings.read_text())
    known = told["repositories"].get(folder.name)
    revision, branch = git(folder, "rev-parse", "HEAD"), git(folder, "symbolic-ref", "--short", "HEAD")
    if known is None:
        return
    push(told["url"], known, revision, branch)
    if not known["tests"]:
        return
    say(told, known, revision, "pending", "asked for")
    state, said = look(folder, revision)
    say(told, known, revision, state, said)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


def push(url: str, known: Told, revision: str, branch: str) -> None:
    """Say it as a forge would: signed with the secret of that repository."""
    ref = f"refs/heads/{branch}"
    body = json.dumps({"ref": ref, "after": revision, "repository": {"clone_url": known["address"]}}).encode()
    proof = hmac.new(known["secret"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Gitea-Event": "push", "X-Gitea-Delivery": f"{revision}-{time.time_ns()}", "X-Gitea-Signature": proof}
    with contextlib.suppress(urllib.error.HTTPError):  # the same push twice
        send(f"{url}/hooks/gitea", body, headers)


def say(told: Told, known: Told, revision: str, state: str, said: str) -> None:
    body = {"revision": revision, "context": CHECK, "state": state, "said": said}
    path = f"{told['url']}/api/v1/repositories/{known['id']}/statuses"
    send(path, json.dumps(body).encode(), {"Authorization": f"Bearer {told['token']}"})


def send(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers}, method="POST")
    with OPENER.open(request, timeout=PATIENCE):
        pass


def look(folder: Path, revision: str) -> tuple[str, str]:
    """Run the tests of a commit, or compile it where it has none; return the state and a line about it."""
    with tempfile.TemporaryDirectory(prefix="ci-") as place:
        archive = Path(place) / "commit.tar"
        git(folder, "archive", "--format=tar", f"--output={archive}", revision)
        copy = Path(place) / "copy"
        copy.mkdir()
        subprocess.run(["tar", "-xf", str(archive), "-C", str(copy)], check=True)
        has_tests = any(copy.rglob("test*.py"))
        command = ["unittest", "discover", "-s", str(copy)] if has_tests else ["compileall", "-q", str(copy)]
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                cwd=copy,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            return "failure", f"stopped after {LONGEST:g} s"
    lines = done.stdout.decode("utf-8", "replace").split("\n")
    ran = next((line for line in lines if line.startswith("Ran ")), "it compiles" if not done.returncode else "")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return ("failure", f"{ran} {last}".strip()) if done.returncode else ("success", ran)


if __name__ == "__main__":
    with contextlib.suppress(OSError, ValueError, KeyError, subprocess.CalledProcessError):
        main(Path(sys.argv[1]), Path(sys.argv[2]))
