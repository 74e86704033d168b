#!/usr/bin/python3
"""Who listens in front of rtpengine: nobody, a plain rtpengine, garbage, the plugin; asked
in the background and said with the reason."""

import socket
import threading

from case import Case
from kamailio import Kamailio, bare
from redis import RedisServer
from sandbox import Failure, wait_for

YES = (b"d6:result4:pong11:med-version5:1.2.38:med-host6:inside9:med-nodesd2:n15:alivee"
       b"13:med-addressesl9:127.0.0.211:2001:db8::1ee")


def plugin(version, addresses):
    """Its hello, with these media addresses."""

    def text(word):
        return f"{len(word)}:{word}"

    return (f"d6:result4:pong11:med-version{text(version)}13:med-addressesl"
            + "".join(text(address) for address in addresses) + "ee").encode()


class Listener:
    """A UDP port that answers each ping with these bytes after the cookie; None: silence."""

    def __init__(self, port):
        self.answer, self.asked = None, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                data, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            self.asked.append(data)
            if self.answer is not None:
                cookie = data.split(b" ")[0]
                answer = self.answer if self.answer.startswith(b"raw") else (
                    cookie + b" " + self.answer)
                self.socket.sendto(answer, sender)


with Case(plan=26) as t:
    redis = RedisServer(t)
    control, port, ng, other = t.path("k.ctl"), t.port(), t.port(), t.port()

    def config(name, sock):
        return t.write(name, bare(port, control, redis.url, (
            f'modparam("mediation", "rtpengine_sock", "{sock}")' if sock else "")))

    def status(kamailio, state, text):
        wait_for(f"{state}: {text}", lambda: f"policy_listener: {state}\n" in kamailio.rpc(
            "mediation.status") and text in kamailio.rpc("mediation.status"))
        return t.ok(True, f"{text}: {state}")

    none = Kamailio(t, config("none.cfg", ""), name="none", control=control)
    status(none, "no", "set rtpengine_sock")
    none.stop()

    kamailio = Kamailio(t, config("one.cfg", f"udp:127.0.0.1:{ng}"), control=control)
    status(kamailio, "no", f"127.0.0.1:{ng} does not answer")
    listener = Listener(ng)
    wait_for("a question", lambda: listener.asked)
    t.like(listener.asked[0].decode(), r"^\S+ d7:command4:ping9:med-hello1:1e$",
           "it is asked by an ng ping that any rtpengine answers")
    for answer, text in [
            (b"d6:result4:ponge", "answers as plain rtpengine, not as the plugin"),
            (b"pong", "answers, but not as an ng listener"),
            (b"d6:result4:pong11:med-version", "answers, but not as an ng listener"),
            (b"d11:med-version999999999:1e", "answers, but not as an ng listener"),
            (b"d11:med-version-1:1e", "answers, but not as an ng listener"),
            (b"d" + b"l" * 2000 + b"e" * 2001, "answers, but not as an ng listener")]:
        listener.answer = answer
        status(kamailio, "no", text)
    listener.answer = YES
    status(kamailio, "yes", "version: 1.2.3")
    t.like(kamailio.rpc("mediation.status"), "nodes: n1 alive", "the nodes behind it are told")
    listener.answer = b"raw " + YES
    status(kamailio, "no", f"127.0.0.1:{ng} does not answer")
    t.ok(True, "an answer without the cookie of the question is none")
    listener.answer = YES
    status(kamailio, "yes", "every policy listener answers")
    said = [line for line in kamailio.log().splitlines() if "media policy are refused" in line]
    t.equal(len(said), 4, "each change of the reason is one log line")
    listener.answer = plugin("2.0", [])
    status(kamailio, "no", "answers, but has no media addresses yet")
    addresses = [f"2001:db8:1111:2222:3333:4444:5555:{n + 4096:x}" for n in range(120)]
    listener.answer = plugin("3.0", addresses)
    t.ok(len(listener.answer) > 4096, "as much as a plugin with all its nodes lists")
    status(kamailio, "yes", "version: 3.0")
    listener.answer = plugin("4.0", [f"10.0.{n // 256}.{n % 256}" for n in range(300)])
    status(kamailio, "no", "lists more media addresses than the module can keep")
    listener.answer = YES
    kamailio.stop()

    two = Kamailio(t, config("two.cfg", f"udp:127.0.0.1:{ng} udp:127.0.0.1:{other}"),
                   name="two", control=control)
    status(two, "yes", f"127.0.0.1:{other} does not answer")
    t.ok(any(line.endswith(f"127.0.0.1:{other} does not answer")
             for line in two.log().splitlines()),
         "a silent one beside one that answers is logged, and refuses no call")
    second = Listener(other)
    second.answer = b"d6:result4:ponge"
    status(two, "no", f"127.0.0.1:{other} answers as plain rtpengine, not as the plugin")
    second.answer = None
    status(two, "yes", f"127.0.0.1:{other} does not answer")
    second.answer = YES
    status(two, "yes", "every policy listener answers")
    listener.answer = second.answer = None
    status(two, "no", "does not answer")
    two.stop()

    try:
        Kamailio(t, config("bad.cfg", "udp:nowhere"), name="bad", control=control)
        t.ok(False, "a socket without a port should stop the start")
    except Failure as why:
        t.like(str(why), "write it as udp:127.0.0.1:2223", "a wrong parameter stops the start")
