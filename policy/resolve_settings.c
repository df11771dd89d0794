/* What a profile says that is no rule about files. */
#include "policy/resolve.h"

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* NULL for an empty list. */
static char **texts(const struct entries *l)
{
	struct list out = {0};

	for (size_t i = 0; i < l->n; i++)
		list_add(&out, l->v[i].text);
	return list_steal(&out);
}

static char **texts_and(const struct entries *l, const char *const *more)
{
	struct list out = {0};

	for (size_t i = 0; i < l->n; i++)
		list_add(&out, l->v[i].text);
	for (; more && *more; more++)
		list_add(&out, *more);
	return list_steal(&out);
}

static char *amount(const struct place *p)
{
	if (!p->at)
		return NULL;
	if (p->at->kind == DOC_INT)
		return xasprintf("%lld", (long long)p->at->integer);
	if (p->at->kind == DOC_FLOAT)
		return xasprintf("%.6g", p->at->real);
	return xstrdup(p->at->string);
}

static char *said_or(const char *said, const struct place *p)
{
	return said ? xstrdup(said) : amount(p);
}

/* Name and value as in an environment. */
static char **pairs(const struct entries *l, bool value_first)
{
	char **v = l->n ? xcalloc(l->n + 1, sizeof(*v)) : NULL;

	for (size_t i = 0; i < l->n; i++) {
		const char *value = l->v[i].place.at->string;

		v[i] = value_first ? xasprintf("%s=%s", value, l->v[i].text)
				   : xasprintf("%s=%s", l->v[i].text, value);
	}
	return v;
}

static void take_hook(struct policy_hook *out, const struct place *p)
{
	const struct doc *script = doc_get(p->at, "script");
	const struct doc *timeout = doc_get(p->at, "timeout_secs");

	out->script = script ? xstrdup(script->string) : NULL;
	out->timeout_s = timeout ? (unsigned)timeout->integer : 0;
}

static unsigned workdir_access(const struct profile *prof)
{
	static const unsigned access[] = {
	    [WORKDIR_READ] = NONO_READ | NONO_EXEC,
	    [WORKDIR_WRITE] = NONO_WRITE,
	    [WORKDIR_READWRITE] = NONO_READ | NONO_WRITE | NONO_EXEC,
	};

	return access[prof->workdir];
}

void settings_take(struct policy *p, const struct policy_input *in, const struct profile *prof)
{
	struct list unenforced = {0};

	p->profile_name = in->profile ? xstrdup(prof->name ? prof->name : in->profile) : NULL;
	p->workdir_access = workdir_access(prof);
	p->elevation = in->observe	    ? false
		       : in->elevation >= 0 ? in->elevation
					    : prof->elevation == SAID_YES;
	p->protect_workspace =
	    in->protect_workspace >= 0 ? in->protect_workspace : prof->protect_autorun != SAID_NO;
	p->private_tmp = prof->private_tmp == SAID_YES;
	p->audit_evidence = prof->audit_evidence_fs > 0;
	p->audit_level = in->audit_level_said || !prof->audit_level
			     ? in->audit_level
			     : (enum policy_audit_level)(prof->audit_level - 1);
	p->namespaces = in->namespaces;
	profile_unenforced(prof, &unenforced);
	p->unenforced = list_steal(&unenforced);
	p->env_allow = texts(&prof->env_allow);
	if (!p->env_allow && prof->env_allow.said)
		p->env_allow = xcalloc(1, sizeof(char *));
	p->env_deny = texts(&prof->env_deny);
	p->env_set = pairs(&prof->env_set, false);
	p->env_credentials = pairs(&prof->env_credentials, true);
	p->binary = copy(prof->binary);
	p->command_args = texts(&prof->command_args);
	p->landlock_network = prof->sandbox_policy == SANDBOX_LANDLOCK;
	p->external_network = prof->sandbox_policy == SANDBOX_EXTERNAL;
	p->allow_gpu = prof->allow_gpu == SAID_YES;
	p->allow_commands = texts_and(&prof->allow_commands, in->allow_commands);
	p->block_commands = texts_and(&prof->deny_commands, in->block_commands);
	p->modes = (struct policy_modes){(enum policy_reach)prof->signal_mode,
					 (enum policy_reach)prof->process_info_mode,
					 (enum policy_ipc)prof->ipc_mode};
	p->suppress_services = texts(&prof->suppress_system_services);
	p->skipdirs = texts(&prof->skipdirs);
	p->rollback_patterns = texts(&prof->rollback_patterns);
	p->rollback_globs = texts(&prof->rollback_globs);
	p->rollback_before = prof->rollback_before == SAID_YES;
	p->rollback_not_before = prof->rollback_before == SAID_NO;
	take_hook(&p->before, &prof->session_before);
	take_hook(&p->after, &prof->session_after);
	p->limits = (struct policy_limits){
	    said_or(in->limits.memory, &prof->memory),
	    said_or(in->limits.max_processes, &prof->max_processes),
	    said_or(in->limits.cpu, &prof->cpu),
	    said_or(in->limits.wall_time, &prof->wall_time),
	};
}

int settings_approvals(struct policy *p, const struct profile *prof, struct err *err)
{
	const struct place *d = &prof->approval_defaults;

	for (size_t i = 0; i < prof->approval_backends.n; i++) {
		const struct entry *e = &prof->approval_backends.v[i];

		if (approvals_decode(&p->approvals, e->text, e->place.at, e->place.label, err) < 0)
			return -1;
	}
	if (d->at && approvals_decode_defaults(&p->approvals, d->at, d->label, err) < 0)
		return -1;
	if (p->approvals.backend && !approvals_for(&p->approvals, NULL))
		return doc_error(d->label, d->at, err,
				 "approval_defaults: there is no approval backend %.64s",
				 p->approvals.backend);
	if (approvals_for(&p->approvals, NULL)->kind == APPROVAL_MISSING)
		return doc_error(d->label, d->at, err,
				 "approval_defaults: the approval backend %.64s is of a type that "
				 "this version does not have",
				 p->approvals.backend);
	return 0;
}
