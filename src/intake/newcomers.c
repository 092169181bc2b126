// SPDX-License-Identifier: MIT

// Without memory uthash leaves an entry out of its table instead of ending the process.
#define HASH_NONFATAL_OOM 1
#include "util/uthash_config.h"

#include "intake/newcomers.h"

#include "util/bucket.h"
#include "util/list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define UDP_SHARE    8   /* the part of a bucket that UDP may use */
#define HEAVY        4   /* an address with more than this part of the trials gives way first */
#define TURN_TRIALS  256 /* looked at in a second */
#define TURN_CHECKED 4096
#define TURN_JOINED  64 /* places of devices in use that one device goes past */

// What an address, or all of them, may have.
struct allowance {
	struct bucket all, once;
};

struct size {
	double all, once, per_minute;
};

struct address {
	uint8_t key[16];
	struct allowance allowance;
	uint32_t good; /* devices that have proved themselves */
	uint32_t trials;
	struct list turn; /* in newcomers.turns */
	struct list idents;
	UT_hash_handle hh;
};

struct trial {
	struct list turn, of_address;
	struct address *address;
	struct peer peer; /* of its newest datagram */
	int64_t received_us;
	uint32_t began_ms;
	uint32_t len, room, entries;
	uint8_t *data; /* for each entry its size, uint32_t, and its bytes */
	UT_hash_handle hh;
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

struct joined {
	struct device *device;
	struct peer peer;
	uint32_t at_ms;
};

struct newcomers {
	struct newcomers_limits limits;
	newcomers_visit *dropped;
	void *context;
	struct allowance total;
	struct address *addresses;
	struct list turns;     /* addresses, used longest ago first */
	struct address others; /* of addresses for which there is no memory */
	struct trial *table;
	struct list trials; /* oldest first */
	struct address *heaviest;
	size_t bytes;   /* of all trials */
	size_t entries; /* likewise */
	struct newcomers_counters counters;
	const char *limited;
	struct peer limited_peer;
	uint64_t joined_count,
		checked; /* since the start: positions in `joined`, modulo its size */
	struct joined joined[NEWCOMERS_JOINED];
};

// ---- buckets

static struct size total_size(const struct newcomers *newcomers)
{
	const double rate = newcomers->limits.per_minute;
	return (struct size){NEWCOMERS_TOTAL_MINUTES * rate, NEWCOMERS_ONCE_MINUTES * rate, rate};
}

static struct size address_size(const struct newcomers *newcomers, const struct address *address)
{
	const double base = newcomers->limits.per_address, most = NEWCOMERS_EARNED * base;
	const double rate = base + address->good < most ? base + address->good : most;
	return (struct size){
		NEWCOMERS_ADDRESS_MINUTES * base, NEWCOMERS_ADDRESS_ONCE_MINUTES * base, rate};
}

static struct allowance full(struct size size, uint32_t now_ms)
{
	return (struct allowance){{size.all, now_ms}, {size.once, now_ms}};
}

enum kind { KIND_TCP, KIND_AGAIN, KIND_ONCE };

// Returns true if the allowance has a token for this kind. A rate of 0 is no limit.
static bool has_token(
	struct allowance *allowance, struct size size, enum kind kind, uint32_t now_ms)
{
	if (size.per_minute == 0)
		return true;
	const double kept = kind == KIND_TCP ? 0. : size.all - size.all / UDP_SHARE;
	bucket_fill(&allowance->all, size.all, size.per_minute / 60000., now_ms);
	bucket_fill(&allowance->once, size.once, size.per_minute / 60000., now_ms);
	return allowance->all.level >= kept + 1. &&
	       (kind != KIND_ONCE || allowance->once.level >= 1.);
}

static void use_token(struct allowance *allowance, enum kind kind)
{
	allowance->all.level -= 1.;
	if (kind == KIND_ONCE)
		allowance->once.level -= 1.;
}

static void charge_refusal(struct allowance *allowance, struct size size)
{
	if (allowance->once.level > -size.once / 2)
		allowance->once.level -= 1.;
}

// Takes a token of the address and of the total. Returns false if either has none; `charges`: that counts too.
static bool take(struct newcomers *newcomers, struct address *address, const struct peer *peer,
	enum kind kind, bool charges, uint32_t now_ms)
{
	const struct size total = total_size(newcomers), own = address_size(newcomers, address);
	const bool has_own = has_token(&address->allowance, own, kind, now_ms);
	const bool has_total = has_token(&newcomers->total, total, kind, now_ms);

	if (has_own && has_total) {
		use_token(&address->allowance, kind);
		use_token(&newcomers->total, kind);
		newcomers->counters.admitted++;
		return true;
	}
	if (charges) {
		newcomers->limited = has_own ? "devices.new_per_minute" : "devices.new_per_address";
		newcomers->limited_peer = *peer;
		if (kind == KIND_ONCE) {
			charge_refusal(&address->allowance, own);
			if (has_own) // a flood of one address is not charged to all
				charge_refusal(&newcomers->total, total);
		}
	}
	return false;
}

// ---- addresses

static void forget(struct newcomers *newcomers, struct address *address)
{
	assert(newcomers->addresses); // at least this one
	HASH_DEL(newcomers->addresses, address);
	list_remove(&address->turn);
	if (newcomers->heaviest == address)
		newcomers->heaviest = NULL;
	free(address);
}

// Forgets the address used longest ago that has no ident on trial. Looks at a few only.
static bool forget_address(struct newcomers *newcomers)
{
	for (int i = 0; i < 8 && !list_empty(&newcomers->turns); i++) {
		struct address *address = list_item(newcomers->turns.next, struct address, turn);
		if (address->trials == 0) {
			forget(newcomers, address);
			return true;
		}
		list_remove(&address->turn);
		list_append(&newcomers->turns, &address->turn);
	}
	return false;
}

static struct address *add_address(struct newcomers *newcomers, const uint8_t key[16])
{
	if (HASH_COUNT(newcomers->addresses) >= NEWCOMERS_ADDRESSES && !forget_address(newcomers))
		return NULL;
	struct address *address = calloc(1, sizeof(*address));
	if (!address)
		return NULL;
	memcpy(address->key, key, sizeof(address->key));
	list_init(&address->turn);
	list_init(&address->idents);
	HASH_ADD(hh, newcomers->addresses, key, sizeof(address->key), address);
	if (!address->hh.tbl) { // uthash had no memory
		free(address);
		return NULL;
	}
	return address;
}

static struct address *find_address(
	struct newcomers *newcomers, const struct peer *peer, uint32_t now_ms)
{
	uint8_t key[16];
	struct address *address;

	peer_network(peer, key);
	HASH_FIND(hh, newcomers->addresses, key, sizeof(key), address);
	if (!address) {
		address = add_address(newcomers, key);
		if (!address)
			return &newcomers->others;
		address->allowance = full(address_size(newcomers, address), now_ms);
	}
	list_remove(&address->turn);
	list_append(&newcomers->turns, &address->turn);
	return address;
}

// ---- trials

static struct trial *find_trial(const struct newcomers *newcomers, struct text ident)
{
	struct trial *trial;

	HASH_FIND(hh, newcomers->table, ident.data, ident.len, trial);
	return trial;
}

static void pass_entries(const struct trial *trial, newcomers_visit *visit, void *context)
{
	for (uint32_t at = 0; at < trial->len;) {
		uint32_t size;
		memcpy(&size, trial->data + at, sizeof(size));
		visit(context, trial->data + at + sizeof(size), size);
		at += (uint32_t)sizeof(size) + size;
	}
}

static void end_trial(
	struct newcomers *newcomers, struct trial *trial, newcomers_visit *visit, void *context)
{
	assert(newcomers->table); // at least this one
	HASH_DEL(newcomers->table, trial);
	list_remove(&trial->turn);
	list_remove(&trial->of_address);
	trial->address->trials--;
	newcomers->bytes -= trial->room;
	newcomers->entries -= trial->entries;
	if (visit)
		pass_entries(trial, visit, context);
	free(trial->data);
	free(trial);
}

static void drop_trial(struct newcomers *newcomers, struct trial *trial)
{
	newcomers->counters.refused++;
	end_trial(newcomers, trial, newcomers->dropped, newcomers->context);
}

static struct trial *find_oldest(struct newcomers *newcomers, const struct trial *except)
{
	for (struct list *at = newcomers->trials.next; at && at != &newcomers->trials;
		at = at->next) {
		struct trial *trial = list_item(at, struct trial, turn);
		if (trial != except)
			return trial;
	}
	return NULL;
}

// Drops an ident on trial, but not this one. Returns false if there is no other.
static bool make_room(struct newcomers *newcomers, const struct trial *except)
{
	const struct address *heaviest = newcomers->heaviest;
	struct trial *victim = NULL;

	if (heaviest && heaviest->trials > HASH_COUNT(newcomers->table) / HEAVY)
		victim = list_item(heaviest->idents.next, struct trial, of_address);
	if (!victim || victim == except)
		victim = find_oldest(newcomers, except);
	if (!victim)
		return false;
	drop_trial(newcomers, victim);
	return true;
}

static struct trial *add_trial(struct newcomers *newcomers, struct address *address,
	const struct peer *peer, struct text ident, uint32_t now_ms)
{
	if (HASH_COUNT(newcomers->table) >= NEWCOMERS_TRIALS)
		make_room(newcomers, NULL);
	struct trial *trial = calloc(1, sizeof(*trial));
	if (!trial)
		return NULL;
	trial->address = address;
	trial->peer = *peer;
	trial->began_ms = now_ms;
	trial->ident_len = (uint8_t)ident.len;
	memcpy(trial->ident, ident.data, ident.len);
	HASH_ADD(hh, newcomers->table, ident, ident.len, trial);
	if (!trial->hh.tbl) { // uthash had no memory
		free(trial);
		return NULL;
	}
	list_init(&trial->turn);
	list_init(&trial->of_address);
	list_append(&newcomers->trials, &trial->turn);
	list_append(&address->idents, &trial->of_address);
	address->trials++;
	if (!newcomers->heaviest || address->trials > newcomers->heaviest->trials)
		newcomers->heaviest = address;
	newcomers->counters.held++;
	return trial;
}

uint8_t *newcomers_keep(struct newcomers *newcomers, struct text ident, size_t size)
{
	struct trial *trial = find_trial(newcomers, ident);
	const uint32_t head = sizeof(uint32_t);

	if (!trial || size > NEWCOMERS_OF_IDENT || head + size > NEWCOMERS_OF_IDENT - trial->len)
		return NULL;
	const uint32_t len = trial->len + head + (uint32_t)size;
	if (len > trial->room) {
		while (newcomers->bytes + (len - trial->room) > NEWCOMERS_BYTES)
			if (!make_room(newcomers, trial))
				return NULL;
		uint8_t *data = realloc(trial->data, len);
		if (!data)
			return NULL;
		newcomers->bytes += len - trial->room;
		trial->data = data;
		trial->room = len;
	}
	uint8_t *out = trial->data + trial->len;
	const uint32_t size32 = (uint32_t)size;
	memcpy(out, &size32, head);
	trial->len = len;
	trial->entries++;
	newcomers->entries++;
	return out + head;
}

void newcomers_release(
	struct newcomers *newcomers, struct text ident, newcomers_visit *visit, void *context)
{
	struct trial *trial = find_trial(newcomers, ident);

	if (trial)
		end_trial(newcomers, trial, visit, context);
}

// ---- decisions

static enum newcomer ask_udp(struct newcomers *newcomers, const struct peer *peer,
	struct text ident, int64_t received_us, uint32_t now_ms)
{
	struct trial *trial = find_trial(newcomers, ident);
	struct address *address = find_address(newcomers, peer, now_ms);

	if (!trial) {
		if (take(newcomers, address, peer, KIND_ONCE, true, now_ms))
			return NEWCOMER_ADMITTED;
		trial = add_trial(newcomers, address, peer, ident, now_ms);
		if (!trial) {
			newcomers->counters.refused++;
			return NEWCOMER_REFUSED;
		}
	} else if (trial->received_us != received_us &&
		   take(newcomers, address, peer, KIND_AGAIN, true, now_ms)) {
		return NEWCOMER_ADMITTED;
	}
	trial->received_us = received_us;
	return NEWCOMER_ON_TRIAL;
}

enum newcomer newcomers_ask_other(
	struct newcomers *newcomers, const struct peer *peer, uint32_t now_ms)
{
	const enum kind kind = peer->transport == TRANSPORT_UDP ? KIND_AGAIN : KIND_TCP;

	if (take(newcomers, find_address(newcomers, peer, now_ms), peer, kind, true, now_ms))
		return NEWCOMER_ADMITTED;
	newcomers->counters.refused++;
	return NEWCOMER_REFUSED;
}

enum newcomer newcomers_ask(struct newcomers *newcomers, const struct peer *peer, struct text ident,
	int64_t received_us, uint32_t now_ms)
{
	if (peer->transport == TRANSPORT_UDP)
		return ask_udp(newcomers, peer, ident, received_us, now_ms);
	return newcomers_ask_other(newcomers, peer, now_ms);
}

// ---- devices that were admitted

// Puts the device into the ring. Returns what was in its place.
static struct joined join(struct newcomers *newcomers, struct joined device)
{
	struct joined *place = &newcomers->joined[newcomers->joined_count % NEWCOMERS_JOINED];
	const struct joined oldest = *place;

	*place = device;
	newcomers->joined_count++;
	if (newcomers->joined_count - newcomers->checked > NEWCOMERS_JOINED)
		newcomers->checked = newcomers->joined_count - NEWCOMERS_JOINED;
	return oldest;
}

void newcomers_joined(struct newcomers *newcomers, struct device_directory *directory,
	struct device *device, const struct peer *peer, uint32_t now_ms)
{
	struct joined next = {device, *peer, now_ms};

	for (int i = 0; i < TURN_JOINED; i++) {
		next = join(newcomers, next);
		if (!next.device || next.device->id)
			return;
		if (!next.device->users && !next.device->secret_version) {
			device_directory_remove(directory, next.device);
			return;
		}
		next.peer.transport = TRANSPORT_UDP; // it counts once for its address
	}
}

static void check_joined(struct newcomers *newcomers, newcomers_proves *proves, uint32_t now_ms)
{
	for (int i = 0; i < TURN_CHECKED && newcomers->checked < newcomers->joined_count; i++) {
		const struct joined *joined =
			&newcomers->joined[newcomers->checked % NEWCOMERS_JOINED];
		if (now_ms - joined->at_ms < NEWCOMERS_PROOF_MS)
			return;
		newcomers->checked++;
		if (joined->peer.transport == TRANSPORT_TCP && proves(joined->device))
			find_address(newcomers, &joined->peer, now_ms)->good++;
	}
}

// ---- once a second

// Moves the trial to the end of the list, unless it ends.
static void review(struct newcomers *newcomers, struct trial *trial, newcomers_admit *admit,
	void *context, uint32_t now_ms)
{
	const struct text ident = {trial->ident, trial->ident_len};
	const uint32_t age_ms = now_ms - trial->began_ms;

	list_remove(&trial->turn);
	list_append(&newcomers->trials, &trial->turn);
	if (admit(context, ident, false))
		return;
	if (age_ms >= NEWCOMERS_WAIT_MS &&
		take(newcomers, trial->address, &trial->peer, KIND_ONCE, false, now_ms) &&
		admit(context, ident, true))
		return;
	if (age_ms >= NEWCOMERS_TRIAL_MS)
		drop_trial(newcomers, trial);
}

void newcomers_each_second(struct newcomers *newcomers, newcomers_admit *admit, void *context,
	newcomers_proves *proves, uint32_t now_ms)
{
	const size_t count = HASH_COUNT(newcomers->table);

	for (size_t i = 0; i < count && i < TURN_TRIALS && !list_empty(&newcomers->trials); i++)
		review(newcomers, list_item(newcomers->trials.next, struct trial, turn), admit,
			context, now_ms);
	check_joined(newcomers, proves, now_ms);
}

void newcomers_finish(struct newcomers *newcomers)
{
	while (!list_empty(&newcomers->trials))
		drop_trial(newcomers, list_item(newcomers->trials.next, struct trial, turn));
}

// ---- beginning and end

void newcomers_set_limits(struct newcomers *newcomers, struct newcomers_limits limits)
{
	newcomers->limits = limits;
}

struct newcomers *newcomers_new(
	struct newcomers_limits limits, newcomers_visit *dropped, void *context, uint32_t now_ms)
{
	struct newcomers *newcomers = calloc(1, sizeof(*newcomers));

	if (!newcomers)
		return NULL;
	newcomers->limits = limits;
	newcomers->dropped = dropped;
	newcomers->context = context;
	newcomers->total = full(total_size(newcomers), now_ms);
	newcomers->others.allowance = full(address_size(newcomers, &newcomers->others), now_ms);
	list_init(&newcomers->others.turn);
	list_init(&newcomers->others.idents);
	list_init(&newcomers->turns);
	list_init(&newcomers->trials);
	return newcomers;
}

void newcomers_free(struct newcomers *newcomers)
{
	if (!newcomers)
		return;
	while (!list_empty(&newcomers->trials))
		end_trial(newcomers, list_item(newcomers->trials.next, struct trial, turn), NULL,
			NULL);
	while (!list_empty(&newcomers->turns))
		forget(newcomers, list_item(newcomers->turns.next, struct address, turn));
	free(newcomers);
}

const struct newcomers_counters *newcomers_counters(const struct newcomers *newcomers)
{
	return &newcomers->counters;
}

size_t newcomers_on_trial(const struct newcomers *newcomers)
{
	return HASH_COUNT(newcomers->table);
}

size_t newcomers_entries(const struct newcomers *newcomers)
{
	return newcomers->entries;
}

bool newcomers_has_trial(const struct newcomers *newcomers, struct text ident)
{
	return find_trial(newcomers, ident) != NULL;
}

const char *newcomers_limited(struct newcomers *newcomers, struct peer *peer)
{
	const char *setting = newcomers->limited;

	*peer = newcomers->limited_peer;
	newcomers->limited = NULL;
	return setting;
}
