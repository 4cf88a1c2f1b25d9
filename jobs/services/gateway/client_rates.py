"""A limit on the requests a second of each client."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

# Clients to remember; the one that was silent for longest is forgotten first.
_MOST_CLIENTS = 10_000


class ClientRates:
    """Allows each client `rate` requests a second, and those of one second at once; 0 allows all.

    The generic cell rate algorithm: a client is known by the time at which it would have no debt
    (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
    """

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._at_once = max(1.0, rate) * self._interval
        self._due: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Count a request at `now`, in seconds; return 0, or the seconds after which it would be allowed.

        >>> rates = ClientRates(2.0)
        >>> [rates.wait("10.0.0.1", at) for at in (0.0, 0.0, 0.0, 0.5)]
        [0.0, 0.0, 0.5, 0.0]
        """
        if not self._interval:
            return 0.0
        client = client_of(address)
        due = max(self._due.get(client, now), now) + self._interval
        if (wait := due - now - self._at_once) > 1e-9:
            return wait
        self._due[client] = due
        self._due.move_to_end(client)
        if len(self._due) > _MOST_CLIENTS:
            self._due.popitem(last=False)
        return 0.0


def client_of(address: str) -> str:
    """Return the client to which an address belongs: of IPv6, the network, because a client has all of it.

    >>> client_of("2001:db8:1:2:3::4"), client_of("10.0.0.1")
    ('2001:db8:1:2::/64', '10.0.0.1')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address
