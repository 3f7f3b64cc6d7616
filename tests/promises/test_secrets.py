"""What every store of secrets promises, tried on each of them; then what each does besides."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Code, Error
from portal import secretsettings
from portal.secretsettings import SecretSettings
from production.ports import Site
from production.secrets import LARGEST, Cached, Secrets, SiteSecrets, no_secrets
from production.secretstores import (
    CommandSecrets,
    EnvironmentSecrets,
    FileSecrets,
    MemorySecrets,
    NoSecrets,
    template_problem,
)
from tests.conftest import NOON

CHECKOUT = Site("component:default/checkout", "production", {})
STAGING = Site("component:default/checkout", "staging", {})
LEDGER = Site("component:default/ledger", "production", {})
ELSEWHERE = Site("component:payments/checkout", "production", {})

Kept = Mapping[tuple[str, str, str], str]  # service, environment, key
Make = Callable[[Kept, Path], Secrets]

READER = """
import json, sys
kept = json.load(open(sys.argv[1]))
print("the token of the store is hunter2", file=sys.stderr)
sys.stdout.write(kept[" ".join(sys.argv[2:])] + chr(10))
"""


def memory(kept: Kept, _folder: Path) -> Secrets:
    return MemorySecrets(kept)


def files(kept: Kept, folder: Path) -> Secrets:
    folder.mkdir(exist_ok=True)
    for (service, environment, key), value in kept.items():
        keep(folder / service / environment / key, value)
    return FileSecrets(folder)


def environment(kept: Kept, _folder: Path) -> Secrets:
    names = {place: "SECRET_" + "__".join(place).upper().replace("-", "_").replace("/", "_") for place in kept}
    return EnvironmentSecrets({name: kept[place] for place, name in names.items()}, "SECRET_")


def command(kept: Kept, folder: Path) -> Secrets:
    folder.mkdir(exist_ok=True)
    (folder / "kept.json").write_text(json.dumps({" ".join(place): value for place, value in kept.items()}))
    script = ["-I", "-c", READER, str(folder / "kept.json")]
    return CommandSecrets(
        [sys.executable, *(part.replace("{", "{{") for part in script), "{service}", "{environment}", "{key}"], {}
    )


def cached(kept: Kept, _folder: Path) -> Secrets:
    return Cached(MemorySecrets(kept), lambda: NOON)


def keep(file: Path, value: str | bytes, mode: int = 0o600) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(value if isinstance(value, bytes) else value.encode())
    file.chmod(mode)


@pytest.fixture(params=[memory, cached, files, environment, command])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Kept], Secrets]:
    make: Make = request.param
    return lambda kept: make(kept, tmp_path / "kept")


def refusal(secrets: Secrets, site: Site, key: str) -> Error:
    with pytest.raises(Error) as refused:
        secrets.get(site, key)
    return refused.value


@pytest.mark.parametrize(
    "value", ["hunter2", "with spaces ", "π & \"quotes'", "line 1\nline 2", "=x", "x" * (LARGEST - 1)]
)
def test_a_value_comes_back_as_it_was_kept(store: Callable[[Kept], Secrets], value: str) -> None:
    assert store({("checkout", "production", "DB_PASSWORD"): value}).get(CHECKOUT, "DB_PASSWORD") == value


def test_a_key_may_have_parts(store: Callable[[Kept], Secrets]) -> None:
    assert store({("checkout", "production", "payments/db"): "hunter2"}).get(CHECKOUT, "payments/db") == "hunter2"


@pytest.mark.parametrize("site", [STAGING, LEDGER, ELSEWHERE])
def test_nobody_reads_what_belongs_to_another_site(store: Callable[[Kept], Secrets], site: Site) -> None:
    secrets = store({("checkout", "production", "DB_PASSWORD"): "hunter2"})

    for key in ("DB_PASSWORD", "production/DB_PASSWORD", "checkout/production/DB_PASSWORD"):
        assert "hunter2" not in str(refusal(secrets, site, key))


@pytest.mark.parametrize(
    "key", ["../ledger/DB", "a/../../b", "/etc/passwd", "--help", "-x", "", "a\nb", "a b", "a//b", "a\0"]
)
def test_what_is_no_key_is_never_looked_for(store: Callable[[Kept], Secrets], key: str) -> None:
    assert refusal(store({("checkout", "production", "DB"): "x"}), CHECKOUT, key).code is Code.INVALID


@pytest.mark.parametrize("part", ["..", ".", "-rf", "a/b", "", "$(id)", "a b"])
def test_a_site_of_a_strange_name_gets_nothing(store: Callable[[Kept], Secrets], part: str) -> None:
    secrets = store({("checkout", "production", "DB"): "x"})

    assert refusal(secrets, Site("component:default/checkout", part, {}), "DB").code is Code.INVALID
    if part != "a/b":  # a namespace and a name
        assert refusal(secrets, Site(f"component:default/{part}", "production", {}), "DB").code is Code.INVALID


def test_what_is_not_there_is_said_with_its_name_and_its_site(store: Callable[[Kept], Secrets]) -> None:
    said = refusal(store({("checkout", "production", "DB"): "hunter2"}), CHECKOUT, "OTHER")

    assert said.message.startswith("the secret OTHER of checkout@production ")
    assert said.code in (Code.INVALID, Code.UNAVAILABLE)


@pytest.mark.parametrize("value", ["", "x" * (LARGEST + 1)])
def test_what_no_program_can_be_given_is_refused(store: Callable[[Kept], Secrets], value: str) -> None:
    said = refusal(store({("checkout", "production", "DB"): value}), CHECKOUT, "DB")

    assert len(said.message) < 200
    assert "xxx" not in f"{said.message}{said.detail}"


# Files.


def test_a_file_for_the_whole_service_is_read_when_the_environment_has_none(tmp_path: Path) -> None:
    keep(tmp_path / "checkout" / "DB", "of all\r\n")
    keep(tmp_path / "checkout" / "staging" / "DB", "of staging")

    assert [FileSecrets(tmp_path).get(site, "DB") for site in (CHECKOUT, STAGING)] == ["of all", "of staging"]


def test_a_folder_of_links_inside_the_folder_is_followed(tmp_path: Path) -> None:
    keep(tmp_path / "checkout" / "production" / "..2026" / "DB", "hunter2")
    (tmp_path / "checkout" / "production" / "DB").symlink_to("..2026/DB")

    assert FileSecrets(tmp_path).get(CHECKOUT, "DB") == "hunter2"


@pytest.mark.parametrize(
    ("mode", "good"), [(0o600, True), (0o640, True), (0o644, False), (0o602, False), (0o604, False)]
)
def test_a_file_that_everybody_may_read_or_change_is_refused(tmp_path: Path, mode: int, good: bool) -> None:
    keep(tmp_path / "checkout" / "production" / "DB", "hunter2", mode)

    if good:
        assert FileSecrets(tmp_path).get(CHECKOUT, "DB") == "hunter2"
    else:
        assert "chmod 600" in refusal(FileSecrets(tmp_path), CHECKOUT, "DB").message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    keep(tmp_path / "outside", "hunter2")
    inside = tmp_path / "kept" / "checkout" / "production"
    inside.mkdir(parents=True)
    (inside / "DB").symlink_to(tmp_path / "outside")
    (inside / "LOOP").symlink_to("LOOP")

    assert "outside of" in refusal(FileSecrets(tmp_path / "kept"), CHECKOUT, "DB").message
    assert refusal(FileSecrets(tmp_path / "kept"), CHECKOUT, "LOOP").code in (Code.INVALID, Code.UNAVAILABLE)


def test_what_is_no_file_of_text_is_refused_at_once(tmp_path: Path) -> None:
    inside = tmp_path / "checkout" / "production"
    keep(inside / "BINARY", b"\xff\xfe\x00")
    keep(inside / "NUL", b"a\0b")
    os.mkfifo(inside / "PIPE", 0o600)
    (inside / "FOLDER").mkdir(mode=0o700)

    said = {key: refusal(FileSecrets(tmp_path), CHECKOUT, key).message for key in ("BINARY", "NUL", "PIPE", "FOLDER")}

    assert "not text in UTF-8" in said["BINARY"]
    assert "NUL" in said["NUL"]
    assert all("is not there" in said[key] for key in ("PIPE", "FOLDER"))


# The environment.


@pytest.mark.parametrize("service", ["check_out", "check.out", "check--out", "check__out"])
def test_a_service_that_could_be_taken_for_another_has_no_variables(service: str) -> None:
    secrets = EnvironmentSecrets({"SECRET_CHECK_OUT__PRODUCTION__DB": "hunter2"}, "SECRET_")

    assert (
        "keep the secrets of" in refusal(secrets, Site(f"component:default/{service}", "production", {}), "DB").message
    )


NAMES = st.from_regex(r"[a-z0-9]+([-_.]{1,3}[a-z0-9]+){0,2}", fullmatch=True)
ENVIRONMENTS = st.from_regex(r"[a-z0-9]+(-{1,3}[a-z0-9]+){0,2}", fullmatch=True)
SITES = st.tuples(st.sampled_from(["default", "payments"]), NAMES, ENVIRONMENTS).map(
    lambda parts: Site(f"component:{parts[0]}/{parts[1]}", parts[2], {})
)
KEYS = st.from_regex(r"[A-C_][A-C_.-]{0,3}(/[A-C_]{1,4}){0,2}", fullmatch=True)


@given(SITES, KEYS, SITES, KEYS)
def test_no_two_sites_share_a_variable(one: Site, key: str, other: Site, another: str) -> None:
    class Asked(dict[str, str]):
        """Remembers what it was asked for."""

        def __contains__(self, name: object) -> bool:
            asked.append(str(name))
            return False

    asked: list[str] = []
    secrets = EnvironmentSecrets({}, "SECRET_")
    secrets._values = Asked()
    for site, wanted in ((one, key), (other, another)):
        refusal(secrets, site, wanted)

    if (one.service, one.environment) != (other.service, other.environment):
        assert len(set(asked)) == len(asked)


# A command.


def test_a_command_gets_what_it_was_told_and_nothing_else(tmp_path: Path) -> None:
    keep(tmp_path / "token", "s.abc\n")
    argv = ["sh", "-c", "env; echo $0 $@", "{service}", "{environment}", "{key}"]

    said = CommandSecrets(argv, {"VAULT_ADDR": "https://vault.test"}, {"VAULT_TOKEN": tmp_path / "token"}).get(
        CHECKOUT, "payments/db"
    )

    names = {line.partition("=")[0] for line in said.splitlines()[:-1]} - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names == {"PATH", "LANG", "VAULT_ADDR", "VAULT_TOKEN"}
    assert "VAULT_TOKEN=s.abc" in said.splitlines()
    assert said.splitlines()[-1] == "checkout production payments/db"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hunter2 >&2; echo hunter2; exit 2", "“sh” ended with code 2; run it by hand to see why"),
        ("kill -9 $$", "“sh” was killed by signal 9; run it by hand to see why"),
        ("sleep 60", "“sh” did not end within 0.3 s; run it by hand to see why"),
        ("exec >&-; sleep 60", "“sh” did not end within 0.3 s; run it by hand to see why"),
        ("yes hunter2", "“sh” wrote more than 64 KB; run it by hand to see why"),
    ],
)
def test_a_command_that_goes_wrong_is_said_without_its_words(script: str, said: str) -> None:
    argv = ["sh", "-c", script, "{service}", "{environment}", "{key}"]

    error = refusal(CommandSecrets(argv, {}, limit=timedelta(seconds=0.3 if "within" in said else 30)), CHECKOUT, "DB")

    assert error.message == f"the secret DB of checkout@production could not be had: {said}"
    assert (error.code, error.permanent, error.detail) == (Code.UNAVAILABLE, False, "")


def test_a_command_that_is_not_installed_is_said_in_words() -> None:
    error = refusal(CommandSecrets(["no-such-vault", "{service}/{environment}/{key}"], {}), CHECKOUT, "DB")

    assert error.message == "there is no program “no-such-vault” for secrets; install it or correct [secrets] command"


def test_a_command_that_is_no_program_is_said_in_words(tmp_path: Path) -> None:
    keep(tmp_path / "vault", "hunter2", 0o700)

    error = refusal(CommandSecrets([str(tmp_path / "vault"), "{service}/{environment}/{key}"], {}), CHECKOUT, "DB")

    assert error.message.endswith("could not be started: Exec format error")


TEMPLATES = [
    (["vault", "kv", "get", "-field=value", "secret/{service}/{environment}/{key}"], ""),
    (["sops", "decrypt", "--extract", '["{key}"]', "/etc/secrets/{service}/{environment}.yaml"], ""),
    (["op", "read", "op://{service}-{environment}/{key}"], "does not keep {service} and {environment} apart"),
    (["get", "{service}{environment}", "{key}"], "does not keep {service} and {environment} apart"),
    (["get", "{key}/{service}", "{environment}"], "does not keep {key} and {service} apart"),
    (["get", "{service}", "{key}"], "must have {environment} in it"),
    (["get", "{environment}", "{key}"], "must have {service} in it"),
    (["get", "{service}", "{environment}", "{key}", "{password}"], "knows no {password}"),
    (["get", "{service}", "{environment}", "{key"], "is not understood"),
    (["{service}", "{environment}", "{key}"], "begins with a program's name"),
    ([], "begins with a program's name"),
]


@pytest.mark.parametrize(("argv", "said"), TEMPLATES)
def test_a_command_must_say_the_whole_scope(argv: list[str], said: str) -> None:
    assert said in template_problem(argv)
    assert bool(said) is bool(template_problem(argv))
    if said:
        with pytest.raises(Error, match="command for secrets"):
            CommandSecrets(argv, {})


# What keeps values for a while.


def test_a_changed_value_is_seen_when_the_time_is_over() -> None:
    inner, at = MemorySecrets({("checkout", "production", "DB"): "older"}), [NOON]
    secrets = Cached(inner, lambda: at[0], timedelta(seconds=10))
    assert secrets.get(CHECKOUT, "DB") == "older"
    inner.values["checkout", "production", "DB"] = "newer"

    at[0] = NOON + timedelta(seconds=9)
    assert secrets.get(CHECKOUT, "DB") == "older"
    at[0] = NOON + timedelta(seconds=10)
    assert secrets.get(CHECKOUT, "DB") == "newer"
    inner.values["checkout", "production", "DB"] = "newest"
    at[0] = NOON - timedelta(hours=1)  # a clock that was set back keeps nothing alive
    assert secrets.get(CHECKOUT, "DB") == "newest"


def test_a_refusal_is_not_remembered() -> None:
    inner = MemorySecrets()
    secrets = Cached(inner, lambda: NOON)
    refusal(secrets, CHECKOUT, "DB")
    inner.values["checkout", "production", "DB"] = "hunter2"

    assert secrets.get(CHECKOUT, "DB") == "hunter2"


# A site's.

NAMED = Site(CHECKOUT.service, "production", {"secrets": {"DB_PASSWORD": "payments/db", "TOKEN": "TOKEN"}})
HELD = {("checkout", "production", "payments/db"): "hunter2", ("checkout", "production", "TOKEN"): "s.abcdef"}


def test_a_site_gets_its_secrets_by_the_names_its_programs_see() -> None:
    held = SiteSecrets(MemorySecrets(HELD), b"key")

    assert held.values(NAMED) == {"DB_PASSWORD": "hunter2", "TOKEN": "s.abcdef"}
    assert held.values(CHECKOUT) == {}
    assert held.problems(NAMED) == []


def test_a_secret_that_cannot_be_had_is_named() -> None:
    held = SiteSecrets(MemorySecrets({place: value for place, value in HELD.items() if "TOKEN" in place}), b"key")

    assert held.problems(NAMED) == [
        "the secret payments/db of checkout@production is not there; keep it in the memory of this portal"
    ]
    with pytest.raises(Error, match="payments/db"):
        held.values(NAMED)
    for asked in (no_secrets, SiteSecrets(NoSecrets(), b"key").values):
        with pytest.raises(Error, match=r"no store of secrets; set \[secrets\]"):
            asked(NAMED)
        assert asked(CHECKOUT) == {}


def test_a_store_that_does_not_answer_is_asked_once() -> None:
    asked = []

    class Sealed:
        def get(self, site: Site, key: str) -> str:
            asked.append(key)
            raise Error(Code.UNAVAILABLE, "vault is sealed; unseal it")

    held = SiteSecrets(Sealed(), b"key")

    assert held.problems(NAMED) == ["vault is sealed; unseal it"]
    assert held.fingerprints(NAMED) == {"DB_PASSWORD": "", "TOKEN": ""}
    assert asked == ["payments/db"] * 2


def test_a_fingerprint_tells_a_change_and_neither_the_value_nor_who_shares_it() -> None:
    memory = MemorySecrets({**HELD, ("checkout", "staging", "payments/db"): "hunter2"})
    held = SiteSecrets(memory, b"key")
    before = held.fingerprints(NAMED)
    elsewhere = held.fingerprints(Site(NAMED.service, "staging", {"secrets": {"DB_PASSWORD": "payments/db"}}))

    memory.values["checkout", "production", "TOKEN"] = "s.other"
    after = held.fingerprints(NAMED)

    assert set(before) == {"DB_PASSWORD", "TOKEN"}
    assert [name for name in before if before[name] != after[name]] == ["TOKEN"]
    assert elsewhere["DB_PASSWORD"] != before["DB_PASSWORD"]
    assert SiteSecrets(memory, b"another key").fingerprints(NAMED)["DB_PASSWORD"] != before["DB_PASSWORD"]
    assert "hunter2" not in str(before)


def test_a_text_is_masked_with_the_values_of_now_and_of_before() -> None:
    memory = MemorySecrets(HELD)
    held = SiteSecrets(memory, b"key")
    held.values(NAMED)
    memory.values["checkout", "production", "TOKEN"] = "s.other"

    assert held.mask(NAMED, "hunter2 s.abcdef s.other") == "•••DB_PASSWORD••• •••TOKEN••• •••TOKEN•••"
    assert held.mask(LEDGER, "hunter2") == "hunter2"


def test_a_text_is_withheld_when_a_value_is_not_known_and_cannot_be_had() -> None:
    memory = MemorySecrets(HELD)
    memory.refuses = Error(Code.UNAVAILABLE, "vault is sealed; unseal it")
    held = SiteSecrets(memory, b"key")

    assert held.mask(NAMED, "hunter2") == "withheld, for it may hold DB_PASSWORD, TOKEN: vault is sealed; unseal it"
    assert held.mask(CHECKOUT, "hunter2") == "hunter2"  # it has none

    memory.refuses = None
    held.values(NAMED)
    memory.refuses = Error(Code.UNAVAILABLE, "vault is sealed; unseal it")
    assert held.mask(NAMED, "hunter2") == "•••DB_PASSWORD•••"


# What the portal is told.


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({}, NoSecrets),
        ({"kind": "files"}, FileSecrets),
        ({"kind": "environment"}, EnvironmentSecrets),
        ({"kind": "command", "command": ["get", "{service}/{environment}/{key}"]}, CommandSecrets),
    ],
)
def test_each_kind_of_settings_makes_its_store(told: dict[str, object], kind: type, tmp_path: Path) -> None:
    made = secretsettings.secrets(SecretSettings.model_validate(told), {}, tmp_path)

    assert isinstance(made._secrets if isinstance(made, Cached) else made, kind)


def test_a_command_without_the_scope_is_a_wrong_setting() -> None:
    with pytest.raises(ValueError, match="in it, or services could read"):
        SecretSettings.model_validate({"kind": "command", "command": "get {service} {key}"})


def test_the_settings_reach_the_store(tmp_path: Path) -> None:
    keep(tmp_path / "secrets" / "checkout" / "production" / "DB", "from a file")
    asked = [
        secretsettings.secrets(SecretSettings(kind="files"), {}, tmp_path),
        secretsettings.secrets(SecretSettings(kind="files", folder=tmp_path / "secrets"), {}, tmp_path / "x"),
        secretsettings.secrets(
            SecretSettings(kind="environment", prefix="KEPT_"), {"KEPT_CHECKOUT__PRODUCTION__DB": "v"}, tmp_path
        ),
        secretsettings.secrets(
            SecretSettings(kind="command", command=("echo", "{service}/{environment}/{key}")), {}, tmp_path
        ),
    ]

    assert [store.get(CHECKOUT, "DB") for store in asked] == [
        "from a file",
        "from a file",
        "v",
        "checkout/production/DB",
    ]
