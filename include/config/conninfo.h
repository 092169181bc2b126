// SPDX-License-Identifier: MIT
// Passwords in libpq connection strings, and in messages about them.
#ifndef AVLD_CONFIG_CONNINFO_H
#define AVLD_CONFIG_CONNINFO_H

#include "config/config.h"

// Overwrites each byte of the passwords in a text with '*': the value of every "password = ..." of a connection string,
// and the part between ':' and '@' of a URI. Any text around the connection string is kept. Returns true if there was a
// password.
bool conninfo_hide_passwords(char *text);

bool conninfo_has_password(const char *conninfo);

// Returns true if database.conninfo comes from the settings file, has a password, and every user of this machine may
// read the file.
bool conninfo_is_exposed(const struct config *config);

// The remedy, after the place and the file's path.
#define CONNINFO_EXPOSED                                                                           \
	"every user of this machine can read this file, and it has a password; chmod 0640"

#endif
