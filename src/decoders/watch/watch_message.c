// SPDX-License-Identifier: MIT
#include "decoders/watch/watch_message.h"

void watch_message_begin(struct watch_message *m)
{
	m->report = decoded_report(m->out, m->session);
	m->report->key = m->content;
	m->report->raw = m->raw;
	if (m->word.len > 0 && fields_is_printable(m->word, EVENT_MAX))
		m->report->event = m->word;
}

void watch_message_answer(const struct watch_message *m, enum reply_when when, struct text content)
{
	char reply[WATCH_HEAD_MOST + EVENT_MAX + 1];
	const char *end = watch_head_write(reply, &m->head, content);
	decoded_reply(m->out, when, reply, (size_t)(end - reply));
}

void watch_message_keep(const struct watch_message *m, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(m->out, m->report, name, text.data, text.len);
}

void watch_message_keep_all(const struct watch_message *m)
{
	watch_message_keep(m, "data", m->report->event.len > 0 ? m->rest : m->content);
}
