"""A DNS server on loopback that says what a test wants, by UDP and TCP.

    dns = Dns("127.0.0.78", {"gw.example": [("A", 60, "127.0.0.50")]})
    dns.zone["_sip._udp.example"] = [("SRV", 60, (10, 5, 5060, "gw.example"))]
    dns.silent = True
"""

import ipaddress
import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33}
NXDOMAIN = 3


def name_bytes(name):
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def data_bytes(kind, data):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(data).packed
    if kind == "SRV":
        priority, weight, port, host = data
        return struct.pack("!HHH", priority, weight, port) + name_bytes(host)
    return name_bytes(data)


class Dns:
    """
    zone      {name: [(type, ttl, data)]}; a name that is not there: NXDOMAIN
    silent    says nothing
    garbage   bytes that are no answer
    asked     names and types asked for, in order
    """

    def __init__(self, address, zone=None):
        self.address, self.zone = address, dict(zone or {})
        self.silent = self.garbage = False
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen(16)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def count(self, name):
        return sum(1 for asked, _ in self.asked if asked == name)

    def _serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            answer = self._answer(query)
            if answer and len(answer) > 512:
                answer = answer[:2] + bytes([answer[2] | 2]) + answer[3:6] + b"\0" * 6 \
                    + self._question(query)
            if answer:
                self.udp.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            link, _ = self.tcp.accept()
            threading.Thread(target=self._stream, args=(link,), daemon=True).start()

    def _stream(self, link):
        with link:
            while True:
                size = link.recv(2, socket.MSG_WAITALL)
                if len(size) < 2:
                    return
                query = link.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL)
                answer = self._answer(query)
                if answer:
                    link.sendall(struct.pack("!H", len(answer)) + answer)

    @staticmethod
    def _question(query):
        at = 12
        while query[at]:
            at += query[at] + 1
        return query[12:at + 5]

    def _answer(self, query):
        question = self._question(query)
        labels, at = [], 0
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += question[at] + 1
        name, kind = ".".join(labels), struct.unpack("!H", question[-4:-2])[0]
        self.asked.append((name, kind))
        if self.silent:
            return None
        if self.garbage:
            return query[:2] + b"\x81\x80\xff\xff\xff\xff\xff" + question
        found, owner, seen = [], name, set()
        while owner and owner not in seen:
            seen.add(owner)
            records = self.zone.get(owner, [])
            found += [(owner, r) for r in records if TYPES[r[0]] == kind]
            owner_next = [r for r in records if r[0] == "CNAME"]
            found += [(owner, r) for r in owner_next]
            owner = owner_next[0][2] if owner_next else None
        body = b""
        for owner, (word, ttl, data) in found:
            value = data_bytes(word, data)
            body += name_bytes(owner) + struct.pack("!HHIH", TYPES[word], 1, ttl, len(value)) \
                + value
        code = 0 if name in self.zone else NXDOMAIN
        return query[:2] + bytes([0x85, 0x80 | code]) \
            + struct.pack("!HHHH", 1, len(found), 0, 0) + question + body
