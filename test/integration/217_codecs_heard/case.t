#!/usr/bin/python3
"""What the codecs of two legs sound like: tones and digits through rtpengine, both ways."""

import array
import math
import random
import re
import statistics

import audio
from case import Case
from listener import Caller, Listener, learned
from rtp import End, converse, payload_type
from rtpengine import Rtpengine
from sandbox import wait_for

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


def fax(codec, seed, seconds=1.5):
    """What a machine says that is called: CED with a phase reversal, a pause, V.21 of random bits."""
    flips, bits = random.Random(seed), {}

    def frequency(at):
        if at < seconds / 3:
            return 2100
        return 1650 if bits.setdefault(int(at * 300), flips.getrandbits(1)) else 1850

    samples, phase = array.array("h"), 0.0
    for number in range(int(seconds * audio.RATE)):
        at = number / audio.RATE
        phase += 2 * math.pi * frequency(at) / audio.RATE + (math.pi if number == 2000 else 0)
        quiet = seconds / 3 < at < seconds / 3 + 0.075
        samples.append(0 if quiet else round(8000 * math.sin(phase)))
    text = audio.encode(codec, samples)
    return [(codec, text[at:at + 160]) for at in range(0, len(text), 160)]


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


def converse_until(enough, *sides):
    """What comes to each end, said again and again: a busy machine tears holes into a tone."""
    came = [[] for _ in sides]
    for _ in range(10):
        for got, more in zip(came, converse(sides)):
            got.extend(more)
        if enough(*came):
            break
    return came


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


with Case(plan=29) as t:
    rtpengine = Rtpengine(t)
    port = Listener(t, [rtpengine.port]).port
    learned(port)

    with Call(t, port, "alike", ("", "/codecs:PCMA/transcode"), [PCMA], [PCMA]) as call:
        at_a, at_b = converse([(call.a, packets(PCMA, 440), None), (call.b, packets(PCMA, 620), None)])
        sent = {p[1] for p in packets(PCMA, 440)}
        t.equal((len(at_b) > 20, {p[12:] for p in at_b} <= sent), (True, True),
                "a codec both have is passed on byte for byte, not made anew")

    with Call(t, port, "made", ("", "/codecs:PCMA/transcode"), [PCMU], [PCMA]) as call:
        at_a, at_b = converse_until(
            lambda at_a, at_b: hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMU, 620) > 0.3,
            (call.a, packets(PCMU, 440), None), (call.b, packets(PCMA, 620), None))
        t.ok(hears(at_b, PCMA, 440) > 0.3, "PCMU to PCMA: the tone at the far end")
        t.ok(hears(at_a, PCMU, 620) > 0.3, "and the other one back")

    for name, clock in (("G722", 8000), ("GSM", 8000), ("G729", 8000), ("speex", 8000), ("opus", 48000)):
        with Call(t, port, name, ("", f"/codecs:{name}/transcode"), [PCMA], name) as call:
            at_a, at_b = converse_until(
                lambda at_a, at_b: hears(at_a, PCMA, 440) > 0.3, (call.a, packets(PCMA, 440, 1), None),
                (call.b, [], lambda p: (payload_type(p), p[12:], clock // 50)))
            t.equal({payload_type(p) for p in at_b}, {call.payload}, f"PCMA to {name}")
            t.ok(hears(at_a, PCMA, 440) > 0.3, "which is the same tone, sent back and made PCMA again")

    with Call(t, port, "events", ("", "/event:101"), [PCMA, 96], [PCMA, 101]) as call:
        at_a, at_b = converse_until(
            lambda at_a, at_b: digits(at_b, 101) and digits(at_a, 96)
            and hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMA, 620) > 0.3,
            (call.a, digit(96, 5) + packets(PCMA, 440), None),
            (call.b, digit(101, 7) + packets(PCMA, 620), None))
        t.equal({d for d, _ in digits(at_b, 101)}, {5}, "a digit of payload type 96 comes as 101")
        t.equal({d for d, _ in digits(at_a, 96)}, {7}, "and one of 101 as 96")
        t.ok(hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMA, 620) > 0.3, "speech goes on beside them")

    with Call(t, port, "tones", ("", "/dtmf:inband"), [PCMA, 96], [PCMA]) as call:
        at_a, at_b = converse_until(
            lambda at_a, at_b: hears(at_b, PCMA, *FIVE) >= 0.1,
            (call.a, packets(PCMA, 440, 0.1) + digit(96, 5) + packets(PCMA, 440, 0.3), None),
            (call.b, packets(PCMA, 620), None))
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
        at_a, at_b = converse_until(
            lambda at_a, at_b: hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMA, 620) > 0.2,
            (call.a, packets(PCMA, 440), None), (call.b, packets(PCMA, 620, size=320)[:15], None))
        t.equal([statistics.mode(len(p) - 12 for p in came) for came in (at_b, at_a)], [320, 160],
                "and gets packets of that")
        t.ok(hears(at_b, PCMA, 440) > 0.3 and hears(at_a, PCMA, 620) > 0.2, "with the tones in them")

    # fax as G.711, between legs that have rules for codecs and noise
    for codec in (PCMA, PCMU):
        with Call(t, port, f"fax-{NAMES[codec]}", ("/codecs:PCMA+PCMU/cn:yes", "/codecs:PCMU+PCMA/transcode/cn:yes"),
                  [codec, CN], [codec, CN]) as call:
            there, back = fax(codec, 1), fax(codec, 2)
            at_a, at_b = converse([(call.a, there, None), (call.b, back, None)],
                                  lambda came: [len(c) for c in came] == [len(back), len(there)])
            t.ok([[(payload_type(p), p[12:]) for p in came] for came in (at_b, at_a)] == [there, back],
                 f"fax as {NAMES[codec]}: both ways byte for byte, and nothing else")
            t.equal([{int.from_bytes(b[4:8], "big") - int.from_bytes(a[4:8], "big")
                      for a, b in zip(came, came[1:])} for came in (at_b, at_a)], [{160}, {160}],
                    "at the time it was sent")

    # T.38 beside audio whose codecs have rules: its line and its packets pass as they are
    fax = "m=image {} udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    a, b, caller = End(t), End(t), Caller(port, "fax")
    legs = (A + "/codecs:PCMA", B + "/codecs:PCMA+PCMU/transcode/cn:yes")
    caller.offer(legs, body(4000, PCMA) + fax.format(a.port))
    t.like(caller.last["sdp"], r"m=image \d+ udptl t38\r\n(.*\r\n)*a=T38FaxVersion:0\r\n"
           r"a=T38FaxUdpEC:t38UDPRedundancy\r\n", "T.38 is offered as it came")
    b.aim(caller.last["sdp"], "image")
    caller.answer(legs[::-1], body(4002, PCMA) + fax.format(b.port))
    a.aim(caller.last["sdp"], "image")
    came = []
    for sender, reader in ((a, b), (b, a)):
        text = b"\0\1udptl of " + str(sender.port).encode()

        def passed(sender=sender, reader=reader, text=text):
            sender.sock.sendto(text, sender.to)
            return reader.got() == text

        came.append(bool(wait_for("T.38 at the far end", passed)))
    t.equal(came, [True, True], "and its packets come, both ways")
    caller.send("delete", delete_delay=0)
