/*
 * What a front's records have to keep to before libfcgi reads them: it asks for as much memory as
 * a length says, ends the process where it gets none, and answers a question for values in a
 * buffer of 64 bytes, whatever is asked for.
 */
#ifndef JOBSTATUS_GATE_H
#define JOBSTATUS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_VARIABLES_MAX (256 * 1024) /* bytes of a request's variables, with their lengths */
#define GATE_VALUES_MAX 59 /* bytes of a GET_VALUES record: three of the names that it knows */

/* How far names and values have come. */
struct gate_pairs {
	unsigned char lengths[8];
	unsigned int have; /* bytes of the lengths of a name and its value */
	size_t left;       /* bytes of the two */
};

/* How far the records of one request have come.  All zero: nothing has. */
struct gate {
	unsigned char header[8];
	unsigned int have; /* bytes of a header; 8: in a record */
	size_t left;       /* bytes of its content, */
	size_t padding;    /* and of what comes after that */
	unsigned int id;   /* of the request, 0: not known yet */
	size_t total;      /* bytes of variables so far */
	struct gate_pairs variables, values;
	bool off; /* what comes are no records of this version, which ends it */
};

/* Makes GATE, for a request that begins, the one that this thread's reads of libfcgi pass; NULL:
 * they pass none. */
void gate_enter(struct gate *gate);

/* Takes LENGTH bytes more.  Returns whether libfcgi may have them. */
bool gate_pass(struct gate *gate, const unsigned char *bytes, size_t length);

#endif
