/*
 * Status, headers and body of an answer, written to any sink in CGI's form (RFC 3875, 6.3).
 */
#ifndef JOBSTATUS_RESPONSE_H
#define JOBSTATUS_RESPONSE_H

#include <stdbool.h>

#include "body.h"

/*
 * Writes the answer: STATUS with the headers that belong to it, and BODY unless HEAD asks for
 * headers only. BODY is NULL for an answer without one.  Returns 0, or -1 if the sink takes no
 * more.
 */
int response_write(int status, bool head, const struct body *body, body_sink *sink, void *context);

#endif
