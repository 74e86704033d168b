#!/usr/bin/python3
"""Redis, a gateway or rtpengine is killed while people talk: calls go on as far as physics
allows, new ones get a clear answer at once, and recovery needs nobody."""

import time

from call import Call
from case import Case
from sandbox import Failure, wait_for
from world import World


def rpc(world, word):
    try:
        return world.kamailio.rpc(word)
    except Failure:
        return ""


class Talk(Call):
    """A call that stays up until end()."""

    def __init__(self, world, caller, callee, number):
        self.world = world
        caller, callee = getattr(world, caller), getattr(world, callee)
        callee.begin()
        self.caller, self.callee = caller, callee
        self._capture, self._since = world.capture, time.time()
        caller.call(world.uri(caller.name, number))
        self.established = caller.wait_answer()

    def hears(self, seconds=0.6):
        """Do both sides get packets from now on?"""
        before = [min(leg.counts()) for leg in self.legs()]
        wanted = [count + int(seconds * 50) for count in before]
        try:
            wait_for("both sides to be heard", lambda: all(
                min(leg.counts()) >= count for leg, count in zip(self.legs(), wanted)),
                seconds + 10, 0.1)
            return True
        except Failure:
            return False

    def end(self):
        """Hung up by the caller; did both see it?"""
        self.caller.hang_up()
        try:
            self.caller.wait_closed()
            self.callee.wait_closed()
            return True
        except Failure:
            return False


def refused_in(world, number):
    """A call that is refused: its final code, and after how many seconds."""
    began = time.monotonic()
    world.pbx1.call(world.uri("pbx1", number))
    answered = world.pbx1.wait_answer()
    took = time.monotonic() - began
    if answered:
        world.pbx1.hang_up()
    return world.pbx1.codes()[-1], took


with Case(plan=17) as t:
    world = World(t)

    talk = Talk(world, "pbx1", "gw1", "00301234567")
    t.ok(talk.established and talk.hears(), "people talk")

    world.redis.process.kill()
    wait_for("Kamailio to miss Redis",
             lambda: "store: down" in rpc(world, "mediation.status"))
    t.ok(talk.hears(), "Redis killed: they go on talking")
    t.ok(talk.end(), "and hang up")
    again = Talk(world, "pbx1", "gw1", "00301234567")
    t.ok(again.established and again.hears(), "Redis away: a new call, with audio")
    world.redis.start()
    world.redis.load(world.objects())
    wait_for("Kamailio to have Redis again",
             lambda: "store: live" in rpc(world, "mediation.status"))
    t.ok(again.hears() and again.end(), "Redis back: nothing is felt")

    talk = Talk(world, "pbx1", "gw1", "00301234567")
    t.ok(talk.established and talk.hears(), "people talk through gw1")
    world.gw1.process.kill()
    talk.caller.hang_up()
    talk.caller.wait_closed()
    t.ok(True, "gw1 killed: the caller can hang up")
    second = Talk(world, "pbx1", "gw2", "00301234567")
    t.ok(second.established and second.hears(), "gw1 gone: the next call leaves by gw2")
    took = time.monotonic() - second._since
    t.ok(took < 10, f"without a wait ({took:.1f} s until heard)")

    world.rtpengine.process.kill()
    wait_for("Kamailio to miss the policy listener",
             lambda: "policy_listener: no" in rpc(world, "mediation.status"))
    t.ok(second.end(), "rtpengine killed: the call can be ended")
    code, took = refused_in(world, "00301234567")
    t.equal(code, 503, "a new call: 503")
    t.ok(took < 6, f"at once ({took * 1000:.0f} ms)")
    code, took = refused_in(world, "000442071234567")
    t.equal(code, 503, "and to any other trunk: 503")
    t.ok(took < 6, f"at once ({took * 1000:.0f} ms)")
    world.rtpengine.start()
    wait_for("Kamailio to see the policy listener",
             lambda: "policy_listener: yes" in rpc(world, "mediation.status"))

    def works():
        call = Talk(world, "pbx1", "itsp1", "000442071234567")
        return call if call.established else None

    back = wait_for("calls with media, once rtpengine is back", works, interval=0.5)
    t.ok(back.hears(), "rtpengine back: calls are heard again")
    t.ok(back.end(), "and end")
    log = world.kamailio.log()
    t.ok("CRITICAL" not in log and "BUG" not in log, "nothing critical was logged")
