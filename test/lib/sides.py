"""The two sides of a call: a peer by hand and its media, of which packets are heard."""

import base64
import os
import re

from rtp import End
from sandbox import Failure, wait_for
from sip import sdp
from srtp import Srtp


class SrtpSide:
    """Its media: SRTP under a key of its own."""

    def __init__(self, t, peer, profile="RTP/SAVP"):
        self.peer, self.end, self.keys, self.profile = peer, End(t), set(), profile
        self.key = base64.b64encode(os.urandom(30)).decode()
        self.out = Srtp(self.key)

    def sdp(self):
        return sdp(self.end.port, profile=self.profile, key=self.key)

    def read(self, message):
        self.end.aim(message.body)
        self.keys.add(re.search(r"inline:([A-Za-z0-9+/]{40})", message.body)[1])

    def say(self, audio):
        self.end.sock.sendto(self.out.protect(audio), self.end.to)

    def hears(self, packet):
        return [Srtp(key).open(packet) for key in self.keys]


class RtpSide:
    """Its media: RTP."""

    def __init__(self, t, peer):
        self.peer, self.end, self.sequence = peer, End(t), 0

    def sdp(self):
        return sdp(self.end.port)

    def read(self, message):
        self.end.aim(message.body)

    def say(self, audio):
        self.sequence += 1
        self.end.sock.sendto(b"\x80\x08" + self.sequence.to_bytes(2, "big") + bytes(4)
                             + b"\0\0\0\x09" + audio, self.end.to)

    def hears(self, packet):
        return [packet[12:]]


def passes(speaker, listener, number):
    """One packet of this sound, sent until it comes: the first ones may open the way."""
    audio = bytes([number & 0xff]) * 160

    def came():
        speaker.say(audio)
        while (packet := listener.end.got()) is not None:
            if audio in listener.hears(packet):
                return True
        return False

    try:
        return bool(wait_for("a packet", came, 5))
    except Failure:
        return False
