"""A network between a client and a server that can be cut, or held where a test wants it."""

import select
import socket
import threading


class Relay:
    """A TCP port in front of another one (of Redis, then `url` is its)."""

    def __init__(self, sandbox, target):
        self.port, self.target, self._pairs, self._cut = sandbox.port(), target, [], False
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._word, self._left, self._go = None, 0, threading.Event()
        self._socket = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Bytes are swallowed from now on, and nobody is told."""
        self._cut = True

    def mend(self):
        """Old connections end, new ones pass."""
        self._cut = False
        for pair in self._pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self._pairs.clear()

    def hold_after(self, word, count=0):
        """From `count` bytes behind the next `word` of a client on, it waits for let_go()."""
        self.let_go()
        self._word, self._left, self._go = word, count, threading.Event()

    def let_go(self):
        self._word = None
        self._go.set()

    def _sent(self, data):
        """By a client, and passed on."""
        if self._word:
            _, found, data = data.partition(self._word)
            if not found:
                return
            self._word = b""
        if self._word is not None:
            self._left -= len(data)
            if self._left <= 0:
                self._go.wait()

    def _accept(self):
        while True:
            near, _ = self._socket.accept()
            try:
                pair = (near, socket.create_connection(("127.0.0.1", self.target), 5))
            except OSError:
                near.close()
                continue
            self._pairs.append(pair)
            threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, near, far):
        other = {near: far, far: near}
        try:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    if not self._cut:
                        other[one].sendall(data)
                    if one is near:
                        self._sent(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()
