/*
 * Whose connection to the proxy comes from a local port: noted when the broker has connected it. A
 * table by port, mapped and touched only where used; programs are few and are kept once each.
 */
#include "elevation/internal.h"

#include <sys/mman.h>

#define PORTS	     65536
#define PROGRAMS_MAX 256

struct peer {
	pid_t pid;
	uint16_t program; /* index + 1; 0 = unknown */
	bool claimed;
};

struct peers {
	pthread_mutex_t lock;
	struct peer *ports;
	char *programs[PROGRAMS_MAX];
	unsigned n;
};

struct peers *peers_new(void)
{
	void *p = mmap(NULL, PORTS * sizeof(struct peer), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct peers *t;

	if (p == MAP_FAILED)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	t->ports = p;
	return t;
}

void peers_free(struct peers *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		free(t->programs[i]);
	munmap(t->ports, PORTS * sizeof(struct peer));
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* With the lock held. The most recent ones are at the end. */
static uint16_t program_index(struct peers *t, const char *program)
{
	char *copy;

	for (unsigned i = t->n; i-- > 0;)
		if (strcmp(t->programs[i], program) == 0)
			return (uint16_t)(i + 1);
	if (t->n == PROGRAMS_MAX)
		return 0;
	copy = strdup(program);
	if (!copy)
		return 0;
	t->programs[t->n++] = copy;
	return (uint16_t)t->n;
}

void peers_note(struct peers *t, unsigned port, pid_t pid, const char *program)
{
	if (!port || port >= PORTS)
		return;
	pthread_mutex_lock(&t->lock);
	t->ports[port] = (struct peer){.pid = pid, .program = program_index(t, program)};
	pthread_mutex_unlock(&t->lock);
}

pid_t elevation_peer(struct elevation *e, uint16_t port, char *program, size_t size)
{
	struct peers *t = e->peers;
	struct peer p;

	pthread_mutex_lock(&t->lock);
	p = t->ports[port];
	str_copy(program, size, p.program ? t->programs[p.program - 1] : "");
	pthread_mutex_unlock(&t->lock);
	return p.pid;
}

pid_t elevation_peer_claim(struct elevation *e, uint16_t port)
{
	struct peers *t = e->peers;
	pid_t pid;

	pthread_mutex_lock(&t->lock);
	pid = t->ports[port].claimed ? 0 : t->ports[port].pid;
	t->ports[port].claimed = pid != 0 || t->ports[port].claimed;
	pthread_mutex_unlock(&t->lock);
	return pid;
}
