/* The program that will be executed may live anywhere: its installation is granted, to read and
 * execute, but never a folder that holds more than an installation. */
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/resolve.h"

/* A folder that is, or holds, something that is no installation. */
static bool too_much(const struct resolver *r, const char *dir)
{
	static const char *const shared[] = {"/",     "/tmp", "/var/tmp", "/home",
					     "/root", "/mnt", "/media",	  "/srv",
					     "/var",  "/etc", "/run",	  "/dev"};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (strcmp(dir, shared[i]) == 0)
			return true;
	if (path_under(dir, r->p->home) || path_under(dir, r->p->workdir))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(r->own); i++)
		if (path_under(dir, r->own[i]) || path_under(r->own[i], dir))
			return true;
	for (size_t i = 0; i < r->p->n_denies; i++)
		if (path_under(dir, r->p->denies[i].path) ||
		    ((r->p->denies[i].access & NONO_READ) && path_under(r->p->denies[i].path, dir)))
			return true;
	return false;
}

static int grant_tree(struct resolver *r, const char *dir)
{
	struct stat st;

	if (too_much(r, dir) || rules_cover(r, dir, NONO_READ | NONO_EXEC) || stat(dir, &st) < 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	return add_grant(r, dir, NONO_READ | NONO_EXEC, 0, "system");
}

static int grant_file(struct resolver *r, const char *path)
{
	if (rules_cover(r, path, NONO_READ | NONO_EXEC))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(r->own); i++)
		if (path_under(r->own[i], path))
			return err_set(r->err, "the program %s lies in nono's own files", path);
	for (size_t i = 0; i < r->stores.n; i++)
		if (path_under(r->stores.v[i], path))
			return err_set(r->err, "the program %s lies among the snapshots in %s",
				       path, r->stores.v[i]);
	return add_grant(r, path, NONO_READ | NONO_EXEC, GRANT_FILE, "system");
}

/* What is started from a Python environment, be it only by a link to the interpreter, needs it all.
 */
static int grant_venv(struct resolver *r, const char *program)
{
	const char *slash = strrchr(program, '/');
	_cleanup_free_ char *root = NULL, *real = NULL, *cfg = NULL;

	if (slash - program < 4 || strncmp(slash - 4, "/bin", 4) != 0)
		return 0;
	root = xasprintf("%.*s", (int)(slash - 4 - program), program);
	real = realpath(root, NULL);
	if (!real)
		return 0;
	cfg = xasprintf("%s/pyvenv.cfg", real);
	return access(cfg, F_OK) == 0 ? grant_tree(r, real) : 0;
}

static int grant_one(struct resolver *r, const char *program)
{
	_cleanup_free_ char *real = realpath(program, NULL);
	_cleanup_free_ char *dir = NULL;
	char *modules, *slash;

	if (!real)
		return 0; /* exec will say it better */
	if (grant_file(r, real) < 0)
		return -1;
	dir = xstrdup(real);
	modules = strstr(dir, "/node_modules/");
	if (modules) { /* the outermost: packages use each other */
		modules[strlen("/node_modules")] = '\0';
		return grant_tree(r, dir);
	}
	slash = strrchr(dir, '/');
	*slash = '\0';
	if (!*dir)
		return 0;
	if (grant_tree(r, dir) < 0 || grant_venv(r, program) < 0)
		return -1;
	/* PREFIX/bin has its libraries in PREFIX/lib. */
	slash = strrchr(dir, '/');
	if (slash && strcmp(slash, "/bin") == 0) {
		_cleanup_free_ char *lib = xasprintf("%.*s/lib", (int)(slash - dir), dir);
		_cleanup_free_ char *real_lib = realpath(lib, NULL);
		if (real_lib)
			return grant_tree(r, real_lib);
	}
	return 0;
}

/* First word after "#!", and the second if the first is env; "" if it is no script. */
static void interpreter(const char *program, char *out, size_t size)
{
	char line[256], *word, *save = NULL;
	_cleanup_close_ int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	*out = '\0';
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line + 2, " \t", &save);
	if (word && strcmp(path_base(word), "env") == 0)
		do
			word = strtok_r(NULL, " \t", &save);
		while (word && (word[0] == '-' || strchr(word, '=')));
	if (word)
		str_copy(out, size, word);
}

static bool in_path(const char *name, char *out, size_t size)
{
	const char *p = getenv("PATH");

	while (p && *p) {
		size_t n = strcspn(p, ":");
		if (n && p[0] == '/' && n + strlen(name) + 2 <= size) {
			snprintf(out, size, "%.*s/%s", (int)n, p, name);
			if (access(out, X_OK) == 0)
				return true;
		}
		p += n;
		if (*p)
			p++;
	}
	return false;
}

int program_grant(struct resolver *r, const char *program)
{
	char name[256], path[POLICY_PATH_MAX];

	if (program[0] != '/' || grant_one(r, program) < 0)
		return program[0] != '/'
			   ? err_set(r->err, "the program \"%s\" must be an absolute path", program)
			   : -1;
	interpreter(program, name, sizeof(name));
	if (name[0] == '/')
		return grant_one(r, name);
	if (name[0] && !strchr(name, '/') && in_path(name, path, sizeof(path)))
		return grant_one(r, path);
	return 0;
}
