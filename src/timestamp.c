/*
 * PostgreSQL's timestamps as text.  The calendar is the proleptic Gregorian one, as PostgreSQL's;
 * it is counted in eras of 400 years that begin on the first of March, so that leap days come last.
 */
#include "timestamp.h"

#define SECOND 1000000LL
#define DAY (86400 * SECOND)
#define DAYS_PER_ERA 146097
#define ERA_START_TO_2000 730425 /* days from 0000-03-01 to 2000-01-01 */

#define FIRST (-63082281600 * SECOND)  /* 0001-01-01T00:00:00Z */
#define BEYOND (252455616000 * SECOND) /* 10000-01-01T00:00:00Z */

/* VALUE is below 100. */
static char *
put_two(char *text, unsigned int value)
{
	text[0] = (char)('0' + value / 10);
	text[1] = (char)('0' + value % 10);
	return text + 2;
}

static char *
put_date(char *text, unsigned int days) /* since 0000-03-01 */
{
	unsigned int era = days / DAYS_PER_ERA, day = days % DAYS_PER_ERA;
	unsigned int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned int day_of_year = day - (365 * year + year / 4 - year / 100);
	unsigned int month = (5 * day_of_year + 2) / 153; /* 0 is March */

	day = day_of_year - (153 * month + 2) / 5 + 1;
	year += era * 400 + (month >= 10);
	month = month < 10 ? month + 3 : month - 9;

	text = put_two(text, year / 100);
	text = put_two(text, year % 100);
	*text++ = '-';
	text = put_two(text, month);
	*text++ = '-';
	return put_two(text, day);
}

bool
timestamp_valid(int64_t microseconds)
{
	return microseconds >= FIRST && microseconds < BEYOND;
}

size_t
timestamp_format(char text[static TIMESTAMP_LENGTH], int64_t microseconds, enum timestamp_form form)
{
	int64_t since; /* 0000-03-01, so never negative */
	unsigned int second, fraction;
	char *p;

	if (!timestamp_valid(microseconds))
		return 0;
	since = microseconds + ERA_START_TO_2000 * DAY;
	second = (unsigned int)(since % DAY / SECOND);
	fraction = (unsigned int)(since % SECOND);

	p = put_date(text, (unsigned int)(since / DAY));
	*p++ = 'T';
	p = put_two(p, second / 3600);
	*p++ = ':';
	p = put_two(p, second / 60 % 60);
	*p++ = ':';
	p = put_two(p, second % 60);
	if (fraction != 0) {
		*p++ = '.';
		p = put_two(p, fraction / 10000);
		p = put_two(p, fraction / 100 % 100);
		p = put_two(p, fraction % 100);
		while (form == TIMESTAMP_UTC && p[-1] == '0')
			p--;
	}
	if (form == TIMESTAMP_UTC)
		*p++ = 'Z';
	return (size_t)(p - text);
}
