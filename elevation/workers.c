/* A few threads for what may block, made when the first of it comes. */
#include "elevation/engine.h"

#include <signal.h>

#define THREADS_MAX 16
#define QUEUE_MAX   CALLS_MAX
#define STACK_SIZE  (512u * 1024)

struct job {
	void (*fn)(struct elevation *e, struct call *c);
	struct call *c;
};

struct workers {
	struct elevation *e;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job queue[QUEUE_MAX];
	unsigned head, n, idle, n_threads;
	bool stopping;
	pthread_t threads[THREADS_MAX];
};

struct workers *workers_new(struct elevation *e)
{
	struct workers *w = xcalloc(1, sizeof(*w));

	w->e = e;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	return w;
}

static void *work(void *arg)
{
	struct workers *w = arg;
	struct job j;

	pthread_setname_np(pthread_self(), "nono: worker");
	pthread_mutex_lock(&w->lock);
	for (;;) {
		w->idle++;
		while (!w->n && !w->stopping)
			pthread_cond_wait(&w->more, &w->lock);
		w->idle--;
		if (w->stopping)
			break;
		j = w->queue[w->head];
		w->head = (w->head + 1) % QUEUE_MAX;
		w->n--;
		pthread_mutex_unlock(&w->lock);
		j.fn(w->e, j.c);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* With the lock held. */
static void add_thread(struct workers *w)
{
	pthread_attr_t attr;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (pthread_create(&w->threads[w->n_threads], &attr, work, w) == 0)
		w->n_threads++;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

bool workers_run(struct elevation *e, void (*fn)(struct elevation *e, struct call *c),
		 struct call *c)
{
	struct workers *w = e->workers;
	bool ok;

	pthread_mutex_lock(&w->lock);
	if (w->n >= w->idle && w->n_threads < THREADS_MAX && !w->stopping)
		add_thread(w);
	ok = !w->stopping && w->n < QUEUE_MAX && w->n_threads;
	if (ok) {
		w->queue[(w->head + w->n++) % QUEUE_MAX] = (struct job){fn, c};
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return ok;
}

void workers_stop(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	for (; w->n; w->n--) {
		call_deny(w->e, w->queue[w->head].c, EACCES);
		w->head = (w->head + 1) % QUEUE_MAX;
	}
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
