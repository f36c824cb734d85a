/*
 * The last bytes of a stream, kept while it passes.
 */
#ifndef JOBSTATUS_REPORT_TAIL_H
#define JOBSTATUS_REPORT_TAIL_H

#include <stddef.h>
#include <stdint.h>

#define REPORT_TAIL_BYTES 65536UL

struct report_tail {
	uint64_t total; /* bytes that have passed */
	char bytes[REPORT_TAIL_BYTES];
};

void report_tail_add(struct report_tail *tail, const char *bytes, size_t length);

/*
 * What is kept, as a text that PostgreSQL takes: every byte that is no part of valid UTF-8, and
 * every NUL, is U+FFFD.  It has REPORT_TAIL_BYTES at most and begins with a whole character.  The
 * caller frees it; NULL: no memory.
 */
char *report_tail_text(const struct report_tail *tail);

#endif
