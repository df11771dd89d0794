/* What a session will run, and under which policy: found out before anything is made. */
#include <sys/stat.h>

#include "sessions/broker.h"
#include "sessions/credentials.h"
#include "sessions/hooks.h"
#include "sessions/rollback_keep.h"

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

char **session_argv(const struct policy *p, char *const *argv)
{
	size_t n = strv_count(argv), n_args = strv_count(p->command_args), k = 0;
	char **v;

	if (!n && !p->binary)
		return NULL;
	v = xcalloc(n + n_args + 2, sizeof(*v));
	v[k++] = n ? argv[0] : p->binary;
	for (size_t i = 0; i < n_args; i++)
		v[k++] = p->command_args[i];
	for (size_t i = 1; i < n; i++)
		v[k++] = argv[i];
	return v;
}

/* The profile may name the program, whose installation is part of the policy. */
static int find_program(const struct session_options *o, const struct policy_input *in,
			struct plan *p, struct err *err)
{
	_cleanup_(policy_freep) struct policy *asked = NULL;
	const char *name = o->argv[0];

	if (!name) {
		if (policy_resolve(in, &asked, err) < 0)
			return -1;
		name = asked->binary;
	}
	if (!name)
		return err_usage(err, "a program to run is needed: neither the command line nor "
				      "the profile names one");
	p->program = resolve_program(name, in->workdir, err);
	return p->program ? 0 : -1;
}

/* Graphics devices are the profile's to give, where there is one. */
static int check_gpu(const struct policy_input *in, const struct policy *p, struct err *err)
{
	if (!in->gpu || !in->profile || p->allow_gpu)
		return 0;
	return err_set(err,
		       "--allow-gpu: the profile %s does not agree to it (\"allow_gpu\": true)",
		       in->profile);
}

/* "linux.sandbox_policy"; as --sandbox-policy. */
static int check_sandbox_policy(const struct policy *p, struct err *err)
{
	if (p->landlock_network && nono_landlock_abi() < 4)
		return err_set(err,
			       "the profile wants Landlock to hold the network: that takes ABI 4 "
			       "(Linux 6.7), and this kernel has %d",
			       nono_landlock_abi());
	if (p->external_network && p->net_blocked)
		return err_set(err, "the profile leaves the network to something else "
				    "(\"external\"), and it is to be blocked: only one of both");
	return 0;
}

/* What a secret is read from is not inherited beside the variable it was asked for in. */
static void hide_sources(struct policy *p, char *const *wanted)
{
	static const char scheme[] = "=env://";

	for (; wanted && *wanted; wanted++) {
		const char *from = strstr(*wanted, scheme);

		if (from && from == strchr(*wanted, '=') &&
		    policy_env_settable(from + strlen(scheme))) /* HOME stays */
			policy_env_hide(p, from + strlen(scheme));
	}
}

/* Variables of the script that runs before, the profile's secrets, the command line's: the later
 * ones win. The script last: nothing that fails comes after it. */
static int load_secrets(const struct session_options *o, struct plan *p, struct err *err)
{
	char **from_hook = NULL, **from_profile = NULL, **from_flags = NULL;
	size_t n, k = 0;

	if (env_credentials_load(p->policy->env_credentials, &from_profile, err) < 0)
		return -1;
	if (env_credentials_load(o->credentials, &from_flags, err) < 0) {
		env_credentials_free(from_profile);
		return -1;
	}
	hide_sources(p->policy, p->policy->env_credentials);
	hide_sources(p->policy, o->credentials);
	if (hooks_before(p->policy, p->id, &from_hook, err) < 0) {
		env_credentials_free(from_profile);
		env_credentials_free(from_flags);
		return -1;
	}
	n = strv_count(from_hook) + strv_count(from_profile) + strv_count(from_flags);
	p->secrets = xcalloc(n + 1, sizeof(*p->secrets));
	for (char **v = from_hook; v && *v; v++)
		p->secrets[k++] = *v;
	for (char **v = from_profile; *v; v++)
		p->secrets[k++] = *v;
	for (char **v = from_flags; *v; v++)
		p->secrets[k++] = *v;
	free(from_hook);
	free(from_profile);
	free(from_flags);
	return 0;
}

/* As the command line says, or config.toml. */
static int claim_place(const struct session_options *o, struct rollback_place *out, struct err *err)
{
	struct rollback_limits l = {0};
	const char *dest = o->snapshots.dest;
	int r = dest ? 0 : rollback_limits_load(&l, err);

	dest = dest ? dest : l.dest;
	if (r == 0 && dest)
		r = rollback_place_claim(dest, out, err);
	rollback_limits_free(&l);
	return r;
}

/* What took it out of the list meanwhile has opened it to the program. */
static int place_closed(const struct plan *p, struct err *err)
{
	struct policy_verdict v;

	if (!p->place.path)
		return 0;
	policy_check(p->policy, p->place.path, NONO_WRITE, false, &v);
	return !v.allowed && v.reason == POLICY_OWN_STATE
		   ? 0
		   : err_set(err, "the snapshots in %s could not be closed to the program",
			     p->place.path);
}

static int make(const struct session_options *o, struct plan *p, struct err *err)
{
	_cleanup_free_ char *nono = realpath("/proc/self/exe", NULL);
	struct policy_input in = o->policy;

	in.nono = nono;
	if (o->snapshots.on && claim_place(o, &p->place, err) < 0)
		return -1;
	if (find_program(o, &in, p, err) < 0)
		return -1;
	if (!in.program)
		in.program = p->program;
	if (limits_parse(&in.limits, NULL, err) < 0 || policy_resolve(&in, &p->policy, err) < 0)
		return -1;
	if (place_closed(p, err) < 0)
		return -1;
	p->argv = session_argv(p->policy, o->argv);
	if (o->audit_sign_key && signer_key(o->audit_sign_key, &p->sign_key, err) < 0)
		return -1;
	if (policy_check_start(&in, p->policy, p->argv[0], p->program, err) < 0 ||
	    policy_enforceable(p->policy, err) < 0 || check_gpu(&in, p->policy, err) < 0 ||
	    check_sandbox_policy(p->policy, err) < 0 || plan_limits(p, err) < 0)
		return -1;
	if (o->resolved && o->resolved(o->data, p->policy, err) < 0)
		return -1;
	if (policy_make_state(p->policy, err) < 0 || policy_agent_hooks_install(p->policy, err) < 0)
		return -1;
	return load_secrets(o, p, err);
}

int plan_make(const struct session_options *o, struct plan *out, struct err *err)
{
	struct plan p = {0};

	runtime_new_id(p.id);
	if (make(o, &p, err) < 0) {
		rollback_place_release(&p.place);
		plan_free(&p);
		return -1;
	}
	if (o->named)
		o->named(o->data, p.id);
	*out = p;
	return 0;
}

void plan_free(struct plan *p)
{
	free(p->program);
	free(p->argv);
	policy_free(p->policy);
	env_credentials_free(p->secrets);
	rollback_place_free(&p->place);
	free(p->sign_key);
	*p = (struct plan){0};
}
