/*
 * libfcgi reads by its own function OS_Read(), which a definition in the program takes the place
 * of, as one of malloc() would.
 */
#include "gate.h"

#include <unistd.h>

#include <fcgios.h>
#include <fastcgi.h>

#include "log.h"

static _Thread_local struct gate *current;

void
gate_enter(struct gate *gate)
{
	current = gate;
}

int
OS_Read(int fd, char *buffer, size_t length)
{
	ssize_t n = read(fd, buffer, length);

	if (n <= 0 || current == NULL || gate_pass(current, (unsigned char *)buffer, (size_t)n))
		return (int)n;
	log_debug("a front's records were refused");
	return 0; /* as if it had ended there */
}

static size_t
length_at(const unsigned char *bytes)
{
	if (bytes[0] < 0x80)
		return bytes[0];
	return (size_t)(bytes[0] & 0x7F) << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 |
	    bytes[3];
}

/*
 * Takes a byte of the lengths that stand before each name and its value, each in one byte or in
 * four.  Returns whether the two may be as long as they say.
 */
static bool
pass_length(struct gate_pairs *pairs, unsigned char byte)
{
	unsigned int second;

	pairs->lengths[pairs->have++] = byte;
	second = pairs->lengths[0] < 0x80 ? 1 : 4;
	if (pairs->have <= second || (pairs->lengths[second] >= 0x80 && pairs->have < second + 4))
		return true;
	pairs->have = 0;
	pairs->left = length_at(pairs->lengths) + length_at(pairs->lengths + second);
	return pairs->left <= GATE_VARIABLES_MAX;
}

static bool
pass_pairs(struct gate_pairs *pairs, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		size_t taken = pairs->left < length ? pairs->left : length;

		pairs->left -= taken;
		if (taken == 0) {
			if (!pass_length(pairs, *bytes))
				return false;
			taken = 1;
		}
		bytes += taken;
		length -= taken;
	}
	return true;
}

/*
 * Judges the header of a record.  At each management record that it does not know libfcgi loses
 * memory, and takes its content for the stream's that it reads; no front sends any.
 */
static bool
pass_header(struct gate *gate)
{
	const FCGI_Header *header = (const FCGI_Header *)gate->header;
	unsigned int id = (unsigned int)header->requestIdB1 << 8 | header->requestIdB0;

	gate->left = (size_t)header->contentLengthB1 << 8 | header->contentLengthB0;
	gate->padding = header->paddingLength;
	gate->off = header->version != FCGI_VERSION_1;
	if (header->type == FCGI_BEGIN_REQUEST && gate->id == 0)
		gate->id = id;
	if (header->type == FCGI_GET_VALUES) {
		gate->values = (struct gate_pairs){ .left = 0 };
		return gate->left <= GATE_VALUES_MAX;
	}
	if (header->type == FCGI_PARAMS)
		gate->total += gate->left;
	return id != 0 && gate->total <= GATE_VARIABLES_MAX;
}

/* Those of another request are no part of this one's; libfcgi leaves them out. */
static bool
pass_content(struct gate *gate, const unsigned char *bytes, size_t length)
{
	const FCGI_Header *header = (const FCGI_Header *)gate->header;
	unsigned int id = (unsigned int)header->requestIdB1 << 8 | header->requestIdB0;

	if (header->type == FCGI_GET_VALUES)
		return pass_pairs(&gate->values, bytes, length);
	if (header->type == FCGI_PARAMS && id == gate->id)
		return pass_pairs(&gate->variables, bytes, length);
	return true;
}

static size_t
take(size_t *from, size_t most)
{
	size_t taken = *from < most ? *from : most;

	*from -= taken;
	return taken;
}

bool
gate_pass(struct gate *gate, const unsigned char *bytes, size_t length)
{
	while (length > 0 && !gate->off) {
		size_t taken = 1;

		if (gate->have < sizeof(gate->header)) {
			gate->header[gate->have++] = *bytes;
			if (gate->have == sizeof(gate->header) && !pass_header(gate))
				return false;
		} else if (gate->left > 0) {
			taken = take(&gate->left, length);
			if (!pass_content(gate, bytes, taken))
				return false;
		} else {
			taken = take(&gate->padding, length);
		}
		if (gate->have == sizeof(gate->header) && gate->left == 0 && gate->padding == 0)
			gate->have = 0;
		bytes += taken;
		length -= taken;
	}
	return true;
}
