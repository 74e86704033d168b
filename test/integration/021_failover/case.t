#!/usr/bin/python3
"""After a failed gateway the next: each header once, its own number, its own host."""

import time

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
# Long, so that a busy machine hides nothing; shortened where silence is what is tested.
PATIENT = {**PLAIN, "trying_timeout_ms": "20000", "progress_timeout_ms": "20000",
        "answer_timeout_ms": "60000"}


def once(t, message, what):
    names = [name.lower() for name, _ in message.headers]
    many = {n for n in names if names.count(n) > 1} - {"via", "record-route"}
    t.equal(many, set(), f"{what}: each header once")
    t.equal(len(message.all("P-Asserted-Identity")), 1, f"{what}: one identity")
    t.equal(message.body.count("m=audio"), 1, f"{what}: one SDP")


with Case(plan=34) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN,
        "gw1": {**PATIENT, "outbound_translation_rules": "national",
                "outbound_calling_number_translation_rules": "own"},
        "gw2": {**PATIENT, "transport": "tcp", "outbound_translation_rules": "international",
                "outbound_calling_number_translation_rules": "own"},
        "gw3": {**PATIENT, "forward_pai": "yes", "remove_plus_from_uri": "yes"},
        "gw4": {**PATIENT, "forward_pai": "yes"},
    }, routes={
        "first": {"pattern": r"^\+49\d+$", "priority": "0", "trunks": "gw1"},
        "second": {"pattern": r"^\+49\d+$", "priority": "1", "trunks": "gw2"},
        "third": {"pattern": r"^\+\d+$", "priority": "2", "trunks": "gw3",
                  "suppress_caller_id": "yes", "alternate_caller_id": "+4989555"},
        "fourth": {"pattern": r"^\+\d+$", "priority": "3", "trunks": "gw4"},
    }, rules={"national": [r"^\+49(\d+)$ => 0$1"], "international": [r"^\+(\d+)$ => 00$1"],
              "own": [r"^(\d{4})$ => +49895550$1"]})
    pbx1, gw1, gw2, gw3, gw4 = (trunks.peers[n] for n in trunks.names)
    headers = ["P-Asserted-Identity: <sip:evil@example.com>", "P-Asserted-Identity: <tel:+1>",
               "P-Preferred-Identity: <sip:evil@example.com>"]

    def call():
        sent = trunks.call("pbx1", "+49301234567", sdp=sdp(30000), headers=headers)
        pbx1.expect(100, call_id=sent.get("Call-ID"))
        return sent

    sent = call()
    got = gw1.expect("INVITE")
    once(t, got, "gw1")
    t.like(got.uri, rf"^sip:0301234567@127\.0\.0\.1:{gw1.port};", "gw1: number and host")
    t.like(got.get("P-Asserted-Identity"), r"<sip:\+498955501000@", "gw1: calling number")
    gw1.reply(got, 503, "Service Unavailable")
    gw1.expect("ACK")
    got = gw2.expect("INVITE")
    once(t, got, "gw2")
    t.like(got.uri, rf"^sip:0049301234567@127\.0\.0\.1:{gw2.port};transport=tcp", "gw2: its own")
    gw2.reply(got, 500, "Server Internal Error")
    gw2.expect("ACK")
    got = gw3.expect("INVITE")
    once(t, got, "gw3")
    t.like(got.uri, r"^sip:49301234567@", "gw3: without plus")
    t.like(got.get("P-Asserted-Identity"), r"<sip:4989555@", "gw3: the alternate caller id")
    gw3.reply(got, 502, "Bad Gateway")
    gw3.expect("ACK")
    got = gw4.expect("INVITE")
    once(t, got, "gw4, after three failures")
    t.like(got.uri, r"^sip:\+49301234567@", "gw4: the number again")
    t.like(got.get("P-Asserted-Identity"), r"<sip:1000@", "gw4: the caller again")
    t.equal((got.get("From"), got.get("To")), (sent.get("From"), sent.get("To")),
            "From and To are untouched")
    gw4.reply(got, 200, "OK", sdp=sdp(31000))
    answer = pbx1.expect("2xx")
    pbx1.ack(sent, answer)
    t.ok(gw4.expect("ACK"), "the call is up")
    pbx1.bye(sent, answer)
    bye = gw4.expect("BYE")
    gw4.reply(bye, 200, "OK")
    t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).method, "BYE", "and ended")
    t.equal(trunks.stat("failovers"), 3, "three failovers are counted")
    t.equal(len(trunks.lines(sent.get("Call-ID"), "trying the next")), 3, "and told")

    # A busy callee is no reason to try another gateway.
    sent = call()
    got = gw1.expect("INVITE")
    gw1.reply(got, 486, "Busy Here")
    t.equal(pbx1.expect("4xx", call_id=sent.get("Call-ID")).status, 486, "486 goes to the caller")
    # Silence: no 100 within the trying timer; then a 100 and nothing else.
    for name, timer, ms in (("gw1", "trying", 500), ("gw2", "progress", 1000),
                            ("gw3", "progress", 2000)):
        trunks.redis.hset(f"med:1:profile:trunk:{name}", **{f"{timer}_timeout_ms": ms})
        wait_for(f"{name}'s timer", lambda n=name, text=f"{timer}_timeout_ms: {ms}\n":
                 text in trunks.kamailio.rpc("mediation.profiles", f"trunk:{n}"))
    sent = call()
    started = time.monotonic()
    gw1.expect("INVITE")
    got = gw2.expect("INVITE")
    t.ok(0.2 < time.monotonic() - started < 5, "no 100 within 0.5 s: the next")
    gw2.reply(got, 100, "Trying")
    started = time.monotonic()
    got3 = gw3.expect("INVITE")
    t.ok(0.4 < time.monotonic() - started < 6, "100 but no ringing within 1 s, less than the trying timer: the next")
    t.ok(gw2.expect("CANCEL"), "the slow one is cancelled")
    gw2.reply(got, 487, "Request Terminated")
    gw3.reply(got3, 180, "Ringing")
    pbx1.expect(180)
    gw4.expect_none("INVITE", 2.5)
    t.ok(True, "once it rings, the answer timer counts")
    # Its 200 comes after all, from the one that was given up: ended, not heard of.
    gw1_late = None
    gw3.reply(got3, 200, "OK", sdp=sdp(31000))
    t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).status, 200, "and it answers")

    sent = call()
    for peer in (gw1, gw2, gw3, gw4):
        peer.reply(peer.expect("INVITE"), 503, "Service Unavailable")
    got = pbx1.expect("5xx", call_id=sent.get("Call-ID"))
    t.equal(got.status, 503, "all failed: 503")
    t.like(got.get("Reason"), "12000", "with the reason")
    # Nobody listens at a gateway: the next at once.
    gw2.close()
    sent = call()
    gw1.reply(gw1.expect("INVITE"), 503, "Service Unavailable")
    t.ok(gw3.expect("INVITE"), "a gateway that takes no connection: the next")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
