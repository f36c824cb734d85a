/*
 * UTF-8, by the table of well-formed byte sequences.
 */
#include "utf8.h"

/* What a first byte asks for: how many bytes, its own bits, and the bounds of the second byte. */
static const struct form {
	unsigned char first, last, bytes, mask, low, high;
} forms[] = {
	{ 0x00, 0x7F, 1, 0x7F, 0, 0 },
	{ 0xC2, 0xDF, 2, 0x1F, 0x80, 0xBF },
	{ 0xE0, 0xE0, 3, 0x0F, 0xA0, 0xBF },
	{ 0xE1, 0xEC, 3, 0x0F, 0x80, 0xBF },
	{ 0xED, 0xED, 3, 0x0F, 0x80, 0x9F }, /* no surrogates */
	{ 0xEE, 0xEF, 3, 0x0F, 0x80, 0xBF },
	{ 0xF0, 0xF0, 4, 0x07, 0x90, 0xBF },
	{ 0xF1, 0xF3, 4, 0x07, 0x80, 0xBF },
	{ 0xF4, 0xF4, 4, 0x07, 0x80, 0x8F },
};

size_t
utf8_decode(const char *text, size_t length, uint32_t *code)
{
	const unsigned char *bytes = (const unsigned char *)text;
	const struct form *form = forms, *end = forms + sizeof(forms) / sizeof(forms[0]);

	while (form < end && (bytes[0] < form->first || bytes[0] > form->last))
		form++;
	if (form == end || length < form->bytes)
		return 0;
	*code = bytes[0] & form->mask;
	for (size_t i = 1; i < form->bytes; i++) {
		unsigned char low = i == 1 ? form->low : 0x80, high = i == 1 ? form->high : 0xBF;

		if (bytes[i] < low || bytes[i] > high)
			return 0;
		*code = *code << 6 | (bytes[i] & 0x3F);
	}
	return form->bytes;
}
