/*
 * Values from files.  What they hold is judged by the database, but for what a text of its cannot
 * hold and would end a C string: NUL.
 */
#include "report_input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int
read_all(FILE *file, const char *value, size_t most, char **content, char *error, size_t size)
{
	size_t length = 0, space = 0;

	for (;;) {
		size_t n;

		if (length + 1 >= space) {
			char *larger = realloc(*content, space = space != 0 ? 2 * space : 4096);

			if (larger == NULL) {
				snprintf(error, size, "%.200s: no memory", value);
				return EX_OSERR;
			}
			*content = larger;
		}
		n = fread(*content + length, 1, space - 1 - length, file);
		if (memchr(*content + length, '\0', n) != NULL) {
			snprintf(error, size, "%.200s: it holds a NUL byte", value);
			return EX_DATAERR;
		}
		length += n;
		(*content)[length] = '\0';
		if (length > most) {
			snprintf(error, size, "%.200s: it is longer than %zu bytes", value, most);
			return EX_DATAERR;
		}
		if (n == 0 && ferror(file)) {
			snprintf(error, size, "%.200s: %s", value, strerror(errno));
			return EX_NOINPUT;
		}
		if (n == 0)
			return 0;
	}
}

int
report_input_read(const char *value, size_t most, char **content, char *error, size_t size)
{
	FILE *file = strcmp(value, "@-") == 0 ? stdin : fopen(value + 1, "re");
	int code;

	*content = NULL;
	if (file == NULL) {
		snprintf(error, size, "%.200s: %s", value, strerror(errno));
		return EX_NOINPUT;
	}
	code = read_all(file, value, most, content, error, size);
	if (file != stdin)
		fclose(file);
	if (code != 0) {
		free(*content);
		*content = NULL;
	}
	return code;
}
