"""One side's RTP port."""

import re
import socket
import time

PACKET = 0.02  # seconds of a packet
PAUSE = 0.001


class End:
    """Bound on loopback, and where it sends to."""

    sequence, timestamp, ssrc = 0, 0, 0x0badcafe

    def __init__(self, sandbox, host="127.0.0.1"):
        self.port, self.host = sandbox.port(), host
        self.open()

    def open(self):
        self.sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET,
                                  socket.SOCK_DGRAM)
        self.sock.bind((self.host, self.port))
        self.sock.setblocking(False)

    def aim(self, text, media="audio", at="127.0.0.2"):
        """At the port that this SDP says."""
        self.to = (at, int(re.search(rf"m={media} (\d+)", text)[1]))

    def got(self):
        """A packet; None where there is none."""
        try:
            return self.sock.recv(2048)
        except BlockingIOError:
            return None

    @staticmethod
    def pause():
        """Between bursts: rtpengine gives up a port that never has one."""
        time.sleep(PAUSE)

    def drain(self):
        while self.got():
            pass

    def send(self, payload_type, payload, step=160, marker=False):
        """The next packet of its stream; with step 0 the timestamp stays (RFC 4733)."""
        self.sequence, self.timestamp = self.sequence + 1, self.timestamp + step
        self.sock.sendto(bytes([0x80, payload_type | (0x80 if marker else 0)])
                         + (self.sequence & 0xffff).to_bytes(2, "big")
                         + self.timestamp.to_bytes(4, "big") + self.ssrc.to_bytes(4, "big")
                         + payload, self.to)


def payload_type(packet):
    return packet[1] & 0x7f


def converse(sides, until=None):
    """
    Packets at the pace of media. `sides`: (end, its packets: what End.send() takes, a
    function that makes such of each packet that comes or None). What comes to each end is
    given back; it is waited for until `until(them)`, at most a second behind the last one.
    """
    came = [[] for _ in sides]
    for number in range(max(len(packets) for _, packets, _ in sides) + 50):
        begun = time.monotonic()
        for (end, packets, echo), got in zip(sides, came):
            if number < len(packets):
                end.send(*packets[number])
            while (packet := end.got()) is not None:
                got.append(packet)
                if echo and (back := echo(packet)):
                    end.send(*back)
        if number >= max(len(packets) for _, packets, _ in sides) and until and until(came):
            break
        time.sleep(max(0, PACKET - (time.monotonic() - begun)))
    return came
