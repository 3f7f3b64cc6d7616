"""The files of one revision: a mirror's, a folder's and given ones are read alike, and links lead nowhere."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from catalog import locations
from catalog.git import Mirror
from catalog.reading import read
from catalog.trees import DictTree, FolderTree, MirrorTree, Tree
from catalog.yamlfile import MAX_BYTES

COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: checkout}
spec: {type: openapi, lifecycle: production, definition: {$text: ./deep/api.json}}
"""
LOCATION = """\
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: all}
spec: {targets: [/link.yaml, ../linked/api.yaml, "/**/*.yaml"]}
"""
FILES = {
    ".github/CODEOWNERS": b"* @shop/payments\n",
    "catalog-info.yaml": COMPONENT.encode(),
    "deep/api.json": b"{}\r\n",
    "deep/empty": b"",
    "large.yaml": b"#" * (MAX_BYTES + 1),
    "web/catalog-info.yaml": LOCATION.encode(),
}
LINKS = {"link.yaml", "linked", "inner.yaml", "dangling", "web/deep/catalog-info.yaml"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with every kind of link that leads out of it."""
    made = tmp_path / "repository"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "api.yaml").write_text("secret: 1")
    for path, text in FILES.items():
        file = made / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    (made / "link.yaml").symlink_to(outside / "api.yaml")
    (made / "linked").symlink_to(outside)
    (made / "inner.yaml").symlink_to("catalog-info.yaml")
    (made / "dangling").symlink_to("nowhere")
    (made / "web/deep").mkdir()
    (made / "web/deep/catalog-info.yaml").symlink_to("../catalog-info.yaml")
    (made / "odd \n name").write_bytes(b"")
    return made


@pytest.fixture
def mirror(folder: Path, tmp_path: Path) -> MirrorTree:
    def run(*arguments: str) -> None:
        who = ["-c", "user.name=alice", "-c", "user.email=alice@example.org"]
        subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)

    run("init", "-q", "-b", "main")
    run("add", "-A")
    run("update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",module")
    run("commit", "-q", "-m", "all")
    made = Mirror.clone(str(folder), tmp_path / "mirror", roots=[tmp_path])
    return MirrorTree(made, made.head().sha)


def trees(folder: Path, mirror: MirrorTree) -> list[Tree]:
    return [mirror, FolderTree(folder), DictTree(FILES)]


def test_only_regular_files_are_there(folder: Path, mirror: MirrorTree) -> None:
    for tree in trees(folder, mirror):
        assert list(tree.paths()) == sorted(FILES)
    assert mirror.left_out().items() >= FolderTree(folder).left_out().items()
    assert mirror.left_out()["module"] == "it is a submodule, which is not followed"
    assert {path for path, why in FolderTree(folder).left_out().items() if "link" in why} == LINKS


def test_what_is_not_there_is_left_out_and_what_is_too_large_is_none(folder: Path, mirror: MirrorTree) -> None:
    asked = ["no", "link.yaml", "linked/api.yaml", "inner.yaml", "module", "deep", "", ".", "..", "../outside/api.yaml"]
    asked += ["/etc/passwd", "deep/../catalog-info.yaml", ".git/config", "a\0b", *FILES]
    for tree in trees(folder, mirror):
        assert tree.read(asked) == {**FILES, "large.yaml": None}
        assert tree.read(["large.yaml"], MAX_BYTES + 1) == {"large.yaml": FILES["large.yaml"]}
        assert tree.read([]) == {}


def test_every_tree_says_the_same(folder: Path, mirror: MirrorTree) -> None:
    found = [read(tree, {}) for tree in (mirror, FolderTree(folder))]

    assert [str(entity.ref) for entity in found[0].entities] == ["api:default/checkout", "location:default/all"]
    assert found[0].entities[0].spec["definition"] == "{}\r\n"
    assert found[0].owner_sources == {"api:default/checkout": ".github/CODEOWNERS:1"}
    assert [problem.message for problem in found[0].problems] == [
        "the file is larger than 1 MiB",
        'target: "/link.yaml" is not read: it is a link, and links are not followed',
        'target: "../linked/api.yaml" is not read: it is a link, and links are not followed',
        "the file is not read: it is a link, and links are not followed",
    ]
    assert found[1].problems == found[0].problems
    assert [entity.spec for entity in found[1].entities] == [entity.spec for entity in found[0].entities]


def test_a_mirror_is_read_by_few_processes(mirror: MirrorTree, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    run = Mirror._run

    def counted(self: Mirror, *arguments: str, **how: Any) -> bytes:
        ran.append(arguments[0])
        return run(self, *arguments, **how)

    monkeypatch.setattr(Mirror, "_run", counted)

    read(mirror, {})

    assert ran == ["ls-tree", "cat-file", "cat-file", "cat-file"]  # the list, catalog files, what they name, CODEOWNERS


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "catalog-info.yaml")

    assert FolderTree(tmp_path).paths() == ()
    assert FolderTree(tmp_path).read(["catalog-info.yaml"]) == {}


def test_a_folder_that_is_reached_by_a_link_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(folder)

    assert FolderTree(tmp_path / "short").read(["deep/empty"]) == {"deep/empty": b""}
    assert locations.Files(FolderTree(tmp_path / "short").paths()).has_folder("deep")
