#!/usr/bin/python3
"""What ends progress_timeout_ms: any 18x, only one with SDP, or 100 already; answer_timeout_ms."""

import time

from case import Case
from sandbox import TOP, Failure
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
QUICK = {**PLAIN, "trying_timeout_ms": "20000", "progress_timeout_ms": "1000"}


def config(sandbox):
    """kamailio.cfg; tm's own bound on the age of an INVITE is six seconds, not three minutes."""
    with open(f"{TOP}/kamailio-cfg/kamailio.cfg", encoding="utf-8") as file:
        text = file.read().replace('include_file "', f'include_file "{TOP}/kamailio-cfg/')
    return sandbox.write("progress.cfg", text.replace(
        'loadmodule "tm.so"\n',
        'loadmodule "tm.so"\nmodparam("tm", "max_inv_lifetime", 6000)\n'))


with Case(plan=14) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN, "ring": QUICK, "media": {**QUICK, "progress_is": "sdp"},
        "any": {**QUICK, "progress_is": "100"},
        "never": {**QUICK, "answer_timeout_ms": "1000"},
        "given": {**QUICK, "trying_timeout_ms": "300"},
        "gw1": {**PLAIN, "trying_timeout_ms": "20000"},
    }, routes={"late": {"pattern": r"^\+5\d+$", "trunks": "given*0,ring*0,gw1*0"}, **{name: {"pattern": rf"^\+{number}\d+$", "priority": "0", "trunks": f"{name}*0,gw1*0"}
               for number, name in ((1, "ring"), (2, "media"), (3, "any"), (4, "never"))}},
        config=config(t))
    pbx1, gw1 = trunks.pbx1, trunks.gw1

    def call(name, number, *answers):
        """It answers so, and then no more; 'next': the call went on. Seconds since it began."""
        peer, began = trunks.peers[name], time.monotonic()
        sent = trunks.call("pbx1", f"+{number}301234567", sdp=sdp(30000))
        this = sent.get("Call-ID")
        got = peer.expect("INVITE", call_id=this)
        for code, body in answers:
            peer.reply(got, code, "So be it", sdp=sdp(31000) if body else None)
            if code > 100:
                pbx1.expect(code, call_id=this)
        try:
            other = gw1.expect("INVITE", 2.5, call_id=this)
        except Exception:  # pylint: disable=broad-except # it did not come
            peer.reply(got, 486, "Busy Here")
            pbx1.expect(486, call_id=this)
            return "stays", 0
        took = time.monotonic() - began
        peer.expect("CANCEL", call_id=this)
        gw1.reply(other, 486, "Busy Here")
        pbx1.expect(486, call_id=this)
        return "next", took

    where, took = call("ring", 1, (100, False))
    t.equal(where, "next", "100 is no progress")
    t.ok(0.8 < took, f"when the time is over: {took:.2f} s")
    t.equal(call("ring", 1, (100, False), (180, False))[0], "stays", "180 is")
    t.equal(call("ring", 1, (183, True))[0], "stays", "183, too")
    where, took = call("media", 2, (100, False), (180, False))
    t.equal(where, "next", "where only media is: 180 is none")
    t.ok(0.8 < took, f"nor does it begin anew: {took:.2f} s")
    t.equal(call("media", 2, (180, False), (183, True))[0], "stays", "but a 183 with SDP is")
    t.equal(call("media", 2, (180, True))[0], "stays", "and so is a 180 with it")
    t.equal(call("any", 3, (100, False))[0], "stays", "where 100 is, it is enough")

    # It rings, and says so every now and then.
    sent, other = trunks.call("pbx1", "+4301234567", sdp=sdp(30000)), None
    got = trunks.never.expect("INVITE", call_id=sent.get("Call-ID"))
    for _ in range(10):
        trunks.never.reply(got, 180, "Ringing")
        try:
            other = gw1.expect("INVITE", 0.4, call_id=sent.get("Call-ID"))
            break
        except Failure:
            pass
    t.ok(other, "answer_timeout_ms begins anew with no 180")
    trunks.never.expect("CANCEL", call_id=sent.get("Call-ID"))

    # It rings for longer than tm would let it.
    gw1.reply(other, 180, "Ringing")
    try:
        pbx1.expect("final", 6, call_id=sent.get("Call-ID"))
        t.ok(False, "it rings until answer_timeout_ms")
    except Failure:
        t.ok(True, "it rings until answer_timeout_ms")
    gw1.reply(other, 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "which lets it answer")

    # A trunk that was given up rings: the next one's time is its own.
    sent = trunks.call("pbx1", "+5301234567", sdp=sdp(30000))
    late = trunks.given.expect("INVITE", call_id=sent.get("Call-ID"))
    got = trunks.ring.expect("INVITE", call_id=sent.get("Call-ID"))
    trunks.given.reply(late, 180, "Ringing")
    trunks.given.expect("CANCEL", call_id=sent.get("Call-ID"))
    trunks.ring.reply(got, 100, "Trying")
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "a late 180 is nobody's progress")
    t.equal(trunks.alarms(), [], "nothing is critical")
