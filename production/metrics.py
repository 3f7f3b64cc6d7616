"""Asks Prometheus, over prometheus-api-client, whose faults end here: nothing hangs, nothing partial looks whole.

Every question has a session of its own, a time limit for its whole answer and a bound in bytes, is asked once, and is
never redirected. What the source says besides the values (warnings, the kind of its result) is read, too.
"""

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from ledger.errors import Code, Error
from production.bounded import MOST_BYTES, BoundedSession, TooMuch
from production.memorymetrics import refusal
from production.metricsport import MOST_SAMPLES, Answer, NoData, Sample, Trouble, Unheard, Values
from production.promql import names, near, quoted
from production.settings import written

TIMEOUT = timedelta(seconds=5)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Inf|inf)|NaN|nan", re.ASCII)
_RANGE = "the query gives a range over time; take [5m] at its end away, or put rate(…) or avg_over_time(…) around it"
_LISTED = 200  # names per question


@dataclass(frozen=True)
class Source:
    """One Prometheus. The token in the file is sent as a bearer token, or, with `user`, as that user's password."""

    url: str
    token_file: Path | None = None
    user: str | None = None
    ca_file: Path | None = None
    timeout: timedelta = TIMEOUT


class PrometheusMetrics:
    """The real thing. Keeps no connection and no state, so that any thread may ask."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        """Raise Error(INVALID) for a source that can never be asked."""
        for name, source in sources.items():
            _refuse(name, source)
        self._sources = dict(sources)

    def query(self, source: str, promql: str, at: datetime) -> Answer:
        if refused := refusal(source, promql, self._sources):
            return refused
        return _Question(source, self._sources[source]).value(promql, at)

    def unknown(self, source: str, promql: str) -> Sequence[Unheard] | Trouble:
        if refused := refusal(source, promql, self._sources):
            return refused
        return _Question(source, self._sources[source]).unheard(names(promql)[:_LISTED])


def _refuse(name: str, source: Source) -> None:
    parts = urlsplit(source.url)
    said = ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        said = f"its url must be like http://prometheus:9090, not “{source.url[:100]}”"
    elif parts.username or parts.password:
        said = "write no password into its url; use user and token_file"
    elif source.user is not None and source.token_file is None:
        said = "a user needs a token_file with the password"
    elif not timedelta(0) < source.timeout <= timedelta(minutes=1):
        said = "its timeout must be between 1ms and 1m"
    if said:
        raise Error(Code.INVALID, f"metrics source “{name}”: {said}")


class _Trouble(Exception):
    """Ends a question with an answer."""

    def __init__(self, why: str, permanent: bool = False) -> None:
        super().__init__(why)
        self.answer = Trouble(why, permanent)


class _Question:
    """One source, asked now."""

    def __init__(self, name: str, source: Source) -> None:
        self._name = name
        self._source = source
        self._token = ""

    def value(self, promql: str, at: datetime) -> Answer:
        limit = f"{self._source.timeout.total_seconds():g}s"
        try:
            said = self._asked(
                lambda source: source.custom_query(promql, params={"time": f"{at.timestamp():.3f}", "timeout": limit})
            )
            if warned := self._warnings(said):
                return NoData(f"{self._name} says that its answer is not whole: {warned}", partial=True)
            return self._values(said.get("data"))
        except _Trouble as trouble:
            return trouble.answer

    def unheard(self, asked: Sequence[str]) -> Sequence[Unheard] | Trouble:
        """Ask for the names alone first: a list of all metrics may be long, and is needed for a near miss only."""
        matches = [f"{{__name__={quoted(name)}}}" for name in asked]
        try:
            missing = sorted(set(asked) - set(self._names(matches)), key=list(asked).index) if asked else []
            if not missing:
                return []
        except _Trouble as trouble:
            return trouble.answer
        try:
            known = self._names([])
        except _Trouble:
            known = []  # without them there is no hint, but the names are still missing
        return [Unheard(name, near(name, known)) for name in missing]

    def _names(self, matches: Sequence[str]) -> Sequence[str]:
        params = {"match[]": list(matches)} if matches else {}
        said = self._asked(lambda source: source.get_label_values("__name__", params=params))
        if warned := self._warnings(said):
            raise _Trouble(f"{self._name} says that its list of names is not whole: {warned}")
        known = said.get("data") or []
        if not isinstance(known, list) or not all(isinstance(name, str) for name in known):
            raise _Trouble(self._nonsense())
        return known

    def _asked(self, question: Any) -> Mapping[str, Any]:
        """Ask through the client, and return the whole answer, of which the client shows only a part."""
        url = self._source.url.rstrip("/")
        session = BoundedSession(self._source.timeout, str(self._source.ca_file) if self._source.ca_file else None)
        with session:
            client = PrometheusConnect(url, headers=self._headers(), session=session)
            session.mount_bounded(url)
            self._failing(lambda: question(client))
            return self._understood(session.last)

    def _headers(self) -> Mapping[str, str]:
        headers = {"User-Agent": "fullcycle"}
        if self._source.token_file is None:
            return headers
        try:
            self._token = self._source.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise _Trouble(
                f"the token file of {self._name} cannot be read; look at {self._source.token_file}"
            ) from None
        if not self._token or not self._token.isprintable() or not self._token.isascii():
            raise _Trouble(f"the token file of {self._name} must hold one line with the token", permanent=True)
        if self._source.user is None:
            return headers | {"Authorization": f"Bearer {self._token}"}
        both = base64.b64encode(f"{self._source.user}:{self._token}".encode()).decode()
        return headers | {"Authorization": f"Basic {both}"}

    def _failing(self, ask: Any) -> None:
        """Put what goes wrong on the way into words."""
        limit = written(self._source.timeout)
        try:
            ask()
        except PrometheusApiClientException:
            pass  # any other status than 200; the answer itself says more
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
                raise _Trouble(f"{self._name} cannot be asked: its url is wrong", permanent=True) from None
            # The client stumbles over what is no Prometheus; it is looked at below.
        except (TimeoutError, requests.exceptions.Timeout):
            raise _Trouble(f"{self._name} did not answer within {limit}") from None
        except TooMuch:
            raise _Trouble(
                f"{self._name} answers more than {MOST_BYTES >> 20} MB; ask for less", permanent=True
            ) from None
        except requests.exceptions.SSLError:
            raise _Trouble(f"the certificate of {self._name} is not trusted; set its ca_file", permanent=True) from None
        except (requests.exceptions.ConnectionError, ConnectionError):
            raise _Trouble(f"{self._name} cannot be reached, or cut the connection") from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise _Trouble(f"{self._name} could not be asked: {self._safe(str(error))}") from None

    def _understood(self, response: requests.Response | None) -> Mapping[str, Any]:
        if response is None:
            raise _Trouble(self._nonsense())
        status = response.status_code
        if 300 <= status < 400:
            said = (
                f"{self._name} sends us elsewhere ({status}); set its url to where it really is, and a token if needed"
            )
            raise _Trouble(said, permanent=True)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _Trouble(f"{self._name} answers in a coding that was not asked for; ask it without the proxy")
        said = _json(response.content)
        if status in (401, 403):
            raise _Trouble(f"{self._name} refuses us ({status}); check its token_file", permanent=True)
        if status != 200 or not isinstance(said, dict) or said.get("status") != "success":
            raise self._refused(status, said)
        return said

    def _refused(self, status: int, said: Any) -> _Trouble:
        why = self._safe(str(said["error"])) if isinstance(said, dict) and said.get("error") else ""
        if status in (400, 422) and why:
            return _Trouble(f"{self._name} refuses the query: {why}", permanent=True)
        if status == 200:
            return _Trouble(f"{self._name} failed: {why}" if why else self._nonsense())
        hint = "; is its url right?" if status == 404 else ""
        return _Trouble(f"{self._name} answered {status}{f': {why}' if why else ''}{hint}", permanent=status == 404)

    def _values(self, data: Any) -> Answer:
        kind = data.get("resultType") if isinstance(data, dict) else None
        found = data.get("result") if isinstance(data, dict) else None
        if kind == "matrix":
            return Trouble(_RANGE, permanent=True)
        if kind == "string":
            return Trouble("the query gives a text; write one that gives a number", permanent=True)
        if kind not in ("vector", "scalar") or not isinstance(found, list):
            return Trouble(self._nonsense())
        series = [{"metric": {}, "value": found}] if kind == "scalar" else found
        if len(series) > MOST_SAMPLES:
            said = f"the query gives {len(series)} values; at most {MOST_SAMPLES} are looked at"
            return Trouble(f"{said}, so put sum(…) around it", permanent=True)
        if any(isinstance(one, dict) and "histogram" in one for one in series):
            return Trouble("the query gives histograms; put histogram_quantile(0.99, …) around it", permanent=True)
        samples = [_sample(one) for one in series]
        if None in samples:
            return Trouble(self._nonsense())
        whole = tuple(sample for sample in samples if sample is not None)
        return Values(whole) if whole else NoData("the query finds no series")

    def _warnings(self, said: Mapping[str, Any]) -> str:
        warned = said.get("warnings")
        if not warned:
            return ""
        return self._safe("; ".join(str(one) for one in warned[:3]) if isinstance(warned, list) else str(warned))

    def _nonsense(self) -> str:
        return f"{self._name} answered something that is not Prometheus’s, or only half of it"

    def _safe(self, text: str) -> str:
        """Return a source's own words, short, on one line, and without our token."""
        hidden = text.replace(self._token, "…") if self._token else text
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in hidden[:1000]).split())
        return line if len(line) <= 200 else f"{line[:199]}…"


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _sample(series: Any) -> Sample | None:
    """Read one value with its labels; None when it is not the shape that it must have."""
    labels = series.get("metric") if isinstance(series, dict) else None
    pair = series.get("value") if isinstance(series, dict) else None
    if not isinstance(labels, dict) or not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], str):
        return None
    if not _NUMBER.fullmatch(pair[1]):
        return None
    value = float(pair[1])
    return Sample(math.nan if math.isnan(value) else value, {str(key): str(said) for key, said in labels.items()})
