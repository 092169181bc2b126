// SPDX-License-Identifier: MIT
// Each family has one HELP and TYPE line, then its samples. The values of labels come from tables of the program: no ident, no
// peer, nothing that a peer has sent.
#include "net/metrics.h"

#include "net/numbers.h"
#include "schema/migrations.h"
#include "util/clock.h"
#include "util/process.h"

#include <inttypes.h>
#include <string.h>

static void write_head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

// Writes `name="value"`; what the format does not allow as it is becomes a blank.
static void write_label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++)
		fputc(*value == '"' || *value == '\\' || *value == '\n' ? ' ' : *value, to);
	fputc('"', to);
}

static void write_labelled(
	FILE *to, const char *family, const char *label, const char *value, uint64_t number)
{
	fprintf(to, "%s{", family);
	write_label(to, label, value);
	fprintf(to, "} %" PRIu64 "\n", number);
}

static void write_seconds(FILE *to, const char *name, const char *type, const char *help, double s)
{
	write_head(to, name, type, help);
	fprintf(to, "%s %.3f\n", name, s);
}

// ---- without labels

static void write_numbers(const struct http_sources *sources, FILE *to)
{
	struct number numbers[NUMBERS_MAX];
	const size_t count = numbers_collect(sources, numbers);
	char name[64];

	for (size_t i = 0; i < count; i++) {
		if (!numbers[i].name)
			continue;
		snprintf(name, sizeof(name), "avld_%s", numbers[i].name);
		write_head(to, name, numbers[i].type, numbers[i].help);
		fprintf(to, "%s %" PRIu64 "\n", name, numbers[i].value);
	}
	write_seconds(to, "avld_journal_oldest_pending_seconds", "gauge",
		"age of the oldest entry that is not yet in the database",
		vitals_pending_age(sources->vitals, sources->intake, sources->writer));
}

// ---- by protocol and transport

// Writes the labels up to the closing brace.
static void write_sender(FILE *to, const char *family, const char *protocol, uint8_t transport)
{
	fprintf(to, "%s{", family);
	write_label(to, "protocol", protocol);
	fputc(',', to);
	write_label(to, "transport", peer_transport_name(transport));
}

// Calls `write` for each protocol and transport by which anything has come, and always for no protocol, so that no family is
// without samples.
static void write_senders(const struct http_sources *sources, FILE *to,
	void (*write)(FILE *to, const char *protocol, uint8_t transport,
		const struct frame_counts_row *row))
{
	for (size_t i = 0; i < FRAME_COUNTS_PROTOCOLS; i++) {
		const char *protocol = frame_counts_protocol(i);
		for (uint8_t transport = 0; protocol && transport < 2; transport++) {
			const struct frame_counts_row *row =
				&sources->intake->frames.rows[i][transport];
			if (i == FRAME_COUNTS_NONE || row->frames + row->bytes + row->reports > 0)
				write(to, protocol, transport, row);
		}
	}
}

static void write_frames(
	FILE *to, const char *protocol, uint8_t transport, const struct frame_counts_row *row)
{
	write_sender(to, "avld_frames_total", protocol, transport);
	fprintf(to, "} %" PRIu64 "\n", row->frames);
}

static void write_outcomes(
	FILE *to, const char *protocol, uint8_t transport, const struct frame_counts_row *row)
{
	for (enum frame_outcome outcome = 0; outcome < FRAME_OUTCOMES; outcome++) {
		write_sender(to, "avld_frame_outcomes_total", protocol, transport);
		fputc(',', to);
		write_label(to, "outcome", frame_counts_outcome_name(outcome));
		fprintf(to, "} %" PRIu64 "\n", row->outcomes[outcome]);
	}
}

static void write_bytes(
	FILE *to, const char *protocol, uint8_t transport, const struct frame_counts_row *row)
{
	write_sender(to, "avld_received_bytes_total", protocol, transport);
	fprintf(to, "} %" PRIu64 "\n", row->bytes);
}

static void write_reports(
	FILE *to, const char *protocol, uint8_t transport, const struct frame_counts_row *row)
{
	write_sender(to, "avld_reports_total", protocol, transport);
	fprintf(to, "} %" PRIu64 "\n", row->reports);
}

static void write_traffic(const struct http_sources *sources, FILE *to)
{
	write_head(to, "avld_frames_total", "counter", "frames received");
	write_senders(sources, to, write_frames);
	write_head(to, "avld_frame_outcomes_total", "counter",
		"what became of the frames received, each counted once");
	write_senders(sources, to, write_outcomes);
	write_head(to, "avld_received_bytes_total", "counter", "bytes received and processed");
	write_senders(sources, to, write_bytes);
	write_head(to, "avld_reports_total", "counter", "reports accepted into the journal");
	write_senders(sources, to, write_reports);
}

// ---- by reason, kind, table, class and state

static void write_intake(const struct http_sources *sources, FILE *to)
{
	const struct intake *intake = sources->intake;
	const struct tally_row *row;

	write_head(to, "avld_scanners_total", "counter", "probes of other services, by kind");
	for (size_t i = 0; scanner_kind(i); i++)
		write_labelled(to, "avld_scanners_total", "kind", scanner_kind(i),
			intake->scanners.counts[i]);
	write_head(to, "avld_rejected_total", "counter", "rejects by protocol and reason");
	for (size_t i = 0; (row = tally_next(&intake->reasons, &i));) {
		fputs("avld_rejected_total{", to);
		write_label(to, "protocol", row->group);
		fputc(',', to);
		write_label(to, "reason", row->text);
		fprintf(to, "} %" PRIu64 "\n", row->count);
	}
}

static void write_connections(const struct http_sources *sources, FILE *to)
{
	const struct conn_refusals *refused = conn_refused(sources->conns);
	const struct tally_row *row;

	write_head(to, "avld_connections_refused_total", "counter",
		"TCP connections refused, by reason");
	for (enum conn_refusal_reason reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		write_labelled(to, "avld_connections_refused_total", "reason",
			conn_refusals_text(reason), refused->counts[reason]);
	write_head(to, "avld_connections_closed_total", "counter",
		"TCP connections closed, by reason");
	for (size_t i = 0; (row = tally_next(&sources->intake->ends, &i));)
		write_labelled(
			to, "avld_connections_closed_total", "reason", row->text, row->count);
}

static void write_rows(const struct writer_counters *out, FILE *to)
{
	const struct {
		const char *table;
		uint64_t rows;
	} tables[] = {
		{"positions", out->rows_positions},
		{"statuses", out->rows_statuses},
		{"alarms", out->rows_alarms},
		{"rejects", out->rows_rejects},
		{"connections", out->rows_connections},
		{"commands", out->rows_commands},
		{"media", out->rows_media},
		{"unknown_devices", out->rows_unknown_devices},
	};

	write_head(to, "avld_rows_total", "counter", "rows sent in committed batches, by table");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		write_labelled(to, "avld_rows_total", "table", tables[i].table, tables[i].rows);
	write_head(to, "avld_reports_left_out_total", "counter",
		"reports accepted that made no row of positions or statuses, by reason");
	for (enum left_out reason = 0; reason < LEFT_OUT_REASONS; reason++)
		write_labelled(to, "avld_reports_left_out_total", "reason",
			writer_counters_left_out_name(reason), out->left_out[reason]);
}

static void write_errors(const struct writer_counters *out, FILE *to)
{
	write_head(to, "avld_database_errors_total", "counter",
		"errors of the database, by class of SQLSTATE");
	for (size_t i = 0; writer_counters_error_class(i); i++)
		write_labelled(to, "avld_database_errors_total", "class",
			writer_counters_error_class(i), out->errors[i]);
	write_head(to, "avld_database_last_error", "gauge", "1 for the class of the last error");
	for (size_t i = 0; writer_counters_error_class(i); i++)
		write_labelled(to, "avld_database_last_error", "class",
			writer_counters_error_class(i), out->errors[i] > 0 && out->last_error == i);
}

static void write_commands(const struct http_sources *sources, FILE *to)
{
	const size_t open = command_queue_count(sources->commands);
	const size_t sent = command_queue_count_sent(sources->commands);

	write_head(to, "avld_commands", "gauge", "open commands, by state");
	write_labelled(to, "avld_commands", "state", "queued", open - sent);
	write_labelled(to, "avld_commands", "state", "sent", sent);
}

// ---- histograms

static void write_histogram(
	FILE *to, const char *name, const char *help, const struct histogram *histogram)
{
	uint64_t count = 0;

	write_head(to, name, "histogram", help);
	for (size_t i = 0; histogram->bounds && histogram->bounds[i] > 0.; i++) {
		count += histogram->counts[i];
		fprintf(to, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, histogram->bounds[i],
			count);
		if (histogram->bounds[i + 1] <= 0.)
			count += histogram->counts[i + 1];
	}
	fprintf(to, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64 "\n", name,
		count, name, histogram->sum, name, count);
}

static void write_times(const struct http_sources *sources, FILE *to)
{
	const struct writer_counters *out = writer_counters(sources->writer);

	write_histogram(to, "avld_commit_seconds",
		"time from the beginning of a batch until the database has committed it",
		&out->commit_s);
	write_histogram(to, "avld_receipt_to_commit_seconds",
		"time from the receipt of a report until the database has committed it",
		&out->receipt_s);
	write_histogram(to, "avld_loop_turn_seconds",
		"time of a turn of the loop, without the time that it sleeps",
		&sources->vitals->turn_s);
}

// ---- the process, by the names that all programs use

static void write_process(const struct http_sources *sources, FILE *to)
{
	const struct process_use use = process_read_use();
	const uint64_t files = vitals_open_files(sources->vitals, sources->conns, &use);

	write_seconds(to, "process_start_time_seconds", "gauge",
		"time of the start since 1970 in seconds",
		(double)sources->vitals->started_us / 1e6);
	write_seconds(to, "process_cpu_seconds_total", "counter", "processor time used", use.cpu_s);
	write_head(to, "process_resident_memory_bytes", "gauge",
		"memory used, mapped segments of the journal included");
	fprintf(to, "process_resident_memory_bytes %" PRIu64 "\n", use.resident_bytes);
	write_head(to, "process_virtual_memory_bytes", "gauge", "virtual memory");
	fprintf(to, "process_virtual_memory_bytes %" PRIu64 "\n", use.virtual_bytes);
	write_head(to, "process_open_fds", "gauge", "file descriptors open");
	fprintf(to, "process_open_fds %" PRIu64 "\n", files);
	write_head(to, "process_max_fds", "gauge", "file descriptors that may be open");
	fprintf(to, "process_max_fds %" PRIu64 "\n", use.files_max);
	write_head(to, "avld_build_info", "gauge", "1; the version of avld and of its tables");
	fprintf(to, "avld_build_info{version=\"" AVLD_VERSION "\",schema=\"%d\"} 1\n",
		SCHEMA_VERSION);
}

void metrics_write(const struct http_sources *sources, FILE *to)
{
	const struct writer_counters *out = writer_counters(sources->writer);

	write_numbers(sources, to);
	write_traffic(sources, to);
	write_intake(sources, to);
	write_connections(sources, to);
	write_rows(out, to);
	write_errors(out, to);
	write_commands(sources, to);
	write_times(sources, to);
	write_process(sources, to);
}
