"""Markdown from repositories, made safe to show: words and links come through, nothing that runs or loads does.

Pure: text in, markup out. Markup inside the text is left out, pictures become links to them, links lead to http, https
and mailto only, and what is made is cleaned once more by a second library before anybody sees it.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

MAX = 60_000  # characters that are rendered; the rest is one click away
SCHEMES = frozenset({"http", "https", "mailto"})
TAGS = frozenset(
    {
        *("p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s"),
        *("a", "table", "thead", "tbody", "tr", "th", "td", "div"),
    }
)
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")  # browsers skip some
_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)
_TITLE = re.compile(r"[^\w\- ]")

FileUrl = Callable[[str], str | None]  # a path in the repository -> its page at the forge


@dataclass(frozen=True)
class Prose:
    """`cut`: there is more than is shown."""

    html: Markup
    cut: bool = False


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return True  # every link is judged below, and one that may not be keeps its words


def nowhere(_path: str) -> str | None:
    return None


def render(text: str, *, folder: str = "", file_url: FileUrl = nowhere, top: int = 3, mark: str = "text") -> Prose:
    """Return markdown as markup whose headings begin at `top`.

    `folder` is where the text lies in its repository; `mark` begins the ids of its headings.

    >>> str(render("See [the *rules*](javascript:alert(1))").html).strip()
    '<p>See the <em>rules</em></p>'
    """
    parser = _Parser("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(text[:MAX])
    _shift_headings(tokens, top, mark)
    for token in tokens:
        _tidy(token)
        if token.children:
            token.children = _inline(token.children, _Links(folder, file_url, mark))
    return Prose(Markup(_clean(parser.renderer.render(tokens, parser.options, {}))), len(text) > MAX)


def plain(text: str) -> Prose:
    """Return text that is no markdown, as it stands."""
    return Prose(Markup('<pre tabindex="0">{}</pre>').format(text[:MAX]), len(text) > MAX)


def _clean(html: str) -> str:
    """Keep what may stay, by another library's reading of the same markup.

    What may be wider than the page can be scrolled by keys too.
    """
    wide = html.replace("<table>", '<div class="across" tabindex="0"><table>').replace("</table>", "</table></div>")
    return nh3.clean(
        wide.replace("<pre>", '<pre tabindex="0">'),
        tags=set(TAGS),
        attributes={
            "a": {"href"},
            "ol": {"start"},
            "pre": {"tabindex"},
            "div": {"tabindex"},
            **{f"h{level}": {"id"} for level in range(3, 7)},
        },
        allowed_classes={"td": {"num"}, "th": {"num"}, "div": {"across"}},
        url_schemes=set(SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )


def safe_link(address: str) -> str | None:
    """Return a whole address that may be followed, None for any other.

    >>> safe_link("https://example.org/a"), safe_link("javascript:alert(1)"), safe_link("a.md")
    ('https://example.org/a', None, None)
    """
    return _Links("", nowhere, "").lead(address) if not address.startswith("#") else None


# --- headings and blocks --------------------------------------------------------------------------------------------


def _shift_headings(tokens: Sequence[Token], top: int, mark: str) -> None:
    """Number the headings from `top` without leaving a level out, and give them ids that links in the text reach."""
    above: list[int] = []
    seen: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            said = int(token.tag[1])
            while above and above[-1] >= said:
                above.pop()
            above.append(said)
            token.attrSet("id", f"{mark}-{_numbered(_slug(tokens[at + 1].content), seen)}")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(top + len(above) - 1, 6)}"


def _slug(title: str) -> str:
    """Name a heading as forges do.

    >>> _slug("How to *roll* back?")
    'how-to-roll-back'
    """
    return _TITLE.sub("", title.lower()).strip().replace(" ", "-")


def _numbered(slug: str, seen: dict[str, int]) -> str:
    seen[slug] = seen.get(slug, -1) + 1
    return f"{slug}-{seen[slug]}" if seen[slug] else slug


def _tidy(token: Token) -> None:
    """Mend one block: markup becomes its words, style becomes a class."""
    if token.type == "html_block":
        words = nh3.clean(_COMMENT.sub("", token.content), tags=set(), clean_content_tags={"script", "style"})
        token.content = f"<p>{words.strip()}</p>\n" if words.strip() else ""
    elif token.type in ("fence", "code_block"):
        token.type, token.info = "code_block", ""
        token.attrs = {}
    elif token.type in ("th_open", "td_open"):
        token.attrs = {"class": "num"} if "right" in str(token.attrs.get("style", "")) else {}


# --- links and pictures ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Links:
    folder: str
    file_url: FileUrl
    mark: str

    def lead(self, href: str) -> str | None:
        """Return where a link leads, None when it may lead nowhere."""
        bare = _UNSEEN.sub("", href)
        if bare.startswith("//"):
            bare = f"https:{bare}"
        if found := _SCHEME.match(bare):
            return bare if found[1].lower() in SCHEMES and _is_whole(bare) else None
        if bare.startswith("#"):
            return f"#{self.mark}-{bare[1:].lower()}" if len(bare) > 1 else None
        return self._file(bare)

    def _file(self, href: str) -> str | None:
        """Return the page of a file of the same repository; a path that leads out of it leads nowhere."""
        path, _, fragment = href.partition("#")
        path = unquote(path.partition("?")[0])
        if not path or ":" in path.partition("/")[0] or "\\" in path or any(ord(sign) < 32 for sign in path):
            return None
        inside = posixpath.normpath(path.lstrip("/") if path.startswith("/") else posixpath.join(self.folder, path))
        if inside.startswith("..") or inside.startswith("/"):
            return None
        url = self.file_url("" if inside == "." else inside)
        if url is None or urlsplit(url).scheme not in ("http", "https"):
            return None
        return f"{url}#{fragment}" if fragment else url


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "mailto" or bool(parts.hostname)
    except ValueError:
        return False


def _inline(tokens: Sequence[Token], links: _Links) -> list[Token]:
    """Judge each link; one that may not be keeps its words, and a picture becomes a link to it."""
    told: list[Token] = []
    open_links: list[bool] = []  # whether each link around us leads somewhere
    for token in tokens:
        if token.type == "link_open":
            href = links.lead(str(token.attrs.get("href", "")))
            open_links.append(href is not None)
            if href is not None:
                told.append(Token("link_open", "a", 1, attrs={"href": href}))
        elif token.type == "link_close":
            if open_links.pop():
                told.append(token)
        elif token.type == "image":
            told += _picture(token, links, inside=any(open_links))
        elif token.type == "html_inline":
            told += [Token("hardbreak", "br", 0)] if token.content.lower().startswith("<br") else []
        else:
            told.append(token)
    return told


def _picture(token: Token, links: _Links, *, inside: bool) -> list[Token]:
    src = str(token.attrs.get("src", ""))
    path = "" if src.startswith("data:") else unquote(src.partition("?")[0].partition("#")[0])
    name = path.rstrip("/").rpartition("/")[2]
    words = Token("text", "", 0, content=token.content.strip() or name[:60] or "picture")
    href = None if inside else links.lead(src)
    if href is None:
        return [words]
    return [Token("link_open", "a", 1, attrs={"href": href}), words, Token("link_close", "a", -1)]
