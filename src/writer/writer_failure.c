// SPDX-License-Identifier: MIT
#include "writer/writer_failure.h"

#include "util/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void writer_failure_one_line(char *to, size_t cap, const char *from)
{
	size_t len = 0;
	for (; *from && len + 1 < cap; from++) {
		const bool blank = (unsigned char)*from <= ' ';
		if (blank && (!len || to[len - 1] == ' '))
			continue;
		to[len++] = blank ? ' ' : *from;
	}
	while (len && to[len - 1] == ' ')
		len--;
	to[len] = '\0';
}

void writer_failure_read_context(struct writer_failure *failure, const char *context)
{
	while (context && strncmp(context, "COPY ", 5)) {
		context = strchr(context, '\n');
		if (context)
			context++;
	}
	if (!context)
		return;
	const char *name = context + 5;
	const size_t len = strcspn(name, ",\n");
	snprintf(failure->relation, sizeof(failure->relation), "%.*s", (int)len, name);
	const char *digit = name + len;
	digit += strcspn(digit, "0123456789\n");
	while (*digit >= '0' && *digit <= '9' && failure->line < UINT32_MAX)
		failure->line = failure->line * 10 + (uint64_t)(*digit++ - '0');
}

void writer_failure_read(struct writer_failure *failure, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	char text[sizeof(failure->message)];

	if (!primary)
		primary = PQresultErrorMessage(result);
	snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", sqlstate ? sqlstate : "");
	snprintf(text, sizeof(text), "%s%s%s", primary, detail ? ": " : "", detail ? detail : "");
	writer_failure_one_line(failure->message, sizeof(failure->message), text);
	writer_failure_one_line(text, sizeof(text), primary);
	log_quote(text, strlen(text), failure->quoted, sizeof(failure->quoted));
	writer_failure_read_context(failure, PQresultErrorField(result, PG_DIAG_CONTEXT));
}
