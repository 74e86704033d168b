#!/usr/bin/python3
"""Records of calls by acc: answered at once, by the second trunk, by none, cancelled, refused."""

import re

from case import Case
from sandbox import TOP, wait_for
from sip import SipPeer, sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
# Their many failures are not to change the order of the two.
FAST = {**PLAIN, "trying_timeout_ms": "500", "suspect_after": "0", "down_after": "0"}


def with_records(sandbox):
    """kamailio.cfg with the README's example in place of its MED_CALL."""
    with open(f"{TOP}/modules/mediation/README.md", encoding="utf-8") as page:
        text = page.read().split("## Call records")[1]
    block = re.search(r"\n\n((?:    .*\n|\n)+)", text)[1]
    params, route = block.split("    route[MED_CALL]")
    params += 'modparam("acc", "log_missed_flag", 3)\n'
    route = route.replace("setflag(2);", 'setflag(2);\n\tif ($rU == "+4999") setflag(3);')
    files = []
    for name in ("kamailio.cfg", "mediation.cfg"):
        with open(f"{TOP}/kamailio-cfg/{name}", encoding="utf-8") as config:
            files.append(config.read())
    mediation = re.sub(r"route\[MED_CALL\] \{\n.*?\n\}\n",
                       lambda _: "route[MED_CALL]" + route, files[1], flags=re.S)
    mediation = mediation.replace('loadmodule "mediation.so"', 'loadmodule "mediation.so"\n'
                                  'loadmodule "acc.so"\n' + params)
    return sandbox.write("acc.cfg", files[0].replace('include_file "mediation.cfg"\n', mediation))


with Case(plan=25) as t:
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
    t.like(told, "in=pbx1;in_gateway=pbx1;out=gw1;gateway=gw1;route=first;usage=all;attempts=gw1=200/\\d+;",
           "by the first trunk")

    call_id = call()
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
    gw1.expect("ACK", call_id=call_id)
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 200, "OK", sdp=sdp(31000))
    pbx1.expect("2xx", call_id=call_id)
    t.like(record(call_id), "code=200.*in=pbx1;in_gateway=pbx1;out=gw2;gateway=gw2;route=second;usage=all;"
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
    t.ok(attempts and 400 <= int(attempts[1]) <= 5000, "the time is that of the timer")

    def cancel(sent):
        pbx1.send([f"CANCEL {sent.uri} SIP/2.0", f"Via: {sent.get('Via')}",
                   f"From: {sent.get('From')}", f"To: {sent.get('To')}",
                   f"Call-ID: {sent.get('Call-ID')}", "CSeq: 1 CANCEL", "Max-Forwards: 70"],
                  to=trunks.address("pbx1"))

    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    call_id = sent.get("Call-ID")
    got = gw1.expect("INVITE", call_id=call_id)
    gw1.reply(got, 180, "Ringing")
    pbx1.expect(180, call_id=call_id)
    cancel(sent)
    gw1.reply(gw1.expect("CANCEL", call_id=call_id), 200, "OK")
    gw1.reply(got, 487, "Request Terminated")
    pbx1.expect(487, call_id=call_id)
    t.like(record(call_id), "code=487.*out=gw1;.*attempts=gw1=487/\\d+;.*count=1;",
           "cancelled by the caller")

    sent = trunks.call("pbx1", "+4930", sdp=sdp(30000))
    call_id = sent.get("Call-ID")
    gw1.reply(gw1.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
    gw2.expect("INVITE", call_id=call_id)
    cancel(sent)
    pbx1.expect("final", call_id=call_id)
    t.like(record(call_id), "out=gw2;.*attempts=gw1=503/\\d+,gw2=4\\d\\d/\\d+;.*count=2;",
           "cancelled after a failover, at a trunk that says nothing")

    # before there is a transaction
    call_id = call("+1555")
    t.equal(pbx1.expect("final", call_id=call_id).status, 404, "no route: 404")
    told = record(call_id)
    t.like(told, "code=404;reason=no route of the usages takes \\+1555", "it has a record")
    t.like(told, "in=pbx1;.*;out=(<null>)?;.*diagnostic=12004",
           "with the diagnostic id")

    # from nobody we know, and not a number
    stranger = SipPeer(t, "udp", user="s", host="127.0.0.77")
    sent = stranger.request("INVITE", f"sip:+4930@127.0.0.1:{trunks.local['pbx1']}",
                            trunks.address("pbx1"), sdp=sdp(30000))
    t.equal(stranger.expect("final", call_id=sent.get("Call-ID")).status, 403, "a stranger: 403")
    t.like(record(sent.get("Call-ID")), r"code=403;reason=udp from 127\.0\.0\.77.*in=(<null>)?;",
           "a record of who it was")
    call_id = call("bob")
    t.equal(pbx1.expect("final", call_id=call_id).status, 484, "letters: 484")
    t.like(record(call_id), r"code=484;reason=.*'bob'.*in=pbx1;in_gateway=pbx1;.*diagnostic=\d",
           "a record of the reason")

    # every trunk has failed, and the answer is our own
    call_id = call()
    for gateway in (gw1, gw2):
        gateway.reply(gateway.expect("INVITE", call_id=call_id), 503, "Service Unavailable")
        gateway.expect("ACK", call_id=call_id)
    got = pbx1.expect("final", call_id=call_id)
    t.equal(got.status, 503, "503 from all")
    told = record(call_id)
    t.like(told, r"code=503;.*attempts=gw1=503/\d+,gw2=503/\d+;count=2;", "with both of them")
    t.like(told, r"diagnostic=12000;med_code=503;why=no trunk left for \+4930; the last, 'gw2'",
           "and what the module makes of it")

    # a missed call: acc writes of its first failure, before there is a failure route
    call_id = call("+4999")
    gw1.expect("INVITE", call_id=call_id)
    gw2.reply(gw2.expect("INVITE", call_id=call_id), 486, "Busy Here")
    gw2.expect("ACK", call_id=call_id)
    pbx1.expect(486, call_id=call_id)
    missed = wait_for("the record", lambda: trunks.lines("ACC: call missed", call_id))
    t.like(missed[0], r"code=408;.*out=gw1;.*attempts=gw1=408/\d+;count=1;", "missed: the timer")
    told = wait_for("the other record",
                    lambda: trunks.lines("ACC: transaction answered", call_id))
    t.like(told[0], r"code=486;.*attempts=gw1=408/\d+,gw2=486/\d+;count=2;", "and all of it later")

    # sixteen trunks with the longest names: whole entries, and it shows that there are more
    names = {f"{n:02d}" + "x" * 62: f"127.0.0.{100 + n}" for n in range(16)}
    trunks.redis.load({
        **{f"med:1:gateway:{name}": {"address": address, "peer": "ip_pbx"}
           for name, address in names.items()},
        **{f"med:1:trunk:{name}": {"gateway": name, "transport": "udp", "port": "9",
                                   "local_port": trunks.local["gw1"]} for name in names},
        **{f"med:1:profile:trunk:{name}": {**PLAIN, "trying_timeout_ms": "50"} for name in names},
        "med:1:route:many": {"pattern": r"^\+33\d+$", "usages": "all",
                             "trunks": ",".join(names)}})
    wait_for("all of it", lambda: trunks.lines("revision 2 in force"))
    call_id = call("+331")
    t.equal(pbx1.expect("final", timeout=15, call_id=call_id).status, 503, "none of sixteen")
    told = record(call_id)
    t.like(told, r"count=\d+;", "how many it were")
    attempts = re.search(r"attempts=([^;]*);", told)[1]
    t.ok(attempts.endswith(",...") and len(attempts) < 512, "a list that is cut, and shows it")
    t.ok(all(re.fullmatch(r"\d\dx{62}=408/\d+", e) for e in attempts.split(",")[:-1]),
         "at a whole entry")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
