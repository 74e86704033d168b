#!/usr/bin/python3
"""Profiles of three scopes, the most specific one as a whole; the rules they are held to; and a
gateway's root trunk, which stays while the gateway is there."""

from case import Case
from sandbox import wait_for
from trunks import Trunks

PLAIN = {"srtp_mode": "not_supported", "anchor": "no"}

with Case(plan=13) as t:
    trunks = Trunks(t, {"pbx1": PLAIN, "gw1": {**PLAIN, "remove_plus_from_uri": "yes",
                                               "gateway": {"site": "berlin"}}},
                    routes={"all": {"pattern": ".*", "trunks": "gw1"}})
    redis, kamailio = trunks.redis, trunks.kamailio

    def seen():
        """The called number as gw1 has it."""
        sent = trunks.call("pbx1", "+4930123")
        got = trunks.gw1.expect("INVITE", call_id=sent.get("Call-ID"))
        trunks.gw1.reply(got, 486, "Busy Here")
        trunks.pbx1.expect(486, call_id=sent.get("Call-ID"))
        return got.uri.split(":")[1].split("@")[0]

    def applies(profile):
        wait_for(f"profile {profile} to apply",
                 lambda: f"profile: {profile}\n" in kamailio.rpc("mediation.trunks", "gw1"))

    def told(*words):
        """The status names it."""
        wait_for(" ".join(words), lambda: all(
            word in kamailio.rpc("mediation.status") for word in words))
        return True

    # The three scopes: what one leaves out comes from no other, but has its default.
    redis.load({"med:1:site:berlin": {"name": "Berlin"},
                "med:1:rules:national": {"rule.0": r"^\+49(\d+)$ => 0$1"},
                "med:1:profile:site:berlin": {
                    **PLAIN, "outbound_translation_rules": "national", "options_interval_s": "0"},
                "med:1:profile:global": {**PLAIN, "options_interval_s": "0"}})
    applies("trunk:gw1")
    t.equal(seen(), "4930123", "the trunk's profile, nothing of its site's")
    redis.command("DEL", "med:1:profile:trunk:gw1")
    applies("site:berlin")
    t.equal(seen(), "030123", "without it the site's, nothing of the global one")
    redis.command("DEL", "med:1:profile:site:berlin")
    applies("global")
    t.equal(seen(), "+4930123", "without that the global one")

    # Rules of a profile (spec 2.2): refused, so the version before goes on; or warned of.
    for fields, text in (({"concentrated_topology": "no"}, "concentrated_topology"),
                         ({"enable_refer_support": "no"}, "rtcp_active_calls")):
        redis.hset("med:1:profile:global", enable_bypass="yes", **fields)
        t.ok(told("refused_total: 1", "object: profile:global", text),
             f"enable_bypass with {fields}: refused, and why")
        t.equal(seen(), "+4930123", "and its last good version is in force")
        redis.command("HDEL", "med:1:profile:global", "enable_bypass", *fields)
        told("refused_total: 0")
    redis.hset("med:1:profile:global", srtp_mode="required")
    t.ok(told("trunk 'gw1'", "srtp_mode required", "media is plain RTP; use tls"),
         "SRTP on a transport that keeps no secret: warned of")
    t.equal(seen(), "+4930123", "and in force, as RTP")

    # The root trunk.
    redis.hset("med:1:gateway:gw1", root_trunk="gw1")
    wait_for("the guard", lambda: "root_trunk: gw1" in kamailio.rpc("mediation.gateways", "gw1"))
    redis.command("DEL", "med:1:trunk:gw1")
    t.ok(told("refused_total: 1", "object: trunk:gw1", "root_trunk"),
         "a root trunk is not removed before its gateway: the status says so")
    t.equal(seen(), "+4930123", "it takes calls as before")
    redis.command("DEL", "med:1:gateway:gw1")
    wait_for("both to be gone", lambda: "gw1" not in kamailio.rpc("mediation.trunks"))
    t.ok(True, "with its gateway it goes")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
