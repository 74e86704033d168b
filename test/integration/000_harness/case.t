#!/usr/bin/python3
"""The eyes of the other tests see: RTP told from SRTP, a tone from silence and noise,
a good certificate from none; without Kamailio in between."""

import random

import audio
from baresip import Baresip
from call import Call, called, calling
from capture import ENOUGH, Capture, Flow
from case import Case
from certs import Authority
from sandbox import Failure
from sip import SipPeer, sdp


def flow_of(make, size, count=60):
    """A flow made up of `count` packets with payloads from make(index, size)."""
    flow = Flow(("127.0.0.1", 1), ("127.0.0.1", 2))
    for number in range(count):
        flow.add(bytes([0x80, 8, number >> 8, number & 255]) + bytes(8) + make(number, size))
    return flow


with Case(plan=26) as t:
    noise = random.Random(1)
    flow = flow_of(lambda _n, size: noise.randbytes(size), 170)
    t.equal(flow.kind(), "SRTP", "uniform bytes with a tag are SRTP")
    t.equal(flow.tone_seconds(440), 0, "noise in packets holds no tone")
    t.equal(flow_of(lambda _n, size: b"\xd5" * size, 160).kind(), "RTP",
            "silence in the clear is RTP")
    t.like(flow_of(lambda _n, size: noise.randbytes(size), 160).kind(), "^neither",
           "uniform bytes without a tag are called neither")
    t.like(flow_of(lambda _n, size: b"\xd5" * size, 170).kind(), "^neither",
           "a tag behind clear audio is called neither")
    t.like(flow_of(lambda _n, size: b"\xd5" * size, 160, ENOUGH - 1).kind(), "^too few",
           "of a few packets nothing is said")
    first, last = (flow_of(lambda n, _size: noise.randbytes(170) if (n > 2) == keyed else b"\xd5" * 160, 0)
                   for keyed in (True, False))
    t.equal(first.kind(handshake=True), "SRTP", "clear audio ahead of a handshake's keys is left out")
    t.like(first.kind() + last.kind(handshake=True), "^neither.*neither", "no other clear audio is")

    path = audio.write_tone(t.path("tone.wav"), 440, 2)
    samples = audio.read_wav(path)
    t.equal(audio.tone_seconds(samples, 440), 2.0, "a tone is found")
    t.equal(audio.tone_seconds(samples, 520), 0, "another tone is not this one")
    t.equal(audio.tone_seconds([0] * 16000, 440), 0, "silence is no tone")
    t.equal(audio.tone_seconds([noise.randrange(-9000, 9000) for _ in range(16000)], 440), 0,
            "noise is no tone")

    ca = Authority(t.path("ca"))
    capture = Capture(t)
    alice = Baresip(t, "alice", "tls", "required", 440, ca.issue("alice", ["a.example"]), ["1001"])
    bob = Baresip(t, "bob", "tls", "optional", 700, ca.issue("bob", ["b.example"]), ["+4930"])
    call = Call(capture, alice, bob, f"sip:+4930@127.0.0.1:{bob.port}")
    t.ok(call.established, "a call over TLS is answered")
    t.equal(call.codes(), [180, 200], "its responses are seen")
    t.equal([called(i) for i in call.got_invites()], ["+4930"], "the called number is read")
    t.equal(calling(call.sent_invite()), "1001", "the calling number is read")
    t.equal([leg.kind() for leg in call.legs()], ["SRTP", "SRTP"], "its packets are SRTP")
    t.ok(min(call.heard()) > 1, f"each recorded the other's tone: {call.heard()}")
    t.equal(alice.heard(440), 0, "and not its own")

    carol = Baresip(t, "carol", "tcp", None, 440, numbers=["1002"])
    dave = Baresip(t, "dave", "tcp", None, 700, numbers=["+4931"])
    call = Call(capture, carol, dave, f"sip:+4931@127.0.0.1:{dave.port}")
    t.equal([leg.kind() for leg in call.legs()], ["RTP", "RTP"], "over TCP they are RTP")
    t.ok(call.legs()[0].got.tone_seconds(700) > 1, "the tone is in the packets themselves")
    capture.stop()

    for transport in ("udp", "tcp", "tls"):
        certificate = ca.issue("peer", ["peer.example"]) if transport == "tls" else None
        uas = SipPeer(t, transport, certificate, user="uas")
        uac = SipPeer(t, transport, certificate, user="uac")
        invite = uac.request("INVITE", f"sip:1@127.0.0.1:{uas.port}", ("127.0.0.1", uas.port),
                             sdp=sdp(30000))
        got = uas.expect("INVITE")
        uas.reply(got, 488, "Not Acceptable Here", ['Warning: 304 x "no"'])
        t.equal((got.body, uac.expect("4xx").get("warning")), (invite.body, '304 x "no"'),
                f"a scripted peer over {transport} gets the body and answers by hand")
        uas.close()
        uac.close()

    try:
        Call(capture, carol, dave, "sip:1@127.0.0.1:1")
        refused = False
    except Failure as failure:
        refused = str(failure)
    t.ok(carol.codes() == [] and not refused, f"a call to nobody is not answered: {refused}")
    t.equal(carol.heard(700), 0, "and nothing is heard in it")
