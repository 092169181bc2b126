// SPDX-License-Identifier: MIT
// The sockets, for avld check.
#ifndef AVLD_CLI_CHECK_PORT_H
#define AVLD_CLI_CHECK_PORT_H

#include "config/config.h"

// Test whether server.listen and http.listen can be bound, as serve does. Print what they find; return false after a problem.
bool check_port(const struct config *config);
bool check_port_http(const struct config *config);
// Notes a receive buffer of UDP that the kernel makes smaller.
void check_port_udp_buffer(void);

#endif
