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
pass_length(struct gate *gate, unsigned char byte)
{
	unsigned int second;

	gate->lengths[gate->lengths_have++] = byte;
	second = gate->lengths[0] < 0x80 ? 1 : 4;
	if (gate->lengths_have <= second ||
	    (gate->lengths[second] >= 0x80 && gate->lengths_have < second + 4))
		return true;
	gate->lengths_have = 0;
	gate->pair_left = length_at(gate->lengths) + length_at(gate->lengths + second);
	return gate->pair_left <= GATE_VARIABLES_MAX;
}

static size_t
take(size_t *from, size_t most)
{
	size_t taken = *from < most ? *from : most;

	*from -= taken;
	return taken;
}

static bool
pass_pairs(struct gate *gate, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		size_t taken = take(&gate->pair_left, length);

		if (taken == 0) {
			if (!pass_length(gate, *bytes))
				return false;
			taken = 1;
		}
		bytes += taken;
		length -= taken;
	}
	return true;
}

static void
begin_pairs(struct gate *gate)
{
	gate->lengths_have = 0;
	gate->pair_left = 0;
}

/*
 * Judges the header of a record.  Of padding at the beginning, and at the end of the variables,
 * libfcgi knows nothing when it goes on to read the next stream.
 */
static bool
pass_header(struct gate *gate)
{
	const FCGI_Header *header = (const FCGI_Header *)gate->header;
	unsigned int id = (unsigned int)header->requestIdB1 << 8 | header->requestIdB0;

	gate->left = (size_t)header->contentLengthB1 << 8 | header->contentLengthB0;
	gate->padding = header->paddingLength;
	if (header->version != FCGI_VERSION_1)
		return false;
	switch (header->type) {
	case FCGI_GET_VALUES:
		begin_pairs(gate);
		return gate->stage == GATE_IDLE && id == FCGI_NULL_REQUEST_ID &&
		    gate->left <= GATE_VALUES_MAX;
	case FCGI_BEGIN_REQUEST:
		if (gate->stage != GATE_IDLE)
			return false;
		begin_pairs(gate);
		gate->id = id;
		gate->stage = GATE_VARIABLES;
		return id != FCGI_NULL_REQUEST_ID && gate->padding == 0 &&
		    gate->left == sizeof(FCGI_BeginRequestBody);
	case FCGI_PARAMS:
		if (gate->stage != GATE_VARIABLES || id != gate->id)
			return false;
		gate->total += gate->left;
		if (gate->left > 0)
			return gate->total <= GATE_VARIABLES_MAX;
		gate->stage = GATE_BODY;
		return gate->padding == 0;
	case FCGI_STDIN:
		if (gate->stage != GATE_BODY || id != gate->id)
			return false;
		if (gate->left == 0)
			gate->stage = GATE_OVER;
		return true;
	default:
		return false;
	}
}

static bool
pass_content(struct gate *gate, const unsigned char *bytes, size_t length)
{
	const FCGI_Header *header = (const FCGI_Header *)gate->header;

	return (header->type != FCGI_PARAMS && header->type != FCGI_GET_VALUES) ||
	    pass_pairs(gate, bytes, length);
}

/* Takes some bytes.  Returns how many, or 0 to refuse them. */
static size_t
pass_some(struct gate *gate, const unsigned char *bytes, size_t length)
{
	size_t taken = 1;

	if (gate->have < sizeof(gate->header)) {
		gate->header[gate->have++] = *bytes;
		if (gate->have == sizeof(gate->header) && !pass_header(gate))
			return 0;
	} else if (gate->left > 0) {
		taken = take(&gate->left, length);
		if (!pass_content(gate, bytes, taken))
			return 0;
	} else {
		taken = take(&gate->padding, length);
	}
	if (gate->have == sizeof(gate->header) && gate->left == 0 && gate->padding == 0)
		gate->have = 0;
	return taken;
}

bool
gate_pass(struct gate *gate, const unsigned char *bytes, size_t length)
{
	/* libfcgi looks at nothing that comes behind the request. */
	while (length > 0 && gate->stage != GATE_OVER && !gate->refused) {
		size_t taken = pass_some(gate, bytes, length);

		if (taken == 0) {
			gate->refused = true;
			log_debug("a front's records were refused");
		}
		bytes += taken;
		length -= taken;
	}
	return !gate->refused;
}
