#!/usr/bin/python3
"""Our Record-Route stands above all others, with what the script and rr add to it."""

import os
import re

from case import Case
from sandbox import TOP
from trunks import Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}


def routes(message):
    return [r.strip() for line in message.all("Record-Route") for r in line.split(",")]


with open(os.path.join(TOP, "kamailio-cfg", "trunks.cfg"), encoding="utf-8") as file:
    TRUNKS = file.read().replace("listen=LISTEN_1", "listen=LISTEN_1\nlisten=LISTEN_2\n")

with Case(plan=21) as t:
    def site(name, old="", new=""):
        return Trunks(t, {"pbx1": dict(PLAIN), "gw1": {**PLAIN, "transport": "tcp"}},
                      routes={"all": {"pattern": r"^\+\d+$", "trunks": "gw1"}},
                      config=t.write(name, TRUNKS.replace(old, new, 1)))

    def up(trunks):
        """A call that is up and ends by the callee: the Record-Route that the gateway saw."""
        theirs = f"<sip:127.0.0.1:{trunks.pbx1.port};lr>"
        sent = trunks.call("pbx1", "+49301234", headers=[f"Record-Route: {theirs}"],
                           from_header="<sip:1000@pbx.local>;tag=t1")
        got = trunks.gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        trunks.gw1.reply(got, 200, "OK", tag="c")
        final = trunks.pbx1.expect("2xx", call_id=sent.get("Call-ID"))
        t.equal(routes(final), routes(got), "the caller gets the same back")
        t.equal(routes(got)[2:], [theirs], "ours stand above the one that was there")
        final.headers = [(n, v) for n, v in final.headers if v != theirs]  # its edge takes it off
        trunks.pbx1.ack(sent, final)
        t.ok(trunks.gw1.expect("ACK"), "its ACK arrives by it")
        dialog = Turned(got, final)
        trunks.gw1.bye(dialog, dialog, cseq=101)
        bye = trunks.pbx1.expect("BYE")
        t.equal(bye.get("From").split(";tag")[0], f"<{sent.uri}>",
                "and the callee's BYE, with what the caller called")
        trunks.pbx1.reply(bye, 200, "OK")
        trunks.gw1.expect(200)
        return got, *routes(got)[:2]

    one = site("one.cfg")
    got, first, second = up(one)
    t.equal((re.match(r"<sip:127.0.0.1:(\d+)(;transport=tcp)?;r2=on;med=", first)[1],
             re.match(r"<sip:127.0.0.1:(\d+);r2=on;med=", second)[1]),
            (str(one.local["gw1"]), str(one.local["pbx1"])),
            "two where the sockets differ, the outbound one first")
    t.equal(first.split(";med=")[1], second.split(";med=")[1], "both tell of the same call")
    t.ok(first.endswith(";lr>") and "ftag" not in first, "and nothing else")
    names = [name for name, _ in got.headers]
    t.ok(names.index("Record-Route") > names.index("Via"), "Via comes first")
    t.equal(one.alarms(), [], "no alarm")

    tagged = site("tagged.cfg", '"append_fromtag", 0', '"append_fromtag", 1')
    _, first, second = up(tagged)
    t.ok(first.endswith(";ftag=t1;lr>"), "rr's append_fromtag is heeded")
    t.ok(second.endswith(";ftag=t1;lr>"), "in both")

    scripted = site("scripted.cfg", "\tmed_from_trunk();\n",
                    '\trecord_route();\n\tadd_rr_param(";site=7");\n\tmed_from_trunk();\n')
    _, first, second = up(scripted)
    t.ok(";site=7" in first and ";med=" in first, "the script's own record_route() is added to")
    t.ok(";site=7" in second and ";med=" in second, "in both")
