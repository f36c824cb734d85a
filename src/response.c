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
	{ 404, "Not Found", "" },
	{ 405, "Method Not Allowed", ALLOW },
	{ 422, "Unprocessable Entity", "" },
	{ 500, "Internal Server Error", "" },
	{ 503, "Service Unavailable", "Retry-After: 1\r\n" },
};

static int
write_headers(int status, const struct body *body, body_sink *sink, void *context)
{
	char text[400];
	size_t i = 0, length;

	while (i < sizeof(answers) / sizeof(answers[0]) - 1 && answers[i].status != status)
		i++;
	length = (size_t)snprintf(text, sizeof(text), "Status: %d %s\r\n%s", answers[i].status,
	    answers[i].text, answers[i].headers);
	if (body != NULL)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
		    "Content-Type: application/json\r\n"
		    "Content-Length: %" PRIu64 "\r\n"
		    "Cache-Control: no-cache\r\n"
		    "X-Content-Type-Options: nosniff\r\n",
		    body_length(body));
	length += (size_t)snprintf(text + length, sizeof(text) - length, "\r\n");
	return sink(context, text, length);
}

int
response_write(int status, bool head, const struct body *body, body_sink *sink, void *context)
{
	if (write_headers(status, body, sink, context) != 0)
		return -1;
	return body == NULL || head ? 0 : body_send(body, sink, context);
}
