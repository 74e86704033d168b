"""The two sides of a call: a peer by hand and its media, of which packets are heard."""

import base64
import hashlib
import os
import re
import ssl

from certs import Authority
from rtp import End
from sandbox import Failure, wait_for
from sip import sdp
from srtp import Srtp


class SrtpSide:
    """Its media: SRTP under a key of its own."""

    def __init__(self, t, peer, profile="RTP/SAVP"):
        self.peer, self.end, self.keys, self.profile = peer, End(t), {}, profile
        self.key = base64.b64encode(os.urandom(30)).decode()
        self.out = Srtp(self.key)

    def sdp(self):
        return sdp(self.end.port, profile=self.profile, key=self.key)

    def read(self, message):
        self.end.aim(message.body)
        key = re.search(r"inline:([A-Za-z0-9+/]{40})", message.body)[1]
        self.keys.setdefault(key, Srtp(key))

    def say(self, audio):
        self.end.sock.sendto(self.out.protect(audio), self.end.to)

    def hears(self, packet):
        return [reader.read(packet) for reader in self.keys.values()]


class DtlsSide:
    """Its media: SRTP under the keys of a handshake that openssl begins for it."""

    def __init__(self, t, peer=None):
        self.case, self.peer, self.end = t, peer, End(t)
        name = f"dtls-{self.end.port}"
        self.certificate = Authority(t.path(name)).issue(name)
        with open(self.certificate.cert, encoding="ascii") as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        self.fingerprint = hashlib.sha256(der).digest().hex(":").upper()
        self.out = self.into = None

    def sdp(self, setup="active"):
        return sdp(self.end.port, profile="UDP/TLS/RTP/SAVP") + (
            f"a=fingerprint:sha-256 {self.fingerprint}\r\na=setup:{setup}\r\n")

    def read(self, message):
        self.end.aim(message.body)

    def shake(self):
        """Hands, once both sides have said their fingerprints. No word of parting is sent."""
        self.end.sock.close()
        openssl = self.case.spawn(f"openssl-{self.end.port}", [
            "openssl", "s_client", "-dtls1_2", "-ign_eof", "-connect", "%s:%d" % self.end.to,
            "-bind", f"{self.end.host}:{self.end.port}", "-cert", self.certificate.cert,
            "-key", self.certificate.key, "-use_srtp", "SRTP_AES128_CM_SHA1_80",
            "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"])
        made = r"Keying material: ([0-9A-F]{120})"
        openssl.ready("its keys", lambda: re.search(made, openssl.text()))
        keys = bytes.fromhex(re.search(made, openssl.text())[1])
        openssl.kill()
        self.end.open()
        # RFC 5764 4.2: the client's key, the server's, then their salts
        self.out, self.into = (Srtp(base64.b64encode(key + salt)) for key, salt in (
            (keys[:16], keys[32:46]), (keys[16:32], keys[46:])))

    def say(self, audio):
        self.end.sock.sendto(self.out.protect(audio), self.end.to)

    def hears(self, packet):
        return [self.into.open(packet)]


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
