/* "hooks" of a profile: which agent, in which file of its settings, and what the session may do
 * with both. */
#include <ctype.h>

#include "policy/agent_hooks.h"
#include "policy/resolve.h"

/* Agents whose settings hold {"hooks": {EVENT: [{"matcher", "hooks": [{"type", "command"}]}]}}. */
static const struct known {
	const char *app;
	const char *variable; /* names the folder, where it is set; NULL: none does */
	const char *folder;
} known[] = {
    {"claude-code", "CLAUDE_CONFIG_DIR", "~/.claude"},
    {"gemini", NULL, "~/.gemini"},
};

static const struct known *find(const char *app)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(known[i].app, app))
			return &known[i];
	return NULL;
}

static char *settings_of(const struct resolver *r, const struct known *k)
{
	const char *said = k->variable ? getenv(k->variable) : NULL;
	_cleanup_free_ char *entry =
	    xasprintf("%s/settings.json", said && said[0] == '/' ? said : k->folder);
	bool unset = false;

	return expand_path(r, entry, "hooks", &unset);
}

static int take(struct resolver *r, struct policy_agent_hook *h, const struct entry *e)
{
	const struct known *k = find(e->text);
	const char *script = doc_text(e->place.at, "script");
	const char *matcher = doc_text(e->place.at, "matcher");
	bool unset = false;

	h->app = xstrdup(e->text);
	h->event = xstrdup(doc_text(e->place.at, "event"));
	h->matcher = matcher && *matcher ? xstrdup(matcher) : NULL;
	if (!k)
		return 0; /* policy_agent_hooks_known() says so */
	h->settings = settings_of(r, k);
	if (!h->settings)
		return -1;
	if (script[0] != '/' && script[0] != '~' && script[0] != '$')
		return err_set(r->err,
			       "hooks.%s: \"%s\": the script is a path that starts with /, ~ or a "
			       "variable",
			       h->app, script);
	h->script = expand_path(r, script, "hooks", &unset);
	if (!h->script && unset)
		return err_set(r->err, "hooks.%s: \"%s\": the variable is not set", h->app, script);
	return h->script ? 0 : -1;
}

/* What runs is read and executed inside; where it is named is not changed from there. */
static int add_rules(struct resolver *r, const struct policy_agent_hook *h)
{
	bool exists, is_dir;
	_cleanup_free_ char *script = canon(r, h->script, &exists, &is_dir);
	_cleanup_free_ char *settings = canon(r, h->settings, NULL, NULL);

	add_deny(r, settings, NONO_WRITE, "profile", NULL, false, true);
	if (strcmp(settings, h->settings) != 0)
		add_deny(r, h->settings, NONO_WRITE, "profile", NULL, false, true);
	if (!exists || is_dir)
		return 0; /* policy_agent_hooks_install() says what is wrong */
	if (check_own(r, script, true) < 0)
		return err_prefix(r->err, "hooks");
	return add_grant(r, script, NONO_READ | NONO_EXEC, GRANT_FILE, "profile");
}

int agent_hooks_apply(struct resolver *r, const struct profile *prof)
{
	struct policy *p = r->p;

	if (!prof->hooks.n)
		return 0;
	p->agent_hooks = xcalloc(prof->hooks.n, sizeof(*p->agent_hooks));
	for (size_t i = 0; i < prof->hooks.n; i++) {
		struct policy_agent_hook *h = &p->agent_hooks[p->n_agent_hooks++];

		if (take(r, h, &prof->hooks.v[i]) < 0 || (h->script && add_rules(r, h) < 0))
			return -1;
	}
	return 0;
}

void agent_hooks_free(struct policy *p)
{
	for (size_t i = 0; i < p->n_agent_hooks; i++) {
		struct policy_agent_hook *h = &p->agent_hooks[i];

		free(h->app);
		free(h->event);
		free(h->matcher);
		free(h->script);
		free(h->settings);
	}
	free(p->agent_hooks);
}

static bool is_event(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n && n <= 64 && !s[n];
}

int agent_hooks_known(const struct policy *p, struct err *err)
{
	_cleanup_(buf_free) struct buf names = {0};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		buf_addf(&names, "%s%s", i ? ", " : "", known[i].app);
	for (size_t i = 0; i < p->n_agent_hooks; i++) {
		const struct policy_agent_hook *h = &p->agent_hooks[i];

		if (!h->settings)
			return err_set(err,
				       "hooks: \"%.64s\" is no agent whose settings are known: %s",
				       h->app, names.data);
		if (!is_event(h->event))
			return err_set(err,
				       "hooks.%s: \"%.64s\" is not the name of an event: letters "
				       "and digits, as in PreToolUse",
				       h->app, h->event);
	}
	return 0;
}
