/*
 * PostgreSQL's timestamptz (microseconds since 2000-01-01 00:00:00 UTC) as text.
 */
#ifndef JOBSTATUS_TIMESTAMP_H
#define JOBSTATUS_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMESTAMP_LENGTH 27 /* of 2024-06-01T08:00:00.123456Z */

/* Whether MICROSECONDS lie in the years 0001 to 9999 (the infinities do not). */
bool timestamp_valid(int64_t microseconds);

enum timestamp_form {
	TIMESTAMP_UTC,   /* RFC 3339 with Z, and as many digits of a second as it takes */
	TIMESTAMP_NAIVE, /* without an offset, with six digits of a second, or none for zero */
};

/*
 * Writes MICROSECONDS in the FORM, in UTC in any case, not terminated.  Returns the length, or 0 if
 * they are not valid.
 */
size_t timestamp_format(
    char text[static TIMESTAMP_LENGTH], int64_t microseconds, enum timestamp_form form);

#endif
