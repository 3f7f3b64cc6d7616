"""Text from repositories is shown as words and links; nothing in it runs, loads or leads astray."""

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal import prose


def at_forge(path: str) -> str:
    return f"https://forge.example/shop/blob/main/{quote(path)}"


def shown(text: str, folder: str = "") -> str:
    return str(prose.render(text, folder=folder, file_url=at_forge).html).strip()


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.leads: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.leads += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


# What is written comes through.


def test_words_lists_tables_and_code_come_through() -> None:
    html = shown("Some *words*.\n\n- one\n- two\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx = '<b>'\n```")

    assert "<em>words</em>" in html
    assert "<li>one</li>" in html
    assert '<div class="across" tabindex="0"><table>' in html
    assert '<td class="num">2</td>' in html
    assert "<pre tabindex=\"0\"><code>x = '&lt;b&gt;'" in html


@pytest.mark.parametrize(
    ("levels", "shown_levels"),
    [
        ((1, 2, 3), (3, 4, 5)),
        ((2, 2), (3, 3)),
        ((1, 4, 2), (3, 4, 4)),  # no level is left out on the page
        ((3, 1), (3, 3)),
        ((1, 2, 3, 4, 5, 6), (3, 4, 5, 6, 6, 6)),
    ],
)
def test_headings_stand_below_the_pages_own_and_leave_no_level_out(
    levels: tuple[int, ...], shown_levels: tuple[int, ...]
) -> None:
    html = shown("\n\n".join(f"{'#' * level} title" for level in levels))

    assert tuple(map(int, re.findall(r"<h(\d)", html))) == shown_levels


def test_a_link_within_the_text_reaches_its_heading() -> None:
    html = shown("[how](#roll-back)\n\n## Roll back\n\n## Roll back")

    assert 'href="#text-roll-back"' in html
    assert re.findall(r'id="([^"]+)"', html) == ["text-roll-back", "text-roll-back-1"]


# Links and pictures.

LINKS = [
    ("https://example.org/a", "https://example.org/a"),
    ("HTTP://example.org", "HTTP://example.org"),
    ("mailto:shop@example.org", "mailto:shop@example.org"),
    ("//example.org/a", "https://example.org/a"),
    ("guide.md", "https://forge.example/shop/blob/main/docs/guide.md"),
    ("./guide.md?plain=1#top", "https://forge.example/shop/blob/main/docs/guide.md#top"),
    ("../LICENSE", "https://forge.example/shop/blob/main/LICENSE"),
    ("/LICENSE", "https://forge.example/shop/blob/main/LICENSE"),
    ("a%20b.md", "https://forge.example/shop/blob/main/docs/a%20b.md"),
    ("../../etc/passwd", None),
    ("..%2f..%2fetc/passwd", None),
    ("javascript:alert(1)", None),
    ("JaVaScRiPt:alert(1)", None),
    ("java&#115;cript:alert(1)", None),
    ("java%0ascript:alert(1)", None),
    ("\u200bjavascript:alert(1)", None),
    ("data:text/html,<script>alert(1)</script>", None),
    ("vbscript:x", None),
    ("file:///etc/passwd", None),
    ("ftp://example.org/a", None),
    ("https:", None),
    ("https://[", None),
    ("#", None),
]


@pytest.mark.parametrize(("said", "leads"), LINKS)
def test_a_link_leads_to_the_web_or_to_a_file_at_its_forge_or_is_only_words(said: str, leads: str | None) -> None:
    read = Reader(shown(f"[words](<{said}>)", folder="docs"))

    assert read.leads == ([leads] if leads else [])
    assert "words" in read.words


def test_without_a_forge_a_relative_link_is_only_words() -> None:
    assert str(prose.render("[words](guide.md)").html).strip() == "<p>words</p>"


@pytest.mark.parametrize(
    ("said", "words", "leads"),
    [
        ("![a map](map.png)", "a map", ["https://forge.example/shop/blob/main/map.png"]),
        ("![](https://example.org/map.png?v=1)", "map.png", ["https://example.org/map.png?v=1"]),
        ("![a map](data:image/png;base64,AAAA)", "a map", []),
        ("![](data:image/png;base64,AAAA)", "picture", []),
        ("[![passing](badge.svg)](https://ci.example)", "passing", ["https://ci.example"]),
    ],
)
def test_a_picture_is_a_link_with_its_words_and_nothing_is_loaded(said: str, words: str, leads: list[str]) -> None:
    read = Reader(shown(said))

    assert "img" not in read.tags
    assert (read.words.strip(), read.leads) == (words, leads)


def test_markup_in_the_text_is_left_out_and_its_words_stay() -> None:
    html = shown(
        '<p align="center"><b onclick="x()">Hello</b></p>\n\n<script>alert(1)</script>\n\na<br>b <i>c</i><!-- no -->'
    )

    assert Reader(html).tags <= {"p", "br"}
    assert "Hello" in html
    assert "alert" not in html
    assert "no" not in html


# Hostile text.

PIECES = st.sampled_from(
    (
        *("[a](", "![", "](", "<", ">", "</", "script", "javascript:", "data:", " onerror=", "style=", "#", "`", "|"),
        *("|-|", "&#", "&lt;", ";", '"', "'", "<!--", "-->", "<svg/onload=x>", "//", "x", "[x]:", "<a href="),
        *("\n", "\n\n", "\t", "\0", " "),
    )
)
HOSTILE = st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join)
SAFE = {"href", "id", "class", "rel", "start", "tabindex"}


@pytest.mark.long
@given(HOSTILE)
@settings(max_examples=400, deadline=None)
@example("<svg><style><img src=x onerror=alert(1)></style></svg>")
@example("[a](javascript&colon;alert(1))")
@example("<div\n\nonclick=x>")
@example("[x]: javascript:alert(1)\n[x]")
@example("<noscript><p title='</noscript><img src=x onerror=alert(1)>'>")
def test_no_text_yields_a_script_a_handler_or_another_scheme(text: str) -> None:
    read = Reader(shown(text))

    assert read.tags <= prose.TAGS
    assert read.attributes <= SAFE
    for address in read.leads:
        assert address.startswith("#") or urlsplit(address).scheme in prose.SCHEMES


@pytest.mark.long
@pytest.mark.parametrize("bad", ["[", "![", "*a_ ", "`a", "<", "<!--", "[](", "> ", "- ", "| a ", "&", "[a]: /x\n"])
def test_long_hostile_text_is_cut_and_shown_soon(bad: str) -> None:
    read = prose.render(bad * 1_000_000)

    assert read.cut
    assert len(read.html) < 10 * prose.MAX


def test_plain_text_is_shown_as_it_stands() -> None:
    assert str(prose.plain("<b>\n  x").html) == '<pre tabindex="0">&lt;b&gt;\n  x</pre>'
    assert prose.plain("x" * (prose.MAX + 1)).cut
