/*
 * Any answer that the handler may make.  The input is a digit for the kind of answer, a letter for
 * what else is so, and then, parted by NULs, Retry-After, the job's id, its revision, the challenge
 * and the body.  What is written must be one block of the headers that belong to the answer, and
 * then the body, if there is to be one.
 *
 * A tag is a digest, so that any id will do; but a challenge has passed the configuration, which
 * takes printable ASCII alone, and so it is made of that here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "response.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHALLENGE_MAX 255

enum { BODY = 1, TAG = 2, CHALLENGE = 4, ALLOW = 8, LATER = 16 };

/* What an answer of STATUS has, and as what it is SENT. */
static const struct kind {
	int status;
	const char *sent;
	unsigned int has;
} kinds[] = {
	{ 200, "200 OK", BODY | TAG },
	{ 204, "204 No Content", ALLOW },
	{ 304, "304 Not Modified", TAG },
	{ 401, "401 Unauthorized", BODY | CHALLENGE },
	{ 404, "404 Not Found", BODY },
	{ 405, "405 Method Not Allowed", BODY | ALLOW },
	{ 422, "422 Unprocessable Entity", BODY },
	{ 500, "500 Internal Server Error", BODY },
	{ 503, "503 Service Unavailable", BODY | LATER },
	{ 999, "503 Service Unavailable", BODY | LATER },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* A header that may be there, with its value; NULL: it must not. */
struct field {
	const char *name, *value;
};

/* The part of *REST before NUL, which goes with it. */
static struct row_text
next_part(struct row_text *rest)
{
	const char *end = memchr(rest->bytes, '\0', rest->length);
	struct row_text part = { rest->bytes,
		end != NULL ? (size_t)(end - rest->bytes) : rest->length };
	size_t taken = part.length + (end != NULL);

	rest->bytes += taken;
	rest->length -= taken;
	return part;
}

static unsigned int
make_seconds(struct row_text text)
{
	unsigned int seconds = 0;

	for (size_t i = 0; i < text.length; i++)
		seconds = seconds * 10 + (unsigned char)text.bytes[i] % 10;
	return seconds;
}

static void
make_challenge(char challenge[CHALLENGE_MAX + 1], struct row_text text)
{
	size_t length = 0;

	for (size_t i = 0; i < text.length && length < CHALLENGE_MAX; i++)
		if (text.bytes[i] >= ' ' && text.bytes[i] <= '~')
			challenge[length++] = text.bytes[i];
	if (length == 0)
		challenge[length++] = 'x';
	challenge[length] = '\0';
}

/* Takes LINE, which ends at END, as one of FIELDS, which then may not come again. */
static void
check_line(const char *line, const char *end, struct field *fields)
{
	size_t length;

	while (fields->name != NULL) {
		length = strlen(fields->name);
		if ((size_t)(end - line) > length && memcmp(line, fields->name, length) == 0 &&
		    line[length] == ':')
			break;
		fields++;
	}
	if (fields->name == NULL || fields->value == NULL || line[length + 1] != ' ')
		abort();
	line += length + 2;
	for (const char *at = line; at < end; at++)
		if (*at < ' ' || *at > '~')
			abort();
	length = strlen(fields->value);
	if ((size_t)(end - line) != length || memcmp(line, fields->value, length) != 0)
		abort();
	fields->value = NULL;
}

/* Checks the lines up to the empty one, and that none of FIELDS is missing; returns what comes
 * after. */
static const char *
check_block(const char *text, struct field *fields)
{
	const char *end;

	for (; (end = strstr(text, "\r\n")) != text; text = end + 2) {
		if (end == NULL)
			abort();
		check_line(text, end, fields);
	}
	for (; fields->name != NULL; fields++)
		if (fields->value != NULL)
			abort();
	return text + 2;
}

static void
check(const struct kind *kind, const struct response *response, const struct sink *sink,
    struct row_text body)
{
	const char *cache = response->private ? "private, no-cache" : "no-cache";
	bool later = response->retry_after > 0 || kind->has & LATER;
	char length[24], seconds[24];
	struct field fields[] = {
		{ "Status", kind->sent },
		{ "Allow", kind->has & ALLOW ? "GET, HEAD, OPTIONS" : NULL },
		{ "Content-Type", kind->has & BODY ? "application/json" : NULL },
		{ "Content-Length", kind->has & BODY ? length : NULL },
		{ "Cache-Control", kind->has & (BODY | TAG) ? cache : NULL },
		{ "X-Content-Type-Options", kind->has & BODY ? "nosniff" : NULL },
		{ "WWW-Authenticate", response->challenge },
		{ "ETag", kind->has & TAG ? response->tag->text : NULL },
		{ "Retry-After", later ? seconds : NULL },
		{ NULL, NULL },
	};
	const char *rest;

	snprintf(length, sizeof(length), "%zu", body.length);
	snprintf(seconds, sizeof(seconds), "%u", kind->has & LATER ? 1 : response->retry_after);
	rest = check_block(sink->bytes, fields);
	if (!(kind->has & BODY) || response->head)
		body.length = 0;
	if ((size_t)(sink->bytes + sink->length - rest) != body.length ||
	    memcmp(rest, body.bytes, body.length) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct row_text rest = { (const char *)data, size }, seconds, id, revision, challenge;
	char printable[CHALLENGE_MAX + 1];
	const struct kind *kind;
	struct sink sink = { 0 };
	struct tag tag;
	struct body body;
	struct response response;

	if (size < 2 || body_open(&body) != 0)
		return 0;
	kind = &kinds[(unsigned char)(data[0] - '0') % KINDS];
	rest = (struct row_text){ rest.bytes + 2, size - 2 };
	seconds = next_part(&rest);
	id = next_part(&rest);
	revision = next_part(&rest);
	challenge = next_part(&rest);
	make_challenge(printable, challenge);
	tag_of_revision(&tag, &(const struct tag_form){ COMPAT_NONE, false }, &id, &revision);
	body_append(&body, rest.bytes, rest.length);
	response = (struct response){ .status = kind->status,
		.head = data[1] & 1,
		.private = data[1] & 2,
		.tag = kind->has & TAG ? &tag : NULL,
		.retry_after = kind->has & TAG ? make_seconds(seconds) : 0,
		.challenge = kind->has & CHALLENGE ? printable : NULL,
		.body = kind->has & BODY ? &body : NULL };
	if (strlen(tag.text) != TAG_LENGTH || response_write(&response, sink_take, &sink) != 0)
		abort();
	check(kind, &response, &sink, rest);
	free(sink.bytes);
	body_close(&body);
	return 0;
}
