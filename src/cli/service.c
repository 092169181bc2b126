// SPDX-License-Identifier: MIT
#include "cli/service.h"

#include "util/clock.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)timer;
	(void)revents;
	sd_notify(0, "WATCHDOG=1");
}

void service_start(struct service *service, struct ev_loop *loop)
{
	uint64_t watchdog_us = 0;

	if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
		return;
	const double half_s = (double)watchdog_us / 2e6;
	ev_timer_init(&service->watchdog, on_watchdog, half_s, half_s);
	ev_timer_start(loop, &service->watchdog);
}

void service_ready(void)
{
	sd_notify(0, "READY=1");
}

void service_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void service_status(struct service *service, size_t connections, uint64_t pending, bool connected,
	const char *note)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double amount = (double)pending;
	size_t unit = 0;
	char status[sizeof(service->status)];

	for (; amount >= 1024. && unit < sizeof(units) / sizeof(units[0]) - 1; unit++)
		amount /= 1024.;
	snprintf(status, sizeof(status),
		"STATUS=%zu connection%s, %.*f %s pending, database %s%s%s", connections,
		connections == 1 ? "" : "s", unit ? 1 : 0, amount, units[unit],
		connected ? "connected" : "unreachable", *note ? ", " : "", note);
	if (!strcmp(status, service->status))
		return;
	memcpy(service->status, status, sizeof(status));
	sd_notify(0, status);
}
