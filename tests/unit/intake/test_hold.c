// SPDX-License-Identifier: MIT
// What is held survives the end of the process: after each single entry the journal is cut, as kill -9 leaves it, and a
// second process restores it. Everything held is resolved exactly once, whether its tracker comes back or not.
#include "decoders/decoders.h"
#include "feed/registry_decoders.h"
#include "folder.h"
#include "intake/conversation.h"
#include "intake/memory_restore.h"
#include "intake/orphans.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/uthash_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// ---- a decoder that holds everything that can be held
//
//   !I<ident>[,<password>] LF          log-in
//   !R<letter> LF                      a report; the reference of frames with this letter
//   !H<letter><text> LF                a report once its reference has arrived; held until then. !H<letter>*<ident> LF shows
//                                      whose it is, if that is not known, when frames are tried again
//   !M<id>,<number>,<count>,<text> LF  part of a message, 7D escaped; the message: a letter for each report, x: a bad one
//   !O<parts>  !D<part>,<text> LF      announces a photo; a part of it
//   !N<ident>,<text> LF                log-in and four reports in one frame
//
// and one that has no tracker: ? LF

struct memory {
	bool seen[26];
};

static enum probe holding_probe(const uint8_t *data, size_t len, bool datagram)
{
	(void)len;
	(void)datagram;
	return data[0] == '!' ? PROBE_YES : PROBE_NO;
}

static struct frame holding_frame(struct session *session, const uint8_t *data, size_t len)
{
	const char *start = session->decoder->name[0] == 'f' ? "?" : "!";
	const uint8_t *end = memchr(data, '\n', len);
	if (data[0] != (uint8_t)*start)
		return (struct frame){FRAME_BAD, 1};
	return end ? (struct frame){FRAME_OK, (size_t)(end - data) + 1}
		   : (struct frame){FRAME_MORE, len + 1};
}

static void report(const struct session *session, const void *data, size_t len, struct decoded *out)
{
	struct report *report = decoded_report(out, session);
	char *copy = (char *)decoded_arena(out, len);
	assert_non_null(report);
	memcpy(copy, data, len);
	report->key = report->raw = (struct text){copy, len};
	report_set_time(report, INT64_C(1795342500000000));
}

static void retry(struct session *session, struct decoded *out)
{
	const struct memory *memory = device_memory_block(session);
	for (uint32_t i = 0; memory && i < held_frames_count(session);) {
		const struct text text = held_frames_text(session->held, i);
		if (memory->seen[text.data[2] - 'a']) {
			report(session, text.data, text.len, out);
			held_frames_resolve(session->held, i, out);
		} else {
			i++;
		}
	}
}

static enum decode_status decode_message(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	unsigned id, number, count;
	int at;
	assert_int_equal(sscanf((const char *)data, "!M%u,%u,%u,%n", &id, &number, &count, &at), 3);
	const struct text share = decoded_undo_7d(out, data + at, len - (size_t)at - 1);
	const struct message_part part = {
		id, count, number, (const uint8_t *)share.data, share.len, data, len};
	struct text whole;
	switch (message_add(session, &part, out, &whole)) {
	case MESSAGE_HELD:
		return DECODE_OK;
	case MESSAGE_REFUSED:
		out->detail = "message: refused";
		return DECODE_DETAIL;
	case MESSAGE_WHOLE:
		break;
	}
	if (memchr(whole.data, 'x', whole.len)) {
		out->detail = "x";
		return DECODE_BAD_VALUE;
	}
	for (size_t i = 0; i < whole.len; i++)
		report(session, whole.data + i, 1, out);
	return DECODE_OK;
}

static enum decode_status decode_photo(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const struct photo_plan plan = {"audio/mpeg", 0, (uint32_t)atoi((const char *)data + 2), 1};
	if (data[1] == 'O') {
		report(session, data, len, out);
		photo_open(session, &out->reports[0], &plan);
		return DECODE_OK;
	}
	if (!session->photo)
		return DECODE_UNKNOWN;
	session->photo->received_us = session->received_us;
	photo_add_part(session->photo, (uint32_t)atoi((const char *)data + 2), data + 4,
		(uint32_t)len - 5);
	if (photo_missing(session->photo) == session->photo->parts)
		photo_end(session);
	return DECODE_OK;
}

static enum decode_status log_in(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const uint8_t *comma = memchr(data, ',', len);
	if (comma)
		decoded_password(out, comma + 1, len - (size_t)(comma - data) - 1);
	return session_set_ident(session, data, comma ? (size_t)(comma - data) : len)
		       ? DECODE_OK
		       : DECODE_BAD_VALUE;
}

static enum decode_status holding_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	static const uint32_t marks[2];
	struct memory *memory;
	switch (data[1]) {
	case 'I':
		return log_in(session, data + 2, len - 3, out);
	case 'R':
		report(session, data, len, out);
		if ((memory = device_memory_block(session)))
			memory->seen[data[2] - 'a'] = true;
		retry(session, out);
		return DECODE_OK;
	case 'N':
		session_set_ident(session, data + 2, strcspn((const char *)data + 2, ","));
		for (int i = 0; i < 4; i++)
			report(session, data, len, out);
		return DECODE_OK;
	case 'H':
		if (!held_frames_add(session, "held: no reference", marks, data, len))
			return DECODE_UNKNOWN;
		retry(session, out);
		return DECODE_OK;
	case 'M':
		return decode_message(session, data, len, out);
	default:
		return decode_photo(session, data, len, out);
	}
}

static void holding_wake(struct session *session, int64_t last_us, struct decoded *out)
{
	(void)last_us;
	if (session->ident_len == 0 && held_frames_count(session) > 0) {
		const struct text text = held_frames_text(session->held, 0);
		if (text.data[3] == '*')
			session_set_ident(session, text.data + 4, text.len - 5);
	}
	retry(session, out);
}

static const struct decoder holding = {.name = "holding",
	.probe = holding_probe,
	.frame = holding_frame,
	.decode = holding_decode,
	.device_size = sizeof(struct memory),
	.wake = holding_wake};

static enum probe foreign_probe(const uint8_t *data, size_t len, bool datagram)
{
	(void)len;
	(void)datagram;
	return data[0] == '?' ? PROBE_YES : PROBE_NO;
}

static enum decode_status foreign_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	(void)session;
	(void)data;
	(void)len;
	(void)out;
	return DECODE_FOREIGN;
}

static const struct decoder foreign = {.name = "foreign",
	.probe = foreign_probe,
	.frame = holding_frame,
	.decode = foreign_decode};

const struct decoder *const registry_decoders[] = {&holding, &foreign, NULL};

// ---- a process

static struct intake intake;
static struct config config;
static struct conversation_transport transport;
static char folder[64], copy[80];
static uint64_t max_size = 4 << 20;

static bool on_send(struct conversation_transport *of, struct conversation *c, const uint8_t *data,
	size_t len, uint64_t lsn)
{
	(void)of;
	(void)c;
	(void)data;
	(void)len;
	(void)lsn;
	return true;
}

static void on_displaced(struct conversation *conversation)
{
	conversation_end(&transport, conversation, NULL, 0, "device connected again");
}

static void start(const char *dir)
{
	static char error[JOURNAL_ERROR_SIZE];
	const struct journal_options options = {
		.dir = dir, .segment_size = 1 << 20, .max_size = max_size};

	log_set_level(LOG_LEVEL_ERROR);
	config = (struct config){.server = {.protocols = DECODERS_ALL},
		.journal = {.sync = SYNC_OFF},
		.media = {.photos = true}};
	intake = (struct intake){.config = &config,
		.journal = journal_open(&options, NULL, NULL, error),
		.directory = device_directory_new(),
		.memory = device_memory_new(100)};
	assert_non_null(intake.journal);
	transport = (struct conversation_transport){
		.intake = &intake, .send = on_send, .displace = on_displaced};
	memory_restore_devices(&intake);
	assert_true(intake_wait_for_room(&intake));
}

// Ends the process without a word. The journal is closed in order: a copy made before is what kill -9 leaves.
static void stop(void)
{
	orphans_free(&intake);
	assert_null(intake.holds.first);
	assert_int_equal(intake.messages.bytes, 0);
	assert_int_equal(intake.photos.bytes, 0);
	journal_close(intake.journal);
	device_directory_free(intake.directory);
	device_memory_free(intake.memory);
}

static void begin(struct conversation *c, uint16_t port)
{
	const struct peer peer = {.address = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = port};
	conversation_begin(&transport, c, &peer);
}

static void give(struct conversation *c, const char *text)
{
	c->feed.session.received_us = clock_utc_us();
	assert_true(intake_has_room(&intake));
	assert_int_equal(
		conversation_feed(&transport, c, (const uint8_t *)text, strlen(text)).state,
		CONVERSATION_OPEN);
}

static void lose(struct conversation *c)
{
	hold_end(&intake.holds, intake.journal, &c->hold);
	feed_done(&c->feed);
	free(c->named);
	free(c->credential);
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[512];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

// ---- what the journal holds

struct counted {
	struct held_mark mark;
	unsigned held, resolved;
	UT_hash_handle hh;
};

struct summary {
	struct counted *tallies;
	size_t marks, unresolved, twice, rejects, reports, released, media, incomplete;
	char text[65536]; /* raw bytes of reports, each once, and of rejects, each time */
	char photo[256];  /* bytes of the newest photo */
};

static struct counted *tally_of(struct summary *summary, struct held_mark mark)
{
	struct counted *tally;
	HASH_FIND(hh, summary->tallies, &mark, sizeof(mark), tally);
	if (!tally) {
		tally = calloc(1, sizeof(*tally));
		tally->mark = mark;
		HASH_ADD(hh, summary->tallies, mark, sizeof(mark), tally);
	}
	return tally;
}

static void add_text(struct summary *summary, const char *kind, struct text raw, bool once)
{
	char line[256];
	int len = (int)raw.len;
	if (len > 100)
		return; // padding
	while (len > 0 && raw.data[len - 1] == '\n')
		len--;
	snprintf(line, sizeof(line), "%s %.*s\n", kind, len, raw.data);
	if (!once || !strstr(summary->text, line))
		strcat(summary->text, line);
}

static void add_entry(struct summary *s, const struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_HELD:
		tally_of(s, entry->mark)->held++;
		return;
	case ENTRY_MEDIA_PART:
		tally_of(s, (struct held_mark){.key = entry->part.key})->held++;
		return;
	case ENTRY_REPORT:
		s->reports++;
		add_text(s, "report", entry->raw, true);
		break;
	case ENTRY_REJECT:
		s->rejects++;
		add_text(s, "reject", entry->raw, false);
		break;
	case ENTRY_MEDIA:
		s->media++;
		s->incomplete += !(entry->media.flags & MEDIA_COMPLETE);
		snprintf(s->photo, sizeof(s->photo), "%.*s", (int)entry->raw.len, entry->raw.data);
		return;
	default:
		s->released += entry->kind == ENTRY_RELEASED;
		break;
	}
	if (entry->mark.key)
		tally_of(s, entry->mark)->resolved++;
}

static void summarise(struct summary *s)
{
	struct journal_cursor cursor;
	struct entry entry;
	struct counted *tally, *next;

	*s = (struct summary){0};
	journal_cursor_init(&cursor, intake.journal, 0);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		add_entry(s, &entry);
	}
	journal_cursor_done(&cursor);
	HASH_ITER(hh, s->tallies, tally, next)
	{
		const struct held_mark key = {.key = tally->mark.key};
		const struct counted *whole;
		unsigned resolved = tally->resolved;
		HASH_FIND(hh, s->tallies, &key, sizeof(key), whole);
		if (whole && whole != tally)
			resolved += whole->resolved;
		s->marks += tally->held > 0;
		s->unresolved += tally->held > 0 && resolved == 0;
		s->twice += resolved > 1;
	}
	HASH_ITER(hh, s->tallies, tally, next)
	{
		HASH_DEL(s->tallies, tally);
		free(tally);
	}
}

// ---- the tests

static int set_up(void **state)
{
	(void)state;
	max_size = 4 << 20;
	assert_true(folder_new(folder, sizeof(folder), "hold"));
	snprintf(copy, sizeof(copy), "%s.copy", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	shell("rm -rf %s %s", folder, copy);
	return 0;
}

// One day of two trackers and of one without a name.
static void live(struct conversation *a, struct conversation *b, struct conversation *c)
{
	begin(a, 1);
	begin(b, 2);
	begin(c, 3);
	give(c, "!Hanonymous\n");
	give(a, "!Ione\n!Rb\n");
	give(a, "!Hafirst\n!Hbat once\n!Hcnever\n");
	give(b, "!Itwo\n!M7,2,3,de\n");
	give(b, "!O3\n!D1,zwei\n!D0,eins\n");
	give(b, "!M8,1,2,x\n!M8,2,2,y\n!M7,1,3,ab\x7d\x02\n");
	give(a, "!Ra\n");
	give(b, "!M7,3,3,fg\n!D2,drei\n!M9,1,2,h\n!O2\n!D0,vier\n");
	give(a, "!Hdlast\n");
}

static size_t list_entries(uint64_t *lsns, size_t most)
{
	struct journal_cursor cursor;
	size_t count = 0;
	uint64_t before = 0;

	journal_cursor_init(&cursor, intake.journal, 0);
	while (journal_cursor_next(&cursor)) {
		before = cursor.map_first + (uint64_t)(cursor.data - cursor.map) -
			 JOURNAL_ENTRY_HEADER;
		assert_true(count < most);
		lsns[count++] = before;
	}
	journal_cursor_done(&cursor);
	return count;
}

// Cuts the copied journal before this LSN. Its only segment begins at LSN 0.
static void cut(uint64_t lsn)
{
	shell("cp -r %s/. %s && truncate -s %llu %s/0000000000000000.seg && "
	      "truncate -s 1M %s/0000000000000000.seg",
		folder, copy, (unsigned long long)lsn, copy, copy);
}

static void expire(void)
{
	for (int i = 0; i < 200 && orphans_count(&intake) > 0; i++)
		orphans_expire(&intake, clock_utc_us() + 2 * FEED_HOLD_US);
	assert_int_equal(orphans_count(&intake), 0);
}

static void check_resolved(void)
{
	struct summary s;
	summarise(&s);
	assert_int_equal(s.unresolved, 0);
	assert_int_equal(s.twice, 0);
}

// Does what a process does after a start: with the trackers, or without.
static void go_on(bool come_back)
{
	struct conversation a, b;

	if (come_back) {
		begin(&a, 11);
		begin(&b, 12);
		give(&a, "!Ione\n!Ra\n!Rd\n");
		give(&b, "!Itwo\n!M9,2,2,i\n");
		conversation_end(&transport, &a, NULL, 0, "bye");
		conversation_end(&transport, &b, NULL, 0, "bye");
	}
	expire();
}

static void cut_everywhere(bool come_back)
{
	static uint64_t lsns[200];
	struct conversation a, b, c;

	start(folder);
	live(&a, &b, &c);
	const size_t count = list_entries(lsns, 200);
	assert_true(count > 20);
	shell("mkdir %s && cp -r %s/. %s", copy, folder, copy);
	shell("mv %s %s.live", copy, folder);
	lose(&a);
	lose(&b);
	lose(&c);
	stop();
	shell("rm -rf %s && mv %s.live %s && mkdir %s", folder, folder, folder, copy);
	for (size_t i = 0; i < count; i++) {
		cut(lsns[i]);
		start(copy);
		go_on(come_back);
		check_resolved();
		stop();
		start(copy); // nothing is restored a second time
		assert_int_equal(orphans_count(&intake), 0);
		check_resolved();
		stop();
		shell("rm -rf %s/*", copy);
	}
}

static void a_kill_after_any_entry_loses_and_doubles_nothing(void **state)
{
	(void)state;
	cut_everywhere(false);
}

static void a_kill_after_any_entry_and_trackers_that_return(void **state)
{
	(void)state;
	cut_everywhere(true);
}

// Starts a process with what `live` left when it was killed.
static void start_after_kill(void)
{
	struct conversation a, b, c;

	start(folder);
	live(&a, &b, &c);
	shell("mkdir %s && cp -r %s/. %s", copy, folder, copy);
	lose(&a);
	lose(&b);
	lose(&c);
	stop();
	start(copy);
}

static void what_is_restored_gets_its_results(void **state)
{
	(void)state;
	struct summary s;
	start_after_kill();
	assert_int_equal(orphans_count(&intake), 3);
	go_on(true);
	summarise(&s);
	assert_string_equal(s.text, "report !Rb\n"
				    "report !Hbat once\n"
				    "report !O3\n"
				    "reject !M8,2,2,y\n"
				    "reject !M8,1,2,x\n"
				    "report !Ra\n"
				    "report !Hafirst\n"
				    "report a\n"
				    "report b\n"
				    "report \x7e\n"
				    "report d\n"
				    "report e\n"
				    "report f\n"
				    "report g\n"
				    "report !O2\n"
				    "report !Rd\n"
				    "report !Hdlast\n"
				    "report h\n"
				    "report i\n"
				    "reject !Hanonymous\n"
				    "reject !Hcnever\n");
	assert_int_equal(s.media, 2);
	assert_int_equal(s.incomplete, 1); // the second photo, of which one part had arrived
	assert_string_equal(s.photo, "vier");
	assert_int_equal(s.twice, 0);
	stop();
}

static void photos_are_stored_at_the_start(void **state)
{
	(void)state;
	struct summary s;
	start_after_kill();
	summarise(&s);
	assert_int_equal(s.media, 2);
	stop();
}

// What the second process has appended may be cut off too.
static void a_second_kill_during_the_first_restart(void **state)
{
	(void)state;
	struct summary s;
	static uint64_t lsns[400];
	start_after_kill();
	go_on(true);
	const size_t count = list_entries(lsns, 400);
	shell("rm -rf %s && cp -r %s %s", folder, copy, folder);
	stop();
	for (size_t i = count - 40; i < count; i++) {
		shell("rm -rf %s && mkdir %s", copy, copy);
		cut(lsns[i]);
		start(copy);
		expire();
		summarise(&s);
		assert_int_equal(s.unresolved, 0);
		assert_int_equal(s.twice, 0);
		stop();
	}
}

static void caps_hold_after_a_restore(void **state)
{
	(void)state;
	struct conversation a;
	struct summary s;
	start(folder);
	begin(&a, 1);
	give(&a, "!Ione\n");
	for (int i = 0; i < HELD_FRAMES_MAX; i++)
		give(&a, "!Hznever\n");
	summarise(&s);
	assert_int_equal(s.unresolved, HELD_FRAMES_MAX);
	assert_int_equal(s.rejects, 0);
	give(&a, "!Hznever\n");
	summarise(&s);
	assert_int_equal(s.rejects, 1);
	shell("cp -r %s %s", folder, copy);
	lose(&a);
	stop();
	start(copy);
	assert_int_equal(orphans_count(&intake), 1);
	assert_int_equal(intake.holds.first->feed->session.held->count, HELD_FRAMES_MAX);
	expire();
	check_resolved();
	stop();
}

// A tracker that never completes what it began does not keep the journal: what it holds is written again.
static void old_entries_are_written_again(void **state)
{
	(void)state;
	struct conversation a, b;
	struct summary s;
	static char line[4100];
	max_size = 32 << 20;
	start(folder);
	begin(&a, 1);
	begin(&b, 2);
	give(&a, "!Ione\n!Hznever\n!M5,1,2,x\n!O2\n!D0,eins\n");
	give(&b, "!Itwo\n");
	memset(line, 'y', 4000);
	memcpy(line, "!Ra", 3);
	memcpy(line + 4000, "\n", 2);
	const uint64_t first = intake.holds.first->lsn;
	while (journal_end(intake.journal) < 3 * HOLD_SPAN) {
		if (intake_has_room(&intake))
			give(&b, line);
		journal_release(intake.journal, journal_end(intake.journal));
		assert_true(journal_end(intake.journal) - intake.holds.first->lsn <
			    HOLD_SPAN + (1 << 20));
	}
	assert_true(intake.holds.first->lsn > first);
	assert_true(journal_start(intake.journal) <= intake.holds.first->lsn);
	shell("cp -r %s %s", folder, copy);
	lose(&a);
	conversation_end(&transport, &b, NULL, 0, "bye");
	stop();
	start(copy);
	assert_int_equal(orphans_count(&intake), 1);
	expire();
	summarise(&s);
	assert_int_equal(s.unresolved, 0);
	assert_int_equal(s.rejects, 2);
	assert_int_equal(s.media, 1);
	stop();
}

// All photos together may be larger than HOLD_SPAN. That neither keeps the loop busy nor the journal growing.
static void more_than_the_span_can_be_held(void **state)
{
	enum { HOLDERS = 600, PARTS = 8, PART = 4000 };
	(void)state;
	static struct conversation many[HOLDERS];
	static char line[PART + 8];
	struct conversation b;
	struct summary s;
	uint64_t given = 0;
	max_size = 192 << 20;
	start(folder);
	begin(&b, 1);
	give(&b, "!Ib\n");
	for (unsigned i = 0; i < HOLDERS; i++) {
		begin(&many[i], (uint16_t)(100 + i));
		snprintf(line, sizeof(line), "!I%u\n!O9\n", i);
		give(&many[i], line);
		for (unsigned part = 0; part < PARTS; part++) {
			snprintf(line, sizeof(line), "!D%u,%*s\n", part, PART, "");
			give(&many[i], line);
		}
	}
	const uint64_t held = HOLDERS * PARTS * (PART + 512);
	assert_true(held > HOLD_SPAN);
	assert_true(journal_end(intake.journal) < held + (4 << 20));
	snprintf(line, sizeof(line), "!Ra%*s\n", PART, "");
	for (; journal_end(intake.journal) < 5 * held; given += PART) {
		if (intake_has_room(&intake))
			give(&b, line);
		journal_release(intake.journal, journal_end(intake.journal));
		assert_true(journal_end(intake.journal) - intake.holds.first->lsn <
			    2 * held + (4 << 20));
	}
	assert_true(given > 3 * held / 2); // most of what was added is reports
	shell("cp -r %s %s", folder, copy);
	for (unsigned i = 0; i < HOLDERS; i++)
		lose(&many[i]);
	conversation_end(&transport, &b, NULL, 0, "bye");
	stop();
	start(copy);
	assert_int_equal(orphans_count(&intake), 0);
	summarise(&s);
	assert_int_equal(s.media, HOLDERS);
	assert_int_equal(s.unresolved, 0);
	stop();
}

// After a restart nothing would say that the device was refused.
static void nothing_of_a_refused_device_is_restored(void **state)
{
	(void)state;
	struct conversation a;
	struct summary s;
	start(folder);
	begin(&a, 1);
	a.peer.transport = TRANSPORT_UDP;
	a.feed.session.datagram = true;
	device_directory_add(intake.directory, (struct text){"one", 3})->state = DEVICE_BLOCKED;
	give(&a, "!Ione\n!Hznever\n!Ra\n!M5,1,2,x\n");
	summarise(&s);
	assert_int_equal(s.marks, 0);
	conversation_end(&transport, &a, NULL, 0, NULL);
	summarise(&s);
	assert_int_equal(s.reports, 0);
	assert_int_equal(s.rejects, 3);
	stop();
}

// Of the password "parrot", with the salt "s1".
#define PARROT "sha256$s1$d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b"

static void set_secret(const char *ident)
{
	device_directory_set_secret(
		device_directory_add(intake.directory, (struct text){ident, strlen(ident)}),
		(struct text){PARROT, sizeof(PARROT) - 1});
}

static void begin_udp(struct conversation *c, uint16_t port)
{
	const struct peer peer = {.address = {[10] = 0xff, 0xff, 10, 0, 0, 1},
		.port = port,
		.transport = TRANSPORT_UDP};
	conversation_begin(&transport, c, &peer);
}

// Ends the process by kill -9 and starts another with what it leaves.
static void kill_and_start(struct conversation *c)
{
	shell("rm -rf %s && cp -r %s %s", copy, folder, copy);
	lose(c);
	stop();
	start(copy);
}

static void check_texts(const char *expected)
{
	struct summary s;
	summarise(&s);
	assert_string_equal(s.text, expected);
	assert_int_equal(s.twice, 0);
}

// A sender may report for several devices. What it sends for one that is refused is not held for one that is admitted.
static void nothing_of_a_refused_device_is_saved_with_what_another_has_sent(void **state)
{
	(void)state;
	struct conversation a, b;
	struct summary s;
	start(folder);
	set_secret("one");
	begin_udp(&a, 1);
	give(&a, "!Ione\n!Hafirst\n!M5,1,2,x\n");
	summarise(&s);
	assert_int_equal(s.marks, 0);
	assert_int_equal(s.rejects, 2);
	give(&a, "!Itwo\n!Hbfirst\n!Hztwo\n");
	summarise(&s);
	assert_int_equal(s.marks, 2);
	assert_int_equal(a.feed.session.held->count, 2);
	kill_and_start(&a);
	set_secret("one");
	begin_udp(&b, 1);
	give(&b, "!Ione\n!Ra\n!M5,2,2,y\n!Itwo\n!Rb\n");
	expire();
	conversation_end(&transport, &b, NULL, 0, NULL);
	check_texts("reject !Hafirst\nreject !M5,1,2,x\n" // before the kill
		    "reject !Ra\nreject !M5,2,2,y\n"
		    "report !Rb\nreport !Hbfirst\nreject !Hztwo\n");
	check_resolved();
	stop();
}

// What a device was admitted for when it sent it is stored, whether it is when the result comes.
static void what_was_admitted_is_stored_after_a_kill(void **state)
{
	(void)state;
	struct conversation a, b;
	start(folder);
	set_secret("one");
	begin_udp(&a, 1);
	give(&a, "!Ione,parrot\n!Hafirst\n!Hbsecond\n");
	kill_and_start(&a);
	set_secret("one");
	begin_udp(&b, 2);
	give(&b, "!Ione,parrot\n!Ra\n");
	give(&b, "!Ione,monkey\n!Rb\n"); // remembered, though it is refused
	orphans_expire(&intake, clock_utc_us());
	assert_int_equal(orphans_count(&intake), 0);
	conversation_end(&transport, &b, NULL, 0, NULL);
	check_texts("report !Ra\nreport !Hafirst\nreject \nreject !Rb\nreport !Hbsecond\n");
	check_resolved();
	stop();
}

// A frame whose device was not known when it arrived has not been admitted for any.
static void a_device_that_shows_later_is_asked_for_its_secret(void **state)
{
	(void)state;
	struct conversation a, b;
	start(folder);
	begin_udp(&a, 1);
	give(&a, "!Ha*one\n!Ha*one\n");
	kill_and_start(&a);
	begin_udp(&b, 2);
	give(&b, "!Ione\n!Ra\n");
	set_secret("one");
	orphans_expire(&intake, clock_utc_us());
	assert_int_equal(orphans_count(&intake), 0);
	assert_int_equal(intake.counters.reports, 1);
	conversation_end(&transport, &b, NULL, 0, NULL);
	check_texts("report !Ra\nreject !Ha*one\nreject !Ha*one\n");
	check_resolved();
	stop();
}

// A sender that logs in after the restart, from the address of what it sent before, is the one that sent it.
static void a_sender_that_logs_in_later_is_asked_for_its_secret(void **state)
{
	(void)state;
	struct conversation a, b;
	start(folder);
	begin_udp(&a, 1);
	give(&a, "!Hafirst\n");
	kill_and_start(&a);
	set_secret("one");
	begin_udp(&b, 1);
	give(&b, "!Ione\n!Ra\n");
	assert_int_equal(intake.counters.reports, 0);
	give(&b, "!Ione,parrot\n");
	assert_int_equal(orphans_count(&intake), 0);
	conversation_end(&transport, &b, NULL, 0, NULL);
	check_texts("reject !Ra\nreport !Hafirst\n");
	check_resolved();
	stop();
}

// Fills the journal with reports of a device that has no secret.
static void fill(struct conversation *c)
{
	static char line[4100];
	memset(line, 'y', 4000);
	memcpy(line, "!Rd", 3);
	memcpy(line + 4000, "\n", 2);
	while (intake_has_room(&intake))
		give(c, line);
}

static void the_end_of_a_refused_conversation_in_a_full_journal(void **state)
{
	(void)state;
	struct conversation a, b;
	struct summary s;
	start(folder);
	begin_udp(&a, 1);
	begin(&b, 2);
	give(&b, "!Itwo\n");
	give(&a, "!Hb*one\n!Ione\n!Hcfirst\n");
	set_secret("one");
	give(&a, "!Hasecond\n");
	assert_int_equal(a.feed.session.held->count,
		2); // what was admitted, and what was not known to be one's
	fill(&b);
	conversation_end(&transport, &a, NULL, 0, "bye");
	assert_int_equal(orphans_count(&intake), 1);
	journal_release(intake.journal, journal_end(intake.journal));
	journal_pin(intake.journal, UINT64_MAX); // the quota is too small for both
	assert_true(intake_wait_for_room(&intake));
	begin_udp(&a, 3);
	give(&a, "!Ione\n!Ra\n!Rb\n!Rc\n");
	orphans_expire(&intake, clock_utc_us());
	assert_int_equal(orphans_count(&intake), 0);
	conversation_end(&transport, &a, NULL, 0, NULL);
	conversation_end(&transport, &b, NULL, 0, "bye");
	summarise(&s);
	assert_null(strstr(s.text, "report !H"));
	assert_non_null(strstr(s.text, "reject !Hb*one"));
	assert_non_null(strstr(s.text, "reject !Hcfirst"));
	stop();
}

// Without room in the journal the end of a conversation is no end of what it holds.
static void a_full_journal_at_the_end_of_a_conversation(void **state)
{
	(void)state;
	struct conversation a, b;
	struct summary s;
	static char line[4100];
	start(folder);
	begin(&a, 1);
	begin(&b, 2);
	give(&a, "!Ione\n!Hznever\n!M5,1,2,x\n!O2\n!D0,eins\n");
	give(&b, "!Itwo\n");
	memset(line, 'y', 4000);
	memcpy(line, "!Ra", 3);
	memcpy(line + 4000, "\n", 2);
	while (intake_has_room(&intake))
		give(&b, line);
	conversation_end(&transport, &a, NULL, 0, "bye");
	assert_int_equal(orphans_count(&intake), 1);
	orphans_expire(&intake, clock_utc_us() + 2 * FEED_HOLD_US);
	assert_int_equal(orphans_count(&intake), 1);
	journal_release(intake.journal, journal_end(intake.journal));
	journal_pin(intake.journal, UINT64_MAX); // the quota is too small for both
	assert_true(intake_wait_for_room(&intake));
	expire();
	conversation_end(&transport, &b, NULL, 0, "bye");
	summarise(&s);
	assert_int_equal(s.rejects, 2);
	stop();
}

// Sends a photo of a million bytes, but for its last part, as the device `one`.
#define PART       4000
#define PARTS_SENT 250
static void send_photo(struct conversation *c)
{
	static char line[PART + 20];
	give(c, "!Ione\n!O251\n");
	for (int part = 0; part < PARTS_SENT; part++) {
		const size_t head = (size_t)snprintf(line, sizeof(line), "!D%d,", part);
		memset(line + head, 'p', PART);
		memcpy(line + head + PART, "\n", 2);
		give(c, line);
	}
	assert_in_range(c->feed.session.photo->size, PARTS_SENT * PART, PARTS_SENT * (PART + 3));
}

// Fills the journal until there is no room for so many bytes.
static void fill_up_to(struct conversation *c, size_t bytes)
{
	static char line[4100];
	memset(line, 'y', 4000);
	memcpy(line, "!Rd", 3);
	memcpy(line + 4000, "\n", 2);
	while (journal_room(intake.journal, 1, bytes))
		give(c, line);
	assert_true(intake_has_room(&intake));
}

// The room that was found for a frame is still there when the connection that it displaces had a photo.
static void a_photo_leaves_room_for_the_frame_that_ends_it(void **state)
{
	(void)state;
	struct conversation a, b, c;
	static char line[4100];
	start(folder);
	begin(&a, 1);
	begin(&b, 2);
	begin(&c, 3);
	send_photo(&a);
	give(&b, "!Itwo\n");
	fill_up_to(&b, PARTS_SENT * (PART + 3) + 17 * 512 + 4000);
	memset(line, 'n', 4080);
	memcpy(line, "!None,", 6);
	memcpy(line + 4080, "\n", 2);
	give(&c, line); // displaces a
	assert_ptr_equal(
		device_directory_find(intake.directory, (struct text){"one", 3})->live, &c);
	conversation_end(&transport, &b, NULL, 0, "bye");
	conversation_end(&transport, &c, NULL, 0, "bye");
	stop();
}

// A peer that turns out to be no tracker may have sent a photo before, for which there was no room.
static void a_photo_before_bytes_of_no_tracker(void **state)
{
	(void)state;
	struct conversation a, b;
	start(folder);
	begin(&a, 1);
	begin(&b, 2);
	send_photo(&a);
	give(&b, "!Itwo\n");
	fill_up_to(&b, PARTS_SENT * PART);
	assert_int_equal(conversation_feed(&transport, &a, (const uint8_t *)"?\n", 2).state,
		CONVERSATION_ENDS);
	conversation_end(&transport, &a, NULL, 0, "unknown protocol");
	assert_int_equal(orphans_count(&intake), 1);
	orphans_expire(&intake, clock_utc_us());
	assert_int_equal(orphans_count(&intake), 1);
	journal_release(intake.journal, journal_end(intake.journal));
	journal_pin(intake.journal, UINT64_MAX); // the quota is too small for both
	assert_true(intake_wait_for_room(&intake));
	orphans_expire(&intake, clock_utc_us());
	assert_int_equal(orphans_count(&intake), 0);
	assert_int_equal(intake.counters.photos, 1);
	conversation_end(&transport, &b, NULL, 0, "bye");
	stop();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_restored_gets_its_results),
		TEST(photos_are_stored_at_the_start),
		TEST(a_kill_after_any_entry_loses_and_doubles_nothing),
		TEST(a_kill_after_any_entry_and_trackers_that_return),
		TEST(a_second_kill_during_the_first_restart),
		TEST(caps_hold_after_a_restore),
		TEST(old_entries_are_written_again),
		TEST(more_than_the_span_can_be_held),
		TEST(nothing_of_a_refused_device_is_restored),
		TEST(nothing_of_a_refused_device_is_saved_with_what_another_has_sent),
		TEST(what_was_admitted_is_stored_after_a_kill),
		TEST(a_device_that_shows_later_is_asked_for_its_secret),
		TEST(a_sender_that_logs_in_later_is_asked_for_its_secret),
		TEST(the_end_of_a_refused_conversation_in_a_full_journal),
		TEST(a_full_journal_at_the_end_of_a_conversation),
		TEST(a_photo_leaves_room_for_the_frame_that_ends_it),
		TEST(a_photo_before_bytes_of_no_tracker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
