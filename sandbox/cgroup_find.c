/* Where control groups are mounted and which one the caller is in. Source: cgroups(7), proc(5). */
#include "sandbox/cgroup.h"
#include "sandbox/internal.h"

#include <stdio.h>
#include <string.h>

static bool has_item(const char *list, const char *item)
{
	size_t n = strlen(item);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, item, n) == 0 && (p[n] == ',' || p[n] == '\0' || p[n] == '\n'))
			return true;
	}
	return false;
}

/* "ID:CONTROLLERS:PATH"; of version 2 "0::PATH". */
static int own_path(const char *controller, const char *file, char *out, size_t size)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t cap = 0;
	int version = 0;

	while (f && version != 1 && getline(&line, &cap, f) > 0) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		list++;
		path[strcspn(path, "\n")] = '\0';
		if (*list ? !has_item(list, controller) : strncmp(line, "0:", 2) != 0)
			continue;
		version = *list ? 1 : 2;
		if (snprintf(out, size, "%s", path) >= (int)size)
			version = 0;
	}
	free(line);
	if (f)
		fclose(f);
	return version;
}

/* mountinfo writes blanks, tabs, line ends and backslashes as \OOO. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; to++) {
		unsigned c;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1 && strlen(s) >= 4) {
			*to = (char)c;
			s += 4;
		} else {
			*to = *s++;
		}
	}
	*to = '\0';
}

/* The fields that matter of "ID PARENT MAJ:MIN ROOT POINT OPTIONS ... - TYPE SOURCE SUPER". */
static bool parse_mount(char *line, char **root, char **point, char **type, char **super)
{
	char *field[5], *save = NULL, *end = strstr(line, " - ");

	if (!end)
		return false;
	*end = '\0';
	for (int i = 0; i < 5; i++)
		if (!(field[i] = strtok_r(i ? NULL : line, " ", &save)))
			return false;
	*root = field[3];
	*point = field[4];
	unescape(*root);
	unescape(*point);
	*type = strtok_r(end + 3, " ", &save);
	if (!*type || !strtok_r(NULL, " ", &save))
		return false;
	*super = strtok_r(NULL, " \n", &save);
	return *super != NULL;
}

/* The part of path below root; NULL if it is not below. */
static const char *below(const char *root, const char *path)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		return path;
	if (strncmp(root, path, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path[n] ? path + n : "/";
}

int cgroup_find(const char *controller, const char *proc_cgroup, const char *mountinfo,
		struct cgroup_place *out)
{
	char path[NONO_GROUP_PATH_MAX], *line = NULL;
	int version = own_path(controller, proc_cgroup, path, sizeof(path));
	FILE *f = version ? fopen(mountinfo, "re") : NULL;
	bool found = false;
	size_t cap = 0;

	/* "/../..": outside of what this cgroup namespace shows. */
	while (f && strncmp(path, "/..", 3) != 0 && getline(&line, &cap, f) > 0) {
		char *root, *point, *type, *super;
		const char *rest;

		if (!parse_mount(line, &root, &point, &type, &super) ||
		    strcmp(type, version == 1 ? "cgroup" : "cgroup2") != 0 ||
		    (version == 1 && !has_item(super, controller)))
			continue;
		rest = below(root, path);
		if (!rest)
			continue;
		if (strcmp(rest, "/") == 0)
			rest = "";
		found = snprintf(out->mount, sizeof(out->mount), "%s", point) <
			    (int)sizeof(out->mount) &&
			snprintf(out->dir, sizeof(out->dir), "%s%s", point, rest) <
			    (int)sizeof(out->dir);
		break;
	}
	free(line);
	if (f)
		fclose(f);
	return found ? version : 0;
}
