/*
 * Tells the database of a wrapped command: the thread that waits so that nobody else does.  The
 * start and the end are told in this order, each until it is answered; of heartbeats the latest,
 * once.
 */
#ifndef JOBSTATUS_REPORT_TELLER_H
#define JOBSTATUS_REPORT_TELLER_H

#include <stdint.h>

#include "report_command.h"
#include "report_session.h"

struct report_teller;

/* The texts are allocated, and taken over; any but STATUS may be NULL. */
struct report_ending {
	const char *status;
	char *details, *error, *stack;
};

/*
 * Begins to tell that the task that VALUES name, by report_field, is active.  VALUES and DATABASE
 * stay the caller's, as long as the teller lives.  NULL: no memory, descriptor or thread.
 */
struct report_teller *report_teller_open(
    const char *database, const char *const values[REPORT_FIELDS]);

/*
 * Waits until DEADLINE, or until it is known that the database is away, whichever comes first.
 * Returns 0 if the task may begin, or a code of sysexits.h with the reason in ANSWER's text: it was
 * refused.  From then on the teller itself logs a refusal.
 */
int report_teller_start(
    struct report_teller *teller, int64_t deadline, struct report_answer *answer);

/* A heartbeat with these status_details, which it takes over; NULL is none. */
void report_teller_beat(struct report_teller *teller, char *details);

/* The end, tried for TIMEOUT nanoseconds.  Nothing may follow but the next two. */
void report_teller_end(
    struct report_teller *teller, const struct report_ending *ending, int64_t timeout);

/* Gives up what is not told yet. */
void report_teller_give_up(struct report_teller *teller);

/* A descriptor that is readable when the end was told, refused or given up. */
int report_teller_fd(const struct report_teller *teller);

/*
 * Returns 0 if the end was told, or a code of sysexits.h with the reason in ANSWER's text, and
 * frees the teller; or leaves it to the end of the process, if its thread hangs, as in resolving a
 * name.
 */
int report_teller_close(struct report_teller *teller, struct report_answer *answer);

#endif
