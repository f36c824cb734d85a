/*
 * Members of a JSON object, found in its text: values come out as the bytes that they are.
 */
#ifndef JOBSTATUS_MEMBERS_H
#define JOBSTATUS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "row.h"

/*
 * Finds the members called KEYS (COUNT of them, ASCII) at the top level of OBJECT, and sets VALUES
 * to the text of each, which borrows from OBJECT: of the last, if a key comes more than once; with
 * `bytes` NULL, if it does not come.  OBJECT is text that PostgreSQL took for json; whatever it is,
 * nothing outside of it is read.  False: it is no object.
 */
bool members_find(
    struct row_text object, const char *const keys[], size_t count, struct row_text values[]);

/* Whether VALUE, a JSON value, is the string TEXT (ASCII), however it is escaped. */
bool members_is_string(struct row_text value, const char *text);

#endif
