#!/usr/bin/python3
"""A provider that asks for a digest gets one, with the trunk's own credentials; they are seen
nowhere else."""

import hashlib
import re

from case import Case
from sip import sdp
from trunks import Trunks

PASSWORD = "s3cret of itsp"
NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c0"


def answer(method, uri, realm, user, password):
    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    return md5(f"{md5(f'{user}:{realm}:{password}')}:{NONCE}:{md5(f'{method}:{uri}')}")


with Case(plan=12) as t:
    plain = {"srtp_mode": "not_supported", "anchor": "no"}
    trunks = Trunks(t, {
        "pbx1": plain,
        "itsp": {**plain, "trunk": {"auth_username": "us", "auth_realm": "itsp.example",
                                    "auth_password": PASSWORD}},
        "gw2": plain,
    }, routes={"first": {"pattern": r"^\+49\d+$", "priority": "0", "trunks": "itsp"},
               "second": {"pattern": r"^\+\d+$", "priority": "1", "trunks": "gw2"}},
        defines={"DIGEST": None})
    pbx1, itsp, gw2 = trunks.pbx1, trunks.itsp, trunks.gw2
    challenge = f'Digest realm="itsp.example", nonce="{NONCE}"'

    for code, asks, answers in ((401, "WWW-Authenticate", "Authorization"),
                                (407, "Proxy-Authenticate", "Proxy-Authorization")):
        sent = trunks.call("pbx1", "+49301234567", sdp=sdp(30000))
        got = itsp.expect("INVITE", call_id=sent.get("Call-ID"))
        t.equal(got.get(answers), "", f"{code}: nothing is told unasked")
        itsp.reply(got, code, "Who are you", headers=[f"{asks}: {challenge}"])
        itsp.expect("ACK", call_id=sent.get("Call-ID"))
        got = itsp.expect("INVITE", call_id=sent.get("Call-ID"))
        header = got.get(answers)
        fields = dict(re.findall(r'(\w+)="([^"]*)"', header))
        t.equal((fields.get("username"), fields.get("realm")), ("us", "itsp.example"),
                f"{code}: asked again with the trunk's user")
        t.equal(fields.get("response"), answer("INVITE", fields.get("uri"), "itsp.example", "us",
                                               PASSWORD), f"{code}: and its password")
        if code == 401:
            itsp.reply(got, 486, "Busy Here")
            pbx1.expect(486, call_id=sent.get("Call-ID"))
            t.ok(True, "401: its answer goes to the caller")
        else:
            itsp.reply(got, 407, "Not so", headers=[f"{asks}: {challenge}"])
            itsp.expect("ACK", call_id=sent.get("Call-ID"))
            pbx1.expect(407, call_id=sent.get("Call-ID"))
            t.ok(True, "407: a second no is final")

    sent = trunks.call("pbx1", "+1425", sdp=sdp(30000))
    got = gw2.expect("INVITE", call_id=sent.get("Call-ID"))
    gw2.reply(got, 401, "Unauthorized", headers=[f"WWW-Authenticate: {challenge}"])
    pbx1.expect(401, call_id=sent.get("Call-ID"))
    t.ok(True, "a trunk without credentials answers nothing")

    rpc = trunks.kamailio.rpc
    shown = rpc("mediation.trunks") + rpc("mediation.trunks", "itsp") + rpc(
        "mediation.status") + rpc("mediation.explain", "pbx1", "-", "s:+49301234567", "s:1")
    t.equal(PASSWORD in shown, False, "RPC does not tell the password")
    status = trunks.redis.command("GET", f"medrun:1:status:{re.search(r'node: (.*)', shown)[1]}")
    t.equal(PASSWORD in str(status), False, "nor does the status in Redis")
    t.equal(bool(trunks.lines(PASSWORD)), False, "nor the log")
