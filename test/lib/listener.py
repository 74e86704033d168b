"""The policy listener as a daemon, what it is asked, and a node that answers by hand."""

import os
import queue
import socket
import threading

import ng
from ng import Ng
from sandbox import BUILD, PATIENCE, Failure, wait_for

PROGRAM = os.path.join(BUILD, "med-ng-policy")
SANITISED = os.path.join(BUILD, "san", "med-ng-policy")
KEY = "A" * 40
OTHER_KEY = "B" * 40
REQUIRED, OPTIONAL, PLAIN = "pbx1/required", "itsp1/optional", "gw1/not_supported"


class Listener:
    """In front of these ng ports; keys are further lines of its keyfile."""

    def __init__(self, sandbox, nodes, name="listener", program=PROGRAM, wrapper=(),
                 **keys):
        self.port = sandbox.port()
        lines = {"listen": f"127.0.0.1:{self.port}",
                 "nodes": ";".join(f"127.0.0.1:{node}" for node in nodes), **keys}
        keyfile = sandbox.write(f"{name}.conf", "[listener]\n" + "".join(
            f"{key}={value}\n" for key, value in lines.items()))
        self.process = sandbox.spawn(name, [*wrapper, program, "--config", keyfile])
        self.process.ready("hello", lambda: hello(self.port),
                           120 if wrapper else PATIENCE)


def hello(port):
    """Its answer to the hello; {} while nobody answers."""
    client = Ng(port, timeout=0.5)
    try:
        return client.command("ping", med_hello="1")
    except Failure:
        return {}
    finally:
        client.close()


def learned(port):
    """The hello once every node is alive and its addresses are known."""

    def complete():
        answer = hello(port)
        alive = set(answer.get("med-nodes", {}).values()) == {"alive"}
        return answer if alive and answer.get("med-addresses") else None

    return wait_for(f"a complete hello from port {port}", complete)


class Caller:
    """Keyed offers and answers of one call; each reply is kept in `last`."""

    def __init__(self, port, call_id, timeout=PATIENCE):
        self.client, self.call_id, self.last = Ng(port, timeout=timeout), call_id, {}

    def send(self, word, legs=None, sdp=None, from_tag="A", **keys):
        if legs:
            keys["med-from"], keys["med-to"] = legs
        if sdp is not None:
            keys["sdp"] = sdp
        if word == "offer":
            keys.setdefault("supports", ["load limit"])  # as the stock client says
        self.last = self.client.command(word, call_id=self.call_id, from_tag=from_tag, **keys)
        return self.last

    def offer(self, legs, sdp, **keys):
        return self.send("offer", legs, sdp, **keys)

    def answer(self, legs, sdp, to_tag="B", **keys):
        return self.send("answer", legs, sdp, to_tag=to_tag, **keys)

    def media(self):
        """m-line and suite of the last SDP: "RTP/SAVP + AES_CM_128_HMAC_SHA1_80"."""
        return describe(self.last.get("sdp", ""))


def describe(sdp):
    """Its active m-lines, in words."""
    lines, words = sdp.replace("\r", "").split("\n"), []
    for line in lines:
        if line.startswith("m="):
            port, proto = line.split(" ")[1:3]
            words.append(proto if port != "0" else "declined")
        elif line.startswith("a=crypto:") and words:
            words[-1] += " + " + line.split(" ")[1]
    return ", ".join(words)


class FakeNode:
    """An ng port that answers pings and probes; other commands wait in `inbox`."""

    def __init__(self, sandbox):
        self.port = sandbox.port()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", self.port))
        self.inbox = queue.Queue()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                data, source = self.sock.recvfrom(65535)
            except OSError:
                return
            cookie, _, body = data.partition(b" ")
            try:
                command = ng.decode(body)
            except Exception:  # what is passed on need not be bencode
                command = {}
            if command == {"command": "ping"}:
                self.reply((cookie, source), b"d6:result4:ponge")
            elif str(command.get("call-id", "")).startswith("med-probe-"):
                if command["command"] == "offer":
                    self.probed(command, (cookie, source))
                else:
                    self.reply((cookie, source), b"d6:result2:oke")
            else:
                self.inbox.put((body, (cookie, source)))

    def probed(self, command, to, address="192.0.2.7"):
        """A probe offer came; what it is answered."""
        sdp = command.get("sdp", "").replace("127.0.0.1", address)
        self.reply(to, ng.encode({"sdp": sdp, "result": "ok"}))

    def get(self, timeout=PATIENCE):
        """(bytes behind the cookie, whom to answer)"""
        try:
            return self.inbox.get(timeout=timeout)
        except queue.Empty:
            raise Failure("no command reached the node") from None

    def reply(self, to, body):
        cookie, source = to
        self.sock.sendto(cookie + b" " + body, source)
