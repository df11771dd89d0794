/* nono wrap: the caller confines itself and becomes the program. No broker, no record. */
#include <sys/prctl.h>

#include "sessions/broker.h"

extern char **environ;

/* Nobody is there later to say what this run can't hold. */
static void say_warnings(const struct policy_spec *spec)
{
	for (char *const *w = policy_spec_warnings(spec); *w; w++)
		fprintf(stderr, "nono: %s\n", *w);
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

int session_wrap(const struct session_options *o, struct err *err)
{
	struct plan plan;
	char **env;

	if (plan_make(o, &plan, err) < 0)
		return -1;
	{
		char *pwd = xasprintf("PWD=%s", plan.policy->workdir);
		char *extra[] = {pwd, NULL};
		env = policy_environment(plan.policy, environ, extra);
		free(pwd);
	}
	if (confine(&plan, o->silent, err) == 0) {
		execve(plan.program, o->argv, env);
		err_errno(err, errno, "can't execute %s", plan.program);
	}
	strv_free(env);
	plan_free(&plan);
	return -1;
}
