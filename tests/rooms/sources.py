"""Repositories as developers have them, for the tests to mirror."""

import subprocess
from pathlib import Path

from catalog.git import Mirror


class Source:
    """A repository as a developer has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, stdin: str | None = None) -> str:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.path),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Alice",
            "GIT_AUTHOR_EMAIL": "alice@example.org",
            "GIT_COMMITTER_NAME": "Alice",
            "GIT_COMMITTER_EMAIL": "alice@example.org",
            "GIT_AUTHOR_DATE": "2026-03-02T12:00:00Z",
            "GIT_COMMITTER_DATE": "2026-03-02T12:00:00Z",
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], env=env, check=True, capture_output=True, text=True, input=stdin
        )
        return done.stdout.strip()

    def commit(self, subject: str = "a change", **files: str | bytes) -> str:
        for name, content in files.items():
            path = self.path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def mirrored(source: Source, tmp_path: Path, depth: int | None = None) -> Mirror:
    return Mirror.clone(str(source.path), tmp_path / "mirrors" / "1", roots=[tmp_path], depth=depth)
