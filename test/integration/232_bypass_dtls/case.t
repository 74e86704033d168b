#!/usr/bin/python3
"""Two ends with DTLS-SRTP whose media goes past us: they shake hands with each other."""

import re

from baresip import Baresip
from case import Case
from world import World

ENDS = {"pbx1": ("1001", 440), "itsp1": ("+442071234567", 1000)}


class Web(World):
    """pbx1 and itsp1 have DTLS-SRTP, and media between them may go past us."""

    def _peer(self, name):
        number, tone = ENDS[name]
        return Baresip(self.sandbox, name, "tls", "dtls", tone, numbers=[number],
                       certificate=self.ca.issue(name, [f"{name}.example"]))

    def objects(self):
        found = super().objects()
        for name in ENDS:
            found[f"med:1:profile:trunk:{name}"].update(
                srtp_mode="required", srtp_keys="dtls", avpf="yes", enable_bypass="yes")
        found["med:1:profile:global"] = {"bypass_mode": "always"}
        return found


def handshakes(packets, one, other):
    """Ports between which DTLS handshake records go."""
    return {p.dst[1] in other.rtp_ports for p in packets if p.src[1] in one.rtp_ports and p.payload[:1] == b"\x16"}


with Case(plan=9) as t:
    world = Web(t, peers=tuple(ENDS))
    for caller, callee, number in (("pbx1", "itsp1", "000442071234567"), ("itsp1", "pbx1", "+498955501001")):
        one, other = getattr(world, caller), getattr(world, callee)
        call = world.place(caller, callee, number)
        what = f"{caller} calls {callee}"
        t.equal((call.established, [leg.kind() for leg in call.legs()]), (True, ["SRTP", "SRTP"]), f"{what}: SRTP")
        t.ok(min(call.heard()) > 1, f"{what}: each hears the other") or t.diag(str(call.heard()))
        packets = call._packets()
        t.equal((handshakes(packets, one, other), handshakes(packets, other, one)), ({True}, {True}),
                f"{what}: they shake hands with each other, and with nobody else")
        said = [re.findall("^a=fingerprint:.*", message, re.M) for message in (call.sent_invite(), call.got_invites()[0])]
        t.ok(said[0] and said[0] == said[1], f"{what}: the fingerprint is passed on as it is")
    total = world.rtpengine.ng("statistics")["statistics"]["currentstatistics"]
    t.equal(int(total["sessionstotal"]), 0, "rtpengine had no session")
