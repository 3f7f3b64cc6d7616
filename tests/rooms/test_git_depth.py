"""How much of a repository is fetched, and what asking again costs."""

import shutil
import stat
from pathlib import Path

import pytest

from catalog.git import Mirror
from ledger.errors import Error
from tests.rooms.sources import Source, mirrored


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Three commits, a tag and a side branch."""
    made = Source(tmp_path / "src" / "checkout")
    made.commit("first", a_txt="1")
    made.git("tag", "v1")
    made.git("branch", "side")
    made.commit("second", a_txt="2")
    made.commit("third", a_txt="3")
    return made


def test_a_shallow_mirror_has_the_head_of_the_default_branch_and_no_more(source: Source, tmp_path: Path) -> None:
    mirror = mirrored(source, tmp_path, depth=1)

    head = mirror.head()
    assert mirror.is_shallow
    assert (mirror.default_branch, head.subject, mirror.read(head.sha, "a.txt")) == ("main", "third", b"3")
    assert [commit.subject for commit in mirror.commits(None, head.sha)] == ["third"]
    for missing in ("v1", "side"):
        with pytest.raises(Error, match="no revision"):
            mirror.resolve(missing)


def test_deepening_brings_every_branch_tag_and_commit(source: Source, tmp_path: Path) -> None:
    mirror = mirrored(source, tmp_path, depth=1)

    for _ in range(2):  # the second time finds nothing to do
        mirror.deepen()

        assert not mirror.is_shallow
        assert [commit.subject for commit in mirror.commits(None, mirror.head().sha)] == ["third", "second", "first"]
        assert mirror.resolve("v1") == mirror.resolve("side")


def test_a_whole_mirror_stays_whole(source: Source, tmp_path: Path) -> None:
    mirrored(source, tmp_path)
    source.commit("fourth", a_txt="4")
    source.git("tag", "v4")

    mirror = mirrored(source, tmp_path, depth=1)

    assert not mirror.is_shallow
    assert len(mirror.commits(None, mirror.resolve("v4"))) == 4


def test_a_mirror_from_before_there_were_notes_is_whole(source: Source, tmp_path: Path) -> None:
    mirror = mirrored(source, tmp_path)
    (mirror.path / "fullcycle.json").unlink()

    assert not mirror.is_shallow
    assert mirror.head().subject == "third"
    assert not mirrored(source, tmp_path, depth=1).is_shallow


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"head": 1}', '{"listed": "", "whole": true, "branch": ""}'])
def test_a_note_that_cannot_be_read_is_written_anew(source: Source, tmp_path: Path, garbage: str) -> None:
    mirror = mirrored(source, tmp_path)
    (mirror.path / "fullcycle.json").write_text(garbage)
    source.commit("fourth", a_txt="4")

    mirror.fetch()

    assert mirror.head().subject == "fourth"


def test_a_shallow_mirror_follows_its_branch(source: Source, tmp_path: Path) -> None:
    mirror = mirrored(source, tmp_path, depth=1)
    source.git("commit", "-q", "--amend", "-m", "rewritten")

    mirror.fetch(depth=1)

    assert (mirror.head().subject, mirror.is_shallow) == ("rewritten", True)


def test_a_shallow_mirror_follows_when_another_branch_becomes_the_default(source: Source, tmp_path: Path) -> None:
    mirror = mirrored(source, tmp_path, depth=1)
    source.git("checkout", "-q", "-b", "trunk")
    sha = source.commit("fourth", a_txt="4")

    mirror.fetch(depth=1)

    assert (mirror.default_branch, mirror.resolve("trunk")) == ("trunk", sha)
    with pytest.raises(Error, match="no revision"):
        mirror.resolve("main")


def test_a_repository_of_one_commit_is_shallow_until_it_is_deepened(tmp_path: Path) -> None:
    source = Source(tmp_path / "src")
    sha = source.commit("only", a_txt="1")
    source.git("tag", "v1")
    mirror = mirrored(source, tmp_path, depth=1)
    assert mirror.is_shallow

    mirror.deepen()

    assert (mirror.is_shallow, mirror.resolve("v1")) == (False, sha)


def test_a_source_that_is_shallow_itself_is_taken_as_it_is(source: Source, tmp_path: Path) -> None:
    half = Source(tmp_path / "half")
    half.git("fetch", "-q", "--depth=1", f"file://{source.path}", "main:main", "--update-head-ok")

    mirror = mirrored(half, tmp_path)

    assert [commit.subject for commit in mirror.commits(None, mirror.head().sha)] == ["third"]
    assert not mirror.is_shallow


def test_a_detached_head_is_fetched_alone(source: Source, tmp_path: Path) -> None:
    source.git("checkout", "-q", "--detach", "HEAD~1")

    assert mirrored(source, tmp_path, depth=1).head().subject == "second"


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which every start of git by the portal leaves a line."""
    real = shutil.which("git")
    calls, fake = tmp_path / "calls", tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$*" >>{calls}\nexec {real} "$@"\n')
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")
    return calls


@pytest.mark.parametrize("depth", [1, None])
def test_an_unchanged_repository_costs_one_question_to_its_source(
    source: Source, tmp_path: Path, counted: Path, depth: int | None
) -> None:
    mirrored(source, tmp_path, depth)
    counted.unlink()

    mirror = mirrored(source, tmp_path, depth)

    assert (mirror.head().subject, mirror.default_branch) == ("third", "main")
    (call,) = counted.read_text().splitlines()
    assert " ls-remote " in call


def test_another_process_reads_the_head_without_git(source: Source, tmp_path: Path, counted: Path) -> None:
    path = mirrored(source, tmp_path).path
    counted.unlink()

    assert Mirror(path).head().subject == "third"
    assert not counted.exists()


@pytest.mark.parametrize("depth", [1, None])
def test_a_mirror_that_stands_where_another_was_has_nothing_of_it(
    source: Source, tmp_path: Path, depth: int | None
) -> None:
    mirrored(source, tmp_path)
    other = Source(tmp_path / "src" / "ledger")
    other.commit("begin the ledger", b_txt="1")

    mirror = mirrored(other, tmp_path, depth)

    assert (mirror.head().subject, mirror.is_shallow) == ("begin the ledger", depth == 1)
    with pytest.raises(Error, match="no revision"):
        mirror.resolve("v1")


def test_a_mirror_that_is_removed_is_gone_and_can_be_made_anew(source: Source, tmp_path: Path) -> None:
    mirror = mirrored(source, tmp_path)

    for _ in range(2):
        mirror.remove()
        assert not mirror.path.exists()

    assert mirrored(source, tmp_path, depth=1).is_shallow
