/*
 * When to ask again: the Retry-After of a job that has not ended.
 */
#ifndef JOBSTATUS_HINT_H
#define JOBSTATUS_HINT_H

#include <stdint.h>

#define HINT_MAX 30 /* seconds */

/*
 * Seconds until a job should be asked for again that CHANGED at that time last (see timestamp.h): a
 * tenth of how long it has rested by the time of day, from 1 to HINT_MAX.  Who waits so long learns
 * of a change late by no more than that tenth.
 */
unsigned int hint_seconds(int64_t changed);

#endif
