// SPDX-License-Identifier: MIT
#include "net/numbers.h"

#include "intake/newcomers.h"

#include <string.h>

static void add(struct number *numbers, size_t *count, const struct number *more, size_t n)
{
	if (*count + n > NUMBERS_MAX)
		return;
	memcpy(numbers + *count, more, n * sizeof(*more));
	*count += n;
}
#define ADD(more) add(numbers, count, more, sizeof(more) / sizeof((more)[0]))

static void collect_peers(const struct http_sources *s, struct number *numbers, size_t *count)
{
	const struct intake_counters *in = &s->intake->counters;
	const struct conn_counters conns = conn_counters(s->conns);
	const struct number all[] = {
		{"connections", "gauge", "TCP connections open", conn_count(s->conns)},
		{"connections_opened_total", "counter", "TCP connections accepted", conns.opened},
		{"connections_evicted_total", "counter",
			"silent connections of strangers closed to make room", conns.evicted},
		{"peers_paused", "gauge",
			"TCP peers above their share, not read while the database is behind",
			conns.paused},
		{"pauses_total", "counter", "times that a TCP peer was paused so", conns.pauses},
		{"peers_above_share_total", "counter",
			"TCP peers that sent more than their share for 5 s on end",
			conns.above_share},
		{"udp_datagrams_total", "counter", "datagrams received, whatever became of them",
			in->udp_datagrams},
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
	};

	ADD(all);
}

static void collect_intake(const struct http_sources *s, struct number *numbers, size_t *count)
{
	const struct intake *intake = s->intake;
	const struct intake_counters *in = &intake->counters;
	const struct newcomers_counters *new = newcomers_counters(intake->newcomers);
	const struct number all[] = {
		{NULL, "counter", "frames received", in->frames},
		{NULL, "counter", "reports accepted", in->reports},
		{"fillers_total", "counter", "blank lines and other fillers between frames",
			in->fillers},
		{"rejects_total", "counter", "frames or parts of frames that could not be used",
			in->rejects},
		{"reports_decoded_total", "counter", "reports decoded, accepted or not",
			in->reports_decoded},
		{"reports_refused_total", "counter",
			"reports decoded and not accepted: their device is not admitted",
			in->reports_refused},
		{"reports_on_trial", "gauge", "reports kept of new devices on trial",
			newcomers_entries(intake->newcomers)},
		{"photos_total", "counter", "photos fetched, whole or in part", in->photos},
		{"photo_bytes", "gauge", "memory used by photos not yet stored",
			intake->photos.bytes},
		{"photos_cut_total", "counter",
			"photos ended before all of their parts came, to make room for others",
			intake->photos.cut},
		{"devices", "gauge", "devices known", device_directory_count(intake->directory)},
		{"devices_connected", "gauge", "devices with a TCP connection of their own",
			in->devices_connected},
		{"new_devices_total", "counter", "devices admitted as new", new->admitted},
		{"new_devices_held_total", "counter", "new devices put on trial", new->held},
		{"new_devices_refused_total", "counter",
			"new devices refused, or dropped while on trial", new->refused},
		{"new_devices_on_trial", "gauge", "new devices on trial now",
			newcomers_on_trial(intake->newcomers)},
		{"reject_rows_left_out_total", "counter",
			"rejects without a row, beyond the limits of the table",
			row_limits_left_out(intake->limits[LIMITED_REJECTS])},
		{"connection_rows_left_out_total", "counter",
			"connections without a row, beyond the limits of the table",
			row_limits_left_out(intake->limits[LIMITED_CONNECTIONS])},
	};

	ADD(all);
}

static void collect_journal(const struct http_sources *s, struct number *numbers, size_t *count)
{
	const struct journal *journal = s->intake->journal;
	const struct writer_counters *out = writer_counters(s->writer);
	const uint64_t start = journal_start(journal), end = journal_end(journal);
	const uint64_t pending = vitals_pending_bytes(s->intake, s->writer), stored = end - pending;
	const uint64_t states = out->state_lsn > start ? out->state_lsn : start;
	const struct number all[] = {
		{"journal_bytes", "gauge", "size of the journal on disk", journal_bytes(journal)},
		{"journal_max_bytes", "gauge", "size that the journal may have (journal.max_size)",
			(uint64_t)s->intake->config->journal.max_size},
		{"journal_waiting_bytes", "gauge", "bytes not yet in the database", pending},
		{"journal_pending_entries", "gauge",
			"entries written since the start and not yet in the database",
			vitals_pending_entries(s->vitals, s->intake, s->writer)},
		{"journal_lost_entries_total", "counter",
			"entries written since the start that could not be read again",
			vitals_lost_entries(s->vitals, s->intake, s->writer)},
		{"device_state_lag_bytes", "gauge",
			"bytes in the database whose reports are not in device_state yet",
			stored > states ? stored - states : 0},
		{"journal_unsynced_bytes", "gauge", "bytes not yet safe against loss of power",
			end - journal_synced(journal)},
		{"journal_full", "gauge", "journal full, nothing is accepted (1: yes, 0: no)",
			s->intake->full},
		{"reports_pending", "gauge",
			"reports accepted since the start and not yet in the database",
			vitals_pending_reports(s->vitals, s->intake, s->writer)},
		{"reports_lost_total", "counter",
			"reports accepted since the start whose entries could not be read again",
			vitals_lost_reports(s->vitals, s->intake, s->writer)},
	};

	ADD(all);
}

static void collect_writer(const struct http_sources *s, struct number *numbers, size_t *count)
{
	const struct writer_counters *out = writer_counters(s->writer);
	const struct number all[] = {
		{"database_connected", "gauge", "database connection ready (1: yes, 0: no)",
			out->connected},
		{"database_reconnects_total", "counter",
			"connections to the database made after the first one",
			out->connects > 1 ? out->connects - 1 : 0},
		{"batches_total", "counter", "transactions committed", out->batches},
		{"positions_total", "counter", "rows into positions", out->rows_positions},
		{"statuses_total", "counter", "rows into statuses", out->rows_statuses},
		{"alarms_total", "counter", "rows into alarms", out->rows_alarms},
		{"alarm_notifications_total", "counter",
			"notifications of alarms sent (database.notify_alarms)",
			out->notifications},
		{"alarm_notifications_left_out_total", "counter",
			"alarms stored without notification, with database.notify_alarms",
			out->notifications_left_out},
		{"reject_rows_total", "counter", "rows into rejects", out->rows_rejects},
		{"duplicates_total", "counter", "reports sent again and omitted", out->duplicates},
		{"reports_again_total", "counter",
			"reports read from the journal that were written before the start, or "
			"that the database had lost",
			out->reports_again},
		{"refused_total", "counter", "rows the database refused", out->refused},
		{"retries_total", "counter", "batches tried again", out->retries},
	};

	ADD(all);
}

static void collect_commands(const struct http_sources *s, struct number *numbers, size_t *count)
{
	const struct command_counters *commands = command_queue_counters(s->commands);
	const struct number all[] = {
		{"commands_open", "gauge", "commands queued or sent",
			command_queue_count(s->commands)},
		{"commands_sent_total", "counter", "commands sent, repeats too", commands->sent},
		{"commands_confirmed_total", "counter", "commands confirmed", commands->confirmed},
		{"commands_failed_total", "counter", "commands failed", commands->failed},
		{"commands_expired_total", "counter", "commands expired", commands->expired},
	};

	ADD(all);
}

size_t numbers_collect(const struct http_sources *sources, struct number *numbers)
{
	size_t count = 0;

	collect_peers(sources, numbers, &count);
	collect_intake(sources, numbers, &count);
	collect_journal(sources, numbers, &count);
	collect_writer(sources, numbers, &count);
	collect_commands(sources, numbers, &count);
	return count;
}
