/*
 * The sessions of a pool, at rest and in use.  No locks here: the pool has one.
 */
#ifndef JOBSTATUS_ROSTER_H
#define JOBSTATUS_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "connection.h"

struct roster_slot {
	struct connection *connection;
	int64_t opened, taken; /* of clock_now() */
};

struct roster {
	unsigned int limit, open;  /* how many there may be, and are */
	unsigned int idle;         /* slots[0 .. idle): at rest, newest last */
	struct roster_slot *slots; /* owned; at rest, then in use */
	int64_t stale;             /* what was opened before is not used again */
};

/* Returns 0, or -1: no memory. */
int roster_open(struct roster *roster, unsigned int limit);

/* Closes all sessions. */
void roster_close(struct roster *roster);

/* Adds a session at rest, of which OPENED is when opening it began; there must be room. */
void roster_add(struct roster *roster, struct connection *connection, int64_t opened);

/* The one that came to rest last, to be put back or dropped; NULL: none is at rest. */
struct connection *roster_take(struct roster *roster);

/* Puts a session back to rest, or false: it is not to be used again, and the caller's to close. */
bool roster_put(struct roster *roster, struct connection *connection);

/* Takes a session in use out, which is the caller's to close.  Returns whether it was of use until
 * now. */
bool roster_drop(struct roster *roster, const struct connection *connection);

/* What was opened before SINCE is not used again. */
void roster_retire(struct roster *roster, int64_t since);

/* Ends the sessions in use by connection_cut(). */
void roster_cut(const struct roster *roster);

/* Whether a session is of further use, be it in use or not. */
bool roster_is_alive(const struct roster *roster);

/* When the session that is in use longest was taken; INT64_MAX: none is. */
int64_t roster_first_taken(const struct roster *roster);

#endif
