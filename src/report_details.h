/*
 * What jobstatus-report says of a command that it wraps, as JSON.
 */
#ifndef JOBSTATUS_REPORT_DETAILS_H
#define JOBSTATUS_REPORT_DETAILS_H

#include <stdint.h>

#define REPORT_LINES 20
#define REPORT_LINES_BYTES 4096

/*
 * The status_details {"elapsed_seconds": N, "last_lines": [...]}: the last REPORT_LINES lines of
 * TEXT, valid UTF-8, as a terminal shows them: what follows a carriage return stands in the place
 * of what was before it.  They have REPORT_LINES_BYTES at most, newlines not counted: the first of
 * them that does not fit is left out with those before it, and the last line is cut to its end. The
 * caller frees it; NULL: no memory.
 */
char *report_details_status(int64_t elapsed, const char *text);

/*
 * The error_details {"message": ..., "exit_code": N} of a command that ended with CODE, or
 * {"message": ..., "signal": "SIGTERM"} of one that a signal ended.  MESSAGE is NULL for one that
 * says just that.  The caller frees it; NULL: no memory.
 */
char *report_details_exit(int code, const char *message);
char *report_details_signal(int number);

#endif
