/* nono setup: terminal, directories, protections, profiles and agents. */
#include <fcntl.h>
#include <sys/stat.h>

#include "cli/setup.h"
#include "tui/tui.h"

void setup_terminal(struct setup_report *r)
{
	struct err err = {0};
	char text[256];
	int fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO;

	if (tui_terminal(fd, text, sizeof(text), &err) < 0)
		setup_add(r, SETUP_WEAK, "Terminal", NULL, "%s", err.msg);
	else
		setup_add(r, SETUP_OK, "Terminal", NULL, "%s%s", text,
			  isatty(STDOUT_FILENO) ? "" : " (output goes elsewhere now)");
}

/* ---- directories ----------------------------------------------------------------------------- */

static void check_directory(struct setup_report *r, const char *name, const char *dir, bool make)
{
	_cleanup_(buf_free) struct buf word = {0};
	const char *quoted;
	struct err err = {0};
	struct stat st;
	int code = lstat(dir, &st) < 0 ? errno : 0;

	buf_add_word(&word, dir);
	quoted = word.data;
	if (code == ENOENT) {
		if (!make)
			setup_add(r, SETUP_OK, name, NULL, "%.900s (made when it is needed)", dir);
		else if (dir_private(dir, &err) < 0)
			setup_add(r, SETUP_BAD, name, NULL, "%s", err.msg);
		else
			setup_add(r, SETUP_OK, name, NULL, "%.900s (made)", dir);
	} else if (code) {
		setup_add(r, SETUP_BAD, name, NULL, "%.900s: %s", dir, strerror(code));
	} else if (!S_ISDIR(st.st_mode)) {
		setup_add(r, SETUP_BAD, name, xasprintf("mv %s %s.old", quoted, quoted),
			  "%.900s is not a directory%s", dir,
			  S_ISLNK(st.st_mode) ? " but a link, which others may lead elsewhere"
					      : "");
	} else if (st.st_uid != geteuid()) {
		setup_add(r, SETUP_BAD, name, xasprintf("sudo chown -R %u %s", geteuid(), quoted),
			  "%.900s belongs to user %u", dir, st.st_uid);
	} else if (st.st_mode & 077) {
		setup_add(r, SETUP_WEAK, name, xasprintf("chmod 700 %s", quoted),
			  "%.900s is open to others (mode %o)", dir, st.st_mode & 0777);
	} else {
		setup_add(r, SETUP_OK, name, NULL, "%.900s", dir);
	}
}

void setup_directories(struct setup_report *r, bool make)
{
	_cleanup_free_ char *state = dir_state(), *config = dir_config(), *runtime = dir_runtime();

	check_directory(r, "State", state, make);
	check_directory(r, "Configuration", config, make);
	check_directory(r, "Runtime", runtime, make);
}

/* ---- protections ------------------------------------------------------------------------------
 */

static bool seen_before(const struct policy *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(p->denies[k].label, p->denies[i].label))
			return true;
	return false;
}

void setup_protections(struct setup_report *r)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(buf_free) struct buf labels = {0};
	const struct policy_input in = {.block_net = -1, .elevation = -1, .protect_workspace = -1};
	struct err err = {0};
	size_t closed = 0;

	if (policy_resolve(&in, &p, &err) < 0) {
		setup_add(r, SETUP_BAD, "Default rules", NULL, "%s", err.msg);
		return;
	}
	for (size_t i = 0; i < p->n_denies; i++) {
		closed += p->denies[i].access != 0;
		if (p->denies[i].label && !seen_before(p, i))
			buf_addf(&labels, "%s%s", labels.len ? ", " : "", p->denies[i].label);
	}
	setup_add(r, SETUP_OK, "Closed by default", NULL, "%zu paths", closed);
	setup_add(r, SETUP_OK, "Among them", NULL, "%.1000s", labels.len ? labels.data : "none")
	    ->detail = true;
	setup_add(r, SETUP_OK, "Workspaces", NULL,
		  p->protect_workspace
		      ? "git hooks, settings of editors and agents can't be changed"
		      : "files that run later are not protected");
	setup_add(r, SETUP_OK, "Network", NULL, p->net_blocked ? "blocked" : "open");
}

/* ---- profiles, agents -------------------------------------------------------------------------
 */

static char *in_path(const char *name)
{
	const char *path = getenv("PATH");
	char full[4096];

	for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin";; p++) {
		const char *end = strchrnul(p, ':');
		int n = snprintf(full, sizeof(full), "%.*s/%s", (int)(end - p), p, name);
		struct stat st;

		if (end > p && n > 0 && (size_t)n < sizeof(full) && stat(full, &st) == 0 &&
		    S_ISREG(st.st_mode) && access(full, X_OK) == 0)
			return xstrdup(full);
		p = end;
		if (!*p)
			return NULL;
	}
}

void setup_agents(struct setup_report *r)
{
	static const struct {
		const char *profile, *program;
	} agents[] = {
	    {"claude-code", "claude"}, {"codex", "codex"},   {"opencode", "opencode"},
	    {"gemini", "gemini"},      {"qwen", "qwen"},     {"crush", "crush"},
	    {"openclaw", "openclaw"},  {"swival", "swival"}, {"aider", "aider"},
	};
	char **profiles = policy_profiles();
	_cleanup_(buf_free) struct buf names = {0};
	bool any = false;

	for (size_t i = 0; profiles && profiles[i]; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", profiles[i]);
	setup_add(r, SETUP_OK, "Profiles", NULL, "%.1000s", names.len ? names.data : "none");
	for (size_t i = 0; profiles && i < ARRAY_LEN(agents); i++) {
		_cleanup_free_ char *path = in_path(agents[i].program);
		bool have = false;

		for (size_t k = 0; profiles[k]; k++)
			have |= str_eq(profiles[k], agents[i].profile);
		if (!path)
			continue;
		any = true;
		if (have)
			setup_add(r, SETUP_OK, "Agent", NULL, "%.500s: nono run --profile %s -- %s",
				  path, agents[i].profile, agents[i].program);
		else
			setup_add(r, SETUP_WEAK, "Agent", NULL, "%.500s: no profile for it", path);
	}
	if (!any)
		setup_add(r, SETUP_OK, "Agents", NULL, "none found in PATH");
	strv_free(profiles);
}

/* ---- an example -------------------------------------------------------------------------------
 */

static const char example[] =
    "// A profile of your own: nono run --profile example -- PROGRAM\n"
    "// (nono profile show example says what it amounts to)\n"
    "{\n"
    "  \"extends\": \"default\",\n"
    "  \"meta\": {\"name\": \"example\", \"version\": \"1.0.0\", \"description\": \"An "
    "example\"},\n"
    "  // The working directory is shared with --allow-cwd, or when you say yes.\n"
    "  \"workdir\": {\"access\": \"readwrite\"},\n"
    "  \"filesystem\": {\n"
    "    \"read\": [\"~/.config/example\"],\n"
    "    \"allow\": [\"~/.cache/example\"]\n"
    "  },\n"
    "  \"network\": {\"block\": false},\n"
    "  // What is refused becomes a question.\n"
    "  \"security\": {\"capability_elevation\": true}\n"
    "}\n";

void setup_example(struct setup_report *r, bool write)
{
	_cleanup_free_ char *config = dir_config();
	_cleanup_free_ char *dir = xasprintf("%s/profiles", config);
	_cleanup_free_ char *path = xasprintf("%s/example.jsonc", dir);
	_cleanup_close_ int fd = -1;
	struct err err = {0};

	if (access(path, F_OK) == 0) {
		setup_add(r, SETUP_OK, "Example", NULL, "%.900s is there already: left alone",
			  path);
		return;
	}
	if (!write) {
		setup_add(r, SETUP_OK, "Example", NULL, "%.900s would be written", path);
		return;
	}
	if (dir_private(config, &err) < 0 || dir_private(dir, &err) < 0) {
		setup_add(r, SETUP_WEAK, "Example", NULL, "%s", err.msg);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write_full(fd, example, sizeof(example) - 1) < 0)
		setup_add(r, SETUP_WEAK, "Example", NULL, "can't write %.900s: %s", path,
			  strerror(errno));
	else
		setup_add(r, SETUP_OK, "Example", NULL, "%.900s written", path);
}
