"""A browser for the tests of the pages: it keeps cookies and fills in a form's token, and shows what came back."""

import re
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.doors.served import PASSWORD, Served

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """Somebody at the pages, logged in when she has a name."""

    def __init__(self, app: Flask, who: str | None = None, password: str = PASSWORD) -> None:
        self.client = app.test_client()
        if who is not None:
            assert self.post("/login", name=who, password=password).status_code == 303, f"{who} cannot log in"

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, **form: str) -> TestResponse:
        """Send a form as the page would: with the token of this session."""
        return self.client.post(path, data={"csrf_token": self.token(), **form})

    def token(self) -> str:
        page = self.get("/login")
        if page.status_code != 200:  # logged in already
            page = self.get("/account")
        found = TOKEN.search(page.text)
        assert found, "the page has no form"
        return found[1]

    def shown(self, path: str) -> str:
        """Return a page's words: without tags, with its narrow spaces made plain."""
        page = self.get(path)
        assert page.status_code == 200, f"{path}: {page.status_code}"
        return words(page)


def words(page: TestResponse) -> str:
    text = re.sub(r"<(script|style|symbol|svg)\b.*?</\1>", " ", page.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)).replace("\u202f", " ")).replace(" .", ".")


def browser(served: Served, who: str | None = None) -> Browser:
    """Return somebody at the pages of that portal; all come from one address, so tries are counted anew."""
    for limiter in served.app.extensions["limiter"]:
        limiter.reset()
    return Browser(served.app, who)
