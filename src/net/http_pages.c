// SPDX-License-Identifier: MIT
#include "net/http_pages.h"

#include "intake/newcomers.h"
#include "journal/journal_watch.h"
#include "util/json.h"

#include <inttypes.h>
#include <string.h>

struct number {
	const char *name;
	const char *type; /* counter, gauge */
	const char *help;
	uint64_t value;
};

// Collects the numbers that both /metrics and /status show.
static size_t collect(const struct http_sources *s, struct number *numbers, size_t cap)
{
	const struct intake_counters *in = &s->intake->counters;
	const struct writer_counters *out = writer_counters(s->writer);
	const struct command_counters *commands = command_queue_counters(s->commands);
	const struct newcomers_counters *new = newcomers_counters(s->intake->newcomers);
	const struct journal *journal = s->intake->journal;
	const struct conn_counters conns = conn_counters(s->conns);
	const uint64_t start = journal_start(journal), end = journal_end(journal);
	const uint64_t stored = out->lsn > start ? out->lsn : start;
	const uint64_t pending = end - stored;
	const uint64_t states = out->state_lsn > start ? out->state_lsn : start;
	const uint64_t state_lag = stored > states ? stored - states : 0;
	const struct number all[] = {
		{"connections", "gauge", "TCP connections open", conn_count(s->conns)},
		{"frames_total", "counter", "frames received", in->frames},
		{"reports_total", "counter", "reports decoded", in->reports},
		{"rejects_total", "counter", "frames or parts of frames that could not be used",
			in->rejects},
		{"udp_no_room_total", "counter", "datagrams dropped while the journal was full",
			in->udp_no_room},
		{"udp_lost_total", "counter",
			"datagrams dropped by the kernel, the socket was full", in->udp_lost},
		{"udp_no_memory_total", "counter",
			"datagrams of new senders dropped for lack of memory", in->udp_no_memory},
		{"udp_replies_dropped_total", "counter",
			"replies dropped because too many were held for the journal",
			in->udp_replies_dropped},
		{"udp_over_share_total", "counter",
			"datagrams dropped above the sender's share while the database was behind",
			in->udp_over_share},
		{"udp_withheld_total", "counter",
			"replies larger than a sender that had not proved itself may get",
			in->udp_withheld},
		{"peers_paused", "gauge",
			"TCP peers above their share, not read while the database is behind",
			conns.paused},
		{"pauses_total", "counter", "times that a TCP peer was paused so", conns.pauses},
		{"peers_above_share_total", "counter",
			"TCP peers that sent more than their share for 5 s on end",
			conns.above_share},
		{"connections_evicted_total", "counter",
			"silent connections of strangers closed to make room", conns.evicted},
		{"photos_total", "counter", "photos fetched, whole or in part", in->photos},
		{"photo_bytes", "gauge", "memory used by photos not yet stored",
			s->intake->photos.bytes},
		{"photos_cut_total", "counter",
			"photos ended before all of their parts came, to make room for others",
			s->intake->photos.cut},
		{"devices", "gauge", "devices known", device_directory_count(s->intake->directory)},
		{"new_devices_total", "counter", "devices admitted as new", new->admitted},
		{"new_devices_held_total", "counter", "new devices put on trial", new->held},
		{"new_devices_refused_total", "counter",
			"new devices refused, or dropped while on trial", new->refused},
		{"new_devices_on_trial", "gauge", "new devices on trial now",
			newcomers_on_trial(s->intake->newcomers)},
		{"journal_bytes", "gauge", "size of the journal on disk", journal_bytes(journal)},
		{"journal_waiting_bytes", "gauge", "bytes not yet in the database", pending},
		{"device_state_lag_bytes", "gauge",
			"bytes in the database whose reports are not in device_state yet",
			state_lag},
		{"journal_unsynced_bytes", "gauge", "bytes not yet safe against loss of power",
			end - journal_synced(journal)},
		{"journal_full", "gauge", "journal full, nothing is accepted (1: yes, 0: no)",
			s->intake->full},
		{"database_connected", "gauge", "database connection ready (1: yes, 0: no)",
			out->connected},
		{"batches_total", "counter", "transactions committed", out->batches},
		{"positions_total", "counter", "rows into positions", out->rows_positions},
		{"statuses_total", "counter", "rows into statuses", out->rows_statuses},
		{"alarms_total", "counter", "rows into alarms", out->rows_alarms},
		{"reject_rows_total", "counter", "rows into rejects", out->rows_rejects},
		{"reject_rows_left_out_total", "counter",
			"rejects without a row, beyond the limits of the table",
			row_limits_left_out(s->intake->limits[LIMITED_REJECTS])},
		{"connection_rows_left_out_total", "counter",
			"connections without a row, beyond the limits of the table",
			row_limits_left_out(s->intake->limits[LIMITED_CONNECTIONS])},
		{"duplicates_total", "counter", "records sent again and omitted", out->duplicates},
		{"refused_total", "counter", "rows the database refused", out->refused},
		{"retries_total", "counter", "batches tried again", out->retries},
		{"commands_open", "gauge", "commands queued or sent",
			command_queue_count(s->commands)},
		{"commands_sent_total", "counter", "commands sent, repeats too", commands->sent},
		{"commands_confirmed_total", "counter", "commands confirmed", commands->confirmed},
		{"commands_failed_total", "counter", "commands failed", commands->failed},
		{"commands_expired_total", "counter", "commands expired", commands->expired},
	};
	const size_t count = sizeof(all) / sizeof(all[0]);

	if (count > cap)
		return 0;
	memcpy(numbers, all, sizeof(all));
	return count;
}

#define NUMBERS_MAX 48

static void write_metrics(const struct http_sources *sources, FILE *to)
{
	struct number numbers[NUMBERS_MAX];
	const size_t count = collect(sources, numbers, NUMBERS_MAX);

	for (size_t i = 0; i < count; i++)
		fprintf(to, "# HELP avld_%s %s\n# TYPE avld_%s %s\navld_%s %" PRIu64 "\n",
			numbers[i].name, numbers[i].help, numbers[i].name, numbers[i].type,
			numbers[i].name, numbers[i].value);
	fputs("# HELP avld_connections_refused_total TCP connections refused, by reason\n# "
	      "TYPE "
	      "avld_connections_refused_total counter\n",
		to);
	for (enum conn_refusal_reason reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		fprintf(to, "avld_connections_refused_total{reason=\"%s\"} %" PRIu64 "\n",
			conn_refusals_text(reason), conn_refused(sources->conns)->counts[reason]);
	fputs("# HELP avld_scanners_total probes of other services, by kind\n# TYPE "
	      "avld_scanners_total counter\n",
		to);
	for (size_t i = 0; scanner_kind(i); i++)
		fprintf(to, "avld_scanners_total{kind=\"%s\"} %" PRIu64 "\n", scanner_kind(i),
			sources->intake->scanners.counts[i]);
	fputs("# HELP avld_rejected_total rejects by protocol and reason\n# TYPE "
	      "avld_rejected_total counter\n",
		to);
	for (size_t i = 0; i < REASONS_MAX && sources->intake->reasons[i].count; i++) {
		const struct reason_count *reason = &sources->intake->reasons[i];
		fprintf(to, "avld_rejected_total{protocol=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
			reason->protocol, reason->reason, reason->count);
	}
}

static void write_status(const struct http_sources *sources, double up_s, FILE *to)
{
	struct number numbers[NUMBERS_MAX];
	const size_t count = collect(sources, numbers, NUMBERS_MAX);

	fprintf(to, "avld " AVLD_VERSION ", up %.0f s\n", up_s);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%12" PRIu64 "  %s\n", numbers[i].value, numbers[i].help);
	for (enum conn_refusal_reason reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		if (conn_refused(sources->conns)->counts[reason])
			fprintf(to, "%12" PRIu64 "  connections refused: %s\n",
				conn_refused(sources->conns)->counts[reason],
				conn_refusals_text(reason));
	for (size_t i = 0; scanner_kind(i); i++)
		if (sources->intake->scanners.counts[i])
			fprintf(to, "%12" PRIu64 "  scanners: %s\n",
				sources->intake->scanners.counts[i], scanner_kind(i));
	for (size_t i = 0; i < REASONS_MAX && sources->intake->reasons[i].count; i++) {
		const struct reason_count *reason = &sources->intake->reasons[i];
		fprintf(to, "%12" PRIu64 "  rejected: %s: %s\n", reason->count, reason->protocol,
			reason->reason);
	}
}

// Returns what is wrong and needs a person, or "".
static const char *find_problem(const struct http_sources *sources)
{
	const char *journal = journal_watch_problem(sources->intake->journal);

	return *journal ? journal : writer_counters(sources->writer)->problem;
}

// An unreachable database is reported but does not make the daemon unhealthy: the journal still accepts data.
static enum http_page write_health(const struct http_sources *sources, FILE *to)
{
	const bool full = sources->intake->full;
	const bool connected = writer_counters(sources->writer)->connected;
	const char *problem = find_problem(sources);
	char text[2048];
	struct json json = json_of(text, sizeof(text));

	fprintf(to, "{\"status\":\"%s\",\"database\":\"%s\"",
		full       ? "journal full"
		: *problem ? "degraded"
			   : "ok",
		connected ? "connected" : "away");
	if (*problem) {
		json_text(&json, problem, strlen(problem));
		fprintf(to, ",\"problem\":%.*s", (int)(json.at - text), text);
	}
	fputs("}\n", to);
	return full ? HTTP_PAGE_UNHEALTHY : HTTP_PAGE_JSON;
}

enum http_page http_pages_write(
	const struct http_sources *sources, const char *path, double up_s, FILE *to)
{
	if (!strcmp(path, "/health"))
		return write_health(sources, to);
	if (!strcmp(path, "/metrics")) {
		write_metrics(sources, to);
		return HTTP_PAGE_TEXT;
	}
	if (!strcmp(path, "/status")) {
		write_status(sources, up_s, to);
		return HTTP_PAGE_TEXT;
	}
	fputs("/health, /metrics, /status\n", to);
	return HTTP_PAGE_UNKNOWN;
}
