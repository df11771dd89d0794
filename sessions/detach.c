/* Source: daemon(7). */
#include "sessions/detach.h"
#include "common/common.h"
#include "sandbox/nono.h"

#include <fcntl.h>
#include <signal.h>

void detach_descriptors(int keep)
{
	int null;

	nono_close_descriptors(keep);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		if (fd != null)
			dup2(null, fd);
	if (null > 2 && null != keep)
		close(null);
}

bool detach_process(void)
{
	sigset_t none;

	setsid();
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	detach_descriptors(-1);
	return chdir("/") == 0;
}
