#!/usr/bin/python3
"""Records of calls by acc: answered at once, by the second trunk, by none, cancelled, refused."""

import re

from case import Case
from sandbox import TOP, wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
FAST = {**PLAIN, "trying_timeout_ms": "500"}


def with_records(sandbox):
    """kamailio.cfg with the README's example in place of its MED_CALL."""
    with open(f"{TOP}/modules/mediation/README.md", encoding="utf-8") as page:
        text = page.read().split("## Call records")[1]
    block = re.search(r"\n\n((?:    .*\n|\n)+)", text)[1]
    params, route = block.split("    route[MED_CALL]")
    files = []
    for name in ("kamailio.cfg", "mediation.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as config:
            files.append(config.read())
    mediation = re.sub(r"route\[MED_CALL\] \{\n.*?\n\}\n",
                       lambda _: "route[MED_CALL]" + route, files[1], flags=re.S)
    mediation = mediation.replace('loadmodule "mediation.so"', 'loadmodule "mediation.so"\n'
                                  'loadmodule "acc.so"\n' + params)
    return sandbox.write("acc.cfg", files[0].replace('include_file "mediation.cfg"\n', mediation))


with Case(plan=11) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": FAST, "gw2": FAST}, config=with_records(t), routes={
        "first": {"pattern": r"^\+49\d+$", "trunks": "gw1"},
        "second": {"pattern": r"^\+49\d+$", "trunks": "gw2", "priority": "1"}})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    def call(number="+4930"):
        return trunks.call("pbx1", number, sdp=sdp(30000)).get("Call-ID")

    def record(call_id):
        """The one line of the call's record."""
        lines = wait_for("the record", lambda: trunks.lines("ACC:", call_id))
        return lines[-1].split("ACC: ")[1] if len(lines) == 1 else f"{len(lines)} lines: {lines}"

    call_id = call()
    got = gw1.expect("INVITE", call_id=call_id)
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=call_id)
    told = record(call_id)
    t.like(told, "transaction answered.*code=200", "answered")
    t.like(told, "in=pbx1;out=gw1;gateway=gw1;route=first;usage=all;attempts=gw1=200/\\d+;",
           "by the first trunk")

    call_id = call()
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
    gw1.expect("ACK", call_id=call_id)
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=call_id)
    t.like(record(call_id), "code=200.*in=pbx1;out=gw2;gateway=gw2;route=second;usage=all;"
           "attempts=gw1=503/\\d+,gw2=200/\\d+;", "after a failover")

    call_id = call()
    gw1.expect("INVITE", call_id=call_id)
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 486, "Busy Here")
    gw2.expect("ACK", call_id=call_id)
    pbx1.expect(486, call_id=call_id)
    told = record(call_id)
    t.like(told, "code=486", "failed on all")
    attempts = re.search(r"attempts=gw1=408/(\d+),gw2=486/\d+;", told)
    t.ok(attempts, f"one timed out, one was busy: {told}")
    t.ok(attempts and 400 <= int(attempts[1]) <= 2000, "the time is that of the timer")

    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    call_id = sent.get("Call-ID")
    got = gw1.expect("INVITE", call_id=call_id)
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=call_id)
    pbx1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}", f"From: {sent.get('From')}",
               f"To: {sent.get('To')}", f"Call-ID: {call_id}", "CSeq: 1 CANCEL",
               "Max-Forwards: 70"], to=trunks.address("pbx1"))
    gw1.reply(gw1.expect("CANCEL", call_id=call_id), 200, "OK")
    gw1.reply(got, 487, "Request Terminated")
    pbx1.expect(487, call_id=call_id)
    t.like(record(call_id), "code=487.*out=gw1;.*attempts=gw1=487/\\d+;", "cancelled by the caller")

    # before there is a transaction
    call_id = call("+1555")
    t.equal(pbx1.expect("final", call_id=call_id).status, 404, "no route: 404")
    told = record(call_id)
    t.like(told, "code=404;reason=no route of the usages takes \\+1555", "it has a record")
    t.like(told, "in=pbx1;out=;.*attempts=;diagnostic=12004|in=pbx1;out=<null>;.*diagnostic=12004",
           "with the diagnostic id")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
