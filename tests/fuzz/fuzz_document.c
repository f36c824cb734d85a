/*
 * Any strings and details in a job, a step and a task: the input is name, error_stack and
 * details, parted by line feeds.  Strings must come out of a parser as they went in, and details
 * must stand in the document to the byte.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "body.h"
#include "document.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct row_text active = { "active", 6 }, empty = { "{}", 2 }, id = { "i", 1 };

/* Writes a job of one step of one task.  False: the rows break the contract. */
static bool
make_document(
    struct document *document, struct row_text name, struct row_text stack, struct row_text details)
{
	struct row row = { .level = ROW_JOB,
		.step_position = { "1", 1 },
		.id = id,
		.name = name,
		.status = active,
		.status_details = details,
		.error_details = empty,
		.error_stack = stack };

	document_begin(document);
	for (; row.level <= ROW_TASK; row.level++)
		if (document_append(document, &row) != DOCUMENT_OK)
			return false;
	return document_end(document) == DOCUMENT_OK;
}

static struct json_object *
member(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		abort();
	return json_object_is_type(value, json_type_array) ? json_object_array_get_idx(value, 0) :
							     value;
}

static void
check_string(struct json_object *value, struct row_text text)
{
	if ((size_t)json_object_get_string_len(value) != text.length ||
	    memcmp(json_object_get_string(value), text.bytes, text.length) != 0)
		abort();
}

static void
check_strings(const struct sink *sink, struct row_text name, struct row_text stack)
{
	struct json_object *job = json_tokener_parse(sink->bytes);
	struct json_object *step = member(job, "steps"), *task = member(step, "tasks");

	check_string(member(job, "name"), name);
	check_string(member(step, "name"), name);
	check_string(member(task, "name"), name);
	check_string(member(task, "error_stack"), stack);
	json_object_put(job);
}

/* The part of *REST before LINE FEED, which goes with it. */
static struct row_text
next_part(struct row_text *rest)
{
	const char *end = memchr(rest->bytes, '\n', rest->length);
	struct row_text part = { rest->bytes,
		end != NULL ? (size_t)(end - rest->bytes) : rest->length };
	size_t taken = part.length + (end != NULL);

	rest->bytes += taken;
	rest->length -= taken;
	return part;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct row_text rest = { (const char *)data, size };
	struct row_text name = next_part(&rest), stack = next_part(&rest), details = rest;
	struct sink sink = { 0 };
	struct document document;
	struct body body;

	if (size == 0 || body_open(&body) != 0)
		return 0;
	document_open(&document, &body, COMPAT_NONE, false);
	if (make_document(&document, name, stack, empty)) {
		body_send(&body, sink_take, &sink);
		check_strings(&sink, name, stack);
		sink.length = 0;
	} else {
		abort();
	}
	if (make_document(&document, id, id, details)) {
		size_t space = 0;

		while (space < details.length && memchr(" \t\r\n", details.bytes[space], 4) != NULL)
			space++;
		body_send(&body, sink_take, &sink);
		if (details.bytes[space] == '{' &&
		    memmem(sink.bytes, sink.length, details.bytes + space,
			details.length - space) == NULL)
			abort();
	}
	free(sink.bytes);
	document_close(&document);
	body_close(&body);
	return 0;
}
