#include "sessions/sink.h"

#include <sys/wait.h>

#include "network/credentials/credentials.h"
#include "sessions/detach.h"

static int check(const char *url, struct err *err)
{
	static const char *const schemes[] = {"file:///",	 "http://",	  "https://",
					      "syslog://",	 "syslog+tls://", "syslog+udp://",
					      "syslog+unix:///", "journald:"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts(url, schemes[i]))
			return 0;
	return err_usage(err,
			 "--audit-sink: \"%.100s\" is none: file:///PATH, http(s)://..., "
			 "syslog://HOST:PORT, syslog+tls://HOST:PORT, syslog+udp://HOST:PORT, "
			 "syslog+unix:///PATH, journald:",
			 url);
}

static _Noreturn void in_child(char *program, const char *id)
{
	char *argv[] = {program, (char *)"follow", (char *)(uintptr_t)id, NULL};

	if (detach_process())
		execv(program, argv);
	_exit(127);
}

int sink_process_start(const struct session_options *o, const char *id, struct err *err)
{
	_cleanup_free_ char *program = NULL;
	pid_t pid;

	if (!o->audit_sink)
		return 0;
	if (o->no_audit)
		return err_usage(err, "--audit-sink sends a record, and --no-audit makes none");
	if (check(o->audit_sink, err) < 0 || !(program = credential_helper("nono-export", err)))
		return -1;
	pid = fork();
	if (pid == 0) { /* twice, as with hooks */
		pid = fork();
		if (pid == 0)
			in_child(program, id);
		_exit(pid < 0);
	}
	if (pid < 0)
		return err_errno(err, errno, "can't fork");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}
