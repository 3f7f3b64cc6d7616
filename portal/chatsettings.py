"""`[chat]` of `fullcycle.toml`: from which chats orders are taken. Secrets stay in files of their own."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class ChatSettings(BaseModel):
    """A chat without its file is closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    slack_secret_file: Path | None = None  # the app's signing secret
    mattermost_token_file: Path | None = None  # the tokens of slash commands, one a line


def kept(path: Path | None) -> tuple[str, ...]:
    """Return the secrets of a file, one a line; none where there is no file."""
    try:
        lines = path.expanduser().read_text().splitlines() if path else []
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(line.strip() for line in lines if line.strip())
