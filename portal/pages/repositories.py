"""Which repositories are read: all of them and how far reading is, and one with everything that is known of it."""

from collections.abc import Callable, Sequence

from flask import g, render_template, request
from werkzeug.wrappers import Response

from catalog import forges
from catalog import query as catalog
from catalog.query import Repository
from ledger.errors import Code, Error
from pipelines import query
from portal import addresses, auth, pictures, repositories
from portal.bands import Band
from portal.pages import common
from portal.pages.settings import bp as bp
from portal.permissions import Action
from portal.render import counted, number, sentence
from portal.repositories import Answer

PAGE = 100  # rows
SOON = 2  # seconds between two looks while something is being read
LISTED = 200  # entities of one repository that are named
LONGEST = 200_000  # letters of a list

STATES: dict[str, Callable[[Repository, int], bool]] = {
    "failing": lambda one, _: bool(one.error),
    "waiting": lambda one, _: one.waits or bool(one.doing),
    "problems": lambda one, wrong: wrong > 0,
}
LABELS = {"failing": "Cannot be read", "waiting": "Being read", "problems": "With problems"}


@bp.get("/repositories", endpoint="repositories")
def index() -> str:
    return _list()


def _list(answers: Sequence[Answer] = (), typed: str = "", wrong: str = "") -> str:
    with auth.services().database.read() as session:
        topic = common.live(session)
        known = catalog.repositories(session)
        wrongs = {one: len(problems) for one, problems in catalog.problems_by_repository(session).items()}
        g.running = len(query.deploys(session, running=True, limit=100))
    words, state, page = _chosen()
    fitting = [one for one in known if STATES[state](one, wrongs.get(one.id, 0))] if state else known
    fitting = [one for one in fitting if words.lower() in f"{one.name} {one.url}".lower()]
    fitting = sorted(fitting, key=lambda one: not one.error)  # what needs somebody comes first
    progress = repositories.progress(known)
    is_asked = bool(answers or wrong)
    return render_template(
        "repositories.html",
        here="Services",
        topic="" if is_asked else topic,
        every=SOON if progress.waiting and not is_asked else 0,
        everything=len(known),
        fitting=len(fitting),
        rows=fitting[(page - 1) * PAGE : page * PAGE],
        more=len(fitting) > page * PAGE,
        page=page,
        words=words,
        state=state,
        states=[
            (name, LABELS[name], sum(fits(one, wrongs.get(one.id, 0)) for one in known))
            for name, fits in STATES.items()
        ],
        wrongs=wrongs,
        progress=progress,
        bar=pictures.meter(100 * progress.read / max(progress.total, 1), "f-new", _told(progress)),
        progress_told=_told(progress),
        refused=common.refusal(Action.REGISTER),
        allow_local=auth.services().config.allow_local_repositories,
        answers=answers,
        answers_told=addresses.said(len(answers), sum(not one.id for one in answers)),
        typed=typed,
        wrong=wrong,
    )


def _chosen() -> tuple[str, str, int]:
    state, page = request.args.get("state", ""), request.args.get("page", "")
    return (
        request.args.get("q", "").strip()[:300],
        state if state in STATES else "",
        max(int(page), 1) if page.isdigit() and len(page) < 6 else 1,
    )


def _told(progress: repositories.Progress) -> str:
    return f"{number(progress.read)} of {counted(progress.total, 'repository', 'repositories')} read"


@bp.post("/repositories")
def register() -> Response | tuple[str, int]:
    """Take repositories in, an address a line; the worker reads them at once. Each is answered by itself."""
    common.require(Action.REGISTER)
    typed = request.form.get("url", "").strip()[:LONGEST]
    try:
        urls = addresses.read(typed)
    except Error as error:
        return _list(typed=typed, wrong=" ".join((error.message, *error.reasons))), 400
    if not urls:
        said = "Say where the repository is: an https or ssh address, or a folder on this machine."
        return _list(wrong=said), 400
    answers = repositories.register(auth.services(), urls, auth.somebody().actor)
    bad = [one for one in answers if one.id is None]
    if not bad:
        if len(answers) > 1:
            common.done(addresses.said(len(answers), 0))
        return common.back_to("settings.repositories")
    return _list(answers, "\n".join(one.url for one in bad)), 400


@bp.get("/repositories/<int:repository_id>")
def repository(repository_id: int) -> str:
    config = auth.services().config
    with auth.services().database.read() as session:
        topic = common.live(session, subject=f"repository:{repository_id}")
        one = repositories.known(session, repository_id)
        entities = [entity for entity in catalog.entities(session) if entity.repository_id == one.id]
        wrong = catalog.noted(session, one.id)
        listed_by = repositories.known(session, one.listed_by) if one.listed_by else None
        g.running = len(query.deploys(session, running=True, limit=100))
    may = not common.refusal(Action.REGISTER)
    return render_template(
        "repository.html",
        here="Services",
        topic=topic,
        every=SOON if one.waits or one.doing else 0,
        one=one,
        band=_band(one, len(entities), len(wrong)),
        entities=entities[:LISTED],
        count=len(entities),
        wrong=wrong,
        listed_by=listed_by,
        tree=forges.tree_url(one.url, one.default_branch or "main", ""),
        may=may,
        secret=repositories.webhook_secret(config, one) if may else "",
        hooks=repositories.webhook_addresses(config),
    )


def _band(one: Repository, entities: int, wrong: int) -> Band:
    describes = f"It describes {counted(entities, 'thing')}" if entities else "It describes nothing yet"
    if one.error:
        kept = " What was known before stays in use." if one.head else ""
        return Band("bad", "stop", "Cannot be read", f"{one.name} cannot be read.", f"{sentence(one.error)}{kept}")
    if one.doing or one.waits:
        return Band("run", "run", "Being read", f"{one.name}: {one.doing or 'waits for its turn'}.", f"{describes}.")
    if wrong:
        return Band(
            "warn",
            "warn",
            counted(wrong, "problem"),
            f"{one.name} can be read, and not all of it can be used.",
            f"{describes}.",
        )
    return Band("good", "ok", "Read", f"{one.name} is read; nothing is wrong in it.", f"{describes}.")


@bp.post("/repositories/<int:repository_id>/read")
def read_again(repository_id: int) -> Response:
    """Have it read now. Whoever may look may ask for it."""
    with auth.services().database.read() as session:
        repositories.known(session, repository_id)
    repositories.read_again(auth.services(), repository_id)
    return common.back_to("settings.repository", repository_id=repository_id)


@bp.get("/repositories/<int:repository_id>/let-go")
def let_go(repository_id: int) -> str:
    """Ask once more, and say what would be lost."""
    common.require(Action.REGISTER)
    with auth.services().database.read() as session:
        one = repositories.known(session, repository_id)
        entities = [entity for entity in catalog.entities(session) if entity.repository_id == one.id]
        used = repositories.uses(session, [entity.ref for entity in entities])
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "letgo.html", here="Services", one=one, entities=entities[:LISTED], count=len(entities), used=used
    )


@bp.post("/repositories/<int:repository_id>/let-go")
def let_go_now(repository_id: int) -> Response:
    common.require(Action.REGISTER)
    with auth.services().database.read() as session:
        one = repositories.known(session, repository_id)
    try:
        repositories.let_go(auth.services(), repository_id, auth.somebody().actor)
    except Error as error:
        if error.code is not Code.CONFLICT:
            raise
        common.say(error)
        return common.back_to("settings.repository", repository_id=repository_id)
    common.done(f"The repository {one.name} is let go. Its history stays in the audit.")
    return common.back_to("settings.repositories")
