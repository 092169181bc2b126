// SPDX-License-Identifier: MIT
#include "util/log_journald.h"

#include "util/log_levels.h"
#include "util/log_limit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define KEY_MAX 32

struct datagram {
	char *data;
	size_t len;
};

// Appends "NAME=value\n", or nothing if it does not fit.
static void add(struct datagram *datagram, const char *name, const char *value, size_t len)
{
	const size_t name_len = strlen(name);
	if (LOG_JOURNALD_MAX - datagram->len < name_len + len + 2)
		return;
	char *at = datagram->data + datagram->len;
	memcpy(at, name, name_len);
	at[name_len] = '=';
	memcpy(at + name_len + 1, value, len);
	at[name_len + 1 + len] = '\n';
	datagram->len += name_len + len + 2;
}

static void add_text(struct datagram *datagram, const char *name, const char *value)
{
	if (*value)
		add(datagram, name, value, strlen(value));
}

// Returns the length of a value: to the closing quote (a backslash escapes the next byte), or to the next blank. JSON is
// the last one of its line.
static size_t value_len(const char *value, const char *end)
{
	const char *at = value;
	if (at < end && *at == '{')
		return (size_t)(end - value);
	if (at < end && *at == '"') {
		for (at++; at < end && *at != '"'; at++)
			at += *at == '\\' && at + 1 < end;
		return (size_t)((at < end ? at + 1 : end) - value);
	}
	while (at < end && *at != ' ')
		at++;
	return (size_t)(at - value);
}

static bool is_key_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
}

static void add_pair(
	struct datagram *datagram, const char *key, size_t key_len, const char *value, size_t len)
{
	char name[sizeof("AVLD_") + KEY_MAX] = "AVLD_";
	for (size_t i = 0; i < key_len; i++)
		name[5 + i] = (char)(key[i] >= 'a' && key[i] <= 'z' ? key[i] - 'a' + 'A' : key[i]);
	name[5 + key_len] = '\0';
	if (len >= 2 && *value == '"') {
		value++;
		len -= 2;
	}
	add(datagram, name, value, len);
}

// Adds a field for each key=value. Words between them are no fields.
static void add_pairs(struct datagram *datagram, const char *text, size_t len)
{
	const char *end = text + len;
	while (text < end) {
		const char *key = text;
		while (text < end && is_key_byte(*text))
			text++;
		const size_t key_len = (size_t)(text - key);
		const bool pair = key_len && key_len <= KEY_MAX && text < end && *text == '=';
		text += pair;
		const char *value = text;
		text += value_len(value, end);
		if (pair)
			add_pair(datagram, key, key_len, value, (size_t)(text - value));
		while (text < end && *text == ' ')
			text++;
	}
}

size_t log_journald_compose(
	const struct log_site *site, int priority, const char *message, size_t len, char *out)
{
	struct datagram datagram = {out, 0};
	char number[16], module[LOG_LEVELS_NAME_MAX], cause[LOG_LIMIT_CAUSE_MAX];

	add(&datagram, "MESSAGE", message, len);
	snprintf(number, sizeof(number), "%d", priority);
	add_text(&datagram, "PRIORITY", number);
	add_text(&datagram, "SYSLOG_IDENTIFIER", "avld");
	add_text(&datagram, "AVLD_MODULE", log_levels_module(site->file, module));
	add_text(&datagram, "AVLD_CAUSE", log_limit_cause(site, cause));
	add_text(&datagram, "CODE_FILE", site->file);
	snprintf(number, sizeof(number), "%d", site->line);
	add_text(&datagram, "CODE_LINE", number);
	add_pairs(&datagram, message, len);
	return datagram.len;
}

// The socket is kept, and connected to nothing: journald may be restarted.
bool log_journald_send(const char *path, const char *data, size_t len)
{
	static atomic_int kept = -1; // part of the log's state: see log.c
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (atomic_load(&kept) < 0)
		atomic_store(&kept, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return sendto(atomic_load(&kept), data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (const struct sockaddr *)&address, sizeof(address)) >= 0;
}
