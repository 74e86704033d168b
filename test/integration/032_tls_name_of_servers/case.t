#!/usr/bin/python3
"""A TLS server that has not the gateway's tls_name answers no call, and gets no second one."""

from case import Case
from sip import sdp
from trunks import Trunks

TLS = {"srtp_mode": "optional", "anchor": "no", "transport": "tls"}
PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=14) as t:
    trunks = Trunks(t, {
        "pbx1": PLAIN,
        # Certificates of our own authority, for another name than tls_name.
        "evil": {**TLS, "san": ["evil.example.org"]},
        "rings": {**TLS, "san": ["rings.example.org"]},
        "named": {**TLS, "san": ["elsewhere.example"]},
        "good": {**TLS, "san": ["other.example", "GOOD.example"]},
        "spare": PLAIN,
    }, routes={"evil": {"pattern": r"^\+1\d*$", "trunks": "evil", "priority": "0"},
               "rings": {"pattern": r"^\+2\d*$", "trunks": "rings", "priority": "0"},
               "named": {"pattern": r"^\+3\d*$", "trunks": "named", "priority": "0"},
               "good": {"pattern": r"^\+4\d*$", "trunks": "good", "priority": "0"},
               "spare": {"pattern": r"^\+[12]\d*$", "trunks": "spare", "priority": "1"}})
    pbx1, evil, spare = trunks.pbx1, trunks.evil, trunks.spare

    def goes_to_spare(what, sent):
        got = spare.expect("INVITE", call_id=sent.get("Call-ID"))
        spare.reply(got, 486, "Busy Here")
        t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 486, what)

    sent = trunks.call("pbx1", "+1", sdp=sdp(30000))
    got = evil.expect("INVITE", call_id=sent.get("Call-ID"))
    evil.reply(got, 200, "OK", sdp=sdp(31000))
    t.ok(evil.expect("ACK"), "its 200 is acknowledged")
    t.like(evil.expect("BYE").get("Reason"), r"SIP;cause=503;", "and ended")
    goes_to_spare("the call goes to the next candidate", sent)
    t.equal(len(trunks.lines(sent.get("Call-ID"), "does not have its tls_name")), 1,
            "the log says why")
    pbx1.expect_none("2xx", 0.2)
    # The connection is up and known: it gets nothing more.
    sent = trunks.call("pbx1", "+1", sdp=sdp(30000))
    goes_to_spare("the next call does not even go there", sent)
    evil.expect_none("INVITE", 0.3)
    t.ok(True, "no second INVITE")

    sent = trunks.call("pbx1", "+2", sdp=sdp(30000))
    got = trunks.rings.expect("INVITE", call_id=sent.get("Call-ID"))
    trunks.rings.reply(got, 183, "Session Progress", sdp=sdp(31000))
    cancel = trunks.rings.expect("CANCEL")
    t.ok(cancel, "a 183 of it is cancelled")
    trunks.rings.reply(cancel, 200, "OK")
    trunks.rings.reply(got, 487, "Request Terminated")
    goes_to_spare("and the next is tried", sent)
    t.equal([m for m in [*pbx1._pending, *pbx1._inbox.queue] if m.status in (180, 183)], [],
            "the caller saw nothing of it")

    sent = trunks.call("pbx1", "+3", sdp=sdp(30000))
    got = trunks.named.expect("INVITE", call_id=sent.get("Call-ID"))
    trunks.named.reply(got, 200, "OK", sdp=sdp(31000))
    t.equal(pbx1.expect("final", call_id=sent.get("Call-ID")).status, 503,
            "the only candidate is not who it should be: 503")
    sent = trunks.call("pbx1", "+3", sdp=sdp(30000))
    final = pbx1.expect("final", call_id=sent.get("Call-ID"))
    t.equal(final.status, 503, "and again, without an INVITE to it")
    t.like(final.get("Reason"), "tls_name", "with the reason")
    for turn in range(2):
        sent, got, answer = trunks.answered("pbx1", "good", "+4", sdp(30000), sdp(31000))
        if turn:
            t.equal(answer.status, 200, "one name of several, in other letters: answered, twice")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
