/*
 * Entity tags (RFC 9110, 8.8.3): made of a job's revision or of a document's bytes, and compared
 * with what a client holds.  Equal tags mean equal bytes; a tag depends on nothing local to a
 * process.
 */
#ifndef JOBSTATUS_TAG_H
#define JOBSTATUS_TAG_H

#include <stdbool.h>

#include "body.h"
#include "compat.h"
#include "row.h"

#define TAG_LENGTH 34 /* 32 hexadecimal digits in quotes */

struct tag {
	char text[TAG_LENGTH + 1]; /* terminated */
};

/* The options that change a document's bytes. */
struct tag_form {
	enum compat compat;
	bool accept_unknown_status;
};

/* Makes the tag of the job ID at its REVISION, of which there is one. */
void tag_of_revision(struct tag *tag, const struct tag_form *form, const struct row_text *id,
    const struct row_text *revision);

/* Makes the tag of a document without a revision.  Returns 0, or -1 if there is
 * no memory or BODY cannot be read. */
int tag_of_body(struct tag *tag, const struct tag_form *form, const struct body *body);

/* Whether IF_NONE_MATCH, the field's value, is `*`: whatever there is. */
bool tag_is_any(const char *if_none_match);

/*
 * Whether IF_NONE_MATCH has TAG: in a list, weak, or with the suffix of a front that compressed the
 * document; or is `*`.  What follows something that is no tag is not read.
 */
bool tag_matches(const struct tag *tag, const char *if_none_match);

#endif
