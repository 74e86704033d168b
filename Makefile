# Mediation Server: the Kamailio module, the rtpengine plugin, their tests and the demo.
# `make help` lists the targets; everything made goes to build/.

BUILD := $(CURDIR)/build
CC := gcc
CLANG ?= clang
JOBS ?= 2
# More than half of their time tests wait for what must come.
TEST_JOBS ?= $(shell expr $(JOBS) \* 2)
PREFIX ?= /usr

# Flags of ours; CFLAGS and LDFLAGS are the packager's.
CFLAGS ?= -O2 -g
# Module and plugin are optimised as a whole when they are linked; not with LTO=-fno-lto.
export LTO ?= -flto=auto
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Werror
INCLUDES := -Imodules
CORE_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden $(WARNINGS) $(INCLUDES) $(call pkg_cflags,$(core_packages))
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer -DMED_CONN_REPLY_MAX='(4u<<20)'

# What a program is made of, beside it; ccache may write paths its own way.
DEPENDS = -MMD -MP -MT $@ -MF $(@D)/.$(@F).d

core_packages := libpcre2-8 hiredis openssl libxml-2.0 glib-2.0 libcares
pkg_cflags = $(shell pkg-config --cflags $(1))
pkg_libs = $(shell pkg-config --libs $(1))
core_libs = $(call pkg_libs,$(core_packages)) -lpthread

# Kamailio's headers: Debian's source package of the installed version (test/setup).
kamailio_version := $(shell dpkg-query -W -f='$${source:Version}' kamailio 2>/dev/null \
	| sed 's/^[0-9]*://')
KAMAILIO_SRC ?= $(BUILD)/kamailio-src-$(kamailio_version)

# A recursive make may be asked for quietly.
MAKEFLAGS += --no-print-directory

export BUILD

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps core module medctl plugin tests demo run test test-valkey test-fresh \
	test-debian13 deb test-deb docker test-docker coverage check-memory bench soak fuzz \
	lint format objects-page reference formats install clean help

## all: build libmedcore, mediation.so, medctl and the rtpengine plugin (the default)
all: core module medctl plugin

## deps: install missing Debian packages (none is started) and Kamailio's headers
deps:
	@test/setup/deps

# Groups of test/setup/packages; what the tests alone need is most of the download.
demo_deps := build run demo

## demo: set up, build, place four real calls on loopback, say what happened
demo:
	@test/setup/deps $(demo_deps)
	@$(MAKE) -j$(JOBS) all
	@test/demo/demo

## run: the demo's system in the foreground; Ctrl-C ends it
run:
	@test/setup/deps $(demo_deps)
	@$(MAKE) -j$(JOBS) all
	@test/demo/demo --stay

# ---- medcore -------------------------------------------------------------------------

core_sources := $(wildcard modules/medcore/*.c)
core_objects := $(core_sources:modules/%.c=$(BUILD)/%.o)
core_san_objects := $(core_sources:modules/%.c=$(BUILD)/san/%.o)

core: $(BUILD)/libmedcore.a

$(BUILD)/libmedcore.a: $(core_objects)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/san/libmedcore.a: $(core_san_objects)
	@rm -f $@
	@ar rcs $@ $^

# Fat: with the code as well, for medctl and the tests: optimised for each of them anew, all of
# medcore takes longer than what is made.
NO_LTO := -fno-lto
$(BUILD)/medcore/%.o: modules/medcore/%.c Makefile
	@mkdir -p $(@D)
	@echo "CC   $<"
	@$(CC) $(CORE_CFLAGS) $(LTO) -ffat-lto-objects $(CFLAGS) -MMD -MP -MT $@ -c $< -o $@

$(BUILD)/san/medcore/%.o: modules/medcore/%.c Makefile
	@mkdir -p $(@D)
	@echo "CC   $< (sanitised)"
	@$(CC) $(CORE_CFLAGS) -O1 -g $(SANITIZE) -MMD -MP -MT $@ -c $< -o $@

# ---- medctl --------------------------------------------------------------------------

medctl_sources := $(wildcard modules/medctl/*.c)

## medctl: the command line
medctl: $(BUILD)/medctl

$(BUILD)/medctl: $(medctl_sources:modules/%.c=$(BUILD)/tools/%.o) $(BUILD)/libmedcore.a
	@echo "LD   medctl"
	@$(CC) $(CFLAGS) $(NO_LTO) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(core_libs)

$(BUILD)/san/medctl: $(medctl_sources:modules/%.c=$(BUILD)/san/tools/%.o) \
		$(BUILD)/san/libmedcore.a
	@echo "LD   medctl (sanitised)"
	@$(CC) $(SANITIZE) -o $@ $^ $(core_libs)

# For the case that fuzzes its port.
listener_sources := $(filter-out %/inside.c %/own_node.c,$(wildcard rtpengine-plugin/*.c))

$(BUILD)/san/med-ng-policy: $(listener_sources) $(wildcard rtpengine-plugin/*.h) \
		$(BUILD)/san/libmedcore.a
	@echo "LD   med-ng-policy (sanitised)"
	@$(CC) $(CORE_CFLAGS) -O1 -g $(SANITIZE) $(listener_sources) -o $@ \
		$(BUILD)/san/libmedcore.a $(core_libs)

$(BUILD)/tools/%.o: modules/%.c Makefile
	@mkdir -p $(@D)
	@echo "CC   $<"
	@$(CC) $(CORE_CFLAGS) $(CFLAGS) -MMD -MP -MT $@ -c $< -o $@

$(BUILD)/san/tools/%.o: modules/%.c Makefile
	@mkdir -p $(@D)
	@echo "CC   $< (sanitised)"
	@$(CC) $(CORE_CFLAGS) -O1 -g $(SANITIZE) -MMD -MP -MT $@ -c $< -o $@

# ---- the module and the plugin -------------------------------------------------------

module: $(BUILD)/libmedcore.a $(KAMAILIO_SRC)/src/config.mak
	@$(MAKE) -C modules/mediation COREPATH=$(KAMAILIO_SRC)/src

## formats: arguments of log lines against their formats (part of lint)
formats: $(KAMAILIO_SRC)/src/config.mak
	@$(MAKE) -C modules/mediation formats COREPATH=$(KAMAILIO_SRC)/src

$(KAMAILIO_SRC)/src/config.mak:
	@test/setup/kamailio-source "$(KAMAILIO_SRC)"

plugin: $(BUILD)/libmedcore.a
	@$(MAKE) -C rtpengine-plugin

# ---- tests ---------------------------------------------------------------------------

unit_sources := $(wildcard test/unit/t_*.c)
unit_names := $(unit_sources:test/unit/%.c=%)
fuzz_sources := $(wildcard test/fuzz/fuzz_*.c)
fuzz_names := $(fuzz_sources:test/fuzz/%.c=%)
bench_sources := $(wildcard test/bench/bench_*.c)
bench_names := $(bench_sources:test/bench/%.c=%)

test_programs := $(unit_names:%=$(BUILD)/test/unit/%) \
	$(unit_names:%=$(BUILD)/test/unit-sanitized/%) \
	$(fuzz_names:%=$(BUILD)/test/fuzz-replay/%)

TEST_CFLAGS = -std=gnu11 $(WARNINGS) $(INCLUDES) -Itest/unit -I. \
	$(call pkg_cflags,check glib-2.0 $(core_packages))
TEST_LIBS = $(call pkg_libs,check glib-2.0) $(core_libs)

# A test of the plugin names the plugin's sources it needs here: <test>_with := files.
-include test/unit/with.mk

tests: $(test_programs) $(BUILD)/san/medctl $(BUILD)/san/med-ng-policy

.SECONDEXPANSION:
$(BUILD)/test/unit/%: test/unit/%.c $$($$*_with) $(BUILD)/libmedcore.a Makefile
	@mkdir -p $(@D)
	@echo "TEST $<"
	@$(CC) $(TEST_CFLAGS) -O1 -g $(NO_LTO) $(DEPENDS) $< $($*_with) -o $@ \
		$(BUILD)/libmedcore.a $(TEST_LIBS)

$(BUILD)/test/unit-sanitized/%: test/unit/%.c $$($$*_with) $(BUILD)/san/libmedcore.a Makefile
	@mkdir -p $(@D)
	@echo "TEST $< (sanitised)"
	@$(CC) $(TEST_CFLAGS) -O1 -g $(SANITIZE) $(DEPENDS) $< $($*_with) -o $@ \
		$(BUILD)/san/libmedcore.a $(TEST_LIBS)

# The fuzz target's corpus, replayed under the sanitizers; needs no clang.
$(BUILD)/test/fuzz-replay/%: test/fuzz/%.c test/fuzz/replay.c $$($$*_with) \
		$(BUILD)/san/libmedcore.a Makefile
	@mkdir -p $(@D)
	@echo "FUZZ $< (replay)"
	@$(CC) $(TEST_CFLAGS) -Wno-missing-prototypes -O1 -g $(SANITIZE) $(DEPENDS) \
		-DCORPUS='"$(CURDIR)/test/fuzz/corpus/$(*:fuzz_%=%)"' \
		$< test/fuzz/replay.c $($*_with) -o $@ $(BUILD)/san/libmedcore.a $(TEST_LIBS)

$(BUILD)/fuzz/%: test/fuzz/%.c $(core_sources) $$($$*_with) Makefile
	@mkdir -p $(@D)
	@echo "FUZZ $<"
	@$(CLANG) $(TEST_CFLAGS) -Wno-missing-prototypes -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		$< $($*_with) $(core_sources) -o $@ $(TEST_LIBS)

$(BUILD)/bench/%: test/bench/%.c $(wildcard test/bench/lib_*.c) $(BUILD)/libmedcore.a Makefile
	@mkdir -p $(@D)
	@echo "BENCH $<"
	@$(CC) $(TEST_CFLAGS) $(CFLAGS) $(DEPENDS) $(filter %.c,$^) -o $@ \
		$(BUILD)/libmedcore.a $(TEST_LIBS) -lm

## test: set up, build, then lint, unit, sanitised, fuzz corpora and integration tests
# Shuffled, so that those that wait run beside those that compute.
test: deps
	@$(MAKE) -j$(JOBS) all tests
	@test/lib/prove $(TEST_JOBS) --shuffle test/lint/*.t $(test_programs) test/integration/*/case.t

# Those that talk to a real server; the others speak for themselves.
redis_tests = $(shell grep -lE 'RedisServer|World|Trunks' test/integration/1[0-2]*/case.t) \
	$(patsubst %,$(BUILD)/test/unit/%,t_store_redis t_store_whole t_client)

## test-valkey: the tests of Redis again, with Valkey (Debian 13 has it)
test-valkey: deps
	@$(MAKE) -j$(JOBS) all tests
	@REDIS_SERVER=valkey-server test/lib/prove $(JOBS) $(redis_tests)

# Each for as long as is asked for; in `make test` they are short.
soak_tests = $(foreach n,103 107 110 113 215,$(wildcard test/integration/$(n)_*/case.t))

## soak: Redis killed, stopped, failed over and written to, the ng port fuzzed, SOAK_SECONDS (600) of each
SOAK_SECONDS ?= 600
soak: deps
	@$(MAKE) -j$(JOBS) all $(BUILD)/san/med-ng-policy
	@SOAK_SECONDS=$(SOAK_SECONDS) TEST_TIMEOUT=$$(($(SOAK_SECONDS) * 2 + 300)) \
		test/lib/prove 1 $(soak_tests)

# ---- coverage: medcore and its tests, made for gcov ----

cov_objects := $(core_sources:modules/%.c=$(BUILD)/coverage/%.o)
cov_programs := $(unit_names:%=$(BUILD)/coverage/test/%)

## coverage: which lines of medcore the unit tests run: a table; fails below its bound
coverage: deps
	@$(MAKE) -j$(JOBS) $(cov_programs)
	@test/lib/coverage $(BUILD)/coverage/medcore $(cov_programs)

$(BUILD)/coverage/medcore/%.o: modules/medcore/%.c
	@mkdir -p $(@D)
	@echo "CC   $< (coverage)"
	@$(CC) $(CORE_CFLAGS) -O0 -g --coverage -MMD -MP -MT $@ -c $< -o $@

$(BUILD)/coverage/libmedcore.a: $(cov_objects)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/coverage/test/%: test/unit/%.c $$($$*_with) $(BUILD)/coverage/libmedcore.a
	@mkdir -p $(@D)
	@echo "TEST $< (coverage)"
	@$(CC) $(TEST_CFLAGS) -O0 -g $(DEPENDS) $< $($*_with) -o $@ \
		$(BUILD)/coverage/libmedcore.a $(TEST_LIBS) --coverage

## check-memory: module and plugin under valgrind, with real calls; fails on an error of ours
check-memory: deps
	@$(MAKE) -j$(JOBS) all
	@TEST_TIMEOUT=900 test/lib/prove 1 test/memory/*.t

## test-fresh: the same set-up and build in a fresh Debian root of its own (minutes)
SUITE ?= bookworm
test-fresh:
	@test/setup/fresh-root $(SUITE)

## test-debian13: make test, and test-valkey, in a Debian 13 root of its own (needs root)
test-debian13:
	@test/setup/fresh-root --cached trixie JOBS=$(JOBS) test test-valkey

## deb: packages for Debian 12 and 13, each built in a clean root; DEBIANS=bookworm for one
DEBIANS ?= bookworm trixie
deb:
	@for suite in $(DEBIANS); do JOBS=$(JOBS) test/deb/build $$suite || exit 1; done

## test-deb: they are installed in stock systems, used, upgraded and purged (after make deb)
test-deb:
	@for suite in $(DEBIANS); do test/deb/test $$suite || exit 1; done

## docker: images of the packages, on a base made by debootstrap (after make deb)
DOCKER_SUITE ?= trixie
docker:
	@docker/build $(DOCKER_SUITE)

## test-docker: the system of docker/compose.yaml, in a dockerd of Debian's of its own
test-docker:
	@PYTHONPATH=test/lib PYTHONDONTWRITEBYTECODE=1 test/docker/case.t $(DOCKER_SUITE)

## objects-page: write modules/medcore/OBJECTS.md from the schema
objects-page: $(BUILD)/test/unit/t_schema
	@WRITE_OBJECTS=1 $<

## reference: write the module's README from modules/mediation/doc, and its page in build/
REFERENCE ?= modules/mediation/README
docbook := /usr/share/xml/docbook/stylesheet/docbook-xsl/html/docbook.xsl
reference:
	@mkdir -p $(BUILD)
	@xsltproc --nonet --xinclude --stringparam generate.toc "book toc" \
		--param toc.section.depth 2 --param section.autolabel 1 \
		--output $(BUILD)/mediation.html $(docbook) modules/mediation/doc/mediation.xml
	@lynx -dump -nolist -width=90 $(BUILD)/mediation.html >$(REFERENCE)

## lint: the rules of the design and of style alone
lint: all
	@test/lib/prove $(JOBS) test/lint/*.t

## bench: benchmarks, one line each; ONLY=<name> for one
bench: deps
	@$(MAKE) -j$(JOBS) all $(bench_names:%=$(BUILD)/bench/%)
	@test/lib/bench $(ONLY)

## fuzz: fuzz each parser for FUZZ_SECONDS (60), under clang; ONLY=<name> for one
FUZZ_SECONDS ?= 60
fuzz: $(if $(ONLY),$(BUILD)/fuzz/fuzz_$(ONLY),$(fuzz_names:%=$(BUILD)/fuzz/%))
	@for target in $^; do \
		name=$$(basename $$target); corpus=test/fuzz/corpus/$${name#fuzz_}; \
		mkdir -p $(BUILD)/fuzz/found/$$name; \
		echo "FUZZ $$name, $(FUZZ_SECONDS) s"; \
		$$target -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 \
			-verbosity=0 -print_pcs=0 \
			-artifact_prefix=$(BUILD)/fuzz/found/$$name/ \
			$(BUILD)/fuzz/found/$$name $$corpus || exit 1; \
	done

formatted = $(wildcard modules/*/*.[ch] rtpengine-plugin/*.[ch] test/*/*.[ch])
## format: rewrite C sources in the tree's style (.clang-format)
format:
	@clang-format -i $(formatted)

## install: module, medctl, plugin and configuration examples under DESTDIR (PREFIX=/usr)
install: all
	@test/setup/install "$(BUILD)" "$(DESTDIR)" "$(PREFIX)"
	@$(MAKE) -C rtpengine-plugin install DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)"

## clean: remove build/, Kamailio's headers excepted
clean:
	@find $(BUILD) -mindepth 1 -maxdepth 1 ! -name 'kamailio-src-*' -exec rm -rf {} + \
		2>/dev/null || true

## help: this list
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST)) | awk -F': ' \
		'{ printf "  make %-13s %s\n", $$1, substr($$0, length($$1) + 3) }'

-include $(wildcard $(BUILD)/medcore/*.d $(BUILD)/san/medcore/*.d \
	$(BUILD)/coverage/medcore/*.d $(BUILD)/coverage/test/.*.d \
	$(BUILD)/tools/*/*.d $(BUILD)/san/tools/*/*.d $(BUILD)/test/*/.*.d \
	$(BUILD)/bench/.*.d)
