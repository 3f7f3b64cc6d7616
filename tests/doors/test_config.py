"""What the configuration understands, and how it says what it does not."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.errors import Code, Error
from portal import config as configs
from portal.config import load, secret_key, shown


def refused(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(Error) as error:
        load(environ, path)
    assert error.value.code is Code.INVALID
    assert "\n" not in error.value.message
    return error.value.message


def test_nothing_said_is_enough(tmp_path: Path) -> None:
    config = load({"HOME": str(tmp_path)})

    assert config.data == tmp_path / ".local/share/fullcycle"
    assert config.database == f"sqlite:///{config.data}/fullcycle.db"
    assert config.address == "http://127.0.0.1:8000"
    assert not config.data.exists()  # reading makes nothing


def test_the_data_folder_follows_xdg(tmp_path: Path) -> None:
    assert load({"HOME": "/nowhere", "XDG_DATA_HOME": str(tmp_path)}).data == tmp_path / "fullcycle"


def test_the_environment_wins_over_the_file_and_the_file_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "fullcycle.toml").write_text('port = 9000\nsession = "2h"\n[local]\npath = ["/opt/bin"]\n')

    config = load({"FULLCYCLE_DATA": str(tmp_path), "FULLCYCLE_PORT": "9001", "FULLCYCLE_LOCAL_HOST": "127.0.0.2"})

    assert (config.port, config.session) == (9001, timedelta(hours=2))
    assert (config.local.path, config.local.host) == (("/opt/bin",), "127.0.0.2")


def test_what_a_program_is_given_that_we_run_is_understood_too(tmp_path: Path) -> None:
    """So Fullcycle can be deployed by Fullcycle."""
    config = load({"FULLCYCLE_DATA": str(tmp_path), "PORT": "30001", "HOST": "127.0.0.1"})

    assert config.port == 30001
    assert load({"PORT": "1", "FULLCYCLE_PORT": "2"}).port == 2


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://fullcycle:secret@db/fullcycle\n")

    config = load({"FULLCYCLE_DATABASE_URL_FILE": str(secret)})

    assert config.database_url == "postgresql://fullcycle:secret@db/fullcycle"
    assert "secret@" not in str(shown(config))


def test_everything_that_is_wrong_is_said_at_once_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "fullcycle.toml").write_text('prot = 1\nlog_level = "loud"\nsession = "12"\n')

    said = refused({"FULLCYCLE_DATA": str(tmp_path), "FULLCYCLE_HOTS": "x", "FULLCYCLE_PORT": "high"})

    assert "FULLCYCLE_HOTS is not a setting (did you mean FULLCYCLE_HOST?)" in said
    assert "prot is not a setting (did you mean port?)" in said
    assert "port is 'high'" in said
    assert "log_level is 'loud'" in said
    assert "session is '12': a duration with its unit is needed" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("HOST", "not a host"),
        ("URL", "ftp://x"),
        ("DATABASE_URL", "mysql://u:topsecret@h/x"),
        ("DATABASE_URL", "topsecret"),
        ("ALLOW_LOCAL_REPOSITORIES", "perhaps"),
        ("PORT_FILE", "/nowhere/at/all"),
    ],
)
def test_a_malformed_value_stops_with_a_sentence_and_shows_no_secret(name: str, value: str) -> None:
    said = refused({f"FULLCYCLE_{name}": value})

    assert said.startswith("The configuration is wrong:")
    assert "topsecret" not in said


@pytest.mark.parametrize("text", ["port = ", "\x00", "[local", 'local = "x"', "local = 3"])
def test_a_file_that_is_no_toml_is_said_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fullcycle.toml"
    path.write_text(text)

    assert refused({"FULLCYCLE_DATA": str(tmp_path)})
    assert refused({}, path)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    assert "There is no configuration file" in refused({}, tmp_path / "nothing.toml")


def test_what_the_terminal_and_dev_read_is_none_of_our_business(tmp_path: Path) -> None:
    assert load({"FULLCYCLE_TOKEN": "x", "FULLCYCLE_VENV": "y", "HOME": str(tmp_path)})


def test_the_key_is_made_once_for_this_user_only(tmp_path: Path) -> None:
    config = load({"FULLCYCLE_DATA": str(tmp_path / "data")})

    key = secret_key(config)

    path = config.data / "secret_key"
    assert len(key) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_key(config) == key
    assert list(config.data.iterdir()) == [path]  # no draft is left behind


def test_of_two_processes_that_begin_at_once_both_have_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load({"FULLCYCLE_DATA": str(tmp_path)})
    mine = secret_key(config)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # what the other saw a moment ago

    assert secret_key(config) == mine


def test_a_key_that_is_none_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short")

    with pytest.raises(Error, match="too short"):
        secret_key(load({"FULLCYCLE_DATA": str(tmp_path)}))


def test_the_real_environment_is_only_read_here() -> None:
    assert "PATH" in configs.environment()
