"""The tour's step through the gates: a lock, a second person, a list to tick, and an emergency that is written down."""

from collections.abc import Sequence
from typing import Any

from ledger.errors import Code, Error
from portal.demo.chapters import Figures, so
from portal.demo.past import ENVIRONMENT
from portal.demo.setup import SECRET
from portal.demo.stage import Stage

SERVICE, LOCKED = "receipts", "the mail server moves"
TICKS = ["Support knows the new words"]
URGENT = "a wrong phone number is on every receipt"


def gates(stage: Stage) -> Figures:
    """A deploy of receipts meets all its gates at once, then passes them; in an emergency it passes without."""
    lock = stage.people["mara"].post(
        "/locks", {"service": SERVICE, "environment": ENVIRONMENT, "reason": LOCKED, "for": "1h"}
    )
    why = _refused(stage)
    for word in (LOCKED, "approv", TICKS[0]):
        so(any(word in one for one in why), f"{word!r} is not among the reasons: {why}")
    stage.people["mara"].post(f"/locks/{lock['id']}/lift")
    stage.people["mara"].post(f"/services/{SERVICE}/approvals", {"environment": ENVIRONMENT, "note": "reads well"})
    so(len(left := _refused(stage)) == 1, f"only the list was to be left: {left}")
    calm = stage.ended(_deploy(stage, ticks=TICKS), as_="healthy")
    urgent = stage.ended(_deploy(stage, revision="urgent", override=URGENT), as_="healthy")
    passed = _passed(stage, urgent["id"])
    _masked(stage)
    return {"stopped_by": why, "release": calm["release"], "in_an_emergency": urgent["release"], "it_passed": passed}


GATES = {"gates": gates}


def _deploy(stage: Stage, **body: Any) -> int:
    asked = {"environment": ENVIRONMENT, **body}
    return int(stage.people["lin"].post(f"/services/{SERVICE}/deploys", asked)["id"])


def _refused(stage: Stage) -> Sequence[str]:
    """Return every reason why Lin may not deploy."""
    try:
        _deploy(stage)
    except Error as error:
        if error.code is Code.CONFLICT:
            return error.reasons
        raise
    raise Error(Code.CONFLICT, f"{SERVICE} went out, though its gates are closed")


def _passed(stage: Stage, deploy: int) -> Sequence[str]:
    """Return the gates that an emergency passed, as the log of facts has them."""
    (fact,) = stage.facts(deploy, "gates.overridden")
    so(fact["data"]["reason"] == URGENT, f"it was overridden because {fact['data']['reason']}")
    return [gate["kind"] for gate in fact["data"]["gates"]]


def _masked(stage: Stage) -> None:
    """The script told its secret, by a slip; nothing that was kept of it has the value."""
    value, told = (stage.config.data / SECRET).read_bytes().strip(), False
    for path in (stage.config.data / "command").rglob("*"):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes()
            so(value not in text, f"{path.name} holds the secret")
            told = told or b"lets us in with" in text
    so(told, "the script said nothing, so this says nothing")
