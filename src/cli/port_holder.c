// SPDX-License-Identifier: MIT
// /proc/net/{tcp,udp}{,6} has the inode of the socket, and a link in /proc/PID/fd names that inode:
//
//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//    0: 00000000:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345
//    ...
#include "cli/port_holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIELD_LOCAL = 1, FIELD_STATE = 3, FIELD_UID = 7, FIELD_INODE = 9 };
enum { STATE_CLOSE = 7, STATE_LISTEN = 10 }; /* an unconnected UDP socket is "closed" */

static const char *field_at(const char *line, int index)
{
	line += strspn(line, " ");
	while (index-- > 0) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

// Returns the inode if this line is the port's socket, else 0.
static unsigned long match_line(const char *line, uint16_t port, bool udp, uid_t *uid)
{
	const char *local = field_at(line, FIELD_LOCAL);
	const char *colon = strchr(local, ':');
	if (!colon || strtoul(colon + 1, NULL, 16) != port)
		return 0;
	unsigned long state = strtoul(field_at(line, FIELD_STATE), NULL, 16);
	if (state != (udp ? STATE_CLOSE : STATE_LISTEN))
		return 0;
	*uid = (uid_t)strtoul(field_at(line, FIELD_UID), NULL, 10);
	return strtoul(field_at(line, FIELD_INODE), NULL, 10);
}

static unsigned long find_inode(const char *table, uint16_t port, bool udp, uid_t *uid)
{
	FILE *file = fopen(table, "re");
	if (!file)
		return 0;
	char line[512];
	unsigned long inode = 0;
	while (!inode && fgets(line, sizeof(line), file))
		inode = match_line(line, port, udp, uid);
	fclose(file);
	return inode;
}

static bool process_has(const char *pid, const char *link)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	bool found = false;
	for (struct dirent *entry; !found && (entry = readdir(dir));) {
		char target[64];
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		found = !strcmp(target, link);
	}
	closedir(dir);
	return found;
}

static void read_name(const char *pid, char *name, size_t cap)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, (int)cap, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

static void find_process(unsigned long inode, struct port_holder *out)
{
	char link[64];
	snprintf(link, sizeof(link), "socket:[%lu]", inode);
	DIR *proc = opendir("/proc");
	if (!proc)
		return;
	for (struct dirent *entry; !out->pid && (entry = readdir(proc));) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			!process_has(entry->d_name, link))
			continue;
		out->pid = (pid_t)strtol(entry->d_name, NULL, 10);
		read_name(entry->d_name, out->name, sizeof(out->name));
	}
	closedir(proc);
}

bool port_holder_find(uint16_t port, bool udp, struct port_holder *out)
{
	memset(out, 0, sizeof(*out));
	unsigned long inode =
		find_inode(udp ? "/proc/net/udp6" : "/proc/net/tcp6", port, udp, &out->uid);
	if (!inode)
		inode = find_inode(udp ? "/proc/net/udp" : "/proc/net/tcp", port, udp, &out->uid);
	if (!inode)
		return false;
	find_process(inode, out);
	return true;
}
