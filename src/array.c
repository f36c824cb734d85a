#include "array.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OID 25

static char *
put(char *to, size_t number)
{
	uint32_t bits = htobe32((uint32_t)number);

	return mempcpy(to, &bits, sizeof(bits));
}

struct row_text
array_of_texts(const struct row_text *const texts[], size_t count)
{
	/* Dimensions, whether there are NULLs, the elements' type, the length, the first place. */
	const size_t head[] = { 1, 0, TEXT_OID, count, 1 };
	const size_t heads = sizeof(head) / sizeof(head[0]);
	struct row_text array = { NULL, (heads + count) * sizeof(uint32_t) };
	char *bytes, *to;

	for (size_t i = 0; i < count; i++)
		array.length += texts[i]->length;
	array.bytes = bytes = to = malloc(array.length);
	if (bytes == NULL)
		return array;
	for (size_t i = 0; i < heads; i++)
		to = put(to, head[i]);
	for (size_t i = 0; i < count; i++)
		to = mempcpy(put(to, texts[i]->length), texts[i]->bytes, texts[i]->length);
	return array;
}
