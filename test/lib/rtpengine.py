"""rtpengine in userspace, alone or with the plugin inside."""

import os
import re

from ng import Ng
from sandbox import BUILD, Failure

PLUGIN = os.path.join(BUILD, "mediation-rtpengine.so")


class Rtpengine:
    """
    address  where it anchors media; another one than the peers', to be told apart; also
             interfaces with names: "default/127.0.0.2;pstn/127.0.0.3"
    plugin   True: the plugin is inside; keys=... are further lines of its keyfile
    port     rtpengine's own ng port; listener is the one Kamailio talks to
    """

    def __init__(self, sandbox, name="rtpengine", address="127.0.0.2", plugin=False,
                 keys=None, options=()):
        self.sandbox, self.name, self.address = sandbox, name, address
        self.options, self.env = list(options), {}
        self.port = self.listener = sandbox.port()
        self.first, self.last = sandbox.media_ports
        if plugin:
            # The loader only warns, and a plain rtpengine would run.
            if not os.path.exists(PLUGIN):
                raise Failure(f"{PLUGIN} is not there: make plugin")
            self.listener = sandbox.port()
            lines = {"listen": f"127.0.0.1:{self.listener}", "log": "stderr",
                     "nodes": f"127.0.0.1:{self.port}", **(keys or {})}
            names = set(re.findall(r"([^;/]+)/", address))
            if names and len(names) == len(address.split(";")):
                lines["interfaces"] = ";".join(names)
            elif ";" in address:  # of each interface one address is learned
                lines["addresses"] = re.sub(r"[^;/]*/", "", address)
            self.env = {"LD_PRELOAD": PLUGIN, "MEDIATION_PLUGIN_CONFIG": sandbox.write(
                f"{name}-plugin.conf", "[listener]\n" + "".join(
                    f"{key}={value}\n" for key, value in lines.items()))}
        self.start()

    def start(self):
        self.process = self.sandbox.spawn(self.name, [
            "rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--table=-1",
            *(f"--interface={part}" for part in self.address.split(";")),
            f"--listen-ng=127.0.0.1:{self.port}",
            f"--port-min={self.first}", f"--port-max={self.last}", "--log-level=6",
            "--num-threads=2", "--delete-delay=0", *self.options], env=self.env)
        self.process.ready("ping", self._pings)

    def stop(self):
        self.process.stop()

    def _pings(self):
        try:
            return all(self.ng("ping", port=port)["result"] == "pong"
                       for port in {self.port, self.listener})
        except Failure:
            return False

    def ng(self, word, port=None, **keys):
        """One command to rtpengine itself, past any plugin, unless told another port."""
        client = Ng(port or self.port)
        try:
            return client.command(word, **keys)
        finally:
            client.close()

    def calls(self):
        """Call-IDs it holds now."""
        return self.ng("list", limit="1000").get("calls", [])
