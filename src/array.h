/*
 * Texts as PostgreSQL's binary form of text[], a statement's parameter.
 */
#ifndef JOBSTATUS_ARRAY_H
#define JOBSTATUS_ARRAY_H

#include "row.h"

/* Makes an array of COUNT texts, at least one and none of them NULL.  The caller frees its bytes;
 * they are NULL when there is no memory. */
struct row_text array_of_texts(const struct row_text *const texts[], size_t count);

#endif
