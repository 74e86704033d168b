"""User-space instructions of a call, counted by callgrind in every process of a Kamailio.

The same run with twice as many calls is subtracted, so that starting and ending cost
nothing. SIPp checks each call at both ends.
"""

import glob
import os
import re

from kamailio import Kamailio
from redis import RedisServer
from sandbox import Failure, wait_for
from sipp import Sipp

# Many, so that what a start costs, which varies, and what time costs are small beside them.
CALLS, RATE = 400, 80


class Instructions:
    """
    objects    {key: fields} of Redis
    scenarios  folder with uac.xml and uas.xml; names between @ are put in by `fills`
    defines    of the configurations, beside LISTEN_1, RUN_DIR_CTL, REDIS_URL and NODE_KEY
    """

    def __init__(self, box, objects, scenarios, defines=None):
        self.box, self.scenarios, self.run_count = box, scenarios, 0
        self.port, self.uac, self.uas = box.port(), box.port(), box.port()
        self.redis = RedisServer(box)
        self.limits = any(key.startswith("limits:") for key in objects)
        objects = {
            "gateway:pbx1": {"address": "127.0.0.1", "peer": "ip_pbx"},
            # One socket: the caller is told from the gateway by its address.
            "gateway:gw1": {"address": "127.0.0.1", "source": "127.0.0.9"},
            "trunk:pbx1": {"transport": "udp", "port": self.uac, "local_port": self.port},
            "trunk:gw1": {"transport": "udp", "port": self.uas, "local_port": self.port,
                          "enabled": "yes"}, **objects}
        self.redis.load({f"med:1:{key}": fields for key, fields in objects.items()})
        self.defines = {"REDIS_URL": f'"{self.redis.url}"', "NODE_KEY": '"bench"',
                        "GATEWAY_URI": f'"sip:127.0.0.1:{self.uas}"', **(defines or {})}

    def instructions(self, config, calls, number, fills):
        """All instructions of one Kamailio's life with this many calls."""
        self.run_count += 1
        name = f"{os.path.basename(config)}-{self.run_count}"
        control = self.box.path(name + ".ctl")
        with self.redis.client() as client:  # no permits of the run before
            for key in client.command("KEYS", "medrun:1:*"):
                client.command("DEL", key)
        out = self.box.path(name + ".callgrind")
        kamailio = Kamailio(
            self.box, config, name=name, control=control,
            defines={"LISTEN_1": f"udp:127.0.0.1:{self.port}",
                     "RUN_DIR_CTL": f'"unix:{control}"', **self.defines},
            wrapper=["valgrind", "--tool=callgrind", "--trace-children=yes",
                     f"--callgrind-out-file={out}.%p", "--log-file=/dev/null"])
        if os.path.basename(config) == "trunks.cfg":
            wait_for("the configuration", lambda: listed(kamailio))
            if self.limits:
                # A node that just began has no permits for a moment; to ask costs, too.
                wait_for("permits", lambda: not re.search(
                    r"_here: 0\b", kamailio.rpc("mediation.limits")), 20, 1)
        uas = Sipp(self.box, name + "-uas", self._scenario(name, "uas.xml", fills), calls=calls,
                   port=self.uas, timeout=120)
        uac = Sipp(self.box, name + "-uac", self._scenario(name, "uac.xml", fills), calls=calls,
                   port=self.uac, target=f"127.0.0.1:{self.port}", timeout=120,
                   keys={"number": number, "uas": self.uas}, options=["-r", str(RATE), "-l", "20"])
        if not uac.wait(150) or not uas.wait(20):
            raise Failure(f"{config}: not every call went right; see {self.box.dir}\n"
                          + kamailio.log()[-2000:])
        # Until every transaction is freed: its end is part of the call.
        wait_for("all transactions to end", lambda: re.search(
            r"current: 0\b", kamailio.rpc("tm.stats")), 30, 0.2)
        kamailio.stop()
        return total(out)

    def _scenario(self, name, scenario, fills):
        with open(os.path.join(self.scenarios, scenario), encoding="utf-8") as file:
            text = file.read()
        for word, value in {"PORT": str(self.uas), **fills}.items():
            text = text.replace(f"@{word}@", value)
        return self.box.write(f"{name}-{scenario}", text)

    def per_call(self, config, number, fills):
        once = self.instructions(config, CALLS, number, fills)
        twice = self.instructions(config, 2 * CALLS, number, fills)
        return (twice - once) / CALLS


def listed(kamailio):
    try:
        return "gw1" in kamailio.rpc("mediation.trunks")
    except Failure:
        return False


def total(prefix):
    """Sum over the files of all processes."""
    found = glob.glob(prefix + ".*")
    if len(found) < 3:
        raise Failure(f"callgrind wrote {len(found)} files, one per process were expected")
    count = 0
    for path in found:
        with open(path, encoding="ascii", errors="replace") as file:
            count += int(re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M)[1])
    return count
