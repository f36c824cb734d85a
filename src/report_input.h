/*
 * Values that come from a file or from standard input.
 */
#ifndef JOBSTATUS_REPORT_INPUT_H
#define JOBSTATUS_REPORT_INPUT_H

#include <stddef.h>

#define REPORT_INPUT_MOST (256UL << 20)

/*
 * Reads all of the file that VALUE, "@FILE" or "@-", names, as it is: *CONTENT is the caller's to
 * free.  Returns 0, or a code of sysexits.h with a line in ERROR (SIZE bytes): EX_NOINPUT, it
 * cannot be read; EX_DATAERR, it holds a NUL byte or more than MOST bytes; EX_OSERR, no memory.
 */
int report_input_read(const char *value, size_t most, char **content, char *error, size_t size);

#endif
