"""Kamailio's JSON-RPC by all of its ways: datagram, FIFO, HTTP.

    lines, ways = jsonrpc.server(t)     # lines for kamailio.bare()
    for name, call in ways.items():
        call("mediation.trunks", 0, 40)["trunks"]
"""

import json
import os
import socket
import stat
import threading
import urllib.error
import urllib.request

from sandbox import PATIENCE, Failure

LINES = """\
listen=tcp:127.0.0.1:{http}
tcp_accept_no_cl=yes
tcp_children=1
loadmodule "xhttp.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "transport", 7)
modparam("jsonrpcs", "fifo_name", "{fifo}")
modparam("jsonrpcs", "fifo_reply_dir", "{folder}/")
modparam("jsonrpcs", "dgram_socket", "{datagram}")
event_route[xhttp:request] {{
	jsonrpc_dispatch();
}}
"""


class Fault(Failure):
    """The server's error, with its code."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def _answer(text, sizes):
    sizes.append(len(text))
    reply = json.loads(text)
    if "error" in reply:
        raise Fault(reply["error"]["code"], reply["error"]["message"])
    return reply["result"]


def _request(method, params, **more):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1, **more}
                      ).encode()


class Ways:
    """datagram(), fifo(), http(): (method, *parameters) -> result, or a Fault."""

    def __init__(self, folder, port):
        self.folder, self.port, self.count = folder, port, 0
        self.sizes = []  # bytes of every answer

    def datagram(self, method, *params):
        self.count += 1
        own = os.path.join(self.folder, f"reply{self.count}.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(own)
            sock.settimeout(PATIENCE)
            sock.sendto(_request(method, params), os.path.join(self.folder, "rpc.sock"))
            text = sock.recv(65536)
        os.unlink(own)
        return _answer(text, self.sizes)

    def fifo(self, method, *params):
        self.count += 1
        name = f"reply{self.count}"
        own = os.path.join(self.folder, name)
        os.mkfifo(own)
        got = []
        reader = threading.Thread(target=lambda: got.append(_read(own)), daemon=True)
        reader.start()
        # Both ends are opened before anything is written.
        with open(os.path.join(self.folder, "rpc.fifo"), "wb") as fifo:
            fifo.write(_request(method, params, reply_name=name) + b"\n")
        reader.join(PATIENCE)
        os.unlink(own)
        if not got:
            raise Failure(f"{method}: no answer by FIFO in {PATIENCE} s")
        return _answer(got[0], self.sizes)

    def http(self, method, *params):
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/RPC", data=_request(method, params),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:  # faults have their code here as well
            text = error.read()
        return _answer(text, self.sizes)

    def ready(self):
        path = os.path.join(self.folder, "rpc.fifo")
        return os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def server(sandbox):
    """What a configuration needs for it, and the ways to ask."""
    folder = sandbox.path("rpc")
    os.makedirs(folder, exist_ok=True)
    port = sandbox.port()
    return LINES.format(http=port, folder=folder, fifo=os.path.join(folder, "rpc.fifo"),
                        datagram=os.path.join(folder, "rpc.sock")), Ways(folder, port)
