/*
 * What went wrong with the database.
 */
#include "failure.h"

#include <stdio.h>
#include <string.h>

static const char *const causes[] = {
	[FAILURE_NONE] = "nothing",
	[FAILURE_LOST] = "the session was lost",
	[FAILURE_TIMEOUT] = "no answer in time",
	[FAILURE_SLOW] = "an answer took too long",
	[FAILURE_CONNECT] = "no connection",
	[FAILURE_REFUSED] = "refused",
	[FAILURE_DATA] = "broken rows",
	[FAILURE_FOREIGN] = "a character that its encoding lacks",
	[FAILURE_CHANGED] = "refused",
	[FAILURE_MEMORY] = "no memory",
};

/* By SQLSTATE or its class, the first that fits. */
static const struct {
	const char *sqlstate, *words;
} meanings[] = {
	{ "28", "the login is refused" },
	{ "3D000", "the database does not exist" },
	{ "3F000", "the schema does not exist" },
	{ "42501", "a right is missing" },
	{ "42703", "a column is missing" },
	{ "42P01", "a relation is missing" },
	{ "53300", "too many connections" },
	{ "57P03", "the server is starting or stopping" },
};

const char *
failure_cause(const struct failure *failure)
{
	return causes[failure->kind];
}

void
failure_reason(const struct failure *failure, char *reason, size_t size)
{
	size_t count = sizeof(meanings) / sizeof(meanings[0]), i = 0;

	while (i < count &&
	    strncmp(failure->sqlstate, meanings[i].sqlstate, strlen(meanings[i].sqlstate)) != 0)
		i++;
	snprintf(reason, size, "%s%s%s%s%s%s", causes[failure->kind], i < count ? ": " : "",
	    i < count ? meanings[i].words : "", *failure->sqlstate != '\0' ? " (SQLSTATE " : "",
	    failure->sqlstate, *failure->sqlstate != '\0' ? ")" : "");
}

bool
failure_keeps_session(enum failure_kind kind)
{
	return kind == FAILURE_NONE || kind == FAILURE_REFUSED || kind == FAILURE_DATA ||
	    kind == FAILURE_FOREIGN;
}

int
failure_set(struct failure *failure, enum failure_kind kind, const char *text)
{
	failure->kind = kind;
	failure->sqlstate[0] = '\0';
	snprintf(failure->text, sizeof(failure->text), "%s", text);
	failure->text[strcspn(failure->text, "\n")] = '\0';
	return -1;
}
