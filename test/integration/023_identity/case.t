#!/usr/bin/python3
"""A TLS peer is known by any DNS name of its verified certificate, and by nothing else."""

from case import Case
from certs import Authority
from sandbox import Failure, Sandbox, wait_for
from sip import SipPeer, sdp
from trunks import Trunks

PLAIN = {"srtp_mode": "optional", "anchor": "no", "transport": "tls"}

with Case(plan=16) as t:
    trunks = Trunks(t, {
        "third": {**PLAIN, "san": ["a.example", "b.example", "third.example"]},
        "wild": {**PLAIN, "san": ["*.wild.example"],
                 "gateway": {"tls_name": "gw.wild.example", "tls_wildcard": "yes"}},
        "cn": {**PLAIN, "san": [], "cn": "cn.example"},
        "gw1": {"srtp_mode": "not_supported", "anchor": "no"},
    }, routes={"all": {"pattern": r"^\+\d+$", "trunks": "gw1"}})

    def ends(peer, name):
        """The status an INVITE of this peer gets at this trunk's port; 486 is the gateway's."""
        sent = peer.request("INVITE", f"sip:+4930@127.0.0.1:{trunks.local[name]}",
                            trunks.address(name), sdp=sdp(30000))
        call_id = sent.get("Call-ID")

        def ended():
            for who, what in ((trunks.gw1, "INVITE"), (peer, "4xx")):
                try:
                    got = who.expect(what, 0.05, call_id=call_id)
                except Failure:
                    continue
                if got.status:
                    return got.status
                who.reply(got, 486, "Busy Here")
            return None

        return wait_for("an end of the call", ended)

    t.equal(ends(trunks.third, "third"), 486, "the third SAN entry counts")
    t.equal(ends(trunks.third, "third"), 486, "and again on the same connection")
    t.equal(ends(trunks.cn, "cn"), 486, "a CN counts where there is no SAN")

    def peer(name, san, cn=None, ca=trunks.ca):
        return SipPeer(t, "tls", ca.issue(name, san, cn=cn), user=name)

    t.equal(ends(peer("cn-and-san", ["other.example"], cn="third.example"), "third"), 403,
            "a CN beside a SAN does not")
    t.equal(ends(peer("case", ["THIRD.Example"]), "third"), 486, "names have no case")
    t.equal(ends(peer("longer", ["third.example.org"]), "third"), 403, "no prefix of a name")
    t.equal(ends(peer("wild", ["*.example"]), "third"), 403, "no wildcard")
    t.equal(ends(trunks.wild, "wild"), 486, "but where the gateway may have one")
    t.equal(ends(peer("named", ["gw.wild.example"]), "wild"), 486, "its name as well")
    t.equal(ends(peer("above", ["*.example"]), "wild"), 403, "for one label, not for two")
    t.equal(ends(peer("other", ["hq.wild.example"]), "wild"), 403, "no other name there")
    t.equal(ends(trunks.third, "cn"), 403, "the right name at another trunk's port: 403")
    t.equal(len(trunks.lines(" 403: ")), 1, "they are of one address: told in one line")
    # A server that asks for certificates without verifying them: no name counts.
    with Sandbox("identity-unverified") as box:
        lax = Trunks(box, {"third": PLAIN, "gw1": {"srtp_mode": "not_supported",
                                                   "anchor": "no"}},
                     routes={"all": {"pattern": r"^\+\d+$", "trunks": "gw1"}}, verify=False)
        forger = Authority(box.path("forger"))
        for what, ca in (("of an authority nobody knows", forger), ("of our own", lax.ca)):
            stranger = SipPeer(box, "tls", ca.issue("stranger", ["third.example"]), user="s")
            sent = stranger.request(
                "INVITE", f"sip:+4930@127.0.0.1:{lax.local['third']}", lax.address("third"),
                sdp=sdp(30000))
            t.equal(stranger.expect("4xx", call_id=sent.get("Call-ID")).status, 403,
                    f"a certificate {what}, not asked for: 403")
    t.equal(trunks.alarms(), [], "nothing critical was logged")
