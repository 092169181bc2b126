// SPDX-License-Identifier: MIT
// The command line of avld.
#ifndef AVLD_CLI_CLI_H
#define AVLD_CLI_CLI_H

// Runs the verb argv[1], or prints the help or the version. Returns the exit code: 0 success, 1 failure, 2 bad usage
// or bad settings.
int cli_run(int argc, char **argv);

#endif
