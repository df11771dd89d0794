/*
 * Opening a FIFO, or connecting, may wait for ever. A worker that does it for a program must notice
 * that the program is gone: a timer of its own sends the thread a signal, the call ends with EINTR,
 * the caller looks whether anybody still waits, and goes on or stops.
 */
#include "elevation/perform.h"

#include <signal.h>

#define PERIOD_NS 500000000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void nothing(int sig)
{
	(void)sig; /* that it was called is all */
}

void interrupt_begin(struct interrupt *i)
{
	const int sig = SIGRTMAX - 1;
	const struct itimerspec every = {.it_interval.tv_nsec = PERIOD_NS,
					 .it_value.tv_nsec = PERIOD_NS};
	struct sigaction act = {.sa_handler = nothing}; /* no SA_RESTART */
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig};
	sigset_t set;

	i->armed = false;
	sigemptyset(&act.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, sig);
	ev.sigev_notify_thread_id = gettid();
	if (sigaction(sig, &act, NULL) < 0 || timer_create(CLOCK_MONOTONIC, &ev, &i->timer) < 0)
		return;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	timer_settime(i->timer, 0, &every, NULL);
	i->armed = true;
}

void interrupt_end(struct interrupt *i)
{
	if (i->armed)
		timer_delete(i->timer);
	i->armed = false;
}
