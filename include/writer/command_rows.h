// SPDX-License-Identifier: MIT
// The open commands of avld.commands as the writer reads them, and the callbacks that receive them.
#ifndef AVLD_WRITER_COMMAND_ROWS_H
#define AVLD_WRITER_COMMAND_ROWS_H

#include "model/command.h"
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

// An open command (queued or sent).
struct command_row {
	int64_t id;
	struct text ident; /* of the device; empty: the device was deleted */
	struct text name;
	struct text args[COMMAND_ARGS]; /* as text; data NULL: absent */
	bool sent;                      /* else queued */
	bool elsewhere;                 /* another instance received the device's last frame */
	uint32_t attempts;
	int64_t created_us, expires_us;
	int64_t sent_us;                /* 0: never */
	struct correlation correlation; /* sent: as in the ENTRY_COMMAND that is stored */
	bool has_fix;                   /* the device's newest plausible valid fix: */
	int64_t fixed_us;
	int32_t speed_kmh_e2;    /* -1: unknown */
	uint8_t udp_address[16]; /* of the device's newest frame, if that came by UDP; else :: */
};

// The receiver of the rows. They are read after each connect, when the database notifies of new commands, and once a
// minute. Each reading calls begin, then row for each command in the order of ids, then end.
struct command_sink {
	void *context;
	// lsn: the rows include every change that the journal holds below it.
	void (*begin)(void *context, uint64_t lsn);
	// The texts are valid during the call.
	void (*row)(void *context, const struct command_row *row);
	// The rows are complete up to this id; -1: the reading failed. Returns the LSN below which everything must be
	// stored before the rows are read once more; 0 if they need not be.
	uint64_t (*end)(void *context, int64_t up_to);
};

#endif
