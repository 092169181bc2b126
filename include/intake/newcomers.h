// SPDX-License-Identifier: MIT
// Limits how many idents that are not in avld.devices become devices: per address (IPv6: /64) and in total, as token
// buckets. Three kinds of requests have a share each, so that what is easy to forge cannot use up what is not:
//
//   TCP            the whole bucket: nobody can forge the address of a TCP connection
//   UDP, again     its upper eighth: an ident that was heard before
//   UDP, once      buckets of their own, in addition: a few minutes' worth. A refusal is charged too, so that a flood of
//                  idents heard once gets nothing after its first seconds
//
// A UDP ident for which there is no token is on trial: its reports are held here, unacknowledged, until it is heard in a
// second datagram and there is a token, or until the flood is over. Where memory is short, idents on trial give way: first
// those of an address that has more than a quarter of them, else the oldest.
//
// An address earns a higher rate by devices over TCP that go on reporting. All memory is bounded.
#ifndef AVLD_INTAKE_NEWCOMERS_H
#define AVLD_INTAKE_NEWCOMERS_H

#include "model/device_directory.h"
#include "model/peer.h"

#define NEWCOMERS_TRIALS    32768              /* idents on trial, of 208 bytes */
#define NEWCOMERS_BYTES     ((size_t)16 << 20) /* of their reports, in all */
#define NEWCOMERS_OF_IDENT  32768              /* bytes of the reports of one of them */
#define NEWCOMERS_ADDRESSES 65536              /* that are remembered */
#define NEWCOMERS_JOINED    131072 /* devices without a row in avld.devices, unless in use */

// In minutes of the rate: what may come at once. At the default rates that is 120,000 devices in all, 30,000 from one
// address, and 5,000 and 2,000 idents over UDP heard once.
#define NEWCOMERS_TOTAL_MINUTES        60
#define NEWCOMERS_ADDRESS_MINUTES      60
#define NEWCOMERS_ONCE_MINUTES         2.5
#define NEWCOMERS_ADDRESS_ONCE_MINUTES 4

#define NEWCOMERS_WAIT_MS  10000   /* on trial at least so long, unless heard again */
#define NEWCOMERS_TRIAL_MS 3600000 /* and at most so long */
#define NEWCOMERS_PROOF_MS                                                                         \
	60000 /* after which a device over TCP counts for its address, if it still reports */
#define NEWCOMERS_EARNED 4 /* times the rate, at most */

struct newcomers;

// 0: no limit.
struct newcomers_limits {
	uint32_t per_minute, per_address;
};

struct newcomers_counters {
	uint64_t admitted;
	uint64_t held;    /* idents put on trial */
	uint64_t refused; /* requests over TCP, and idents whose trial ended without admission */
};

enum newcomer { NEWCOMER_ADMITTED, NEWCOMER_ON_TRIAL, NEWCOMER_REFUSED };

// Gets the entries of an ident on trial, oldest first, when it is dropped. They are gone afterwards.
typedef void newcomers_visit(void *context, const uint8_t *entry, size_t size);

// dropped: called for the reports of idents whose trial ends without admission. Returns NULL if out of memory. All times:
// milliseconds of any clock that wraps around (clock_coarse_ms).
struct newcomers *newcomers_new(
	struct newcomers_limits limits, newcomers_visit *dropped, void *context, uint32_t now_ms);
// Sets other limits. What has been used up of the old ones counts.
void newcomers_set_limits(struct newcomers *newcomers, struct newcomers_limits limits);
// Drops the idents on trial without a call of `dropped`. newcomers may be NULL.
void newcomers_free(struct newcomers *newcomers);

// Decides on an ident that is unknown. received_us: the time of receipt, by which datagrams are told apart. ADMITTED: the
// caller adds the device, and calls newcomers_release. ON_TRIAL: the caller passes its reports to newcomers_keep.
enum newcomer newcomers_ask(struct newcomers *newcomers, const struct peer *peer, struct text ident,
	int64_t received_us, uint32_t now_ms);
// Decides on a further ident in a frame of an admitted device: never ON_TRIAL.
enum newcomer newcomers_ask_other(
	struct newcomers *newcomers, const struct peer *peer, uint32_t now_ms);

// Returns memory for a journal entry of this size of an ident on trial; NULL: no room for it.
uint8_t *newcomers_keep(struct newcomers *newcomers, struct text ident, size_t size);
// Passes the entries kept to `visit`, and ends the trial. Does nothing for other idents.
void newcomers_release(
	struct newcomers *newcomers, struct text ident, newcomers_visit *visit, void *context);

// Notes a device that was admitted. When there are more than NEWCOMERS_JOINED, the oldest that have no row and no user
// are removed from the directory.
void newcomers_joined(struct newcomers *newcomers, struct device_directory *directory,
	struct device *device, const struct peer *peer, uint32_t now_ms);

// Ends trials whose time is over, and lets idents in that wait while there is no flood: `admit` returns true if it has
// admitted the ident (and called newcomers_release); has_token: else only if it is known by now. `proves` returns true if
// a device admitted a minute ago still reports over TCP. To be called once a second.
typedef bool newcomers_admit(void *context, struct text ident, bool has_token);
typedef bool newcomers_proves(const struct device *device);
void newcomers_each_second(struct newcomers *newcomers, newcomers_admit *admit, void *context,
	newcomers_proves *proves, uint32_t now_ms);
// Ends all trials, as if their time was over.
void newcomers_finish(struct newcomers *newcomers);

const struct newcomers_counters *newcomers_counters(const struct newcomers *newcomers);
// Returns the number of idents on trial, and of the entries kept of them; and whether this ident is on trial.
size_t newcomers_on_trial(const struct newcomers *newcomers);
size_t newcomers_entries(const struct newcomers *newcomers);
bool newcomers_has_trial(const struct newcomers *newcomers, struct text ident);
// Returns the setting whose limit refused or held an ident last, and the peer; NULL: none since the last call.
const char *newcomers_limited(struct newcomers *newcomers, struct peer *peer);

#endif
