/*
 * Passes a stream of a wrapped command on, unchanged, and keeps its tail.
 */
#ifndef JOBSTATUS_REPORT_RELAY_H
#define JOBSTATUS_REPORT_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "report_tail.h"

/* As much as a pipe holds, twice: what was read, and what is left when the command has ended. */
#define REPORT_RELAY_BYTES (2 * 65536)

struct report_relay {
	int from;         /* the pipe's end, not blocking; -1 when no more will come from it */
	int to;           /* -1 when nobody takes it any more */
	const char *name; /* for the log */
	struct report_tail *tails[2]; /* or NULL */
	size_t start, end;            /* what is read and not yet written */
	char bytes[REPORT_RELAY_BYTES];
};

/* What is to be waited for; a descriptor of -1 is nothing. */
struct pollfd report_relay_wants(const struct report_relay *relay);

/* Does it.  Never blocks for reading; writes what the other end takes at once. */
void report_relay_step(struct report_relay *relay);

/* Reads what there is, as far as it has room, and no more after that. */
void report_relay_drain(struct report_relay *relay);

/* Whether everything that was read is written, or cannot be. */
bool report_relay_flushed(const struct report_relay *relay);

#endif
