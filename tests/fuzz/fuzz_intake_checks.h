// SPDX-License-Identifier: MIT
// What is true of an intake's journal and counters, whatever its peers send: see fuzz_intake.c. And the clock, which stands
// still unless the input lets time pass.
#ifndef AVLD_FUZZ_INTAKE_CHECKS_H
#define AVLD_FUZZ_INTAKE_CHECKS_H

#include "fuzz_actions.h"

#include "intake/intake.h"
#include "intake/newcomers.h"
#include "util/clock.h"

#define FIRST_PORT 1000 /* of a peer; each conversation has the next one */
#define HELD_MOST  4096
#define START_US   INT64_C(1795342500000000) /* 2026-11-22 10:15 */

// What is held, as far as the journal says.
struct held {
	struct held_mark mark;
	bool resolved;
};

static const struct {
	const char *password, *secret;
} secrets[] = {
	{NULL, ""},
	{"1234", "sha256$x$173f384fc602c37de2fb7c2f882ab5cf3321341681b9d6ed9796accb2d3eed03"},
	{"AUTH", "sha256$x$5b40d39b3256fc6390bca1bcd7f834d2f1cfa3859537de786fd797a99efedd66"},
	{NULL, "of no form"},
};

static int64_t now_us;
static struct intake intake;
static struct config config;
static uint16_t next_port;                      /* of the next conversation */
static uint16_t shared_port;                    /* of the UDP sender or gateway at hand; 0: none */
static uint16_t changed_port;                   /* next_port at the newest change of a device */
static uint8_t said[ACTIONS_MOST + FIRST_PORT]; /* by port. Bit n: the password of secrets[n] */
static uint64_t read_up_to, reports_read, rejects_read;

static struct held held[HELD_MOST];
static size_t held_count;
static bool held_is_left; /* some of it, by a start without room for its results */

// ---- the clock

int64_t clock_utc_us(void)
{
	return now_us;
}

int64_t clock_monotonic_us(void)
{
	return now_us - START_US + 1000000;
}

uint32_t clock_coarse_s(void)
{
	return (uint32_t)(clock_monotonic_us() / 1000000);
}

uint32_t clock_coarse_ms(void)
{
	return (uint32_t)(clock_monotonic_us() / 1000);
}

// ---- checks

static void note_held(struct held_mark mark)
{
	for (size_t i = 0; i < held_count; i++)
		if (held[i].mark.key == mark.key && held[i].mark.number == mark.number)
			return;
	CHECK(held_count < HELD_MOST);
	held[held_count++] = (struct held){mark, false};
}

// Each is resolved once: alone, or with all of its key.
static void note_resolved(struct held_mark mark)
{
	bool resolves = false;

	for (size_t i = 0; mark.key && i < held_count; i++) {
		if (held[i].mark.key != mark.key ||
			(mark.number && held[i].mark.number != mark.number))
			continue;
		resolves |= !held[i].resolved;
		held[i].resolved = true;
	}
	CHECK(!mark.key || resolves);
}

static bool has_said_password(const struct peer *peer, const struct device *device)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (strcmp(device->secret, secrets[i].secret) == 0)
			return said[peer->port] >> i & 1;
	return false;
}

// What was held was admitted then. A photo was admitted when it began; it is checked if nothing has changed since then.
static void check_admitted(const struct entry *entry)
{
	const struct device *device = device_directory_find(intake.directory, entry->ident);

	if (!device || entry->mark.key ||
		(entry->kind == ENTRY_MEDIA && entry->peer.port < changed_port))
		return;
	CHECK(device->state != DEVICE_BLOCKED);
	CHECK(!device->networks || networks_contain(device->networks, entry->peer.address));
	CHECK(!device->decoder ||
		(device->decoder != DEVICE_NO_DECODER &&
			registry_decoders[device->decoder - 1] ==
				registry_find(entry->protocol.data, entry->protocol.len)));
	CHECK(!device->secret || has_said_password(&entry->peer, device));
}

// The device has a connection of its own. Reports that were on trial when it connected are not checked.
static void check_aside(const struct entry *entry)
{
	const struct device *device = device_directory_find(intake.directory, entry->ident);

	if (entry->peer.port == shared_port && device && device->live)
		CHECK(entry->body.flags & FLAG_ASIDE);
}

static void check_entry(const struct entry *entry)
{
	const bool is_own = entry->peer.port >= FIRST_PORT; // no filler, no summary

	if (entry->kind == ENTRY_REPORT || entry->kind == ENTRY_MEDIA)
		check_admitted(entry);
	if (entry->kind == ENTRY_REPORT)
		check_aside(entry);
	if (entry->kind == ENTRY_HELD)
		note_held(entry->mark);
	else if (entry->kind == ENTRY_MEDIA_PART)
		note_held((struct held_mark){.key = entry->part.key});
	else
		note_resolved(entry->mark);
	reports_read += entry->kind == ENTRY_REPORT;
	rejects_read += entry->kind == ENTRY_REJECT && is_own;
}

static inline void check_journal(void)
{
	struct journal_cursor cursor;
	struct entry entry;

	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		CHECK(entry_read(cursor.data, cursor.len, &entry));
		check_entry(&entry);
	}
	CHECK(cursor.lsn == journal_end(intake.journal));
	read_up_to = cursor.lsn;
	journal_cursor_done(&cursor);
}

static inline void check_counters(void)
{
	const struct intake_counters *counters = &intake.counters;
	uint64_t reports = 0, seen = 0;

	for (size_t i = 0; i < FRAME_COUNTS_PROTOCOLS * 2; i++) {
		const struct frame_counts_row *row = &intake.frames.rows[i / 2][i % 2];
		uint64_t outcomes = 0;
		for (size_t outcome = 0; outcome < FRAME_OUTCOMES; outcome++)
			outcomes += row->outcomes[outcome];
		CHECK(row->frames == outcomes);
		reports += row->reports;
		seen += row->frames;
	}
	CHECK(counters->reports == reports && counters->frames == seen);
	CHECK(counters->reports == counters->reports_journaled);
	CHECK(counters->reports_journaled == reports_read);
	CHECK(counters->rejects >= rejects_read);
	CHECK(counters->reports_decoded == counters->reports + counters->reports_refused +
						   newcomers_entries(intake.newcomers));
}

#endif
