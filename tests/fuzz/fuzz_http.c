// SPDX-License-Identifier: MIT
// libFuzzer: any bytes of clients to /health, /metrics and /status, over connections to a real socket.
//
//   client, bit 7: it closes | count | bytes | client ...
//
// Whatever is sent, the server still serves the next one.
#include "fuzz.h"

#include "intake/trial.h"
#include "journal/journal.h"
#include "net/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define CLIENTS 4
#define TURNS   200 /* of the loop, at most, until a page is served */

static struct ev_loop *loop;
static struct http *http;
static struct sockaddr_in address = {.sin_family = AF_INET};

// Starts the server once. Its pages show a daemon whose counters are all 0.
static void begin(void)
{
	static struct config config = {.journal = {.max_size = 4 << 20}};
	static struct intake intake = {.config = &config};
	static struct vitals vitals;
	static uint64_t nothing[4096]; /* in place of what only counters are read from */
	char error[JOURNAL_ERROR_SIZE], listen[32];
	const char *wrong = "";
	if (http)
		return;
	const struct journal_options options = {.dir = fuzz_folder(),
		.segment_size = 1 << 20,
		.max_size = (uint64_t)config.journal.max_size};
	intake.journal = journal_open(&options, NULL, NULL, error);
	intake.directory = device_directory_new();
	loop = ev_loop_new(EVFLAG_AUTO);
	CHECK(intake.journal && intake.directory && loop && trial_begin(&intake));
	vitals_begin(&vitals, intake.journal);
	struct conns *conns = conn_all_new(loop, &intake);
	CHECK(conns);
	const struct http_sources sources = {.intake = &intake,
		.conns = conns,
		.writer = (const void *)nothing,
		.commands = (const void *)nothing,
		.vitals = &vitals};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < 100 && !http; i++) {
		const unsigned port = 20000 + ((unsigned)getpid() + i * 101) % 12000;
		address.sin_port = htons((uint16_t)port);
		snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
		http = http_new(loop, listen, sources, &wrong);
	}
	CHECK(http);
}

static int open_client(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	const struct linger at_once = {1, 0}; // no port stays in TIME_WAIT
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	CHECK(!fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

static void turn(void)
{
	ev_run(loop, EVRUN_NOWAIT);
}

static void serve_one(void)
{
	static const char request[] =
		"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	char reply[4096];
	ssize_t got = -1;
	const int fd = open_client();
	CHECK(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1);
	for (int turns = 0; turns < TURNS && got < 0; turns++) {
		ev_run(loop, turns < TURNS / 2 ? EVRUN_NOWAIT : EVRUN_ONCE);
		got = recv(fd, reply, sizeof(reply), 0);
	}
	CHECK(got > 12 && !memcmp(reply, "HTTP/1.1 200", 12));
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input = {data, len};
	int clients[CLIENTS];
	char reply[65536];
	begin();
	fuzz_be_silent();
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = -1;
	for (int parts = 0; input.len > 0 && parts < 16; parts++) {
		const uint8_t which = input_byte(&input);
		const struct input bytes = input_bytes(&input, input_byte(&input) * 4u);
		int *client = &clients[which % CLIENTS];
		if (*client < 0)
			*client = open_client();
		(void)!send(*client, bytes.data, bytes.len, MSG_NOSIGNAL);
		turn();
		(void)!recv(*client, reply, sizeof(reply), 0);
		if (which & 128) {
			close(*client);
			*client = -1;
		}
	}
	turn();
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i] >= 0)
			close(clients[i]);
	turn();
	turn();
	serve_one();
	return 0;
}
