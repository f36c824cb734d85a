/*
 * Seconds as a person writes them: "5", "0.25".
 */
#ifndef JOBSTATUS_SECONDS_H
#define JOBSTATUS_SECONDS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads decimal seconds, whatever the locale, into nanoseconds.  False: VALUE is no number of up to
 * nine digits before the point, or not between LEAST and MOST nanoseconds.
 */
bool seconds_read(const char *value, int64_t least, int64_t most, int64_t *nanoseconds);

#endif
