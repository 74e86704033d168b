#!/usr/bin/python3
"""Forwarded calls: usages of their own, and no mailbox that answers in their place."""

import time

from case import Case
from sandbox import TOP, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}


def forwarding(box):
    """kamailio.cfg whose callers' calls are all forwarded ones, by policy `fwd`."""
    files = []
    for name in ("kamailio.cfg", "mediation.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as config:
            files.append(config.read())
    changed = files[1].replace("if (!med_authorize())", """
	$var(kind) = "forward";
	if ($rU == "+491799") $var(kind) = "forwarded";
	if (!med_authorize("fwd", "$var(kind)"))""")
    return box.write("forwarding.cfg", files[0].replace('include_file "mediation.cfg"\n', changed))


with Case(plan=19) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN, "pbx2": PLAIN, "gw1": {**PLAIN, "gateway": {"peer": "pstn_gateway"}},
    }, routes={"mobile": {"pattern": r"^\+491\d+$", "usages": "forwarded", "trunks": "gw1"},
               "office": {"pattern": r"^\+4989\d+$", "usages": "forwarded", "trunks": "pbx2"}},
        config=forwarding(t))
    redis, pbx1, pbx2, gw1 = trunks.redis, trunks.pbx1, trunks.pbx2, trunks.gw1

    def policy(shows, **fields):
        redis.hset("med:1:policy:fwd", **fields)
        wait_for("the policy", lambda: shows in trunks.kamailio.rpc("mediation.policies", "fwd"))

    def call(number):
        sent = trunks.call("pbx1", number, sdp=sdp(30000))
        return sent, sent.get("Call-ID")

    def refused(number):
        return pbx1.expect("final", call_id=call(number)[1])

    redis.hset("med:1:policy:fwd", usages="none")
    wait_for("the policy", lambda: "total: 1" in trunks.kamailio.rpc("mediation.policies"))
    t.equal(refused("+491701").status, 404, "by the policy's own usages there is no route")
    policy("internal_only", call_forwarding_simul_ring_usage_type="internal_only")
    got = refused("+491701")
    t.equal(got.status, 403, "internal_only: nowhere outside")
    t.like(got.get("Reason"), "policy 'fwd': its calls are forwarded to own users only.*12001", "and why")
    policy("custom_usage", call_forwarding_simul_ring_usage_type="custom_usage",
           custom_call_forwarding_simul_ring_usages="forwarded",
           enable_voicemail_escape_timer="yes", pstn_voicemail_escape_timer="2500")
    # from here on it has usages for such calls alone
    redis.command("HDEL", "med:1:policy:fwd", "usages")
    wait_for("that", lambda: "usages: none" not in trunks.kamailio.rpc("mediation.policies", "fwd"))

    # a kind that there is not
    t.equal(refused("+491799").status, 500, "a misspelt kind lets nothing through")
    t.ok(trunks.lines("kind 'forwarded': forward is the only one"), "and the log says why")

    # a mailbox
    sent, call_id = call("+491701")
    got = gw1.expect("INVITE", call_id=call_id)
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    ack = gw1.expect("ACK", call_id=call_id)
    bye = gw1.expect("BYE", call_id=call_id)
    t.ok(ack, "answered at once: the PSTN gets its ACK")
    t.like(bye.get("Reason"), "cause=480.*a mailbox", "and BYE")
    gw1.reply(got, 200, "OK", sdp=sdp(31000), headers=["X-Again: 1"])
    gw1.reply(bye, 200, "OK")
    final = pbx1.expect("final", call_id=call_id)
    t.equal(final.status, 480, "the caller's leg ends with 480")
    t.like(final.get("Reason"), "pstn_voicemail_escape_timer 2500 of policy 'fwd'", "and why")
    pbx1.expect_none("2xx", 0.3)
    t.ok(True, "no answer comes after it")

    # a person
    sent, call_id = call("+491702")
    got = gw1.expect("INVITE", call_id=call_id)
    started = time.monotonic()
    gw1.reply(got, 180, "Ringing")
    t.ok(pbx1.expect(180, call_id=call_id), "it rings")
    wait_for("somebody to pick up", lambda: time.monotonic() - started > 2.6)
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    final = pbx1.expect("final", call_id=call_id)
    t.equal(final.status, 200, "answered later: it is a person")
    pbx1.ack(sent, final)
    t.ok(gw1.expect("ACK", call_id=call_id), "the call is up")
    pbx1.bye(sent, final)
    gw1.reply(gw1.expect("BYE", call_id=call_id), 200, "OK")
    pbx1.expect(200, call_id=call_id)

    # not the PSTN, and not asked for
    sent, call_id = call("+4989555")
    pbx2.reply(pbx2.expect("INVITE", call_id=call_id), 200, "OK", sdp=sdp(31000))
    t.equal(pbx1.expect("final", call_id=call_id).status, 200, "a PBX may answer at once")
    policy("enable_voicemail_escape_timer: no", enable_voicemail_escape_timer="no")
    sent, call_id = call("+491703")
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 200, "OK", sdp=sdp(31000))
    t.equal(pbx1.expect("final", call_id=call_id).status, 200, "without the timer the PSTN as well")
    # who is busy is busy
    sent, call_id = call("+491704")
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 486, "Busy Here")
    t.equal(pbx1.expect("final", call_id=call_id).status, 486, "busy is passed on")
    shown = trunks.kamailio.rpc("mediation.policies", "fwd")
    t.like(shown, "pstn_voicemail_escape_timer: 2500", "it is listed")
    t.equal(len(trunks.lines("a mailbox")) > 0, True, "and told in the log")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
