// SPDX-License-Identifier: MIT
#include "net/conn_gate.h"

#include "util/clock.h"
#include "util/log.h"

#define WARN_S       60  /* between log lines */
#define PER_IP_LEAST 256 /* connections of one address, if the limit is a share of all */

// Returns the most connections of one address; 0: no limit.
static int64_t max_per_ip(const struct config *config)
{
	const int64_t set = config->server.max_connections_per_ip;
	const int64_t share = config->server.max_connections * -set / 100;

	return set >= 0 ? set : share > PER_IP_LEAST ? share : PER_IP_LEAST;
}

// The limit of the address comes first: for a connection that it refuses, nobody else's is closed.
bool conn_gate_enter(struct conn_gate *gate, const struct config *config, const struct peer *peer,
	enum conn_refusal_reason *reason)
{
	const int64_t max = max_per_ip(config);
	enum conn_addresses_result counted = conn_addresses_add(&gate->addresses, peer, max);

	if (counted == ADDRESS_HAS_MAX && gate->evict(gate, peer))
		counted = conn_addresses_add(&gate->addresses, peer, max);
	*reason = counted == ADDRESS_HAS_MAX ? CONN_REFUSAL_MAX_PER_IP : CONN_REFUSAL_MEMORY;
	if (counted != ADDRESS_COUNTED)
		return false;
	*reason = CONN_REFUSAL_MAX_CONNECTIONS;
	if (gate->count >= (size_t)config->server.max_connections && !gate->evict(gate, NULL)) {
		conn_addresses_remove(&gate->addresses, peer);
		return false;
	}
	gate->count++;
	return true;
}

void conn_gate_leave(struct conn_gate *gate, const struct peer *peer)
{
	conn_addresses_remove(&gate->addresses, peer);
	gate->count--;
}

void conn_gate_refuse(struct conn_gate *gate, struct intake *intake, const struct peer *peer,
	enum conn_refusal_reason reason)
{
	char text[PEER_TEXT_MAX];
	const struct log_peer about = {peer->address, false};

	log_warning_peer(&about, "conn refused peer=%s reason=\"%s\"", peer_text(peer, text),
		conn_refusals_text(reason));
	conn_refusals_note(&gate->refused, intake, peer, reason);
}

void conn_gate_evicting(struct conn_gate *gate, const struct peer *peer, uint32_t silent_s)
{
	const uint32_t now_s = clock_coarse_s();
	char text[PEER_TEXT_MAX];

	gate->evicted++;
	if (gate->evict_logged_s && now_s - gate->evict_logged_s < WARN_S)
		return;
	gate->evict_logged_s = now_s;
	log_warning("conn closed to make room peer=%s silent_s=%u so_far=%llu open=%zu",
		peer_text(peer, text), silent_s, (unsigned long long)gate->evicted, gate->count);
}
