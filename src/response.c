/*
 * Status, headers and body of an answer.  Nothing from a request or the database enters a header.
 */
#include "response.h"

#include <inttypes.h>
#include <stdio.h>

#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

static const struct {
	int status;
	const char *text, *headers;
} answers[] = {
	{ 200, "OK", "" },
	{ 204, "No Content", ALLOW },
	{ 304, "Not Modified", "" },
	{ 401, "Unauthorized", "" },
	{ 404, "Not Found", "" },
	{ 405, "Method Not Allowed", ALLOW },
	{ 422, "Unprocessable Entity", "" },
	{ 500, "Internal Server Error", "" },
	{ 503, "Service Unavailable", "Retry-After: 1\r\n" },
};

static int
write_headers(const struct response *response, body_sink *sink, void *context)
{
	const char *cache_control = response->private ? "Cache-Control: private, no-cache\r\n" :
							"Cache-Control: no-cache\r\n";
	char text[1024];
	size_t i = 0, length;

#define ADD(...) (length += (size_t)snprintf(text + length, sizeof(text) - length, __VA_ARGS__))
	while (
	    i < sizeof(answers) / sizeof(answers[0]) - 1 && answers[i].status != response->status)
		i++;
	length = (size_t)snprintf(text, sizeof(text), "Status: %d %s\r\n%s", answers[i].status,
	    answers[i].text, answers[i].headers);
	if (response->body != NULL)
		ADD("Content-Type: application/json\r\n"
		    "Content-Length: %" PRIu64 "\r\n%sX-Content-Type-Options: nosniff\r\n",
		    body_length(response->body), cache_control);
	else if (response->status == 304)
		ADD("%s", cache_control);
	if (response->challenge != NULL)
		ADD("WWW-Authenticate: %s\r\n", response->challenge);
	if (response->tag != NULL)
		ADD("ETag: %s\r\n", response->tag->text);
	if (response->retry_after > 0)
		ADD("Retry-After: %u\r\n", response->retry_after);
	ADD("\r\n");
#undef ADD
	return sink(context, text, length);
}

int
response_write(const struct response *response, body_sink *sink, void *context)
{
	if (write_headers(response, sink, context) != 0)
		return -1;
	return response->body == NULL || response->head ? 0 :
							  body_send(response->body, sink, context);
}
