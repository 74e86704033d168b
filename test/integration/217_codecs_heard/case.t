#!/usr/bin/python3
"""What the codecs of two legs sound like: tones and digits through rtpengine, both ways."""

import array
import re

import audio
from case import Case
from listener import Caller, Listener, learned
from rtp import End, converse, payload_type
from rtpengine import Rtpengine

A, B = "pbx1/not_supported", "gw1/not_supported"
PCMU, PCMA, CN = 0, 8, 13
NAMES = {PCMU: "PCMU", PCMA: "PCMA", CN: "CN"}
FIVE = (770, 1336)


def body(port, *formats, ptime=None):
    """Payload types; those above 95 are telephone-event."""
    maps = "".join(f"a=rtpmap:{f} {NAMES.get(f, 'telephone-event')}/8000\r\n" for f in formats)
    return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {' '.join(map(str, formats))}\r\n{maps}"
            + (f"a=ptime:{ptime}\r\n" if ptime else ""))


def packets(codec, frequency, seconds=0.6, size=160):
    text = audio.encode(codec, audio.tone(frequency, seconds))
    return [(codec, text[at:at + size], size) for at in range(0, len(text) - size + 1, size)]


def digit(payload, number):
    """A key pressed for 160 ms, and its end said three times (RFC 4733)."""
    parts = [bytes([number, 10]) + (160 * n).to_bytes(2, "big") for n in range(1, 9)]
    parts += [bytes([number, 0x8a]) + (1280).to_bytes(2, "big")] * 3
    return [(payload, part, 0, n == 0) for n, part in enumerate(parts)]


def hears(came, codec, *frequencies):
    """Seconds of this tone in packets of this codec."""
    samples = array.array("h")
    for packet in came:
        if payload_type(packet) == codec:
            samples.extend(audio.decode(codec, packet[12:]))
    return audio.tone_seconds(samples, *frequencies)


def digits(came, payload):
    """Those whose end was said, once each."""
    return sorted({(packet[12], packet[4:8]) for packet in came
                   if payload_type(packet) == payload and packet[13] & 0x80})


class Call:
    def __init__(self, t, port, name, legs, offer, answer, **ptime):
        self.caller, self.a, self.b = Caller(port, name), End(t), End(t)
        self.caller.offer((A + legs[0], B + legs[1]), body(self.a.port, *offer, **ptime))
        self.b.aim(self.caller.last["sdp"])
        self.offered = self.caller.last["sdp"]
        if isinstance(answer, str):  # as it is offered
            self.payload = int(re.search(rf"a=rtpmap:(\d+) {answer}/", self.offered)[1])
            said = self.offered.replace("127.0.0.2", "127.0.0.1")
            said = re.sub(r"m=audio \d+", f"m=audio {self.b.port}", said)
        else:
            said = body(self.b.port, *answer)
        self.caller.answer((B + legs[1], A + legs[0]), said)
        self.a.aim(self.caller.last["sdp"])
        self.answered = self.caller.last["sdp"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.caller.send("delete", delete_delay=0)


with Case(plan=23) as t:
    rtpengine = Rtpengine(t)
    port = Listener(t, [rtpengine.port]).port
    learned(port)

    with Call(t, port, "alike", ("", "/codecs:PCMA/transcode"), [PCMA], [PCMA]) as call:
        at_a, at_b = converse([(call.a, packets(PCMA, 440), None), (call.b, packets(PCMA, 620), None)])
        sent = {p[1] for p in packets(PCMA, 440)}
        t.equal((len(at_b) > 20, {p[12:] for p in at_b} <= sent), (True, True),
                "a codec both have is passed on byte for byte, not made anew")

    with Call(t, port, "made", ("", "/codecs:PCMA/transcode"), [PCMU], [PCMA]) as call:
        at_a, at_b = converse([(call.a, packets(PCMU, 440), None), (call.b, packets(PCMA, 620), None)])
        t.ok(hears(at_b, PCMA, 440) > 0.3, "PCMU to PCMA: the tone at the far end")
        t.ok(hears(at_a, PCMU, 620) > 0.3, "and the other one back")

    for name, clock in (("G722", 8000), ("GSM", 8000), ("G729", 8000), ("speex", 8000), ("opus", 48000)):
        with Call(t, port, name, ("", f"/codecs:{name}/transcode"), [PCMA], name) as call:
            at_a, at_b = converse([(call.a, packets(PCMA, 440, 1), None), (call.b, [], lambda p: (
                payload_type(p), p[12:], clock // 50))])
            t.equal({payload_type(p) for p in at_b}, {call.payload}, f"PCMA to {name}")
            t.ok(hears(at_a, PCMA, 440) > 0.3, "which is the same tone, sent back and made PCMA again")

    with Call(t, port, "events", ("", "/event:101"), [PCMA, 96], [PCMA, 101]) as call:
        at_a, at_b = converse([
            (call.a, digit(96, 5) + packets(PCMA, 440), None),
            (call.b, digit(101, 7) + packets(PCMA, 620), None)])
        t.equal([d for d, _ in digits(at_b, 101)], [5], "a digit of payload type 96 comes as 101")
        t.equal([d for d, _ in digits(at_a, 96)], [7], "and one of 101 as 96")
        t.ok(hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMA, 620) > 0.3, "speech goes on beside them")

    with Call(t, port, "tones", ("", "/dtmf:inband"), [PCMA, 96], [PCMA]) as call:
        at_a, at_b = converse([(call.a, packets(PCMA, 440, 0.1) + digit(96, 5) + packets(PCMA, 440, 0.3), None),
                               (call.b, packets(PCMA, 620), None)])
        t.equal({payload_type(p) for p in at_b}, {PCMA}, "no event comes to who wants tones")
        t.ok(hears(at_b, PCMA, *FIVE) >= 0.1, "the two tones of the digit do")

    with Call(t, port, "noise", ("", "/cn:yes"), [PCMA], [PCMA, CN]) as call:
        quiet = [(CN, bytes([60]), 160)] * 10
        at_a, at_b = converse([(call.a, packets(PCMA, 440), None), (call.b, packets(PCMA, 620) + quiet, None)])
        t.equal({payload_type(p) for p in at_a}, {PCMA}, "comfort noise is made audio for who has none")
        t.ok(len(at_a) > 32, "so that nothing is missing")

    with Call(t, port, "times", ("/ptime:20", "/ptime:40"), [PCMA], [PCMA], ptime=20) as call:
        t.equal(["a=ptime:40" in call.offered, "a=ptime:20" in call.answered], [True, True],
                "each is told its own packet time")
        at_a, at_b = converse([(call.a, packets(PCMA, 440), None),
                               (call.b, packets(PCMA, 620, size=320)[:15], None)])
        t.equal([{len(p) - 12 for p in at_b[1:-1]}, {len(p) - 12 for p in at_a[1:-1]}], [{320}, {160}],
                "and gets packets of that")
        t.ok(hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMA, 620) > 0.2, "with the tones in them")
