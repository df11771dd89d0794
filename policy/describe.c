/* A policy in words, and as JSON. */
#include "policy/commands/commands.h"
#include "policy/resolve.h"

static const char *badge(unsigned access)
{
	switch (access & (NONO_READ | NONO_WRITE)) {
	case NONO_READ | NONO_WRITE:
		return "rw";
	case NONO_READ:
		return "r";
	case NONO_WRITE:
		return "w";
	default:
		return "x";
	}
}

const char *access_word(unsigned access)
{
	switch (access & (NONO_READ | NONO_WRITE)) {
	case NONO_READ | NONO_WRITE:
		return "readwrite";
	case NONO_WRITE:
		return "write";
	default:
		return "read";
	}
}

static void add_printable(struct buf *out, const char *s)
{
	char text[POLICY_PATH_MAX * 2];

	buf_adds(out, text_printable(text, sizeof(text), s, strlen(s)));
}

static void describe_grant(const struct policy_grant *g, bool sources, struct buf *out)
{
	buf_addf(out, "  %-2s  ", badge(g->access));
	add_printable(out, g->path);
	buf_addf(out, " (%s)",
		 g->glob      ? "pattern"
		 : g->listing ? "names"
		 : g->is_file ? "file"
			      : "dir");
	if (g->missing && !g->listing)
		buf_adds(out, " (does not exist yet)");
	if (sources)
		buf_addf(out, " [%s]", g->source);
	buf_addc(out, '\n');
}

static void describe_denies(const struct policy *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_denies; i++) {
		const struct policy_deny *d = &p->denies[i];

		if (!d->access)
			continue;
		buf_addf(out, "  %-2s  ", d->access == NONO_WRITE ? "-w" : "--");
		add_printable(out, d->path);
		buf_addf(out, " [%s]\n", d->source);
	}
}

static void describe_limits(const struct policy_limits *l, struct buf *out)
{
	const char *const all[][2] = {{"memory", l->memory},
				      {"max_processes", l->max_processes},
				      {"cpu", l->cpu},
				      {"wall_time", l->wall_time}};
	const char *before = "  limits: ";

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!all[i][1] || str_eq(all[i][1], "none"))
			continue;
		buf_addf(out, "%s%s %s", before, all[i][0], all[i][1]);
		before = ", ";
	}
	if (before[0] == ',')
		buf_addc(out, '\n');
}

static void describe_commands(const struct command_policies *c, struct buf *out)
{
	for (size_t i = 0; c && i < c->n; i++)
		buf_addf(out, "%s%s", i ? ", " : "  tools: ", c->v[i].name);
	if (c && c->n)
		buf_adds(out, " (each in a confinement of its own)\n");
}

static void describe_ports(const char *what, const struct policy_ports *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++)
		buf_addf(out,
			 p->v[i].first == p->v[i].last ? "      %s port %u\n"
						       : "      %s ports %u-%u\n",
			 what, p->v[i].first, p->v[i].last);
}

/* Which way it goes is known when the namespaces are there: "-v" of a run tells. */
static void describe_network(const struct policy *p, int verbose, struct buf *out)
{
	const struct policy_network *n = &p->network;
	bool names = n->mode == POLICY_NET_NAMES, host = policy_network_needs_host(n);

	if (!names) {
		buf_addf(out, "  network: %s%s\n", p->net_blocked ? "blocked" : "open",
			 p->net_blocked && host ? ", but for these ports" : "");
	} else {
		buf_addf(
		    out,
		    "  network: by name, through a proxy: %zu in the list, %zu credentials%s\n",
		    n->allow.n, n->routes.n,
		    n->ask && p->elevation ? "; what is not listed is asked for" : "");
		buf_addf(out, "      held by %s\n",
			 host || p->namespaces == NONO_SKIP
			     ? "the filter, Landlock and the supervisor, in the host's network"
			     : "a network of its own, where the system gives one");
	}
	for (size_t i = 0; names && verbose > 0 && i < n->allow.n; i++) {
		const struct policy_domain *d = &n->allow.v[i];
		char text[POLICY_DOMAIN_TEXT_MAX];

		policy_domain_text(d, text);
		buf_adds(out, "      ");
		add_printable(out, text);
		buf_addf(out, "%s [%s]\n", d->endpoints.n ? " (some requests)" : "",
			 d->source ? d->source : "");
	}
	if (p->net_blocked || names) {
		describe_ports("open: this machine's", &n->open, out);
		describe_ports("listen:", &n->listen, out);
		describe_ports("connect: any host's", &n->connect, out);
	}
}

static void describe_hooks(const struct policy *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_agent_hooks; i++) {
		const struct policy_agent_hook *h = &p->agent_hooks[i];

		buf_adds(out, "  hook of ");
		add_printable(out, h->app);
		buf_adds(out, ": ");
		add_printable(out, h->event);
		buf_adds(out, h->matcher ? ", " : "");
		add_printable(out, h->matcher ? h->matcher : "");
		buf_adds(out, " runs ");
		add_printable(out, h->script ? h->script : "?");
		buf_adds(out, " (put into ");
		add_printable(out, h->settings ? h->settings : "?");
		buf_adds(out, ")\n");
	}
}

void policy_describe(const struct policy *p, int verbose, struct buf *out)
{
	size_t others = 0, closed = 0;

	buf_adds(out, "Capabilities:\n");
	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];

		if (verbose > 0 || strcmp(g->source, "user") == 0)
			describe_grant(g, verbose > 0, out);
		else
			others++;
	}
	if (others)
		buf_addf(out, "      and %zu of the profile and the system (-v shows them)\n",
			 others);
	for (char **b = p->bypasses; verbose > 0 && b && *b; b++) {
		buf_adds(out, "  bypass_protection relaxing deny rule: ");
		add_printable(out, *b);
		buf_addc(out, '\n');
	}
	if (verbose > 1)
		describe_denies(p, out);
	for (size_t i = 0; i < p->n_denies; i++)
		closed += p->denies[i].access != 0;
	buf_addf(out, "  closed: %zu paths%s\n", closed, verbose > 1 ? "" : " (-vv shows them)");
	describe_network(p, verbose, out);
	describe_limits(&p->limits, out);
	describe_commands(p->commands, out);
	describe_hooks(p, out);
	buf_addf(out, "  requests: %s\n",
		 p->elevation ? "on (a person may grant what is refused)" : "off");
	if (p->modes.processes == POLICY_REACH_ALL)
		buf_adds(out, "  processes: those of the whole machine are seen\n");
	if (p->modes.ipc == POLICY_IPC_SHARED_MEMORY)
		buf_adds(out, "  message queues and semaphores are closed\n");
	if (!p->protect_workspace)
		buf_adds(out, "  files that run later (git hooks, settings) are not protected\n");
	if (verbose > 0 && !p->private_tmp)
		buf_adds(out,
			 "  /tmp is not private: a temporary directory of its own is in TMPDIR\n");
}

static void add_str(struct buf *out, const char *s)
{
	buf_add_json_str(out, s, strlen(s));
}

static const char *yes(bool b)
{
	return b ? "true" : "false";
}

/* What is not so for most. */
static void add_more(const struct policy_grant *g, struct buf *out)
{
	if ((g->access & NONO_READ) && !(g->access & NONO_EXEC))
		buf_adds(out, ",\"exec\":false");
	if (g->glob)
		buf_adds(out, ",\"glob\":true");
	if (g->workspace)
		buf_adds(out, ",\"workspace\":true");
	if (g->missing)
		buf_adds(out, ",\"missing\":true");
	if (g->own)
		buf_adds(out, ",\"own\":true");
}

static bool alike(const struct policy_deny *a, const struct policy_deny *b)
{
	return a->access == b->access && a->own == b->own && a->quiet == b->quiet &&
	       strcmp(a->source, b->source) == 0 &&
	       strcmp(a->label ? a->label : "", b->label ? b->label : "") == 0;
}

/* Those of a group follow each other: what they share is said once. */
static void add_denies(const struct policy *p, struct buf *out)
{
	const struct policy_deny *last = NULL;

	for (size_t i = 0; i < p->n_denies; i++) {
		const struct policy_deny *d = &p->denies[i];

		if (!d->access) /* lifted */
			continue;
		if (last && alike(last, d)) {
			buf_addc(out, ',');
			add_str(out, d->path);
			continue;
		}
		buf_adds(out, last ? "]},{\"access\":\"" : "{\"access\":\"");
		buf_adds(out, d->access == NONO_WRITE ? "write" : "all");
		buf_adds(out, "\",\"source\":");
		add_str(out, d->source);
		if (d->label) {
			buf_adds(out, ",\"label\":");
			add_str(out, d->label);
		}
		if (d->quiet)
			buf_adds(out, ",\"quiet\":true");
		buf_adds(out, d->own ? ",\"own\":true,\"paths\":[" : ",\"paths\":[");
		add_str(out, d->path);
		last = d;
	}
	if (last)
		buf_adds(out, "]}");
}

static void add_endpoints(const struct policy_domain *d, bool *any, struct buf *out)
{
	if (!d->endpoints.n)
		return;
	buf_adds(out, *any ? ",{\"domain\":" : ",\"domain_endpoints\":[{\"domain\":");
	*any = true;
	add_str(out, d->name);
	buf_adds(out, ",\"endpoints\":[");
	for (size_t i = 0, n = 0; i < d->endpoints.n; i++) {
		const struct policy_endpoint *e = &d->endpoints.v[i];

		if (e->action != POLICY_NET_ALLOW)
			continue;
		buf_adds(out, n++ ? ",{\"method\":" : "{\"method\":");
		add_str(out, e->method);
		buf_adds(out, ",\"path\":");
		add_str(out, e->path);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}");
}

/* What scripts of the reference read; "network" has all of it. */
static void add_domains(const struct policy_domains *l, struct buf *out)
{
	bool any = false;

	buf_adds(out, ",\"allowed_domains\":[");
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			buf_addc(out, ',');
		add_str(out, l->v[i].name);
	}
	buf_addc(out, ']');
	for (size_t i = 0; i < l->n; i++)
		add_endpoints(&l->v[i], &any, out);
	if (any)
		buf_addc(out, ']');
}

/* At every start, hundreds of entries: without printf. */
void policy_to_json(const struct policy *p, struct buf *out)
{
	buf_adds(out, "{\"fs\":[");
	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];

		buf_adds(out, i ? ",{\"original\":" : "{\"original\":");
		add_str(out, g->original ? g->original : g->path);
		buf_adds(out, ",\"path\":");
		add_str(out, g->path);
		buf_adds(out, ",\"access\":\"");
		buf_adds(out, access_word(g->access));
		buf_adds(out, "\",\"is_file\":");
		buf_adds(out, yes(g->is_file));
		buf_adds(out, ",\"source\":");
		add_str(out, g->source);
		add_more(g, out);
		buf_addc(out, '}');
	}
	buf_adds(out, "],\"deny\":[");
	add_denies(p, out);
	buf_addf(out, "],\"net_blocked\":%s,\"allowed_commands\":", yes(p->net_blocked));
	buf_add_json_list(out, p->allow_commands);
	buf_adds(out, ",\"blocked_commands\":");
	buf_add_json_list(out, p->block_commands);
	buf_adds(out, ",\"bypass_protection_paths\":");
	buf_add_json_list(out, p->bypasses);
	add_domains(&p->network.allow, out);
	buf_adds(out, ",\"unix_sockets\":");
	buf_add_json_list(out, p->unix_sockets);
	if (p->profile_name) {
		buf_adds(out, ",\"profile\":");
		add_str(out, p->profile_name);
	}
	buf_adds(out, ",\"workdir\":");
	add_str(out, p->workdir);
	buf_addf(out, ",\"capability_elevation\":%s,\"protect_autorun\":%s}", yes(p->elevation),
		 yes(p->protect_workspace));
}
