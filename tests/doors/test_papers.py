"""What there is to read for an entity: the runbook that it names or that lies beside it, and its README."""

from pathlib import Path
from typing import Any

import pytest

from catalog import actions
from catalog.git import Mirror
from catalog.places import Place
from portal import papers
from tests.doors.served import git
from tests.doors.test_entitybands import about, page

FORGE = "https://github.com/shop/ledger"
FILES = {
    "README.md": "# Root\n\n[more](docs/more.md)",
    "RUNBOOK.md": "# Root runbook",
    "ledger/Readme.MD": "# Ledger",
    "ledger/docs/runbook.md": "# Ledger runbook",
    "books/on-fire.md": "# Fire",
    "plain/README": "<b>plain</b>",
    "binary/README.md": "a\0b",
    "large/README.md": "x" * (papers.LARGEST + 1),
}


@pytest.fixture(scope="module")
def mirrors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    source = folder / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    (source / "linked").mkdir()
    (source / "linked/README.md").symlink_to("/etc/hostname")
    git(source, "add", ".")
    git(source, "commit", "-q", "-m", "all")
    Mirror.clone(str(source), actions.mirror(1, folder / "mirrors").path, roots=(folder,))
    return folder / "mirrors"


def read(mirrors: Path, folder: str = "", *, links: Any = None, oncall: Any = None) -> papers.Papers:
    head = Mirror(actions.mirror(1, mirrors).path).head().sha
    place = Place(f"{folder}/catalog-info.yaml".lstrip("/"), 1, 1)
    document = {"metadata": {"links": links}, "spec": {"oncall": oncall}}
    told = about(place=place, revision=head, repository_url=FORGE, branch="main", repository_id=1)
    return papers.papers(mirrors, page(told, document=document))


def paths(found: papers.Papers) -> dict[str, str]:
    return {paper.title: paper.path for paper in found.found}


def test_what_lies_beside_the_catalog_file_goes_before_what_lies_at_the_root(mirrors: Path) -> None:
    assert paths(read(mirrors)) == {"Runbook": "RUNBOOK.md", "README": "README.md"}
    assert paths(read(mirrors, "ledger")) == {"Runbook": "ledger/docs/runbook.md", "README": "ledger/Readme.MD"}
    assert paths(read(mirrors, "books")) == {"Runbook": "RUNBOOK.md", "README": "README.md"}


def test_a_runbook_that_is_named_goes_before_all_and_may_be_an_address_of_the_same_repository(mirrors: Path) -> None:
    inside = f"{FORGE}/blob/main/books/on-fire.md"

    assert paths(read(mirrors, "books", oncall={"runbook": "on-fire.md"}))["Runbook"] == "books/on-fire.md"
    assert paths(read(mirrors, oncall={"runbook": inside}))["Runbook"] == "books/on-fire.md"
    assert paths(read(mirrors, links=[{"url": inside, "title": "The runbook"}]))["Runbook"] == "books/on-fire.md"


def test_a_runbook_elsewhere_is_a_link_and_an_unsafe_one_is_none(mirrors: Path) -> None:
    elsewhere = read(mirrors, oncall={"runbook": "https://wiki.example/ledger"})

    assert elsewhere.runbook == "https://wiki.example/ledger"
    assert "Runbook" not in paths(elsewhere)
    assert read(mirrors, oncall={"runbook": "javascript:alert(1)"}).runbook == ""


@pytest.mark.parametrize("odd", ["../../etc/passwd", "/etc/passwd", "linked/README.md", "no/such.md", 7, {"a": 1}, ""])
def test_a_runbook_that_is_not_there_or_leads_out_is_passed_over(mirrors: Path, odd: Any) -> None:
    assert paths(read(mirrors, oncall={"runbook": odd})) == {"Runbook": "RUNBOOK.md", "README": "README.md"}


def test_links_lead_to_the_forge_and_so_does_the_paper(mirrors: Path) -> None:
    readme = read(mirrors).found[1]

    assert readme.url == f"{FORGE}/blob/main/README.md"
    assert readme.text
    assert f'href="{FORGE}/blob/main/docs/more.md"' in readme.text.html


def test_what_is_no_markdown_is_shown_as_it_stands_and_what_is_no_text_not_at_all(mirrors: Path) -> None:
    plain, binary, large = (read(mirrors, folder).found[1] for folder in ("plain", "binary", "large"))

    assert plain.text
    assert "&lt;b&gt;plain&lt;/b&gt;" in plain.text.html
    assert (binary.text, large.text) == (None, None)


def test_a_link_is_not_followed(mirrors: Path) -> None:
    assert paths(read(mirrors, "linked"))["README"] == "README.md"


def test_a_mirror_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    told = about(revision="d" * 40, repository_url=FORGE, branch="main")

    found = papers.papers(tmp_path, page(told, document={"metadata": {}, "spec": {}}))

    assert (found.found, bool(found.wrong)) == ((), True)
