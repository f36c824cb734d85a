/*
 * Any bytes as an object.  What json-c takes for one must be taken, and a member's text must be
 * what json-c's own member is; nothing else may be read or hang.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_object *
parse(struct row_text text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *value;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, text.bytes, (int)text.length);
	/* A number ends with what comes after it. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, " ", 1);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    (json_tokener_get_parse_end(tokener) < text.length && text.bytes[0] == '{')) {
		json_object_put(value);
		value = NULL;
	}
	json_tokener_free(tokener);
	return value;
}

static void
check_member(struct json_object *object, const char *key, struct row_text text)
{
	struct json_object *expected, *found;
	bool there = json_object_object_get_ex(object, key, &expected);

	if (there != (text.bytes != NULL))
		abort();
	if (!there || expected == NULL)
		return;
	found = parse(text);
	if (found == NULL ||
	    strcmp(json_object_to_json_string(found), json_object_to_json_string(expected)) != 0)
		abort();
	json_object_put(found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "status", "s" };
	struct row_text values[2];
	char *exact = malloc(size + 1); /* so that reading beyond SIZE is seen */
	struct row_text text = { exact, size };
	struct json_object *object = NULL;
	bool found;

	memcpy(exact, data, size);
	exact = realloc(exact, size > 0 ? size : 1);
	text.bytes = exact;
	found = members_find(text, keys, 2, values);
	/* json-c takes NUL for the end of the text, and of a key. */
	if (size > 0 && exact[0] == '{' && memchr(exact, '\0', size) == NULL &&
	    memmem(exact, size, "\\u0000", 6) == NULL)
		object = parse(text);
	if (object != NULL && json_object_is_type(object, json_type_object)) {
		if (!found)
			abort();
		for (size_t i = 0; i < 2; i++)
			check_member(object, keys[i], values[i]);
	}
	if (found && values[0].bytes != NULL)
		members_is_string(values[0], "active");
	json_object_put(object);
	free(exact);
	return 0;
}
