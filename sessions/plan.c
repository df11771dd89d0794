/* What a session will run, and under which policy: found out before anything is made. */
#include <sys/stat.h>

#include "sessions/broker.h"
#include "sessions/credentials.h"

static bool executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* As execvp(3) searches, but a match must be executable. */
static char *search_path(const char *name)
{
	const char *path = getenv("PATH");
	char full[4096];

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (const char *p = path;; p++) {
		const char *end = strchrnul(p, ':');
		int n = snprintf(full, sizeof(full), "%.*s%s%s", (int)(end - p), p,
				 end == p ? "./" : "/", name);
		if (n > 0 && (size_t)n < sizeof(full) && executable(full))
			return xstrdup(full);
		p = end;
		if (!*p)
			return NULL;
	}
}

static char *resolve_program(const char *name, const char *workdir, struct err *err)
{
	_cleanup_free_ char *found = NULL;
	char full[4096], cwd[4096];

	if (!*name) {
		err_set(err, "the command is empty");
		return NULL;
	}
	if (!strchr(name, '/')) {
		found = search_path(name);
		if (!found) {
			err_set(err, "%s: command not found", name);
			return NULL;
		}
	} else {
		found = xstrdup(name);
	}
	/* Relative to where the program will be started. */
	if (found[0] != '/') {
		if (!workdir && !getcwd(cwd, sizeof(cwd))) {
			err_errno(err, errno, "can't tell the current directory");
			return NULL;
		}
		if (path_join(full, sizeof(full), workdir ? workdir : cwd, found) < 0) {
			err_set(err, "%s: the path is too long", name);
			return NULL;
		}
		free(found);
		found = xstrdup(full);
	}
	if (access(found, F_OK) < 0) {
		err_set(err, "%s: command not found", name);
		return NULL;
	}
	if (!executable(found)) {
		err_set(err, "%s: not an executable file", name);
		return NULL;
	}
	return STEAL_PTR(found);
}

/* What the command line says was checked with it: what is wrong now is the profile's. */
static int plan_limits(struct plan *p, struct err *err)
{
	if (limits_parse(&p->policy->limits, &p->limits, err) == 0)
		return 0;
	if (err)
		err->cls = ERR_FAILURE;
	return err_prefix(err, "profile %s: resources",
			  p->policy->profile_name ? p->policy->profile_name : "default");
}

int plan_make(const struct session_options *o, struct plan *out, struct err *err)
{
	struct policy_input in = o->policy;
	_cleanup_free_ char *nono = realpath("/proc/self/exe", NULL);
	struct plan p = {0};

	p.program = resolve_program(o->argv[0], in.workdir, err);
	if (!p.program)
		return -1;
	if (!in.program)
		in.program = p.program;
	if (limits_parse(&in.limits, NULL, err) < 0) {
		plan_free(&p);
		return -1;
	}
	in.nono = nono;
	if (policy_check_start(&in, o->argv[0], p.program, err) < 0 ||
	    policy_resolve(&in, &p.policy, err) < 0 || policy_enforceable(p.policy, err) < 0 ||
	    plan_limits(&p, err) < 0 || (o->resolved && o->resolved(o->data, p.policy, err) < 0) ||
	    policy_make_state(p.policy, err) < 0 ||
	    credentials_load(o->credentials, &p.secrets, err) < 0) {
		plan_free(&p);
		return -1;
	}
	runtime_new_id(p.id);
	if (o->named)
		o->named(o->data, p.id);
	*out = p;
	return 0;
}

void plan_free(struct plan *p)
{
	free(p->program);
	policy_free(p->policy);
	credentials_free(p->secrets);
	*p = (struct plan){0};
}
