/*
 * What went wrong with the database, from where it was seen to where it is judged.
 */
#ifndef JOBSTATUS_FAILURE_H
#define JOBSTATUS_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

enum failure_kind {
	FAILURE_NONE,
	FAILURE_LOST,    /* the session ended, or must: a fresh one may well answer */
	FAILURE_TIMEOUT, /* the deadline passed, and not a byte came */
	FAILURE_SLOW,    /* the deadline passed while rows were coming */
	FAILURE_CONNECT, /* no session could be opened */
	FAILURE_REFUSED, /* the statement was refused; the session is of further use */
	FAILURE_DATA,    /* the same, for what the rows hold */
	FAILURE_FOREIGN, /* the same: its encoding lacks characters of what it was asked for */
	FAILURE_CHANGED, /* a column is not found: a fresh session asks anew which there are */
	FAILURE_MEMORY,
};

/* What went wrong; TEXT is for the log, never for a client. */
struct failure {
	enum failure_kind kind;
	char sqlstate[6]; /* or empty */
	char text[400];
};

/* The kind in words. */
const char *failure_cause(const struct failure *failure);

/* What an operator can act on, in our words, which a client may see: nothing of TEXT. */
void failure_reason(const struct failure *failure, char *reason, size_t size);

/* Whether the session goes on after a failure of this kind. */
bool failure_keeps_session(enum failure_kind kind);

/* Sets *FAILURE, with TEXT's first line and no SQLSTATE.  Returns -1, for callers to pass on. */
int failure_set(struct failure *failure, enum failure_kind kind, const char *text);

#endif
