/* Old audit records make room when a session ends: by a process of its own, which nobody waits for.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#include "common/remark.h"
#include "sandbox/nono.h"
#include "sessions/broker.h"

static _Noreturn void in_keeper(const struct audit_limits *l)
{
	struct err err = {0};
	sigset_t none;
	int null;

	prctl(PR_SET_NAME, "nono: retention");
	setsid();
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	nono_close_descriptors(-1);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (chdir("/") == 0 && audit_keep(l, &err) < 0)
		remark("nono: warning: old audit records: %s", err.msg);
	_exit(0);
}

void broker_keep_records(const struct broker *b)
{
	if (audit_limited(&b->audit_limits) && fork() == 0)
		in_keeper(&b->audit_limits);
}
