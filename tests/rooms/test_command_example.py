"""The example of a deploy by script, read as a portal reads it and carried out with real files."""

from functools import partial
from pathlib import Path

import pytest

from catalog import yamlfile
from catalog.reading import read_only
from catalog.trees import FolderTree
from pipelines import spec
from portal.blocks import BLOCKS
from production.ports import Done, Release, Site
from production.targets.command import CommandTarget
from tests.promises.stage import _git, settled

EXAMPLE = Path(__file__).parents[2] / "examples" / "command"


def test_the_example_is_without_fault() -> None:
    found = read_only(FolderTree(EXAMPLE), BLOCKS, ["catalog-info.yaml"])

    assert [str(problem) for problem in found.problems] == []


@pytest.mark.long
def test_the_example_deploys_goes_back_and_cleans_up(tmp_path: Path) -> None:
    repository, served = tmp_path / "repository", tmp_path / "served"
    (repository / "public").mkdir(parents=True)
    _git(repository, "init", "-q", "-b", "main")
    (repository / "ship.sh").write_bytes((EXAMPLE / "ship.sh").read_bytes())
    (repository / "ship.sh").chmod(0o755)
    revisions = []
    for text in ("first", "second"):
        (repository / "public" / "index.html").write_text(text)
        _git(repository, "add", ".")
        _git(repository, "commit", "-q", "-m", text)
        revisions.append(_git(repository, "rev-parse", "HEAD"))
    (document, _group) = yamlfile.read((EXAMPLE / "catalog-info.yaml").read_bytes(), "f.yaml")[0]
    read, _problems = spec.read(document)
    assert read is not None
    settings = read.environments["production"].target.model_dump(mode="json")
    site = Site("component:default/handbook", "production", {**settings, "env": {"SITE": str(served)}})
    first, second = (Release(number, one, str(repository / ".git")) for number, one in enumerate(revisions, 1))
    target = CommandTarget(tmp_path / "command")

    shown = []
    for release in (first, second, first):  # the last is the way back
        assert isinstance(settled(partial(target.prepare, site, release, 1)), Done)
        assert isinstance(settled(partial(target.start, site, release, 1, 1)), Done)
        shown.append((served / "current" / "index.html").read_text())
    assert isinstance(settled(lambda: target.stop(site, 1, 1)), Done)

    assert shown == ["first", "second", "first"]
    assert sorted(one.name for one in served.iterdir()) == sorted(["current", revisions[0]])
    assert target.output(site, 2) == [f"deploy 2 | {revisions[1]} is served, before it was {revisions[0]}"]
    assert [one.host for one in target.instances(site)] == ["handbook.corner-shop.example"]
