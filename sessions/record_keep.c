/* Old audit records make room when a session ends: by a process of its own, which nobody waits for.
 */
#include <sys/prctl.h>

#include "common/remark.h"
#include "sessions/broker.h"
#include "sessions/detach.h"

static _Noreturn void in_keeper(const struct audit_limits *l)
{
	struct err err = {0};

	prctl(PR_SET_NAME, "nono: retention");
	if (detach_process() && audit_keep(l, &err) < 0)
		remark("nono: warning: old audit records: %s", err.msg);
	_exit(0);
}

void broker_keep_records(const struct broker *b)
{
	if (audit_limited(&b->audit_limits) && fork() == 0)
		in_keeper(&b->audit_limits);
}
