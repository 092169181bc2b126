// SPDX-License-Identifier: MIT
#include "config/conninfo_error.h"

#include "config/conninfo.h"

#include <libpq-fe.h>
#include <string.h>

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
