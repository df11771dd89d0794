/* A resolved policy as a capability manifest. */
#include "policy/manifest/manifest.h"
#include "policy/resolve.h"

static void add_str(struct buf *out, const char *s)
{
	buf_add_json_str(out, s, strlen(s));
}

static void add_list(struct buf *out, const char *name, char *const *v)
{
	buf_addf(out, ",\"%s\":", name);
	buf_add_json_list(out, v);
}

static const char *kind_word(const struct policy_grant *g)
{
	return g->glob ? "pattern" : g->device ? "device" : g->state ? "state" : NULL;
}

static bool is_workspace_by_default(const struct policy_grant *g)
{
	return (g->access & NONO_WRITE) && !g->is_file && !g->device && !g->state;
}

static void write_grant(const struct policy_grant *g, struct buf *out)
{
	buf_adds(out, "{\"path\":");
	add_str(out, g->path);
	buf_addf(out, ",\"access\":\"%s\",\"type\":\"%s\"", access_word(g->access),
		 g->is_file ? "file" : "directory");
	if ((g->access & NONO_READ) && !(g->access & NONO_EXEC))
		buf_adds(out, ",\"execute\":false");
	if (g->workspace != is_workspace_by_default(g))
		buf_addf(out, ",\"workspace\":%s", g->workspace ? "true" : "false");
	if (kind_word(g))
		buf_addf(out, ",\"kind\":\"%s\"", kind_word(g));
	buf_addc(out, '}');
}

static void write_deny(const struct policy_deny *d, struct buf *out)
{
	buf_adds(out, "{\"path\":");
	add_str(out, d->path);
	if (d->access == NONO_WRITE)
		buf_adds(out, ",\"access\":\"write\"");
	if (d->label) {
		buf_adds(out, ",\"label\":");
		add_str(out, d->label);
	}
	buf_adds(out, d->quiet ? ",\"quiet\":true}" : "}");
}

static void write_environment(const struct policy *p, struct buf *out)
{
	bool first = true;

	if (!p->env_allow && !p->env_deny && !p->env_set)
		return;
	buf_adds(out, ",\"environment\":{\"set_vars\":{");
	for (char **v = p->env_set; v && *v; v++, first = false) {
		const char *eq = strchr(*v, '=');

		if (!first)
			buf_addc(out, ',');
		buf_add_json_str(out, *v, (size_t)(eq - *v));
		buf_addc(out, ':');
		add_str(out, eq + 1);
	}
	buf_addc(out, '}');
	add_list(out, "deny_vars", p->env_deny);
	if (p->env_allow)
		add_list(out, "allow_vars", p->env_allow);
	buf_addc(out, '}');
}

static void write_modes(const struct policy_modes *m, struct buf *out)
{
	if (m->signals)
		buf_addf(out, ",\"signal_mode\":\"%s\"", policy_reach_names[m->signals]);
	if (m->processes)
		buf_addf(out, ",\"process_info_mode\":\"%s\"", policy_reach_names[m->processes]);
	if (m->ipc)
		buf_addf(out, ",\"ipc_mode\":\"%s\"", policy_ipc_names[m->ipc]);
}

static void add_text(struct buf *out, const char *name, const char *s)
{
	if (!s)
		return;
	buf_addf(out, ",\"%s\":", name);
	add_str(out, s);
}

static void write_resources(const struct policy_limits *l, struct buf *out)
{
	struct nono_limits n;

	if ((!l->memory && !l->max_processes && !l->cpu && !l->wall_time) ||
	    limits_parse(l, &n, NULL) < 0)
		return;
	buf_adds(out, ",\"resources\":{\"memory_bytes\":");
	if (l->memory)
		buf_addf(out, "%llu", (unsigned long long)n.memory);
	else
		buf_adds(out, "null");
	add_text(out, "max_processes", l->max_processes);
	add_text(out, "cpu", l->cpu);
	add_text(out, "wall_time", l->wall_time);
	buf_addc(out, '}');
}

static void write_rollback(const struct policy *p, struct buf *out)
{
	if (!p->rollback_patterns && !p->rollback_globs)
		return;
	buf_adds(out, ",\"rollback\":{\"enabled\":false");
	add_list(out, "exclude_patterns", p->rollback_patterns);
	add_list(out, "exclude_globs", p->rollback_globs);
	buf_addc(out, '}');
}

void policy_to_manifest(const struct policy *p, struct buf *out)
{
	bool first = true;

	buf_adds(out, "{\"version\":\"" MANIFEST_VERSION "\",\"filesystem\":{\"grants\":[");
	for (size_t i = 0; i < p->n_grants; i++) {
		if (p->grants[i].own)
			continue;
		if (!first)
			buf_addc(out, ',');
		first = false;
		write_grant(&p->grants[i], out);
	}
	buf_adds(out, "],\"deny\":[");
	first = true;
	for (size_t i = 0; i < p->n_denies; i++) {
		if (p->denies[i].own || !p->denies[i].access)
			continue;
		if (!first)
			buf_addc(out, ',');
		first = false;
		write_deny(&p->denies[i], out);
	}
	buf_addc(out, ']');
	add_list(out, "bypass_protection", p->bypasses);
	add_list(out, "unix_sockets", p->unix_sockets);
	buf_addc(out, '}');
	manifest_write_network(p, out);
	manifest_write_credentials(p, out);
	buf_adds(out, ",\"process\":{\"exec_strategy\":\"supervised\"");
	add_list(out, "allowed_commands", p->allow_commands);
	add_list(out, "blocked_commands", p->block_commands);
	write_modes(&p->modes, out);
	buf_addc(out, '}');
	write_environment(p, out);
	write_resources(&p->limits, out);
	write_rollback(p, out);
	buf_addf(out, ",\"private_tmp\":%s,\"capability_elevation\":%s,\"protect_autorun\":%s}",
		 p->private_tmp ? "true" : "false", p->elevation ? "true" : "false",
		 p->protect_workspace ? "true" : "false");
}
