/*
 * Seconds.  strtod() would go by the locale and take hexadecimal, exponents and "nan".
 */
#include "seconds.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

bool
seconds_read(const char *value, int64_t least, int64_t most, int64_t *nanoseconds)
{
	size_t whole = strspn(value, "0123456789"), digits = 0;
	const char *fraction = value + whole;
	int64_t read, unit = CLOCK_SECOND;

	if (*fraction == '.')
		digits = strspn(++fraction, "0123456789");
	if (whole == 0 || whole > 9 || fraction[digits] != '\0' ||
	    (fraction > value + whole && digits == 0))
		return false;
	read = strtoll(value, NULL, 10) * CLOCK_SECOND;
	for (size_t i = 0; i < digits; i++)
		read += (fraction[i] - '0') * (unit /= 10);
	*nanoseconds = read;
	return read >= least && read <= most;
}
