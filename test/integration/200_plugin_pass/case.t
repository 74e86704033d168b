#!/usr/bin/python3
"""Commands without keys pass byte for byte; cookies are repeated; bad input is answered."""

import queue
import socket

import ng
from case import Case
from listener import PLAIN, FakeNode, Listener, hello, learned

BODIES = [
    b"d7:command4:pinge",
    b"d7:command5:query7:call-id3:abce",
    b"d7:call-id3:abc7:command6:delete8:from-tag1:f5:flagsl5:fatalee",
    b"d8:from-tag1:f7:command5:offer7:call-id2:id3:sdp9:v=0\r\ns=-\n2:xxi-5e1:yld1:aleeee",
    b'{"command":"list","limit":"10"}',
    b"d7:command10:statistics7:unknownd1:a1:bee",
]
REPLY = b"d3:abcli1ei2ee6:result2:ok4:texte"  # not even bencode need it be


def exchange(sock, data, timeout=1.0):
    sock.settimeout(timeout)
    sock.send(data)
    try:
        return sock.recv(65535)
    except OSError:
        return None


def client(port, source="127.0.0.1"):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((source, 0))
    sock.connect(("127.0.0.1", port))
    return sock


with Case(plan=26) as t:
    node = FakeNode(t)
    listener = Listener(t, [node.port], deadline_ms=400, replay_ms=1000)
    answer = learned(listener.port)
    t.equal(answer["med-host"], "daemon", "the hello names the host")
    t.equal(answer["med-addresses"], ["192.0.2.7"], "and the address learned by a probe")
    t.equal(answer["med-nodes"], {f"127.0.0.1:{node.port}": "alive"}, "and the node")
    t.like(answer["med-version"], r"^\d+\.\d+", "and a version")

    sock = client(listener.port)
    identical, replies, cookies = [], [], set()
    while not node.inbox.empty():
        node.inbox.get()  # deletes of probes
    for number, body in enumerate(BODIES[1:]):
        sock.send(b"c%d " % number + body)
        got, to = node.get()
        identical.append(got == body)
        cookies.add(to[0])
        node.reply(to, REPLY)
        replies.append(sock.recv(65535) == b"c%d " % number + REPLY)
    t.ok(all(identical), "commands pass byte for byte")
    t.ok(all(replies), "replies come back byte for byte, under the client's cookie")
    own = {b"c%d" % number for number in range(len(BODIES))}
    t.ok(len(cookies) == len(BODIES) - 1 and not cookies & own,
         "each has a cookie of its own upstream")

    t.equal(exchange(sock, b"c0 " + BODIES[1]), b"c0 " + REPLY, "a repeated cookie: stored reply")
    t.ok(node.inbox.empty(), "which rtpengine is not asked for again")
    sock.send(b"w1 " + BODIES[1])
    got, to = node.get()
    sock.send(b"w1 " + BODIES[1])
    node.reply(to, REPLY)
    t.equal(sock.recv(65535), b"w1 " + REPLY, "repeated while under way: one reply")
    t.equal(exchange(sock, b"w1 " + BODIES[1]), b"w1 " + REPLY, "and the same again later")
    other = client(listener.port)
    other.send(b"w1 " + BODIES[1])
    got, to = node.get()
    node.reply(to, b"d6:result2:noe")
    t.equal(other.recv(65535), b"w1 d6:result2:noe", "another client's cookie is another one")

    sock.send(b"s1 " + BODIES[1])
    got, first = node.get()
    got, again = node.get()
    t.equal(first[0], again[0], "unanswered, it is sent once more under the same cookie")
    reply = exchange(sock, b"s1 " + BODIES[1])
    t.like(ng.decode(reply[3:])["error-reason"], "did not answer within 400 ms",
           "and at the deadline there is an answer")
    node.reply(first, REPLY)
    node.reply((b"0123456789abcdef-000000000001", first[1]), REPLY)
    node.reply((b"x", first[1]), REPLY)
    t.equal(exchange(sock, b"s1 " + BODIES[1]), reply, "which a late reply does not change")

    for bad, why in [(b"d", "end"), (b"d7:command", "malformed"), (b"hello", "not a bencode"),
                     (b"d1:a1:be extra", "follow"), (b"d1:a" + b"l" * 30000, "levels")]:
        got = exchange(sock, b"b%d " % len(bad) + bad)
        t.like(ng.decode(got.partition(b" ")[2])["error-reason"], why, f"{bad[:12]!r} is answered")
    t.equal([exchange(sock, data, 0.15) for data in (b"", b"nospace", b" de")], [None] * 3,
            "what is no command is ignored")
    keyed = b"d7:command7:publish3:sdp4:v=0\n8:med-from17:%s6:med-to5:-/anye" % PLAIN.encode()
    t.like(ng.decode(exchange(sock, b"p " + keyed)[2:])["error-reason"], "offer and answer only",
           "keys on a command that would go round the policy are refused")
    t.like(exchange(sock, b'j {"command":"offer","med-from":"a/required"}').decode(),
           "bencode only", "and in JSON, which is not looked into")
    t.ok(node.inbox.empty(), "of all this nothing reached rtpengine")

    strict = Listener(t, [node.port], "strict", allow="127.0.0.1")
    t.equal(exchange(client(strict.port, "127.0.0.3"), b"a " + BODIES[0], 0.3), None,
            "an address that is not allowed gets nothing")
    t.equal(exchange(client(strict.port), b"a " + BODIES[0]), b"a d6:result4:ponge",
            "one that is allowed is answered")
