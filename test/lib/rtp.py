"""One side's RTP port."""

import re
import socket


class End:
    """Bound on loopback, and where it sends to."""

    def __init__(self, sandbox):
        self.port = sandbox.port()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", self.port))
        self.sock.setblocking(False)

    def aim(self, text):
        """Where this SDP says to send to."""
        self.to = ("127.0.0.2", int(re.search(r"m=audio (\d+)", text)[1]))

    def got(self):
        """A packet; None where there is none."""
        try:
            return self.sock.recv(2048)
        except BlockingIOError:
            return None

    def drain(self):
        while self.got():
            pass
