#!/usr/bin/python3
"""A DNS server that says nothing holds a worker for a second, not for ten."""

import socket
import time

from case import Case
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
SILENT = "127.0.0.77"

with Case(plan=4) as t:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((SILENT, 53))
    silent.settimeout(5)
    trunks = Trunks(t, {
        "pbx1": PLAIN, "gw1": PLAIN,
        "named": {**PLAIN, "gateway": {"address": "gw.example", "source": "127.0.0.50"}},
    }, routes={"named": {"pattern": r"^\+1\d+$", "trunks": "named"},
               "gw1": {"pattern": r"^\+4\d+$", "trunks": "gw1"}}, resolver=SILENT)
    pbx1, gw1 = trunks.pbx1, trunks.gw1

    started = time.monotonic()
    held = [trunks.call("pbx1", f"+1{number}", sdp=sdp(30000)) for number in range(2)]
    t.ok(silent.recvfrom(4096), "the DNS server is asked")
    sent = trunks.call("pbx1", "+49", sdp=sdp(30000))
    got = gw1.expect("INVITE", 15, call_id=sent.get("Call-ID"))
    took = time.monotonic() - started
    gw1.reply(got, 486, "Busy Here")
    t.note(f"a call to a healthy gateway waited {took:.2f} s")
    t.ok(took < 4, "both workers wait for it: a call to a healthy gateway goes on within 4 s")
    ends = [pbx1.expect("5xx", 10, call_id=call.get("Call-ID")).status for call in held]
    t.equal(ends, [503, 503], "calls to the name that has no address: 503")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
