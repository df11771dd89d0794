/* What the command line grants. */
#include <sys/stat.h>

#include "policy/resolve.h"

static void set_original(struct resolver *r, const char *real, const char *written)
{
	lookup_each(i, &r->by_grant, lookup_hash(real, strlen(real)))
	{
		struct policy_grant *g = &r->p->grants[i];

		if (strcmp(g->path, real) == 0 && !g->original)
			g->original = xstrdup(written);
	}
}

static int flag_grants(struct resolver *r, const char *const *paths, const char *option,
		       unsigned access, bool file)
{
	for (; paths && *paths; paths++) {
		char abs[POLICY_PATH_MAX], clean[POLICY_PATH_MAX];
		_cleanup_free_ char *cwd = (*paths)[0] == '/' ? NULL : getcwd(NULL, 0);
		_cleanup_free_ char *real = NULL;
		bool exists, is_dir;
		unsigned flags = file ? GRANT_FILE : 0;

		if (!**paths || path_join(abs, sizeof(abs), cwd ? cwd : "/", *paths) < 0 ||
		    path_clean(clean, sizeof(clean), abs) < 0)
			return err_usage(r->err, "%s \"%.200s\": not a usable path", option,
					 *paths);
		/* ".." after a link is not what path_clean() makes of it: ask the kernel first. */
		real = realpath(abs, NULL);
		if (!real) {
			list_add(&r->skipped, clean);
			continue;
		}
		struct stat st;
		exists = stat(real, &st) == 0;
		is_dir = exists && S_ISDIR(st.st_mode);
		if (file == is_dir)
			return err_set(r->err, "%s %s: is %s; use %s", option, *paths,
				       is_dir ? "a directory" : "not a directory",
				       is_dir ? "the flag without -file" : "the -file flag");
		if (exists && S_ISCHR(st.st_mode))
			flags |= GRANT_DEVICE;
		if (!file && (access & NONO_WRITE) && r->p->protect_workspace)
			flags |= GRANT_WORKSPACE;
		if (add_grant(r, real, access, flags, "user") < 0)
			return -1;
		if (strcmp(real, *paths) != 0)
			set_original(r, real, *paths);
	}
	return 0;
}

int flags_apply(struct resolver *r, const struct policy_input *in)
{
	const struct {
		const char *const *paths;
		const char *option;
		unsigned access;
		bool file;
	} flags[] = {
	    {in->allow, "--allow", NONO_READ | NONO_WRITE | NONO_EXEC, false},
	    {in->read, "--read", NONO_READ | NONO_EXEC, false},
	    {in->write, "--write", NONO_WRITE, false},
	    {in->allow_file, "--allow-file", NONO_READ | NONO_WRITE | NONO_EXEC, true},
	    {in->read_file, "--read-file", NONO_READ | NONO_EXEC, true},
	    {in->write_file, "--write-file", NONO_WRITE, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flag_grants(r, flags[i].paths, flags[i].option, flags[i].access,
				flags[i].file) < 0)
			return -1;
	return 0;
}

void flags_warn(struct resolver *r)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (!r->skipped.n)
		return;
	buf_adds(&b, "some requested sandbox grants were skipped because the path does not exist:");
	for (size_t i = 0; i < r->skipped.n; i++)
		buf_addf(&b, "%s %s", i ? "," : "", r->skipped.v[i]);
	add_warning(r->p, xstrdup(b.data));
}

int workdir_apply(struct resolver *r, const struct policy_input *in)
{
	unsigned access = r->p->workdir_access;

	if (!in->allow_cwd)
		return 0;
	if (!access)
		access = NONO_READ | NONO_EXEC;
	if (add_grant(r, r->p->workdir, access,
		      (access & NONO_WRITE) && r->p->protect_workspace ? GRANT_WORKSPACE : 0,
		      "user") < 0)
		return -1;
	return worktree_grant(r, access);
}
