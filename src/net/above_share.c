// SPDX-License-Identifier: MIT
#include "net/above_share.h"

#include "util/log.h"

#include <inttypes.h>

static struct above_share begin(const struct conversation *conversation, uint32_t now_s)
{
	return (struct above_share){.begun = true,
		.first_s = now_s,
		.last_s = now_s,
		.frames = conversation->feed.frames,
		.rejects = conversation->feed.rejects,
		.bytes = conversation->bytes};
}

static void write_line(const struct above_share_log *log, const struct above_share *above,
	const struct conversation *conversation, uint32_t now_s)
{
	const struct session *session = &conversation->feed.session;
	const uint32_t seconds = now_s - above->first_s;
	char peer[PEER_TEXT_MAX];

	log_warning("conn above its share peer=%s protocol=%s ident=%.*s seconds=%u "
		    "frames_per_s=%u rejects_per_s=%u bytes_per_s=%" PRIu64 " so_far=%" PRIu64
		    " effect=\"others are served first\" what_to_do=\"nothing if it uploads a "
		    "backlog, see docs/fairness.md\"",
		peer_text(&conversation->peer, peer),
		session->decoder ? session->decoder->name : "-",
		session->ident_len ? session->ident_len : 1,
		session->ident_len ? session->ident : "-", seconds,
		(conversation->feed.frames - above->frames) / seconds,
		(conversation->feed.rejects - above->rejects) / seconds,
		(conversation->bytes - above->bytes) / seconds, log->peers);
}

bool above_share_note(struct above_share_log *log, struct above_share *above,
	const struct conversation *conversation, uint32_t now_s)
{
	if (!above->begun || now_s - above->last_s > ABOVE_SHARE_PAUSE_S)
		*above = begin(conversation, now_s);
	above->last_s = now_s;
	if (above->counted || now_s - above->first_s < ABOVE_SHARE_S)
		return false;
	above->counted = true;
	log->peers++;
	if (log->logged_s && now_s - log->logged_s < ABOVE_SHARE_LOG_S)
		return false;
	log->logged_s = now_s;
	write_line(log, above, conversation, now_s);
	return true;
}
