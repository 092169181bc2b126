# avld. The three commands a user needs: make run, make check, make install.
# All of them, and make deps, install what is missing with apt-get first; make alone only builds.
#
#   BUILD=dir    builds elsewhere                         CC=clang  with another compiler
#   SANITIZE=address,undefined  with sanitizers           WERROR=1  warnings are errors
#   PORT=9999    the port of make run                     V=1       shows the commands
#   PREFIX=/usr/local DESTDIR=  where make install puts things
#   ONLY="unit e2e"  the parts of make check to run    FUZZ_SECONDS=60  of make fuzz, each fuzzer
#   ONLY=feed,store,sql  the parts of make bench        BENCH_ROUNDS=5   how often each is measured

BUILD   ?= build
PREFIX  ?= /usr/local
PORT    ?= 8888
FUZZ_SECONDS ?= 60
VERSION := $(shell cat VERSION)

CSTD     = -std=c17 -D_GNU_SOURCE
WARN     = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
           -Wundef -Wcast-qual -Wwrite-strings -Wpointer-arith $(if $(WERROR),-Werror)
CFLAGS  ?= -O2 -g
HARDEN   = -fno-strict-aliasing -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
SAN      = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
PKGS     = libpq libsystemd libxxhash libcares libmicrohttpd
PKG_OK     := $(shell pkg-config --exists $(PKGS) 2>/dev/null && echo yes)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
BASE_CFLAGS = $(CSTD) -Iinclude -Isrc $(PKG_CFLAGS) -DAVLD_VERSION='"$(VERSION)"'
ALL_CFLAGS  = $(BASE_CFLAGS) $(WARN) $(CFLAGS) $(HARDEN) $(SAN)
ALL_LDFLAGS = $(LDFLAGS) $(SAN)
LIBS        = $(PKG_LIBS) -lev -linih -lpthread -lm

SOURCES  := $(wildcard src/*.c src/*/*.c src/decoders/*/*.c)
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/migrations.o
LIBRARY  := $(BUILD)/libavld.a
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/test_*.c))
FUZZ     := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
C_FILES   = $(SOURCES) $(wildcard include/*/*.h src/*/*.h src/decoders/*/*.h tests/unit/*.h tests/unit/*/*.[ch] tests/fuzz/*.[ch] \
            tests/bench/*.[ch] tests/soak/*.c)

# $(call say,WHAT) shows one short line for a command; with V=1 the command shows itself.
Q   = $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)')

.PHONY: all deps run check bench soak install uninstall unit unit-build format format-check cppcheck tidy layers clean
.DELETE_ON_ERROR:

all: $(BUILD)/avld

deps:
	@tools/deps

run:
	@exec env BUILD='$(BUILD)' PORT='$(PORT)' MAKE='$(MAKE)' tools/run

check:
	@tools/deps build run check
	@exec env BUILD='$(BUILD)' MAKE='$(MAKE)' ONLY='$(ONLY)' tests/run

# Every fault, for long (about half an hour), and a table of what came of it.
soak:
	@tools/deps build run check
	@$(MAKE) -s --no-print-directory $(BUILD)/avld
	@exec env AVLD_SOAK=full AVLD='$(abspath $(BUILD))/avld' PYTHONDONTWRITEBYTECODE=1 pg_virtualenv -t \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/soak

# --- build --------------------------------------------------------------------------------------------

$(BUILD)/avld: $(BUILD)/obj/main.o $(LIBRARY)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(filter-out $(BUILD)/obj/main.o,$(OBJECTS))
	$(call say,AR  $@)
	@rm -f $@
	$(Q)$(AR) qcs $@ $^

# The check of an entry, 18 ns in place of 26: gcc keeps what xxhash sums up in registers only when it unrolls its loops.
$(BUILD)/obj/journal/journal_format.o: UNROLL = -funroll-loops

$(BUILD)/obj/%.o: src/%.c Makefile VERSION
	$(if $(PKG_OK),,$(error libraries are missing. 'make deps' installs them; README.md names them))
	@mkdir -p $(@D)
	$(call say,CC  $<)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNROLL) -MMD -MP -c -o $@ $<

# The SQL of the schema, compiled in.
$(BUILD)/obj/migrations.o: $(BUILD)/migrations.c Makefile
	@mkdir -p $(@D)
	$(call say,CC  $<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

SCHEMA_SQL = $(sort $(wildcard src/schema/sql/tables/*.sql)) $(sort $(wildcard src/schema/sql/functions/*.sql))
$(BUILD)/migrations.c: src/schema/embed.sh $(SCHEMA_SQL)
	@mkdir -p $(@D)
	$(Q)sh src/schema/embed.sh $(SCHEMA_SQL) > $@

$(BUILD)/tests/%: tests/unit/%.c $(LIBRARY) $(wildcard tests/unit/*.h tests/unit/*/*.h)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Itests/unit -MMD -MP -o $@ $< $(LIBRARY) -lcmocka $(LIBS)

# libFuzzer's own main; the library is built with SANITIZE=fuzzer-no-link,...
$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(LIBRARY)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(LIBRARY)

# What measures. make bench builds it, and the daemon, into $(BUILD)/release as they are installed.
$(BUILD)/bench/%: tests/bench/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(LIBRARY) $(LIBS)

-include $(OBJECTS:.o=.d)
-include $(UNIT:=.d)
-include $(FUZZ:=.d)

clean:
	rm -rf $(BUILD)/obj $(BUILD)/tests $(BUILD)/avld $(LIBRARY) $(BUILD)/migrations.c \
		$(BUILD)/clang $(BUILD)/asan $(BUILD)/fuzz $(BUILD)/check \
		$(BUILD)/release $(BUILD)/bench

# --- single parts of make check -----------------------------------------------------------------------

unit-build: $(UNIT)

unit: unit-build
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

.PHONY: fuzz fuzz-build fuzzers

# Into $(BUILD)/fuzz, with clang, whatever CC is.
fuzz-build:
	@$(MAKE) -s --no-print-directory BUILD='$(BUILD)/fuzz' CC=clang SANITIZE=fuzzer-no-link,address,undefined fuzzers

fuzzers: $(FUZZ)

fuzz: fuzz-build
	@BUILD='$(BUILD)/fuzz' tests/fuzz/run $(FUZZ_SECONDS)

bench:
	@tools/deps build run check bench
	@$(MAKE) -s --no-print-directory -j2 BUILD='$(BUILD)/release' CFLAGS='-O2 -g' \
		'$(BUILD)/release/avld' '$(BUILD)/release/bench/pipeline'
	@BUILD='$(BUILD)/release' ONLY='$(ONLY)' tests/bench/start

format:
	clang-format -i $(C_FILES)

format-check:
	@clang-format --dry-run -Werror $(C_FILES)

# Off: what it sees wrongly where the compilers' own warnings see right.
cppcheck:
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance --inline-suppr --error-exitcode=1 -j 2 \
		--suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck \
		--suppress=nullPointerArithmeticRedundantCheck --suppress=uninitvar \
		-Iinclude -Isrc -D_GNU_SOURCE -DAVLD_VERSION='"$(VERSION)"' \
		-D'HASH_ITER(hh,head,el,tmp)=while (((el) = (head)))' $(SOURCES)

tidy:
	@printf '%s\n' $(SOURCES) | xargs -n 1 -P 2 sh -c 'clang-tidy --quiet "$$0" -- $(subst ','\'',$(BASE_CFLAGS))'

layers: $(BUILD)/avld
	@BUILD='$(BUILD)' tests/layers

# --- installation -------------------------------------------------------------------------------------

bin      = $(DESTDIR)$(PREFIX)/bin
doc      = $(DESTDIR)$(PREFIX)/share/doc/avld
unit     = $(DESTDIR)$(PREFIX)/lib/systemd/system
sysusers = $(DESTDIR)$(PREFIX)/lib/sysusers.d
sysctl   = $(DESTDIR)$(PREFIX)/lib/sysctl.d
etc      = $(DESTDIR)/etc/avld

# With DESTDIR (a package is made) nothing of this machine is touched but DESTDIR.
install:
	@$(if $(DESTDIR),,tools/deps build)
	@$(MAKE) -s --no-print-directory $(BUILD)/avld
	install -D -m 755 $(BUILD)/avld $(bin)/avld
	sed 's|@PREFIX@|$(PREFIX)|g' systemd/avld.service | install -D -m 644 /dev/stdin $(unit)/avld.service
	install -D -m 644 systemd/avld.sysusers $(sysusers)/avld.conf
	install -D -m 644 systemd/avld.sysctl $(sysctl)/30-avld.conf
	install -D -m 644 -t $(doc) README.md LICENSE
	install -D -m 644 conf/avld.ini $(doc)/avld.ini
	@DESTDIR='$(DESTDIR)' tools/install-settings conf/avld.ini $(sysusers)/avld.conf $(etc)/avld.ini

uninstall:
	rm -f $(bin)/avld $(unit)/avld.service $(sysusers)/avld.conf $(sysctl)/30-avld.conf \
		$(doc)/README.md $(doc)/LICENSE $(doc)/avld.ini
	-rmdir $(doc)
	@echo 'kept: $(etc) (settings), /var/lib/avld (journal), the user avld, the database'
