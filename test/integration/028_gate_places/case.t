#!/usr/bin/python3
"""The gate goes by the message and where it goes, whatever the script did before: an
admission holds for its own message only, keys leave over TLS only, and an anchored leg
sees rtpengine's addresses in every line."""

import os
import re

from case import Case
from sandbox import TOP, Failure, Sandbox
from sip import sdp
from trunks import Trunks

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SECURE = sdp(31000, profile="RTP/SAVP", key=KEY)
PLAIN = sdp(30000)
BOTH = sdp(30000, key=KEY)
ANSWERS = 'onreply_route[MED] { med_media(); }\nfailure_route[MED] { med_relay("MED"); }\n'


def script(box, routes):
    """kamailio.cfg with these routes instead of mediation.cfg's."""
    folder = os.path.join(TOP, "kamailio-cfg")
    with open(os.path.join(folder, "mediation.cfg"), encoding="utf-8") as file:
        text = re.sub(r"(?ms)^(branch|onreply|failure)_route\[MED\] \{.*?^\}\n", "",
                      file.read())
    box.write("mediation.cfg", text + routes + "\n")
    with open(os.path.join(folder, "kamailio.cfg"), encoding="utf-8") as file:
        return box.write("kamailio.cfg", file.read())


class Redirected(Trunks):
    """Its ports are written into the script before it is started."""

    def start(self):
        path = os.path.join(os.path.dirname(self.config), "mediation.cfg")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name, port in (("PEER_UDP", self.udp1.port), ("OWN_UDP", self.local["udp1"]),
                           ("PEER_TLS", self.pbx1.port), ("OWN_TLS", self.local["pbx1"])):
            text = text.replace(name, str(port))
        self.sandbox.write("mediation.cfg", text)
        super().start()


class Callee:
    """The callee's side of a dialog that the caller has begun, for requests of its own."""

    def __init__(self, invite, reply):
        self.link, self.uri = invite.link, invite.uri
        self.headers = {"From": reply.get("To"), "To": invite.get("From"),
                        "Call-ID": invite.get("Call-ID"), "CSeq": "100 INVITE",
                        "Contact": invite.get("Contact")}
        self.routes = [r for line in invite.all("Record-Route") for r in line.split(",")]

    def get(self, name):
        return self.headers.get(name, "")

    def all(self, name):
        return self.routes[::-1] if name == "Record-Route" else []


def came(peer, what, within=1.0):
    """The message, or None."""
    try:
        return peer.expect(what, within)
    except Failure:
        return None


def stale(t):
    """A call is admitted towards a leg without policy; then a request comes back."""
    with Sandbox("gate") as box:
        trunks = Trunks(box, {
            "pbx1": {"transport": "tls", "srtp_mode": "required"},
            "gw1": {"transport": "tcp", "srtp_mode": "not_supported", "anchor": "no"},
        }, {"out": {"pattern": r"^\+1\d+$", "trunks": "gw1"}}, media=True, config=script(box, """
            branch_route[MED] { med_branch(); if (!has_totag()) med_media(); }""" + ANSWERS),
            defines={"WORKERS": "1"})
        pbx1, gw1 = trunks.pbx1, trunks.gw1
        sent = trunks.call("pbx1", "+1001", sdp=SECURE)
        got = gw1.expect("INVITE")
        gw1.reply(got, 180, "Ringing")
        pbx1.expect(180)
        side = Callee(got, gw1.reply(got, 180, "Ringing"))
        for cseq, why in ((102, "another"), (1, "the same")):
            gw1._in_dialog("UPDATE", side, side, sdp=PLAIN, cseq=cseq)
            t.ok(came(pbx1, "UPDATE") is None,
                 f"the callee's plain UPDATE of {why} number: kept back from the caller")
        t.ok(len(trunks.lines("kept back", sent.get("Call-ID"), "pbx1")) >= 2, "and logged")


def elsewhere(t):
    """The script sends a request, after it was admitted, to where it should not go."""
    with Sandbox("gate") as box:
        config = script(box, """
            branch_route[MED] {
                med_branch();
                med_media();
                if ($rU =~ "^.?1") {
                    $du = "sip:127.0.0.1:PEER_UDP;transport=udp";
                    $fs = "udp:127.0.0.1:OWN_UDP";
                } else {
                    $du = "sip:127.0.0.1:PEER_TLS;transport=tls";
                    $fs = "tls:127.0.0.1:OWN_TLS";
                }
            }""" + ANSWERS)
        trunks = Redirected(box, {
            "pbx1": {"transport": "tls", "srtp_mode": "required"},
            "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
            "udp1": {"transport": "udp", "srtp_mode": "not_supported"},
        }, {"in": {"pattern": r"^\+1\d+$", "trunks": "pbx1"},
            "out": {"pattern": r"^\+2\d+$", "trunks": "udp1"}}, media=True, config=config)
        trunks.call("gw1", "+1001", sdp=PLAIN)
        final = trunks.gw1.expect("final")
        t.ok(final.status >= 400 and came(trunks.udp1, "INVITE", 0.3) is None,
             "an offer with keys that a script sends over UDP: kept back")
        t.ok(trunks.lines("kept back", "a=crypto would go out over UDP"), "and logged")
        trunks.call("gw1", "+2001", sdp=PLAIN)
        final = trunks.gw1.expect("final")
        t.ok(final.status >= 400 and came(trunks.pbx1, "INVITE", 0.3) is None,
             "an offer for a plain leg that a script sends to a required one: kept back")
        t.ok(trunks.lines("kept back", "pbx1", "RTP/AVP"), "and logged")


def unanchored(t):
    """Trunks whose media is left alone: no key over UDP or TCP either."""
    with Sandbox("gate") as box:
        alone = {"anchor": "no"}
        trunks = Trunks(box, {
            "itsp1": {"transport": "tls", "srtp_mode": "optional", **alone},
            "gw1": {"transport": "tcp", "srtp_mode": "not_supported", **alone},
            "udp1": {"transport": "udp", "srtp_mode": "not_supported", **alone},
        }, {"udp": {"pattern": r"^\+1\d+$", "trunks": "udp1"},
            "tcp": {"pattern": r"^\+2\d+$", "trunks": "gw1"},
            "tls": {"pattern": r"^\+3\d+$", "trunks": "itsp1"}}, media=True)
        for number, callee, words in (("+1001", trunks.udp1, "UDP"), ("+2001", trunks.gw1, "TCP")):
            trunks.call("itsp1", number, sdp=BOTH)
            t.ok(came(callee, "INVITE", 0.5) is None, f"keys over {words}: kept back")
            t.ok(trunks.lines("kept back", f"over {words}"), "and logged")
            trunks.itsp1.expect("final")
            trunks.call("itsp1", number, sdp=PLAIN)
            got = callee.expect("INVITE")
            t.equal(got.body, PLAIN, f"an offer without keys over {words}: as it is")
            callee.reply(got, 486, "Busy Here")
            trunks.itsp1.expect("final")
        trunks.call("gw1", "+3001", sdp=BOTH)
        t.equal(trunks.itsp1.expect("INVITE").body, BOTH, "keys over TLS: as they are")


def origin(t):
    """rtpengine by its own module, without flags: it leaves o= as it was."""
    with Sandbox("gate") as box:
        trunks = Trunks(box, {
            "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
            "gw2": {"transport": "tcp", "srtp_mode": "not_supported"},
        }, {"out": {"pattern": r"^\+1\d+$", "trunks": "gw2"}}, media=True,
            config=script(box, """
            branch_route[MED] { med_branch(); rtpengine_manage(); }
            onreply_route[MED] { rtpengine_manage(); }
            failure_route[MED] { med_relay("MED"); }"""))
        offer = PLAIN.replace("c=IN IP4 127.0.0.1\r\n", "").replace(
            "a=rtpmap", "c=IN IP4 127.0.0.1\r\na=rtpmap", 1)
        for body, what in ((PLAIN, "o="), (offer, "o=, its c= in the media")):
            trunks.call("gw1", "+1001", sdp=body)
            trunks.gw1.expect("final")
            t.ok(came(trunks.gw2, "INVITE", 0.3) is None,
                 f"an anchored leg would see the other side in {what}: kept back")
        t.equal(len(trunks.lines("kept back", "address 127.0.0.1 is not rtpengine's")), 2,
                "and logged")


def ordinary(t):
    """What calls need all the same: on hold by 0.0.0.0, and declined lines."""
    with Sandbox("gate") as box:
        trunks = Trunks(box, {
            "pbx1": {"transport": "tls", "srtp_mode": "required"},
            "gw1": {"transport": "tcp", "srtp_mode": "not_supported"},
        }, {"in": {"pattern": r"^\+1\d+$", "trunks": "pbx1"}}, media=True)
        pbx1, gw1 = trunks.pbx1, trunks.gw1
        fax = PLAIN + "m=image 5000 udptl t38\r\nc=IN IP4 127.0.0.1\r\n"
        sent = trunks.call("gw1", "+1001", sdp=fax)
        got = pbx1.expect("INVITE")
        t.like(got.body, r"m=image 0 ", "a declined line goes on as declined")
        t.ok(not re.search(r"(?m)^[co]=.* 127\.0\.0\.1\r?$", got.body),
             "and shows nobody's address")
        pbx1.reply(got, 200, "OK", sdp=SECURE + "m=image 0 udptl t38\r\n")
        final = gw1.expect("2xx")
        gw1.ack(sent, final)
        pbx1.expect("ACK")
        gw1.reinvite(sent, final, sdp=fax.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"))
        held = pbx1.expect("INVITE")
        t.like(held.body, "m=audio [1-9]", "on hold by 0.0.0.0: the re-INVITE goes on")
        pbx1.reply(held, 200, "OK", sdp=SECURE + "m=image 0 udptl t38\r\n")
        t.equal(gw1.expect("final").status, 200, "and is answered")
        t.equal(trunks.stat("gate_blocked"), 0, "the gate kept nothing back")
        t.equal(trunks.alarms(), [], "nothing critical was logged")


with Case(plan=23) as t:
    stale(t)
    elsewhere(t)
    unanchored(t)
    origin(t)
    ordinary(t)
