/*
 * The JSON bodies of answers that are no document.  Faults are told in the terms of the platform's
 * own framework, so that clients find what they know.
 */
#include "errors.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>

#include "body.h"
#include "log.h"
#include "request.h"
#include "utf8.h"

#define PATTERN "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static const struct {
	const char *type, *msg;
} faults[] = {
	[REQUEST_FAULT_UNICODE] = { "string_unicode",
	    "Input should be a valid string, unable to parse raw data as a unicode string" },
	[REQUEST_FAULT_LENGTH] = { "string_too_long", "String should have at most 255 characters" },
	[REQUEST_FAULT_CONTROL] = { "string_pattern_mismatch",
	    "String should match pattern '" PATTERN "'" },
};

/* Adds VALUE, which it takes over in any case, to OBJECT.  False: no memory. */
static bool
add(struct json_object *object, const char *key, struct json_object *value)
{
	if (object != NULL && value != NULL && json_object_object_add(object, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool
append(struct json_object *array, struct json_object *value)
{
	if (array != NULL && value != NULL && json_object_array_add(array, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

/* Writes OBJECT, which it takes over, to BODY. */
static int
finish(struct body *body, struct json_object *object, bool complete)
{
	const char *text = NULL;
	size_t length;
	int result = -1;

	body_clear(body);
	if (complete)
		text = json_object_to_json_string_length(
		    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (text != NULL)
		result = body_append(body, text, length);
	else
		log_error("no memory for an answer");
	json_object_put(object);
	return result;
}

int
errors_detail(struct body *body, const char *detail)
{
	struct json_object *object = json_object_new_object();
	bool complete = add(object, "detail", json_object_new_string(detail));

	return finish(body, object, complete);
}

int
errors_status(struct body *body, const char *status, const char *reason)
{
	struct json_object *object = json_object_new_object();
	bool complete = add(object, "status", json_object_new_string(status));

	if (reason != NULL)
		complete = add(object, "reason", json_object_new_string(reason)) && complete;
	return finish(body, object, complete);
}

/* The parameter's text, bytes that are not UTF-8 as U+FFFD. */
static struct json_object *
input(const struct request_parameter *parameter)
{
	char *text = malloc(3 * parameter->length + 1);
	struct json_object *string;
	size_t length = 0, taken;
	uint32_t code;

	if (text == NULL)
		return NULL;
	for (size_t at = 0; at < parameter->length; at += taken) {
		taken = utf8_decode(parameter->bytes + at, parameter->length - at, &code);
		if (taken > 0) {
			memcpy(text + length, parameter->bytes + at, taken);
			length += taken;
		} else {
			memcpy(text + length, REPLACEMENT, 3);
			length += 3;
			taken = 1;
		}
	}
	string = json_object_new_string_len(text, (int)length);
	free(text);
	return string;
}

static bool
add_context(struct json_object *entry, enum request_fault fault)
{
	struct json_object *context;
	bool complete;

	if (fault == REQUEST_FAULT_UNICODE)
		return true;
	context = json_object_new_object();
	complete = fault == REQUEST_FAULT_LENGTH ?
	    add(context, "max_length", json_object_new_int(REQUEST_NAME_MAX)) :
	    add(context, "pattern", json_object_new_string(PATTERN));
	return add(entry, "ctx", context) && complete;
}

/* Appends what is wrong with a parameter, if anything is. */
static bool
append_fault(struct json_object *detail, const char *key, const struct request_parameter *parameter)
{
	struct json_object *entry, *loc;
	bool complete;

	if (parameter->fault == REQUEST_FAULT_NONE)
		return true;
	entry = json_object_new_object();
	loc = json_object_new_array();
	complete =
	    append(loc, json_object_new_string("path")) && append(loc, json_object_new_string(key));
	complete =
	    add(entry, "type", json_object_new_string(faults[parameter->fault].type)) && complete;
	complete = add(entry, "loc", loc) && complete;
	complete = add(entry, "msg", json_object_new_string(faults[parameter->fault].msg)) &&
	    add(entry, "input", input(parameter)) && add_context(entry, parameter->fault) &&
	    complete;
	return append(detail, entry) && complete;
}

int
errors_validation(struct body *body, const struct request *request)
{
	struct json_object *object = json_object_new_object(), *detail = json_object_new_array();
	bool complete = append_fault(detail, "workspace", &request->workspace) &&
	    append_fault(detail, "name", &request->name);

	complete = add(object, "detail", detail) && complete;
	return finish(body, object, complete);
}

int
errors_absent(struct body *body, const struct request *request, enum compat compat)
{
	char detail[2 * 4 * REQUEST_NAME_MAX + 64]; /* a code point has 4 bytes at most */

	if (compat == COMPAT_NONE)
		return errors_detail(body, "Job not found");
	snprintf(detail, sizeof(detail), "Job '%.*s' not found in workspace '%.*s'.",
	    (int)request->name.length, request->name.bytes, (int)request->workspace.length,
	    request->workspace.bytes);
	return errors_detail(body, detail);
}
