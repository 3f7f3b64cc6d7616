"""Which files a target means: paths, patterns, and what leads out of the repository."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.locations import MAX_SPELLINGS, Files, inside, spelt, unfit

TREE = [
    "a.yaml",
    "b/a.yaml",
    "b/.a.yaml",
    "b/c/a.yaml",
    "b/c/b.yml",
    ".hidden/a.yaml",
    "b*/star.yaml",
    "{x}.yaml",
    "ab.yaml",
]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.yaml", ["a.yaml"]),
        ("b/*.yaml", ["b/a.yaml"]),  # a star stands for no name that begins with a dot
        ("b/.*.yaml", ["b/.a.yaml"]),
        ("*/a.yaml", ["b/a.yaml"]),
        ("**/a.yaml", ["a.yaml", "b/a.yaml", "b/c/a.yaml"]),
        ("b/**", ["b/a.yaml", "b/c/a.yaml", "b/c/b.yml"]),
        (".hidden/**/a.yaml", [".hidden/a.yaml"]),
        ("**/*.{yaml,yml}", ["a.yaml", "ab.yaml", "b*/star.yaml", "b/a.yaml", "b/c/a.yaml", "b/c/b.yml", "{x}.yaml"]),
        ("{a,b/a,b/c/{a,b}}.y*ml", ["a.yaml", "b/a.yaml", "b/c/a.yaml", "b/c/b.yml"]),
        ("?.yaml", ["a.yaml"]),
        ("b*/star.yaml", ["b*/star.yaml"]),  # a file of exactly that name
        ("{x}.yaml", ["{x}.yaml"]),
        ("{a,.yaml", []),
        ("B/a.yaml", []),
        ("b", []),
        ("", []),
        (".", []),
        ("**", ["a.yaml", "ab.yaml", "b*/star.yaml", "b/a.yaml", "b/c/a.yaml", "b/c/b.yml", "{x}.yaml"]),
    ],
)
def test_what_a_pattern_finds(pattern: str, found: list[str]) -> None:
    assert Files(TREE).fitting(pattern) == found


@pytest.mark.parametrize(
    ("file", "target", "path"),
    [
        ("a/b.yaml", "c.yaml", "a/c.yaml"),
        ("a/b.yaml", "./c.yaml", "a/c.yaml"),
        ("a/b.yaml", "../c.yaml", "c.yaml"),
        ("a/b.yaml", "/c.yaml", "c.yaml"),
        ("a/b.yaml", "//c.yaml", "c.yaml"),
        ("a/b.yaml", "./x//../c.yaml", "a/c.yaml"),
        ("a/b.yaml", "../../c.yaml", None),
        ("a/b.yaml", "/../c.yaml", None),
        ("b.yaml", "..", None),
        ("b.yaml", "..c.yaml", "..c.yaml"),
        ("b.yaml", "..\\c.yaml", "..\\c.yaml"),  # a name like any other
    ],
)
def test_where_a_path_leads(file: str, target: str, path: str | None) -> None:
    assert inside(file, target) == path


@settings(max_examples=300, deadline=None)
@given(st.text("ab./*", max_size=20), st.text("ab./\\ ~%", max_size=30))
def test_nothing_leads_out_of_the_repository(file: str, target: str) -> None:
    path = inside(file.strip("/") or "a", target)

    assert path is None or not (path.startswith("/") or ".." in path.split("/"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://github.com/shop/ledger/blob/main/catalog-info.yaml", ""),
        ("https://git.example.org:8443/a/b", ""),
        ("https://", "is no address"),
        ("https://[", "is no address"),
        ("https://host:99999/x", "is no address"),
        ("https://host:x/", "is no address"),
        ("https://bob@host/x", "holds a user or a password, which everybody could read"),
        ("https://bob:hunter2@host/x", "holds a user or a password, which everybody could read"),
        ("https://host/" + "x" * 2000, "is no address"),
    ],
)
def test_which_addresses_can_be_followed(url: str, why: str) -> None:
    assert unfit(url) == why


def test_braces_are_written_out_only_so_often() -> None:
    assert len(spelt("{a,b}" * 6)) == 64
    assert len(spelt("{a,b}" * 60)) <= MAX_SPELLINGS
    assert spelt("{a}{}") == ["{a}{}"]


def test_why_a_file_is_not_there() -> None:
    files = Files(["a"], {"linked": "it is a link", "deep/link": "it is a link too"})

    assert files.why_not("linked/deep/x.yaml") == "it is a link"
    assert files.why_not("deep/link") == "it is a link too"
    assert files.why_not("deep/other") == ""
