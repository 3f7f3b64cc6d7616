"""What a newcomer can try, said on the terminal and on the home page. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tip:
    """`login` may do it; `service` is where, `revision` what, empty for the newest; `page` and `icon` are home's."""

    title: str
    told: str
    login: str
    service: str
    revision: str = ""
    page: str = "plan.show"
    icon: str = "up"


@dataclass(frozen=True)
class Look:
    """Something to look at, which anybody may: an entity's page, or else `page`; or a `command` to type."""

    title: str
    said: str
    entity: str = ""
    page: str = ""
    command: str = ""
    icon: str = "ask"

    @property
    def told(self) -> str:
        return f"{self.said} {self.command}".rstrip()


@dataclass(frozen=True)
class Night:
    """A step of being on call, done by `login` at a `page` of the portal; `of` is what that page is about, in order."""

    title: str
    told: str
    login: str
    words: str  # of the link
    page: str
    of: tuple[tuple[str, str], ...] = ()
    icon: str = "bell"


TIPS = (
    Tip(
        "A good release",
        "Three commits of checkout go out, to 10, 50 and 100\u202f% of the visitors, each wave watched 10\u202fs.",
        "mara",
        "checkout",
    ),
    Tip(
        "A bad release",
        "Deploy search: its new release never becomes ready. It is put back by itself, no visitor meets it, and "
        "an incident tells its team.",
        "tomas",
        "search",
        icon="undo",
    ),
    Tip(
        "A release that is bad only with visitors",
        "Deploy the branch faster-totals of checkout: it passes its checks and fails its tenth of the visitors. Their "
        "errors are weighed against the others', and the numbers are told.",
        "lin",
        "checkout",
        "faster-totals",
        icon="undo",
    ),
    Tip(
        "A release that is only slow",
        "The branch better-ranking of search has two commits: press “Send them one by one” on its plan. The first has "
        "its answers measured and passes; the second is slow, which no check sees. Both say their numbers.",
        "tomas",
        "search",
        "better-ranking",
        icon="wait",
    ),
    Tip(
        "Many commits, and one is bad",
        "Deploy the branch summer-sale of checkout; it is put back. Then press “Find the commit” on the deploy's page: "
        "each try gets a tenth of the visitors. Or send its commits one by one: that stops at the bad one.",
        "lin",
        "checkout",
        "summer-sale",
        icon="find",
    ),
    Tip(
        "No way back",
        "The plan of ledger says before the click that a column is dropped. Should such a deploy fail, as the branch "
        "fewer-columns does, it waits for you instead of going back.",
        "aisha",
        "ledger",
        icon="warn",
    ),
    Tip(
        "A deploy that asks you",
        "Hardly anybody visits reports, so nobody can tell whether its release is worse. At half of the visitors it "
        "pauses: let it go on, look again, or go back.",
        "nadia",
        "reports",
        icon="wait",
    ),
    Tip(
        "Merge to production",
        "Change a word in company/greeter/app.py and commit: its tests run, and it is live within seconds. Then "
        "roll it back: the release before is still warm, so that takes a second.",
        "jonas",
        "greeter",
        page="services.show",
        icon="swap",
    ),
    Tip(
        "A lock, and a second person",
        "Lock receipts on its page and look at its plan: every reason why it may not go is there. It wants a tick and "
        "the approval of somebody else, too; its own script then deploys it.",
        "lin",
        "receipts",
        page="services.show",
        icon="hand",
    ),
)

NIGHTS = (
    Night(
        "Be woken",
        "The branch ask-the-ledger of checkout passes every check and is healthy. Half a minute later it has no "
        "connection left, and its visitors get errors. Ten seconds of that, and a phone rings.",
        "aisha",
        "See what would happen",
        "plan.show",
        (("name", "checkout"), ("environment", "production"), ("revision", "ask-the-ledger")),
    ),
    Night(
        "Answer the phone",
        "Everybody here has a phone that only remembers. The one that rings says why: press “Acknowledge” on it, "
        "and nobody else is paged. Who waits five minutes sees the next one ring.",
        "mara",
        "Look at the phones",
        "phones.index",
        icon="hand",
    ),
    Night(
        "Read why, and go back",
        "The incident tells each page with its reason, and names the deploy that came just before. Roll checkout back: "
        "the errors end, and so does the incident, by itself.",
        "mara",
        "Look at the incidents",
        "incidents.index",
        icon="undo",
    ),
    Night(
        "Swap a week",
        "Press a shift of yours and swap it with one of Lin. Before it is kept you see who gains and who loses "
        "hours, and that she would be first and second at once.",
        "mara",
        "Go to the rota of payments",
        "rota.show",
        (("name", "payments"),),
        icon="swap",
    ),
    Night(
        "A day that is nobody's",
        "Next Wednesday storefront moves, and nobody is on call; and no page would reach Tomás, whose phone was never "
        "verified. The portal says both a week ahead. Fill the day.",
        "ebba",
        "Go to the rota of storefront",
        "rota.show",
        (("name", "storefront"),),
        icon="warn",
    ),
    Night(
        "Keep it quiet",
        "Before you work on ledger, silence its alerts for an hour. It wants a reason, and ends by itself.",
        "aisha",
        "Look at the silences",
        "silences.index",
        icon="wait",
    ),
)

LOOKS = (
    Look(
        "Two files, one name",
        "ledger-rewrite calls itself ledger. The first keeps the name, and its page says who else wants it.",
        entity="component:default/ledger",
        icon="swap",
    ),
    Look(
        "A file that broke",
        "A tab slipped into the file of delivery-slots two days ago. What was good stays, and says how old it is.",
        entity="component:default/delivery-slots",
        icon="wait",
    ),
    Look(
        "A team that is gone",
        "gift-cards belongs to team-legacy, which no file describes any more. It still takes money.",
        entity="component:default/gift-cards",
        icon="hand",
    ),
    Look(
        "An owner with a slip of the pen",
        "search-index names storefrnt. Mend it in company/search, commit, wait a minute: it is off this list.",
        page="owners.index",
    ),
    Look(
        "Who would feel it",
        "Everything that stops when orders-db does, drawn, and the teams that would have to know.",
        entity="resource:default/orders-db",
        icon="box",
    ),
    Look(
        "All that is wrong, at once",
        "Every problem with its file, line and since when: a template and a reference to nowhere are there too.",
        page="catalog.problems",
        icon="warn",
    ),
    Look(
        "Why it is theirs",
        "No file of page-kit names an owner but CODEOWNERS; each step of the way is told.",
        command="fullcycle catalog owner page-kit",
    ),
    Look(
        "Before it is merged",
        "A branch of shop draws it as one system. What would that break?",
        command="fullcycle catalog simulate company/shop one-system",
    ),
    Look(
        "Before it is pushed",
        "Says where the tab is, without a portal; exit 1 stops a build.",
        command="fullcycle catalog validate company/delivery",
    ),
)
