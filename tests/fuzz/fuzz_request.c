/*
 * Any CGI variables: the input is method, SCRIPT_NAME and PATH_INFO, parted by line feeds, and
 * after a NUL, if there is one, the principal.  What is asked for must lie in what was given.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *variables[3];
	const char *principal;
	struct request request;
	int status;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	principal = strlen(text) < size ? text + strlen(text) + 1 : NULL;
	for (size_t i = 0; i < 3; i++)
		variables[i] = i < 2 ? strsep(&rest, "\n") : rest;
	status = request_parse(&request, variables[0], variables[1], variables[2], principal);
	if (request.route != REQUEST_JOB && status != 200 && status != 204 && status != 405 &&
	    status != 500)
		abort();
	if (request.route == REQUEST_JOB && (status == 200 || status == 422)) {
		const struct request_parameter *name = &request.name;

		if (request.workspace.length == 0 || name->length == 0 ||
		    memcmp(name->bytes + name->length, "/status", 8) != 0 ||
		    (status == 422) != (request.workspace.fault || name->fault))
			abort();
	}
	request_free(&request);
	free(text);
	return 0;
}
