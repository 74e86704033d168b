"""SRTP by hand (RFC 3711, AES-CM and HMAC-SHA1): packets with an MKI, a chosen sequence and ROC.

    out = Srtp(key40, ssrc=1, first=65530)    # key and salt as in a=crypto, base64
    sock.sendto(out.protect(payload), ...)
    Srtp(key40, ssrc=...).open(packet)        # the payload; None where it is not of this key
"""

import base64
import ctypes
import hashlib
import hmac
import struct

_crypto = ctypes.CDLL("libcrypto.so.3")
_crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
_crypto.EVP_aes_128_ctr.restype = ctypes.c_void_p


def _aes_ctr(key, start, data):
    context = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    out, length = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
    _crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(_crypto.EVP_aes_128_ctr()), None, key, start)
    _crypto.EVP_EncryptUpdate(context, out, ctypes.byref(length), data, len(data))
    _crypto.EVP_CIPHER_CTX_free(context)
    return out.raw[:len(data)]


class Srtp:
    """One stream under one key: what is sent with it, or what is read."""

    def __init__(self, key, ssrc=0x11223344, first=1, roc=0, mki=b"", tag=10):
        master = base64.b64decode(key)
        self.master, self.salt = master[:16], master[16:30]
        self.ssrc, self.sequence, self.roc, self.mki, self.tag = ssrc, first, roc, mki, tag
        self.timestamp = 0
        self.key, self.auth, self.session_salt = (
            self._derive(label, size) for label, size in ((0, 16), (1, 20), (2, 14)))

    def _derive(self, label, size):
        start = int.from_bytes(self.salt, "big") ^ (label << 48)
        return _aes_ctr(self.master, (start << 16).to_bytes(16, "big"), bytes(size))

    def _crypt(self, ssrc, index, payload):
        start = ((int.from_bytes(self.session_salt, "big") << 16)
                 ^ (ssrc << 64) ^ (index << 16))
        return _aes_ctr(self.key, start.to_bytes(16, "big"), payload)

    def _sign(self, packet, roc):
        return hmac.new(self.auth, packet + struct.pack("!I", roc),
                        hashlib.sha1).digest()[:self.tag]

    def protect(self, payload, kind=8):
        """The next packet; the ROC counts on when the sequence begins anew."""
        header = struct.pack("!BBHII", 0x80, kind, self.sequence, self.timestamp, self.ssrc)
        packet = header + self._crypt(self.ssrc, self.roc << 16 | self.sequence, payload)
        packet += self.mki + self._sign(packet, self.roc)
        self.timestamp += len(payload)
        self.sequence += 1
        if self.sequence == 65536:
            self.sequence, self.roc = 0, self.roc + 1
        return packet

    def read(self, packet):
        """As open(), by one that counts along (RFC 3711 3.3.1)."""
        sequence = int.from_bytes(packet[2:4], "big")
        roc = self.roc + (self.sequence - sequence > 32768)
        payload = self.open(packet, roc)
        if payload is not None:
            self.roc, self.sequence = roc, sequence
        return payload

    def open(self, packet, roc=0):
        end = len(packet) - self.tag
        body = packet[:end - len(self.mki)]
        if packet[end - len(self.mki):end] != self.mki or packet[end:] != self._sign(body, roc):
            return None
        sequence, _, ssrc = struct.unpack("!HII", packet[2:12])
        return self._crypt(ssrc, roc << 16 | sequence, body[12:])
