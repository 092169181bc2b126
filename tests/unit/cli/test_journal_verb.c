// SPDX-License-Identifier: MIT
// avld journal: its output and exit codes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "journal/entry.h"
#include "journal/journal_fixture.h"

#include <sys/wait.h>
#include <time.h>

static char out[1 << 16], err[1 << 14];

static void slurp(int fd, char *text, size_t cap)
{
	ssize_t n = pread(fd, text, cap - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
}

// Runs the verb in a child with its output in files; returns the exit code.
static int run(const char *first, const char *second, const char *third, const char *fourth)
{
	char program[] = "avld", verb[] = "journal", a[128], b[128], c[128], d[128];
	char *argv[] = {program, verb, a, b, c, d, NULL};
	const char *const given[] = {first, second, third, fourth};
	int argc = 2;
	for (size_t i = 0; i < 4 && given[i]; i++)
		snprintf(argv[argc++], 128, "%s", given[i]);
	argv[argc] = NULL;
	int files[2];
	for (int i = 0; i < 2; i++)
		assert_true((files[i] = open("/tmp", O_TMPFILE | O_RDWR, 0600)) >= 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(files[0], 1);
		dup2(files[1], 2);
		int code = cli_run(argc, argv);
		fflush(stdout);
		_exit(code);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	slurp(files[0], out, sizeof(out));
	slurp(files[1], err, sizeof(err));
	return WEXITSTATUS(status);
}

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

static void put(struct journal *journal, const struct entry *entry)
{
	size_t len = entry_size(entry);
	assert_true(journal_room(journal, 1, len));
	entry_write(entry, journal_begin(journal, len));
	journal_commit(journal);
}

static struct entry entry_of(enum entry_kind kind, struct text ident)
{
	return (struct entry){.kind = kind,
		.received_us = INT64_C(1795342500123456),
		.peer = {.address = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .port = 4711},
		.protocol = TEXT("pt502"),
		.ident = ident};
}

// A journal with a report, a reject, and the start and end of a connection; the first two are stored.
static struct journal *a_journal(void)
{
	struct journal *journal = open_small();
	struct entry entry = entry_of(ENTRY_REPORT, TEXT("5020001"));
	entry.event = TEXT("POS");
	entry.raw = TEXT("$POS\xff");
	put(journal, &entry);
	entry = entry_of(ENTRY_REJECT, TEXT(""));
	entry.reason = TEXT("bad \"value\"\\\n");
	entry.raw = TEXT("\x01\x02");
	put(journal, &entry);
	journal_release(journal, journal_end(journal));
	entry = entry_of(ENTRY_CONNECTED, TEXT("5020002"));
	entry.received_us += INT64_C(3600000000);
	put(journal, &entry);
	entry = entry_of(ENTRY_DISCONNECTED, TEXT("5020002"));
	entry.received_us += INT64_C(7200000000);
	entry.reason = TEXT("idle");
	entry.traffic = (struct traffic){INT64_C(1795342500000000), 812, 7, 1};
	put(journal, &entry);
	return journal;
}

static size_t lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void entries_are_dumped(void **state)
{
	(void)state;
	journal_close(a_journal());
	assert_int_equal(run(dir, "--dump", NULL, NULL), 0);
	assert_string_equal(err, "");
	static const char expected[] =
		"{\"lsn\":128,\"kind\":\"report\",\"received_at\":\"2026-11-22T10:15:00.123Z\","
		"\"peer\":\"192.0.2.1:4711\",\"transport\":\"tcp\",\"protocol\":\"pt502\","
		"\"ident\":\"5020001\",\"event\":\"POS\",\"frame\":\"24504f53ff\"}\n"
		"{\"lsn\":304,\"kind\":\"reject\",\"received_at\":\"2026-11-22T10:15:00.123Z\","
		"\"peer\":\"192.0.2.1:4711\",\"transport\":\"tcp\",\"protocol\":\"pt502\","
		"\"reason\":\"bad \\\"value\\\"\\\\\\u000a\",\"frame\":\"0102\"}\n"
		"{\"lsn\":384,\"kind\":\"connected\",\"received_at\":\"2026-11-22T11:15:00.123Z\","
		"\"peer\":\"192.0.2.1:4711\",\"transport\":\"tcp\",\"protocol\":\"pt502\","
		"\"ident\":\"5020002\"}\n"
		"{\"lsn\":456,\"kind\":\"disconnected\",\"received_at\":\"2026-11-22T12:15:00."
		"123Z\","
		"\"peer\":\"192.0.2.1:4711\",\"transport\":\"tcp\",\"protocol\":\"pt502\","
		"\"ident\":\"5020002\",\"reason\":\"idle\",\"opened_at\":\"2026-11-22T10:15:00."
		"000Z\","
		"\"bytes\":812,\"frames\":7,\"rejects\":1}\n";
	assert_string_equal(out, expected);
}

static void entries_are_found_by_ident_and_time(void **state)
{
	(void)state;
	static const struct {
		const char *option, *value;
		size_t lines;
	} cases[] = {
		{"--ident", "5020001", 1},
		{"--ident", "5020002", 2},
		{"--ident", "502000", 0},
		{"--since", "2026-11-22T10:15:00Z", 4},
		{"--since", "2026-11-22", 4},
		{"--since", "2026-11-22T10:15:00.124Z", 2},
		{"--since", "2026-11-22T12:15:00+01:00", 2},
		{"--since", "2026-11-22T05:00-06:30", 1},
		{"--since", "2026-11-22T12:15Z", 1},
		{"--since", "2026-11-22 13:15Z", 0},
		{"--since", "2026-11-23", 0},
	};
	journal_close(a_journal());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(dir, cases[i].option, cases[i].value, NULL), 0);
		if (lines(out) != cases[i].lines)
			fail_msg("%s %s: %s", cases[i].option, cases[i].value, out);
		if (cases[i].lines == 0)
			assert_non_null(strstr(err, "avld journal: no entry"));
		else
			assert_string_equal(err, "");
	}
	struct journal *journal = open_small();
	struct entry entry = entry_of(ENTRY_CONNECTED, TEXT("5020003"));
	entry.received_us = clock_utc_us() - 300 * 1000000;
	put(journal, &entry);
	journal_close(journal);
	assert_int_equal(run("--since=4m", dir, "--ident=5020003", NULL), 0);
	assert_int_equal(lines(out), 0);
	assert_non_null(strstr(err, "no entry of ident 5020003 since then in "));
	assert_int_equal(run("--since=6m", dir, "--ident=5020003", NULL), 0);
	assert_int_equal(lines(out), 1);
}

static void a_folder_in_use_is_summarized(void **state)
{
	(void)state;
	struct journal *journal = a_journal();
	assert_int_equal(run(dir, NULL, NULL, NULL), 0);
	assert_string_equal(err, "");
	assert_non_null(strstr(out, journal_uuid(journal)));
	assert_non_null(strstr(out, "0000000000000000.seg"));
	assert_non_null(strstr(out, "holds     4 entries"));
	assert_non_null(strstr(out, "stored    everything below LSN 384"));
	assert_non_null(strstr(out, "pending   2 entries"));
	assert_non_null(strstr(out, "oldest 2026-11-22T11:15:00.123Z"));
	assert_non_null(strstr(out, "damage    none"));
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void damage_is_reported_and_not_changed(void **state)
{
	(void)state;
	journal_close(a_journal());
	flip(segment_path(0), 310, 2);
	assert_int_equal(run(dir, NULL, NULL, NULL), 0);
	assert_non_null(strstr(out, "DAMAGE: segment 0000000000000000.seg: 80 bytes"));
	assert_non_null(strstr(out, "holds     3 entries"));
	assert_non_null(strstr(out, "found, see above"));
	assert_int_equal(run(dir, "--dump", NULL, NULL), 0);
	assert_int_equal(lines(out), 3);
	assert_non_null(strstr(err, "DAMAGE: "));
	assert_int_equal(files_with("damaged-"), 0);
}

// Files that earlier starts set aside are listed, but are not counted as damage.
static void files_set_aside_are_listed(void **state)
{
	(void)state;
	journal_close(a_journal());
	assert_int_equal(run(dir, NULL, NULL, NULL), 0);
	assert_null(strstr(out, "set aside"));
	static const struct {
		const char *name;
		int bytes;
	} files[] = {{"damaged-0000000000000136.bin", 80}, {"0000000000100000.seg.damaged", 7},
		{"notes.txt", 3}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fprintf(file, "%*s", files[i].bytes, "");
		assert_int_equal(fclose(file), 0);
	}
	assert_int_equal(run(dir, NULL, NULL, NULL), 0);
	assert_non_null(strstr(out, "damage    none\n"
				    "set aside 0000000000100000.seg.damaged, 7 bytes\n"
				    "          damaged-0000000000000136.bin, 80 bytes\n"));
	assert_null(strstr(strstr(out, "set aside"), "notes.txt"));
}

static void bad_folders_and_arguments_are_rejected(void **state)
{
	(void)state;
	assert_int_equal(run(dir, NULL, NULL, NULL), 1);
	assert_non_null(strstr(err, "no journal folder"));
	assert_int_equal(run("/proc/none", NULL, NULL, NULL), 1);
	assert_non_null(strstr(err, "/proc/none"));
	assert_int_equal(run(NULL, NULL, NULL, NULL), 2);
	assert_int_equal(run(dir, dir, NULL, NULL), 2);
	assert_int_equal(run(dir, "--nonsense", NULL, NULL), 2);
	assert_int_equal(run(dir, "--ident", NULL, NULL), 2);
	static const char *const times[] = {"yesterday", "2026-13-01", "2026-11-22T25:00Z",
		"2026-11-22T10:15:00+2", "2026-11-22Tx", "-5m", "", "2026"};
	for (size_t i = 0; i + 1 < sizeof(times) / sizeof(times[0]); i++)
		assert_int_equal(run(dir, "--since", times[i], NULL), 2);
	assert_int_equal(run("--help", NULL, NULL, NULL), 0);
	assert_non_null(strstr(out, "usage: avld journal DIR"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(entries_are_dumped),
		IN_FOLDER(entries_are_found_by_ident_and_time),
		IN_FOLDER(a_folder_in_use_is_summarized),
		IN_FOLDER(damage_is_reported_and_not_changed),
		IN_FOLDER(files_set_aside_are_listed),
		IN_FOLDER(bad_folders_and_arguments_are_rejected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
