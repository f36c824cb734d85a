/*
 * Any bytes as If-None-Match: what tag_matches() and tag_is_any() say must be what the grammar of
 * RFC 9110 (13.1.2), read here in another way, says.  In the input \1 stands for the tag's digits,
 * which nobody would hit upon, and \2 for a front's suffix.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DIGITS "0123456789abcdef0123456789abcdef"
#define SUFFIX "-gzip"

static const struct tag tag = { "\"" DIGITS "\"" };

/* The field's value of DATA, terminated, as long as it is. */
static char *
expand(const uint8_t *data, size_t size)
{
	char *text = malloc(size * strlen(DIGITS) + 1), *to = text;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		if (data[i] == 1)
			to = stpcpy(to, DIGITS);
		else if (data[i] == 2)
			to = stpcpy(to, SUFFIX);
		else
			*to++ = (char)data[i];
	}
	*to = '\0';
	return realloc(text, strlen(text) + 1); /* so that reading beyond its end is seen */
}

/* Takes FROM, up to its end, without optional white space around it. */
static char *
trim(char *from)
{
	char *end = from + strlen(from);

	while (*from == ' ' || *from == '\t')
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return from;
}

/* Whether ELEMENT of a list begins with the tag.  *WELL: it is an entity tag and nothing else. */
static bool
is_ours(char *element, bool *well)
{
	static const char *const forms[] = { DIGITS, DIGITS "-gzip", DIGITS "-br",
		DIGITS "-deflate", DIGITS "-zstd", DIGITS "-bzip2" };
	char *end;

	*well = false;
	if (element[0] == 'W' && element[1] == '/')
		element += 2;
	if (*element++ != '"' || (end = strchr(element, '"')) == NULL)
		return false;
	*well = end[1] == '\0';
	*end = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(element, forms[i]) == 0)
			return true;
	return false;
}

/* Whether the list TEXT has the tag, before anything that is none.  Writes over TEXT. */
static bool
has_tag(char *text)
{
	bool quoted = false, last = false, well = true;

	for (char *from = text, *at = text; !last && well; at++) {
		if (*at == '"')
			quoted = !quoted;
		last = *at == '\0';
		if (!last && (quoted || *at != ','))
			continue;
		*at = '\0';
		from = trim(from);
		if (*from != '\0' && is_ours(from, &well))
			return true;
		from = at + 1;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = expand(data, size), *copy = value != NULL ? strdup(value) : NULL;
	bool matches, any;

	if (copy == NULL) {
		free(value);
		return 0;
	}
	any = strcmp(trim(copy), "*") == 0;
	if (any != tag_is_any(value))
		abort();
	strcpy(copy, value);
	matches = tag_matches(&tag, value);
	if (matches != (any || has_tag(copy)))
		abort();
	free(copy);
	free(value);
	return 0;
}
