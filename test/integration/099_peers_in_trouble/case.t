#!/usr/bin/python3
"""Packets that are lost, a storm of 503, a peer that comes and goes: nobody else pays for it."""

from multiprocessing.pool import ThreadPool

import netns
from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Answering, Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
SLOW = {**PLAIN, "trying_timeout_ms": "60000", "progress_timeout_ms": "60000"}
ASKED = {**PLAIN, "options_interval_s": "1", "options_down_interval_s": "1",
         "options_timeout_ms": "300", "options_max_misses": "3", "options_up_after": "2"}
STORM = 30

netns.alone()
with Case(plan=16) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN, "lossy": {**PLAIN, "trying_timeout_ms": "10000", "down_after": "3"},
        "flaps": ASKED, "busy": {**SLOW, "suspect_after": "3", "down_after": "5"}, "gw1": SLOW,
    }, routes={name: {"pattern": rf"^\+{number}\d+$", "priority": "0", "trunks": f"{name}*0,gw1*0"}
               for number, name in enumerate(("lossy", "flaps", "busy"), 1)}, host=netns.OURS)
    pbx1, lossy, busy, gw1 = trunks.pbx1, trunks.lossy, trunks.busy, trunks.gw1
    asked = Answering(trunks.flaps)

    def state(name):
        lines = trunks.kamailio.rpc("mediation.trunks", name).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)["state"]

    def told(name):
        return [line.split("trunk ")[1].split(":")[0] for line in trunks.lines(f"trunk '{name}' is ")]

    def questions():
        """OPTIONS so far; tm sends each again that is not answered."""
        return len({got.get("Call-ID") for got in asked.seen})

    def two_of_three():
        """Two OPTIONS of three are missed, and again."""
        wait_for("it to be asked", lambda: questions() > 1)
        for code, count in ((0, 2), (200, 1)) * 2:
            asked.code, before = code, questions()
            wait_for("OPTIONS", lambda: questions() >= before + count)
        return True

    meanwhile = ThreadPool(1).apply_async(two_of_three)

    # One packet of three never comes: tm sends again, and the trunk's own time is long enough.
    with netns.dropped("udp", lossy.port, share=3):
        for one in [trunks.call("pbx1", f"+1{number}", sdp=sdp(30000)) for number in range(8)]:
            got = lossy.expect("INVITE", call_id=one.get("Call-ID"))
            lossy.reply(got, 486, "Busy Here")
            pbx1.expect(486, call_id=one.get("Call-ID"))
    t.equal(gw1.expect_none("INVITE", 0.1), None, "a third is lost: no call goes elsewhere for that")
    t.equal((state("lossy"), told("lossy")), ("up", []), "nor is the trunk any worse for it")

    # Each call of a storm is refused, and says for how long: all but the first few go elsewhere.
    sent = [trunks.call("pbx1", f"+3{number}", sdp=sdp(30000)) for number in range(STORM)]
    storm = [busy.expect("INVITE", call_id=one.get("Call-ID")) for one in sent]  # before any 503
    for got in storm:
        busy.reply(got, 503, "Overloaded", headers=["Retry-After: 6"])
    for one in sent:
        got = gw1.expect("INVITE", call_id=one.get("Call-ID"))
        gw1.reply(got, 486, "Busy Here")
    codes = {pbx1.expect("final", call_id=one.get("Call-ID")).status for one in sent}
    t.equal(codes, {486}, "a storm of 503: each call is taken by the next trunk")
    t.equal(state("busy"), "down", "Retry-After: it gets no more")
    for number in range(5):
        one = trunks.call("pbx1", f"+39{number}", sdp=sdp(30000))
        gw1.reply(gw1.expect("INVITE", call_id=one.get("Call-ID")), 486, "Busy Here")
        pbx1.expect(486, call_id=one.get("Call-ID"))
    busy.expect_none("INVITE", 0.1)
    t.ok(True, "not one of those that come later")
    wait_for("the log", lambda: told("busy"))
    t.equal(told("busy")[-1:], ["'busy' is down"], "and the log says so")
    t.ok(len(told("busy")) < STORM // 5, "not for each of them")

    t.ok(meanwhile.get() and (state("flaps"), told("flaps")) == ("up", []),
         "two of three OPTIONS are missed, that is not three in a row: it stays up")

    # Down; one answer, and silence again: that is not two in a row.
    asked.code = 0
    wait_for("it to be down", lambda: state("flaps") == "down")
    for code, count in ((200, 1), (0, 2), (200, 1), (0, 2)):
        asked.code, before = code, questions()
        wait_for("OPTIONS", lambda: questions() >= before + count)
        t.equal(state("flaps"), "down", f"{count} that {'is' if code else 'are not'} answered: down")
    wait_for("the log", lambda: told("flaps"))
    t.equal(told("flaps"), ["'flaps' is down"], "which the log says once")
    asked.code = 200
    wait_for("it to be up", lambda: state("flaps") == "up")
    wait_for("the log", lambda: len(told("flaps")) > 1)
    t.equal(told("flaps"), ["'flaps' is down", "'flaps' is up"], "and once that it is up")

    # The storm's peer again.
    wait_for("its time to be over", lambda: state("busy") == "up")
    one = trunks.call("pbx1", "+398", sdp=sdp(30000))
    got = busy.expect("INVITE", call_id=one.get("Call-ID"))
    busy.reply(got, 486, "Busy Here")
    pbx1.expect(486, call_id=one.get("Call-ID"))
    t.ok(True, "then it gets calls again")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
