// SPDX-License-Identifier: MIT
// The database, for avld check.
#ifndef AVLD_CLI_CHECK_DATABASE_H
#define AVLD_CLI_CHECK_DATABASE_H

#include "config/config.h"

// Connects, and tests the server, the schema and the rights. Prints what it finds; returns false after a problem.
bool check_database(const struct config *config);

#endif
