/*
 * One request to one answer.  This room alone knows the order of things.
 */
#include "handler.h"

#include <stdlib.h>

#include "config.h"
#include "errors.h"
#include "hint.h"
#include "reading.h"
#include "request.h"
#include "response.h"

struct handler {
	const struct config *config;
	struct reading reading;
};

struct handler *
handler_open(struct store *store, struct cache *cache, const struct config *config)
{
	struct handler *handler = calloc(1, sizeof(*handler));

	if (handler == NULL)
		return NULL;
	handler->config = config;
	if (reading_open(&handler->reading, store, cache, config) != 0) {
		free(handler);
		return NULL;
	}
	return handler;
}

void
handler_close(struct handler *handler)
{
	if (handler == NULL)
		return;
	reading_close(&handler->reading);
	free(handler);
}

/* Makes the body of an answer without a document; STATUS is what errors become. */
static int
make_error(struct body *body, int status, const char *detail)
{
	return errors_detail(body, detail) == 0 ? status : 500;
}

/* Fills RESPONSE with the answer to a request for a job. */
static void
read_job(struct handler *handler, const struct request *request, const char *if_none_match,
    int64_t deadline, struct response *response)
{
	struct reading *reading = &handler->reading;
	struct body *body = &reading->body;
	int status = reading_run(reading, request, if_none_match, deadline);

	switch (status) {
	case 304:
		response->body = NULL;
		/* fall through */
	case 200:
		response->tag = &reading->tag;
		if (handler->config->poll_hints && reading->known && !reading->state.ended)
			response->retry_after = hint_seconds(reading->state.changed);
		break;
	case 404:
		body_clear(body);
		status = errors_absent(body, request, handler->config->compat) == 0 ? 404 : 500;
		break;
	case 503:
		body_clear(body);
		status = make_error(body, 503, "The job database is not available");
		break;
	default:
		body_clear(body);
		status = make_error(body, 500, "Internal Server Error");
	}
	response->status = status;
}

static void
make_answer(struct handler *handler, int status, const struct request *request,
    const char *if_none_match, int64_t deadline, struct response *response)
{
	struct body *body = &handler->reading.body;

	response->body = body;
	switch (status) {
	case 200:
		read_job(handler, request, if_none_match, deadline, response);
		return;
	case 204:
		response->body = NULL;
		break;
	case 404:
		status = make_error(body, 404, "Not Found");
		break;
	case 405:
		status = make_error(body, 405, "Method Not Allowed");
		break;
	case 422:
		status = errors_validation(body, request) == 0 ? 422 : 500;
		break;
	default:
		status = make_error(body, 500, "Internal Server Error");
	}
	response->status = status;
}

int
handler_answer(struct handler *handler, const struct handler_variables *variables, int64_t deadline,
    body_sink *sink, void *context)
{
	struct request request;
	struct response response = { 0 };
	int status = request_parse(
	    &request, variables->request_method, variables->script_name, variables->path_info);
	int result;

	make_answer(handler, status, &request, variables->if_none_match, deadline, &response);
	response.head = request.head;
	result = response_write(&response, sink, context);
	request_free(&request);
	body_clear(&handler->reading.body);
	return result;
}

int
handler_refuse(body_sink *sink, void *context)
{
	struct body body;
	struct response response = { .status = 500, .body = &body };
	int result;

	if (body_open(&body) != 0)
		return -1;
	errors_detail(&body, "Internal Server Error");
	result = response_write(&response, sink, context);
	body_close(&body);
	return result;
}
