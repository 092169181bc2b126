// SPDX-License-Identifier: MIT
// Measures the path from bytes to the journal, without sockets:
//
//   scan      finds the newlines in the bytes (memchr), for comparison
//   feed      sniffs, frames and decodes the bytes to reports
//   remember  the same, and remembers records for later deltas, as the daemon does
//   append    the same, and appends the reports to a journal on disk, synced every second by its thread
//
//   pipeline FOLDER FRAMES ROUNDS    measures each in turn, ROUNDS times; prints a line for each:
//                                    NAME NANOSECONDS-PER-FRAME ALLOCATIONS
//   pipeline FOLDER FRAMES feed|remember|append|nothing   runs one once and prints nothing: for valgrind
//
// Times are CPU time of this thread, which other load disturbs less. The frames are those of simulated PT-502s, half of
// them bare records, half full frames with a checksum. Each tracker has its own conversation; they take turns with pieces
// of 64 KiB. Every frame must become a report.
#include "intake/intake.h"
#include "protocol/device_memory.h"
#include "simulate/simulate_registry.h"
#include "simulate/simulate_tracker.h"

#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define PIECE   65536
#define DEVICES 100
#define START   INT64_C(1795342500000000)

// The bytes of one tracker: [start, end) of the data, of which [start, given) have been received.
struct stream {
	struct feed feed;
	size_t start, given, end;
};

struct bench {
	const struct simulate_protocol *protocol;
	uint8_t *data;
	size_t len;
	struct stream streams[DEVICES];
	uint64_t frames;
	struct ev_loop *loop;
	struct intake intake;
	struct peer peer;
	ev_timer sync;
};

// ---- counting allocations

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static _Thread_local uint64_t allocations;

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	allocations++;
	return __libc_realloc(memory, size);
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "pipeline: %s\n", what);
	exit(1);
}

// ---- input

static void make_stream(struct bench *bench, uint32_t number)
{
	struct simulate_tracker tracker;

	simulate_tracker_init(&tracker, bench->protocol, 1, number);
	if (bench->protocol->login)
		bench->len += bench->protocol->login(&tracker, bench->data + bench->len);
	simulate_vehicle_start(&tracker.vehicle, 1, number, START);
	for (uint64_t i = 0; i < bench->frames / DEVICES; i++) {
		const struct simulate_sighting seen =
			simulate_vehicle_drive(&tracker.vehicle, START + (int64_t)i * 1000000);
		bench->len += bench->protocol->report(&tracker, &seen, bench->data + bench->len);
	}
}

static void make_frames(struct bench *bench)
{
	bench->frames -= bench->frames % DEVICES;
	bench->data = malloc((bench->frames + DEVICES) * SIMULATE_RECORD_MAX);
	if (!bench->data)
		die("out of memory");
	for (uint32_t i = 0; i < DEVICES; i++) {
		bench->streams[i].start = bench->len;
		make_stream(bench, i + 1);
		bench->streams[i].end = bench->len;
	}
}

// ---- measurements

static void scan(const struct bench *bench)
{
	const uint8_t *at = bench->data, *end = bench->data + bench->len;
	uint64_t lines = 0;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		lines++;
	}
	if (lines < bench->frames && bench->protocol == simulate_registry[0])
		die("lines are missing");
}

// Feeds like the daemon: in pieces, frame by frame, keeping the start of a frame for the next piece. Returns the number
// of reports.
static uint64_t read_piece(struct bench *bench, struct stream *stream, bool append)
{
	struct intake *intake = &bench->intake;
	struct decoded *batch = &intake->decoded;
	uint64_t reports = 0;
	size_t used;

	stream->given = stream->end - stream->given > PIECE ? stream->given + PIECE : stream->end;
	while (stream->start < stream->given) {
		while (append && !intake_has_room(intake))
			ev_run(bench->loop, EVRUN_ONCE);
		if (feed_step(&stream->feed, bench->data + stream->start,
			    stream->given - stream->start, batch, &used) != FEED_TAKEN)
			break;
		stream->start += used;
		reports += batch->report_count;
		if (append)
			intake_append(intake, &stream->feed, &bench->peer, batch, NULL);
	}
	return reports;
}

static void feed(struct bench *bench, bool remember, bool append)
{
	struct stream streams[DEVICES];
	uint64_t reports = 0, before;

	memcpy(streams, bench->streams, sizeof(streams));
	for (size_t i = 0; i < DEVICES; i++) {
		feed_init(&streams[i].feed, DECODERS_ALL, NULL, false);
		if (remember)
			intake_begin(&bench->intake, &streams[i].feed.session);
		streams[i].feed.session.received_us =
			START + (int64_t)(bench->frames / DEVICES) * 1000000;
		streams[i].given = streams[i].start;
	}
	do {
		before = reports;
		for (size_t i = 0; i < DEVICES; i++)
			reports += read_piece(bench, &streams[i], append);
		if (append)
			ev_run(bench->loop, EVRUN_NOWAIT);
	} while (reports > before);
	if (reports < bench->frames ||
		reports > bench->frames + DEVICES) // log-ins may give one, too
		die("frames did not become reports");
}

// ---- the journal

static void on_synced(void *context)
{
	(void)context;
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	journal_sync(timer->data);
}

static void open_journal(struct bench *bench, const char *folder)
{
	static struct config config;
	const struct journal_options options = {.dir = folder, .max_size = UINT64_C(4) << 30};
	char error[JOURNAL_ERROR_SIZE];
	struct journal *journal = journal_open(&options, NULL, NULL, error);

	if (!journal)
		die(error);
	bench->loop = ev_default_loop(EVFLAG_AUTO);
	bench->intake.config = &config;
	bench->intake.journal = journal;
	bench->intake.memory = device_memory_new(DEVICES);
	bench->intake.directory = device_directory_new();
	if (!bench->intake.memory || !bench->intake.directory)
		die("out of memory");
	bench->peer = (struct peer){.address = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};
	journal_sync_start(journal, bench->loop, on_synced, NULL);
	ev_timer_init(&bench->sync, on_second, 1., 1.);
	bench->sync.data = journal;
	ev_timer_start(bench->loop, &bench->sync);
}

static void run(struct bench *bench, const char *what)
{
	if (!strcmp(what, "scan"))
		scan(bench);
	else if (strcmp(what, "nothing") != 0)
		feed(bench, strcmp(what, "feed") != 0, !strcmp(what, "append"));
}

static void measure(struct bench *bench, const char *what)
{
	struct timespec before, after;
	struct rusage used_before, used_after;
	const uint64_t allocated = allocations;

	getrusage(RUSAGE_THREAD, &used_before);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	run(bench, what);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	getrusage(RUSAGE_THREAD, &used_after);
	const double ns = (double)(after.tv_sec - before.tv_sec) * 1e9 +
			  (double)(after.tv_nsec - before.tv_nsec);
	printf("%s %.2f %" PRIu64 " %.6f\n", what, ns / (double)bench->frames,
		allocations - allocated,
		(double)(used_after.ru_minflt + used_after.ru_majflt - used_before.ru_minflt -
			 used_before.ru_majflt) /
			(double)bench->frames);
	fflush(stdout);
	journal_sync_now(bench->intake.journal);
	journal_release(bench->intake.journal, journal_end(bench->intake.journal));
}

int main(int argc, char **argv)
{
	static const char *const all[] = {"scan", "feed", "remember", "append"};
	static struct bench bench;

	if (argc != 4 && argc != 5)
		die("usage: pipeline FOLDER FRAMES ROUNDS|feed|remember|append|nothing [PROTOCOL]");
	const struct simulate_protocol *const *protocol =
		argc == 5 ? simulate_registry_find(argv[4]) : simulate_registry;
	if (!protocol)
		die("unknown protocol");
	bench.protocol = *protocol;
	bench.frames = strtoull(argv[2], NULL, 10);
	make_frames(&bench);
	open_journal(&bench, argv[1]);
	const unsigned long rounds = strtoul(argv[3], NULL, 10);
	if (rounds == 0)
		run(&bench, argv[3]);
	for (unsigned long round = 0; round < rounds; round++)
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			measure(&bench, all[i]);
	journal_close(bench.intake.journal);
	device_memory_free(bench.intake.memory);
	device_directory_free(bench.intake.directory);
	free(bench.data);
	return 0;
}
