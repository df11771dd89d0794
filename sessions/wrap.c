/* nono wrap: the caller confines itself and becomes the program. No broker, no record. */
#include <sys/prctl.h>

#include "sessions/broker.h"
#include "sessions/runtime.h"

extern char **environ;

/* Nobody is there later to say what this run can't hold. */
static void say_warnings(const struct policy_spec *spec)
{
	for (char *const *w = policy_spec_warnings(spec); *w; w++)
		fprintf(stderr, "nono: %s\n", *w);
}

/* Tools are started by a supervisor. */
static int check_commands(const struct plan *plan, struct err *err)
{
	if (!plan->policy->commands)
		return 0;
	return err_set(err, "the profile has policies for commands, and nobody would be there to "
			    "start those: use \"nono run\"");
}

static int confine(const struct plan *plan, bool silent, struct err *err)
{
	struct nono_layers layers = {0};
	struct nono_error ne = {0};
	struct policy_spec *owner;
	struct nono_spec spec;
	int listener = -1;

	if (policy_spec_new(plan->policy, false, NULL, &owner, err) < 0)
		return -1;
	spec = *policy_spec_get(owner);
	if (!silent)
		say_warnings(owner);
	spec.watch = NONO_WATCH_NONE;
	if (chdir(plan->policy->workdir) < 0)
		return err_errno(err, errno, "can't enter the working directory %s",
				 plan->policy->workdir);
	if (nono_unshare(&spec, &layers, &ne) < 0)
		return err_set(err, "%s", ne.msg);
	if (nono_close_descriptors(-1) < 0)
		return err_errno(err, errno, "can't close descriptors");
	if (nono_confine(&spec, &layers, &listener, &ne) < 0)
		return err_set(err, "%s", ne.msg);
	return 0;
}

/* What the program can read about its own limits. Inside of another sandbox that one's file stays:
 * its limits hold as well, and nono's own files are out of reach. */
static int write_cap_file(struct policy *p, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_close_ int fd = -1;

	p->private_tmp = false; /* that takes a supervisor, which removes it */
	if (session_inside())
		return 0;
	fd = runtime_wrap_cap_file(&path, err);
	if (fd < 0 || policy_set_cap_file(p, path, err) < 0)
		return -1;
	policy_to_json(p, &text);
	if (write_full(fd, text.data, text.len) < 0)
		return err_errno(err, errno, "can't write %s", path);
	return 0;
}

static char **environment(const struct plan *plan)
{
	const struct policy *p = plan->policy;
	_cleanup_free_ char *pwd = xasprintf("PWD=%s", p->workdir), *cap = NULL;
	_cleanup_free_ char **extra = xcalloc(strv_count(plan->secrets) + 3, sizeof(*extra));
	size_t n = 0;

	extra[n++] = pwd;
	if (p->cap_file)
		extra[n++] = cap = xasprintf("NONO_CAP_FILE=%s", p->cap_file);
	for (char **s = plan->secrets; s && *s; s++)
		extra[n++] = *s;
	return policy_environment(p, environ, extra);
}

int session_wrap(const struct session_options *o, struct err *err)
{
	struct plan plan;
	char **env = NULL;

	if (plan_make(o, &plan, err) < 0)
		return -1;
	if (limits_any(&plan.limits)) {
		plan_free(&plan);
		return err_set(err, "the profile sets limits (resources), and nothing would hold "
				    "them: nono wrap has no supervisor; use nono run");
	}
	if (check_commands(&plan, err) == 0 && write_cap_file(plan.policy, err) == 0) {
		env = environment(&plan);
		if (confine(&plan, o->silent, err) == 0) {
			execve(plan.program, plan.argv, env);
			err_errno(err, errno, "can't execute %s", plan.program);
		}
	}
	strv_free(env);
	plan_free(&plan);
	return -1;
}
