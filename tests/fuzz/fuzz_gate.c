/*
 * A front's records, in pieces of any size: they pass, or do not, as they do byte by byte; and no
 * length that passes is above its limit.
 */
#include <stdlib.h>
#include <string.h>

#include "gate.h"

static void
check(int holds)
{
	if (!holds)
		abort();
}

/* How many bytes pass, in pieces of SIZE, to the end of the last piece that does. */
static size_t
pass(struct gate *gate, const unsigned char *bytes, size_t length, size_t size)
{
	size_t at = 0;

	memset(gate, 0, sizeof(*gate));
	while (at < length) {
		size_t piece = length - at < size ? length - at : size;

		if (!gate_pass(gate, bytes + at, piece))
			break;
		check(gate->total <= GATE_VARIABLES_MAX);
		check(gate->variables.left <= GATE_VARIABLES_MAX);
		check(gate->values.left <= GATE_VARIABLES_MAX);
		at += piece;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct gate single, pieces;
	size_t piece, passed;

	if (size == 0)
		return 0;
	piece = (size_t)*data % 64 + 1;
	data++;
	size--;
	passed = pass(&single, data, size, 1);
	check(pass(&pieces, data, size, piece) == (passed == size ? size : passed / piece * piece));
	if (passed == size)
		check(memcmp(&single, &pieces, sizeof(single)) == 0);
	return 0;
}
