// SPDX-License-Identifier: MIT
// What commands do to the engine of a vehicle, under whatever name.
#ifndef AVLD_MODEL_IMMOBILIZER_H
#define AVLD_MODEL_IMMOBILIZER_H

#include "model/command.h"

// Return true if the command stops or resumes the engine, whatever its name: the relay is at output 1, and known custom
// texts are recognised.
bool immobilizer_stops(const struct command *command);
bool immobilizer_resumes(const struct command *command);

#endif
