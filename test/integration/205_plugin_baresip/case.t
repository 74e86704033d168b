#!/usr/bin/python3
"""A real peer, baresip, on a leg the plugin describes: RFC 8643, SRTP, DTLS-SRTP, WebRTC.

The other leg is a plain gateway by hand: what arrives at its port must be clear audio with
the peer's tone, so keys were agreed upon and rtpengine decrypts with them.
"""

import contextlib
import re
import socket

import netns
from baresip import Baresip
from capture import Capture, client_hellos
from case import Case
from listener import OPTIONAL, PLAIN, REQUIRED, Caller, describe, learned
from rtpengine import Rtpengine
from sandbox import Failure, wait_for
from sip import SipPeer, sdp

SECURE = "RTP/SAVP + AES_CM_128_HMAC_SHA1_80"
BOTH = "RTP/AVP + AES_CM_128_HMAC_SHA1_80"
WEBRTC = "UDP/TLS/RTP/SAVPF"
DTLS_LEG, WEBRTC_LEG, PHONE = "web1/required/dtls", "web1/required/dtls/avpf/ice", "-/any"
# what baresip is told, its leg, what it offers, how it is answered
PEERS = (("optional", OPTIONAL, BOTH, SECURE), ("required", REQUIRED, SECURE, SECURE),
         ("dtls", DTLS_LEG, WEBRTC, WEBRTC), ("webrtc", WEBRTC_LEG, WEBRTC, WEBRTC))


def gateway(sandbox):
    """A port that hears."""
    sock, port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), sandbox.port()
    sock.bind(("127.0.0.1", port))
    return sock, port


def heard_at(capture, port):
    return next(f for f in capture.flows().values() if f.dst[1] == port)


def said(body):
    """Of DTLS."""
    return re.findall(r"^a=(?:setup|fingerprint):.*", body, re.M)


def heard(capture, port):
    """What flows to this port, once enough has: its kind and seconds of 440 Hz."""
    capture.wait_packets(port, 100)
    flow = heard_at(capture, port)
    return flow.kind(), flow.tone_seconds(440) > 1


def secret(capture, phone):
    """Of all that this phone sends of media, the kind; and was a handshake seen?"""
    flow = max((f for f in capture.flows().values() if f.src[1] in phone.rtp_ports),
               key=lambda f: len(f.packets))
    handshake = client_hellos(capture.packets(), phone.rtp_ports) > 0
    return flow.kind(handshake), handshake


netns.alone()  # ICE has no candidates on loopback
with Case(plan=29) as t:
    rtpengine = Rtpengine(t, plugin=True)
    learned(rtpengine.listener)
    peer = SipPeer(t, user="middle")

    class Out:
        """A call of the phone to the gateway; its offer as `change` makes it."""

        def __init__(self, name, phone, leg, change=lambda body: body):
            self.name, self.phone, self.leg = name, phone, leg
            self.capture = Capture(t, f"out-{name}")
            self.sock, self.port = gateway(t)
            self.call = Caller(rtpengine.listener, f"out-{name}")
            phone.call(f"sip:middle@127.0.0.1:{peer.port}")
            self.invite = peer.expect("INVITE")
            self.media = self.answer(self.invite, change)
            self.taken = phone.wait_answer()
            if "a=candidate" in self.invite.body:  # once more, with what ICE has found
                self.answer(peer.expect("INVITE"), change, to_tag="B")

        def answer(self, invite, change, **tags):
            self.call.offer((self.leg, PLAIN), change(invite.body), **tags)
            self.call.answer((PLAIN, self.leg), sdp(self.port))
            peer.reply(invite, 200, "OK", sdp=self.call.last["sdp"])
            return self.call.media()

        def end(self):
            with contextlib.suppress(Failure):  # some hang up themselves when DTLS fails
                self.phone.hang_up()
            peer.reply(peer.expect("BYE"), 200, "OK")
            self.phone.wait_closed()
            self.call.send("delete")
            self.capture.stop()
            self.sock.close()

    for srtp, leg, offers, answered in PEERS:
        phone = Baresip(t, f"peer-{srtp}", "udp", srtp, 440)

        out = Out(srtp, phone, leg)
        t.equal(describe(out.invite.body), offers, f"{srtp}: baresip offers {offers}")
        t.equal((out.media, out.taken), (answered, True), f"{srtp}: it takes {answered} in answer")
        t.equal(heard(out.capture, out.port), ("RTP", True), f"{srtp}: the gateway hears its tone")
        t.equal(secret(out.capture, phone), ("SRTP", "TLS" in offers), f"{srtp}: it sends SRTP")
        if leg == DTLS_LEG:
            before = client_hellos(out.capture.packets(), phone.rtp_ports), said(out.call.last["sdp"])
            count = len(heard_at(out.capture, out.port).packets)
            out.answer(out.invite, str, to_tag="B")
            wait_for("more of it", lambda: len(heard_at(out.capture, out.port).packets) > count + 50)
            t.equal((client_hellos(out.capture.packets(), phone.rtp_ports), said(out.call.last["sdp"])), before,
                    "offered once more: no second handshake, and neither fingerprint nor role is another")
        out.end()

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

        if leg == WEBRTC_LEG:
            t.like(invite.body + answer.body, r"(?s)a=candidate:.* 127\.0\.0\.2 .*a=candidate:",
                   f"{srtp}: both say where they are by ICE")
            out = Out("phone", phone, PHONE)
            t.equal((out.media, heard(out.capture, out.port)), (WEBRTC, ("RTP", True)),
                    "a phone that no trunk describes likewise")
            out.end()
        if leg == DTLS_LEG:
            other = lambda body: re.sub(r"(?i)(a=fingerprint:\S+ )..", r"\g<1>00", body)
            out = Out("wrong", phone, leg, other)
            wait_for("its certificate to be rejected",
                     lambda: "fingerprint mismatch" in rtpengine.process.text())
            t.equal([f for f in out.capture.flows().values() if f.dst[1] == out.port], [],
                    "another fingerprint than its certificate's: nothing reaches the gateway")
            out.end()
    t.equal(rtpengine.calls(), [], "nothing is left")
