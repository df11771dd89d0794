/* What is written down of a session: its log's beginning, its record, what its program can read. */
#include <fcntl.h>
#include <sys/stat.h>

#include "sessions/broker.h"
#include "sessions/registry.h"

cJSON *layers_json(const struct nono_layers *l)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "landlock_abi", l->landlock_abi);
	cJSON_AddBoolToObject(o, "seccomp", l->seccomp);
	cJSON_AddBoolToObject(o, "notify", l->notify);
	cJSON_AddBoolToObject(o, "caps_dropped", l->caps_dropped);
	cJSON_AddBoolToObject(o, "no_new_privs", l->no_new_privs);
	cJSON_AddBoolToObject(o, "user_ns", l->user_ns);
	cJSON_AddBoolToObject(o, "mount_ns", l->mount_ns);
	cJSON_AddBoolToObject(o, "pid_ns", l->pid_ns);
	cJSON_AddBoolToObject(o, "net_ns", l->net_ns);
	cJSON_AddBoolToObject(o, "ipc_ns", l->ipc_ns);
	cJSON_AddBoolToObject(o, "private_tmp", l->private_tmp);
	if (l->namespaces_why)
		cJSON_AddStringToObject(o, "namespaces_why", l->namespaces_why);
	return o;
}

static char **writable_grants(const struct policy *p)
{
	char **v = xcalloc(p->n_grants + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n_grants; i++)
		if (p->grants[i].access & NONO_WRITE)
			v[n++] = xstrdup(p->grants[i].path);
	return v;
}

/* What is the user's own of it: not the temporary directories and devices of every session. */
static char **own_trees(const struct policy *p)
{
	char **v = xcalloc(p->n_grants + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];
		if ((g->access & NONO_WRITE) && !str_eq(g->source, "system") &&
		    !str_starts(g->source, "group:") && !path_under("/dev", g->path))
			v[n++] = xstrdup(g->path);
	}
	return v;
}

/* While the program's process confines itself. */
int broker_prepare_log(struct broker *b, char *const *command, struct err *err)
{
	const struct policy *p = b->plan->policy;
	char **tracked = writable_grants(p);
	int want = b->o->audit_integrity;
	char **trees = want > 0 || (!want && p->audit_evidence) ? own_trees(p) : NULL;
	struct audit_session_info info = {
	    .session_id = b->plan->id,
	    .command = command,
	    .executable = b->plan->program,
	    .profile = p->profile_name,
	    .workdir = p->workdir,
	    .tracked_paths = tracked,
	    .trees = trees,
	    .sink = b->o->audit_sink,
	    .redaction = b->redaction,
	    .tool_sandbox = b->tools != NULL,
	};
	int r = audit_log_prepare(&info, &b->log, err);

	strv_free(tracked);
	strv_free(trees);
	if (r == 0 && b->signer.fd >= 0)
		audit_log_sign(b->log, &(struct audit_signer){.sign = signer_sign,
							      .data = &b->signer,
							      .key_id = b->signer.key_id,
							      .public_key = b->signer.public_key});
	return r;
}

int broker_begin_log(struct broker *b, const struct buf *policy_text, struct err *err)
{
	cJSON *layers = layers_json(&b->layers);
	_cleanup_free_ char *layers_text = cJSON_PrintUnformatted(layers);

	cJSON_Delete(layers);
	return audit_log_begin(b->log, layers_text, policy_text->data, err);
}

const char *broker_road(const struct broker *b)
{
	return b->layers.net_ns ? "namespace" : "host";
}

static void add_sources(cJSON *o, const struct policy *p)
{
	cJSON *list = cJSON_AddArrayToObject(o, "profile_files");

	for (size_t i = 0; i < p->n_sources; i++) {
		cJSON *s = cJSON_CreateObject();

		cJSON_AddStringToObject(s, "path", p->sources[i].path);
		cJSON_AddStringToObject(s, "sha256", p->sources[i].sha256);
		cJSON_AddItemToArray(list, s);
	}
}

void broker_make_record(struct broker *b, char *const *command)
{
	const struct policy *p = b->plan->policy;
	char started[TIME_STR_MAX], ns[32], network[48];
	uint64_t now = clock_real_ns();
	cJSON *o = cJSON_CreateObject(), *argv;

	time_rfc3339(started, now);
	snprintf(ns, sizeof(ns), "%llu", (unsigned long long)now);
	cJSON_AddStringToObject(o, "session_id", b->plan->id);
	cJSON_AddStringToObject(o, "name", b->name);
	cJSON_AddNumberToObject(o, "supervisor_pid", getpid());
	cJSON_AddNumberToObject(o, "child_pid", b->agent_pid);
	cJSON_AddStringToObject(o, "started", started);
	cJSON_AddNumberToObject(o, "started_epoch", (double)proc_start_time(getpid()));
	cJSON_AddStringToObject(o, "status", "running");
	cJSON_AddStringToObject(o, "attachment", "detached");
	cJSON_AddNullToObject(o, "exit_code");
	argv = cJSON_AddArrayToObject(o, "command");
	for (size_t i = 0; command[i]; i++)
		cJSON_AddItemToArray(argv, cJSON_CreateString(command[i]));
	if (p->profile_name)
		cJSON_AddStringToObject(o, "profile", p->profile_name);
	else
		cJSON_AddNullToObject(o, "profile");
	add_sources(o, p);
	cJSON_AddStringToObject(o, "workdir", p->workdir);
	if (b->proxy)
		snprintf(network, sizeof(network), "proxy (localhost:%u)", proxy_port(b->proxy));
	else
		str_copy(network, sizeof(network), p->net_blocked ? "blocked" : "allowed");
	cJSON_AddStringToObject(o, "network", network);
	if (b->proxy || policy_network_needs_host(&p->network))
		cJSON_AddStringToObject(o, "network_road", broker_road(b));
	if (b->o->snapshots.on)
		cJSON_AddStringToObject(o, "rollback_session", b->plan->id);
	else
		cJSON_AddNullToObject(o, "rollback_session");
	cJSON_AddBoolToObject(o, "terminal", b->o->terminal);
	cJSON_AddBoolToObject(o, "audit", !b->o->no_audit);
	if (b->o->policy.observe)
		cJSON_AddTrueToObject(o, "observe");
	cJSON_AddItemToObject(o, "layers", layers_json(&b->layers));
	cJSON_AddStringToObject(o, "started_ns", ns);
	cJSON_AddNumberToObject(o, "child_epoch", (double)proc_start_time(b->agent_pid));
	cJSON_AddStringToObject(o, "runtime_dir", b->rt.dir);
	cJSON_AddStringToObject(o, "tmp", b->rt.tmp);
	b->record = o;
}

int broker_write_record(struct broker *b, struct err *err)
{
	/* A front end may go on showing the last screen of what has ended. */
	bool attached = !b->agent_gone && b->have_report && b->report.clients > 0;
	/* Whoever waits for the end finds the last snapshot, too. */
	bool ended = b->agent_gone && (b->over || !b->o->snapshots.on);
	cJSON *o = b->record;

	cJSON_ReplaceItemInObjectCaseSensitive(
	    o, "attachment", cJSON_CreateString(attached ? "attached" : "detached"));
	cJSON_ReplaceItemInObjectCaseSensitive(o, "status",
					       cJSON_CreateString(ended ? "exited" : "running"));
	cJSON_ReplaceItemInObjectCaseSensitive(
	    o, "exit_code", ended ? cJSON_CreateNumber(b->exit_code) : cJSON_CreateNull());
	if (b->denials) {
		cJSON_DeleteItemFromObjectCaseSensitive(o, "denials");
		cJSON_DeleteItemFromObjectCaseSensitive(o, "denials_total");
		cJSON_AddItemToObject(o, "denials", STEAL_PTR(b->denials));
		cJSON_AddNumberToObject(o, "denials_total", (double)b->denials_total);
	}
	if (registry_write(b->plan->id, o, err) < 0)
		return -1;
	b->recorded = true;
	return 0;
}

/* What the program can read about its own limits (NONO_CAP_FILE). */
int broker_write_cap_file(struct broker *b, const struct buf *text, struct err *err)
{
	if (write_full(b->rt.cap_fd, text->data, text->len) < 0)
		return err_errno(err, errno, "can't write %s", b->rt.cap_file);
	close(STEAL_FD(b->rt.cap_fd));
	return 0;
}
