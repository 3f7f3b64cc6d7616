"""Who works at the Corner Shop. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

DOMAIN = "corner-shop.example"
TEAMS = {
    "payments": "From the basket to the books",
    "storefront": "What customers see and find",
    "platform": "Where all of it runs",
    "insights": "What sells, and when",
}
ABOVE = {"insights": "platform"}
FORGE = "corner-shop"  # by this name CODEOWNERS knows the teams: @corner-shop/payments
LEGACY = "team-legacy"


@dataclass(frozen=True)
class Employee:
    login: str
    name: str
    team: str
    role: str = "member"

    @property
    def ref(self) -> str:
        return f"user:default/{self.login}"

    @property
    def mail(self) -> str:
        return f"{self.login}@{DOMAIN}"


EMPLOYEES = (
    Employee("mara", "Mara Ilic", "payments"),
    Employee("lin", "Lin Zhao", "payments"),
    Employee("aisha", "Aisha Noor", "payments"),
    Employee("jonas", "Jonas Weber", "storefront"),
    Employee("ebba", "Ebba Sand", "storefront"),
    Employee("tomas", "Tomás Prieto", "storefront"),
    Employee("kofi", "Kofi Mensah", "platform", role="admin"),
    Employee("iris", "Iris Okafor", "platform"),
    Employee("nadia", "Nadia Rahimi", "insights"),
)
GONE = (Employee("otto", "Otto Lind", LEGACY),)  # and nobody else was on his team
BY_LOGIN = {one.login: one for one in EMPLOYEES}


def catalog(employees: Sequence[Employee] = EMPLOYEES, gone: Sequence[Employee] = ()) -> str:
    """Return the catalog-info.yaml that describes teams and people; those who are `gone` were in it once."""
    teams = TEAMS | ({LEGACY: "Gift cards and stamps, until they are replaced"} if gone else {})
    groups = [_document("Group", team, _about(team, told), _place(team)) for team, told in teams.items()]
    users = [
        _document(
            "User",
            one.login,
            "",
            f"  profile:\n    displayName: {one.name}\n    email: {one.mail}\n  memberOf: [{one.team}]\n",
        )
        for one in (*employees, *gone)
    ]
    return "---\n".join([*groups, *users])


def _about(team: str, told: str) -> str:
    slug = f"  annotations:\n    github.com/team-slug: {FORGE}/{team}  # how CODEOWNERS names it\n"
    return f"  description: {told}\n{slug}"


def _place(team: str) -> str:
    above = f"  parent: {ABOVE[team]}\n" if team in ABOVE else ""
    return f"  type: team\n{above}  children: []\n"


def _document(kind: str, name: str, about: str, spec: str) -> str:
    return f"apiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n{about}spec:\n{spec}"
