// SPDX-License-Identifier: MIT
// One simulated tracker's socket.
//
//   NEW -> CONNECTING -> LOGIN -> OPEN -> CLOSING -> DONE
//              |           |       |         |
//              '-----------'-------'---------'--> WAITING -> CONNECTING ...   a break; FAILED when
//              given up
//
// TCP hands over many records at once, UDP one a datagram. Protocols without a log-in go straight
// to OPEN.
#include "simulate/simulate_fleet.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_S     5.0
#define LOGIN_S       5.0
#define ACK_S         10.0
#define UDP_SILENCE_S 2.0 /* then log in and send again, */
#define UDP_SILENCES  5   /* that often */
#define FIN_S         5.0
#define PHOTO_S       15.0 /* for the rest of a photo, at the end */
#define UDP_LINGER_S  0.2  /* a refusal would be here by then */
#define BACKOFF_S     0.2
#define BACKOFF_MAX_S 5.0
#define STEADY_S      2.0 /* a connection that stood so long was good */
#define CLOSE_TRIES   3

static void break_off(struct link *link, const char *why);
static void settle(struct link *link);

static const struct simulate_protocol *protocol_of(const struct link *link)
{
	return link->records.protocol;
}

static bool wants_answers(const struct link *link)
{
	return protocol_of(link)->answer;
}

// States, timer, watched events -------------------------------------------------------------

static bool is_up(enum link_state state)
{
	return state == LINK_LOGIN || state == LINK_OPEN || state == LINK_CLOSING;
}

static void set_state(struct link *link, enum link_state state)
{
	struct fleet *fleet = link->fleet;
	fleet->open += (uint32_t)is_up(state) - (uint32_t)is_up(link->state);
	fleet->connecting +=
		(uint32_t)(state == LINK_CONNECTING) - (uint32_t)(link->state == LINK_CONNECTING);
	bool was_ended = link->state >= LINK_DONE;
	link->state = state;
	if (state >= LINK_DONE && !was_ended)
		fleet_link_ended(fleet);
}

static void set_timer(struct link *link, double seconds)
{
	ev_timer_stop(link->fleet->loop, &link->timer);
	if (seconds <= 0)
		return;
	ev_timer_set(&link->timer, seconds, 0);
	ev_timer_start(link->fleet->loop, &link->timer);
}

static int wanted_events(const struct link *link)
{
	switch (link->state) {
	case LINK_CONNECTING:
		return EV_WRITE;
	case LINK_LOGIN:
		return EV_READ | (link->hello_sent < link->hello_len ? EV_WRITE : 0);
	case LINK_OPEN:
		return EV_READ | (link_has_more(link) ? EV_WRITE : 0);
	case LINK_CLOSING:
		return EV_READ;
	default:
		return 0;
	}
}

static void watch(struct link *link)
{
	int events = wanted_events(link);
	if (ev_is_active(&link->io) && (link->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(link->fleet->loop, &link->io);
	if (!events)
		return;
	ev_io_set(&link->io, link->fd, events);
	ev_io_start(link->fleet->loop, &link->io);
}

static void drop_socket(struct link *link)
{
	ev_io_stop(link->fleet->loop, &link->io);
	set_timer(link, 0);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

// Ends the link in state DONE or FAILED.
static void end(struct link *link, enum link_state state)
{
	struct fleet *fleet = link->fleet;
	struct records *records = &link->records;
	drop_socket(link);
	if (fleet->options->udp && state == LINK_FAILED)
		records->sent = records->again_until = records->first; /* refused */
	fleet->unsent += records_unsent(records);
	if (wants_answers(link))
		fleet->missing += records_count(records, records->first, records->len, false);
	records_done(records);
	set_state(link, state);
}

// Connecting --------------------------------------------------------------------------------

static void enter_open(struct link *link)
{
	struct fleet *fleet = link->fleet;
	fleet->again += records_count(
		&link->records, link->records.first, link->records.again_until, false);
	set_state(link, LINK_OPEN);
	set_timer(link, 0);
	link_kick(link);
}

static void log_in(struct link *link)
{
	const struct simulate_protocol *protocol = protocol_of(link);
	link->in_len = 0;
	link->reply_len = link->reply_sent = 0;
	link->skip = 0;
	if (!protocol->hello) {
		enter_open(link);
		return;
	}
	link->hello_len = (uint8_t)protocol->hello(&link->device, link->hello);
	link->hello_sent = 0;
	set_state(link, LINK_LOGIN);
	set_timer(link, link->fleet->options->udp ? UDP_SILENCE_S : LOGIN_S);
	settle(link);
}

static void on_connected(struct link *link)
{
	struct fleet *fleet = link->fleet;
	fleet->reached |= !fleet->options->udp;
	fleet->reconnects += link->was_open;
	link->was_open = true;
	link->opened = ev_now(fleet->loop);
	fleet_begin_schedule(fleet);
	log_in(link);
}

void link_begin(struct link *link)
{
	const struct fleet_options *options = link->fleet->options;
	int type = (options->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	set_state(link, LINK_CONNECTING);
	link->fd = socket(options->address.ss_family, type, 0);
	if (link->fd < 0) {
		break_off(link, strerror(errno));
		return;
	}
	int on = 1;
	if (!options->udp)
		(void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	const struct sockaddr *address = (const struct sockaddr *)&options->address;
	if (connect(link->fd, address, options->address_len) == 0) {
		on_connected(link);
	} else if (errno == EINPROGRESS) {
		set_timer(link, CONNECT_S);
		watch(link);
	} else {
		break_off(link, strerror(errno));
	}
}

static void finish_connecting(struct link *link)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		break_off(link, strerror(error));
	else
		on_connected(link);
}

static double backoff(const struct link *link)
{
	double seconds = BACKOFF_S * (double)(1u << (link->tries < 6 ? link->tries : 6));
	seconds = seconds > BACKOFF_MAX_S ? BACKOFF_MAX_S : seconds;
	uint32_t jitter = (link->index + 1) * 2654435761u + link->tries * 40503u;
	return seconds * (0.75 + 0.5 * (jitter >> 16) / 65536.0);
}

// The connection is lost or was not made: comes again after a while, unless all ends.
static void break_off(struct link *link, const char *why)
{
	struct fleet *fleet = link->fleet;
	bool closing = link->state == LINK_CLOSING;
	fleet->breaks++;
	snprintf(fleet->trouble, sizeof(fleet->trouble), "%s", why);
	drop_socket(link);
	if (is_up(link->state) && ev_now(fleet->loop) - link->opened > STEADY_S)
		link->tries = 0;
	if (fleet->stopping || (closing && ++link->close_tries >= CLOSE_TRIES)) {
		end(link, LINK_FAILED);
		return;
	}
	records_rewind(&link->records);
	set_state(link, LINK_WAITING);
	set_timer(link, backoff(link));
	if (link->tries < UINT16_MAX)
		link->tries++;
}

// Ending ------------------------------------------------------------------------------------

static void begin_close(struct link *link)
{
	bool udp = link->fleet->options->udp;
	set_state(link, LINK_CLOSING);
	set_timer(link, udp ? UDP_LINGER_S : FIN_S);
	if (!udp && shutdown(link->fd, SHUT_WR) < 0)
		break_off(link, strerror(errno));
}

static bool is_finished(const struct link *link)
{
	return link->made >= link->quota && link->records.sent == link->records.len &&
	       !link->reply_len;
}

// After anything that happened on a link that is up: next state, timer and watched events.
static void settle(struct link *link)
{
	if (link->state == LINK_OPEN) {
		bool photo = link->device.camera.open && !link->fleet->stopping;
		bool waits = (wants_answers(link) && link->records.first < link->records.len) ||
			     (photo && is_finished(link));
		if (is_finished(link) && !waits)
			begin_close(link);
		else if (!waits)
			set_timer(link, 0);
		else if (photo && is_finished(link) && !ev_is_active(&link->timer))
			set_timer(link, PHOTO_S);
		else if (!ev_is_active(&link->timer) && link->fleet->options->udp)
			set_timer(link, UDP_SILENCE_S);
		else if (!ev_is_active(&link->timer) && is_finished(link))
			set_timer(link, ACK_S);
	}
	if (link->fd >= 0)
		watch(link);
}

void link_kick(struct link *link)
{
	enum sending result = SENT_ALL;
	if (link->state == LINK_LOGIN)
		result = link_send_hello(link);
	else if (link->state == LINK_OPEN)
		result = link_send_reports(link);
	else
		return;
	if (result == SEND_BROKE)
		break_off(link, strerror(errno));
	else
		settle(link);
}

// Over UDP frames or their answers get lost: log in and send them again.
static void on_silence(struct link *link)
{
	bool udp = link->fleet->options->udp;
	if (!wants_answers(link)) { /* nobody fetches the photo */
		link->device.camera.open = false;
		settle(link);
		return;
	}
	link->silences++;
	if (!udp || (link->silences >= UDP_SILENCES && is_finished(link))) {
		struct records *records = &link->records;
		link->fleet->missing += records_count(records, records->first, records->len, false);
		records->first = records->len;
		begin_close(link);
		watch(link);
		return;
	}
	records_rewind(&link->records);
	log_in(link);
}

// Hearing -----------------------------------------------------------------------------------

static void on_answer(struct link *link, uint32_t key)
{
	struct fleet *fleet = link->fleet;
	if (link->state == LINK_LOGIN &&
		protocol_of(link)->key(link->hello, link->hello_len) == key) {
		fleet->reached = true;
		enter_open(link);
	} else if (records_acknowledge(&link->records, key)) {
		fleet->answered++;
		link->silences = 0;
		set_timer(link, 0);
	} else {
		fleet->strange++;
	}
}

// For those that get no answers: what comes are commands.
static void hear_commands(struct link *link, const uint8_t *data, size_t len)
{
	const struct simulate_protocol *protocol = protocol_of(link);
	size_t used;
	for (; len > 0 && (used = protocol->command_length(data, len)) > 0; len -= used) {
		link_obey(link, data, used);
		data += used;
	}
	if (len >= sizeof(link->in)) {
		link->fleet->strange++;
		return;
	}
	memcpy(link->in, data, len);
	link->in_len = (uint16_t)len;
}

// The server's bytes, behind those kept in `in`. Keeps the head of an answer that is not whole.
static void hear(struct link *link, const uint8_t *data, size_t len)
{
	const struct simulate_protocol *protocol = protocol_of(link);
	while (len > 0 && is_up(link->state)) {
		size_t used = 0;
		uint32_t key = 0;
		enum simulate_answer answer = ANSWER_OTHER;
		if (link->skip)
			used = link->skip;
		else
			answer = protocol->answer(data, len, &used, &key);
		if (answer == ANSWER_MORE && len < sizeof(link->in)) {
			memcpy(link->in, data, len);
			link->in_len = (uint16_t)len;
			return;
		}
		if (answer == ANSWER_BAD || answer == ANSWER_MORE) {
			link->fleet->strange++;
			return;
		}
		link->skip = used > len ? used - len : 0;
		used = used > len ? len : used;
		if (answer == ANSWER_ACK)
			on_answer(link, key);
		else if (!link->skip && protocol->obey &&
			 used == protocol->command_length(data, used))
			link_obey(link, data, used);
		data += used;
		len -= used;
	}
}

static void on_end_of_stream(struct link *link)
{
	if (link->state == LINK_CLOSING)
		end(link, LINK_DONE);
	else
		break_off(link, "closed by the server");
}

static void on_readable(struct link *link)
{
	uint8_t data[sizeof(link->in) + 4096];
	memcpy(data, link->in, link->in_len);
	size_t kept = link->in_len;
	link->in_len = 0;
	ssize_t got = recv(link->fd, data + kept, sizeof(data) - kept, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		link->in_len = (uint16_t)kept;
	} else if (got < 0) {
		break_off(link, strerror(errno));
	} else if (got == 0 && !link->fleet->options->udp) {
		on_end_of_stream(link);
	} else if (wants_answers(link) || protocol_of(link)->obey) {
		(wants_answers(link) ? hear : hear_commands)(link, data, kept + (size_t)got);
		if (link->fleet->options->udp)
			link->in_len = 0;
		link_kick(link);
	}
}

static void on_event(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct link *link = io->data;
	if (link->state == LINK_CONNECTING) {
		finish_connecting(link);
		return;
	}
	if (events & EV_READ)
		on_readable(link);
	if ((events & EV_WRITE) && (link->state == LINK_LOGIN || link->state == LINK_OPEN))
		link_kick(link);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct link *link = timer->data;
	switch (link->state) {
	case LINK_WAITING:
		link_begin(link);
		break;
	case LINK_CONNECTING:
		break_off(link, "no answer to connect");
		break;
	case LINK_LOGIN:
		break_off(link, "no answer to log-in");
		break;
	case LINK_OPEN:
		on_silence(link);
		break;
	case LINK_CLOSING:
		link->fleet->reached = true;
		end(link, LINK_DONE);
		break;
	default:
		break;
	}
}

// Life --------------------------------------------------------------------------------------

void link_init(struct link *link, struct fleet *fleet, uint32_t index)
{
	const struct fleet_options *options = fleet->options;
	const struct simulate_protocol *protocol = index % 2 ? options->odd : options->even;
	*link = (struct link){
		.fleet = fleet, .index = index, .fd = -1, .records.protocol = protocol};
	simulated_init(&link->device, protocol, options->seed, index + 1);
	link->device.deltas = options->deltas;
	link->device.gaps = options->gaps;
	link->device.camera.on = options->photos;
	link->quota = SCHEDULE_ENDLESS;
	if (options->count != SCHEDULE_ENDLESS)
		link->quota = schedule_share(&fleet->schedule, options->count, index);
	ev_init(&link->io, on_event);
	ev_init(&link->timer, on_timer);
	link->io.data = link;
	link->timer.data = link;
}

void link_stop(struct link *link)
{
	link->quota = link->made;
	if (link->state == LINK_OPEN)
		link_kick(link);
	else if (link->state < LINK_DONE && link->state != LINK_CLOSING)
		link_abort(link);
}

void link_abort(struct link *link)
{
	if (link->state < LINK_DONE)
		end(link, LINK_FAILED);
}

void link_done(struct link *link)
{
	drop_socket(link);
	records_done(&link->records);
	free(link->device.log);
	link->device.log = NULL;
}
