#!/usr/bin/python3
"""A real RFC 8643 peer, baresip, on a leg the plugin describes: it takes what we write.

The other leg is a plain gateway by hand: what arrives at its port must be clear audio with
the peer's tone, so keys were agreed upon and rtpengine decrypts with them.
"""

import re
import socket

from baresip import Baresip
from capture import Capture
from case import Case
from listener import OPTIONAL, PLAIN, REQUIRED, Caller, describe, learned
from rtpengine import Rtpengine
from sip import SipPeer, sdp

SECURE = "RTP/SAVP + AES_CM_128_HMAC_SHA1_80"
BOTH = "RTP/AVP + AES_CM_128_HMAC_SHA1_80"


def gateway(sandbox):
    """A port that hears."""
    sock, port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), sandbox.port()
    sock.bind(("127.0.0.1", port))
    return sock, port


def heard(capture, port):
    """What flows to this port, once enough has: its kind and seconds of 440 Hz."""
    capture.wait_packets(port, 100)
    flow = next(f for f in capture.flows().values() if f.dst[1] == port)
    return flow.kind(), flow.tone_seconds(440) > 1


with Case(plan=15) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    peer = SipPeer(t, user="middle")
    for srtp, leg, offers in (("optional", OPTIONAL, BOTH), ("required", REQUIRED, SECURE)):
        phone = Baresip(t, f"peer-{srtp}", "udp", srtp, 440)
        uri = f"sip:middle@127.0.0.1:{peer.port}"

        capture = Capture(t, f"out-{srtp}")
        sock, port = gateway(t)
        call = Caller(rtpengine.listener, f"out-{srtp}")
        phone.call(uri)
        invite = peer.expect("INVITE")
        t.equal(describe(invite.body), offers, f"{srtp}: baresip offers {offers}")
        call.offer((leg, PLAIN), invite.body)
        call.answer((PLAIN, leg), sdp(port))
        t.equal(call.media(), SECURE, f"{srtp}: it is answered {SECURE}")
        media = int(re.search(r"m=audio (\d+)", call.last["sdp"])[1])
        peer.reply(invite, 200, "OK", sdp=call.last["sdp"])
        t.ok(phone.wait_answer(), f"{srtp}: which it takes")
        t.equal(heard(capture, media)[0], "SRTP", f"{srtp}: it sends SRTP")
        t.equal(heard(capture, port), ("RTP", True), f"{srtp}: the gateway hears its tone")
        phone.hang_up()
        peer.reply(peer.expect("BYE"), 200, "OK")
        phone.wait_closed()
        call.send("delete")
        capture.stop()
        sock.close()

        capture = Capture(t, f"in-{srtp}")
        sock, port = gateway(t)
        call = Caller(rtpengine.listener, f"in-{srtp}")
        call.offer((PLAIN, leg), sdp(port))
        phone.begin()
        invite = peer.request("INVITE", f"sip:{phone.numbers[0]}@127.0.0.1:{phone.port}",
                              ("127.0.0.1", phone.port), sdp=call.last["sdp"])
        answer = peer.expect(200)
        peer.ack(invite, answer)
        t.note(f"{srtp}: offered {call.media()}, baresip answers {describe(answer.body)}")
        call.answer((leg, PLAIN), answer.body)
        t.equal(call.media(), "RTP/AVP", f"{srtp}: its answer is accepted")
        t.equal(heard(capture, port), ("RTP", True), f"{srtp}: the gateway hears its tone")
        peer.bye(invite, answer)
        peer.expect(200)
        call.send("delete")
        capture.stop()
        sock.close()
    t.equal(rtpengine.calls(), [], "nothing is left")
