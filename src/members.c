/*
 * A scanner for the top level of a JSON object.  It knows where a value ends and nothing of what is
 * in it, so that \u0000, half a surrogate pair and numbers of any size pass; what is nested is
 * counted, not entered, so that depth costs nothing.
 */
#include "members.h"

#include <string.h>

struct scanner {
	const char *at, *end;
};

static void
skip_space(struct scanner *s)
{
	while (
	    s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
}

/* Passes C, if it comes next. */
static bool
skip_character(struct scanner *s, char c)
{
	skip_space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Passes the string that begins here.  False: it does not end. */
static bool
skip_string(struct scanner *s)
{
	for (s->at++; s->at < s->end; s->at++) {
		if (*s->at == '"') {
			s->at++;
			return true;
		}
		if (*s->at == '\\' && ++s->at == s->end)
			break;
	}
	return false;
}

/* Passes the object or array that begins here.  False: it does not end. */
static bool
skip_nested(struct scanner *s)
{
	size_t depth = 0;

	while (s->at < s->end) {
		char c = *s->at;

		if (c == '"') {
			if (!skip_string(s))
				return false;
			continue;
		}
		s->at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return false;
}

/* Passes the value that comes next, and sets *VALUE to its text.  False: there is none. */
static bool
skip_value(struct scanner *s, struct row_text *value)
{
	bool whole = true;

	skip_space(s);
	value->bytes = s->at;
	if (s->at < s->end && *s->at == '"')
		whole = skip_string(s);
	else if (s->at < s->end && (*s->at == '{' || *s->at == '['))
		whole = skip_nested(s);
	else
		while (s->at < s->end && memchr(",:]} \n\t\r", *s->at, 8) == NULL)
			s->at++;
	value->length = (size_t)(s->at - value->bytes);
	return whole && value->length > 0;
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c == '\0' ? NULL : strchr(digits, c | 0x20);

	return found == NULL ? -1 : (int)(found - digits);
}

/* Takes the next character of a string's inside.  -1: it is beyond ASCII, or none. */
static int
next_character(struct scanner *s)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	int code = 0;
	char c = *s->at++;

	if (c != '\\')
		return (unsigned char)c < 0x80 ? c : -1;
	if (s->at == s->end)
		return -1;
	c = *s->at++;
	if (c != 'u') {
		letter = c == '\0' ? NULL : strchr(letters, c);
		return letter == NULL ? -1 : meant[letter - letters];
	}
	if (s->end - s->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*s->at++);

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code < 0x80 ? code : -1;
}

bool
members_is_string(struct row_text value, const char *text)
{
	struct scanner s;

	if (value.length < 2 || value.bytes[0] != '"')
		return false;
	s.at = value.bytes + 1;
	s.end = value.bytes + value.length - 1;
	for (; s.at < s.end; text++)
		if (*text == '\0' || next_character(&s) != *text)
			return false;
	return *text == '\0';
}

bool
members_find(
    struct row_text object, const char *const keys[], size_t count, struct row_text values[])
{
	struct scanner s = { object.bytes, object.bytes + object.length };

	memset(values, 0, count * sizeof(values[0]));
	if (object.bytes == NULL || !skip_character(&s, '{'))
		return false;
	while (!skip_character(&s, '}')) {
		struct row_text key, value;

		if (!skip_value(&s, &key) || !skip_character(&s, ':') || !skip_value(&s, &value))
			return false;
		for (size_t i = 0; i < count; i++)
			if (members_is_string(key, keys[i]))
				values[i] = value;
		skip_character(&s, ',');
	}
	return true;
}
