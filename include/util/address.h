// SPDX-License-Identifier: MIT
// Parses the address to listen on, as written in settings. Numeric only: no name is looked up.
#ifndef AVLD_UTIL_ADDRESS_H
#define AVLD_UTIL_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

// Parses "*:8888" (every address: IPv6 with IPv4 mapped into it), "192.0.2.1:8888" or "[2001:db8::1]:8888"; port
// 0..65535. Returns false for anything else and leaves *out unchanged.
bool address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);

#endif
