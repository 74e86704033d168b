#!/usr/bin/python3
"""Identity headers missing, doubled, folded, compact, in capitals, long: the gateway gets
one of each as it should be, after a failover too, and the caller its own back."""

import re

from case import Case
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no", "suspect_after": "0", "down_after": "0"}
LONG = "x" * 10000

with Case(plan=42) as t:
    trunks = Trunks(t, {
        "pbx1": {**PLAIN, "dial_plan": "own"},
        "gw1": {**PLAIN, "transport": "tcp", "from_host": "domain", "domain": "one.example"},
        "gw2": {**PLAIN, "transport": "tcp", "from_host": "domain", "domain": "two.example",
                "forward_call_history": "yes"}},
        routes={"all": {"pattern": r"^\+49\d+$", "trunks": "gw1*0,gw2*0"}},
        rules={"own": [r"^(\d{4})$ => +4930$1"]})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2
    FROM, TO = '"A" <sip:1001@pbx.local>;tag=a', "<sip:2002@pbx.local>"

    def invite(name, *headers, sender=f"From: {FROM}", to=f"To: {TO}", call_id="Call-ID"):
        """A request of raw header lines; its Call-ID."""
        identity = f"{abs(hash(name)):x}@pbx"
        pbx1.send([
            f"INVITE sip:2002@127.0.0.1:{trunks.local['pbx1']} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{pbx1.port};branch=z9hG4bK{abs(hash(name)):x};rport",
            *[line for line in (sender, to) if line], f"{call_id}: {identity}", "CSeq: 1 INVITE",
            "Max-Forwards: 70", f"Contact: {pbx1.contact}", *headers], sdp(30000),
            to=trunks.address("pbx1"))
        return identity

    def one(message, *names):
        """The one value of a header, whatever it is called."""
        found = [v for n, v in message.headers if n.lower() in names]
        return found[0] if len(found) == 1 else found

    def both_gateways(name, *headers, **more):
        identity = invite(name, *headers, **more)
        got = []
        for gateway, status, domain in ((gw1, 503, "one"), (gw2, 486, "two")):
            seen = next(iter(_arrived(gateway, identity)))
            got.append(seen)
            back = [line for line in seen.headers if line[0].lower() in
                    ("via", "v", "from", "f", "to", "t", "call-id", "i", "cseq")]
            gateway.send([f"SIP/2.0 {status} No", *[f"{n}: {v}" for n, v in back]], link=seen.link)
            _arrived(gateway, identity, "ACK")
            t.like(one(seen, "from", "f"), rf"<sip:\+49301001@{domain}\.example;user=phone> ?;tag=",
                   f"{name}: From for gateway {domain}")
        final = next(iter(_arrived(pbx1, identity, 486)))
        return got, final

    def _arrived(peer, identity, what="INVITE"):
        def is_it(message):
            return identity in one(message, "call-id", "i")
        for _ in range(8):
            message = peer.expect(what)
            if is_it(message):
                return [message]
        return []

    for name, sender, to in (
            ("as usual", f"From: {FROM}", f"To: {TO}"), ("compact", f"f: {FROM}", f"t: {TO}"),
            ("in capitals", f"FROM: {FROM}", f"TO: {TO}"),
            ("folded", "From: \"A\"\r\n <sip:1001@pbx.local>\r\n\t;tag=a", "To:\r\n <sip:2002@pbx.local>"),
            ("spaced", f"From  :   {FROM}", f"To \t: {TO}")):
        _, final = both_gateways(name, sender=sender, to=to)
        t.like(" ".join(one(final, "from", "f").split()), r'^"A" <sip:1001@pbx\.local> ?;tag=a$',
               f"{name}: From comes back")
        t.like(one(final, "to", "t"), r"^<sip:2002@pbx\.local>", f"{name}: and To")
    # with headers of others between them
    got, final = both_gateways("apart", "Subject: x", sender=f"To: {TO}",
                               to=f"User-Agent: y\r\nX: z\r\nFrom: {FROM}")
    t.equal(one(final, "from"), FROM, "apart, To first: From comes back")

    IDENTITIES = ("p-asserted-identity", "diversion", "history-info", "remote-party-id")
    asserted = "P-ASSERTED-IDENTITY: <sip:666@evil.example>"
    got, _ = both_gateways("doubled", asserted, asserted, "P-Asserted-Identity:\r\n <sip:666@evil.example>",
                           "Diversion: <sip:1003@pbx.local>;reason=no-answer",
                           "DIVERSION: <sip:1004@pbx.local>\r\n ;reason=unconditional",
                           "History-Info: <sip:1003@pbx.local>;index=1")
    for message in got:
        t.ok("666" not in message.text, "doubled: nothing that the caller asserts goes on")
    t.equal([one(got[0], n) for n in IDENTITIES[1:3]], [[], []], "history ends where it is not wanted")
    t.equal([re.search(r":([^@]*)@", v)[1] for n, v in got[1].headers if n.lower() == "diversion"],
            ["+49301003", "+49301004"], "and goes to the next trunk, which wants it, in order")

    got, _ = both_gateways("a long one", f"X-Long: {LONG}")
    t.equal(len(one(got[1], "x-long")), 10000, "long: what is not ours goes on")
    got, _ = both_gateways("a long Diversion", f"Diversion: <sip:1003@pbx.local;a={LONG}>")
    t.equal((one(got[0], "diversion"), one(got[1], "diversion")),
            ([], f"<sip:+49301003@pbx.local;a={LONG}>"), "long: a Diversion as any other")
    got, _ = both_gateways("a long identity", f"P-Asserted-Identity: <sip:{'9' * 10000}@pbx.local>")
    t.ok("9" * 200 not in got[1].text, "long: an identity of the caller's ends here")

    for name, more in (("no From", {"sender": None}), ("no To", {"to": None}),
                       ("a From without an end", {"sender": "From: <sip:1001@pbx.local;tag=a"})):
        invite(name, **more)
    got, _ = both_gateways("whole again")
    t.ok(got, "without From or To, or with half a one: nothing goes out, and the next call does")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
