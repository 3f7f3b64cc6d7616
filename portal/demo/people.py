"""Who works at the Corner Shop. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

DOMAIN = "corner-shop.example"
TEAMS = {
    "payments": "From the basket to the books",
    "storefront": "What customers see and find",
    "platform": "Where all of it runs",
}


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
)
BY_LOGIN = {one.login: one for one in EMPLOYEES}


def catalog(employees: Sequence[Employee] = EMPLOYEES) -> str:
    """Return the catalog-info.yaml that describes teams and people."""
    groups = [
        _document("Group", team, f"  description: {told}\n", "  type: team\n  children: []\n")
        for team, told in TEAMS.items()
    ]
    users = [
        _document(
            "User",
            one.login,
            "",
            f"  profile:\n    displayName: {one.name}\n    email: {one.mail}\n  memberOf: [{one.team}]\n",
        )
        for one in employees
    ]
    return "---\n".join([*groups, *users])


def _document(kind: str, name: str, about: str, spec: str) -> str:
    return f"apiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n{about}spec:\n{spec}"
