// SPDX-License-Identifier: MIT
// The end of verbs that run until Ctrl-C.
#ifndef AVLD_CLI_INTERRUPT_H
#define AVLD_CLI_INTERRUPT_H

// From here on SIGINT and SIGTERM end the process at once with exit status 0. What has been printed must be flushed.
void interrupt_ends(void);

#endif
