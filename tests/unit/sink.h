/*
 * A sink that keeps what it is given, or refuses from some byte on.
 */
#ifndef JOBSTATUS_TESTS_SINK_H
#define JOBSTATUS_TESTS_SINK_H

#include <stdlib.h>
#include <string.h>

struct sink {
	char *bytes; /* terminated, though it may hold anything */
	size_t length, limit;
};

static inline int
sink_take(void *context, const char *bytes, size_t length)
{
	struct sink *sink = context;

	if (sink->limit != 0 && sink->length + length > sink->limit)
		return -1;
	sink->bytes = realloc(sink->bytes, sink->length + length + 1);
	memcpy(sink->bytes + sink->length, bytes, length);
	sink->length += length;
	sink->bytes[sink->length] = '\0';
	return 0;
}

#endif
