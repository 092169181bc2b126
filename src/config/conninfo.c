// SPDX-License-Identifier: MIT
#include "config/conninfo.h"

#include <stdlib.h>
#include <string.h>

#define KEY    "password" /* also the end of sslpassword */
#define BLANKS " \t\r\n"

static void hide(char *from, const char *to)
{
	for (; from < to; from++)
		*from = '*';
}

// Returns the end of a value: of a quoted one before the closing quote, of another before a blank or, in a URI, '&'. A
// backslash escapes the next byte.
static char *value_end(char *value, const char *ends)
{
	while (*value && !strchr(ends, *value))
		value += *value == '\\' && value[1] ? 2 : 1;
	return value;
}

// Hides "password = value", where it begins with the key. Returns true if it is one.
static bool hide_value(char *key, bool uri)
{
	char *value = key + strlen(KEY);
	value += strspn(value, BLANKS);
	if (*value != '=')
		return false;
	value += 1 + strspn(value + 1, BLANKS);
	const bool quoted = !uri && *value == '\'';
	value += quoted;
	char *end = value_end(value, quoted ? "'" : uri ? "&" BLANKS : BLANKS);
	hide(value, end);
	return end > value;
}

// Hides the password of "//user:password@". Returns true if there is one.
static bool hide_user_info(char *authority)
{
	char *colon = authority + strcspn(authority, ":@/" BLANKS);
	if (*colon != ':')
		return false;
	// libpq takes the first '@'. Someone who writes an unescaped one means the last: it is hidden up to there.
	char *end = colon;
	for (char *at = colon; *at && !strchr("/" BLANKS, *at); at++)
		if (*at == '@')
			end = at;
	hide(colon + 1, end);
	return end > colon + 1;
}

bool conninfo_hide_passwords(char *text)
{
	bool found = false;
	char *uri = strstr(text, "postgres://");
	if (!uri)
		uri = strstr(text, "postgresql://");
	if (uri)
		found = hide_user_info(strstr(uri, "//") + 2);
	for (char *at = text; (at = strstr(at, KEY)); at += strlen(KEY))
		found |= hide_value(at, uri != NULL);
	return found;
}

bool conninfo_has_password(const char *conninfo)
{
	char *copy = strdup(conninfo);
	const bool has = !copy || conninfo_hide_passwords(copy); // to be safe, if memory is out

	free(copy);
	return has;
}
