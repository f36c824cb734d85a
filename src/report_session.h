/*
 * One call of the database in a session of its own: connect, call, close.  Reports are seconds
 * apart, and a thousand idle sessions would cost the server more than a thousand connects.
 */
#ifndef JOBSTATUS_REPORT_SESSION_H
#define JOBSTATUS_REPORT_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_ANSWERS 2

struct report_answer {
	int code;         /* 0, or why not: see report_outcome() */
	bool sent;        /* whether the call may have been executed, whatever CODE says */
	char sqlstate[6]; /* or empty */
	char text[1600];  /* what is wrong, when CODE is not 0 */
	char values[REPORT_ANSWERS]
		   [1024]; /* of the first row's first columns, cut at this length */
};

/*
 * Calls SQL with COUNT parameters of VALUES, against DEADLINE; the server ends by itself what lasts
 * longer.  *CANCEL, unless it is NULL, ends the attempt when it turns true.  Returns ANSWER's code.
 */
int report_session_call(const char *database, const char *sql, size_t count,
    const char *const values[], int64_t deadline, const atomic_bool *cancel,
    struct report_answer *answer);

/* Whether libpq can read DATABASE. */
bool report_session_valid(const char *database);

#endif
