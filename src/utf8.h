/*
 * UTF-8, strictly by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef JOBSTATUS_UTF8_H
#define JOBSTATUS_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the character at the start of the LENGTH > 0 bytes of TEXT into *CODE.  Returns the bytes
 * it takes (1 to 4), or 0 if they begin no valid character.
 */
size_t utf8_decode(const char *text, size_t length, uint32_t *code);

#endif
