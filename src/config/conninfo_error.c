// SPDX-License-Identifier: MIT
#include "config/conninfo_error.h"

#include "config/conninfo.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

bool conninfo_error_parse(const char *conninfo, char *error, size_t error_size)
{
	char *message = NULL;

	// as PQconnectdbParams decides: anything else is the name of a database
	if (!strchr(conninfo, '=') && strncmp(conninfo, "postgresql://", 13) != 0 &&
		strncmp(conninfo, "postgres://", 11) != 0)
		return true;
	PQconninfoOption *parsed = PQconninfoParse(conninfo, &message);
	const bool sound = parsed || !message; // no message: out of memory
	if (!sound) {
		const char *shown = conninfo_error(conninfo, message);
		snprintf(error, error_size, "%.*s", (int)strcspn(shown, "\n"), shown);
	}
	PQfreemem(message);
	PQconninfoFree(parsed);
	return sound;
}

const char *conninfo_error(const char *conninfo, const char *message)
{
	if (!conninfo_has_password(conninfo))
		return message;
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);
	PQconninfoFree(parsed);
	return parsed ? message
		      : "not a valid connection string (it has a password and is not shown); put a "
			"value with blanks in single quotes, and %-encode the special characters "
			"of a URI";
}

const char *conninfo_error_remedy(const char *message)
{
	if (strstr(message, "certificate verify failed"))
		return "set sslrootcert=FILE in database.conninfo to the certificate of the "
		       "authority that "
		       "signed the server's";
	if (strstr(message, "does not match host name"))
		return "name the host in database.conninfo as the server's certificate does";
	return NULL;
}
