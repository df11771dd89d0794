/*
 * Where packages come from, as the tools themselves have it set. Sources: npmrc(5), pip's
 * "Configuration", cargo's "Source Replacement", "go help environment", sources.list(5).
 */
#include <glob.h>

#include "common/document.h"
#include "common/host.h"
#include "policy/network/lists.h"

#define CONFIG_MAX (1u << 20)

struct registries {
	network_host_fn *add;
	void *data;
	const char *source, *home;
};

static bool add_url(const struct registries *r, const char *url)
{
	char text[1024];
	const char *at;
	struct net_url u;

	/* sparse+https://..., git+https://... */
	at = strstr(url, "http");
	if (!at || !str_copy(text, sizeof(text), at))
		return false;
	text[strcspn(text, " \t\r\n\"',#")] = '\0';
	/* What stands before '@' is a password, not a host. */
	at = strstr(text, "://");
	if (at) {
		char *user = strchr(at + 3, '@'), *slash = strchr(at + 3, '/');
		if (user && (!slash || user < slash))
			memmove(text + (at + 3 - text), user + 1, strlen(user + 1) + 1);
	}
	if (net_url_parse(text, &u, NULL) < 0)
		return false;
	if (u.port == (u.scheme[4] ? 443 : 80)) {
		r->add(r->data, u.host.name, r->source);
	} else {
		snprintf(text, sizeof(text), "%s:%u", u.host.name, u.port);
		r->add(r->data, text, r->source);
	}
	return true;
}

static void add_all(const struct registries *r, const char *const *hosts)
{
	for (; *hosts; hosts++)
		r->add(r->data, *hosts, r->source);
}

static char *in_home(const struct registries *r, const char *name)
{
	char *text, *path = xasprintf("%s/%s", r->home, name);

	text = file_read(path, CONFIG_MAX, NULL, NULL);
	free(path);
	return text;
}

/* The values of "key = value" lines whose key ends like one of these. */
static bool add_values(const struct registries *r, const char *text, const char *const *keys)
{
	bool found = false;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\r\n");
		size_t key = strcspn(line, "=\n"), n = key;

		if (line[key] != '=' || *line == '#' || *line == ';')
			continue;
		while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
		for (const char *const *k = keys; *k; k++) {
			size_t kn = strlen(*k);
			char value[1024];

			if (n < kn || strncmp(line + n - kn, *k, kn) != 0)
				continue;
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + key + 1, "\n"),
				 line + key + 1);
			found |= add_url(r, value);
		}
		line += key;
	}
	return found;
}

static bool add_env(const struct registries *r, const char *name)
{
	const char *v = getenv(name);

	return v && add_url(r, v);
}

static void npm(const struct registries *r)
{
	static const char *const keys[] = {"registry", NULL};
	static const char *const own[] = {"registry.npmjs.org", "registry.yarnpkg.com", NULL};
	_cleanup_free_ char *user = in_home(r, ".npmrc");
	_cleanup_free_ char *global = file_read("/etc/npmrc", CONFIG_MAX, NULL, NULL);
	bool found = add_env(r, "npm_config_registry");

	found |= add_env(r, "NPM_CONFIG_REGISTRY");
	found |= add_values(r, user, keys);
	found |= add_values(r, global, keys);
	if (!found)
		add_all(r, own);
}

static void pip(const struct registries *r)
{
	static const char *const keys[] = {"index-url", "extra-index-url", "find-links",
					   "index_url", "extra_index_url", NULL};
	static const char *const own[] = {"pypi.org", "files.pythonhosted.org", NULL};
	_cleanup_free_ char *user = in_home(r, ".config/pip/pip.conf");
	_cleanup_free_ char *old = in_home(r, ".pip/pip.conf");
	_cleanup_free_ char *global = file_read("/etc/pip.conf", CONFIG_MAX, NULL, NULL);
	bool found = add_env(r, "PIP_INDEX_URL");

	add_env(r, "PIP_EXTRA_INDEX_URL");
	found |= add_env(r, "UV_INDEX_URL");
	found |= add_env(r, "UV_DEFAULT_INDEX");
	found |= add_values(r, user, keys);
	found |= add_values(r, old, keys);
	found |= add_values(r, global, keys);
	if (!found)
		add_all(r, own);
}

static void cargo(const struct registries *r)
{
	static const char *const keys[] = {"registry", "index", NULL};
	static const char *const own[] = {"index.crates.io", "static.crates.io", "crates.io", NULL};
	_cleanup_free_ char *user = in_home(r, ".cargo/config.toml");
	_cleanup_free_ char *old = in_home(r, ".cargo/config");
	bool found = add_values(r, user, keys);

	found |= add_values(r, old, keys);
	if (!found)
		add_all(r, own);
}

static bool add_proxies(const struct registries *r, const char *list)
{
	bool found = false;

	while (list && *list) {
		size_t n = strcspn(list, ",|\n");
		char one[1024];

		snprintf(one, sizeof(one), "%.*s", (int)n, list);
		found |= add_url(r, one);
		list += n + (list[n] != '\0');
	}
	return found;
}

static void go(const struct registries *r)
{
	static const char *const keys[] = {"GOPROXY", "GOSUMDB", NULL};
	static const char *const own[] = {"proxy.golang.org", "sum.golang.org",
					  "storage.googleapis.com", NULL};
	_cleanup_free_ char *user = in_home(r, ".config/go/env");
	bool found = add_proxies(r, getenv("GOPROXY"));

	found |= add_values(r, user, keys);
	if (!found)
		add_all(r, own);
}

static void apt_lines(const struct registries *r, const char *text)
{
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");
		char one[1024];

		line += strspn(line, " \t");
		n = strcspn(line, "\n");
		snprintf(one, sizeof(one), "%.*s", (int)n, line);
		if (str_starts(one, "deb") || str_starts(one, "URIs:"))
			add_url(r, one);
		line += n + (line[n] != '\0');
	}
}

static void apt(const struct registries *r)
{
	static const char *const patterns[] = {"/etc/apt/sources.list",
					       "/etc/apt/sources.list.d/*.list",
					       "/etc/apt/sources.list.d/*.sources"};
	glob_t g = {0};

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc && i < 64; i++) {
		_cleanup_free_ char *text = file_read(g.gl_pathv[i], CONFIG_MAX, NULL, NULL);
		apt_lines(r, text);
	}
	globfree(&g);
}

void network_registries(const char *home, network_host_fn *add, void *data, const char *source)
{
	const struct registries r = {add, data, source, home};

	npm(&r);
	pip(&r);
	cargo(&r);
	go(&r);
	apt(&r);
}
