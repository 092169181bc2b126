// SPDX-License-Identifier: MIT
//   NEW -> CONNECTING -> LOGIN -> OPEN -> CLOSING -> DONE
//              |           |       |         |
//              '-----------'-------'---------'--> WAITING -> CONNECTING ...   after a break
//                                                                             FAILED: given up
//
// TCP sends many records at once, UDP one per datagram. Protocols without a log-in go straight to OPEN.
#include "simulate/simulate_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_S     5.0
#define LOGIN_S       5.0
#define ACK_S         10.0
#define UDP_SILENCE_S 2.0 /* without answer before logging in and sending again */
#define UDP_SILENCES  5   /* tries, then give up */
#define FIN_S         5.0
#define PHOTO_S       15.0 /* for the rest of a photo, after the last report */
#define UDP_LINGER_S  0.2  /* for a refusal to arrive */
#define BACKOFF_S     0.2
#define BACKOFF_MAX_S 5.0
#define STEADY_S      2.0 /* a connection open for longer resets the back-off */
#define CLOSE_TRIES   3

static void lose_connection(struct simulate_link *link, const char *why);
static void update(struct simulate_link *link);

static const struct simulate_protocol *protocol_of(const struct simulate_link *link)
{
	return link->out.records.protocol;
}

static bool wants_answers(const struct simulate_link *link)
{
	return protocol_of(link)->answer;
}

// ---- state, timer, watched events

static bool is_up(enum simulate_link_state state)
{
	return state == LINK_LOGIN || state == LINK_OPEN || state == LINK_CLOSING;
}

static void set_state(struct simulate_link *link, enum simulate_link_state state)
{
	struct simulate_run *run = link->run;
	run->open += (uint32_t)is_up(state) - (uint32_t)is_up(link->state);
	run->connecting +=
		(uint32_t)(state == LINK_CONNECTING) - (uint32_t)(link->state == LINK_CONNECTING);
	bool was_ended = link->state >= LINK_DONE;
	link->state = state;
	if (state >= LINK_DONE && !was_ended)
		run->on_end(run);
}

static void set_timer(struct simulate_link *link, double seconds)
{
	ev_timer_stop(link->run->loop, &link->timer);
	if (seconds <= 0)
		return;
	ev_timer_set(&link->timer, seconds, 0);
	ev_timer_start(link->run->loop, &link->timer);
}

static int wanted_events(const struct simulate_link *link)
{
	switch (link->state) {
	case LINK_CONNECTING:
		return EV_WRITE;
	case LINK_LOGIN:
		return EV_READ | (link->out.login_sent < link->out.login_len ? EV_WRITE : 0);
	case LINK_OPEN:
		return EV_READ | (simulate_outbox_has_more(&link->out) ? EV_WRITE : 0);
	case LINK_CLOSING:
		return EV_READ;
	default:
		return 0;
	}
}

static void watch(struct simulate_link *link)
{
	int events = wanted_events(link);
	if (ev_is_active(&link->io) && (link->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(link->run->loop, &link->io);
	if (!events)
		return;
	ev_io_set(&link->io, link->fd, events);
	ev_io_start(link->run->loop, &link->io);
}

static void drop_socket(struct simulate_link *link)
{
	ev_io_stop(link->run->loop, &link->io);
	set_timer(link, 0);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

// Moves the link to state DONE or FAILED and counts its unsent and unacknowledged records.
static void end(struct simulate_link *link, enum simulate_link_state state)
{
	struct simulate_run *run = link->run;
	struct simulate_records *records = &link->out.records;
	drop_socket(link);
	if (run->options->udp && state == LINK_FAILED)
		records->sent = records->again_until = records->first; /* refused */
	run->unsent += simulate_records_unsent(records);
	if (wants_answers(link))
		run->missing +=
			simulate_records_count_awaited(records, records->first, records->len);
	simulate_records_done(records);
	set_state(link, state);
}

// ---- connecting

static void enter_open(struct simulate_link *link)
{
	struct simulate_run *run = link->run;
	run->again += simulate_records_count(
		&link->out.records, link->out.records.first, link->out.records.again_until, false);
	set_state(link, LINK_OPEN);
	set_timer(link, 0);
	simulate_link_wake(link);
}

static void log_in(struct simulate_link *link)
{
	link->in_len = 0;
	link->skip = 0;
	if (!simulate_outbox_log_in(&link->out)) {
		enter_open(link);
		return;
	}
	set_state(link, LINK_LOGIN);
	set_timer(link, link->run->options->udp ? UDP_SILENCE_S : LOGIN_S);
	update(link);
}

static void on_connected(struct simulate_link *link)
{
	struct simulate_run *run = link->run;
	run->reached |= !run->options->udp;
	run->reconnects += link->was_open;
	link->was_open = true;
	link->opened = ev_now(run->loop);
	run->on_open(run);
	log_in(link);
}

void simulate_link_begin(struct simulate_link *link)
{
	const struct simulate_options *options = link->run->options;
	int type = (options->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	set_state(link, LINK_CONNECTING);
	link->fd = socket(options->address.ss_family, type, 0);
	if (link->fd < 0) {
		lose_connection(link, strerror(errno));
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
		lose_connection(link, strerror(errno));
	}
}

static void finish_connecting(struct simulate_link *link)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error)
		lose_connection(link, strerror(error));
	else
		on_connected(link);
}

static double backoff(const struct simulate_link *link)
{
	double seconds = BACKOFF_S * (double)(1u << (link->tries < 6 ? link->tries : 6));
	seconds = seconds > BACKOFF_MAX_S ? BACKOFF_MAX_S : seconds;
	uint32_t jitter = (link->out.index + 1) * 2654435761u + link->tries * 40503u;
	return seconds * (0.75 + 0.5 * (jitter >> 16) / 65536.0);
}

// Handles a lost or failed connection: reconnects after a while, unless the run is stopping.
static void lose_connection(struct simulate_link *link, const char *why)
{
	struct simulate_run *run = link->run;
	bool closing = link->state == LINK_CLOSING;
	run->breaks++;
	snprintf(run->trouble, sizeof(run->trouble), "%s", why);
	drop_socket(link);
	if (is_up(link->state) && ev_now(run->loop) - link->opened > STEADY_S)
		link->tries = 0;
	if (run->stopping || (closing && ++link->close_tries >= CLOSE_TRIES)) {
		end(link, LINK_FAILED);
		return;
	}
	simulate_records_rewind(&link->out.records);
	set_state(link, LINK_WAITING);
	set_timer(link, backoff(link));
	if (link->tries < UINT16_MAX)
		link->tries++;
}

// ---- closing

static void begin_close(struct simulate_link *link)
{
	bool udp = link->run->options->udp;
	set_state(link, LINK_CLOSING);
	set_timer(link, udp ? UDP_LINGER_S : FIN_S);
	if (!udp && shutdown(link->fd, SHUT_WR) < 0)
		lose_connection(link, strerror(errno));
}

static bool is_finished(const struct simulate_link *link)
{
	return simulate_outbox_is_finished(&link->out);
}

// Sets state, timer and watched events. Call after every event on a link that is up.
static void update(struct simulate_link *link)
{
	if (link->state == LINK_OPEN) {
		bool photo = link->out.tracker.camera.open && !link->run->stopping;
		bool waits = simulate_records_awaits_any(&link->out.records) ||
			     (photo && is_finished(link));
		if (is_finished(link) && !waits)
			begin_close(link);
		else if (!waits)
			set_timer(link, 0);
		else if (photo && is_finished(link) && !ev_is_active(&link->timer))
			set_timer(link, PHOTO_S);
		else if (!ev_is_active(&link->timer) && link->run->options->udp)
			set_timer(link, UDP_SILENCE_S);
		else if (!ev_is_active(&link->timer) && is_finished(link))
			set_timer(link, ACK_S);
	}
	if (link->fd >= 0)
		watch(link);
}

void simulate_link_wake(struct simulate_link *link)
{
	enum simulate_sent result = SENT_ALL;
	if (link->state == LINK_LOGIN)
		result = simulate_outbox_send_login(&link->out, link->fd);
	else if (link->state == LINK_OPEN)
		result = simulate_outbox_send(&link->out, link->fd);
	else
		return;
	if (result == SENT_FAILED)
		lose_connection(link, strerror(errno));
	else
		update(link);
}

// Handles a missing answer. Over UDP frames or their answers get lost: logs in and sends them again.
static void on_silence(struct simulate_link *link)
{
	bool udp = link->run->options->udp;
	if (!wants_answers(link)) { /* the server does not fetch the photo */
		link->out.tracker.camera.open = false;
		update(link);
		return;
	}
	link->silences++;
	if (!udp || (link->silences >= UDP_SILENCES && is_finished(link))) {
		struct simulate_records *records = &link->out.records;
		link->run->missing +=
			simulate_records_count_awaited(records, records->first, records->len);
		records->first = records->len;
		begin_close(link);
		watch(link);
		return;
	}
	simulate_records_rewind(&link->out.records);
	log_in(link);
}

// ---- reading

static void on_answer(struct simulate_link *link, uint32_t key)
{
	struct simulate_run *run = link->run;
	if (link->state == LINK_LOGIN &&
		protocol_of(link)->key(link->out.login, link->out.login_len) == key) {
		run->reached = true;
		enter_open(link);
	} else if (simulate_records_acknowledge(&link->out.records, key)) {
		run->answered++;
		link->silences = 0;
		set_timer(link, 0);
	} else {
		run->strange++;
	}
}

// Reads commands, for protocols without acknowledgements: the server sends nothing else.
static void read_commands(struct simulate_link *link, const uint8_t *data, size_t len)
{
	const struct simulate_protocol *protocol = protocol_of(link);
	size_t used;
	for (; len > 0 && (used = protocol->command_length(data, len)) > 0; len -= used) {
		simulate_outbox_execute(&link->out, data, used);
		data += used;
	}
	if (len >= sizeof(link->in)) {
		link->run->strange++;
		return;
	}
	memcpy(link->in, data, len);
	link->in_len = (uint16_t)len;
}

// Reads acknowledgements and commands. Keeps an incomplete one in `in`.
static void read_answers(struct simulate_link *link, const uint8_t *data, size_t len)
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
			link->run->strange++;
			return;
		}
		link->skip = used > len ? used - len : 0;
		used = used > len ? len : used;
		if (answer == ANSWER_ACK)
			on_answer(link, key);
		else if (!link->skip && protocol->execute &&
			 used == protocol->command_length(data, used))
			simulate_outbox_execute(&link->out, data, used);
		data += used;
		len -= used;
	}
}

static void on_end_of_stream(struct simulate_link *link)
{
	if (link->state == LINK_CLOSING)
		end(link, LINK_DONE);
	else
		lose_connection(link, "closed by the server");
}

static void on_readable(struct simulate_link *link)
{
	uint8_t data[sizeof(link->in) + 4096];
	memcpy(data, link->in, link->in_len);
	size_t kept = link->in_len;
	link->in_len = 0;
	ssize_t got = recv(link->fd, data + kept, sizeof(data) - kept, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		link->in_len = (uint16_t)kept;
	} else if (got < 0) {
		lose_connection(link, strerror(errno));
	} else if (got == 0 && !link->run->options->udp) {
		on_end_of_stream(link);
	} else if (wants_answers(link) || protocol_of(link)->execute) {
		(wants_answers(link) ? read_answers : read_commands)(
			link, data, kept + (size_t)got);
		if (link->run->options->udp)
			link->in_len = 0;
		simulate_link_wake(link);
	}
}

static void on_event(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct simulate_link *link = io->data;
	if (link->state == LINK_CONNECTING) {
		finish_connecting(link);
		return;
	}
	if (events & EV_READ)
		on_readable(link);
	if ((events & EV_WRITE) && (link->state == LINK_LOGIN || link->state == LINK_OPEN))
		simulate_link_wake(link);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct simulate_link *link = timer->data;
	switch (link->state) {
	case LINK_WAITING:
		simulate_link_begin(link);
		break;
	case LINK_CONNECTING:
		lose_connection(link, "no answer to connect");
		break;
	case LINK_LOGIN:
		lose_connection(link, "no answer to log-in");
		break;
	case LINK_OPEN:
		on_silence(link);
		break;
	case LINK_CLOSING:
		link->run->reached = true;
		end(link, LINK_DONE);
		break;
	default:
		break;
	}
}

void simulate_link_init(struct simulate_link *link, struct simulate_run *run, uint32_t index)
{
	*link = (struct simulate_link){.run = run, .fd = -1};
	simulate_outbox_init(&link->out, run, index);
	ev_init(&link->io, on_event);
	ev_init(&link->timer, on_timer);
	link->io.data = link;
	link->timer.data = link;
}

void simulate_link_stop(struct simulate_link *link)
{
	link->out.quota = link->out.made;
	if (link->state == LINK_OPEN)
		simulate_link_wake(link);
	else if (link->state < LINK_DONE && link->state != LINK_CLOSING)
		simulate_link_abort(link);
}

void simulate_link_abort(struct simulate_link *link)
{
	if (link->state < LINK_DONE)
		end(link, LINK_FAILED);
}

void simulate_link_done(struct simulate_link *link)
{
	drop_socket(link);
	simulate_outbox_done(&link->out);
}
