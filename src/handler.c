/*
 * One request to one answer.  This room alone knows the order of things.
 */
#include "handler.h"

#include <stdbool.h>
#include <stdlib.h>

#include "config.h"
#include "document.h"
#include "errors.h"
#include "request.h"
#include "response.h"
#include "store.h"

struct handler {
	const struct config *config;
	struct store *store;
	struct body body;
	struct document document;
	enum document_result result; /* of the last row */
};

struct handler *
handler_open(struct store *store, const struct config *config)
{
	struct handler *handler = calloc(1, sizeof(*handler));

	if (handler == NULL)
		return NULL;
	handler->config = config;
	handler->store = store;
	if (body_open(&handler->body) != 0) {
		free(handler);
		return NULL;
	}
	document_open(
	    &handler->document, &handler->body, config->compat, config->accept_unknown_status);
	return handler;
}

void
handler_close(struct handler *handler)
{
	if (handler == NULL)
		return;
	document_close(&handler->document);
	body_close(&handler->body);
	free(handler);
}

static void
begin(void *context)
{
	struct handler *handler = context;

	handler->result = DOCUMENT_OK;
	document_begin(&handler->document);
}

static int
take_row(void *context, const struct row *row)
{
	struct handler *handler = context;

	handler->result = document_append(&handler->document, row);
	return handler->result != DOCUMENT_OK;
}

/* Makes the body of an answer without a document; STATUS is what errors become. */
static int
make_error(struct body *body, int status, const char *detail)
{
	return errors_detail(body, detail) == 0 ? status : 500;
}

static int
status_of(struct handler *handler, enum document_result result)
{
	switch (result) {
	case DOCUMENT_OK:
		return 200;
	case DOCUMENT_BROKEN:
		return make_error(&handler->body, 500, "Internal Server Error");
	case DOCUMENT_FULL:
		break;
	}
	return make_error(&handler->body, 503, "Not enough space for the answer");
}

/* Reads the job and makes the body.  Returns the status. */
static int
read_job(struct handler *handler, const struct request *request, int64_t deadline)
{
	const struct row_text workspace = { request->workspace.bytes, request->workspace.length };
	const struct row_text name = { request->name.bytes, request->name.length };
	const struct store_reader reader = { begin, take_row, handler };

	switch (store_read(handler->store, &workspace, &name, deadline, &reader)) {
	case STORE_OK:
		return status_of(handler, document_end(&handler->document));
	case STORE_ABSENT:
		return errors_absent(&handler->body, request, handler->config->compat) == 0 ? 404 :
											      500;
	case STORE_STOPPED:
		return status_of(handler, handler->result);
	case STORE_BROKEN:
		return status_of(handler, DOCUMENT_BROKEN);
	case STORE_UNAVAILABLE:
		break;
	}
	return make_error(&handler->body, 503, "The job database is not available");
}

static int
make_answer(struct handler *handler, int status, const struct request *request, int64_t deadline)
{
	switch (status) {
	case 200:
		return read_job(handler, request, deadline);
	case 404:
		return make_error(&handler->body, 404, "Not Found");
	case 405:
		return make_error(&handler->body, 405, "Method Not Allowed");
	case 422:
		return errors_validation(&handler->body, request) == 0 ? 422 : 500;
	default:
		return make_error(&handler->body, 500, "Internal Server Error");
	}
}

int
handler_answer(struct handler *handler, const struct handler_variables *variables, int64_t deadline,
    body_sink *sink, void *context)
{
	struct request request;
	int status = request_parse(
	    &request, variables->request_method, variables->script_name, variables->path_info);
	int result;

	if (status == 204) {
		result = response_write(204, false, NULL, sink, context);
	} else {
		status = make_answer(handler, status, &request, deadline);
		result = response_write(status, request.head, &handler->body, sink, context);
	}
	request_free(&request);
	body_clear(&handler->body);
	return result;
}

int
handler_refuse(body_sink *sink, void *context)
{
	struct body body;
	int result;

	if (body_open(&body) != 0)
		return -1;
	errors_detail(&body, "Internal Server Error");
	result = response_write(500, false, &body, sink, context);
	body_close(&body);
	return result;
}
