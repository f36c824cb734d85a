/*
 * A report that is tried until it is done, refused, or out of time.
 */
#ifndef JOBSTATUS_REPORT_TRY_H
#define JOBSTATUS_REPORT_TRY_H

#include <stdint.h>

#include "report_command.h"
#include "report_session.h"

/* Waits between attempts: 0.1 s at first, doubled to 3 s at most, less a random quarter. */
struct report_backoff {
	int64_t next;
};

/* The nanoseconds to wait before the next attempt.  *BACKOFF begins with 0. */
int64_t report_backoff_step(struct report_backoff *backoff);

/*
 * Executes COMMAND with VALUES, by report_field, in at most TIMEOUT nanoseconds.  An attempt whose
 * outcome was lost does not make the next one fail.  Returns 0, or a code of sysexits.h, with what
 * is wrong in ANSWER's text.
 */
int report_try(const struct report_command *command, const char *const values[REPORT_FIELDS],
    const char *database, int64_t timeout, struct report_answer *answer);

#endif
