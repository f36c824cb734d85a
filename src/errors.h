/*
 * The JSON bodies of answers that are no document, made with json-c.
 */
#ifndef JOBSTATUS_ERRORS_H
#define JOBSTATUS_ERRORS_H

#include "compat.h"

struct body;
struct request;

/* Makes BODY {"detail":"DETAIL"}.  Returns 0, or -1: no memory. */
int errors_detail(struct body *body, const char *detail);

/* Makes BODY {"status":"STATUS"}, with a "reason" if REASON is not NULL.  Returns as above. */
int errors_status(struct body *body, const char *status, const char *reason);

/* Makes BODY the 404 for the job that REQUEST names.  Returns 0, or -1: no memory. */
int errors_absent(struct body *body, const struct request *request, enum compat compat);

/* Makes BODY the HTTPValidationError of REQUEST's faults, workspace first.  Returns 0, or -1: no
 * memory. */
int errors_validation(struct body *body, const struct request *request);

#endif
