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


TIPS = (
    Tip(
        "A good release",
        "Three commits of checkout go out, to 10, 50 and 100\u202f% of the visitors, each wave watched 10\u202fs.",
        "mara",
        "checkout",
    ),
    Tip(
        "A bad release",
        "Deploy search: its new release never becomes ready. It is put back by itself and no visitor meets it.",
        "tomas",
        "search",
        icon="undo",
    ),
    Tip(
        "A release that is bad only with visitors",
        "Deploy the branch faster-totals of checkout: it passes its checks, then fails for its tenth of the visitors.",
        "lin",
        "checkout",
        "faster-totals",
        icon="undo",
    ),
    Tip(
        "A migration",
        "The plan of ledger says what going back cannot take back. It goes out one instance at a time.",
        "aisha",
        "ledger",
        icon="warn",
    ),
    Tip(
        "Going back",
        "Roll checkout back while something goes out: it jumps the queue and holds what waits until you let it go on.",
        "mara",
        "checkout",
        page="services.show",
        icon="swap",
    ),
    Tip(
        "An owner that leads to nobody",
        "The catalog says where search-index misspells its team. Mend it in company/search, commit, wait a minute.",
        "jonas",
        "search-index",
        page="services.show",
        icon="ask",
    ),
)
