// SPDX-License-Identifier: MIT
// libpq's messages: without the passwords that they quote, and with a remedy.
#ifndef AVLD_CONFIG_CONNINFO_ERROR_H
#define AVLD_CONFIG_CONNINFO_ERROR_H

#include <stdbool.h>
#include <stddef.h>

// Returns whether libpq can parse the conninfo; otherwise writes why not, without passwords. What it names (host, service, file)
// is not looked at.
bool conninfo_error_parse(const char *conninfo, char *error, size_t error_size);

// Returns libpq's message about a connection with this conninfo. Only where libpq cannot parse the conninfo does its
// message quote it: if the conninfo has a password, another text is returned instead.
const char *conninfo_error(const char *conninfo, const char *message);

// Returns how to mend the error of the message if it is one of a certificate, else NULL.
const char *conninfo_error_remedy(const char *message);

#endif
