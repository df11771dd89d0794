/* From what was seen to the rules of a profile. */
#include "cli/learn.h"
#include "network/network.h"

#define LINES 10 /* of each list of remarks; all with -v */

static void list(const struct learn *l, const char *title, char *const *v, size_t all)
{
	size_t n = 0;

	if (!all)
		return;
	fprintf(stderr, "%s\n", title);
	for (; v && v[n] && (n < LINES || l->o->verbose); n++)
		fprintf(stderr, "  %s\n", v[n]);
	if (all > n)
		fprintf(stderr, "  and %zu more%s\n", all - n, l->o->verbose ? "" : " (-v)");
}

void learn_report(const struct learn *l)
{
	const struct policy_learned *r = &l->rules;

	if (l->cli->silent)
		return;
	fprintf(stderr, "nono: %zu paths were used, %zu of them are granted already; rules: %zu\n",
		r->n_seen, r->n_covered, r->n);
	list(l, "Closed or protected, and it stays so:", r->closed, r->n_closed);
	list(l, "No rule for:", r->left_out, r->n_left_out);
	list(l,
	     "Sockets that were not connected to (--allow-unix-socket lets it):", l->seen.sockets,
	     l->seen.n_sockets);
	if (l->seen.n_moved)
		fprintf(stderr, "%zu paths lead elsewhere by now: no rule for them\n",
			l->seen.n_moved);
	if (l->seen.n_hosts)
		fprintf(stderr, "Network: %zu hosts by name\n", l->seen.n_hosts);
	else if (l->seen.network && l->o->hosts)
		fprintf(stderr, "Network: used, but not by the proxy: no host is known\n");
	else
		fprintf(stderr, l->seen.network ? "Network: used (--hosts learns names)\n"
				: l->base->net_blocked
				    ? "Network: not used, and off already\n"
				    : "Network: not used, so it is off in a new profile\n");
}

/* What a profile may be called: of the program's name what is allowed there. */
static void profile_name(struct learn *l)
{
	const char *s = l->o->name	  ? l->o->name
			: l->o->out	  ? path_base(l->o->out)
			: l->cli->n_args  ? path_base(l->cli->args[0])
			: l->seen.program ? path_base(l->seen.program)
					  : "learned";
	size_t n = 0;

	for (; *s && *s != '.' && n + 1 < sizeof(l->name); s++) {
		bool ok = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			  (*s >= '0' && *s <= '9');
		if (ok || n)
			l->name[n++] = ok ? *s : '-';
	}
	while (n && l->name[n - 1] == '-')
		n--;
	l->name[n] = '\0';
	if (!n)
		str_copy(l->name, sizeof(l->name), "learned");
}

static void add_rule(struct policy_learned *r, const char *list, char *value)
{
	r->v = xrealloc_array(r->v, r->n + 1, sizeof(*r->v));
	r->paths = xrealloc_array(r->paths, r->n + 1, sizeof(*r->paths));
	r->v[r->n] = (struct policy_entry){list, value};
	r->paths[r->n++] = xstrdup("");
}

/* Not listed is what a rule can change; metadata services and what is denied are not. */
static bool wants_rule(const struct net_rules *rules, const char *host)
{
	struct net_verdict v;
	struct net_host h;

	if (net_host_parse(host, strlen(host), &h, NULL) < 0)
		return false;
	net_check_host(rules, &h, 443, &v);
	return v.action != POLICY_NET_ALLOW && str_eq(v.rule, "not listed");
}

/* The hosts that the list lacks become rules, too. */
static void add_hosts(struct learn *l)
{
	struct policy_network by_name = l->base->network; /* borrowed */
	struct net_rules *rules;

	/* An open network becomes one by name once something is listed. */
	if (by_name.mode == POLICY_NET_OPEN)
		by_name.mode = POLICY_NET_NAMES;
	rules = net_rules_new(&by_name);
	for (size_t i = 0; i < l->seen.n_hosts; i++)
		if (wants_rule(rules, l->seen.hosts[i]))
			add_rule(&l->rules, "allow_domain", xstrdup(l->seen.hosts[i]));
	net_rules_free(rules);
}

/* Of those that were named for the run, the ones it used. */
static void add_sockets(struct learn *l)
{
	for (size_t i = 0; i < l->o->sockets.n; i++) {
		_cleanup_free_ char *real = path_real(l->o->sockets.v[i], NULL);

		for (size_t k = 0; real && k < l->seen.n_connected; k++)
			if (str_eq(real, l->seen.connected[k]))
				add_rule(&l->rules, "unix_socket",
					 policy_word(l->base, real, false));
	}
}

/* The network as a whole is off in a profile for a program that did not use it. */
static bool unused_network(const struct learn *l)
{
	return !l->seen.network && !l->seen.n_hosts && !l->base->net_blocked &&
	       l->base->network.mode != POLICY_NET_NAMES;
}

int learn_fold(struct learn *l, struct err *err)
{
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_free_ char *reference = NULL;

	if (!l->base) {
		if (observed_add(&l->first.record, &l->seen, err) < 0)
			return -1;
		l->in.program = l->seen.program;
		if (policy_resolve(&l->in, &l->base, err) < 0)
			return -1;
		profile_name(l);
	}
	policy_learned_free(&l->rules);
	policy_learn(l->base, l->seen.v, l->seen.n, &l->rules);
	add_hosts(l);
	add_sockets(l);
	l->block_net = unused_network(l);
	reference = policy_reference(l->base);
	policy_profile_text(&text, l->name, reference, l->in.extends, l->rules.v, l->rules.n,
			    l->block_net);
	l->shown &= l->text && str_eq(l->text, text.data);
	free(l->text);
	l->text = STEAL_PTR(text.data);
	return 0;
}
