#!/usr/bin/python3
"""Limits of trunks, gateways and sites: calls at a time and calls a second; every end counts once."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "trying_timeout_ms": "1000",
         "pstn_usages": "all"}

with Case(plan=52) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": {**PLAIN, "gateway": {"site": "hq"}},
                        "gw2": {**PLAIN, "gateway": {"site": "hq"}},
                        "gw3": {**PLAIN, "trunk": {"gateway": "gw2"}}},
                    routes={"one": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
                            "two": {"pattern": r"^\+33\d+$", "trunks": "gw1*0,gw2*0"},
                            "pbx": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
                            "other": {"pattern": r"^\+44\d+$", "trunks": "gw3"}})
    pbx1, gw1, gw2, gw3 = (trunks.peers[n] for n in trunks.names)
    peers = {p.user: p for p in (pbx1, gw1, gw2, gw3)}
    trunks.redis.load({"med:1:site:hq": {"name": "head office"},
                       "med:1:location_policy:global": {"emergency_dial_string": "112",
                                                        "pstn_usages": "all"},
                       "med:1:route:help": {"pattern": "^112$", "usages": "all", "trunks": "gw1"}})

    def shown(which="trunk:gw1"):
        lines = trunks.kamailio.rpc("mediation.limits", which).splitlines()
        return dict(line.strip().partition(": ")[::2] for line in lines)

    def up(which="trunk:gw1"):
        return int(shown(which)["calls_up_in"]), int(shown(which)["calls_up_out"])

    def limit(which, **fields):
        """These and no others."""
        trunks.redis.command("DEL", f"med:1:limits:{which}")
        trunks.redis.hset(f"med:1:limits:{which}", name=str(fields), **fields)
        wait_for("limits to be in force", lambda: str(fields) in
                 trunks.kamailio.rpc("mediation.limits"))

    def gone(which="trunk:gw1"):
        wait_for("calls to be given back", lambda: up(which) == (0, 0))
        return True

    def refused(caller="pbx1", number="+4930"):
        sent = trunks.call(caller, number, sdp=sdp(30000))
        return peers[caller].expect("final", call_id=sent.get("Call-ID"))

    def call(callee="gw1", number="+4930", caller="pbx1"):
        sent, got, final = trunks.answered(caller, callee, number, sdp(30000), sdp(31000))
        return sent, got, final, peers[caller], peers[callee]

    def bye(this, by_callee=False):
        """BYE by either side, answered; whether it is given back then."""
        sent, got, final, caller, callee = this
        turned, call_id = Turned(got, final), sent.get("Call-ID")
        first, other = (callee, caller) if by_callee else (caller, callee)
        said = callee.bye(turned, turned, cseq=101) if by_callee else caller.bye(sent, final)
        other.reply(other.expect("BYE", call_id=call_id), 200, "OK")
        first.expect(200, call_id=call_id)
        return first, said

    # Calls at a time to one trunk; a BYE by either side frees it.
    limit("trunk:gw1", max_calls_out="2", overload_code="486", retry_after_s="7")
    t.equal(up(), (0, 0), "nothing is up")
    first, second = call(), call()
    t.equal(up(), (0, 2), "two calls went to it")
    final = refused()
    t.equal((final.status, final.get("Retry-After")), (486, "7"), "a third: code and Retry-After")
    t.like(final.get("Reason"), "trunk 'gw1' is full: limits 'trunk:gw1' have max_calls_out 2",
           "and why")
    t.ok(trunks.lines("trunk 'gw1' is full"), "which is in the log")
    t.like(trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "+4930"),
           "trunk 'gw1' is full: last", "explain says it")
    t.like(trunks.kamailio.rpc("mediation.trunks", "gw1"), "calls_up: 2", "so do the trunks")
    peer, said = bye(first)
    t.equal(up(), (0, 1), "the caller's BYE frees it")
    for _ in range(2):
        peer.send_raw(said.text.encode(), said.link)
    twice = peer.bye(first[0], first[2], cseq=3)
    gw1.reply(gw1.expect("BYE", call_id=twice.get("Call-ID")), 481, "Gone")
    peer.expect(481, call_id=twice.get("Call-ID"))
    t.equal(up(), (0, 1), "once: not by its retransmissions, nor by another BYE")
    third = call()
    t.equal(refused().status, 486, "full again")
    bye(third, by_callee=True)
    t.equal(up(), (0, 1), "the callee's BYE frees it")
    both = Turned(second[1], second[2])
    pbx1.bye(second[0], second[2])
    gw1.bye(both, both, cseq=101)
    call_id = second[0].get("Call-ID")
    for one in (gw1, pbx1):
        one.reply(one.expect("BYE", call_id=call_id), 200, "OK")
    t.equal(up(), (0, 0), "both at once: it is given back once")

    # Until the other side has answered the BYE it still has the call.
    this = call()
    pbx1.bye(this[0], this[2])
    got = gw1.expect("BYE", call_id=this[0].get("Call-ID"))
    t.equal(up(), (0, 1), "a BYE on its way frees nothing")
    gw1.reply(got, 481, "Gone")
    pbx1.expect(481, call_id=this[0].get("Call-ID"))
    t.equal(up(), (0, 0), "its answer does, also a no")
    this = call()
    call_id = this[0].get("Call-ID")
    pbx1.bye(this[0], this[2])
    gw1.reply(gw1.expect("BYE", call_id=call_id), 401, "Who Are You")
    pbx1.expect(401, call_id=call_id)
    t.equal(up(), (0, 1), "one that is challenged frees nothing")
    wait_for("its transaction to be gone",
             lambda: "current: 0" in trunks.kamailio.rpc("tm.stats"))
    t.equal(up(), (0, 1), "nor does the end of its transaction")
    pbx1.bye(this[0], this[2], cseq=3)
    gw1.reply(gw1.expect("BYE", call_id=call_id), 200, "OK")
    pbx1.expect(200, call_id=call_id)
    t.equal(up(), (0, 0), "the one with credentials does")
    this = call()
    for cseq, code, left in ((2, 488, 1), (3, 481, 0)):
        pbx1.reinvite(this[0], this[2], sdp(30000), cseq=cseq)
        gw1.reply(gw1.expect("INVITE", call_id=this[0].get("Call-ID")), code, "No")
        pbx1.expect(code, call_id=this[0].get("Call-ID"))
        t.equal(up(), (0, left), f"{code} to a re-INVITE: {left} up")
    gone_before, this = this, call()
    pbx1.bye(gone_before[0], gone_before[2], cseq=4)
    gw1.reply(gw1.expect("BYE", call_id=gone_before[0].get("Call-ID")), 481, "Gone")
    pbx1.expect(481, call_id=gone_before[0].get("Call-ID"))
    t.equal(up(), (0, 1), "that it ended so far is no other call's end")
    turned = Turned(this[1], this[2])
    gw1.reinvite(turned, turned, sdp(31000), cseq=101)
    pbx1.reply(pbx1.expect("INVITE", call_id=this[0].get("Call-ID")), 408, "Away")
    gw1.expect(408, call_id=this[0].get("Call-ID"))
    t.equal(up(), (0, 0), "408, and from the other side")

    # Calls that come to nothing.
    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal(up(), (0, 1), "one that rings is counted")
    gw1.reply(got, 486, "Busy Here")
    pbx1.expect(486, call_id=sent.get("Call-ID"))
    t.ok(gone(), "busy: given back")
    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=sent.get("Call-ID"))
    pbx1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}", "Max-Forwards: 70",
               f"From: {sent.get('From')}", f"To: {sent.get('To')}",
               f"Call-ID: {sent.get('Call-ID')}", "CSeq: 1 CANCEL"], to=trunks.address("pbx1"))
    gw1.reply(gw1.expect("CANCEL"), 200, "OK")
    gw1.reply(got, 487, "Request Terminated")
    pbx1.expect(487, call_id=sent.get("Call-ID"))
    t.ok(gone(), "cancelled: given back")
    t.equal(refused(number="+4930").status, 503, "no answer at all")
    gw1.expect("INVITE")
    t.ok(gone(), "given back too")
    last = call()
    t.equal(up(), (0, 1), "and none was given back twice")

    # The limit changes while it is up; the next trunk takes what is too much.
    limit("trunk:gw1", max_calls="1")
    t.equal(up(), (0, 1), "a change of the limits forgets no call")
    t.equal(refused().status, 503, "503 unless told otherwise")
    on = call("gw2", "+331")
    t.equal(trunks.kamailio.rpc("mediation.trunks", "gw2").count("calls_up"), 0,
            "the next trunk takes it, whose calls nobody counts")
    back = refused("gw1", "+15")
    t.equal(back.status, 503, "max_calls: those that come from it are among them")
    bye(on)
    bye(last)
    limit("trunk:gw2", max_calls="1")
    sent = trunks.call("pbx1", "+331", sdp=sdp(30000))
    pbx1.send_raw(sent.text.encode(), sent.link)
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal((up(), up("trunk:gw2")), ((0, 1), (0, 0)), "one call, though its INVITE came twice")
    gw1.reply(got, 503, "So be it")
    got = gw2.expect("INVITE", call_id=sent.get("Call-ID"))
    t.equal((up(), up("trunk:gw2")), ((0, 0), (0, 1)), "it goes on, and so does its place")
    gw2.reply(got, 503, "So be it")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 503, "to no avail")
    t.ok(gone("trunk:gw2"), "given back")
    came = call("pbx1", "+15", "gw1")
    t.equal(up(), (1, 0), "one came from it")
    t.equal(refused("gw1", "+15").status, 503, "no more")
    limit("trunk:gw1", max_calls_in="2")
    more = call("pbx1", "+15", "gw1")
    t.equal((up(), refused("gw1", "+15").status), ((2, 0), 503), "max_calls_in")
    trunks.redis.command("DEL", "med:1:limits:trunk:gw1")
    wait_for("limits to be gone",
             lambda: "trunk:gw1" not in trunks.kamailio.rpc("mediation.limits"))
    bye(more, by_callee=True)
    limit("trunk:gw1", max_calls_in="2")
    t.equal(up(), (1, 0), "a call ends though its limits are gone")
    bye(came)
    t.equal(up(), (0, 0), "and counts no more")

    # A gateway with two trunks, at a site with one more.
    limit("gateway:gw2", max_calls="2")
    limit("site:hq", max_calls_out="3")
    mine = [call("gw3", "+441"), call("gw3", "+442")]
    t.equal((up("gateway:gw2"), up("site:hq")), ((0, 2), (0, 2)), "both are counted")
    t.equal(refused(number="+443").status, 503, "the gateway is full, by its other trunk too")
    mine.append(call("gw1", "+4930"))
    final = refused(number="+4931")
    t.like(final.get("Reason"), "limits 'site:hq' have max_calls_out 3", "the site is full")
    t.equal(up(), (0, 1), "and no other limits count what it refused")
    help_ = call("gw1", "112")
    t.equal(up("site:hq"), (0, 4), "an emergency call goes through, and is counted")
    limit("site:hq", max_calls_out="3", emergency_exempt="no")
    t.equal(refused(number="112").status, 503, "unless they say otherwise")
    for one in [*mine, help_]:
        bye(one)
    t.equal((up("site:hq"), up("gateway:gw2")), ((0, 0), (0, 0)), "all gone")

    # Calls a second.
    trunks.redis.command("DEL", "med:1:limits:site:hq")
    limit("trunk:gw1", calls_per_second="1", calls_per_second_window_ms="3000")
    for _ in range(3):
        sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
        gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 486, "Busy Here")
        pbx1.expect(486, call_id=sent.get("Call-ID"))
    final = refused()
    t.equal(final.status, 503, "three at once, no fourth")
    t.like(final.get("Reason"), "have calls_per_second 1 within 3000 ms", "which it says")
    wait_for("a second to pass", lambda: "full" not in
             trunks.kamailio.rpc("mediation.explain", "pbx1", "-", "+4930"))
    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    gw1.reply(gw1.expect("INVITE", call_id=sent.get("Call-ID")), 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, "one a second after that")
    t.ok(trunks.stat("limited") > 5, "what was not taken is counted")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
