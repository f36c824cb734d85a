/*
 * Status, headers and body of an answer.  Nothing from a request or the database enters a header.
 */
#include "response.h"

#include <stdint.h>
#include <string.h>

#define ALLOW "Allow: GET, HEAD, OPTIONS\r\n"

#define RETRY_AFTER "Retry-After: "
#define HEAD_MAX 1024 /* bytes, more than all headers with the longest challenge */

static const struct {
	int status;
	const char *headers;
} answers[] = {
	{ 200, "Status: 200 OK\r\n" },
	{ 204, "Status: 204 No Content\r\n" ALLOW },
	{ 304, "Status: 304 Not Modified\r\n" },
	{ 401, "Status: 401 Unauthorized\r\n" },
	{ 404, "Status: 404 Not Found\r\n" },
	{ 405, "Status: 405 Method Not Allowed\r\n" ALLOW },
	{ 422, "Status: 422 Unprocessable Entity\r\n" },
	{ 500, "Status: 500 Internal Server Error\r\n" },
	{ 503, "Status: 503 Service Unavailable\r\n" RETRY_AFTER "1\r\n" },
};

struct head {
	char text[HEAD_MAX];
	size_t length;
};

/* Not by printf(), which took half of the time of an answer from the cache. */
static void
add(struct head *head, const char *text)
{
	size_t length = strlen(text), room = sizeof(head->text) - head->length;

	if (length > room)
		length = room;
	memcpy(head->text + head->length, text, length);
	head->length += length;
}

static void
add_field(struct head *head, const char *name, const char *value)
{
	add(head, name);
	add(head, value);
	add(head, "\r\n");
}

static void
add_number(struct head *head, const char *name, uint64_t value)
{
	char digits[21], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do
		*--first = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	add_field(head, name, first);
}

static int
write_headers(const struct response *response, body_sink *sink, void *context)
{
	const char *cache_control = response->private ? "private, no-cache" : "no-cache";
	struct head head;
	size_t i = 0;

	while (
	    i < sizeof(answers) / sizeof(answers[0]) - 1 && answers[i].status != response->status)
		i++;
	head.length = 0;
	add(&head, answers[i].headers);
	if (response->body != NULL) {
		add_field(&head,
		    "Content-Type: ", response->type != NULL ? response->type : "application/json");
		add_number(&head, "Content-Length: ", body_length(response->body));
	}
	if (response->body != NULL || response->status == 304)
		add_field(&head, "Cache-Control: ", cache_control);
	if (response->body != NULL)
		add(&head, "X-Content-Type-Options: nosniff\r\n");
	if (response->challenge != NULL)
		add_field(&head, "WWW-Authenticate: ", response->challenge);
	if (response->tag != NULL)
		add_field(&head, "ETag: ", response->tag->text);
	if (response->retry_after > 0)
		add_number(&head, RETRY_AFTER, response->retry_after);
	add(&head, "\r\n");
	return sink(context, head.text, head.length);
}

int
response_write(const struct response *response, body_sink *sink, void *context)
{
	if (write_headers(response, sink, context) != 0)
		return -1;
	return response->body == NULL || response->head ? 0 :
							  body_send(response->body, sink, context);
}
