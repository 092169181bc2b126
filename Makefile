# avld. The three commands a user needs: make run, make check, make install.
# BUILD=dir builds elsewhere, CC=clang with another compiler, SANITIZE=address,undefined with sanitizers,
# WERROR=1 turns warnings into errors (CI).

BUILD   ?= build
VERSION := $(shell cat VERSION)

CSTD     = -std=c17 -D_GNU_SOURCE
WARN     = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
           -Wundef -Wcast-qual -Wwrite-strings -Wpointer-arith $(if $(WERROR),-Werror)
CFLAGS  ?= -O2 -g
HARDEN   = -fno-strict-aliasing -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
SAN      = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
PKGS     = libpq libsystemd libxxhash libcares libmicrohttpd
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ALL_CFLAGS  = $(CSTD) $(WARN) $(CFLAGS) $(HARDEN) $(SAN) -Iinclude $(PKG_CFLAGS) -DAVLD_VERSION='"$(VERSION)"'
ALL_LDFLAGS = $(LDFLAGS) $(SAN)
LIBS        = $(PKG_LIBS) -lev -linih -lpthread -lm

SOURCES  := $(wildcard src/*.c src/decoders/*.c)
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/migrations.o
LIBRARY  := $(BUILD)/libavld.a
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

.PHONY: all unit clean
.DELETE_ON_ERROR:

all: $(BUILD)/avld

$(BUILD)/avld: $(BUILD)/obj/main.o $(LIBRARY)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(filter-out $(BUILD)/obj/main.o,$(OBJECTS))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/obj/%.o: src/%.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The SQL of the migrations, compiled in.
$(BUILD)/obj/migrations.o: $(BUILD)/migrations.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/migrations.c: src/sql/embed.sh $(wildcard src/sql/*.sql)
	@mkdir -p $(@D)
	sh src/sql/embed.sh src/sql/[0-9]*.sql > $@

$(BUILD)/tests/%: tests/unit/%.c $(LIBRARY) $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Itests/unit -MMD -MP -o $@ $< $(LIBRARY) -lcmocka $(LIBS)

unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

clean:
	rm -rf $(BUILD)/obj $(BUILD)/tests $(BUILD)/avld $(LIBRARY) $(BUILD)/migrations.c

-include $(OBJECTS:.o=.d)
-include $(UNIT:=.d)
