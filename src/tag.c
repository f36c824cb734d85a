/*
 * Entity tags: XXH3's 128 bits, so that a tag has one length and does not tell how many revisions
 * all jobs have had.
 */
#include "tag.h"

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#define FORMAT '1' /* another one with every change of the document's form */

/* The codings that fronts append to the tags of what they compress, behind a `-`. */
static const char *const codings[] = { "gzip", "br", "deflate", "zstd", "bzip2" };

/* Makes the tag of what decides on the bytes: the options and two digests of the KIND. */
static void
make(struct tag *tag, const struct tag_form *form, char kind, XXH128_hash_t a, XXH128_hash_t b)
{
	struct {
		char head[4];
		XXH128_canonical_t a, b;
	} all = { .head = { FORMAT, (char)('0' + (int)form->compat),
		      form->accept_unknown_status ? '1' : '0', kind } };
	XXH128_canonical_t bytes;
	char *to = tag->text;

	XXH128_canonicalFromHash(&all.a, a);
	XXH128_canonicalFromHash(&all.b, b);
	XXH128_canonicalFromHash(&bytes, XXH3_128bits(&all, sizeof(all)));
	*to++ = '"';
	for (size_t i = 0; i < sizeof(bytes.digest); i++) {
		*to++ = "0123456789abcdef"[bytes.digest[i] >> 4];
		*to++ = "0123456789abcdef"[bytes.digest[i] & 15];
	}
	*to++ = '"';
	*to = '\0';
}

void
tag_of_revision(struct tag *tag, const struct tag_form *form, const struct row_text *id,
    const struct row_text *revision)
{
	make(tag, form, 'r', XXH3_128bits(id->bytes, id->length),
	    XXH3_128bits(revision->bytes, revision->length));
}

static int
take(void *context, const char *bytes, size_t length)
{
	return XXH3_128bits_update(context, bytes, length) == XXH_OK ? 0 : -1;
}

int
tag_of_body(struct tag *tag, const struct tag_form *form, const struct body *body)
{
	XXH3_state_t *state = XXH3_createState();
	int result = -1;

	if (state == NULL)
		return -1;
	XXH3_128bits_reset(state);
	if (body_send(body, take, state) == 0) {
		make(tag, form, 'b', XXH3_128bits_digest(state), XXH3_128bits("", 0));
		result = 0;
	}
	XXH3_freeState(state);
	return result;
}

static const char *
skip_space(const char *text)
{
	return text + strspn(text, " \t");
}

bool
tag_is_any(const char *if_none_match)
{
	const char *text = skip_space(if_none_match);

	return *text == '*' && *skip_space(text + 1) == '\0';
}

/* Whether TEXT of LENGTH is empty, or what a front appends. */
static bool
is_suffix(const char *text, size_t length)
{
	if (length == 0)
		return true;
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++)
		if (*text == '-' && strlen(codings[i]) == length - 1 &&
		    memcmp(text + 1, codings[i], length - 1) == 0)
			return true;
	return false;
}

bool
tag_matches(const struct tag *tag, const char *if_none_match)
{
	const size_t opaque = TAG_LENGTH - 1; /* with the quote before it */
	const char *at = skip_space(if_none_match), *close;

	if (tag_is_any(if_none_match))
		return true;
	for (;;) {
		at += strspn(at, " \t,");
		if (strncmp(at, "W/", 2) == 0)
			at += 2;
		if (*at != '"' || (close = strchr(at + 1, '"')) == NULL)
			return false;
		if ((size_t)(close - at) >= opaque && memcmp(at, tag->text, opaque) == 0 &&
		    is_suffix(at + opaque, (size_t)(close - at) - opaque))
			return true;
		at = skip_space(close + 1);
		if (*at != ',')
			return false;
	}
}
