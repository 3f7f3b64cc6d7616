"""How HAProxy is told who gets how much: whole weights from percents, and its configuration as text. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

HEAVIEST = 256  # HAProxy's largest weight


@dataclass(frozen=True)
class Server:
    """One instance behind the proxy."""

    name: str  # 231-1
    port: int
    weight: int


@dataclass(frozen=True)
class Door:
    """A public port and the instances behind it."""

    site: str
    port: int
    servers: tuple[Server, ...]

    @property
    def backend(self) -> str:
        """HAProxy takes letters, digits and `-_.:` only.

        >>> Door("checkout@production", 20000, ()).backend
        'checkout:production'
        """
        return self.site.replace("@", ":")

    @property
    def frontend(self) -> str:
        """The port is part of the name, so that a changed port is seen in HAProxy's statistics."""
        return f"{self.backend}:{self.port}"


def weights(percents: Mapping[int, float], counts: Mapping[int, int]) -> Mapping[int, Sequence[int]]:
    """Return the weight of every instance, release by release, so that each release gets exactly its percentage.

    Where no equal whole weights up to 256 give it exactly, the instances of a release differ by one.

    >>> weights({230: 90, 231: 10}, {230: 4, 231: 1})
    {230: [9, 9, 9, 9], 231: [4]}
    """
    each = {
        release: Fraction(percents.get(release, 0)).limit_denominator(1000) / count
        for release, count in counts.items()
        if count
    }
    scale = Fraction(lcm(*(one.denominator for one in each.values()))) if each else Fraction(1)
    whole = [int(one * scale) for one in each.values()]
    scale /= gcd(*whole) or 1
    heaviest = max(each.values(), default=Fraction(0)) * scale
    if heaviest > HEAVIEST:
        scale *= Fraction(HEAVIEST) / heaviest
    return {release: _split(round(one * scale * counts[release]), counts[release]) for release, one in each.items()}


def _split(total: int, count: int) -> list[int]:
    return [total // count + (index < total % count) for index in range(count)]


CONFIG = """\
global
  maxconn {maxconn}
  nbthread {threads}
  stats socket {socket} mode 600 level admin expose-fd listeners
  hard-stop-after 60s
  # Or two portals on one machine could both open a port, and each would get half of the other's visitors.
  noreuseport
defaults
  mode http
  timeout connect 5s
  timeout client 5m
  timeout server 5m
  timeout tunnel 1h
  timeout http-request 30s
  # Short, for a cut-over soon after a reload waits for connections that are kept alive from before.
  timeout http-keep-alive 5s
  retries 3
  # An instance that refuses a connection is left for another at once.
  option redispatch 1
  # A connection per request towards the instances: none is reused in the moment in which its instance ends it.
  option http-server-close
  # A reload lets waiting connections have their next answer before it closes them.
  option idle-close-on-response
  option forwardfor
"""


def config(doors: Sequence[Door], host: str, socket: str, maxconn: int, threads: int) -> str:
    """Write HAProxy's configuration."""
    parts = [CONFIG.format(maxconn=maxconn, threads=threads, socket=socket)]
    for door in doors:
        parts.append(f"frontend {door.frontend}\n  bind {host}:{door.port}\n  default_backend {door.backend}\n")
        parts.append(f"backend {door.backend}\n  balance roundrobin\n")
        parts += [f"  server {one.name} {host}:{one.port} weight {one.weight}\n" for one in door.servers]
    return "".join(parts)
