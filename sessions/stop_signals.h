/* stop_signals - SIGINT, SIGTERM and SIGHUP as something to read, while a start is waited for. */
#ifndef NONO_SESSIONS_STOP_SIGNALS_H
#define NONO_SESSIONS_STOP_SIGNALS_H

#include <signal.h>

/* A signalfd, or -1 with errno. The caller closes it and sets the old mask again, in either case.
 */
int stop_signals(sigset_t *old);

#endif
