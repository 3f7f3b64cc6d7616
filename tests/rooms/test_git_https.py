"""The mirror over https: a server with a certificate of its own, a password, and a proxy."""

import base64
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from catalog.git import Credentials, Mirror, Network
from ledger.errors import Code, Error
from tests.rooms.sources import Source
from tests.serving import serving

SECRET = "hunter2-correct-horse"
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


class Forge(BaseHTTPRequestHandler):
    """Git's own http server behind a password."""

    root: Path

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(f"git:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": asked.path,
            "QUERY_STRING": asked.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        said = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True).stdout
        head, _, content = said.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(lines.pop("Status", "200").split()[0]))
        for name, value in lines.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    made = Source(tmp_path / "src" / "checkout")
    made.commit("one", a_txt="1")
    return made


@pytest.fixture
def forge(tmp_path: Path, source: Source, certificate: Path) -> Iterator[str]:
    """The address of the forge."""
    handler = type("Handler", (Forge,), {"root": source.path.parent})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"https://127.0.0.1:{server.server_port}"


@pytest.fixture(autouse=True)
def a_hostile_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands around the portal must not matter to it."""
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "true")


@pytest.mark.parametrize("depth", [1, None])
def test_the_right_password_and_a_trusted_certificate_open(
    forge: str, certificate: Path, tmp_path: Path, depth: int | None
) -> None:
    mirror = Mirror.clone(
        f"{forge}/checkout/.git",
        tmp_path / "1",
        depth=depth,
        credentials=Credentials(secret=SECRET),
        network=Network(ca_file=certificate),
    )

    assert (mirror.head().subject, mirror.is_shallow) == ("one", depth == 1)


@pytest.mark.parametrize("credentials", [None, Credentials(secret="wrong"), Credentials("alice", SECRET)])
def test_a_wrong_password_is_a_sentence_without_it(
    forge: str, certificate: Path, tmp_path: Path, credentials: Credentials | None
) -> None:
    url = f"{forge}/checkout/.git"

    with pytest.raises(Error) as refused:
        Mirror.clone(url, tmp_path / "1", credentials=credentials, network=Network(ca_file=certificate))

    assert refused.value.code is Code.UNAVAILABLE
    assert refused.value.message == (
        f"{url} asks for a password; give the portal credentials for it, or an address that it may read"
    )
    assert SECRET not in repr(refused.value.detail)
    assert "wrong" not in refused.value.detail


def test_a_certificate_that_nobody_trusts_is_refused(forge: str, tmp_path: Path) -> None:
    with pytest.raises(Error) as refused:
        Mirror.clone(f"{forge}/checkout/.git", tmp_path / "1", credentials=Credentials(secret=SECRET))

    assert refused.value.message == (
        f"the certificate of {forge}/checkout/.git is not trusted; name the authority that signed it"
    )


def test_a_repository_that_is_not_there_is_a_sentence(forge: str, certificate: Path, tmp_path: Path) -> None:
    url, network = f"{forge}/nowhere.git", Network(ca_file=certificate)

    with pytest.raises(Error, match="there is no repository at"):
        Mirror.clone(url, tmp_path / "1", credentials=Credentials(secret=SECRET), network=network)


class Proxy(BaseHTTPRequestHandler):
    """Asks for a name, keeps the connection, writes down who is asked for, and refuses."""

    asked: list[str]
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        login = self.headers.get("Proxy-Authorization")
        self.asked.append(f"{self.path} {login}")
        self.send_response(403 if login else 407)
        self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Proxy,), {"asked": asked}))
    with serving(server):
        yield f"http://bob:{SECRET}@127.0.0.1:{server.server_port}", asked


def test_a_proxy_is_asked_where_one_is_named(proxy: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = proxy
    login = base64.b64encode(f"bob:{SECRET}".encode()).decode()

    with pytest.raises(Error) as refused:
        Mirror.clone("https://forge.example/a.git", tmp_path / "1", network=Network(proxy=address))

    assert asked[-1] == f"forge.example:443 Basic {login}"
    assert refused.value.message.startswith("the proxy does not let the portal reach https://forge.example/a.git")
    assert SECRET not in refused.value.message + refused.value.detail + repr(Network(proxy=address))


def test_a_host_that_needs_no_proxy_is_asked_itself(
    proxy: tuple[str, list[str]], forge: str, certificate: Path, tmp_path: Path
) -> None:
    address, asked = proxy
    network = Network(proxy=address, no_proxy="example.org,127.0.0.1", ca_file=certificate)

    Mirror.clone(f"{forge}/checkout/.git", tmp_path / "1", credentials=Credentials(secret=SECRET), network=network)

    assert asked == []
