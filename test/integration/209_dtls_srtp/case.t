#!/usr/bin/python3
"""A trunk whose keys are DTLS's, from Redis to the packets: towards RTP and SDES."""

import re

from baresip import Baresip
from capture import client_hellos
from case import Case
from world import World

PROFILE = {"srtp_keys": "dtls", "avpf": "yes"}


class Web(World):
    """pbx1 has DTLS-SRTP."""

    def _peer(self, name):
        if name != "pbx1":
            return super()._peer(name)
        return Baresip(self.sandbox, name, "tls", "dtls", 440, numbers=["1001"],
                       certificate=self.ca.issue(name, ["pbx1.example"]))

    def objects(self):
        found = super().objects()
        found["med:1:profile:trunk:pbx1"].update(PROFILE)
        return found


def keys(messages):
    """What they say of keys."""
    return sorted(set(re.findall(r"^a=(crypto|fingerprint|candidate):", "\n".join(messages), re.M)))


with Case(plan=15) as t:
    world = Web(t, peers=("pbx1", "gw1", "itsp1"))
    for caller, callee, number, kinds in (("pbx1", "gw1", "00301234567", ["SRTP", "RTP"]),
                                          ("gw1", "pbx1", "08955501001", ["RTP", "SRTP"]),
                                          ("pbx1", "itsp1", "000442071234567", ["SRTP", "SRTP"])):
        call = world.place(caller, callee, number)
        name = f"{caller} to {callee}"
        t.equal((call.established, [leg.kind() for leg in call.legs()]), (True, kinds), f"{name}: {kinds}")
        t.ok(min(call.heard()) > 1, f"{name}: each hears the other") or t.diag(str(call.heard()))
        t.equal(keys(world.pbx1.messages()), ["fingerprint"], f"{name}: no key is said to pbx1, nor by it")
        t.ok(client_hellos(world.capture.packets(), world.pbx1.rtp_ports), f"{name}: they shake hands")

    explained = world.kamailio.rpc("mediation.explain", "gw1", "-", "08955501001")
    t.like(explained, "its media is DTLS-SRTP", "mediation.explain says what the trunk has")
    t.like(world.kamailio.rpc("mediation.trunks", "pbx1"), r"srtp: required\s+srtp_keys: dtls",
           "mediation.trunks as well")
    t.equal(world.kamailio.alarms(), [], "nothing critical was logged")
