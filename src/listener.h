/*
 * The listening socket: found on descriptor 0, or made at a path.
 */
#ifndef JOBSTATUS_LISTENER_H
#define JOBSTATUS_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

struct listener {
	int fd;
	const char *path; /* made by us, or NULL */
	dev_t device;     /* of what we made there */
	ino_t inode;
};

/* Whether FD is a listening socket. */
bool listener_is(int fd);

/* Whether the system knows GROUP. */
bool listener_valid_group(const char *group);

/*
 * Listens at PATH (mode 0660, GROUP or the process's own if NULL), replacing a stale socket, or
 * takes descriptor 0 if PATH is NULL.  Returns 0, or -1 after logging why.
 */
int listener_open(struct listener *listener, const char *path, const char *group);

/* Removes the path, if it is still ours, so that nobody connects any more; the socket stays open.
 */
void listener_unlink(const struct listener *listener);

void listener_close(struct listener *listener);

#endif
