// SPDX-License-Identifier: MIT
// What systemd learns from the daemon (sd_notify): that it is ready, that its loop turns, and one line of status.
// Nothing is sent unless systemd started the daemon.
#ifndef AVLD_CLI_SERVICE_H
#define AVLD_CLI_SERVICE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service {
	ev_timer watchdog;
	char status[192]; /* as last sent */
};

// Feeds the watchdog from the loop, twice within its time, if the unit has one.
void service_start(struct service *service, struct ev_loop *loop);
void service_ready(void);
// Announces a reload; service_ready ends it.
void service_reloading(void);
void service_stopping(void);
// Sends the line that `systemctl status` shows, unless it is the same as before. pending: bytes of the journal that are
// not in the database yet. note: what else a person should know, "" for nothing.
void service_status(struct service *service, size_t connections, uint64_t pending, bool connected,
	const char *note);

#endif
