#!/usr/bin/python3
"""Multipart bodies: the SDP goes on, the other parts as the profile of who reads them says."""

import re

from case import Case
from sandbox import wait_for
from sip import Message, sdp
from trunks import Trunks

TYPE = 'multipart/mixed;boundary="b;1"'


def parts(port, end="\r\n"):
    """An SDP between two other parts; `end`: how its last line ends."""
    text = sdp(port).removesuffix("\r\n") + end
    return ("a preamble\r\n--b;1\r\nContent-Type: application/isup;version=x\r\n\r\n\x01\x02\r\n"
            f"--b;1\r\nContent-Type: application/sdp\r\n\r\n{text}\r\n"
            "--b;1\r\nContent-Type: application/pidf+xml\r\n\r\n<place/>\r\n--b;1--\r\n")


def raw(message, body, more=()):
    """A message as it was written, with this body."""
    head = re.sub(r"\r\nContent-(Type|Length):[^\r]*", "", message.text.partition("\r\n\r\n")[0])
    return "\r\n".join([head, *more, f"Content-Type: {TYPE}", f"Content-Length: {len(body)}", "", body])


class Writer:
    """A peer whose next message carries such a body."""

    def __init__(self, peer):
        self.peer, self.rest = peer, peer.send_raw

    def send(self, body, what, *arguments, **keys):
        self.peer.send_raw = lambda data, to=None, link=None: self.rest(
            raw(Message(data.decode()), body).encode(), to, link)
        try:
            return what(*arguments, **keys)
        finally:
            self.peer.send_raw = self.rest


def seen(message):
    """What is in it: the type, how many SDPs, is there another part, does the SDP end as it should."""
    return (message.get("Content-Type"), message.body.count("m=audio"), "<place/>" in message.body,
            message.body.endswith("\r\n") and not message.body.endswith("\r\n\r\n"))


ALONE = ("application/sdp", 1, False, True)
WHOLE = (TYPE, 1, True, True)

with Case(plan=14) as t:
    plain = {"srtp_mode": "not_supported"}
    strip = {**plain, "other_body_parts": "strip"}
    trunks = Trunks(t, {"pbx1": plain, "pbx2": strip, "gw1": plain, "gw2": strip,
                        "pbx4": {**strip, "enable_bypass": "yes"}, "gw4": {**strip, "enable_bypass": "yes"},
                        "pbx3": {**strip, "anchor": "no"}, "gw3": {**strip, "anchor": "no"}},
                    routes={n: {"pattern": rf"^\+4{n}", "trunks": f"gw{n}"} for n in "1234"}, media=True)
    writers = {name: Writer(peer) for name, peer in trunks.peers.items()}

    def call(caller, number, body):
        gateway = trunks.peers[f"gw{number}"]
        sent = writers[caller].send(body, trunks.call, caller, f"+4{number}30", sdp=sdp(30000))
        return sent, gateway, gateway.expect("INVITE")

    def answer(gateway, got, caller, body):
        writers[gateway.user].send(body, gateway.reply, got, 200, "OK", sdp=sdp(32000))
        return trunks.peers[caller].expect("2xx")

    for caller, number, kept, back in (("pbx1", "1", WHOLE, WHOLE), ("pbx1", "2", ALONE, WHOLE),
                                       ("pbx2", "1", WHOLE, ALONE)):
        sent, gateway, got = call(caller, number, parts(30000))
        t.equal(seen(got), kept, f"{caller} to gw{number}: {'the SDP alone' if kept is ALONE else 'all'}")
        final = answer(gateway, got, caller, parts(32000))
        t.equal(seen(final), back, f"its answer: {'the SDP alone' if back is ALONE else 'all'}")
        trunks.peers[caller].ack(sent, final)
        gateway.expect("ACK")
        trunks.peers[caller].bye(sent, final)
        gateway.reply(gateway.expect("BYE"), 200, "OK")
        trunks.peers[caller].expect("2xx")

    for end, text in (("\r\n", sdp(30000)), ("", sdp(30000))):
        _, gateway, got = call("pbx3", "3", parts(30000, end))
        t.equal((seen(got), got.body), (ALONE, text),
                f"media that passes us by: the SDP as it came{'' if end else ', with a line end'}")
        gateway.reply(got, 486, "Busy Here")
        trunks.pbx3.expect("4xx")

    trunks.redis.hset("med:1:site:hq", subnets="127.0.0.1")
    wait_for("bypass", lambda: "media: bypass" in trunks.kamailio.rpc("mediation.explain", "pbx4", "-", "+4430"))
    sent, gateway, got = call("pbx4", "4", parts(30000))
    t.equal((seen(got), got.body), (ALONE, sdp(30000)), "bypass: the SDP as it came, and nothing else")
    final = answer(gateway, got, "pbx4", parts(32000))
    t.equal((seen(final), final.body), (ALONE, sdp(32000)), "its answer as well")
    trunks.pbx4.ack(sent, final)
    gateway.expect("ACK")
    t.equal(trunks.rtpengine.calls(), [], "without a session")
    trunks.pbx4.bye(sent, final)
    gateway.reply(gateway.expect("BYE"), 200, "OK")
    trunks.pbx4.expect("2xx")

    _, gateway, got = call("pbx1", "2", parts(30000, ""))
    t.equal(seen(got), ALONE, "an SDP without a line end of its own")
    gateway.reply(got, 486, "Busy Here")
    trunks.pbx1.expect("4xx")
    trunks.call("pbx1", "+4230", sdp=sdp(30000))
    got = gateway.expect("INVITE")
    t.equal(seen(got), ALONE, "a body that is SDP is left as it is")
    gateway.reply(got, 486, "Busy Here")
    trunks.pbx1.expect("4xx")
    t.equal(trunks.alarms(), [], "and nothing was critical")
