// SPDX-License-Identifier: MIT
#include "util/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

// Parses 1..5 digits, up to 65535, to network byte order.
static bool parse_port(const char *text, in_port_t *port)
{
	uint32_t value = 0;
	size_t len = strlen(text);
	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(text[i] - '0');
	}
	*port = htons((uint16_t)value);
	return value <= UINT16_MAX;
}

bool address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	in_port_t port;
	const char *colon = strrchr(text, ':');
	if (!colon || !parse_port(colon + 1, &port))
		return false;
	char host[INET6_ADDRSTRLEN];
	size_t host_len = (size_t)(colon - text);
	bool brackets = host_len >= 2 && text[0] == '[' && colon[-1] == ']';
	if (brackets)
		host_len -= 2;
	if (host_len >= sizeof(host))
		return false;
	memcpy(host, text + brackets, host_len);
	host[host_len] = '\0';

	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_ANY_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = port};
	if (brackets ? inet_pton(AF_INET6, host, &six.sin6_addr) == 1 : !strcmp(host, "*")) {
		memcpy(out, &six, sizeof(six));
		*len = sizeof(six);
		return true;
	}
	if (brackets || inet_pton(AF_INET, host, &four.sin_addr) != 1)
		return false;
	memcpy(out, &four, sizeof(four));
	*len = sizeof(four);
	return true;
}
