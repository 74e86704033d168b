"""rtpengine's ng protocol, from the client's side: bencode over UDP."""

import itertools
import os
import socket

from sandbox import PATIENCE, Failure

_cookies = itertools.count(1)


def encode(value):
    if isinstance(value, dict):
        return b"d" + b"".join(encode(k) + encode(v) for k, v in value.items()) + b"e"
    if isinstance(value, (list, tuple)):
        return b"l" + b"".join(map(encode, value)) + b"e"
    if isinstance(value, int):
        return b"i%de" % value
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"%d:%s" % (len(data), data)


def decode(data):
    value, end = _decode(data, 0)
    if end != len(data):
        raise Failure(f"ng: {len(data) - end} bytes behind the value")
    return value


def _decode(data, at):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in b"ld":
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = _decode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end].decode(errors="replace"), end


class Ng:
    """A client of one listener; every command has a cookie of its own."""

    def __init__(self, port, host="127.0.0.1", timeout=PATIENCE):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(timeout)
        self.sock.connect((host, port))

    def close(self):
        self.sock.close()

    def command(self, word, **keys):
        """The answer as a dictionary. Underscores in keys stand for '-': call_id, from_tag."""
        request = {"command": word, **{k.replace("_", "-"): v for k, v in keys.items()}}
        cookie = f"{os.getpid()}-{next(_cookies)}"
        self.sock.send(cookie.encode() + b" " + encode(request))
        while True:
            try:
                reply = self.sock.recv(65535)
            except OSError as error:
                raise Failure(f"ng: no answer to '{word}': {error}") from None
            got, _, body = reply.partition(b" ")
            if got.decode() == cookie:
                return decode(body)
