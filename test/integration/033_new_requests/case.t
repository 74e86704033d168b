#!/usr/bin/python3
"""What a caller may write into a new request, and what goes on to the gateway."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=32) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": PLAIN, "gw2": PLAIN},
                    routes={"all": {"pattern": r"^\+4\d+$", "trunks": "gw1"},
                            "many": {"pattern": r"^\+7\d+$",
                                     "trunks": ",".join(f"t{n}" for n in range(20))}})
    pbx1, gw1, gw2 = trunks.pbx1, trunks.gw1, trunks.gw2

    # Routes of the caller, identities in either form.
    for what, route in (("ours", f"<sip:127.0.0.1:{trunks.local['pbx1']};lr>"),
                        ("another's", f"<sip:127.0.0.1:{gw2.port};lr>"),
                        ("two in one", f"<sip:127.0.0.1:{gw2.port};lr>, <sip:x.example;lr>")):
        sent = trunks.call("pbx1", "+4930", sdp=sdp(30000), headers=[
            f"Route: {route}", "Route: <sip:second.example;lr>",
            "Remote-Party-ID: <sip:+49110@x.example>;party=calling",
            "P-Asserted-Identity: <sip:+49112@x.example>"])
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        t.equal(got.all("Route"), [], f"a preloaded Route ({what}) ends at us")
        t.equal(got.all("Remote-Party-ID") + got.all("P-Asserted-Identity"), [],
                "so do Remote-Party-ID and P-Asserted-Identity")
        gw1.reply(got, 486, "Busy Here")
        pbx1.expect(486, call_id=sent.get("Call-ID"))

    # From in every form the grammar has; the call is found again by its tag.
    for header in ("<sip:1000@127.0.0.1> ; tag = abc1", "<sip:1000@127.0.0.1>;\r\n tag=abc2",
                   '<sip:1000@127.0.0.1>;tag=abc3;x="a>b"',
                   '<sip:1000@127.0.0.1>;x=";tag=no";tag=abc4',
                   '"a <b> ;tag=no" <sip:1000@127.0.0.1>;tag=abc5', "sip:1000@127.0.0.1;tag=abc6",
                   "<sip:1000@127.0.0.1;tag=no>;TAG=abc7"):
        sent = trunks.call("pbx1", "+4930", sdp=sdp(30000), from_header=header)
        got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        gw1.reply(got, 200, "OK", sdp=sdp(31000))
        final = pbx1.expect("final", call_id=sent.get("Call-ID"))
        t.equal(final.status, 200, f"From: {header!r}")
        pbx1.ack(sent, final)
        gw1.expect("ACK", call_id=sent.get("Call-ID"))
        pbx1.bye(sent, final)
        bye = gw1.expect("BYE", call_id=sent.get("Call-ID"))
        gw1.reply(bye, 200, "OK")
        t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).method, "BYE",
                "and its BYE finds the call")

    # A folded Call-ID, from two trunks.
    line = " 0(1) NOTICE: <core> [core/x.c:1]: injected"
    for port, code in (("gw2", 400), ("pbx1", 400)):
        peer = trunks.peers[port]
        for uri in ("sip:nobody@127.0.0.1", "sip:+4930@127.0.0.1"):
            peer.send([f"INVITE {uri}:{trunks.local[port]} SIP/2.0",
                       f"Via: SIP/2.0/UDP 127.0.0.1:{peer.port};branch=z9hG4bK{uri[4:7]}{port};rport",
                       "Max-Forwards: 70", "From: <sip:a@b.example>;tag=1", "To: <sip:b@c.example>",
                       f"Call-ID: x\r\n{line}", "CSeq: 1 INVITE", f"Contact: {peer.contact}"],
                      to=trunks.address(port))
            t.equal(peer.expect("4xx").status, code, f"a folded Call-ID at {port}: {code}")
    gw1.expect_none("INVITE", 0.2)
    t.ok(trunks.lines("Call-ID with white space"), "the log tells of it")
    t.equal([row for row in trunks.kamailio.log().splitlines() if row.startswith(line[:12])], [],
            "in a line of its own, which is ours")

    # Twenty candidates, none takes it: all that a plan holds are tried.
    for number in range(20):
        trunks.redis.hset(f"med:1:gateway:t{number}", address="127.0.0.1",
                          source=f"127.0.1.{number + 1}")
        trunks.redis.hset(f"med:1:trunk:t{number}", transport="udp", port=str(gw2.port),
                          local_port=str(trunks.local["gw2"]))
        trunks.redis.hset(f"med:1:profile:trunk:t{number}", srtp_mode="not_supported", anchor="no")
    wait_for("20 more trunks", lambda: "t19" in trunks.kamailio.rpc("mediation.trunks", 0, 40))
    sent, tried = trunks.call("pbx1", "+77", sdp=sdp(30000)), 0
    while tried < 16:
        got = gw2.expect("INVITE")
        tried += 1
        gw2.reply(got, 503, "Service Unavailable", tag=f"t{tried}")
    final = pbx1.expect("5xx", call_id=sent.get("Call-ID"))
    t.equal((tried, final.status), (16, 503), "sixteen candidates are tried, then 503")
    t.like(final.get("Reason"), "12000", "with the reason")
    t.equal(trunks.lines("ERROR", "t_fwd"), [], "and tm had room for them")
    # Without a key, calls do not outlive a restart: that is said when it starts.
    t.equal(trunks.lines("WARNING", '"key" is empty'), [], "a key is set: no warning")
    trunks.kamailio.stop()
    trunks.defines["NODE_KEY"] = '""'
    trunks.start()
    t.equal(len(trunks.lines("WARNING", '"key" is empty')), 1, "no key: one warning")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
