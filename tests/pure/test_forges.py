"""Addresses of forges: what they name, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import forges
from catalog.forges import Address

FILE = "deep/catalog-info.yaml"


@pytest.mark.parametrize(
    ("url", "repository", "branch", "path"),
    [
        ("https://github.com/o/r/blob/main/deep/catalog-info.yaml", "https://github.com/o/r", "main", FILE),
        ("https://github.com/o/r/raw/v1/deep/catalog-info.yaml?raw=true", "https://github.com/o/r", "v1", FILE),
        ("https://github.com/o/r/blob/main/deep/catalog-info.yaml#L3", "https://github.com/o/r", "main", FILE),
        ("https://github.com/o/r/edit/main/deep/catalog-info.yaml", "https://github.com/o/r", "main", FILE),
        ("https://github.com/o/blob/blob/main/a.yaml", "https://github.com/o/blob", "main", "a.yaml"),
        ("https://github.com/o/r/blob/feature%2Fx/a%20b.yaml", "https://github.com/o/r", "feature/x", "a b.yaml"),
        ("https://github.com/o/r/blob/refs/heads/main/a.yaml", "https://github.com/o/r", "main", "a.yaml"),
        ("https://raw.githubusercontent.com/o/r/main/deep/catalog-info.yaml", "https://github.com/o/r", "main", FILE),
        ("https://raw.githubusercontent.com/o/r/refs/heads/main/a.yaml", "https://github.com/o/r", "main", "a.yaml"),
        (
            "https://github.com/o/r/blob/main/**/catalog-info.yaml",
            "https://github.com/o/r",
            "main",
            "**/catalog-info.yaml",
        ),
        ("https://github.com/o/r/tree/main/deep", "https://github.com/o/r", "main", None),
        ("https://github.com/o/r/tree/main", "https://github.com/o/r", "main", None),
        ("https://ghe.example.com:8443/o/r/blob/main/a.yaml", "https://ghe.example.com:8443/o/r", "main", "a.yaml"),
        ("https://gitlab.com/g/sub/r/-/blob/main/deep/catalog-info.yaml", "https://gitlab.com/g/sub/r", "main", FILE),
        ("https://gitlab.com/g/r/-/raw/main/a.yaml?ref_type=heads", "https://gitlab.com/g/r", "main", "a.yaml"),
        ("https://git.example.com/g/s/r/-/blob/main/a.yaml", "https://git.example.com/g/s/r", "main", "a.yaml"),
        ("https://gitlab.com/g/r/-/tree/main/deep", "https://gitlab.com/g/r", "main", None),
        ("https://codeberg.org/o/r/src/branch/main/a.yaml", "https://codeberg.org/o/r", "main", "a.yaml"),
        ("https://git.example.com/o/r/src/branch/main/a.yaml", "https://git.example.com/o/r", "main", "a.yaml"),
        ("https://gitea.example.com/o/r/raw/tag/v1/a.yaml", "https://gitea.example.com/o/r", "v1", "a.yaml"),
        ("https://gitea.example.com/o/r/_edit/main/a.yaml", "https://gitea.example.com/o/r", "main", "a.yaml"),
        ("https://codeberg.org/o/r/src/branch/main/", "https://codeberg.org/o/r", "main", None),
        ("https://bitbucket.org/o/r/src/main/a.yaml", "https://bitbucket.org/o/r", "main", "a.yaml"),
        ("https://bitbucket.org/o/r/src/branch/a.yaml", "https://bitbucket.org/o/r", "branch", "a.yaml"),
        ("https://bitbucket.org/o/r/src/main/", "https://bitbucket.org/o/r", "main", None),
        ("https://bob:secret@github.com/o/r/blob/main/a.yaml", "https://bob:secret@github.com/o/r", "main", "a.yaml"),
        # a repository's own address is left as it is
        ("https://github.com/o/r", "https://github.com/o/r", None, None),
        ("https://github.com/o/r/", "https://github.com/o/r", None, None),
        ("  https://github.com/o/r.git\n", "https://github.com/o/r.git", None, None),
        ("git@github.com:o/r.git", "git@github.com:o/r.git", None, None),
        ("ssh://git@git.example.com:7999/o/r.git", "ssh://git@git.example.com:7999/o/r.git", None, None),
        ("/srv/git/r", "/srv/git/r", None, None),
        ("/srv/o/r/blob/main/a.yaml", "/srv/o/r/blob/main/a.yaml", None, None),
        # and so is what no page of a forge can be
        ("", "", None, None),
        ("/", "/", None, None),
        ("https://[::1", "https://[::1", None, None),
        (
            "https://github.com/o/r/blob/main/../../etc/passwd",
            "https://github.com/o/r/blob/main/../../etc/passwd",
            None,
            None,
        ),
        ("https://github.com/o/r/blob/main/%2Fetc", "https://github.com/o/r/blob/main/%2Fetc", None, None),
        ("https://github.com/o/r/blob/main/%2e%2e/a", "https://github.com/o/r/blob/main/%2e%2e/a", None, None),
        ("https://github.com/o/r/blob/main/a%00", "https://github.com/o/r/blob/main/a%00", None, None),
    ],
)
def test_an_address_names_a_repository_and_perhaps_a_file(
    url: str, repository: str, branch: str | None, path: str | None
) -> None:
    assert forges.split(url) == Address(repository, branch, path)


@pytest.mark.parametrize(
    ("repository", "file", "edit", "tree"),
    [
        (
            "https://github.com/o/r.git",
            "https://github.com/o/r/blob/main/a%20b/c.yaml",
            "https://github.com/o/r/edit/main/a%20b/c.yaml",
            "https://github.com/o/r/tree/main/a%20b/",
        ),
        (
            "git@gitlab.com:g/sub/r.git",
            "https://gitlab.com/g/sub/r/-/blob/main/a%20b/c.yaml",
            "https://gitlab.com/g/sub/r/-/edit/main/a%20b/c.yaml",
            "https://gitlab.com/g/sub/r/-/tree/main/a%20b/",
        ),
        (
            "https://codeberg.org/o/r",
            "https://codeberg.org/o/r/src/branch/main/a%20b/c.yaml",
            "https://codeberg.org/o/r/_edit/main/a%20b/c.yaml",
            "https://codeberg.org/o/r/src/branch/main/a%20b/",
        ),
        (
            "ssh://git@bitbucket.org/o/r.git",
            "https://bitbucket.org/o/r/src/main/a%20b/c.yaml",
            "https://bitbucket.org/o/r/src/main/a%20b/c.yaml?mode=edit",
            "https://bitbucket.org/o/r/src/main/a%20b/",
        ),
        (
            "https://git.example.com:8443/o/r.git",
            "https://git.example.com:8443/o/r/blob/main/a%20b/c.yaml",
            "https://git.example.com:8443/o/r/edit/main/a%20b/c.yaml",
            "https://git.example.com:8443/o/r/tree/main/a%20b/",
        ),
        (
            "https://bob:secret@github.com/o/r",
            "https://github.com/o/r/blob/main/a%20b/c.yaml",
            "https://github.com/o/r/edit/main/a%20b/c.yaml",
            "https://github.com/o/r/tree/main/a%20b/",
        ),
        ("/srv/git/r", None, None, None),
        ("file:///srv/git/r", None, None, None),
        ("nonsense", None, None, None),
    ],
)
def test_a_file_has_its_pages(repository: str, file: str | None, edit: str | None, tree: str | None) -> None:
    assert forges.file_url(repository, "main", "a b/c.yaml") == file
    assert forges.edit_url(repository, "main", "a b/c.yaml") == edit
    assert forges.tree_url(repository, "main", "a b") == tree


def test_the_root_is_a_folder_too() -> None:
    roots = {forges.tree_url("https://github.com/o/r", "main", folder) for folder in ("", ".", "/")}

    assert roots == {"https://github.com/o/r/tree/main/"}


@pytest.mark.parametrize(
    "repository",
    ["https://github.com/o/r", "https://gitlab.com/g/s/r", "https://codeberg.org/o/r", "https://bitbucket.org/o/r"],
)
@pytest.mark.parametrize("page", [forges.file_url, forges.edit_url])
def test_the_page_of_a_file_leads_back_to_it(page: object, repository: str) -> None:
    assert callable(page)

    assert forges.split(page(repository, "main", FILE)) == Address(repository, "main", FILE)


ONE = (
    "https://github.com/o/r",
    "https://github.com/o/r/",
    "https://GitHub.com/O/R.git",
    "https://bob@github.com/o/r.git",
    "https://github.com:443/o/r",
    "git@github.com:o/r.git",
    "ssh://git@github.com/o/r.git",
    "ssh://git@ssh.github.com:443/o/r.git",
)


@pytest.mark.parametrize("a", ONE)
@pytest.mark.parametrize("b", ONE)
def test_one_repository_has_many_addresses(a: str, b: str) -> None:
    assert forges.same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("https://github.com/o/r", "https://github.com/o/r2"),
        ("https://github.com/o/r", "https://gitlab.com/o/r"),
        ("https://git.example.com/o/r", "https://git.example.com/o/R"),  # nobody knows whether that host minds the case
        ("https://git.example.com/o/r", "https://git.example.com:8443/o/r"),
        ("/srv/git/r", "/srv/git/r.git"),
        ("/srv/git/r", "https://srv/git/r"),
        ("", "https://github.com/o/r"),
        ("https://github.com", "https://github.com/"),
    ],
)
def test_two_repositories_are_two(a: str, b: str) -> None:
    assert not forges.same(a, b)
    assert not forges.same(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("/srv/git/r", "/srv/git/r/"),
        ("/srv/git/r", "file:///srv/git/r"),
        ("ssh://git@git.example.com:2222/o/r.git", "https://git.example.com:8443/o/r"),  # each door has its own port
        ("nonsense", "nonsense"),
    ],
)
def test_other_addresses_of_one(a: str, b: str) -> None:
    assert forges.same(a, b)


PIECES = st.sampled_from(
    [
        "https://",
        "github.com",
        "/",
        "o",
        "r",
        "-",
        "blob",
        "src",
        "branch",
        "..",
        "%2F",
        "%00",
        "@",
        ":",
        "[",
        "]",
        "?",
        "\n",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=14).map("".join)))
def test_no_text_makes_an_address_raise(text: str) -> None:
    named = forges.split(text)

    assert named.path is None or not named.path.startswith("/")
    assert forges.same(text, text)
    forges.file_url(text, text, text)
    forges.tree_url(text, text, text)
