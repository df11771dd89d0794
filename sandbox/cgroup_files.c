/* The files and folders of a control group. */
#include "sandbox/cgroup.h"
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SHARED_GROUP "nono"

const struct cgroup_controller cgroup_controllers[NONO_LIMITS] = {
    [NONO_LIMIT_MEMORY] = {"memory", "memory.max"},
    [NONO_LIMIT_PROCESSES] = {"pids", "pids.max"},
    [NONO_LIMIT_CPU] = {"cpu", "cpu.max"},
};

int cgroup_put(const char *dir, const char *file, const char *text)
{
	char path[NONO_GROUP_PATH_MAX + 64];
	size_t n = strlen(text);

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

int cgroup_put_number(const char *dir, const char *file, uint64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return cgroup_put(dir, file, text);
}

int cgroup_get(const char *dir, const char *file, char *out, size_t size)
{
	char path[NONO_GROUP_PATH_MAX + 64];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return -1;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (n < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

uint64_t cgroup_get_number(const char *dir, const char *file)
{
	char text[64];

	return cgroup_get(dir, file, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* The number behind "key " at the start of a line. */
uint64_t cgroup_get_keyed(const char *dir, const char *file, const char *key)
{
	char text[1024];
	size_t n = strlen(key);

	if (cgroup_get(dir, file, text, sizeof(text)) < 0)
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return strtoull(line + n, NULL, 10);
	}
	return 0;
}

static bool has_word(const char *list, char separator, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p;) {
		size_t len = 0;
		while (p[len] && p[len] != separator && p[len] != '\n')
			len++;
		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len;
		if (*p)
			p++;
	}
	return false;
}

bool cgroup_has(const char *dir, const char *file, unsigned need)
{
	char list[512];

	if (cgroup_get(dir, file, list, sizeof(list)) < 0)
		return false;
	for (int i = 0; i < NONO_LIMITS; i++)
		if ((need & (1U << i)) && !has_word(list, ' ', cgroup_controllers[i].name))
			return false;
	return true;
}

void cgroup_no(struct nono_group *g, const char *what, const char *where, int code)
{
	(void)snprintf(g->why, sizeof(g->why), "%s %.120s%s%s", what, where, code ? ": " : "",
		       code ? strerror(code) : "");
}

int cgroup_mkdir(const char *parent, const char *name, const char *below,
		 char out[NONO_GROUP_PATH_MAX])
{
	char dir[NONO_GROUP_PATH_MAX];
	struct stat st;
	bool top = stat(parent, &st) == 0 && !(st.st_mode & S_IWUSR);
	int n = snprintf(dir, sizeof(dir), "%s%s", parent, top ? "/" SHARED_GROUP : "");

	if (n >= (int)sizeof(dir) ||
	    snprintf(out, NONO_GROUP_PATH_MAX, "%s/%s", dir, name) >= NONO_GROUP_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (top && mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -1;
	if (top && below && cgroup_put(dir, "cgroup.subtree_control", below) < 0)
		return -1;
	return mkdir(out, 0755);
}
