// SPDX-License-Identifier: MIT
// Who holds a port of this machine, as far as /proc tells us.
#ifndef AVLD_CLI_PORT_HOLDER_H
#define AVLD_CLI_PORT_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct port_holder {
	uid_t uid;     /* whose socket it is */
	pid_t pid;     /* 0: not ours to see */
	char name[32]; /* the program, empty without pid */
};

// Looks for a TCP socket that listens on the port, or a UDP socket bound to it. False if there is none, or no /proc.
bool port_holder_find(uint16_t port, bool udp, struct port_holder *out);

#endif
