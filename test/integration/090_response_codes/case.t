#!/usr/bin/python3
"""What a gateway answers is read by response_rules before routing decides, and by the caller."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
RULED = {**PLAIN, "sip_response_code_translation_rules": "isdn"}

with Case(plan=13) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": RULED, "gw2": RULED},
                    routes={"one": {"pattern": r"^\+49\d+$", "priority": "0", "trunks": "gw1"},
                            "two": {"pattern": r"^\+49\d+$", "priority": "1", "trunks": "gw2"}})
    trunks.redis.load({"med:1:response_rules:isdn": {
        "rule.0": "received_response_code=486 received_isup_cause_value=34 "
                  "translated_response_code=503",
        "rule.1": "received_isup_cause_value=1 translated_response_code=404",
        "rule.2": "received_response_code=500 translated_response_code=480"}})
    wait_for("the rules to be in force",
               lambda: "isdn" in trunks.kamailio.rpc("mediation.response_rules"))
    pbx1, gw1, gw2 = (trunks.peers[n] for n in trunks.names)

    def call():
        return trunks.call("pbx1", "+49301234567", sdp=sdp(30000)).get("Call-ID")

    def refuse(peer, code, reason, *headers):
        peer.reply(peer.expect("INVITE"), code, reason, headers=headers)
        peer.expect("ACK")

    # No circuit, told as busy: the next gateway.
    busy = call()
    refuse(gw1, 486, "Busy Here", 'Reason: SIP;cause=486;text="a, b",Q.850;cause=34')
    got = gw2.expect("INVITE")
    t.ok(got, "486 with cause 34 sends the call on")
    gw2.reply(got, 486, "Busy Here", headers=["Reason: Q.850;cause=17"])
    got = pbx1.expect("4xx", call_id=busy)
    t.equal(got.status, 486, "a real 486 is the caller's")
    t.equal(len(trunks.lines(f"call {busy}: trunk 'gw1' answered 486", "makes it 503")), 1, "the log says why")

    # The caller gets the code too, and the cause that came.
    this = call()
    refuse(gw1, 480, "Temporarily Unavailable", 'Reason: q.850 ; cause=1 ;text="unallocated"')
    got = pbx1.expect("4xx", call_id=this)
    t.equal(got.first, "SIP/2.0 404 Not Found", "an unallocated number is not found")
    t.like(" ".join(got.all("Reason")), r"answered 480 with cause 1", "it says what was answered")
    t.like(" ".join(got.all("Reason")), r"Q\.850;cause=1\b", "and the cause")

    # A code that would send the call on, and is not to.
    this = call()
    refuse(gw1, 500, "Server Internal Error")
    got = pbx1.expect("4xx", call_id=this)
    t.equal(got.status, 480, "500 read as 480 ends the call")
    gw2.expect_none("INVITE", 0.5)

    # All are left by: 503, and what the last one gave.
    this = call()
    refuse(gw1, 503, "Service Unavailable")
    refuse(gw2, 486, "Busy Here", "Reason: Q.850;cause=34")
    got = pbx1.expect("5xx", call_id=this)
    t.equal(got.status, 503, "none is left")
    t.like(" ".join(got.all("Reason")), r"'gw2', gave 486.*Q\.850;cause=34", "as it came")

    # Rubbish is no cause.
    this = call()
    refuse(gw1, 486, "Busy Here", "Reason: Q.850;cause=34x", 'Reason: "Q.850;cause=34')
    t.equal(pbx1.expect("4xx", call_id=this).status, 486, "what cannot be read changes nothing")

    # Rules that are gone change nothing either.
    trunks.redis.command("DEL", "med:1:response_rules:isdn")
    wait_for("the rules to be gone",
               lambda: "isdn" not in trunks.kamailio.rpc("mediation.response_rules"))
    this = call()
    refuse(gw1, 486, "Busy Here", "Reason: Q.850;cause=34")
    got = pbx1.expect("4xx", call_id=this)
    t.equal(got.status, 486, "without the rules the code stays")
    t.equal(got.get("Reason"), "Q.850;cause=34", "and the answer is the gateway's own")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
