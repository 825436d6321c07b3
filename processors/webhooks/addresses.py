"""Which addresses may be called: public ones, and those that an operator allows. Asked of what is connected to, not of names."""

import ipaddress
from collections.abc import Sequence

from processors.webhooks.settings import Network

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Translated by a gateway to the IPv4 address in the last four bytes (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What is in neither is for machines, links, sites or nothing at all, whatever `is_global` says of it.
_ASSIGNED = (ipaddress.IPv6Network("2000::/3"), _NAT64)
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")


def allowed(address: str, networks: Sequence[Network]) -> bool:
    """Whether an operator lets it be called whatever it is."""
    return any(_in(each, network) for each in _ways(_parsed(address)) for network in networks)


def public(address: str) -> bool:
    """Whether it is a public one, and so is every address that is hidden in it."""
    return all(_is_public(each) for each in _ways(_parsed(address)))


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and not _is_assigned(address):
        return False
    return address.is_global and not address.is_multicast


def _is_assigned(address: ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _ASSIGNED) and address not in _DOCUMENTATION


def _parsed(address: str) -> _Address:
    # Without the zone of a link-local one.
    return ipaddress.ip_address(address.partition("%")[0])


def _in(address: _Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _ways(address: _Address) -> list[_Address]:
    """The address, or the IPv4 one that a packet to it ends up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    hidden: list[_Address] = [address]
    if address.sixtofour is not None:
        hidden.append(address.sixtofour)
    if address in _NAT64:
        hidden.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return hidden
