"""Repositories that mean harm, and what is left of them: a sentence, in time, and what was there before."""

import os
import random
from pathlib import Path

import pytest

from catalog import gitaccess, gitfetch, listing
from catalog.git import Mirror
from ledger.clock import stopwatch
from ledger.errors import Code, Error
from tests.rooms.sources import Source, mirrored

MIB = 1024 * 1024


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "src" / "checkout")


def noise(size: int) -> bytes:
    """Bytes that cannot be made smaller."""
    return random.Random(1).randbytes(size)


def test_a_link_named_like_a_catalog_file_is_not_followed(source: Source, tmp_path: Path) -> None:
    (source.path / "catalog-info.yaml").symlink_to("/etc/passwd")
    (source.path / "deep").symlink_to("/etc")
    sha = source.commit("one", a_txt="1")
    mirror = mirrored(source, tmp_path, depth=1)

    assert mirror.read(sha, "catalog-info.yaml") is None
    assert mirror.read(sha, "deep/passwd") is None
    assert mirror.files(sha, {"catalog-info.yaml"}) == {}
    assert mirror.tree(sha).left_out == {
        "catalog-info.yaml": "it is a link, and links are not followed",
        "deep": "it is a link, and links are not followed",
    }


def test_a_submodule_is_left_out_with_its_reason(source: Source, tmp_path: Path) -> None:
    source.commit("one", a_txt="1")
    source.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/x")
    source.git("commit", "-q", "-m", "two")
    sha = source.git("rev-parse", "HEAD")

    tree = mirrored(source, tmp_path, depth=1).tree(sha)

    assert sorted(tree.files) == ["a.txt"]
    assert tree.left_out == {"vendor/x": "it is a submodule, which is not followed"}


@pytest.mark.parametrize(
    ("name", "shown", "why"),
    [
        (b"a\nb/catalog-info.yaml", "a�b/catalog-info.yaml", "its name holds a line break or another control sign"),
        (b"a\x1b[2J.yaml", "a�[2J.yaml", "its name holds a line break or another control sign"),
        ("a\u2028b.yaml".encode(), "a�b.yaml", "its name holds a line break or another control sign"),
        (b"caf\xe9.yaml", "caf�.yaml", "its name is no UTF-8"),
        (b"/".join([b"d" * 200] * 6), "/".join(["d" * 200] * 6)[:1000] + "…", "its path is longer than 1000 letters"),
    ],
)
def test_a_path_that_nobody_could_read_is_left_out(
    source: Source, tmp_path: Path, name: bytes, shown: str, why: str
) -> None:
    path = os.fsencode(source.path) + b"/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(os.fsdecode(path)).write_text("a: 1\n")
    sha = source.commit("odd", good_yaml="b: 1\n")
    mirror = mirrored(source, tmp_path, depth=1)

    tree = mirror.tree(sha)

    assert sorted(tree.files) == ["good.yaml"]
    assert tree.left_out == {shown: why}
    assert mirror.read(sha, os.fsdecode(name)) is None


@pytest.mark.parametrize("path", ["a\0b", "\udcff", "\n", "x" * 5000, "", ".", "..", "/etc/passwd"])
def test_a_path_that_cannot_be_one_is_no_file(source: Source, tmp_path: Path, path: str) -> None:
    sha = source.commit("one", a_txt="1")

    assert mirrored(source, tmp_path).read(sha, path) is None


@pytest.mark.parametrize("name", ["--upload-pack=x", "-x", ":(glob)*", "*", "a b"])
def test_a_file_with_a_name_like_an_option_is_a_file(source: Source, tmp_path: Path, name: str) -> None:
    (source.path / name).write_text("mine")
    sha = source.commit("one", a_txt="1")
    mirror = mirrored(source, tmp_path, depth=1)

    assert mirror.read(sha, name) == b"mine"
    assert name in mirror.tree(sha).files


def test_a_file_of_fifty_megabytes_is_listed_and_never_read(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", **{"catalog-info_yaml": b"\0" * 50 * MIB, "deep__catalog-info_yaml": b"a: 1"})
    mirror = mirrored(source, tmp_path, depth=1)

    with pytest.raises(Error, match=r"catalog-info\.yaml has 50 MiB; at most 1 MiB is read"):
        mirror.read(sha, "catalog-info.yaml")
    assert mirror.files(sha, {"catalog-info.yaml"}) == {"catalog-info.yaml": None, "deep/catalog-info.yaml": b"a: 1"}


def _many(source: Source, number: int) -> str:
    """Commit that many files without writing each to the disk."""
    blob = source.git("hash-object", "-w", "--stdin", stdin="a: 1\n")
    tree = source.git("mktree", stdin="".join(f"100644 blob {blob}\tf{n:06}\n" for n in range(number)))
    sha = source.git("commit-tree", "-m", "many", tree)
    source.git("update-ref", "refs/heads/main", sha)
    return sha


def test_a_tree_of_20_000_files_is_listed(source: Source, tmp_path: Path) -> None:
    sha = _many(source, 20_000)

    assert len(mirrored(source, tmp_path, depth=1).listing(sha)) == 20_000


def test_a_tree_of_too_many_files_is_a_sentence(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = _many(source, 1001)
    mirror = mirrored(source, tmp_path, depth=1)
    monkeypatch.setattr(listing, "MAX_FILES", 1000)

    with pytest.raises(Error) as refused:
        mirror.tree(sha)

    assert refused.value.code is Code.INVALID
    assert refused.value.message == "checkout has more than 1000 files; a repository of that size is not read"


def test_a_tree_that_names_itself_over_and_over_ends_in_time(source: Source, tmp_path: Path) -> None:
    tree = source.git("hash-object", "-w", "--stdin", stdin="a: 1\n")
    kind = "100644 blob"
    for _ in range(10):  # 10 folders in each of 10 folders, ten times: 10,000,000,000 files in ten small objects
        tree = source.git("mktree", stdin="".join(f"{kind} {tree}\td{n}\n" for n in range(10)))
        kind = "040000 tree"
    sha = source.git("commit-tree", "-m", "bomb", tree)
    source.git("update-ref", "refs/heads/main", sha)
    spent = stopwatch()

    mirror = mirrored(source, tmp_path, depth=1)
    mirror.fetch()

    with pytest.raises(Error, match="checkout has more files than can be looked through"):
        mirror.tree(sha)
    assert spent().total_seconds() < 60  # it would take days


def test_a_repository_larger_than_allowed_leaves_nothing_behind(source: Source, tmp_path: Path) -> None:
    source.commit("one", a_bin=noise(3 * MIB))

    with pytest.raises(Error) as refused:
        Mirror.clone(str(source.path), tmp_path / "m" / "1", roots=[tmp_path], most=MIB)

    assert refused.value.code is Code.INVALID
    assert refused.value.message == (
        f"{source.path} holds more than 1 MiB, the most that is fetched; make its history smaller"
    )
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["1.lock"]


def test_a_repository_that_grows_too_large_keeps_what_is_known(source: Source, tmp_path: Path) -> None:
    old = source.commit("one", a_txt="1")
    mirror = Mirror.clone(str(source.path), tmp_path / "m" / "1", roots=[tmp_path], most=MIB, depth=1)
    source.commit("two", a_bin=noise(3 * MIB))

    for _ in range(2):
        with pytest.raises(Error, match="holds more than 1 MiB"):
            mirror.fetch(depth=1)

        assert (mirror.head().sha, mirror.read(old, "a.txt")) == (old, b"1")
    assert not [path for path in mirror.path.rglob("*") if path.name.startswith("tmp_") or path.suffix == ".lock"]


def test_a_history_too_large_to_deepen_leaves_the_shallow_mirror(source: Source, tmp_path: Path) -> None:
    source.commit("large", a_bin=noise(3 * MIB))
    head = source.commit("small again", a_bin=b"")
    mirror = Mirror.clone(str(source.path), tmp_path / "m" / "1", roots=[tmp_path], most=MIB, depth=1)

    with pytest.raises(Error, match="holds more than 1 MiB"):
        mirror.deepen()

    assert (mirror.is_shallow, mirror.head().sha) == (True, head)


def test_a_lock_that_a_killed_git_left_is_in_the_way_only_once(source: Source, tmp_path: Path) -> None:
    source.commit("one", a_txt="1")
    mirror = mirrored(source, tmp_path, depth=1)
    for left in ("shallow.lock", "refs/heads/main.lock", "packed-refs.lock"):
        (mirror.path / left).touch()
    source.commit("two", a_txt="2")

    with pytest.raises(Error, match="cannot be read"):
        mirror.fetch(depth=1)
    mirror.fetch(depth=1)

    assert mirror.head().subject == "two"


@pytest.mark.parametrize(
    "branch", ["refs/heads/x:refs/heads/y", "refs/heads/*", "refs/tags/v1", "refs/heads/a b", "-x"]
)
def test_a_default_branch_that_is_none_is_not_made_a_refspec(branch: str) -> None:
    assert gitfetch.branch_of(branch) == ""


@pytest.mark.parametrize(
    ("value", "written"),
    [("/a b", '"/a b"'), ('/a"b', '"/a\\"b"'), ("/a\\b", '"/a\\\\b"'), ("/a\n[core]", '"/a\\n[core]"')],
)
def test_a_value_cannot_leave_its_line_of_the_configuration(value: str, written: str) -> None:
    assert gitaccess.quoted(value) == written
