// SPDX-License-Identifier: MIT
// An address to listen at, as settings write it. Numbers only: no name is looked up.
#ifndef AVLD_UTIL_ADDRESS_H
#define AVLD_UTIL_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

// "*:8888" (every address, IPv6 with IPv4 mapped into it), "192.0.2.1:8888", "[2001:db8::1]:8888"; port 0..65535.
// False if it is none of these; then *out is not touched.
bool address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);

#endif
