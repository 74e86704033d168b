#!/usr/bin/python3
"""Real media between endpoints of two makes, baresip and linphone: tones, and SRTP on one leg."""

import netns
from case import Case
from linphone import Linphone
from sandbox import Sandbox
from world import World


class Mixed(World):
    """One of the peers is linphone: `other`."""

    def __init__(self, sandbox, other, keys="sdes"):
        self.other, self.keys = other, keys
        super().__init__(sandbox, peers=("pbx1", "gw1"))

    def _peer(self, name):
        if name != self.other:
            return super()._peer(name)
        if name == "gw1":
            return Linphone(self.sandbox, name, "tcp", 620, "0301234567")
        return Linphone(self.sandbox, name, "tls", 440, "1001", self.ca.issue(name, ["pbx1.example"]),
                        self.keys)

    def objects(self):
        found = super().objects()
        found["med:1:profile:trunk:pbx1"]["srtp_keys"] = self.keys
        return found


netns.alone()  # linphone says another address than the one it is bound to, where there is one
with Case(plan=13) as t:
    def talk(world, caller, callee, number, kinds):
        call = world.place(caller, callee, number, seconds=3)
        makes = " calls ".join("linphone" if name == world.other else "baresip" for name in (caller, callee))
        t.equal((call.established, [leg.kind() for leg in call.legs()]), (True, kinds), f"{makes}: {kinds}")
        for peer, tone in ((world.gw1, 440), (world.pbx1, 620)):
            heard = peer.heard(tone)
            t.ok(heard > 1, f"{makes}: {peer.name} hears the other one's tone, {heard:.2f} s of it")

    world = Mixed(t, "gw1")
    talk(world, "pbx1", "gw1", "00301234567", ["SRTP", "RTP"])
    talk(world, "gw1", "pbx1", "08955501001", ["RTP", "SRTP"])
    for keys in ("sdes", "dtls"):
        with Sandbox(f"linphone-{keys}") as box:
            other = Mixed(box, "pbx1", keys)
            talk(other, "pbx1", "gw1", "00301234567", ["SRTP", "RTP"])
    t.equal(world.kamailio.alarms(), [], "nothing critical was logged")
