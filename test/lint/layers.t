#!/usr/bin/python3
"""Who may know whom: medcore knows nobody, nobody knows the module (design, part 2)."""

from lint import Lint, files, grep

INCLUDE = r'^\s*#\s*include\s*[<"]'

lint = Lint()
core = files("modules/medcore/*.[ch]")
sources = files("*.c", "*.h")

lint.rule("medcore includes no header of Kamailio or rtpengine", grep(
    core, INCLUDE + r"(\.\./|core/|modules/|mem/|kamailio|rtpengine|tm_load)",
    "medcore stands alone; pass what it needs in as an argument"))
lint.rule("hiredis is known to medcore's store alone", grep(
    [f for f in sources if not f.startswith(("modules/medcore/store", "rtpengine-plugin/"))],
    INCLUDE + r"(hiredis/|hiredis\.h|async\.h)", "ask med_store_t (medcore/store.h)"))
lint.rule("OpenSSL is known to medcore's store_tls.c alone", grep(
    [f for f in sources if f.startswith(("modules/medcore/", "modules/medctl/"))
     and f != "modules/medcore/store_tls.c"],
    INCLUDE + r"openssl/", "ask medcore/store_tls.h, or give a rediss:// url"))
lint.rule("libxml2 is known to medcore's xml.c alone", grep(
    [f for f in sources if f != "modules/medcore/xml.c"], INCLUDE + r"(libxml/|libxml2/)",
    "ask medcore/xml.h"))
lint.rule("c-ares is known to medcore's dns.c alone", grep(
    [f for f in sources if f != "modules/medcore/dns.c"], INCLUDE + r"ares", "ask medcore/dns.h"))
lint.rule("GLib is known to medcore's zone.c alone, and to the plugin", grep(
    [f for f in sources if f != "modules/medcore/zone.c"
     and not f.startswith(("rtpengine-plugin/", "test/"))],
    INCLUDE + r"glib", "ask medcore/zone.h"))
lint.rule("nobody includes the module", grep(
    [f for f in sources if not f.startswith("modules/mediation/")],
    INCLUDE + r"([^>\"]*mediation/|med_(shm|sync|rpc|stats|params|call)\.h)",
    "move what is shared to medcore"))
lint.rule("nobody includes the plugin but the plugin and its tests", grep(
    [f for f in sources if not f.startswith(("rtpengine-plugin/", "test/"))],
    INCLUDE + r"[^>\"]*rtpengine-plugin/", "move what is shared to medcore"))
lint.rule("medcore is included as \"medcore/x.h\"", grep(
    [f for f in sources if not f.startswith("test/bench/")],
    INCLUDE + r"(common|sdp|media|model|config|select|store)\.h", "write \"medcore/x.h\""))
lint.rule("no top-level folder is called core", [
    f"{f}: Kamailio's ../../core/ includes would find it" for f in files("core/*")])
lint.done()
