// SPDX-License-Identifier: MIT
#include "cli/check_port.h"

#include "cli/check_journal.h"
#include "cli/check_print.h"
#include "cli/port_holder.h"
#include "config/setting.h"
#include "net/listener.h"
#include "net/udp.h"
#include "util/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint16_t port_of(const char *listen)
{
	struct sockaddr_storage address = {0};
	socklen_t len;
	if (!address_parse(listen, &address, &len))
		return 0;
	in_port_t port;
	if (address.ss_family == AF_INET6)
		memcpy(&port, &((struct sockaddr_in6 *)&address)->sin6_port, sizeof(port));
	else
		memcpy(&port, &((struct sockaddr_in *)&address)->sin_port, sizeof(port));
	return ntohs(port);
}

// Returns why no socket of the type can be bound to the address, 0 if one can.
static int error_of_address(const char *listen, int type)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int off = 0, on = 1;
	if (!address_parse(listen, &address, &len))
		return EINVAL;
	const int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	const int error = bind(fd, (const struct sockaddr *)&address, len) ? errno : 0;
	close(fd);
	return error;
}

// Finds the holder of the port by the journal: only root can see the sockets of a process with capabilities (as the
// unit gives them). The avld that writes the journal holds the port if it runs as the user who owns the socket.
static struct port_holder avld_of_journal(const struct config *config, struct port_holder holder)
{
	char path[64], name[32] = "";
	struct stat status;
	const pid_t pid = check_journal_holder(config->journal.dir);
	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	if (!pid || stat(path, &status) || status.st_uid != holder.uid)
		return holder;
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	FILE *file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file) && !strcmp(name, "avld\n")) {
		holder.pid = pid;
		snprintf(holder.name, sizeof(holder.name), "avld");
	}
	if (file)
		fclose(file);
	return holder;
}

// Finds the holder of the port. Returns false if there is none.
static bool find_holder(
	const struct config *config, uint16_t port, bool tcp, bool udp, struct port_holder *holder)
{
	if (!port || !((tcp && port_holder_find(port, false, holder)) ||
			     (udp && port_holder_find(port, true, holder))))
		return false;
	if (!holder->pid)
		*holder = avld_of_journal(config, *holder);
	return true;
}

// Reports the holder of a port that the setting `key` names. Returns true if it is an avld.
static bool report_holder(const struct config *config, const char *key, uint16_t port,
	const struct port_holder *holder)
{
	if (!strcmp(holder->name, "avld")) {
		check_print_note(
			"port %u: avld already listens on it (pid %ld)", port, (long)holder->pid);
		return true;
	}
	if (!holder->pid)
		return check_print_problem(config, key,
			"port %u is taken by a process of uid %ld; stop it or choose another port "
			"(as root, ss -lntup shows the process)",
			port, (long)holder->uid);
	return check_print_problem(config, key,
		"port %u is taken by %s (pid %ld); stop it or choose another port", port,
		holder->name, (long)holder->pid);
}

// Requests the buffer without privileges, even as root: the service has none.
void check_port_udp_buffer(void)
{
	int size = UDP_BUFFER;
	socklen_t len = sizeof(size);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) &&
		!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len) && size < UDP_BUFFER)
		check_print_note(
			"UDP: the receive buffer is limited to %d bytes, bursts may be lost; raise "
			"the limit: sysctl net.core.rmem_max=%d (package and make install put that "
			"into "
			"sysctl.d)",
			size, UDP_BUFFER);
	close(fd);
}

bool check_port(const struct config *config)
{
	const char *listen = config->server.listen;
	const bool tcp = config->server.tcp, udp = config->server.udp;
	struct port_holder holder;
	struct bound bound;
	if (!listener_bind(config, &bound)) {
		// another error than a taken port, such as an address that this machine does not have, has no holder
		const bool taken = (tcp && error_of_address(listen, SOCK_STREAM) == EADDRINUSE) ||
				   (udp && error_of_address(listen, SOCK_DGRAM) == EADDRINUSE);
		const uint16_t port = port_of(listen);
		return taken && find_holder(config, port, tcp, udp, &holder)
			       ? report_holder(config, "server.listen", port, &holder)
			       : check_print_problem(config, "server.listen", "%s", bound.error);
	}
	if (bound.tcp >= 0)
		close(bound.tcp);
	if (bound.udp >= 0)
		close(bound.udp);
	check_print_ok("listen %s: %s", listen,
		bound.tcp < 0   ? "udp"
		: bound.udp < 0 ? "tcp"
				: "tcp and udp");
	return true;
}

// As serve does: an address that was set must be free; without the default one there is no HTTP.
bool check_port_http(const struct config *config)
{
	const char *listen = config->http.listen;
	const int error = *listen ? error_of_address(listen, SOCK_STREAM) : 0;
	const uint16_t port = port_of(listen);
	struct port_holder holder = {0};
	const bool held = error == EADDRINUSE && find_holder(config, port, true, false, &holder);

	if (error == 0)
		return true;
	if (setting_is_default(config, "http.listen") && strcmp(holder.name, "avld") != 0) {
		check_print_note("http %s: %s; serve runs without /health, /metrics and /status",
			listen, strerror(error));
		return true;
	}
	return held ? report_holder(config, "http.listen", port, &holder)
		    : check_print_problem(config, "http.listen",
			      "cannot listen on %s: %s; choose another address or port, or set it "
			      "to nothing",
			      listen, strerror(error));
}
