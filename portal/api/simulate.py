"""Asking over the API what a merge would change in the catalog. Whoever is logged in may; nothing is stored."""

import base64
import binascii
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import AfterValidator, Field, model_validator

from catalog import simulated
from catalog.trees import DictTree
from catalog.yamlfile import MAX_BYTES
from ledger.errors import Code, Error
from portal import auth, simulating
from portal.api import asking
from portal.api.asked import In, Word
from portal.api.shapes import Out
from portal.permissions import Action

bp = APIBlueprint("simulate", __name__, tag="Repositories")

MAX_FILES = 1000
TOO_LARGE = bytes(MAX_BYTES + 1)  # stands for a file that is larger than what is read


def _inside(path: str) -> str:
    if path.startswith("/") or "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise ValueError("is no path inside a repository")
    return path


FilePath = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_inside)]


class SimulateIn(In):
    """Either a revision, or the files that the repository would have."""

    revision: Word = Field("", description="branch, tag or commit; fetched when the portal does not have it yet")
    files: dict[FilePath, str | None] | None = Field(
        None,
        max_length=MAX_FILES,
        description="path to text; only those that a sync would read are needed. Nothing: larger than 1 MiB",
    )
    left_out: dict[FilePath, Annotated[str, Field(max_length=300)]] = Field(
        default_factory=dict, max_length=MAX_FILES, description="path to why it is no file to read: it is a link, …"
    )
    encoded: dict[FilePath, str] = Field(
        default_factory=dict, max_length=MAX_FILES, description="path to base64, for files that are no UTF-8 text"
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "SimulateIn":
        if bool(self.revision) == (self.files is not None or bool(self.encoded)):
            raise ValueError("say either a revision or files")
        return self


class NamedQuery(In):
    named: Word = Field("", description="its id, its name or its address, however that is written")


class Named(Out):
    id: int
    url: str
    name: str
    paths: list[str] = Field(description="files that are read besides every catalog-info.yaml")


class AllNamed(Out):
    repositories: list[Named]


class SimulatedChange(Out):
    kind: Literal["added", "changed", "removed", "renamed", "moved", "stale", "mended"]
    entity: str
    path: str
    line: int
    column: int
    detail: str = Field(description="the keys that differ, or the name or file that it had before")


class Handover(Out):
    entity: str
    was: str
    was_people: int
    becomes: str
    becomes_people: int


class SimulatedFinding(Out):
    kind: Literal["taken", "reference", "nobody", "deploy", "problem"]
    severity: Literal["error", "warning"]
    entity: str
    message: str
    hint: str
    repository: str = Field(description="whose file it is; empty for the repository that was asked about")
    path: str
    line: int
    column: int


class Simulated(Out):
    repository: str
    revision: str = Field(description="the commit that was read; empty when files were sent")
    head: str = Field(description="the commit that it is compared with")
    breaks: bool
    summary: str
    changes: list[SimulatedChange]
    owners: list[Handover]
    findings: list[SimulatedFinding]
    fixed: list[SimulatedFinding]


@bp.get("/repositories/find")
@bp.input(NamedQuery, location="query")
@bp.output(AllNamed)
@bp.doc(responses={404: "There is no such repository"})
def find(query_data: NamedQuery) -> Any:
    """A repository by its id, name or address; all of them when nothing is said"""
    services = auth.services()
    found = [simulating.find(services, query_data.named)] if query_data.named else simulating.known(services)
    return AllNamed(repositories=[Named.model_validate(one) for one in found])


@bp.post("/repositories/<int:repository_id>/simulate")
@bp.input(SimulateIn)
@bp.output(Simulated)
@bp.doc(
    responses={
        400: "That can be no revision, or a file's text cannot be understood",
        403: "You may not look at that",
        404: "There is no such repository or revision",
        503: "The repository cannot be read now",
    }
)
def simulate(repository_id: int, json_data: SimulateIn) -> Any:
    """What would change in the catalog if the default branch were at a revision, or had these files

    Nothing is stored by asking.
    """
    services, asked = auth.services(), json_data
    with services.database.read() as session:
        asking.allowed(session, Action.LOOK)
    repository = simulating.find(services, str(repository_id))
    if asked.revision:
        told = simulating.at_revision(services, repository, asked.revision)
    else:
        told = simulating.of_files(services, repository, DictTree(_files(asked), asked.left_out))
    return Simulated.model_validate({**told, "summary": simulated.summary(told)})


def _files(asked: SimulateIn) -> dict[str, bytes]:
    plain = {
        path: TOO_LARGE if text is None else text.encode("utf-8", "surrogatepass")
        for path, text in (asked.files or {}).items()
    }
    return {**plain, **{path: _decoded(path, text) for path, text in asked.encoded.items()}}


def _decoded(path: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Error(Code.INVALID, f"encoded.{path}: is no base64") from None
