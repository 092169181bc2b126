// SPDX-License-Identifier: MIT
#include "cli/check_journal.h"

#include "cli/check_print.h"
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Returns true if the process holds a lock on the file. A line of /proc/locks:
// "1: FLOCK  ADVISORY  WRITE PID MAJOR:MINOR:INODE 0 EOF"
static bool is_locked(pid_t pid, ino_t inode)
{
	char wanted_pid[32], wanted_inode[32], line[256];
	snprintf(wanted_pid, sizeof(wanted_pid), " %ld ", (long)pid);
	snprintf(wanted_inode, sizeof(wanted_inode), ":%ju ", (uintmax_t)inode);
	FILE *locks = fopen("/proc/locks", "re");
	bool found = false;
	while (locks && !found && fgets(line, sizeof(line), locks))
		found = strstr(line, "FLOCK") && strstr(line, wanted_pid) &&
			strstr(line, wanted_inode);
	if (locks)
		fclose(locks);
	return found;
}

pid_t check_journal_holder(const char *dir)
{
	char path[4096], text[32] = "";
	struct stat status;
	snprintf(path, sizeof(path), "%s/lock", dir);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	bool read = fgets(text, sizeof(text), file) && !fstat(fileno(file), &status);
	fclose(file);
	pid_t pid = read ? (pid_t)strtol(text, NULL, 10) : 0;
	return pid > 0 && is_locked(pid, status.st_ino) ? pid : 0;
}

// Shortens the path to its parent folder. "a/b" -> "a", "/a" -> "/", "a" -> "."
static void to_parent(char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len)
		path[len++] = '.';
	path[len] = '\0';
}

// Returns why no file can be created in the folder, 0 if one can. Creates an unnamed file, which closing removes.
// Checking permissions is not enough: root has all of them, but cannot create files in /proc.
static int error_of_folder(const char *dir)
{
	struct statvfs status;
	const int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0) {
		const int error = posix_fallocate(fd, 0, 4096);
		close(fd);
		return error;
	}
	const int error = errno;
	// Some file systems do not support unnamed files (NFS). The kernel's own also have no blocks.
	if (error == EOPNOTSUPP && !statvfs(dir, &status) && status.f_blocks)
		return 0;
	return error;
}

static bool no_file_system(const struct config *config, const char *folder)
{
	return check_print_problem(config, "journal.dir",
		"%s: no files can be created in %s; name a folder on a local disk",
		config->journal.dir, folder);
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

// serve also starts on a full disk, and accepts no data until there is room.
static bool note_full(const char *dir)
{
	check_print_note("journal %s: disk full; serve accepts no data until space is freed", dir);
	return true;
}

static bool check_missing_journal(const struct config *config)
{
	const char *dir = config->journal.dir;
	char parent[4096];
	struct stat status;
	if (!lstat(dir, &status))
		return check_print_problem(config, "journal.dir",
			"%s is a link to a missing folder; create that folder or name another",
			dir);
	snprintf(parent, sizeof(parent), "%s", dir);
	to_parent(parent);
	const int error = error_of_folder(parent);
	if (error == EOPNOTSUPP)
		return no_file_system(config, parent);
	if (error)
		return check_print_problem(config, "journal.dir",
			"%s does not exist and cannot be created: %s: %s; create it for the user "
			"that runs avld, or name another",
			dir, parent, strerror(error));
	check_print_ok("journal %s: does not exist yet, serve creates it", dir);
	return true;
}

static void note_finding(void *context, bool serious, const char *text)
{
	const char *const *dir = context;
	(void)serious;
	check_print_note("journal %s: %s", *dir, text);
}

// Returns false if serve would refuse the journal. Notes what is wrong with one that it would repair. A folder without one is right.
static bool can_be_opened(const struct config *config)
{
	const char *dir = config->journal.dir;
	const struct journal_options options = {.dir = dir, .read_only = true};
	char meta[4096], error[JOURNAL_ERROR_SIZE];

	snprintf(meta, sizeof(meta), "%s/journal.meta", dir);
	if (faccessat(AT_FDCWD, meta, F_OK, AT_EACCESS) && errno == ENOENT)
		return true;
	journal_explain_sigbus(dir);
	struct journal *journal = journal_open(&options, note_finding, &dir, error);
	if (!journal)
		return check_print_problem(config, "journal.dir", "%s", error);
	journal_close(journal);
	return true;
}

bool check_journal(const struct config *config)
{
	const char *dir = config->journal.dir;
	struct stat status;
	if (stat(dir, &status)) {
		if (errno == ENOENT)
			return check_missing_journal(config);
		return check_print_problem(config, "journal.dir",
			"%s: %s; name a folder of the user that runs avld", dir, strerror(errno));
	}
	if (!S_ISDIR(status.st_mode))
		return check_print_problem(
			config, "journal.dir", "%s is not a folder; name a folder", dir);
	const int error = faccessat(AT_FDCWD, dir, R_OK, AT_EACCESS) ? errno : error_of_folder(dir);
	if (is_full(error))
		return note_full(dir);
	if (error == EOPNOTSUPP)
		return no_file_system(config, dir);
	if (error)
		return check_print_problem(config, "journal.dir",
			"%s: %s for this user; change its owner to the user that runs avld, run "
			"the check as that user, or name another folder",
			dir, strerror(error));
	pid_t pid = check_journal_holder(dir);
	if (pid)
		check_print_ok("journal %s: in use by a running avld (pid %ld)", dir, (long)pid);
	else if (can_be_opened(config))
		check_print_ok("journal %s", dir);
	else
		return false;
	return true;
}
