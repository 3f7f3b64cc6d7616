"""What a target may say about secrets: names with the keys they are kept under, and what cannot be meant."""

import pytest

from production.settings import LocalSettings
from tests.pure.test_spec import SMALL, said, spec

SECRETS = [
    ("secrets: [DB_PASSWORD]", {"DB_PASSWORD": "DB_PASSWORD"}),
    ("secrets: {DB_PASSWORD: payments/db}", {"DB_PASSWORD": "payments/db"}),
    ("env: {}", {}),
]
NO_SECRETS = [
    ("env: {A: x}, secrets: [A]", "A stands in env and in secrets; keep one of them"),
    ("secrets: [PORT]", "PORT is told by Fullcycle itself; give the secret another name"),
    ("secrets: [A, A]", "a list of names is needed, each once"),
    ("secrets: [7]", "a list of names is needed, each once"),
    ("secrets: {A: ../other}", "pattern"),
    ("secrets: {A: --help}", "pattern"),
    ("secrets: {A: payments//db}", "pattern"),
    ("secrets: {A B: c}", "pattern"),
]


@pytest.mark.parametrize(("told", "names"), SECRETS)
def test_secrets_are_names_with_the_keys_they_are_kept_under(told: str, names: dict[str, str]) -> None:
    target = (
        spec(SMALL.replace("command: [python, app.py]", f"command: [python, app.py], {told}"))
        .environments["production"]
        .target
    )

    assert isinstance(target, LocalSettings)
    assert target.secrets == names
    assert LocalSettings.model_validate(target.model_dump(mode="json")) == target


@pytest.mark.parametrize(("told", "why"), NO_SECRETS)
def test_secrets_that_cannot_be_meant_are_a_problem_of_the_file(told: str, why: str) -> None:
    (problem,) = said(SMALL.replace("command: [python, app.py]", f"command: [python, app.py], {told}"))

    assert problem.startswith("catalog-info.yaml:11:")
    assert why in problem
