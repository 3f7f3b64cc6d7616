"""What the many words for how bad it is mean here. Pure.

A word that is not known counts as an error and says so: rather wake somebody for nothing than nobody for something.
"""

from collections.abc import Mapping
from typing import Any

from oncall import bounds
from oncall.terms import Severity

_WORDS = {
    Severity.CRITICAL: "critical crit page fatal emergency emerg alert disaster blocker highest p1 sev1 s1",
    Severity.ERROR: "error err major high average urgent p2 sev2 s2 down",
    Severity.WARNING: "warning warn minor ticket medium p3 sev3 s3",
    Severity.INFO: "info informational information notice low lowest none debug ok p4 p5 sev4 sev5 s4",
}
KNOWN: Mapping[str, Severity] = {word: severity for severity, words in _WORDS.items() for word in words.split()}


def severity(word: Any, own: Mapping[str, Severity] | None = None) -> tuple[Severity, str]:
    """Return what the word means, by the team's own words first, and a note when nobody knows it.

    >>> severity("Page")[0].value, severity("", {"": Severity.INFO})[0].value
    ('critical', 'info')
    >>> severity("blue")[1]
    "The severity 'blue' is not known here; it counts as an error."
    """
    said = bounds.text(word, 80)
    for words in (own or {}, KNOWN):
        for spelling in (said, said.lower()):
            if spelling in words:
                return words[spelling], ""
    if not said:
        return Severity.ERROR, "It says no severity; it counts as an error."
    return Severity.ERROR, f"The severity {said!r} is not known here; it counts as an error."
