"""The mirror against real repositories, friendly and hostile ones."""

import contextlib
import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from catalog import address
from catalog.git import MAX_FILE, FileChange, Mirror
from ledger.errors import Code, Error
from tests.rooms.sources import Source, mirrored

SECOND = timedelta(seconds=1)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "src" / "checkout")


def test_a_mirror_knows_the_default_branch_and_its_head(source: Source, tmp_path: Path) -> None:
    sha = source.commit("take the basket to a paid order", app_py="print(1)\n")

    mirror = mirrored(source, tmp_path)

    head = mirror.head()
    assert mirror.default_branch == "main"
    assert (head.sha, head.subject, head.author, head.mail) == (
        sha,
        "take the basket to a paid order",
        "Alice",
        "alice@example.org",
    )
    assert head.at == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_fetch_brings_new_commits_and_a_rewritten_branch(source: Source, tmp_path: Path) -> None:
    source.commit("first", a_txt="1")
    mirror = mirrored(source, tmp_path)
    source.git("commit", "-q", "--amend", "-m", "rewritten")

    mirror.fetch()

    assert mirror.head().subject == "rewritten"


def test_a_new_tag_and_a_branch_that_is_gone_are_noticed_though_the_head_stays(source: Source, tmp_path: Path) -> None:
    sha = source.commit("first", a_txt="1")
    source.git("branch", "old")
    mirror = mirrored(source, tmp_path)
    source.git("tag", "v1")
    source.git("branch", "-D", "old")

    mirror.fetch()

    assert mirror.resolve("v1") == sha
    with pytest.raises(Error, match="no revision"):
        mirror.resolve("old")


def test_a_fetch_that_finds_nothing_new_fetches_nothing(source: Source, tmp_path: Path) -> None:
    source.commit("first", a_txt="1")
    source.git("tag", "-a", "v1", "-m", "one")
    mirror = mirrored(source, tmp_path)
    before = sorted((path, path.stat().st_mtime_ns) for path in mirror.path.rglob("*"))

    mirror.fetch()

    assert sorted((path, path.stat().st_mtime_ns) for path in mirror.path.rglob("*")) == before


def test_a_default_branch_that_moves_is_followed(source: Source, tmp_path: Path) -> None:
    source.commit("first", a_txt="1")
    mirror = mirrored(source, tmp_path)
    source.git("checkout", "-q", "-b", "trunk")
    source.commit("second", a_txt="2")

    mirror.fetch()

    assert (mirror.default_branch, mirror.head().subject) == ("trunk", "second")


def test_a_source_with_a_detached_head_has_a_head(source: Source, tmp_path: Path) -> None:
    sha = source.commit("first", a_txt="1")
    source.git("checkout", "-q", "--detach")

    assert mirrored(source, tmp_path).head().sha == sha


def test_a_source_that_another_user_owns_is_read(source: Source, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    sha = source.commit("first", a_txt="1")
    for folder, _folders, files in os.walk(source.path):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(name, 12345, 12345)

    assert mirrored(source, tmp_path).head().sha == sha


def test_a_branch_a_tag_and_the_start_of_a_sha_resolve_to_the_full_one(source: Source, tmp_path: Path) -> None:
    sha = source.commit("first", a_txt="1")
    source.git("tag", "-a", "v1", "-m", "one")
    mirror = mirrored(source, tmp_path)

    assert [mirror.resolve(text) for text in ("main", "v1", sha[:8], sha, "HEAD")] == [sha] * 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-x",
        "--upload-pack=touch /tmp/x",
        "--output=x",
        "main..dev",
        "^main",
        "a b",
        "a\nb",
        "a\0b",
        ":/fix",
        "HEAD:x",
        "x" * 300,
    ],
)
def test_what_cannot_be_a_revision_is_refused_before_git_sees_it(source: Source, tmp_path: Path, text: str) -> None:
    source.commit("first", a_txt="1")

    with pytest.raises(Error) as refused:
        mirrored(source, tmp_path).resolve(text)

    assert refused.value.code is Code.INVALID
    assert "give a branch, a tag or a commit" in refused.value.message


def test_an_option_like_branch_of_the_source_does_no_harm(source: Source, tmp_path: Path) -> None:
    sha = source.commit("first", a_txt="1")
    source.git("update-ref", "refs/heads/--output=pwned", sha)

    mirror = mirrored(source, tmp_path)

    assert mirror.head().sha == sha
    with pytest.raises(Error, match="cannot be a revision"):
        mirror.resolve("--output=pwned")


def test_an_unknown_revision_says_what_was_probably_meant(source: Source, tmp_path: Path) -> None:
    source.commit("first", a_txt="1")
    source.git("branch", "release-2026")

    with pytest.raises(Error) as refused:
        mirrored(source, tmp_path).resolve("relaese-2026")

    assert refused.value.code is Code.NOT_FOUND
    assert refused.value.message == 'there is no revision "relaese-2026" in checkout; did you mean "release-2026"?'


def test_a_file_is_read_at_its_revision(source: Source, tmp_path: Path) -> None:
    old = source.commit("first", a_txt="1", deep__b_txt="two")
    source.commit("second", a_txt="changed")
    mirror = mirrored(source, tmp_path)

    assert mirror.read(old, "a.txt") == b"1"
    assert mirror.read(old, "deep/b.txt") == b"two"
    assert mirror.read(old, "deep") is None
    assert mirror.read(old, "nowhere.txt") is None
    assert mirror.read(old, "../a.txt") is None


def test_a_huge_file_is_not_read(source: Source, tmp_path: Path) -> None:
    sha = source.commit("first", **{"catalog-info_yaml": b"x" * (MAX_FILE + 1), "deep__catalog-info_yaml": "a: 1"})
    mirror = mirrored(source, tmp_path)

    with pytest.raises(Error, match="at most 1 MiB"):
        mirror.read(sha, "catalog-info.yaml")
    assert mirror.files(sha, {"catalog-info.yaml"}) == {"catalog-info.yaml": None, "deep/catalog-info.yaml": b"a: 1"}


def test_files_of_a_name_are_found_everywhere_root_first_and_only_so_many(source: Source, tmp_path: Path) -> None:
    source.commit("first", **{f"d{number}__catalog-info_yaml": f"n: {number}\n" for number in range(5)})
    (source.path / "catalog-info.yml").symlink_to("/etc/passwd")
    sha = source.commit("second", **{"catalog-info_yaml": "", "other_yaml": "no"})

    found = mirrored(source, tmp_path).files(sha, {"catalog-info.yaml", "catalog-info.yml"}, limit=3)

    assert found == {"catalog-info.yaml": b"", "d0/catalog-info.yaml": b"n: 0\n", "d1/catalog-info.yaml": b"n: 1\n"}


def test_commits_come_newest_first_with_the_lines_of_each_file(source: Source, tmp_path: Path) -> None:
    base = source.commit("base", a_txt="1\n2\n3\n", old_txt="same\n" * 20, logo_png=b"\0\1")
    source.commit("one", a_txt="1\nchanged\n3\nnew\n", logo_png=b"\0\2")
    (source.path / "old.txt").rename(source.path / "name with\ttab.txt")
    source.commit("two: subject with  and ü")
    head = source.commit("nothing changed")

    found = mirrored(source, tmp_path).commits(base, head)

    assert [(commit.subject, commit.files) for commit in found] == [
        ("nothing changed", ()),
        ("two: subject with  and ü", (FileChange("name with\ttab.txt", 0, 0),)),
        ("one", (FileChange("a.txt", 2, 1), FileChange("logo.png", 0, 0))),
    ]


def test_commits_without_a_base_reach_the_first_one_and_keep_the_limit(source: Source, tmp_path: Path) -> None:
    source.commit("one", a_txt="1\n")
    head = source.commit("two", a_txt="2\n")
    mirror = mirrored(source, tmp_path)

    assert [commit.subject for commit in mirror.commits(None, head)] == ["two", "one"]
    assert [commit.subject for commit in mirror.commits(None, head, limit=1)] == ["two"]
    assert mirror.commits(head, head) == []


def test_a_merge_and_a_date_outside_the_calendar_are_read(source: Source, tmp_path: Path) -> None:
    base = source.commit("base", a_txt="1\n")
    source.git("checkout", "-q", "-b", "side")
    source.commit("side", b_txt="1\n")
    source.git("checkout", "-q", "main")
    source.commit("main", c_txt="1\n")
    source.git("merge", "-q", "--no-edit", "side")
    tree = source.git("rev-parse", "HEAD^{tree}")
    parent, late = source.git("rev-parse", "HEAD"), "A <a> 99999999999999 +0000"
    raw = f"tree {tree}\nparent {parent}\nauthor {late}\ncommitter {late}\n\nlate\n"
    sha = source.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    source.git("update-ref", "refs/heads/main", sha)

    found = mirrored(source, tmp_path).commits(base, sha)

    assert [commit.subject for commit in found][:2] == ["late", "Merge branch 'side'"]
    assert {commit.subject for commit in found[2:]} == {"side", "main"}


def test_ancestors_are_told_from_others(source: Source, tmp_path: Path) -> None:
    old = source.commit("one", a_txt="1")
    new = source.commit("two", a_txt="2")
    mirror = mirrored(source, tmp_path)

    assert mirror.is_ancestor(old, new)
    assert not mirror.is_ancestor(new, old)
    with pytest.raises(Error, match="no revision"):
        mirror.is_ancestor("0" * 40, new)


def test_an_export_is_a_clean_tree_without_git(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", app_py="print(1)\n", deep__run_sh="#!/bin/sh\n")
    (source.path / "deep/run.sh").chmod(0o755)
    (source.path / "link").symlink_to("deep/run.sh")
    sha = source.commit("two")

    mirrored(source, tmp_path).export(sha, tmp_path / "out" / sha)

    out = tmp_path / "out" / sha
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == ["app.py", "deep", "deep/run.sh", "link"]
    assert (out / "link").read_text() == "#!/bin/sh\n"
    assert os.access(out / "deep/run.sh", os.X_OK)
    assert [path.name for path in out.parent.iterdir()] == [sha]  # nothing left beside it


def test_an_export_into_a_folder_that_is_there_changes_nothing(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", app_py="print(1)\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")

    with pytest.raises(Error) as refused:
        mirrored(source, tmp_path).export(sha, tmp_path / "out")

    assert refused.value.code is Code.CONFLICT
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "deep/../../.."])
def test_a_link_that_leads_out_of_the_tree_is_refused(source: Source, tmp_path: Path, target: str) -> None:
    source.commit("one", deep__a_txt="1")
    (source.path / "link").symlink_to(target)
    sha = source.commit("two")

    with pytest.raises(Error, match="link is a link that leads out of the repository"):
        mirrored(source, tmp_path).export(sha, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_forged_tree_with_a_link_and_a_folder_of_one_name_writes_nothing_outside(
    source: Source, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    source.commit("one", a_txt="1")
    link = source.git("hash-object", "-w", "--stdin", stdin=str(outside))
    below = source.git("mktree", stdin=f"100644 blob {source.git('rev-parse', 'HEAD:a.txt')}\tb\n")
    raw = b"120000 a\0" + bytes.fromhex(link) + b"40000 a\0" + bytes.fromhex(below)
    (tmp_path / "tree").write_bytes(raw)
    tree = source.git("hash-object", "-t", "tree", "-w", "--literally", str(tmp_path / "tree"))
    sha = source.git("commit-tree", "-m", "forged", tree)
    source.git("update-ref", "refs/heads/main", sha)

    with contextlib.suppress(Error):  # git may refuse the tree or keep one of the two; both are well
        mirrored(source, tmp_path).export(sha, tmp_path / "out")

    assert list(outside.iterdir()) == []
    assert not (tmp_path / "out" / "a").is_symlink()


def test_a_submodule_is_not_followed(source: Source, tmp_path: Path) -> None:
    source.commit("one", a_txt="1")
    (source.path / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ext::touch /tmp/pwned\n')
    source.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},x")
    source.git("add", ".gitmodules")
    source.git("commit", "-q", "-m", "two")
    sha = source.git("rev-parse", "HEAD")

    mirrored(source, tmp_path).export(sha, tmp_path / "out")

    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) in (
        [".gitmodules", "a.txt"],
        [".gitmodules", "a.txt", "x"],
    )


def test_hooks_and_filters_of_a_source_never_run(source: Source, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for hook in ("post-checkout", "reference-transaction", "pre-receive"):
        path = source.path / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {hook} >>{marker}\n")
        path.chmod(0o755)
    source.git("config", "uploadpack.packObjectsHook", f"sh -c 'touch {marker}; exec \"$@\"' --")
    source.git("config", "filter.evil.smudge", f"touch {marker}")
    sha = source.commit("one", **{"_gitattributes": "* filter=evil\n", "a_txt": "1"})
    marker.unlink(missing_ok=True)  # the developer's own commit ran the hooks

    mirrored(source, tmp_path).export(sha, tmp_path / "out")

    assert not marker.exists()


def test_a_repository_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Error) as gone:
        Mirror.clone(str(tmp_path / "nowhere"), tmp_path / "mirrors" / "1", roots=[tmp_path])

    assert gone.value.code is Code.UNAVAILABLE
    assert gone.value.message.startswith(f"there is no repository at {tmp_path}/nowhere; check the address")
    assert not (tmp_path / "mirrors" / "1").exists()


def test_a_mirror_outlives_its_source(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", a_txt="1")
    mirror = mirrored(source, tmp_path)
    source.path.rename(tmp_path / "moved")

    with pytest.raises(Error, match="there is no repository"):
        mirror.fetch()
    assert mirror.read(sha, "a.txt") == b"1"


def test_an_empty_repository_is_a_sentence(source: Source, tmp_path: Path) -> None:
    with pytest.raises(Error, match="has no commit yet; push one"):
        mirrored(source, tmp_path)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_host_that_never_answers_is_given_up(silent_port: int, tmp_path: Path) -> None:
    url = f"https://bob:hunter2@127.0.0.1:{silent_port}/shop/checkout.git"

    with pytest.raises(Error) as gone:
        Mirror.clone(url, tmp_path / "1", timeout=SECOND)

    assert gone.value.code is Code.UNAVAILABLE
    assert "did not answer within 1 s" in gone.value.message
    assert "hunter2" not in gone.value.message + gone.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/pwned",
        "fd::17/foo",
        "git://example.org/a.git",
        "http://example.org/a.git",
        "ftp://example.org/a.git",
        "ssh://-oProxyCommand=touch/a",
        "-oProxyCommand=x@host:path",
        "bob@host:-x",
        "https://exa mple.org",
        "https:///nothing",
        "https://example.org:99999/a.git",
        "https://[broken/a.git",
        "relative/path",
        "file:///etc",
        "/etc",
        "{root}/../../etc",
        "https://example.org/a\n.git",
    ],
)
def test_an_address_that_is_not_allowed_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Error) as refused:
        Mirror.clone(url.replace("{root}", str(tmp_path)), tmp_path / "1", roots=[tmp_path])

    assert refused.value.code is Code.INVALID


@pytest.mark.parametrize(
    "url", ["https://example.org/a.git", "ssh://git@example.org:2222/a.git", "git@example.org:shop/a.git"]
)
def test_https_and_ssh_are_allowed(url: str) -> None:
    assert address.checked(url) == url


def test_local_paths_need_leave(tmp_path: Path) -> None:
    with pytest.raises(Error, match="local repositories are not allowed here"):
        address.checked(str(tmp_path))
    assert address.checked(f"file://{tmp_path}", [tmp_path]) == str(tmp_path)


def test_a_damaged_mirror_is_cloned_anew(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", a_txt="1" * 1000)
    mirror = mirrored(source, tmp_path)
    for path in (mirror.path / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"rot")
    with pytest.raises(Error, match="sync the repository again"):
        mirror.read(sha, "a.txt")

    mirror.fetch()

    assert mirror.read(sha, "a.txt") == b"1" * 1000


def test_a_folder_that_is_no_mirror_becomes_one(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", a_txt="1")
    (tmp_path / "mirrors" / "1").mkdir(parents=True)

    assert mirrored(source, tmp_path).head().sha == sha


def test_a_fetch_that_waits_too_long_for_another_says_so(source: Source, tmp_path: Path) -> None:
    source.commit("one", a_txt="1")
    mirror = mirrored(source, tmp_path)

    with (tmp_path / "mirrors" / "1.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Error, match="another worker is fetching"):
            mirror.fetch(timeout=timedelta(milliseconds=100))


def _fetch_often(source: str, path: Path, root: Path) -> None:
    for _ in range(3):
        Mirror.clone(source, path, roots=[root])


def test_two_processes_that_fetch_at_once_leave_a_whole_mirror(source: Source, tmp_path: Path) -> None:
    sha = source.commit("one", a_txt="1")
    path = tmp_path / "mirrors" / "1"
    context = get_context("fork" if threading.active_count() == 1 else "spawn")
    both = [context.Process(target=_fetch_often, args=(str(source.path), path, tmp_path)) for _ in range(2)]

    for process in both:
        process.start()
    for process in both:
        process.join(60)

    assert [process.exitcode for process in both] == [0, 0]
    assert Mirror(path).read(sha, "a.txt") == b"1"
