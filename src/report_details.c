/*
 * Details of a wrapped command, written by json-c.
 */
#include "report_details.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json.h>

/* Adds VALUE, which it takes over, also on failure.  False: no memory. */
static bool
add(struct json_object *to, const char *key, struct json_object *value)
{
	if (value != NULL && json_object_object_add(to, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool
append(struct json_object *array, const char *text, size_t length)
{
	struct json_object *line = json_object_new_string_len(text, (int)length);

	if (line != NULL && json_object_array_add(array, line) == 0)
		return true;
	json_object_put(line);
	return false;
}

/* Prints and gives up OBJECT, if it is COMPLETE. */
static char *
finish(struct json_object *object, bool complete)
{
	const char *text = NULL;
	char *copy;

	if (complete)
		text = json_object_to_json_string_ext(
		    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text != NULL ? strdup(text) : NULL;
	json_object_put(object);
	return copy;
}

struct line {
	const char *text;
	size_t length;
};

/* The line that ends before *END, which goes back to its start, as a terminal shows it. */
static struct line
line_before(const char *text, const char **end)
{
	const char *newline = memrchr(text, '\n', (size_t)(*end - text));
	struct line line = { newline != NULL ? newline + 1 : text, 0 };
	const char *last = *end, *carriage;

	*end = line.text;
	while (last > line.text && last[-1] == '\r')
		last--;
	carriage = memrchr(line.text, '\r', (size_t)(last - line.text));
	if (carriage != NULL)
		line.text = carriage + 1;
	line.length = (size_t)(last - line.text);
	return line;
}

/* Fills LINES from the end, the last one first.  Returns how many there are. */
static size_t
last_lines(const char *text, struct line lines[static REPORT_LINES])
{
	const char *end = text + strlen(text);
	size_t left = REPORT_LINES_BYTES, count = 0;

	if (end > text && end[-1] == '\n')
		end--;
	else if (end == text)
		return 0;
	while (count < REPORT_LINES) {
		struct line line = line_before(text, &end);

		if (line.length > left) {
			if (count > 0)
				break;
			line.text += line.length - left;
			line.length = left;
			while (((unsigned char)*line.text & 0xC0) == 0x80) { /* no half character */
				line.text++;
				line.length--;
			}
		}
		left -= line.length;
		lines[count++] = line;
		if (end == text)
			break;
		end--;
	}
	return count;
}

char *
report_details_status(int64_t elapsed, const char *text)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	struct line lines[REPORT_LINES];
	bool complete = object != NULL && array != NULL;

	for (size_t i = last_lines(text, lines); i-- > 0 && complete;)
		complete = append(array, lines[i].text, lines[i].length);
	complete = complete && add(object, "elapsed_seconds", json_object_new_int64(elapsed));
	if (complete)
		complete = add(object, "last_lines", array);
	else
		json_object_put(array);
	return finish(object, complete);
}

char *
report_details_exit(int code, const char *message)
{
	struct json_object *object = json_object_new_object();
	char own[64];

	snprintf(own, sizeof(own), "the command exited with %d", code);
	return finish(object,
	    object != NULL &&
		add(object, "message", json_object_new_string(message != NULL ? message : own)) &&
		add(object, "exit_code", json_object_new_int(code)));
}

char *
report_details_signal(int number)
{
	struct json_object *object = json_object_new_object();
	const char *abbreviation = sigabbrev_np(number);
	char name[32], message[100];

	if (abbreviation != NULL)
		snprintf(name, sizeof(name), "SIG%s", abbreviation);
	else
		snprintf(name, sizeof(name), "signal %d", number);
	snprintf(message, sizeof(message), "the command was ended by %s", name);
	return finish(object,
	    object != NULL && add(object, "message", json_object_new_string(message)) &&
		add(object, "signal", json_object_new_string(name)));
}
