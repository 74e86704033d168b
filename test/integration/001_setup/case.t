#!/usr/bin/python3
"""Set-up forbids service starts while it installs, and puts back what was there:
after success, after a failure, after an interrupt, after a run that was killed."""

import os
import signal
import subprocess

from case import Case
from sandbox import TOP, wait_for

DEPS = os.path.join(TOP, "test", "setup", "deps")
OWNERS = "#!/bin/sh\n# the machine owner's\nexit 104\n"

# Says one package is missing until it was "installed"; everything else is asked for real.
DPKG_QUERY = """#!/bin/sh
case "$*" in
*valgrind*) [ -e {dir}/installed ] && printf installed; exit 0 ;;
esac
exec /usr/bin/dpkg-query "$@"
"""
APT_GET = """#!/bin/sh
echo "$@" >>{dir}/apt.calls
case "$*" in
*install*)
	{dir}/policy-rc.d; echo $? >{dir}/policy.answer
	{do}
	touch {dir}/installed ;;
esac
"""


class Machine:
    """One that lacks one package."""

    def __init__(self, case, name, owners, do=":"):
        self.dir = case.path(name)
        os.makedirs(self.dir)
        for file, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
            path = case.write(f"{name}/{file}", text.format(dir=self.dir, do=do))
            os.chmod(path, 0o755)
        self.policy = os.path.join(self.dir, "policy-rc.d")
        if owners:
            case.write(f"{name}/policy-rc.d", owners)
            os.chmod(self.policy, 0o755)

    def start(self, *groups):
        return subprocess.Popen([DEPS, *groups], env={**os.environ, "POLICY_RC_D": self.policy,
                                             "PATH": f"{self.dir}:{os.environ['PATH']}"},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *groups):
        process = self.start(*groups)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def has(self, file):
        return os.path.exists(os.path.join(self.dir, file))

    def read(self, file):
        with open(os.path.join(self.dir, file), encoding="utf-8") as text:
            return text.read()

    def policy_now(self):
        return self.read("policy-rc.d") if self.has("policy-rc.d") else None


with Case(plan=16) as t:
    clean = Machine(t, "clean", None)
    t.equal((clean.run("build", "run", "demo"), clean.has("apt.calls")), ((0, ""), False),
            "the demo needs nothing that is for the tests alone")
    code, said = clean.run()
    t.equal(code, 0, "set-up installs what is missing")
    t.like(clean.read("apt.calls"), r"install .*valgrind\s*$", "only that")
    t.like(said, "installing valgrind", "and says so")
    t.equal(clean.read("policy.answer"), "101\n", "services are forbidden meanwhile")
    t.equal(clean.policy_now(), None, "there was no policy before, there is none after")
    os.remove(os.path.join(clean.dir, "apt.calls"))
    t.equal(clean.run(), (0, ""), "a second run says nothing")
    t.ok(not clean.has("apt.calls"), "and asks apt for nothing")

    kept = Machine(t, "kept", OWNERS)
    t.equal(kept.run()[0], 0, "a machine with a policy of its own is set up")
    t.equal((kept.read("policy.answer"), kept.policy_now()), ("101\n", OWNERS),
            "services are forbidden meanwhile, the owner's policy is back")

    failing = Machine(t, "failing", OWNERS, do="exit 100")
    code, said = failing.run()
    t.ok(code != 0 and "apt-get install failed" in said, "a failed installation is told")
    t.equal(failing.policy_now(), OWNERS, "and the owner's policy is back")

    for number, name in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")):
        cut = Machine(t, f"cut-{number}", OWNERS,
                      do="while [ ! -e {0}/go ]; do read -t 0.1 x </dev/zero || :; done".format(
                          t.path(f"cut-{number}")))
        process = cut.start()
        wait_for("the installation to begin", lambda m=cut: m.has("policy.answer"))
        process.send_signal(number)
        t.write(f"cut-{number}/go", "")  # apt ends by the same Ctrl-C; then the trap runs
        process.communicate(timeout=60)
        t.equal((process.returncode != 0, cut.policy_now()), (True, OWNERS),
                f"after {name} the owner's policy is back")

    killed = Machine(t, "killed", "#!/bin/sh\n# mediation: no service starts while packages "
                     "are installed\nexit 101\n")
    t.write("killed/policy-rc.d.before-mediation", OWNERS)
    t.write("killed/installed", "")
    t.equal(killed.run()[0], 0, "set-up after one that was killed")
    t.equal((killed.policy_now(), killed.has("policy-rc.d.before-mediation")),
            (OWNERS, False), "mends what that left behind")
