/*
 * The hosts of a conninfo.  What libpq takes from a service file stays with libpq: such hosts are
 * one attempt.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

enum { HOST, HOSTADDR, PORT, LISTS };

static const char *
option(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0 && options->val != NULL &&
		    *options->val != '\0')
			return options->val;
	return NULL;
}

/* The conninfo's own value, else the environment's; copied.  False: no memory. */
static int
copy_option(
    const PQconninfoOption *own, const PQconninfoOption *defaults, const char *keyword, char **copy)
{
	const char *value = option(own, keyword);

	if (value == NULL)
		value = option(defaults, keyword);
	*copy = value != NULL ? strdup(value) : NULL;
	return value == NULL || *copy != NULL;
}

static size_t
count_elements(const char *list)
{
	size_t count = 1;

	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* The next element of *LIST, which is cut there; the last one stands for all that follow. */
static const char *
next_element(char **list)
{
	char *element = *list, *comma;

	if (element != NULL && (comma = strchr(element, ',')) != NULL) {
		*comma = '\0';
		*list = comma + 1;
	}
	return element;
}

/* libpq's two rounds of prefer-standby: a standby if there is one, else any. */
static void
add_round(struct host_list *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		list->hosts[count + i] = list->hosts[i];
		list->hosts[i].session_attrs = "standby";
		list->hosts[count + i].session_attrs = "any";
	}
	list->count = 2 * count;
}

static int
fill(struct host_list *list, const char *session_attrs)
{
	char **from = list->memory, *cut[LISTS] = { from[HOST], from[HOSTADDR], from[PORT] };
	const char *leading = from[HOSTADDR] != NULL ? from[HOSTADDR] : from[HOST];
	size_t count = leading != NULL ? count_elements(leading) : 1;

	list->count = count;
	list->hosts = calloc(2 * count, sizeof(*list->hosts));
	if (list->hosts == NULL)
		return -1;
	if (count == 1) /* libpq reads it best */
		return 0;
	for (size_t i = 0; i < count; i++) {
		list->hosts[i].host = next_element(&cut[HOST]);
		list->hosts[i].hostaddr = next_element(&cut[HOSTADDR]);
		list->hosts[i].port = next_element(&cut[PORT]);
	}
	if (session_attrs != NULL && strcmp(session_attrs, "prefer-standby") == 0)
		add_round(list, count);
	return 0;
}

int
host_list_open(struct host_list *list, const char *database)
{
	PQconninfoOption *own = PQconninfoParse(database, NULL);
	PQconninfoOption *defaults = PQconndefaults();
	const char *session_attrs = option(own, "target_session_attrs");
	int result = -1;

	memset(list, 0, sizeof(*list));
	list->database = database;
	if (session_attrs == NULL)
		session_attrs = option(defaults, "target_session_attrs");
	if (copy_option(own, defaults, "host", &list->memory[HOST]) &&
	    copy_option(own, defaults, "hostaddr", &list->memory[HOSTADDR]) &&
	    copy_option(own, defaults, "port", &list->memory[PORT]))
		result = fill(list, session_attrs);
	PQconninfoFree(own);
	PQconninfoFree(defaults);
	if (result != 0)
		host_list_close(list);
	return result;
}

void
host_list_close(struct host_list *list)
{
	for (size_t i = 0; i < LISTS; i++)
		free(list->memory[i]);
	free(list->hosts);
	memset(list, 0, sizeof(*list));
}

bool
host_is_good(const struct host *host)
{
	return host->state == HOST_UNTRIED || host->state == HOST_ANSWERS;
}

void
host_parameters(const struct host *host, const char *database,
    const char *keywords[static HOST_KEYWORDS], const char *values[static HOST_KEYWORDS])
{
	/* Later ones win: ours that the user may change, the user's, and what must be so. */
	const char *const pairs[HOST_KEYWORDS][2] = {
		{ "fallback_application_name", "jobstatus" },
		{ "dbname", database },
		{ "client_encoding", "UTF8" },
		{ "host", host->host },
		{ "hostaddr", host->hostaddr },
		{ "port", host->port },
		{ "target_session_attrs", host->session_attrs },
		{ NULL, NULL },
	};
	size_t n = 0;

	for (size_t i = 0; i < HOST_KEYWORDS - 1; i++) {
		if (pairs[i][1] == NULL)
			continue;
		keywords[n] = pairs[i][0];
		values[n++] = pairs[i][1];
	}
	keywords[n] = values[n] = NULL;
}
