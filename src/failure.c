/*
 * What went wrong with the database.
 */
#include "failure.h"

#include <stdio.h>
#include <string.h>

bool
failure_keeps_session(enum failure_kind kind)
{
	return kind == FAILURE_NONE || kind == FAILURE_REFUSED || kind == FAILURE_DATA;
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
