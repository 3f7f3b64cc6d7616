"""A stage for the target of kind `command`: a repository whose script starts and ends real processes.

The script writes into a folder outside the checkout: a file per process that runs, and `journal`, a line per call.
"""

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from production.ports import Site
from production.targets.command import CommandTarget
from tests.promises.stage import DIES, Stage, _git

SCRIPT = r"""#!/bin/sh
set -eu
mkdir -p "$WORLD/${SERVICE##*/}"
cd "$WORLD/${SERVICE##*/}"
runs() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
[ "$STEP" = status ] || echo "$STEP $RELEASE ${INSTANCES:-} ${PERCENT:-}" >>journal

case $STEP in
deploy)
  if [ "$RELEASE" = DIES ]; then
    for line in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do echo "line $line"; done
    echo "no database is configured" >&2
    exit 1
  fi
  number=1
  while [ "$number" -le "$INSTANCES" ]; do
    name=${SERVICE##*/}-$RELEASE-$number
    if ! runs "$name"; then
      rm -f "$name"
      setsid sh -c 'echo $$ >"$1"; exec sleep 1000' sh "$name" </dev/null >/dev/null 2>&1 &
      until [ -s "$name" ]; do sleep 0.01; done
      echo "$name runs"
    fi
    number=$((number + 1))
  done ;;
weigh) echo "$RELEASE $PERCENT ${PREVIOUS_REVISION:-nobody}" >weights ;;
verify) for name in "${SERVICE##*/}-$RELEASE-"*; do runs "$name" || exit 1; done ;;
stop)
  for name in "${SERVICE##*/}"-*; do
    case $name in "${SERVICE##*/}-$RELEASE-"* | *"*") continue ;; esac
    kill "$(cat "$name")" && rm "$name" && echo "$name is stopped"
  done ;;
status)
  said=
  for name in "${SERVICE##*/}"-*; do
    runs "$name" || continue
    release=${name#"${SERVICE##*/}-"}
    said="$said${said:+, }{\"name\": \"$name\", \"host\": \"127.0.0.1\", \"port\": 9, \"release\": ${release%-*}}"
  done
  echo "[$said]" ;;
esac
"""
SHIP = ["sh", "ship.sh"]
STEPS = ("deploy", "weigh", "verify", "stop", "status")


def command_stage(folder: Path, **more: Any) -> Stage:
    """A real target with a real repository; the caller must call `ended` with the same folder."""
    repository, revisions = folder / "repository", {}
    repository.mkdir(parents=True)
    _git(repository, "init", "-q", "-b", "main")
    (repository / "ship.sh").write_text(SCRIPT.replace("DIES", str(DIES)))
    for number in range(1, 10):
        (repository / "release").write_text(str(number))
        _git(repository, "add", ".")
        _git(repository, "commit", "-q", "-m", f"release {number}")
        revisions[number] = _git(repository, "rev-parse", "HEAD")
    settings = {
        "kind": "command",
        **dict.fromkeys(STEPS, SHIP),
        "patience": "200ms",
        "url": "http://127.0.0.1:9/",
        "env": {"WORLD": str(folder / "world")},
    }
    return Stage(command_target(folder, **more), settings, revisions, str(repository / ".git"))


def command_target(folder: Path, **more: Any) -> CommandTarget:
    """The target over that folder; made again, it is what another process would have."""
    return CommandTarget(folder / "command", **more)


def journal(folder: Path, site: Site) -> Sequence[str]:
    """What the script was called for: step, release, instances, percent."""
    file = folder / "world" / site.name.partition("@")[0] / "journal"
    return [line.strip() for line in file.read_text().splitlines()] if file.exists() else []


def ended(folder: Path) -> None:
    """End every process that the script has left."""
    for file in (folder / "world").glob("*/*-*-*"):
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)
