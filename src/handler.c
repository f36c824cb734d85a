/*
 * One request to one answer.  This room alone knows the order of things.
 */
#include "handler.h"

#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "clock.h"
#include "config.h"
#include "errors.h"
#include "hint.h"
#include "metrics.h"
#include "probe.h"
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
	int status = reading_run(reading, &request->lookup, request->variables.if_none_match);

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
		if (request->parsed.route == REQUEST_JOB) {
			read_job(handler, request, response);
			return;
		}
		status = probe_run(request->parsed.route, handler->reading.store,
		    request->lookup.deadline, body, &response->type);
		break;
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
	if (parsed->route != REQUEST_JOB && !config->status_routes)
		request->status = 404;
	request->variables = *variables;
	request->began = deadline - config->timeout;
	request->lookup = (struct lookup){ .deadline = deadline };
	if (request->status != 200 || parsed->route != REQUEST_JOB)
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
	return request->status == 200 && request->parsed.route == REQUEST_JOB &&
	    store_takes_several(handler->reading.store) &&
	    reading_may_look_up(
		&handler->reading, &request->lookup, request->variables.if_none_match);
}

void
handler_look_up(struct handler *handler, struct lookup *const lookups[], size_t count)
{
	reading_look_up(&handler->reading, lookups, count);
}

bool
handler_is_quick(struct handler *handler, const struct handler_request *request)
{
	return reading_is_quick(
	    &handler->reading, &request->lookup, request->variables.if_none_match);
}

/* Counts an answer, and logs it if that is wanted.  CUT: it did not leave whole. */
static void
take_note(const struct config *config, const struct handler_request *request,
    const struct response *response, bool cut)
{
	const struct handler_variables *variables = &request->variables;
	int64_t total = clock_now() - request->began, waited = request->lookup.waited;
	uint64_t bytes =
	    response->body != NULL && !response->head ? body_length(response->body) : 0;

	if (request->parsed.route == REQUEST_JOB) {
		metrics_request(response->status);
		metrics_observe(METRICS_REQUEST_TIME, (uint64_t)total);
		if (waited > 0)
			metrics_observe(METRICS_DATABASE_TIME, (uint64_t)waited);
		if (response->status == 200 && !response->head)
			metrics_observe(METRICS_DOCUMENT_SIZE, bytes);
	}
	if (config->access_log)
		access_log(&(const struct access){ .method = variables->request_method,
		    .script_name = variables->script_name,
		    .path_info = variables->path_info,
		    .request_id = variables->request_id,
		    .status = response->status,
		    .bytes = bytes,
		    .cut = cut,
		    .total = total,
		    .database = waited });
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
	take_note(handler->config, request, &response, result != 0);
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
