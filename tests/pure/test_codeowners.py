"""Who owns a path: the last line that matches, what GitHub refuses, GitLab's sections; and git itself as the judge."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import codeowners, globs
from catalog.codeowners import Owned, Unmatched, Unowned, compiled, owner_of, parse

FILE = "CODEOWNERS"

# https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
HANDBOOK = b"""\
# the whole repository
*       @global-owner1 @global-owner2

*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
"""


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("catalog-info.yaml", Owned(("@global-owner1", "@global-owner2"), 2)),
        ("deep/down/a.js", Owned(("@js-owner",), 4)),
        ("main.go", Owned(("docs@example.com",), 5)),
        ("notes.txt", Owned(("@octo-org/octocats",), 6)),
        ("build/logs/a.js", Owned(("@octocat",), 12)),
        ("docs/deep/x.md", Owned(("@doctocat",), 10)),
        ("src/docs/x.md", Owned(("@global-owner1", "@global-owner2"), 2)),
        ("scripts/run", Owned(("@doctocat", "@octocat"), 11)),
        ("deep/apps/x", Owned(("@octocat",), 9)),
        ("apps/x", Owned(("@octocat",), 13)),
        ("apps/github", Unowned(14)),
        ("apps/github/catalog-info.yaml", Unowned(14)),
    ],
)
def test_the_example_of_githubs_handbook(path: str, answer: codeowners.Answer) -> None:
    assert owner_of(parse(HANDBOOK, FILE), path) == answer


@pytest.mark.parametrize(
    ("text", "path", "answer"),
    [
        ("", "x", Unmatched()),
        ("docs/ @a", "x", Unmatched()),
        ("* @a\n*.md", "x.md", Unowned(2)),
        ("* @a\n*.md", "x.yaml", Owned(("@a",), 1)),
        ("docs/* @a", "docs/x", Owned(("@a",), 1)),
        ("docs/* @a", "docs/deep/x", Unmatched()),
        ("docs/** @a", "docs/deep/x", Owned(("@a",), 1)),
        ("docs/** @a", "docs", Unmatched()),
        ("/x.yaml @a", "deep/x.yaml", Unmatched()),
        ("x.yaml @a", "deep/x.yaml", Owned(("@a",), 1)),
        ("a/x.yaml @a", "deep/a/x.yaml", Unmatched()),
        ("a/**/x @a", "a/x", Owned(("@a",), 1)),
        ("a/**/x @a", "a/b/c/x", Owned(("@a",), 1)),
        ("a\\ b/ @a", "a b/x", Owned(("@a",), 1)),
        ("\ufeff* @a\r\n", "x", Owned(("@a",), 1)),
        ("\t* \t@a   @b", "x", Owned(("@a", "@b"), 1)),
        ("X @a", "x", Unmatched()),  # case counts
        ("* @a # @b", "x", Owned(("@a",), 1)),
        ("* @@maintainers @group/sub/deep", "x", Owned(("@@maintainers", "@group/sub/deep"), 1)),
    ],
)
def test_what_a_pattern_means(text: str, path: str, answer: codeowners.Answer) -> None:
    assert owner_of(parse(text.encode(), FILE), path) == answer


SECTIONS = b"""\
* @all
[Docs] @writers
docs/
README.md @readers
^[Data][2] @data @base
*.sql
[docs]
docs/private/ @boss
[Nobody]
*.txt
"""


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("x", Owned(("@all",), 1)),
        ("docs/x", Owned(("@all", "@writers"), 1)),
        ("README.md", Owned(("@all", "@readers"), 1)),
        ("a/x.sql", Owned(("@all", "@data", "@base"), 1)),
        ("docs/private/x", Owned(("@all", "@boss"), 1)),  # a section may go on later
        ("x.txt", Owned(("@all",), 1)),
    ],
)
def test_each_section_of_gitlab_has_a_say(path: str, answer: codeowners.Answer) -> None:
    rules = parse(SECTIONS, FILE)

    assert owner_of(rules, path) == answer
    assert rules.problems == ()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("!docs/ @b", "2:1 a pattern cannot begin with “!”"),
        ("  [ab].md @b", "2:3 a pattern cannot have [ ]"),
        ("x[0-9] @b", "2:1 a pattern cannot have [ ]"),
        ("\\#x @b", "2:1 a “\\” does not make a pattern of a comment"),
        ("*.md bob", '2:6 "bob" cannot be an owner'),
        ("*.md @b @", '2:9 "@" cannot be an owner'),
        ("*.md @b,@c", '2:6 "@b,@c" cannot be an owner'),
        ("[Docs] bob", '2:8 "bob" cannot be an owner'),
    ],
)
def test_a_line_that_github_refuses_is_skipped_and_said(line: str, problem: str) -> None:
    rules = parse(f"* @a\n{line}\n".encode(), FILE)

    assert owner_of(rules, "docs/x.md") == Owned(("@a",), 1)
    assert [str(said).split("; ")[0] for said in rules.problems] == [f"{FILE}:{problem}, so this line is skipped"]
    assert {said.severity for said in rules.problems} == {"warning"}


def test_a_file_above_3_mib_is_not_read() -> None:
    rules = parse(b"* @a\n" * (codeowners.MAX_BYTES // 5 + 1), FILE)

    assert owner_of(rules, "x") == Unmatched()
    assert [problem.place.line for problem in rules.problems] == [1]
    assert parse(None, FILE) == rules


def test_more_lines_than_anybody_writes_are_left_out() -> None:
    rules = parse(b"a @a\n" * (codeowners.MAX_RULES + 100), FILE)

    assert len(rules.rules) == codeowners.MAX_RULES
    assert len(rules.problems) == codeowners.MAX_PROBLEMS


Judge = Callable[[str, list[str]], set[str]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = tmp_path_factory.mktemp("judge")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    ignore = Path(folder) / "patterns"

    def ignored(pattern: str, paths: list[str]) -> set[str]:
        ignore.write_text(pattern + "\n")
        asked = ["git", "-C", str(folder), "-c", f"core.excludesFile={ignore}", "check-ignore", "--no-index", "--stdin"]
        done = subprocess.run(asked, input="\n".join(paths), capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return set(done.stdout.split("\n")[:-1])

    return ignored


PARTS = st.text(st.sampled_from("aab.*?"), min_size=1, max_size=3) | st.sampled_from(["a", "b", "*", "**", "**", "a.b"])
# What git reads otherwise by definition: a folder’s own children (docs/*), . and .. which name nothing, and a ** that
# does not stand alone (git takes the a off a**/b first).
PATTERNS = st.builds(
    lambda start, parts, end: start + "/".join(parts) + end,
    st.sampled_from(["", "", "/"]),
    st.lists(PARTS, min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
).filter(lambda pattern: not pattern.endswith("/*") and not re.search(r"[^/]\*\*", pattern))
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", ".a", "aa", "aab"]), min_size=1, max_size=5).map("/".join)


@pytest.mark.long
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATTERNS, st.lists(PATHS, min_size=8, max_size=16, unique=True))
def test_a_pattern_means_what_git_says_it_means(judge: Judge, pattern: str, paths: list[str]) -> None:
    assert {path for path in paths if globs.matches(compiled(pattern), path)} == judge(pattern, paths)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text("*/a @\\[]^!#\n?", max_size=60).map(str.encode), PATHS)
def test_no_text_makes_it_raise(text: bytes, path: str) -> None:
    rules = parse(text, FILE)

    owner_of(rules, path)
    assert all(problem.place.line >= 1 and problem.place.column >= 1 for problem in rules.problems)


def test_a_pattern_of_stars_takes_no_time() -> None:
    rules = parse(b"a*" * 2000 + b"b/**" * 2000 + b" @a", FILE)

    assert owner_of(rules, "a" * 4000) == Unmatched()
    assert owner_of(rules, "a/" * 2000 + "a") == Unmatched()
