/*
 * The queue of lookups.  A server that is busy answers ten at once in little more time than one;
 * one that is silent must not keep all waiting, so they wait for others no longer than a moment.
 */
#include "lookup.h"

#include "clock.h"

#define PATIENCE (2 * CLOCK_MILLISECOND)

void
lookup_queue_open(struct lookup_queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	STAILQ_INIT(&queue->waiting);
	queue->under_way = 0;
	queue->sent = 0;
}

void
lookup_queue_close(struct lookup_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

void
lookup_wait(struct lookup_queue *queue, struct lookup *lookup)
{
	pthread_mutex_lock(&queue->lock);
	STAILQ_INSERT_TAIL(&queue->waiting, lookup, next);
	pthread_mutex_unlock(&queue->lock);
}

size_t
lookup_take(struct lookup_queue *queue, struct lookup *taken[LOOKUP_MAX])
{
	int64_t now = clock_now();
	size_t count = 0;

	pthread_mutex_lock(&queue->lock);
	if (queue->under_way == 0 || now - queue->sent >= PATIENCE)
		while (count < LOOKUP_MAX && !STAILQ_EMPTY(&queue->waiting)) {
			taken[count++] = STAILQ_FIRST(&queue->waiting);
			STAILQ_REMOVE_HEAD(&queue->waiting, next);
		}
	if (count > 0) {
		queue->under_way++;
		queue->sent = now;
	}
	pthread_mutex_unlock(&queue->lock);
	return count;
}

void
lookup_done(struct lookup_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->under_way--;
	pthread_mutex_unlock(&queue->lock);
}

int
lookup_patience(struct lookup_queue *queue)
{
	int patience = -1;

	pthread_mutex_lock(&queue->lock);
	if (!STAILQ_EMPTY(&queue->waiting))
		patience = clock_poll_timeout(queue->sent + PATIENCE);
	pthread_mutex_unlock(&queue->lock);
	return patience;
}
