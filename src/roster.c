/*
 * The roster: an array whose first part is at rest, the last one in use.
 */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

int
roster_open(struct roster *roster, unsigned int limit)
{
	memset(roster, 0, sizeof(*roster));
	roster->limit = limit;
	roster->slots = calloc(limit, sizeof(*roster->slots));
	return roster->slots != NULL ? 0 : -1;
}

void
roster_close(struct roster *roster)
{
	for (unsigned int i = 0; i < roster->open; i++)
		connection_close(roster->slots[i].connection);
	free(roster->slots);
}

/* Exchanges two slots. */
static void
swap(struct roster_slot *a, struct roster_slot *b)
{
	struct roster_slot c = *a;

	*a = *b;
	*b = c;
}

static struct roster_slot *
find_in_use(struct roster *roster, const struct connection *connection)
{
	unsigned int i = roster->idle;

	while (i < roster->open && roster->slots[i].connection != connection)
		i++;
	return i < roster->open ? &roster->slots[i] : NULL;
}

/* Takes SLOT, which is not at rest, out. */
static void
forget(struct roster *roster, struct roster_slot *slot)
{
	roster->open--;
	swap(slot, &roster->slots[roster->open]);
}

void
roster_add(struct roster *roster, struct connection *connection, int64_t opened)
{
	struct roster_slot *slot = &roster->slots[roster->open++];

	slot->connection = connection;
	slot->opened = opened;
	swap(slot, &roster->slots[roster->idle++]);
}

struct connection *
roster_take(struct roster *roster)
{
	if (roster->idle == 0)
		return NULL;
	roster->idle--;
	roster->slots[roster->idle].taken = clock_now();
	return roster->slots[roster->idle].connection;
}

bool
roster_put(struct roster *roster, struct connection *connection)
{
	struct roster_slot *slot = find_in_use(roster, connection);

	if (slot == NULL)
		return false;
	if (slot->opened < roster->stale) {
		forget(roster, slot);
		return false;
	}
	swap(slot, &roster->slots[roster->idle++]);
	return true;
}

bool
roster_drop(struct roster *roster, const struct connection *connection)
{
	struct roster_slot *slot = find_in_use(roster, connection);
	bool fresh;

	if (slot == NULL)
		return false;
	fresh = slot->opened >= roster->stale;
	forget(roster, slot);
	return fresh;
}

void
roster_retire(struct roster *roster, int64_t since)
{
	roster->stale = since;
	while (roster->idle > 0) {
		struct roster_slot *last = &roster->slots[--roster->idle];

		connection_close(last->connection);
		forget(roster, last);
	}
}

void
roster_cut(const struct roster *roster)
{
	for (unsigned int i = roster->idle; i < roster->open; i++)
		connection_cut(roster->slots[i].connection);
}

bool
roster_is_alive(const struct roster *roster)
{
	unsigned int i = 0;

	while (i < roster->open && roster->slots[i].opened < roster->stale)
		i++;
	return i < roster->open;
}

int64_t
roster_first_taken(const struct roster *roster)
{
	int64_t first = INT64_MAX;

	for (unsigned int i = roster->idle; i < roster->open; i++)
		if (roster->slots[i].taken < first)
			first = roster->slots[i].taken;
	return first;
}
