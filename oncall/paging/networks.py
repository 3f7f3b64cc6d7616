"""Which addresses of the network a page may go to: the public ones, and what the configuration allows besides. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ledger.errors import Code, Error

Network = IPv4Network | IPv6Network
_NAT64 = ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address: RFC 6052
_6TO4 = ip_network("2002::/16")


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks that a configuration lists; raise Error(INVALID) for what is none."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text))
        except ValueError:
            raise Error(Code.INVALID, f"“{text[:60]}” is no network; write one like 10.0.0.0/8 or fd00::/8") from None
    return tuple(found)


def reachable(address: str, allowed: Sequence[Network]) -> bool:
    """Return whether a page may go to that IP address.

    >>> reachable("127.0.0.1", ()), reachable("169.254.169.254", ()), reachable("::ffff:10.0.0.1", ())
    (False, False, False)
    >>> reachable("10.1.2.3", networks(["10.0.0.0/8"])), reachable("9.9.9.9", ())
    (True, True)
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(ip)
    if any(one in network for one in (ip, inner) for network in allowed if one.version == network.version):
        return True
    return inner.is_global and not inner.is_multicast


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address may come wrapped into an IPv6 address in several ways."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip in _6TO4:
        return IPv4Address(int(ip) >> 80 & 0xFFFF_FFFF)
    return ip
