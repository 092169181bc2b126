// SPDX-License-Identifier: MIT
// Stream sockets in the file system. The path of the folder may be longer than sun_path (108 bytes).
#ifndef AVLD_UTIL_LOCAL_SOCKET_H
#define AVLD_UTIL_LOCAL_SOCKET_H

#define LOCAL_SOCKET_NAME_MAX 64 /* bytes of a name, with its NUL */

// Returns a non-blocking socket that listens at dir/name, mode 0600. A socket of that name is replaced: the caller holds a
// lock that says that nobody listens there. -1: error, with errno.
int local_socket_listen(const char *dir, const char *name, int backlog);
// Returns a blocking connection to dir/name, or -1, with errno: ENOENT and ECONNREFUSED, nobody listens there.
int local_socket_connect(const char *dir, const char *name);
// Removes the name.
void local_socket_remove(const char *dir, const char *name);

#endif
