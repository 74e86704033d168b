#!/usr/bin/python3
"""A request within a call goes to the call's other side, whatever its target says."""

from case import Case
from sandbox import wait_for
from sip import sdp
from trunks import Peer, Trunks, Turned

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}
TLS = {"srtp_mode": "optional", "anchor": "no", "transport": "tls"}

with Case(plan=27) as t:
    phone = Peer(t, "tcp", user="phone", host="127.0.0.7")
    trunks = Trunks(t, {
        "pbx1": PLAIN,
        "gw1": {**PLAIN, "transport": "tcp", "gateway": {"source": "127.0.0.1,127.0.0.7"}},
        "gw2": PLAIN,
        "tls1": TLS,
        "one": {**TLS, "san": ["one.example"]},
        "two": {**TLS, "san": ["one.example", "two.example"]},
    }, routes={"gw1": {"pattern": r"^\+1\d*$", "trunks": "gw1"},
               "tls1": {"pattern": r"^\+2\d*$", "trunks": "tls1"},
               "two": {"pattern": r"^\+3\d*$", "trunks": "two"},
               "pbx1": {"pattern": r"^\+4\d*$", "trunks": "pbx1"}})
    pbx1, gw1, gw2, tls1 = trunks.pbx1, trunks.gw1, trunks.gw2, trunks.tls1

    def live(name, **fields):
        """Change an object of this trunk; returns once the node has it."""
        before = trunks.kamailio.rpc("mediation.status")
        for key, values in fields.items():
            trunks.redis.hset(f"med:1:{key}:{name}", **values)
        wait_for("the change", lambda: trunks.kamailio.rpc("mediation.status") != before)

    def within(method, sent, answer, uri, peer=pbx1, **more):
        """A request of the caller with a target of its own choice."""
        routes = [r for line in answer.all("Record-Route") for r in line.split(",")][::-1]
        return peer.request(method, uri, trunks.address(peer.user),
                            headers=[f"Route: {r.strip()}" for r in routes],
                            call_id=sent.get("Call-ID"), from_header=sent.get("From"),
                            **{"to_header": answer.get("To"), **more})

    # The relay that one paid call would open: any number at any gateway.
    sent, got, answer = trunks.answered("pbx1", "gw1", "+1", sdp(30000), sdp(31000))
    call_id = sent.get("Call-ID")
    for cseq, method, uri in ((11, "INVITE", f"sip:+1900@127.0.0.1:{gw2.port}"),
                              (12, "UPDATE", f"sip:+1900@127.0.0.1:{gw2.port};transport=udp"),
                              (13, "INVITE", f"sip:+1900@127.0.0.8:{gw2.port}"),
                              (14, "UPDATE", "sip:+1900@nowhere.example"),
                              (15, "UPDATE", f"sip:x@127.0.0.1;maddr=127.0.0.8:{gw2.port}")):
        within(method, sent, answer, uri, cseq=cseq, to_header="<sip:x@y>;tag=whatever")
        came = gw1.expect(method, call_id=call_id)
        t.equal(came.uri, uri, f"{method} to {uri} reaches the call's own gateway, unchanged")
        gw1.reply(came, 481, "Call/Transaction Does Not Exist")
        pbx1.expect(481, call_id=call_id)
    gw2.expect_none("INVITE", 0.3)
    t.ok(not gw2._pending, "nothing reached the other gateway")

    # A phone behind the PBX, in the gateway's `source`, is reached where it says.
    gw1.told = phone.contact
    sent = trunks.call("pbx1", "+1", sdp=sdp(30000))
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    answer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, answer)
    t.ok(phone.expect("ACK", call_id=sent.get("Call-ID")), "ACK goes to the phone that answered")
    pbx1.bye(sent, answer)
    bye = phone.expect("BYE", call_id=sent.get("Call-ID"))
    phone.reply(bye, 200, "OK")
    t.equal(pbx1.expect("2xx", call_id=sent.get("Call-ID")).method, "BYE", "so does BYE")
    # A Contact that is no address of its gateway: to the gateway, as it is.
    gw1.told = "<sip:inner@127.0.0.8:5999;transport=tcp>"
    sent = trunks.call("pbx1", "+1", sdp=sdp(30000))
    got = gw1.expect("INVITE", call_id=sent.get("Call-ID"))
    gw1.reply(got, 200, "OK", sdp=sdp(31000))
    answer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    pbx1.ack(sent, answer)
    t.equal(gw1.expect("ACK", call_id=sent.get("Call-ID")).uri, gw1.told.strip("<>"),
            "a Contact elsewhere: its gateway gets the ACK with that target")
    gw1.told = None

    # An ephemeral port over TCP: the connection is used again.
    gw1.send_raw(b"\r\n\r\n", trunks.address("gw1"))
    mine = gw1._links[trunks.address("gw1")].sock.getsockname()
    gw1.told = f"<sip:gw1@127.0.0.1:{mine[1]};transport=tcp>"
    sent, got, answer = trunks.answered("gw1", "pbx1", "+4", sdp(30000), sdp(31000))
    turned = Turned(got, answer)
    pbx1.bye(turned, turned, cseq=101)
    bye = gw1.expect("BYE", call_id=sent.get("Call-ID"))
    t.equal(bye.link, trunks.address("gw1"), "a Contact with the connection's own port: it is used")
    gw1.reply(bye, 200, "OK")
    pbx1.expect("2xx", call_id=sent.get("Call-ID"))
    gw1.told = None

    # A TLS peer whose Contact says UDP, or nothing: nothing of its call leaves TLS.
    for told in (f"<sip:far@127.0.0.1:{gw2.port};transport=udp>", f"<sip:far@127.0.0.1:{tls1.port}>"):
        tls1.told = told
        sent = trunks.call("pbx1", "+2", sdp=sdp(30000))
        got = tls1.expect("INVITE", call_id=sent.get("Call-ID"))
        tls1.reply(got, 200, "OK", sdp=sdp(31000))
        answer = pbx1.expect("2xx", call_id=sent.get("Call-ID"))
        pbx1.ack(sent, answer)
        t.ok(tls1.expect("ACK", call_id=sent.get("Call-ID")), f"{told}: ACK by TLS")
        pbx1.reinvite(sent, answer, sdp(30002))
        again = tls1.expect("INVITE", call_id=sent.get("Call-ID"))
        t.like(again.get("Via"), rf"^SIP/2.0/TLS 127.0.0.1:{trunks.local['tls1']};",
               f"{told}: re-INVITE by TLS, from the trunk's own socket")
        tls1.reply(again, 200, "OK", sdp=sdp(31002))
        pbx1.expect("2xx", call_id=sent.get("Call-ID"))
        pbx1.ack(sent, answer)
        tls1.expect("ACK", call_id=sent.get("Call-ID"))
    tls1.told = None
    gw2.expect_none("INVITE", 0.2)

    # Drained, or changed: the calls that are up stay, and end by their own BYE.
    def ended(what, name, caller, callee, number, **change):
        sent, got, answer = trunks.answered(caller, callee, number, sdp(30000), sdp(31000))
        other = trunks.answered(caller, callee, number, sdp(30000), sdp(31000))
        live(name, **change)
        a, b = trunks.peers[caller], trunks.peers[callee]
        turned = Turned(got, answer)
        b.bye(turned, turned, cseq=101)
        came = a.expect("BYE", call_id=sent.get("Call-ID"))
        a.reply(came, 200, "OK")
        t.equal(b.expect("2xx", call_id=sent.get("Call-ID")).method, "BYE",
                f"{what}: the callee ends its call")
        a.bye(other[0], other[2])
        came = b.expect("BYE", call_id=other[0].get("Call-ID"))
        b.reply(came, 200, "OK")
        t.equal(a.expect("2xx", call_id=other[0].get("Call-ID")).method, "BYE",
                f"{what}: the caller ends its call")

    ended("trunk drained", "gw1", "pbx1", "gw1", "+1", trunk={"enabled": "no"})
    live("gw1", trunk={"enabled": "yes"})
    ended("source changed", "gw1", "pbx1", "gw1", "+1", gateway={"source": "127.0.0.8"})
    live("gw1", gateway={"source": "127.0.0.1"})
    ended("gateway moved", "gw1", "pbx1", "gw1", "+1",
          gateway={"source": "127.0.0.8", "address": "127.0.0.8"})
    live("gw1", gateway={"source": "127.0.0.1", "address": "127.0.0.1"})
    ended("tls_name changed", "tls1", "pbx1", "tls1", "+2", gateway={"tls_name": "new.example"})
    # Gone: where the call began is still known, and nothing else.
    one = trunks.answered("pbx1", "gw1", "+1", sdp(30000), sdp(31000))
    before = trunks.kamailio.rpc("mediation.trunks")
    trunks.redis.command("DEL", "med:1:trunk:gw1")
    wait_for("no gw1", lambda: trunks.kamailio.rpc("mediation.trunks") != before)
    within("UPDATE", one[0], one[2], f"sip:x@127.0.0.8:{gw2.port}", cseq=20)
    refused = pbx1.expect("4xx", call_id=one[0].get("Call-ID"))
    t.equal(refused.status, 403, "trunk gone, target elsewhere: 403")
    t.like(refused.get("Reason"), "gw1.*gone", "with a reason")
    pbx1.bye(one[0], one[2], cseq=21)
    gw1.reply(gw1.expect("BYE", call_id=one[0].get("Call-ID")), 200, "OK")
    t.equal(pbx1.expect("2xx", call_id=one[0].get("Call-ID")).method, "BYE",
            "trunk gone: BYE goes where the call began")

    # One certificate, two trunks of one local port: each keeps its own calls.
    live("two", trunk={"local_port": str(trunks.local["one"])})
    sent, got, answer = trunks.answered("pbx1", "two", "+3", sdp(30000), sdp(31000))
    turned = Turned(got, answer)
    trunks.two.bye(turned, turned, cseq=101)
    pbx1.reply(pbx1.expect("BYE", call_id=sent.get("Call-ID")), 200, "OK")
    t.equal(trunks.two.expect("2xx", call_id=sent.get("Call-ID")).method, "BYE",
            "a certificate of two trunks: the second's calls end too")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
