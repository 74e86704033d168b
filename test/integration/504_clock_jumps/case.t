#!/usr/bin/python3
"""The clock of a node jumps by a day, either way: calls, limits, health and timers go on.

Kamailio follows a clock that is ahead: timers that run just then may end at once. All later
ones take their time.
"""

import calendar
import glob
import time

from case import Case
from sandbox import Failure, wait_for
from sip import sdp
from trunks import Answering, Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
TIMER_S, DAY_S = 1, 86400


class Clocked(Trunks):
    """Kamailio's clock, not the one that is never set, is as many seconds off as `off` says."""

    def off(self, seconds):
        self.sandbox.write("clock", f"{seconds:+d}s\n")

    def _resolver(self):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found:
            raise Failure("no libfaketime: make deps installs it")
        self.off(0)
        return ("env", f"LD_PRELOAD={found[0]}", "FAKETIME_NO_CACHE=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1",
                f"FAKETIME_TIMESTAMP_FILE={self.sandbox.path('clock')}")


with Case(plan=24) as t:
    trunks = Clocked(t, {
        "pbx1": PLAIN,
        "gw1": {**PLAIN, "options_interval_s": "1", "options_max_misses": "2",
                "options_timeout_ms": "1000"},
        "silent": {**PLAIN, "trying_timeout_ms": str(TIMER_S * 1000)}},
        routes={"one": {"pattern": r"^\+1", "trunks": "gw1"},
                "late": {"pattern": r"^\+2", "priority": "0", "trunks": "silent*0,gw1*0"}},
        without=("silent",))
    pbx1, gw1 = trunks.pbx1, trunks.gw1
    asked = Answering(gw1)
    trunks.redis.hset("med:1:limits:trunk:gw1", max_calls="2")
    wait_for("the limit", lambda: "trunk:gw1" in trunks.kamailio.rpc("mediation.limits"))

    def shown(what, name):
        lines = trunks.kamailio.rpc(f"mediation.{what}", name).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def refused(number):
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        return pbx1.expect("final", call_id=sent.get("Call-ID"))

    def clock():
        """What Kamailio takes the time for, against ours; gw1 is heard every second."""
        heard = time.strptime(shown("trunks", "gw1")["heard_at"], "%Y-%m-%dT%H:%M:%SZ")
        return calendar.timegm(heard) - time.time()

    def hold():
        return trunks.answered("pbx1", "gw1", "+1", sdp(30000), sdp(31000))

    def end(this):
        pbx1.bye(this[0], this[2], cseq=9)
        gw1.reply(gw1.expect("BYE", call_id=this[0].get("Call-ID")), 200, "OK")
        pbx1.expect(200, call_id=this[0].get("Call-ID"))

    def late():
        """How long until the next trunk has a call that the first is silent to."""
        sent, began = trunks.call("pbx1", "+2", sdp=sdp(30000)), time.monotonic()
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        took = time.monotonic() - began
        gw1.reply(got, 486, "Busy Here")
        pbx1.expect("final", call_id=sent.get("Call-ID"))  # 486, if this timer did not end at once
        return took

    wait_for("the trunk to be asked", lambda: len(asked.seen) > 1)
    first = hold()
    for jump, what in ((DAY_S, "a day ahead"), (-DAY_S, "a day behind"), (0, "right again")):
        trunks.off(jump)
        wait_for("the clock to be so", lambda jump=jump: abs(clock() - jump) < 60)
        again = pbx1.reinvite(first[0], first[2], sdp(30000), cseq=abs(jump) % 7 + 2)
        gw1.reply(gw1.expect("INVITE", call_id=first[0].get("Call-ID")), 200, "OK", sdp=sdp(31000))
        t.equal(pbx1.expect(200, call_id=first[0].get("Call-ID")).status, 200,
                f"{what}: a re-INVITE within a call")
        pbx1.ack(again, first[2])
        gw1.expect("ACK", call_id=first[0].get("Call-ID"))
        second = hold()
        t.equal(shown("limits", "trunk:gw1")["calls_up_out"], "2", "calls are counted as before")
        t.equal(refused("+1").status, 503, "and a third is one too many")
        end(second)
        before = len(asked.seen)
        wait_for("OPTIONS", lambda before=before: len(asked.seen) >= before + 2)
        t.ok(len(asked.seen) < before + 10, "OPTIONS go on at their pace")
        t.equal(shown("trunks", "gw1")["state"], "up", "and the trunk is up")
        took = late()
        t.ok(took < TIMER_S + 5, f"a timer that runs then ends no later: {took:.2f} s")
        wait_for("timers to take their time", lambda: late() > TIMER_S - 0.2)
        t.ok(True, "and each takes its own time again soon")
    turned = Turned(first[1], first[2])
    gw1.bye(turned, turned, cseq=101)
    pbx1.reply(pbx1.expect("BYE", call_id=first[0].get("Call-ID")), 200, "OK")
    gw1.expect(200, call_id=first[0].get("Call-ID"))
    t.equal(shown("limits", "trunk:gw1")["calls_up_out"], "0", "all are over, and none is counted")
    t.equal(trunks.stat("probes_missed"), 0, "no OPTIONS was taken for missed")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
