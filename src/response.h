/*
 * Status, headers and body of an answer, written to any sink in CGI's form (RFC 3875, 6.3).
 */
#ifndef JOBSTATUS_RESPONSE_H
#define JOBSTATUS_RESPONSE_H

#include <stdbool.h>

#include "body.h"
#include "tag.h"

struct response {
	int status;
	bool head;                /* headers only */
	const struct tag *tag;    /* of a 200 or 304, else NULL */
	unsigned int retry_after; /* seconds until it is worth asking again, or 0 */
	bool private;             /* the answer depends on who asks */
	const char *challenge;    /* of a 401: at most 255 bytes without control characters */
	const struct body *body;  /* NULL for an answer without one */
	const char *type;         /* the body's media type, or NULL: JSON */
};

/*
 * Writes RESPONSE with the headers that belong to its status.  Returns 0, or -1 if the sink takes
 * no more.
 */
int response_write(const struct response *response, body_sink *sink, void *context);

#endif
