/*
 * One request to one answer.  This room alone knows the order of things.
 */
#include "handler.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "errors.h"
#include "hint.h"
#include "reading.h"
#include "request.h"
#include "response.h"
#include "store.h"

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
read_job(struct handler *handler, struct handler_request *request, struct response *response)
{
	struct reading *reading = &handler->reading;
	struct body *body = &reading->body;
	int status = reading_run(reading, &request->lookup, request->if_none_match);

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
		status =
		    errors_absent(body, &request->parsed, handler->config->compat) == 0 ? 404 : 500;
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
make_answer(struct handler *handler, struct handler_request *request, struct response *response)
{
	struct body *body = &handler->reading.body;
	int status = request->status;

	response->body = body;
	switch (status) {
	case 200:
		read_job(handler, request, response);
		return;
	case 204:
		response->body = NULL;
		break;
	case 401:
		response->challenge = handler->config->challenge;
		status = make_error(body, 401, "Unauthorized");
		break;
	case 404:
		status = make_error(body, 404, "Not Found");
		break;
	case 405:
		status = make_error(body, 405, "Method Not Allowed");
		break;
	case 422:
		status = errors_validation(body, &request->parsed) == 0 ? 422 : 500;
		break;
	default:
		status = make_error(body, 500, "Internal Server Error");
	}
	response->status = status;
}

void
handler_begin(struct handler_request *request, const struct handler_variables *variables,
    const struct config *config, int64_t deadline)
{
	const struct request *parsed = &request->parsed;
	const char *principal = variables->principal != NULL ? variables->principal : "";

	if (config->authorize == NULL)
		principal = NULL;
	request->status = request_parse(&request->parsed, variables->request_method,
	    variables->script_name, variables->path_info, principal);
	request->if_none_match = variables->if_none_match;
	request->lookup = (struct lookup){ .deadline = deadline };
	if (request->status != 200)
		return;
	request->lookup.job =
	    (struct cache_key){ { parsed->workspace.bytes, parsed->workspace.length },
		    { parsed->name.bytes, parsed->name.length } };
	if (principal != NULL)
		request->lookup.principal = (struct row_text){ principal, strlen(principal) };
}

bool
handler_may_look_up(struct handler *handler, const struct handler_request *request)
{
	return request->status == 200 && store_takes_several(handler->reading.store) &&
	    reading_may_look_up(&handler->reading, &request->lookup, request->if_none_match);
}

void
handler_look_up(struct handler *handler, struct lookup *const lookups[], size_t count)
{
	reading_look_up(&handler->reading, lookups, count);
}

bool
handler_is_quick(struct handler *handler, const struct handler_request *request)
{
	return reading_is_quick(&handler->reading, &request->lookup, request->if_none_match);
}

int
handler_answer(
    struct handler *handler, struct handler_request *request, body_sink *sink, void *context)
{
	struct response response = { .head = request->parsed.head,
		.private = handler->config->authorize != NULL };
	int result;

	make_answer(handler, request, &response);
	result = response_write(&response, sink, context);
	request_free(&request->parsed);
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
