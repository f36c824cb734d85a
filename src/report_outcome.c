/*
 * SQLSTATEs and exit codes.  The first entry that fits decides.
 */
#include "report_outcome.h"

#include <string.h>
#include <sysexits.h>

static const char install[] = "install sql/schema.sql, sql/roles.sql and sql/reporting.sql";

static const struct {
	const char *prefix;
	int code;
	const char *hint;
} outcomes[] = {
	{ "JS001", EX_NOINPUT, NULL },   /* unknown job */
	{ "JS002", EX_NOINPUT, NULL },   /* unknown step */
	{ "JS003", EX_CANTCREAT, NULL }, /* name taken */
	{ "JS004", EX_PROTOCOL, NULL },  /* illegal transition */
	{ "JS005", EX_DATAERR, NULL },   /* invalid argument */
	{ "22", EX_DATAERR, NULL },      /* no JSON, no UTF-8 */
	{ "54", EX_DATAERR, NULL },      /* beyond a limit: nested too deep, too large */
	{ "28", EX_NOPERM, NULL },       /* no such role, wrong password */
	{ "42501", EX_NOPERM, NULL },    /* no right */
	{ "3D000", EX_NOPERM, NULL },    /* no such database */
	{ "3F000", EX_NOPERM, install }, /* no such schema */
	{ "42883", EX_NOPERM, install }, /* no such function */
	{ "08", EX_TEMPFAIL, NULL },     /* connection exception */
	{ "25006", EX_TEMPFAIL, NULL },  /* a standby, which may be promoted */
	{ "40", EX_TEMPFAIL, NULL },     /* deadlock, serialization */
	{ "53", EX_TEMPFAIL, NULL },     /* no connection, memory or space left */
	{ "55P03", EX_TEMPFAIL, NULL },  /* lock_timeout */
	{ "57014", EX_TEMPFAIL, NULL },  /* statement_timeout, or cancelled by an operator */
	{ "57P", EX_TEMPFAIL, NULL },    /* stopping, starting, or the session was ended */
	{ "58", EX_TEMPFAIL, NULL },     /* the server's disk */
	{ "", EX_SOFTWARE, NULL },       /* unexpected */
};

int
report_outcome(const char *sqlstate, const char **hint)
{
	size_t i = 0;

	*hint = NULL;
	if (*sqlstate == '\0')
		return EX_TEMPFAIL;
	while (strncmp(sqlstate, outcomes[i].prefix, strlen(outcomes[i].prefix)) != 0)
		i++;
	*hint = outcomes[i].hint;
	return outcomes[i].code;
}
