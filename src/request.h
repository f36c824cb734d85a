/*
 * CGI variables to a request, or to the HTTP status that they deserve.  Pure: no input, no output.
 */
#ifndef JOBSTATUS_REQUEST_H
#define JOBSTATUS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_NAME_MAX 255 /* code points of a workspace, name or principal */

enum request_fault {
	REQUEST_FAULT_NONE,
	REQUEST_FAULT_UNICODE, /* not UTF-8 */
	REQUEST_FAULT_LENGTH,  /* over REQUEST_NAME_MAX code points */
	REQUEST_FAULT_CONTROL, /* U+0000 to U+001F or U+007F to U+009F in it */
};

/* One path parameter: BYTES are not terminated; the first FAULT in the order of the enum. */
struct request_parameter {
	const char *bytes;
	size_t length;
	enum request_fault fault;
};

enum request_route {
	REQUEST_JOB,
	REQUEST_LIVE,    /* /-/live */
	REQUEST_READY,   /* /-/ready */
	REQUEST_METRICS, /* /-/metrics */
};

struct request {
	bool head; /* headers only */
	enum request_route route;
	struct request_parameter workspace, name;
	char *path; /* owned: SCRIPT_NAME and PATH_INFO joined, or NULL */
};

/*
 * Judges the CGI variables (each may be NULL) in the contract's order: path, method, principal,
 * parameters.  PRINCIPAL is NULL where anyone may ask; one that breaks the rules of a name is none,
 * as is "".  Only a job has a principal and parameters.  Returns 200 (for a job: workspace and name
 * are set), 204 (OPTIONS), 401
 * (there is no principal), 404, 405, 422 (the parameters say what is wrong) or 500 (no memory).
 * `head` is set in every case.  The request borrows from PATH_INFO and is released by
 * request_free().
 */
int request_parse(struct request *request, const char *method, const char *script_name,
    const char *path_info, const char *principal);

/* Frees what request_parse() allocated; the request may be zeroed or parsed. */
void request_free(struct request *request);

#endif
