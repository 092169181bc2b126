// SPDX-License-Identifier: MIT
// Reports are made only when all earlier ones have been sent, and only as many as may be kept without acknowledgement.
#include "simulate/simulate_outbox.h"

#include "util/calendar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define UDP_WINDOW      1024 /* bytes without acknowledgement over UDP */
#define HEARTBEAT_EVERY 20   /* reports */
#define DATAGRAMS       64   /* sent with one system call */
#define ROUNDS          4    /* of sending in one turn of the loop */

void simulate_outbox_init(struct simulate_outbox *outbox, struct simulate_run *run, uint32_t index)
{
	const struct simulate_options *options = run->options;
	const struct simulate_protocol *protocol = simulate_run_protocol(run, index);

	*outbox =
		(struct simulate_outbox){.run = run, .index = index, .records.protocol = protocol};
	simulate_tracker_init(&outbox->tracker, protocol, options->seed, index + 1);
	outbox->tracker.deltas = options->deltas;
	outbox->tracker.gaps = options->gaps;
	outbox->tracker.camera.on = options->photos;
	outbox->tracker.udp = options->udp;
	outbox->quota = SCHEDULE_ENDLESS;
	if (options->count != SCHEDULE_ENDLESS)
		outbox->quota = simulate_schedule_share(&run->schedule, options->count, index);
}

void simulate_outbox_done(struct simulate_outbox *outbox)
{
	simulate_records_done(&outbox->records);
	free(outbox->tracker.log);
	outbox->tracker.log = NULL;
}

// ---- making reports

static uint64_t due_reports(const struct simulate_outbox *outbox)
{
	const struct simulate_run *run = outbox->run;
	const uint64_t due = simulate_schedule_share(&run->schedule, run->due, outbox->index);

	return due < outbox->quota ? due : outbox->quota;
}

// Returns the bytes that one sighting may become.
static size_t room_needed(const struct simulate_outbox *outbox)
{
	return outbox->tracker.log ? SIMULATE_BURST_MAX : 2 * SIMULATE_RECORD_MAX;
}

static bool has_room(const struct simulate_outbox *outbox)
{
	const struct simulate_records *records = &outbox->records;
	const bool windowed = outbox->run->options->udp && records->protocol->answer;

	if (windowed && records->protocol->one_by_one && simulate_records_awaits_any(records))
		return false;
	return records->len - records->first + room_needed(outbox) <=
	       (windowed ? UDP_WINDOW : RECORDS_MAX);
}

bool simulate_outbox_has_more(const struct simulate_outbox *outbox)
{
	if (outbox->records.sent < outbox->records.len || outbox->reply_sent < outbox->reply_len)
		return true;
	return outbox->made < due_reports(outbox) && has_room(outbox);
}

bool simulate_outbox_is_finished(const struct simulate_outbox *outbox)
{
	return outbox->made >= outbox->quota && outbox->records.sent == outbox->records.len &&
	       !outbox->reply_len;
}

// Writes ident, protocol, time, degrees and km/h of a report.
static void write_track(
	FILE *track, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	char time[CALENDAR_TEXT_MAX];

	calendar_text(seen->time_us, 3, time);
	fprintf(track, "%s,%s,%s,%.7f,%.7f,%.2f\n", tracker->ident, tracker->protocol->name, time,
		seen->lat_e7 / 1e7, seen->lon_e7 / 1e7, seen->speed_kmh_e2 / 1e2);
}

// Makes one report, and a heartbeat now and then.
static void make_report(struct simulate_outbox *outbox)
{
	struct simulate_run *run = outbox->run;
	struct simulate_tracker *tracker = &outbox->tracker;
	struct simulate_records *records = &outbox->records;
	const struct simulate_protocol *protocol = records->protocol;
	const int64_t time_us = simulate_schedule_time(&run->schedule, outbox->index, outbox->made);

	if (outbox->made == 0)
		simulate_vehicle_start(
			&tracker->vehicle, run->options->seed, tracker->number, time_us);
	const struct simulate_sighting seen = simulate_vehicle_drive(&tracker->vehicle, time_us);
	if (run->options->track)
		write_track(run->options->track, tracker, &seen);
	tracker->last = seen;
	tracker->ends = outbox->made + 1 == outbox->quota;
	const size_t start = records->len;
	records->len += protocol->report(tracker, &seen, records->data + records->len);
	if (protocol->heartbeat && outbox->made % HEARTBEAT_EVERY == 0)
		records->len += protocol->heartbeat(tracker, &seen, records->data + records->len);
	run->asked += simulate_records_count_awaited(records, start, records->len);
	run->made++;
	outbox->made++;
}

static void make_reports(struct simulate_outbox *outbox)
{
	struct simulate_tracker *tracker = &outbox->tracker;
	const uint64_t due = due_reports(outbox);

	if ((tracker->deltas || tracker->gaps) && !tracker->log &&
		!(tracker->log = calloc(1, sizeof(*tracker->log))))
		return;
	while (outbox->made < due && has_room(outbox) &&
		simulate_records_reserve(&outbox->records, room_needed(outbox)))
		make_report(outbox);
}

// ---- sending

static enum simulate_sent sent_result(ssize_t sent, size_t wanted)
{
	if (sent >= 0)
		return (size_t)sent == wanted ? SENT_ALL : SENT_SOME;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return SENT_SOME;
	return SENT_FAILED;
}

bool simulate_outbox_log_in(struct simulate_outbox *outbox)
{
	const struct simulate_protocol *protocol = outbox->records.protocol;

	outbox->reply_len = outbox->reply_sent = 0;
	outbox->login_sent = 0;
	outbox->login_len =
		protocol->login ? (uint8_t)protocol->login(&outbox->tracker, outbox->login) : 0;
	return outbox->login_len > 0;
}

enum simulate_sent simulate_outbox_send_login(struct simulate_outbox *outbox, int fd)
{
	const size_t wanted = (size_t)(outbox->login_len - outbox->login_sent);

	if (wanted == 0)
		return SENT_ALL;
	const ssize_t sent = send(fd, outbox->login + outbox->login_sent, wanted, MSG_NOSIGNAL);
	if (sent > 0)
		outbox->login_sent = (uint8_t)(outbox->login_sent + sent);
	return sent_result(sent, wanted);
}

static enum simulate_sent send_stream(struct simulate_records *records, int fd)
{
	const size_t wanted = records->len - records->sent;
	const ssize_t sent = send(fd, records->data + records->sent, wanted, MSG_NOSIGNAL);

	if (sent > 0)
		records->sent += (size_t)sent;
	return sent_result(sent, wanted);
}

static enum simulate_sent send_datagrams(struct simulate_records *records, int fd)
{
	struct mmsghdr messages[DATAGRAMS] = {0};
	struct iovec parts[DATAGRAMS];
	unsigned count = 0;

	for (size_t at = records->sent; at < records->len && count < DATAGRAMS; count++) {
		parts[count] = (struct iovec){records->data + at, simulate_records_at(records, at)};
		messages[count].msg_hdr.msg_iov = &parts[count];
		messages[count].msg_hdr.msg_iovlen = 1;
		at += parts[count].iov_len;
	}
	const int sent = sendmmsg(fd, messages, count, MSG_NOSIGNAL);
	for (int i = 0; i < sent; i++)
		records->sent += parts[i].iov_len;
	return sent_result(sent, count);
}

// Returns true if the stream has been sent up to the end of a record.
static bool is_between_records(const struct simulate_records *records)
{
	size_t at = records->first;

	while (at < records->sent)
		at += simulate_records_at(records, at);
	return at == records->sent;
}

static enum simulate_sent send_reply(struct simulate_outbox *outbox, int fd)
{
	const size_t wanted = (size_t)(outbox->reply_len - outbox->reply_sent);
	const ssize_t sent = send(fd, outbox->reply + outbox->reply_sent, wanted, MSG_NOSIGNAL);

	if (sent > 0)
		outbox->reply_sent = (uint16_t)(outbox->reply_sent + sent);
	if (outbox->reply_sent == outbox->reply_len)
		outbox->reply_len = outbox->reply_sent = 0;
	return sent_result(sent, wanted);
}

void simulate_outbox_execute(struct simulate_outbox *outbox, const uint8_t *command, size_t len)
{
	struct simulate_camera *camera = &outbox->tracker.camera;
	uint8_t reply[SIMULATE_REPLY_MAX];
	const uint32_t photos = camera->given, parts = camera->answers;
	const size_t reply_len =
		outbox->records.protocol->execute(&outbox->tracker, command, len, reply);

	outbox->run->photos += camera->given - photos;
	outbox->run->obeyed += camera->answers == parts;
	if (reply_len > sizeof(outbox->reply) - outbox->reply_len)
		return; /* the server does not read its answers: it will ask again */
	memcpy(outbox->reply + outbox->reply_len, reply, reply_len);
	outbox->reply_len = (uint16_t)(outbox->reply_len + reply_len);
}

enum simulate_sent simulate_outbox_send(struct simulate_outbox *outbox, int fd)
{
	struct simulate_records *records = &outbox->records;
	const bool udp = outbox->run->options->udp;

	for (int round = 0; round < ROUNDS; round++) {
		if (outbox->reply_len && (udp || is_between_records(records))) {
			const enum simulate_sent replied = send_reply(outbox, fd);
			if (replied != SENT_ALL)
				return replied;
		}
		if (records->sent == records->len)
			make_reports(outbox);
		if (records->sent == records->len)
			return SENT_ALL;
		const enum simulate_sent sent =
			udp ? send_datagrams(records, fd) : send_stream(records, fd);
		if (sent == SENT_FAILED)
			return SENT_FAILED;
		simulate_records_forget_old(records);
		if (sent == SENT_SOME)
			return SENT_SOME;
	}
	return SENT_SOME;
}
