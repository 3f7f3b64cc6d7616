"""What a merge would change, told from what a repository says now, would say, and what all others say."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import ownership, simulated
from catalog.places import Place
from catalog.reading import Reading, read
from catalog.relations import relations
from catalog.simulate import Simulation, differences, simulate
from catalog.standing import Reference, Rest
from catalog.trees import DictTree
from pipelines import spec
from tests.cataloging import component, document, group, user

FILE = "catalog-info.yaml"
CHECKOUT = "component:default/checkout"
PAYMENTS = (group("payments"), user("alice", "payments"), user("bob", "payments"))
BLOCKS = {"deploy": spec.problems}


def deploy(*environments: str) -> dict[str, Any]:
    return {"environments": {name: {"target": {"kind": "memory"}} for name in environments}}


def reading(*documents: str, **files: str) -> Reading:
    """Read those documents as one file; `files` are others, by their paths."""
    told = {FILE: "---\n".join(documents), **files} if documents else files
    return read(DictTree({path: text.encode() for path, text in told.items()}), BLOCKS)


def others(*documents: str, repository: str = "search", live: dict[str, dict[str, str]] | None = None) -> Rest:
    """What another repository says, as the database would tell it."""
    found = reading(*documents)
    entities = {str(one.ref): one for one in found.entities}
    return Rest(
        claims={ref: ownership.claim_of(one) for ref, one in entities.items()},
        held=dict.fromkeys(entities, repository),
        references=tuple(
            Reference(one.source, one.type, one.target, repository, entity.place)
            for ref, entity in entities.items()
            for one in relations(entity)
            if one.source == ref
        ),
        groups={ref: one.title for ref, one in entities.items() if one.kind == "Group"},
        people={ref: ownership.Person(ref, one.title, one.mail) for ref, one in entities.items() if one.kind == "User"},
        pairs=frozenset(pair for one in entities.values() for pair in ownership.memberships(one)),
        aliases=tuple((alias, ref) for ref, one in entities.items() for alias in one.aliases),
        live=live or {},
    )


def asked(before: Reading, after: Reading, rest: Rest | None = None) -> Simulation:
    return simulate(before, after, rest or others(*PAYMENTS), lambda entity: spec.problems(entity.document))


def changes(found: Simulation) -> Sequence[tuple[str, str]]:
    return [(one.kind, one.ref) for one in found.changes]


def findings(found: Simulation) -> Sequence[tuple[str, str, str]]:
    return [(one.severity, one.kind, one.said) for one in found.findings]


def test_nothing_changes_when_nothing_is_said_differently() -> None:
    same = reading(component("checkout", "payments", deploy=deploy("production")))

    found = asked(same, same)

    assert found == Simulation((), (), (), (), ())
    assert not found.breaks


# What changes.


def test_what_is_added_changed_and_removed_is_named() -> None:
    before = reading(component("checkout", "payments"), component("old", "payments"))
    after = reading(component("checkout", "payments", system="shop"), document("API", "pay", api()))

    found = asked(before, after)

    assert changes(found) == [("added", "api:default/pay"), ("changed", CHECKOUT), ("removed", "component:default/old")]
    assert found.changes[1].detail == "spec.system"
    assert found.changes[0].place == Place(FILE, 14, 3)


def api() -> dict[str, Any]:
    return {"type": "openapi", "lifecycle": "production", "owner": "payments", "definition": "x"}


def test_an_entity_that_says_the_same_under_another_name_is_renamed() -> None:
    found = asked(reading(component("checkout", "payments")), reading(component("checkouts", "payments")))

    assert changes(found) == [("renamed", "component:default/checkouts")]
    assert found.changes[0].detail == CHECKOUT
    assert not found.breaks


def test_the_only_one_of_a_file_is_renamed_although_it_says_more() -> None:
    after = reading(component("checkouts", "payments", system="shop"))

    assert changes(asked(reading(component("checkout", "payments")), after))[0][0] == "renamed"


def test_of_several_that_look_alike_none_is_renamed() -> None:
    before = reading(component("a", "payments"), component("b", "payments"))
    after = reading(component("c", "payments"), component("d", "payments"))

    assert {kind for kind, _ in changes(asked(before, after))} == {"added", "removed"}


def test_an_entity_in_another_file_is_moved_and_nothing_else() -> None:
    text = component("checkout", "payments")

    found = asked(reading(text), reading(**{"services/catalog-info.yaml": text}))

    assert changes(found) == [("moved", CHECKOUT)]
    assert found.changes[0].detail == FILE


def test_a_document_that_breaks_keeps_what_it_said_and_is_called_stale() -> None:
    before = reading(component("checkout", "payments"))
    after = reading(component("checkout", "payments").replace("type:", "typ:"))

    found = asked(before, after)

    assert changes(found) == [("stale", CHECKOUT)]
    assert found.breaks
    assert [problem.entity for problem in found.new] == [CHECKOUT]


def test_a_file_that_cannot_be_read_takes_nothing_with_it() -> None:
    found = asked(reading(component("checkout", "payments")), reading("a: b: c\n"))

    assert changes(found) == [("stale", CHECKOUT)]


def test_a_document_that_can_be_read_again_is_mended() -> None:
    broken = reading(component("checkout", "payments").replace("type:", "typ:"))

    found = asked(broken, reading(component("checkout", "payments")))

    assert changes(found) == [("mended", CHECKOUT)]
    assert [problem.entity for problem in found.fixed] == [CHECKOUT]
    assert not found.breaks


# Names.


def test_a_name_that_another_repository_has_is_taken() -> None:
    rest = others(*PAYMENTS, component("checkout", "payments"))

    found = asked(Reading(), reading(component("checkout", "payments")), rest)

    assert findings(found) == [
        (
            "error",
            "taken",
            f"the name component checkout is taken: it is described in search, {rest.claims[CHECKOUT].place}",
        )
    ]
    assert found.breaks


def test_a_name_that_was_taken_before_is_no_news() -> None:
    rest, same = others(*PAYMENTS, component("checkout", "payments")), reading(component("checkout", "payments"))

    assert not asked(same, same, rest).breaks


def test_a_name_that_is_given_twice_in_one_repository_is_a_new_problem() -> None:
    text = component("checkout", "payments")

    found = asked(reading(text), reading(text, text))

    assert [problem.code for problem in found.new] == ["conflict"]
    assert found.breaks


# References.


def test_who_depends_on_what_would_be_gone_is_named_with_place_and_repository() -> None:
    rest = others(*PAYMENTS, component("basket", "payments", dependsOn=[CHECKOUT]))

    found = asked(
        reading(component("checkout", "payments")), reading(component("ledger", "payments", system="x")), rest
    )

    (one,) = [finding for finding in found.findings if finding.kind == "reference"]
    assert one.said.startswith("component basket depends on component checkout, which would be")
    assert (one.repository, one.place.path, one.severity) == ("search", FILE, "error")


def test_a_renamed_entity_is_told_by_its_new_name() -> None:
    rest = others(*PAYMENTS, component("basket", "payments", dependsOn=[CHECKOUT]))

    found = asked(reading(component("checkout", "payments")), reading(component("checkouts", "payments")), rest)

    assert "which would be called component checkouts" in found.findings[0].said


def test_what_only_the_entity_itself_says_of_others_is_nobody_elses_loss() -> None:
    before = reading(component("checkout", "payments", dependencyOf=["component:basket"]), component("a", "payments"))

    found = asked(before, reading(component("a", "payments")), others(*PAYMENTS, component("basket", "payments")))

    assert not found.breaks


def test_a_member_of_a_group_that_would_be_gone_is_a_warning() -> None:
    rest = others(group("shop"), user("bob", "payments", "shop"))
    before, after = reading(group("payments"), group("other")), reading(group("other"))

    found = asked(before, after, rest)

    assert findings(found) == [("warning", "reference", "person bob is a member of team payments, which would be gone")]
    assert not found.breaks


def test_a_new_reference_to_nowhere_is_a_warning_and_an_old_one_no_news() -> None:
    before = reading(component("checkout", "payments", dependsOn=["component:gone"]))
    after = reading(component("checkout", "payments", dependsOn=["component:gone", "component:nowhere"]))

    found = asked(before, after)

    assert [(one.code, one.severity, one.message) for one in found.new] == [
        ("nowhere", "warning", "dependsOn: there would be no component:default/nowhere in the catalog")
    ]


def test_what_is_removed_while_a_neighbour_names_it_leads_nowhere() -> None:
    neighbour = component("basket", "payments", dependsOn=[CHECKOUT])

    found = asked(reading(component("checkout", "payments"), neighbour), reading(neighbour))

    assert [one.code for one in found.new] == ["nowhere"]


# Owners.


def test_a_new_owner_is_told_with_how_many_people_that_is() -> None:
    rest = others(*PAYMENTS, group("search"), user("carol", "search"))

    found = asked(reading(component("checkout", "payments")), reading(component("checkout", "search")), rest)

    (one,) = found.handovers
    assert (one.was, one.were, one.becomes, one.are) == ("payments", 2, "search", 1)
    assert not found.breaks


@pytest.mark.parametrize("owner", ["paymets", "user:zoe", "group:empty"])
def test_an_owner_that_leads_to_nobody_breaks(owner: str) -> None:
    rest = others(*PAYMENTS, group("empty"))

    found = asked(reading(component("checkout", "payments")), reading(component("checkout", owner)), rest)

    ((severity, kind, said),) = findings(found)
    assert (severity, kind) == ("error", "nobody")
    assert said.startswith("nobody would answer for component checkout, where payments does now: ")


def test_an_owner_that_led_to_nobody_before_is_no_news() -> None:
    before, after = reading(component("checkout", "gone")), reading(component("checkout", "gone", system="shop"))

    assert findings(asked(before, after)) == []


def test_a_new_service_that_nobody_answers_for_breaks() -> None:
    found = asked(Reading(), reading(component("checkout", "nobody-at-all")))

    assert [one.kind for one in found.findings] == ["nobody"]


def test_a_team_that_loses_its_last_person_leaves_others_without_an_answer() -> None:
    rest = others(component("basket", "payments"), group("payments"))
    before, after = reading(user("alice", "payments"), user("zoe")), reading(user("zoe"), user("alice"))

    found = asked(before, after, rest)

    ((severity, kind, said),) = findings(found)
    assert (severity, kind) == ("error", "nobody")
    assert "component basket, where payments does now" in said
    assert found.findings[0].repository == "search"


def test_somebody_whom_another_repository_counts_in_still_answers() -> None:
    rest = others(component("basket", "payments"), group("payments", members=["alice"]))

    found = asked(reading(user("alice", "payments")), reading(user("alice")), rest)

    assert findings(found) == []


def test_an_owner_inherited_from_a_system_moves_with_the_system() -> None:
    rest = others(*PAYMENTS, group("search"), user("carol", "search"), component("basket", system="shop"))
    before, after = (reading(document("System", "shop", {"owner": owner})) for owner in ("payments", "search"))

    found = asked(before, after, rest)

    assert [(one.ref, one.was, one.becomes) for one in found.handovers] == [
        ("component:default/basket", "payments", "search"),
        ("system:default/shop", "payments", "search"),
    ]


# Deploys.


LIVE = {CHECKOUT: {"production": "release 231", "staging": "release 232"}}
BOTH = deploy("production", "staging")


def test_a_live_service_that_would_be_gone_breaks() -> None:
    found = asked(
        reading(component("checkout", "payments"), group("a")), reading(group("a")), others(*PAYMENTS, live=LIVE)
    )

    said = "component checkout is live in production as release 231 and in staging as release 232, and nothing would"
    assert [one.kind for one in found.findings] == ["deploy"]
    assert found.findings[0].said.startswith(said)


def test_an_environment_that_disappears_while_something_is_live_there_breaks() -> None:
    before = reading(component("checkout", "payments", deploy=BOTH))
    after = reading(component("checkout", "payments", deploy=deploy("production")))

    found = asked(before, after, others(*PAYMENTS, live=LIVE))

    assert [one.said for one in found.findings] == [
        "component checkout is live in staging as release 232, and spec.deploy would not have staging any more"
    ]
    assert not asked(before, after).breaks  # nothing is live


def test_errors_in_the_deploy_block_are_told_once_and_as_blocked_deploys() -> None:
    bad = {"environments": {"production": {"target": {"kind": "memory"}, "stratgy": "rolling"}}}
    before = reading(component("checkout", "payments", deploy=BOTH))

    found = asked(before, reading(component("checkout", "payments", deploy=bad)))

    assert [one.kind for one in found.findings] == ["deploy"]
    assert "stratgy" in found.findings[0].said
    assert found.findings[0].hint
    assert found.new == ()


def test_an_error_in_the_deploy_block_that_was_there_before_is_no_news() -> None:
    bad = reading(component("checkout", "payments", deploy={"environments": {}}))

    assert not asked(bad, bad).breaks


def test_a_document_that_cannot_be_used_cannot_be_deployed_by() -> None:
    before = reading(component("checkout", "payments", deploy=BOTH))
    after = reading(component("checkout", "payments", deploy=BOTH).replace("lifecycle", "lifecycl"))

    assert [one.kind for one in asked(before, after).findings] == ["deploy"]


# Problems.


def test_only_problems_that_are_new_or_fixed_are_told_wherever_they_stand() -> None:
    broken, worse = component("checkout", "payments").replace("type:", "typ:"), component("Bad Name", "payments")
    before = reading(broken, component("a", "payments"))
    after = reading(component("a", "payments"), worse, broken)

    found = asked(before, after)

    assert {problem.place.line > 8 for problem in found.new} == {True}
    assert not [problem for problem in found.new if problem.entity == CHECKOUT]
    assert found.fixed == ()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 2}}, ["a.b"]),
        ({"a": [1]}, {"a": [2]}, ["a"]),
        ({"a": 1}, {"b": 1}, ["a", "b"]),
        ({"a": {"b": 1}}, {"a": 1}, ["a"]),
        ({}, {str(n): n for n in range(10)}, ["0", "1", "2", "3", "4", "5", "6", "3 more"]),
    ],
)
def test_the_keys_that_differ_are_named(old: Any, new: Any, found: list[str]) -> None:
    assert differences(old, new) == found


# Telling it.


def example() -> Simulation:
    rest = others(*PAYMENTS, component("basket", "payments", dependsOn=[CHECKOUT]), live=LIVE)
    before = reading(component("checkout", "payments", deploy=BOTH), component("ledger", "payments"))
    return asked(before, reading(component("ledger", "nobody-here")), rest)


def test_the_data_can_be_json_and_holds_everything() -> None:
    told = json.loads(json.dumps(simulated.told(example(), "shop", "a" * 40, "b" * 40)))

    assert (told["repository"], told["revision"], told["breaks"]) == ("shop", "a" * 40, True)
    assert [one["kind"] for one in told["findings"]] == ["reference", "nobody", "deploy"]
    assert told["findings"][0] | {"line": 0, "column": 0} == {
        "kind": "reference",
        "severity": "error",
        "entity": CHECKOUT,
        "message": "component basket depends on component checkout, which would be gone",
        "hint": "let it follow first",
        "path": FILE,
        "repository": "search",
        "line": 0,
        "column": 0,
    }


def test_the_text_begins_with_whether_anything_would_break() -> None:
    lines = list(simulated.text(simulated.told(example(), "shop", "a" * 40, "b" * 40)))

    assert lines[0] == "shop at aaaaaaaaaa: 3 errors; merging this would break something"
    assert "  changed  component ledger: spec.owner" in lines
    assert "  removed  component checkout" in lines
    assert [line.partition(":")[0] for line in lines].count("error") == 3


def test_the_text_of_a_harmless_change_says_so() -> None:
    found = asked(reading(component("a", "payments")), reading(component("a", "payments"), component("b", "payments")))

    assert list(simulated.text(simulated.told(found, "shop", "", ""))) == [
        "shop: nothing would break; 1 entity changes",
        "  added    component b",
    ]


def test_the_comment_has_a_table_for_each_kind_of_finding() -> None:
    comment = simulated.markdown(simulated.told(example(), "shop", "a" * 40, ""))

    assert comment.startswith("### Catalog: this would break something\n\nshop at aaaaaaaaaa: 3 errors")
    assert comment.count("|---|---|---|") == 4  # references, owners, deploys, changes
    assert "| error | component basket depends on component checkout" in comment


def test_a_comment_stays_short() -> None:
    many = asked(Reading(), reading(*(component(f"s{n}", "payments") for n in range(400))))

    comment = simulated.markdown(simulated.told(many, "shop", "", ""))
    assert len(comment) < 20_000
    assert "and 300 more" in comment


@given(st.text())
def test_nothing_that_somebody_wrote_is_markup_or_a_mention(words: str) -> None:
    said = simulated.safe(words)

    assert not set(re.sub(r"&#\d+;", "", said)) & set("\\`*_{}[]<>|!~$^+=&\n\r")
    assert "@a" not in simulated.safe(words + "@a")


@pytest.mark.parametrize(
    "words", ["<b>*x*</b>", "a|b", "`code`", "[a](javascript:b)", "ask @acme/shop in #12", "&amp;"]
)
def test_what_somebody_wrote_is_shown_as_it_was_written(words: str) -> None:
    assert unescape(simulated.safe(words)).replace("\u200b", "") == words


@given(st.dictionaries(st.sampled_from([FILE, "a/catalog-info.yaml", "CODEOWNERS"]), st.binary(max_size=80)))
def test_no_files_make_it_raise(files: dict[str, bytes]) -> None:
    good = reading(component("checkout", "payments", deploy=BOTH))
    found = asked(good, read(DictTree(files), BLOCKS), replace(others(*PAYMENTS), live=LIVE))

    simulated.markdown(simulated.told(found, "shop", "", ""))
    list(simulated.text(simulated.told(found, "shop", "", "")))
