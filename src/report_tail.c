/*
 * The last bytes of a stream: a ring.
 */
#include "report_tail.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

void
report_tail_add(struct report_tail *tail, const char *bytes, size_t length)
{
	if (length > REPORT_TAIL_BYTES) {
		tail->total += length - REPORT_TAIL_BYTES;
		bytes += length - REPORT_TAIL_BYTES;
		length = REPORT_TAIL_BYTES;
	}
	while (length > 0) {
		size_t at = tail->total % REPORT_TAIL_BYTES;
		size_t n = length < REPORT_TAIL_BYTES - at ? length : REPORT_TAIL_BYTES - at;

		memcpy(tail->bytes + at, bytes, n);
		tail->total += n;
		bytes += n;
		length -= n;
	}
}

static int
is_continuation(char byte)
{
	return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Copies LENGTH bytes of anything as valid text; returns the end. */
static char *
clean(char *to, const char *from, size_t length)
{
	while (length > 0) {
		uint32_t code;
		size_t n = utf8_decode(from, length, &code);

		if (n == 0 || code == 0) {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			n = 1;
		} else {
			memcpy(to, from, n);
			to += n;
		}
		from += n;
		length -= n;
	}
	return to;
}

char *
report_tail_text(const struct report_tail *tail)
{
	size_t length = tail->total < REPORT_TAIL_BYTES ? tail->total : REPORT_TAIL_BYTES;
	size_t at = tail->total < REPORT_TAIL_BYTES ? 0 : tail->total % REPORT_TAIL_BYTES;
	char *straight = malloc(length + 1), *text = malloc(3 * length + 1);
	char *from = straight, *start = text, *end;

	if (straight == NULL || text == NULL) {
		free(text);
		text = NULL;
		goto out;
	}
	memcpy(straight, tail->bytes + at, length - at);
	memcpy(straight + length - at, tail->bytes, at);
	/* Where the ring has cut a character, its rest is left out. */
	for (int i = 0; i < 3 && tail->total > length && length > 0 && is_continuation(*from);
	     i++) {
		from++;
		length--;
	}
	end = clean(text, from, length);
	if ((size_t)(end - text) > REPORT_TAIL_BYTES)
		for (start = end - REPORT_TAIL_BYTES; is_continuation(*start);)
			start++;
	memmove(text, start, (size_t)(end - start));
	text[end - start] = '\0';
out:
	free(straight);
	return text;
}
