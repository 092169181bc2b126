// SPDX-License-Identifier: MIT
// Finds the process that holds a port of this machine, in /proc.
#ifndef AVLD_CLI_PORT_HOLDER_H
#define AVLD_CLI_PORT_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct port_holder {
	uid_t uid;     /* owner of the socket */
	pid_t pid;     /* 0: this user may not see it */
	char name[32]; /* of the program, empty without pid */
};

// Finds a TCP socket that listens on the port, or a UDP socket bound to it. Returns false if there is none, or no
// /proc.
bool port_holder_find(uint16_t port, bool udp, struct port_holder *out);

#endif
