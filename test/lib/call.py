"""One call between two baresip endpoints, and what it really was.

Everything here is seen from outside: SIP messages as the endpoints sent and got them,
packets as they were captured, tones as they were recorded.
"""

import re
import time

from capture import client_hellos, flows
from sandbox import PATIENCE, wait_for

ENDPOINT_ADDRESS = "127.0.0.1"


class Leg:
    """What one endpoint sent and got: flows are None where there was nothing."""

    def __init__(self, packets, ports):
        found = flows(packets)
        self.handshake = client_hellos(packets, ports) > 0
        self.sent = _largest(f for f in found.values()
                             if f.src[0] == ENDPOINT_ADDRESS and f.src[1] in ports)
        self.got = _largest(f for f in found.values()
                            if f.dst[0] == ENDPOINT_ADDRESS and f.dst[1] in ports)

    def kind(self):
        """'SRTP' or 'RTP', when both directions are; otherwise words."""
        kinds = [self.sent.kind(self.handshake) if self.sent else "nothing",
                 self.got.kind() if self.got else "nothing"]
        return kinds[0] if kinds[0] == kinds[1] else f"{kinds[0]} out, {kinds[1]} in"

    def counts(self):
        """(sent, got)."""
        return tuple(len(f.packets) if f else 0 for f in (self.sent, self.got))

    def others(self):
        """Addresses at the other end of the media."""
        return {*([self.sent.dst[0]] if self.sent else []),
                *([self.got.src[0]] if self.got else [])}


class Call:
    """
    Dials at once, waits for the answer, talks until both endpoints got `seconds` of
    audio, hangs up. `callee` is who should ring: Baresip; None: nobody should.
    """

    def __init__(self, capture, caller, callee, uri, seconds=1.5, timeout=PATIENCE):
        self.caller, self.callee = caller, callee
        self._capture, self._since = capture, time.time()
        if callee:
            callee.begin()
        caller.call(uri)
        self.established = caller.wait_answer(timeout)
        if self.established and callee:
            callee.wait_event("CALL_ESTABLISHED")
            self._talk(int(seconds * 50))
            caller.hang_up()
            caller.wait_closed()
            callee.wait_closed()

    def _talk(self, packets):
        """Ends without complaint at the deadline: what came is what there is to see."""
        deadline = time.monotonic() + packets / 50 + 10

        def heard():
            return time.monotonic() > deadline or all(
                min(leg.counts()) >= packets for leg in self.legs())

        wait_for("media", heard, interval=0.1)

    def _packets(self):
        return [p for p in self._capture.packets() if p.time >= self._since]

    def flows(self):
        return flows(self._packets())

    def legs(self):
        """(the caller's, the callee's)."""
        packets = self._packets()
        return Leg(packets, self.caller.rtp_ports), Leg(packets, self.callee.rtp_ports)

    def codes(self):
        """Of the responses the caller got to its INVITE."""
        return self.caller.codes()

    def sent_invite(self):
        return self.caller.requests("INVITE")[0]

    def got_invites(self):
        return self.callee.requests("INVITE")

    def heard(self):
        """Seconds of the other's tone: (at the caller, at the callee)."""
        return (self.caller.heard(self.callee.frequency),
                self.callee.heard(self.caller.frequency))


def called(invite):
    """User part of the Request-URI."""
    return _user(invite.split("\n", 1)[0])


def calling(invite):
    """The number an INVITE says it is from: P-Asserted-Identity where there is one."""
    header = re.search(r"^P-Asserted-Identity:(.*)$", invite, re.M | re.I) \
        or re.search(r"^(?:From|f):(.*)$", invite, re.M | re.I)
    return _user(header[1]) if header else ""


def _user(text):
    uri = re.search(r"(?:sips?:([^@;>\s]*)@|tel:([^;>\s]*))", text)
    return (uri[1] or uri[2] or "") if uri else ""


def _largest(found):
    return max(found, key=lambda f: len(f.packets), default=None)
