"""rtpengine in userspace, alone or with the plugin inside."""

import os

from ng import Ng
from sandbox import BUILD, Failure

PLUGIN = os.path.join(BUILD, "mediation-rtpengine.so")


class Rtpengine:
    """
    address  where it anchors media; another one than the peers', to be told apart
    plugin   environment of the plugin inside it (see rtpengine-plugin/); None: without
    """

    def __init__(self, sandbox, name="rtpengine", address="127.0.0.2", plugin=None, options=()):
        self.sandbox, self.name, self.address = sandbox, name, address
        self.plugin, self.options = plugin, list(options)
        self.port = sandbox.port()
        self.first, self.last = sandbox.media_ports
        self.start()

    def start(self):
        env = None if self.plugin is None else {"LD_PRELOAD": PLUGIN, **self.plugin}
        self.process = self.sandbox.spawn(self.name, [
            "rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--table=-1",
            f"--interface={self.address}", f"--listen-ng=127.0.0.1:{self.port}",
            f"--port-min={self.first}", f"--port-max={self.last}", "--log-level=6",
            "--num-threads=2", "--delete-delay=0", *self.options], env=env)
        self.process.ready("ping", self._pings)

    def stop(self):
        self.process.stop()

    def _pings(self):
        try:
            return self.ng("ping")["result"] == "pong"
        except Failure:
            return False

    def ng(self, word, **keys):
        """One command to rtpengine itself, past any plugin."""
        client = Ng(self.port, timeout=1.0)
        try:
            return client.command(word, **keys)
        finally:
            client.close()

    def calls(self):
        """Call-IDs it holds now."""
        return self.ng("list", limit="1000").get("calls", [])
