#!/usr/bin/python3
"""medctl try: a part of a decision is asked about, by Redis or by a file; exit 0, 1, 2, 3."""

from case import Case
from medctl import Medctl, plain
from redis import RedisServer

PEERS = {
    "site hq": {"subnets": "10.0.0.0/8"},
    "gateway pbx1": {"address": "192.0.2.10", "peer": "ip_pbx"},
    "gateway gw1": {"address": "192.0.2.20"},
    **{f"trunk {name}": {"transport": "tcp"} for name in ("pbx1", "gw1")},
    "profile trunk:pbx1": {"srtp_mode": "not_supported", "pstn_usages": "local"},
    "profile trunk:gw1": {"srtp_mode": "not_supported", "outbound_translation_rules": "out",
                          "outbound_calling_number_translation_rules": "who"},
    "rules plan": {"rule.0": r"^0([1-9]\d+)$ => +49$1", "rule.1": r"^(\d{4})$ => +498955$1"},
    "rules out": {"rule.0": r"^\+49(\d+)$ => 0$1"},
    "rules who": {"rule.3": r"^\+49(\d+)$ => 0$1"},
    "policy desk": {"usages": "local"},
    "location_policy site:hq": {"emergency_dial_string": "112", "pstn_usages": "local"},
    "pool hub": {"dial_plan": "plan", "site": "hq"},
    "test short": {"dialed_number": "5123", "target_policy": "desk",
                   "expected_translated_number": "+4989555123"},
    "schedule office": {"times": "mon-fri 08:00-18:00", "time_zone": "UTC"},
    "route germany": {"pattern": r"^\+49\d+$", "usages": "local", "trunks": "gw1"},
    "route france": {"pattern": r"^\+33\d+$", "usages": "local", "trunks": "gw1",
                     "schedule": "office"},
}

with Case(plan=38) as t:
    redis = RedisServer(t)
    medctl = Medctl(t, redis)
    nowhere = Medctl(t, env={"MEDCTL_REDIS": "redis://127.0.0.1:1"})
    t.write("peers.conf", plain(PEERS))
    t.equal(medctl("apply", "--yes", "peers.conf").code, 0, "some peers")

    done = medctl("try", "trunk", "gw1", "+49301234", "--calling", "+49891")
    t.equal(done.code, 0, "a number for a trunk")
    t.equal(done.out.splitlines()[:5], [
        "profile: trunk:gw1", "translated_number: 0301234",
        r"matching_rule: out: rule.0 ^\+49(\d+)$ => 0$1", "translated_calling_number: 0891",
        r"matching_calling_rule: who: rule.3 ^\+49(\d+)$ => 0$1"], "what the trunk gets, and why")
    t.equal(nowhere("try", "trunk", "gw1", "+49301234", "--file", "peers.conf").code, 0,
            "by a file, without Redis")
    t.equal(medctl("try", "trunk", "gw1", "+1555").code, 1, "no rule matches: exit 1")
    found = medctl("try", "trunk", "gw1", "+1555", "--json").json()
    t.equal((found["matched"], found["translated_number"]), (False, "+1555"), "as JSON")

    t.equal([medctl("try", "route", "germany", n).code for n in ("+4930", "+331")], [0, 1],
            "a route takes a number, or not")
    done = medctl("try", "policy", "desk", "+4930")
    t.equal(done.code, 0, "the first route of a policy")
    t.like(done.out, "^first_matching_route: germany\nmatching_usage: local\ntrunk: gw1\n"
           r"route: germany \(usage local, priority 0\) \^\\\+49\\d\+\$\n", "and all that match")
    found = medctl("try", "inter-trunk", "pbx1", "+4930", "--json").json()
    t.equal((found["first_matching_route"], found["routes"]),
            ("germany", [{"route": "germany", "usage": "local", "priority": 0,
                          "pattern": r"^\+49\d+$"}]), "of an incoming trunk, as JSON")
    t.equal([medctl("try", "policy", "desk", "+331", "--at", at).code
             for at in ("2026-12-23T09:00Z", "2026-12-23T20:00Z")], [0, 1], "at a moment")
    t.like(medctl("try", "policy", "desk", "+331", "--at", "2026-12-23T20:00Z").out,
           "route: france .*\nno route of the usages takes .331 now; route 'france' does",
           "and why not")

    done = medctl("try", "dial-plan", "plan", "0301234")
    t.equal((done.code, done.out.splitlines()[0]), (0, "translated_number: +49301234"),
            "a dial plan")
    t.equal(medctl("try", "dial_plan", "plan", "5").code, 1, "none of its rules")
    done = medctl("try", "rule", "plan", "rule.1", "0301")
    t.equal((done.code, done.out.splitlines()[1]), (0, "translated_number: +4989550301"),
            "a rule alone, though another stands before it")
    t.equal(medctl("try", "rule", "plan", "7", "0301").code, 1, "a rule that is not there")

    done = medctl("try", "user", "desk", "0301234", "plan")
    t.equal((done.code, done.out.splitlines()[:6]), (0, [
        "translated_number: +49301234", r"matching_rule: plan: rule.0 ^0([1-9]\d+)$ => +49$1",
        "first_matching_route: germany", "matching_usage: local", "trunk: gw1",
        "trunk_called_number: 0301234"]), "a user's call from end to end")
    t.equal([medctl("try", "location-policy", *words).code
             for words in (("112", "hq"), ("110", "hq"), ("112",))], [0, 1, 1],
            "emergency numbers of a site")

    # what cannot be asked
    for words, code, why in (
            (("trunk", "gone", "+1"), 1, "no trunk 'gone' is in force"),
            (("route", "gone", "+1"), 1, "no route 'gone' is in force"),
            (("trunk", "gw1", "bob"), 2, "the called number: "),
            (("trunk", "gw1"), 2, "usage: medctl try trunk TRUNK NUMBER"),
            (("dial-plan", "plan", "1", "2"), 2, "usage: medctl try dial-plan RULES NUMBER"),
            (("rule", "plan", "x", "1"), 2, "'x' is no rule"),
            (("policy", "desk", "+1", "--at", "noon"), 2, "the moment is written in UTC"),
            (("route", "germany", "+1", "--at", "2026-12-23T20:00Z"), 2, "no use for --at"),
            (("route", "germany", "+1", "--calling", "1"), 2, "no use for --calling"),
            (("bogus", "x", "1"), 2, "medctl try lists what is")):
        done = medctl("try", *words)
        t.equal((done.code, why in done.err), (code, True), f"try {' '.join(words)}: exit {code}")
    t.equal(nowhere("try", "trunk", "gw1", "+1").code, 3, "without Redis: exit 3")
    found = medctl("try", "trunk", "gone", "+1", "--json")
    t.equal((found.code, found.json()["matched"]), (1, False), "JSON of a no, too")

    done = medctl("try")
    t.equal((done.code, [line.split()[0] for line in done.out.splitlines()]),
            (0, ["trunk", "route", "policy", "inter-trunk", "dial-plan", "rule", "user",
                 "location-policy"]), "what can be tried")
    t.equal(medctl("complete", "try", "").out.split(),
            [line.split()[0] for line in done.out.splitlines()], "completion has it")
    t.equal(medctl("complete", "try", "inter-trunk", "").out.split(), ["gw1", "pbx1"],
            "and the objects")

    # Whose caller it is: a pool's, with its dial plan and site.
    t.equal([medctl("try", "user", "desk", "5123", *more).code for more in ([], ["--pool", "hub"])],
            [1, 0], "--pool: its dial plan")
    t.equal([medctl("test", *more).code for more in ([], ["--pool", "hub"])], [1, 0],
            "of stored cases too")
    t.like(medctl("explain", "policy:desk", "5123", "--pool", "hub").out, "[+]4989555123",
           "and of explain")
    t.like(medctl("test", "--pool", "nope").err, "no pool 'nope'", "one that is not there is told")
    t.equal(medctl("try", "rule", "plan", "1", "0301", "--pool", "hub").code, 2,
            "a rule alone knows no pool")
