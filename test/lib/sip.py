"""A SIP peer by hand, over UDP, TCP or TLS: for answers no real endpoint gives.

SIPp of Debian 12 has no TLS, and baresip never answers an SRTP offer in the clear; a test
that needs such a peer scripts it with this.

    uas = SipPeer(t, transport="tls", certificate=c)
    invite = uas.expect("INVITE")
    uas.reply(invite, 200, "OK", sdp=plain_sdp(uas, 30000))
    uas.expect("ACK")
"""

import queue
import random
import re
import select
import socket
import ssl
import threading
import time

from sandbox import PATIENCE, Failure

PLAIN_SDP = """\
v=0
o=- 1 1 IN IP4 {address}
s=-
c=IN IP4 {address}
t=0 0
m=audio {port} {profile} 8
a=rtpmap:8 PCMA/8000
a=sendrecv
"""
CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\n"


def sdp(port, address="127.0.0.1", profile="RTP/AVP", key=None):
    """G.711; with a key (40 base64 characters) also a crypto line."""
    text = PLAIN_SDP.format(address=address, port=port, profile=profile)
    if ":" in address:
        text = text.replace("IN IP4", "IN IP6")
    text += CRYPTO.format(key=key) if key else ""
    return text.replace("\n", "\r\n")


class Message:
    """A SIP message as it came; header names without case, compact forms not expanded."""

    def __init__(self, text, link=None):
        head, _, self.body = text.partition("\r\n\r\n")
        self.text, self.link = text, link
        self.first, *lines = head.split("\r\n")
        self.headers = []
        for line in lines:
            if line[:1] in " \t" and self.headers:
                name, value = self.headers[-1]
                self.headers[-1] = (name, value + " " + line.strip())
            else:
                name, _, value = line.partition(":")
                self.headers.append((name.strip(), value.strip()))

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        """The first header of this name; '' where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def method(self):
        """Of a request or, for a response, of its CSeq."""
        return self.first.split(" ")[0] if not self.status else self.get("CSeq").split()[-1]

    @property
    def status(self):
        """0 for a request."""
        return int(self.first.split(" ")[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def uri(self):
        return self.first.split(" ")[1]

    def __repr__(self):
        return self.first


class SipPeer:
    """
    Listens at once; connects where it sends. Messages are kept until expected; a
    retransmission over UDP is left out. Contact and Via name its own listener; host may
    be one of IPv6.
    """

    def __init__(self, sandbox, transport="udp", certificate=None, user="peer", port=None,
                 host="127.0.0.1"):
        self.transport, self.user, self._bound = transport, user, host
        self.host = f"[{host}]" if ":" in host else host
        self.port = port or sandbox.port()
        self._inbox, self._seen, self._pending = queue.Queue(), set(), []
        self._links, self._closed = {}, False
        self._tls_server = self._tls_client = None
        if transport == "tls":
            self._tls_server = _context(ssl.PROTOCOL_TLS_SERVER, certificate)
            self._tls_client = _context(ssl.PROTOCOL_TLS_CLIENT, certificate)
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, self.port))
        if kind == socket.SOCK_STREAM:
            self._socket.listen(32)
        self._start(self._receive if kind == socket.SOCK_DGRAM else self._accept)

    @property
    def contact(self):
        return f"<sip:{self.user}@{self.host}:{self.port};transport={self.transport}>"

    def close(self):
        self._closed = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # else a thread in accept() takes one more
        except OSError:
            pass
        for sock in [self._socket, *self._links.values()]:
            try:
                sock.close()
            except OSError:
                pass

    # ---- receiving ----

    def expect(self, what, timeout=PATIENCE, call_id=None):
        """
        The next message that is this: a method for a request, a number (200), a class
        ("2xx") or "final" for a response. Others stay for later calls.
        """
        deadline = time.monotonic() + timeout
        while True:
            for message in self._pending:
                if _matches(message, what) and call_id in (None, message.get("Call-ID")):
                    self._pending.remove(message)
                    return message
            try:
                left = max(0.0, deadline - time.monotonic())
                self._pending.append(self._inbox.get(timeout=left))
            except queue.Empty:
                raise Failure(f"{self.user}: waited {timeout:g} s for {what}; came: "
                              f"{self._pending or 'nothing'}") from None

    def expect_none(self, what, within):
        """Failure when such a message comes within this time."""
        try:
            message = self.expect(what, within)
        except Failure:
            return
        raise Failure(f"{self.user}: {message} should not have come")

    # ---- sending ----

    def request(self, method, uri, to, number="1000", headers=(), sdp=None, call_id=None,
                from_header=None, to_header=None, cseq=1, max_forwards=70):
        """Send a request to the address `to` (host, port); the message as sent."""
        call_id = call_id or f"{random.getrandbits(64):016x}"
        from_header = from_header or f"<sip:{number}@{self.host}>;tag={random.getrandbits(32):x}"
        lines = [f"{method} {uri} SIP/2.0",
                 f"Via: SIP/2.0/{self.transport.upper()} {self.host}:{self.port}"
                 f";branch=z9hG4bK{random.getrandbits(64):x};rport",
                 f"Max-Forwards: {max_forwards}", f"From: {from_header}",
                 f"To: {to_header or f'<{uri}>'}", f"Call-ID: {call_id}",
                 f"CSeq: {cseq} {method}", f"Contact: {self.contact}", *headers]
        return self.send(lines, sdp, to=to)

    def reply(self, request, status, reason, headers=(), sdp=None, tag="uas"):
        """Answer a request on the connection it came on."""
        lines = [f"SIP/2.0 {status} {reason}"]
        lines += [f"{n}: {v}" for n, v in request.headers
                  if n.lower() in ("via", "record-route", "from", "call-id", "cseq")]
        to = request.get("To")
        lines.append(f"To: {to}" if ";tag=" in to or status == 100 else f"To: {to};tag={tag}")
        lines += [f"Contact: {self.contact}", *headers]
        return self.send(lines, sdp, link=request.link)

    def ack(self, invite, answer, sdp=None):
        """For a 2xx: to its Contact, along its Record-Routes."""
        return self._in_dialog("ACK", invite, answer, sdp=sdp,
                               cseq=int(invite.get("CSeq").split()[0]))

    def bye(self, invite, answer, cseq=2):
        """By the caller of this dialog."""
        return self._in_dialog("BYE", invite, answer, cseq=cseq)

    def reinvite(self, invite, answer, sdp=None, cseq=2, headers=()):
        return self._in_dialog("INVITE", invite, answer, sdp=sdp, cseq=cseq, headers=headers)

    def _in_dialog(self, method, invite, answer, sdp=None, cseq=2, headers=()):
        routes = [r for line in answer.all("Record-Route") for r in line.split(",")][::-1]
        target = re.search(r"<([^>]+)>", answer.get("Contact") or invite.uri)
        uri = target[1] if target else invite.uri
        lines = [f"{method} {uri} SIP/2.0",
                 f"Via: SIP/2.0/{self.transport.upper()} {self.host}:{self.port}"
                 f";branch=z9hG4bK{random.getrandbits(64):x};rport",
                 "Max-Forwards: 70", *[f"Route: {r.strip()}" for r in routes],
                 f"From: {invite.get('From')}", f"To: {answer.get('To')}",
                 f"Call-ID: {invite.get('Call-ID')}", f"CSeq: {cseq} {method}",
                 f"Contact: {self.contact}", *headers]
        return self.send(lines, sdp, link=invite.link)

    def send(self, lines, sdp=None, to=None, link=None):
        """Raw lines (body's headers are added); to an address, or on a message's link."""
        body = sdp or ""
        lines = list(lines)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body.encode())}")
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        return Message(text, self.send_raw(text.encode(), to, link))

    def send_raw(self, data, to=None, link=None):
        """Bytes as they are; the link they went by."""
        link = link or to
        if self.transport == "udp":
            self._socket.sendto(data, link)
        else:
            link = self._link(link)
            link.send(data)
            link = link.peer
        return link

    # ---- links ----

    def _link(self, address):
        if address not in self._links:
            sock = socket.create_connection(address[:2], PATIENCE, (self._bound, 0))
            if self._tls_client:
                sock = self._tls_client.wrap_socket(sock)
            sock.settimeout(5)
            self._links[address] = _Link(sock, address)
            self._start(self._read, self._links[address])
        return self._links[address]

    def _start(self, function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _receive(self):
        while not self._closed:
            try:
                data, peer = self._socket.recvfrom(65535)
            except OSError:
                return
            if data.strip():
                self._take(data, peer)

    def _accept(self):
        while not self._closed:
            try:
                sock, peer = self._socket.accept()
            except OSError:
                return
            self._start(self._serve, sock, peer)

    def _serve(self, sock, peer):
        try:
            if self._tls_server:
                sock = self._tls_server.wrap_socket(sock, server_side=True)
        except OSError as error:  # ssl.SSLError is one
            self._inbox.put(Message(f"TLS failed: {error}\r\n\r\n"))
            return
        self._links[peer] = _Link(sock, peer)
        self._read(self._links[peer])

    def _read(self, link):
        data = b""
        while chunk := link.receive():
            data = (data + chunk).lstrip(b"\r\n")
            while (end := data.find(b"\r\n\r\n")) >= 0:
                length = re.search(rb"^(?:Content-Length|l)[ \t]*:[ \t]*(\d+)", data[:end],
                                   re.I | re.M)
                size = end + 4 + int(length[1] if length else 0)
                if len(data) < size:
                    break
                self._take(data[:size], link.peer)
                data = data[size:].lstrip(b"\r\n")
        self._links.pop(link.peer, None)

    def _take(self, data, link):
        if self.transport == "udp":
            if data in self._seen:
                return
            self._seen.add(data)
        self._inbox.put(Message(data.decode(errors="replace"), link))


class _Link:
    """A connection read by one thread and written by another: TLS allows only one in it."""

    def __init__(self, sock, peer):
        self.sock, self.peer, self._lock = sock, peer, threading.Lock()
        sock.setblocking(False)

    def close(self):
        self.sock.close()

    def send(self, data):
        while data:
            try:
                with self._lock:
                    data = data[self.sock.send(data):]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([], [self.sock], [], 5)

    def receive(self):
        """Some bytes; none at the end of the connection."""
        while True:
            try:
                with self._lock:
                    return self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                try:
                    select.select([self.sock], [], [])
                except (OSError, ValueError):
                    return b""
            except (OSError, ValueError):
                return b""


def _context(protocol, certificate):
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


def _matches(message, what):
    if isinstance(what, int):
        return message.status == what
    if what == "final":
        return message.status >= 200
    if re.fullmatch(r"\dxx", what):
        return message.status // 100 == int(what[0])
    return not message.status and message.method == what
