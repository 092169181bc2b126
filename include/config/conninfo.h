// SPDX-License-Identifier: MIT
// Passwords in libpq connection strings, and in messages about them.
#ifndef AVLD_CONFIG_CONNINFO_H
#define AVLD_CONFIG_CONNINFO_H

#include <stdbool.h>

// Overwrites each byte of the passwords in a text with '*': the value of every "password = ..." of a connection string,
// and the part between ':' and '@' of a URI. Any text around the connection string is kept. Returns true if there was a
// password.
bool conninfo_hide_passwords(char *text);

bool conninfo_has_password(const char *conninfo);

#endif
