# The targets users need: make run, make check, make deb, make install. make alone builds.
# make run, check, soak, engines, bench, deb and deps install missing packages with apt-get; make and make install never do.
#
#   BUILD=dir                   where to build                    CC=clang   another compiler
#   CFLAGS, CPPFLAGS, LDFLAGS   appended to avld's own flags      PKG_CONFIG=aarch64-linux-gnu-pkg-config   for a cross build
#   SANITIZE=address,undefined  build with sanitizers             WERROR=1   warnings are errors
#   PORT=9999                   the port of make run              V=1        show the commands
#   PREFIX=/usr/local sysconfdir=/etc localstatedir=/var DESTDIR=   where make install puts the files
#   ONLY="unit e2e"             parts of make check to run        FUZZ_SECONDS=60   time for each target of make fuzz
#   ONLY="h02 sniff entry"      targets of make fuzz to run: protocols, sniff, feed, entry, intake, ...
#   ONLY=feed,store,sql         parts of make bench to run        BENCH_ROUNDS=5    rounds per measurement
#   ONLY="bookworm trixie"      releases of make system
#   ONLY="hostile disk"         parts of make soak to run: tests/soak/test_NAME*.py
#   MAN_AVLD=program            the avld that describes itself for the manual pages; for a cross build, one that runs here

BUILD      ?= build
PORT       ?= 8888
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CFLAGS     ?= -O2 -g
FUZZ_SECONDS ?= 60
VERSION    := $(shell cat VERSION)

PREFIX        ?= /usr/local
prefix        ?= $(PREFIX)
bindir        ?= $(prefix)/bin
docdir        ?= $(prefix)/share/doc/avld
datadir       ?= $(prefix)/share
unitdir       ?= $(prefix)/lib/systemd/system
sysusersdir   ?= $(prefix)/lib/sysusers.d
sysctldir     ?= $(prefix)/lib/sysctl.d
mandir        ?= $(prefix)/share/man
completiondir ?= $(prefix)/share/bash-completion/completions
sysconfdir    ?= /etc
localstatedir ?= /var

# --- flags --------------------------------------------------------------------------------------------
# avld's own flags come first, so that those of the caller win. Variables defined by $(call once,...) run their command
# when they are first used: a make that builds nothing starts no compiler.

once = $(eval $(1) := $$(shell $(subst $$,$$$$,$(2))))$($(1))
hash := \#

ifeq ($(origin AR),default)
AR = $(shell $(CC) -print-prog-name=ar)
endif

PKGS       = libpq libsystemd libxxhash libcares libmicrohttpd libcrypto zlib
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   = $(call once,PKG_LIBS,$(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
LIBS       = $(PKG_LIBS) -lev -linih -lpthread -lm

# Options that not every compiler or processor has: CET (-fcf-protection) is for x86, branch protection for arm64.
HARDEN_TRIED = -fstack-protector-strong -fstack-clash-protection -fcf-protection -mbranch-protection=standard
HARDEN       = $(call once,HARDEN,for option in $(HARDEN_TRIED); do \
	$(CC) -Werror $$option -fsyntax-only -x c /dev/null 2>/dev/null && echo $$option; done)

# The level of _FORTIFY_SOURCE that compiler, libc and optimization allow: 3, 2 or 0. The sanitizers do its work better.
FORTIFY_LEVEL = $(call once,FORTIFY_LEVEL,printf '$(hash)include <features.h>\n__USE_FORTIFY_LEVEL\n' | \
	$(CC) $(CPPFLAGS) $(CFLAGS) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -E -P -x c - 2>/dev/null | tail -n 1)
FORTIFY = $(if $(SANITIZE)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))$(findstring -fsanitize=,$(CFLAGS)),,\
	$(addprefix -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=,$(filter 2 3,$(FORTIFY_LEVEL))))

# No path of this folder gets into the program: builds in different folders are byte-identical.
RELATIVE = -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(BUILD)=build

WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
       -Wundef -Wcast-qual -Wwrite-strings -Wpointer-arith -Wdate-time $(if $(WERROR),-Werror)
SAN  = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)

BASE_CFLAGS = -std=c17 -D_GNU_SOURCE -Iinclude -Isrc $(PKG_CFLAGS) -DAVLD_VERSION='"$(VERSION)"' \
              -DAVLD_CONFIG_FILE='"$(sysconfdir)/avld/avld.ini"'
ALL_CFLAGS  = $(BASE_CFLAGS) $(FORTIFY) $(CPPFLAGS) $(WARN) -fPIE -fno-strict-aliasing $(HARDEN) $(RELATIVE) $(CFLAGS) $(SAN)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDFLAGS) $(SAN)

SOURCES  := $(sort $(wildcard src/*.c src/*/*.c src/decoders/*/*.c))
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/migrations.o $(BUILD)/obj/map_files.o
LIBRARY  := $(BUILD)/libavld.a
TESTS    := $(wildcard tests/unit/*/test_*.c)
UNIT     := $(TESTS:tests/unit/%.c=$(BUILD)/tests/%)
# Tests that replace a function or table of the library.
OWN      := cli/test_decode feed/test_feed_limits feed/test_feed_probed intake/test_conversation intake/test_conversation_admission \
            intake/test_conversation_devices intake/test_hold intake/test_trace net/test_conn_addresses net/test_replies writer/test_writer_lookup
UNIT_OBJECTS := $(TESTS:tests/unit/%.c=$(BUILD)/obj/unit/%.o) $(BUILD)/obj/unit/main.o
FUZZ     := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
C_FILES   = $(SOURCES) $(wildcard include/*/*.h src/*/*.h src/decoders/*/*.h tests/unit/*.[ch] tests/unit/*/*.[ch] tests/fuzz/*.[ch] \
            tests/bench/*.[ch] tests/soak/*.c)

# $(call say,TEXT) prints a short line instead of the command; with V=1 make prints the command itself.
Q   = $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)')
# $(call quote,TEXT) is TEXT as one word of the shell.
quote = '$(subst ','\'',$(1))'

.PHONY: all deps run check bench soak engines deb system install uninstall unit unit-build format format-check cppcheck tidy layers \
	valgrind analyze clean
.DELETE_ON_ERROR:

PAGES := $(patsubst man/%.in,$(BUILD)/man/%,$(wildcard man/*.in))

all: $(BUILD)/avld $(PAGES)

deps:
	@tools/deps

run:
	@exec env BUILD='$(BUILD)' PORT='$(PORT)' MAKE='$(MAKE)' tools/run

check:
	@tools/deps $(or $(ONLY),check)
	@exec env BUILD='$(BUILD)' MAKE='$(MAKE)' ONLY='$(ONLY)' tests/run

# The long fault tests (about half an hour), and a table of their results.
soak:
	@tools/deps soak
	@$(MAKE) -s --no-print-directory $(BUILD)/avld
	@exec env AVLD_SOAK=full AVLD='$(abspath $(BUILD))/avld' PYTHONDONTWRITEBYTECODE=1 pg_virtualenv -t \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider $(or $(ONLY:%=tests/soak/test_%*.py),tests/soak)

# The schema on servers with Citus and TimescaleDB, which AVLD_CITUS and AVLD_TIMESCALEDB name: see CONTRIBUTING.md.
engines:
	@tools/deps engines
	@exec env BUILD='$(BUILD)' MAKE='$(MAKE)' ONLY=engines tests/run

# The Debian package, in $(BUILD)/deb.
deb:
	@tools/deps deb
	@BUILD='$(BUILD)' tools/deb

# Builds, installs, upgrades and removes the package on Debian 12 and 13, in a booted systemd. Needs root.
system:
	@tools/deps system
	@BUILD='$(BUILD)' tests/system/run $(ONLY)

# --- build --------------------------------------------------------------------------------------------

$(BUILD)/avld: $(BUILD)/obj/main.o $(LIBRARY)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(filter-out $(BUILD)/obj/main.o,$(OBJECTS))
	$(call say,AR  $@)
	@rm -f $@
	$(Q)$(AR) qcs $@ $^

# Checking an entry takes 18 ns instead of 26: gcc keeps xxhash's sums in registers only when it unrolls its loops.
$(BUILD)/obj/journal/journal_format.o: UNROLL = -funroll-loops

# The flags of the last build. Objects depend on it, so that all are rebuilt when a flag changes.
ALL_FLAGS = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)
# make install takes the program that make has built, whatever flags the environment of root has.
ifneq ($(filter-out deps run check soak engines bench deb system fuzz fuzz-build afl format format-check cppcheck tidy clean install uninstall,\
	$(or $(MAKECMDGOALS),all)),)
ifneq ($(strip $(file <$(BUILD)/flags)),$(strip $(ALL_FLAGS)))
$(BUILD)/flags: always
endif
endif
.PHONY: always

$(BUILD)/flags:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' CPPFLAGS=$(call quote,$(CPPFLAGS)) tools/libraries $(PKGS)
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(ALL_FLAGS)) >$@

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC  $<)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNROLL) -MMD -MP -c -o $@ $<

# The program describes itself for the manual pages.
MAN_AVLD ?= $(BUILD)/avld
$(PAGES) &: $(BUILD)/avld tools/man-pages $(wildcard man/*.in) conf/avld.ini README.md debian/changelog
	$(call say,MAN $(BUILD)/man)
	$(Q)tools/man-pages $(MAN_AVLD) $(BUILD)/man

# The SQL of the schema, compiled into the program.
$(BUILD)/obj/migrations.o: $(BUILD)/migrations.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC  $<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

SCHEMA_SQL = $(sort $(wildcard src/schema/sql/tables/*.sql)) $(sort $(wildcard src/schema/sql/functions/*.sql))
$(BUILD)/migrations.c: src/schema/embed.sh $(SCHEMA_SQL)
	@mkdir -p $(@D)
	$(Q)sh src/schema/embed.sh $(SCHEMA_SQL) > $@

# The page of avld map, compiled into the program.
$(BUILD)/obj/map_files.o: $(BUILD)/map_files.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC  $<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

MAP_FILES = src/cli/map/page.html src/cli/map/map.css src/cli/map/map.js
$(BUILD)/map_files.c: src/cli/map/embed.sh $(MAP_FILES)
	@mkdir -p $(@D)
	$(Q)sh src/cli/map/embed.sh $(MAP_FILES) > $@

$(BUILD)/obj/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC  $<)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_CFLAGS) $(if $(findstring /,$*),-Dmain=$(notdir $*)_main -Wno-missing-prototypes) -Itests/unit -MMD -MP \
		-c -o $@ $<

# $(call link_unit,LIBRARY) links the objects before it into one program.
link_unit = $(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -rdynamic -o $@ $(filter %.o,$^) $(1) -lcmocka $(LIBS)

# The tests of a room are one program, since linking takes longer than compiling; each test is a link to it, by whose name
# tests/unit/main.c calls its main function. With the whole library, a test that replaces a function or table of it does not
# link unless it is in OWN.
define unit_program
$(BUILD)/tests/$(1)/all: $(filter-out $(OWN:%=$(BUILD)/obj/unit/%.o),$(filter $(BUILD)/obj/unit/$(1)/%,$(UNIT_OBJECTS))) \
		$(BUILD)/obj/unit/main.o $(LIBRARY)
	@mkdir -p $$(@D)
	$$(call say,LD  $$@)
	$$(call link_unit,-Wl$$(comma)--whole-archive $(LIBRARY) -Wl$$(comma)--no-whole-archive)
$(filter-out $(OWN:%=$(BUILD)/tests/%),$(filter $(BUILD)/tests/$(1)/%,$(UNIT))): $(BUILD)/tests/$(1)/all
	@ln -sf all $$@
endef
comma := ,
$(foreach room,$(sort $(notdir $(patsubst %/,%,$(dir $(TESTS))))),$(eval $(call unit_program,$(room))))

$(OWN:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/obj/unit/%.o $(BUILD)/obj/unit/main.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(call link_unit,$(LIBRARY))

# libFuzzer brings main(); the library is built with SANITIZE=fuzzer-no-link,...
$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(LIBRARY)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(LIBRARY) $(LIBS)

# Programs for make bench, which builds them and the daemon in $(BUILD)/release, with the flags of an installed build.
$(BUILD)/bench/%: tests/bench/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(LIBRARY) $(LIBS)

-include $(OBJECTS:.o=.d)
-include $(UNIT_OBJECTS:.o=.d)
-include $(FUZZ:=.d)

clean:
	rm -rf $(BUILD)/obj $(BUILD)/tests $(BUILD)/avld $(LIBRARY) $(BUILD)/migrations.c $(BUILD)/map_files.c $(BUILD)/flags $(BUILD)/man \
		$(BUILD)/asan $(BUILD)/fuzz $(BUILD)/check \
		$(BUILD)/release $(BUILD)/bench $(BUILD)/deb

# --- single parts of make check -----------------------------------------------------------------------

unit-build: $(UNIT)

unit: unit-build
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

# The unit tests under valgrind: a few minutes, so it is no part of make check. Finds reads of uninitialized bytes, which
# the sanitizers of make check do not.
valgrind:
	@tools/deps unit instructions
	@$(MAKE) -s --no-print-directory unit-build
	@printf '%s\n' $(UNIT) | xargs -n 1 -P 2 sh -c 'output=$$(valgrind -q --leak-check=full --error-exitcode=99 \
		--errors-for-leak-kinds=definite --suppressions=tests/valgrind.supp "$$0" 2>&1) && echo "ok $$0" || { echo "$$output"; echo "not ok $$0"; exit 1; }'

# gcc 12's own analyzer, which takes three minutes of CPU time and is therefore no part of make check. Any finding is an
# error. In some files it reports no leaks, because it loses a pointer that is stored in a hash table of uthash, in a struct
# that a list is embedded in, or at an offset; LeakSanitizer and make valgrind find leaks there.
ANALYZE_NO_LEAKS = cli/redecode config/setting intake/memory_restore intake/newcomers model/device_directory \
	net/conn_addresses net/conn_outbox net/conn net/udp
analyze:
	@printf '%s\n' $(SOURCES) | xargs -n 1 -P 2 sh -c 'case " $(ANALYZE_NO_LEAKS:%=src/%.c) " in \
		*" $$0 "*) no_leaks=-Wno-analyzer-malloc-leak ;; esac; \
		$(CC) $(subst ','\'',$(BASE_CFLAGS)) -O1 -fanalyzer -Werror $$no_leaks -c -o /dev/null "$$0"'

.PHONY: fuzz fuzz-build fuzzers afl

# Builds in $(BUILD)/fuzz, always with clang.
fuzz-build:
	@$(MAKE) -s --no-print-directory BUILD='$(BUILD)/fuzz' CC=clang SANITIZE=fuzzer-no-link,address,undefined fuzzers

fuzzers: $(FUZZ)

# AFL++ (package afl++) over the feed for FUZZ_SECONDS, continuing where the last run ended. An input that fails is left in
# $(BUILD)/afl/out/default/crashes; keep it as those of tests/fuzz/run.
afl:
	@$(MAKE) -s --no-print-directory BUILD='$(BUILD)/afl' CC=afl-clang-fast SANITIZE=address,undefined '$(BUILD)/afl/fuzz_feed'
	@tests/fuzz/make_seeds '$(BUILD)/afl/seeds'
	@AFL_AUTORESUME=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 afl-fuzz -t 5000 -V $(FUZZ_SECONDS) \
		-i '$(BUILD)/afl/seeds/feed' -o '$(BUILD)/afl/out' -- '$(BUILD)/afl/fuzz_feed'

fuzz: fuzz-build
	@BUILD='$(BUILD)/fuzz' ONLY='$(ONLY)' tests/fuzz/run $(FUZZ_SECONDS)

bench:
	@tools/deps bench
	@$(MAKE) -s --no-print-directory -j2 BUILD='$(BUILD)/release' CFLAGS='-O2 -g' \
		'$(BUILD)/release/avld' '$(BUILD)/release/bench/pipeline' '$(BUILD)/release/bench/sniff' \
		'$(BUILD)/release/bench/read_loop'
	@BUILD='$(BUILD)/release' ONLY='$(ONLY)' tests/bench/start

format:
	clang-format -i $(C_FILES)

format-check:
	@clang-format --dry-run -Werror $(C_FILES)

# The suppressed checks raise false alarms; the compilers' own warnings cover them.
cppcheck:
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance --inline-suppr --error-exitcode=1 -j 2 \
		--suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck \
		--suppress=nullPointerArithmeticRedundantCheck --suppress=uninitvar \
		-Iinclude -Isrc -D_GNU_SOURCE -DAVLD_VERSION='"$(VERSION)"' \
		-D'HASH_ITER(hh,head,el,tmp)=while (((el) = (head)))' $(SOURCES)

# One file at a time: for several, some checks of the analyzer know only the first one's functions.
tidy:
	@printf '%s\n' $(SOURCES) | xargs -n $(or $(TIDY_FILES),1) -P 2 sh -c 'clang-tidy --quiet $(TIDY_CHECKS) "$$@" -- $(subst ','\'',$(BASE_CFLAGS)) $(TIDY_FLAGS)' tidy

layers: $(BUILD)/avld
	@BUILD='$(BUILD)' tests/layers

# --- installation -------------------------------------------------------------------------------------

settings = $(sysconfdir)/avld/avld.ini
docs    := $(sort $(wildcard docs/*.md docs/*/*.md))
fill     = sed -e 's|@bindir@|$(bindir)|g' -e 's|@sysconfdir@|$(sysconfdir)|g' -e 's|@localstatedir@|$(localstatedir)|g' \
           -e 's|@docdir@|$(docdir)|g'

# Copies files. With DESTDIR (for a package) it touches nothing outside DESTDIR; without, tools/install-settings also
# creates the user and reloads systemd.
install: $(BUILD)/avld $(PAGES)
	$(INSTALL) -D -m 755 $(BUILD)/avld $(DESTDIR)$(bindir)/avld
	$(INSTALL) -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusersdir)
	$(fill) -e 's|@title@||; s|@name@|avld|; s|@state@|avld|' systemd/avld.service >$(DESTDIR)$(unitdir)/avld.service
	$(fill) -e 's|@title@| (%i)|; s|@name@|%i|; s|@state@|avld/%i|' systemd/avld.service >$(DESTDIR)$(unitdir)/avld@.service
	$(fill) systemd/avld.sysusers >$(DESTDIR)$(sysusersdir)/avld.conf
	chmod 644 $(DESTDIR)$(unitdir)/avld.service $(DESTDIR)$(unitdir)/avld@.service $(DESTDIR)$(sysusersdir)/avld.conf
	$(INSTALL) -D -m 644 systemd/avld.sysctl $(DESTDIR)$(sysctldir)/30-avld.conf
	$(INSTALL) -D -m 644 completion/avld.bash $(DESTDIR)$(completiondir)/avld
	@for page in $(PAGES); do \
		target=$(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; \
		[ ! -e $$page ] || { $(INSTALL) -d $${target%/*} && $(fill) $$page >$$target && chmod 644 $$target; } || exit; done
	$(INSTALL) -d $(DESTDIR)$(docdir)
	$(INSTALL) -m 644 README.md LICENSE conf/avld.ini $(DESTDIR)$(docdir)
	$(INSTALL) -d $(DESTDIR)$(datadir)/avld/prometheus $(DESTDIR)$(datadir)/avld/grafana
	$(INSTALL) -m 644 conf/prometheus/avld.rules.yml $(DESTDIR)$(datadir)/avld/prometheus
	$(INSTALL) -m 644 conf/grafana/avld.json conf/grafana/avld-fleet.json $(DESTDIR)$(datadir)/avld/grafana
	@for page in $(docs); do $(INSTALL) -D -m 644 $$page $(DESTDIR)$(docdir)/$$page || exit; done
	@DESTDIR='$(DESTDIR)' localstatedir='$(localstatedir)' tools/install-settings \
		conf/avld.ini '$(DESTDIR)$(sysusersdir)/avld.conf' '$(DESTDIR)$(settings)'

uninstall:
	rm -f $(DESTDIR)$(bindir)/avld $(DESTDIR)$(unitdir)/avld.service $(DESTDIR)$(unitdir)/avld@.service \
		$(DESTDIR)$(sysusersdir)/avld.conf $(DESTDIR)$(sysctldir)/30-avld.conf $(DESTDIR)$(completiondir)/avld
	rm -f $(foreach page,$(notdir $(PAGES)),$(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(page)))/$(page))
	rm -rf $(DESTDIR)$(docdir)/docs $(DESTDIR)$(datadir)/avld
	rm -f $(addprefix $(DESTDIR)$(docdir)/,README.md LICENSE avld.ini)
	-rmdir $(DESTDIR)$(docdir)
	@echo 'kept: $(DESTDIR)$(settings), $(localstatedir)/lib/avld (journal), the user avld and the database'
