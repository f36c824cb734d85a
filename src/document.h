/*
 * Rows to the JSON document of a job's status, written as the rows pass.
 */
#ifndef JOBSTATUS_DOCUMENT_H
#define JOBSTATUS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compat.h"
#include "row.h"

struct body;

enum document_result {
	DOCUMENT_OK,
	DOCUMENT_BROKEN, /* a row that the contract cannot express; logged, with the row's name */
	DOCUMENT_FULL,   /* no memory or no space for it; logged */
};

/* What of a finished document matters to those who ask again. */
struct document_state {
	bool ended;      /* the job's status is terminal */
	int64_t changed; /* the latest updated_at of all rows, see timestamp.h */
};

/* One document in the making. */
struct document {
	struct body *body;
	enum compat compat;
	bool accept_unknown_status;
	bool in_step;
	bool any_task; /* in this step */
	bool any_step;
	struct document_state state; /* of the rows so far */
	int64_t job_created, job_updated;
	int64_t step_created, step_updated;
	char *position; /* of this step: a copy that grows */
	size_t position_length, position_size;
};

/* The document goes to BODY, in the form of COMPAT, and with any status if the last says so. */
void document_open(
    struct document *document, struct body *body, enum compat compat, bool accept_unknown_status);
void document_close(struct document *document);

/* Forgets what was written, the body's bytes included, and starts anew. */
void document_begin(struct document *document);

/* Appends one row.  They come in document order: the job, then each step followed by its tasks. */
enum document_result document_append(struct document *document, const struct row *row);

/* Completes the document after the last row. */
enum document_result document_end(struct document *document);

#endif
