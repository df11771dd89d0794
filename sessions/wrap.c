/* nono wrap: the caller confines itself and becomes the program. No broker, no record. */
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/remark.h"
#include "network/network.h"
#include "sessions/broker.h"
#include "sessions/runtime.h"

extern char **environ;

/* Nobody is there later to say what this run can't hold. */
static void say_warnings(const struct policy_spec *spec)
{
	for (char *const *w = policy_spec_warnings(spec); *w; w++)
		remark("nono: %s", *w);
}

/* Tools are started by a supervisor. */
static int check_commands(const struct plan *plan, struct err *err)
{
	if (!plan->policy->commands)
		return 0;
	return err_set(err, "the profile has policies for commands, and nobody would be there to "
			    "start those: use \"nono run\"");
}

/* The kernel's rules close all abstract names or none. */
static int check_sockets(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->policy->n_unix_sockets; i++)
		if (plan->policy->unix_sockets[i][0] == '@')
			return err_set(err,
				       "the abstract socket %s is granted, and nobody would be "
				       "there to connect to it: use \"nono run\"",
				       plan->policy->unix_sockets[i]);
	return 0;
}

/* So is the script that runs after it. */
static int check_hooks(const struct plan *plan, struct err *err)
{
	if (!plan->policy->after.script)
		return 0;
	return err_set(err, "the profile has a script that runs after the session "
			    "(session_hooks.after), and nobody would be there to start it: use "
			    "\"nono run\"");
}

#define TMP_PATHS 2

/* /tmp of its own, in memory: nobody is left to remove a directory. What is to be seen there
 * although it lies in the real one is kept. */
static void want_tmp(const struct plan *plan, bool wanted, struct nono_spec *spec,
		     const char *keep[TMP_PATHS])
{
	struct stat st;

	spec->fresh_tmp = wanted && spec->namespaces != NONO_SKIP && lstat("/tmp", &st) == 0 &&
			  S_ISDIR(st.st_mode);
	keep[0] = plan->policy->cap_file;
	keep[1] = NULL;
	if (spec->fresh_tmp)
		spec->keep_in_tmp = keep;
}

/* /tmp is the program's to write; what is kept in it is not. */
static struct nono_mount *with_cap_file(struct nono_spec *spec, const char *cap_file)
{
	struct nono_mount *mounts = xcalloc(spec->n_mounts + 1, sizeof(*mounts));

	if (spec->n_mounts)
		memcpy(mounts, spec->mounts, spec->n_mounts * sizeof(*mounts));
	if (cap_file)
		mounts[spec->n_mounts++] =
		    (struct nono_mount){.kind = NONO_MOUNT_READ_ONLY, .path = cap_file};
	spec->mounts = mounts;
	return mounts;
}

/* The rules of the kernel are made after the mounts: these are about the new ones. */
static struct nono_path *with_tmp(struct nono_spec *spec)
{
	struct nono_path *paths = xcalloc(spec->n_paths + TMP_PATHS, sizeof(*paths));
	const unsigned access = NONO_READ | NONO_WRITE | NONO_EXEC;
	struct stat st;

	memcpy(paths, spec->paths, spec->n_paths * sizeof(*paths));
	paths[spec->n_paths++] = (struct nono_path){"/tmp", access};
	if (lstat("/var/tmp", &st) == 0 && S_ISDIR(st.st_mode))
		paths[spec->n_paths++] = (struct nono_path){"/var/tmp", access};
	spec->paths = paths;
	return paths;
}

static int confine(const struct plan *plan, bool silent, bool *tmp, struct err *err)
{
	_cleanup_free_ struct nono_path *paths = NULL;
	_cleanup_free_ struct nono_mount *mounts = NULL;
	const char *keep[TMP_PATHS];
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
	want_tmp(plan, *tmp, &spec, keep);
	if (spec.fresh_tmp)
		mounts = with_cap_file(&spec, plan->policy->cap_file);
	if (nono_unshare(&spec, &layers, &ne) < 0)
		return err_set(err, "%s", ne.msg);
	*tmp = layers.private_tmp;
	if (*tmp)
		paths = with_tmp(&spec);
	else if (!silent)
		remark("nono: warning: /tmp is closed: it can't be made a private one here%s%s. "
		       "Set TMPDIR to a folder that is allowed",
		       layers.namespaces_why ? ": " : " (something in it is allowed)",
		       layers.namespaces_why ? layers.namespaces_why : "");
	if (nono_close_descriptors(-1) < 0)
		return err_errno(err, errno, "can't close descriptors");
	if (nono_confine(&spec, &layers, &listener, &ne) < 0)
		return err_set(err, "%s", ne.msg);
	return policy_modes_held(&plan->policy->modes, &layers, err);
}

/* What the program can read about its own limits. Inside of another sandbox that one's file stays:
 * its limits hold as well, and nono's own files are out of reach. */
static int write_cap_file(struct policy *p, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_close_ int fd = -1;

	p->private_tmp = false; /* no directory of a session lies over it */
	if (session_inside())
		return 0;
	fd = runtime_wrap_cap_file(&path, err);
	if (fd < 0 || policy_set_cap_file(p, path, err) < 0)
		return -1;
	policy_to_json(p, &text);
	net_policy_add(&p->network, &text);
	if (write_full(fd, text.data, text.len) < 0)
		return err_errno(err, errno, "can't write %s", path);
	return 0;
}

static char **environment(const struct plan *plan, bool tmp)
{
	const struct policy *p = plan->policy;
	_cleanup_free_ char *pwd = xasprintf("PWD=%s", p->workdir), *cap = NULL;
	_cleanup_free_ char **extra = xcalloc(strv_count(plan->secrets) + 4, sizeof(*extra));
	size_t n = 0;

	extra[n++] = pwd;
	if (p->cap_file)
		extra[n++] = cap = xasprintf("NONO_CAP_FILE=%s", p->cap_file);
	if (tmp)
		extra[n++] = (char *)"TMPDIR=/tmp";
	for (char **s = plan->secrets; s && *s; s++)
		extra[n++] = *s;
	return policy_environment(p, environ, extra);
}

int session_wrap(const struct session_options *o, struct err *err)
{
	struct plan plan;
	char **env = NULL;
	bool tmp;

	if (plan_make(o, &plan, err) < 0)
		return -1;
	if (limits_any(&plan.limits)) {
		plan_free(&plan);
		return err_set(err, "the profile sets limits (resources), and nothing would hold "
				    "them: nono wrap has no supervisor; use nono run");
	}
	if (plan.policy->network.mode == POLICY_NET_NAMES) {
		plan_free(&plan);
		return err_set(
		    err, "the profile lists hosts (network), and nothing would hold them: "
			 "nono wrap has no proxy; use nono run, or --allow-net or --block-net");
	}
	tmp = plan.policy->private_tmp;
	if (check_commands(&plan, err) == 0 && check_hooks(&plan, err) == 0 &&
	    check_sockets(&plan, err) == 0 && write_cap_file(plan.policy, err) == 0 &&
	    confine(&plan, o->silent, &tmp, err) == 0) {
		env = environment(&plan, tmp);
		execve(plan.program, plan.argv, env);
		err_errno(err, errno, "can't execute %s", plan.program);
	}
	strv_free(env);
	plan_free(&plan);
	return -1;
}
