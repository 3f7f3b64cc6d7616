"""`spec.objectives` and `spec.oncall`, read strictly."""

import pytest

from catalog.validate import validate
from portal.blocks import BLOCKS

COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout}
spec:
  type: service
  lifecycle: production
  owner: payments
"""
PERCENT = "needs percent, from 1 to less than 100, like 99.9"
GOOD = "name: availability, target: 99.9, window: 30d, errors: a, total: b"


def said(block: str) -> list[str]:
    found = validate({"f.yaml": f"{COMPONENT}  {block}\n".encode()}, BLOCKS)
    assert len(found.entities) == 1  # a block that is wrong leaves the entity good
    return [str(problem) for problem in found.problems]


@pytest.mark.parametrize(
    "block",
    [
        f"objectives: [{{{GOOD}}}]",
        f"objectives: [{{{GOOD}, x-note: 1}}, {{name: latency, target: 95, window: 7d, errors: a, total: b}}]",
        "oncall: {escalation: payments}",
        "oncall: {escalation: payments, runbook: 'https://shop.test/runbook', x-note: 1}",
    ],
)
def test_a_good_block_is_without_problems(block: str) -> None:
    assert said(block) == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("objectives:", "8:3 objectives: needs a list, not nothing"),
        ("objectives: []", "8:3 objectives: must not be empty"),
        (f"objectives: {{{GOOD}}}", "8:3 objectives: needs a list, not a mapping"),
        ("objectives: [availability]", '8:16 objectives[0]: needs a mapping of keys, not "availability"'),
        (f"objectives: [{{{GOOD}, windw: 7d}}]", '8:85 objectives[0]: unknown key "windw"; did you mean "window"?'),
        ("objectives: [{target: 99, window: 7d, errors: a, total: b}]", '8:16 objectives[0]: "name" is missing'),
        (
            f"objectives: [{{{GOOD}}}, {{{GOOD}}}]",
            '8:3 objectives: "availability" stands here twice; give one of them another name',
        ),
        (f"objectives: [{{{GOOD.replace('99.9', '0.999')}}}]", f"8:37 target: {PERCENT}"),
        (f"objectives: [{{{GOOD.replace('99.9', '100')}}}]", f"8:37 target: {PERCENT}"),
        (f"objectives: [{{{GOOD.replace('99.9', 'high')}}}]", '8:37 target: needs a number, not "high"'),
        (f"objectives: [{{{GOOD.replace('99.9', '.nan')}}}]", f"8:37 target: {PERCENT}"),
        (
            f"objectives: [{{{GOOD.replace('30d', '30')}}}]",
            "8:51 window: a duration with its unit is needed, like 500ms, 30s, 5m or 1h30m",
        ),
        (f"objectives: [{{{GOOD.replace('30d', '36h')}}}]", "8:51 window: needs whole days, from 1d to 366d, like 30d"),
        (
            f"objectives: [{{{GOOD.replace('errors: a', 'errors: 7')}}}]",
            '8:64 errors: needs text, not 7; write "7" in quotes',
        ),
        ("oncall: payments", '8:3 oncall: needs a mapping of keys, not "payments"'),
        ("oncall: {}", '8:3 oncall: "escalation" is missing'),
        ("oncall: {escalation: ''}", "8:12 escalation: must not be empty"),
        ("oncall: {escalation: a, runbok: b}", '8:27 oncall: unknown key "runbok"; did you mean "runbook"?'),
        (
            "oncall: {escalation: a, runbook: docs/a.md}",
            '8:27 runbook: "docs/a.md" is no absolute address; write https://…',
        ),
        (
            "oncall: {escalation: a, runbook: 'javascript:x'}",
            '8:27 runbook: "javascript:x" would run code in the reader\'s browser; link to a page',
        ),
        ("objectivs: []", '8:3 spec: "objectivs" is not read by anybody; did you mean "objectives"?'),
        ("on-call: {}", '8:3 spec: "on-call" is not read by anybody; did you mean "oncall"?'),
    ],
)
def test_what_is_wrong_has_a_place_and_a_sentence(block: str, problem: str) -> None:
    assert said(block) == [f"f.yaml:{problem}"]
