// SPDX-License-Identifier: MIT
#include "protocol/session.h"

static bool is_ident_char(char c)
{
	return text_is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
	       c == '_' || c == ':' || c == '-';
}

bool session_set_ident(struct session *session, const void *data, size_t len)
{
	const char *ident = data;
	if (len < 1 || len > IDENT_MAX)
		return false;
	if (len == session->ident_len && memcmp(session->ident, ident, len) == 0)
		return true; // the usual case
	for (size_t i = 0; i < len; i++) {
		if (!is_ident_char(ident[i]))
			return false;
	}
	memcpy(session->ident, ident, len);
	session->ident_len = (uint8_t)len;
	return true;
}

struct device_settings session_settings(const struct session *session)
{
	if (!session->find_settings || !session->ident_len)
		return (struct device_settings){0};
	return session->find_settings(
		session->settings_context, (struct text){session->ident, session->ident_len});
}
