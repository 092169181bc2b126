// SPDX-License-Identifier: MIT
// Which reports a simulated tracker has to make by now, and how they get into its socket.
#include "simulate/simulate_fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define UDP_WINDOW 1024 /* bytes without acknowledgement over UDP */
#define BEAT_EVERY 20   /* reports */
#define DATAGRAMS  64   /* handed over at once */
#define BATCHES    4    /* handed over in one turn of the loop */

static uint64_t due_reports(const struct link *link)
{
	uint64_t due = schedule_share(&link->fleet->schedule, link->fleet->due, link->index);
	return due < link->quota ? due : link->quota;
}

// For what one sighting may become.
static size_t room_wanted(const struct link *link)
{
	return link->device.log ? SIMULATE_BURST_MAX : 2 * SIMULATE_RECORD_MAX;
}

static bool has_room(const struct link *link)
{
	size_t held = link->records.len - link->records.first;
	size_t most = link->fleet->options->udp && link->records.protocol->answer ? UDP_WINDOW
										  : RECORDS_MAX;
	return held + room_wanted(link) <= most;
}

bool link_has_more(const struct link *link)
{
	if (link->records.sent < link->records.len || link->reply_sent < link->reply_len)
		return true;
	return link->made < due_reports(link) && has_room(link);
}

static void make_records(struct link *link)
{
	struct fleet *fleet = link->fleet;
	struct simulated *device = &link->device;
	struct records *records = &link->records;
	const struct simulate_protocol *protocol = records->protocol;
	uint64_t due = due_reports(link);
	if ((device->deltas || device->gaps) && !device->log &&
		!(device->log = calloc(1, sizeof(*device->log))))
		return;
	while (link->made < due && has_room(link) && records_reserve(records, room_wanted(link))) {
		int64_t time_us = schedule_time(&fleet->schedule, link->index, link->made);
		if (link->made == 0)
			vehicle_start(
				&device->vehicle, fleet->options->seed, device->number, time_us);
		struct sighting seen = vehicle_drive(&device->vehicle, time_us);
		device->last = seen;
		device->ends = link->made + 1 == link->quota;
		records->len += protocol->report(device, &seen, records->data + records->len);
		if (protocol->beat && link->made % BEAT_EVERY == 0) {
			records->len += protocol->beat(device, &seen, records->data + records->len);
			fleet->asked++;
		}
		fleet->asked += protocol->answer != NULL;
		fleet->made++;
		link->made++;
	}
}

static enum sending judge(ssize_t sent, size_t wanted)
{
	if (sent >= 0)
		return (size_t)sent == wanted ? SENT_ALL : SENT_SOME;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return SENT_SOME;
	return SEND_BROKE;
}

enum sending link_send_hello(struct link *link)
{
	size_t wanted = (size_t)(link->hello_len - link->hello_sent);
	if (wanted == 0)
		return SENT_ALL;
	ssize_t sent = send(link->fd, link->hello + link->hello_sent, wanted, MSG_NOSIGNAL);
	if (sent > 0)
		link->hello_sent = (uint8_t)(link->hello_sent + sent);
	return judge(sent, wanted);
}

static enum sending send_stream(struct link *link)
{
	struct records *records = &link->records;
	size_t wanted = records->len - records->sent;
	ssize_t sent = send(link->fd, records->data + records->sent, wanted, MSG_NOSIGNAL);
	if (sent > 0)
		records->sent += (size_t)sent;
	return judge(sent, wanted);
}

static enum sending send_datagrams(struct link *link)
{
	struct records *records = &link->records;
	struct mmsghdr messages[DATAGRAMS] = {0};
	struct iovec parts[DATAGRAMS];
	unsigned count = 0;
	for (size_t at = records->sent; at < records->len && count < DATAGRAMS; count++) {
		parts[count] = (struct iovec){records->data + at, records_at(records, at)};
		messages[count].msg_hdr.msg_iov = &parts[count];
		messages[count].msg_hdr.msg_iovlen = 1;
		at += parts[count].iov_len;
	}
	int sent = sendmmsg(link->fd, messages, count, MSG_NOSIGNAL);
	for (int i = 0; i < sent; i++)
		records->sent += parts[i].iov_len;
	return judge(sent, count);
}

// ---- replies to commands

// Has the stream been handed over up to the end of a record?
static bool is_between_records(const struct records *records)
{
	size_t at = records->first;
	while (at < records->sent)
		at += records_at(records, at);
	return at == records->sent;
}

static enum sending send_reply(struct link *link)
{
	size_t wanted = (size_t)(link->reply_len - link->reply_sent);
	ssize_t sent = send(link->fd, link->reply + link->reply_sent, wanted, MSG_NOSIGNAL);
	if (sent > 0)
		link->reply_sent = (uint16_t)(link->reply_sent + sent);
	if (link->reply_sent == link->reply_len)
		link->reply_len = link->reply_sent = 0;
	return judge(sent, wanted);
}

void link_obey(struct link *link, const uint8_t *command, size_t len)
{
	uint8_t reply[SIMULATE_REPLY_MAX];
	const uint32_t photos = link->device.camera.given, parts = link->device.camera.answers;
	size_t reply_len = link->records.protocol->obey(&link->device, command, len, reply);
	link->fleet->photos += link->device.camera.given - photos;
	link->fleet->obeyed += link->device.camera.answers == parts;
	if (reply_len > sizeof(link->reply) - link->reply_len)
		return; /* the server asks faster than it listens: it will ask again */
	memcpy(link->reply + link->reply_len, reply, reply_len);
	link->reply_len = (uint16_t)(link->reply_len + reply_len);
}

enum sending link_send_reports(struct link *link)
{
	struct records *records = &link->records;
	for (int batch = 0; batch < BATCHES; batch++) {
		if (link->reply_len && (link->fleet->options->udp || is_between_records(records))) {
			enum sending replied = send_reply(link);
			if (replied != SENT_ALL)
				return replied;
		}
		if (records->sent == records->len)
			make_records(link);
		if (records->sent == records->len)
			return SENT_ALL;
		bool udp = link->fleet->options->udp;
		enum sending result = udp ? send_datagrams(link) : send_stream(link);
		if (result == SEND_BROKE)
			return SEND_BROKE;
		if (!records->protocol->answer)
			records_forget_old(records);
		if (result == SENT_SOME)
			return SENT_SOME;
	}
	return SENT_SOME;
}
