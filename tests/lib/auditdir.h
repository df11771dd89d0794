/* A state directory of its own for each test of the log, removed afterwards. */
#ifndef TESTS_AUDITDIR_H
#define TESTS_AUDITDIR_H

#include <ftw.h>
#include <sys/stat.h>

#include "audit/audit.h"

static char auditdir_path[64];

static int auditdir_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int auditdir_setup(void **state)
{
	(void)state;
	snprintf(auditdir_path, sizeof(auditdir_path), "/tmp/nono-audit-XXXXXX");
	if (!mkdtemp(auditdir_path))
		return -1;
	return setenv("XDG_STATE_HOME", auditdir_path, 1);
}

static int auditdir_teardown(void **state)
{
	(void)state;
	return nftw(auditdir_path, auditdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static _unused_ char *auditdir_file(const char *id, const char *name)
{
	return xasprintf("%s/nono/audit/%s%s%s", auditdir_path, id, *id ? "/" : "", name);
}

static _unused_ struct audit_log *auditdir_open(const char *id)
{
	static char *const command[] = {(char *)"/bin/true", (char *)"a \"b\"\n\xff", NULL};
	static char *const tracked[] = {(char *)"/work/\xc3\xa9", NULL};
	struct audit_session_info info = {
	    .session_id = id,
	    .command = command,
	    .executable = "/bin/true",
	    .profile = "default",
	    .workdir = "/work",
	    .layers_json = "{ \"landlock\": true,\n \"list\": [1, {}] }",
	    .policy_json = "{\"name\":\"a b\"}",
	    .tracked_paths = tracked,
	};
	struct audit_log *log = NULL;
	struct err err;

	if (audit_log_open(&info, &log, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	return log;
}

static _unused_ struct audit_event auditdir_event(const char *target)
{
	return (struct audit_event){
	    .kind = AUDIT_OPEN,
	    .decision = AUDIT_DENIED,
	    .time_ns = clock_real_ns(),
	    .pid = 11,
	    .ppid = 10,
	    .err = EACCES,
	    .op = "read",
	    .target = target,
	    .target_len = strlen(target),
	    .program = "/usr/bin/cat",
	    .rule = "deny ~/.ssh",
	    .source = "group credentials",
	};
}

#endif
