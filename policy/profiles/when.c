/*
 * "linux", "macos:>=15", "linux:fedora-like:>=43", "!linux:nixos": a system, perhaps a distribution
 * (ID of os-release; NAME-like: also what says that it is like it), perhaps a version.
 */
#include "policy/profile.h"

#define PARTS_MAX 3

static bool is_word(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-")];
}

/* A word of a list that is divided by blanks. */
static bool lists(const char *list, const char *word, size_t n)
{
	while (*list) {
		size_t len = strcspn(list, " ");

		if (len == n && memcmp(list, word, n) == 0)
			return true;
		list += len;
		list += strspn(list, " ");
	}
	return false;
}

static bool is_distribution(const struct policy_host *host, const char *word)
{
	size_t n = strlen(word);

	if (str_ends(word, "-like")) {
		n -= strlen("-like");
		return (strlen(host->id) == n && memcmp(host->id, word, n) == 0) ||
		       lists(host->id_like, word, n);
	}
	return strcmp(host->id, word) == 0;
}

/* Number by number: 22.04 < 22.10 < 23. What is missing counts as 0. */
static int compare_versions(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned long x = strtoul(a, (char **)(uintptr_t)&a, 10);
		unsigned long y = strtoul(b, (char **)(uintptr_t)&b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		if (*a && *a != '.' && *b && *b != '.')
			break;
		a += *a != '\0';
		b += *b != '\0';
	}
	return 0;
}

static bool is_version(const char *s)
{
	return *s >= '0' && *s <= '9' && strlen(s) < 32 && !s[strspn(s, "0123456789.")];
}

/* Is s a condition on the version? *holds says whether it holds for have (NULL: another system). */
static bool version_part(const char *s, const char *have, bool *holds)
{
	static const struct {
		const char *op;
		int low, high;
	} ops[] = {
	    {">=", 0, 1},  {"<=", -1, 0}, {"==", 0, 0}, {">", 1, 1},
	    {"<", -1, -1}, {"=", 0, 0},	  {"", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		int c;

		if (!str_starts(s, ops[i].op) || !is_version(s + strlen(ops[i].op)))
			continue;
		c = have && is_version(have) ? compare_versions(have, s + strlen(ops[i].op)) : 2;
		*holds = c >= ops[i].low && c <= ops[i].high;
		return true;
	}
	return false;
}

static int bad(const char *predicate, struct err *err)
{
	return err_set(err,
		       "\"%.80s\" is no condition: it is SYSTEM, SYSTEM:VERSION, "
		       "SYSTEM:DISTRIBUTION or SYSTEM:DISTRIBUTION:VERSION, perhaps with ! in "
		       "front; systems are linux, macos and windows",
		       predicate);
}

int when_holds(const char *predicate, const struct policy_host *host, struct err *err)
{
	static const char *const systems[] = {"linux", "macos", "windows"};
	char copy[128], *parts[PARTS_MAX + 1], *save = NULL;
	bool not = predicate[0] == '!', holds = true, here, known = false;
	size_t n = 0;

	if (!str_copy(copy, sizeof(copy), predicate + not ) || strstr(copy, "::") || !*copy ||
	    copy[strlen(copy) - 1] == ':')
		return bad(predicate, err);
	for (char *s = strtok_r(copy, ":", &save); s; s = strtok_r(NULL, ":", &save)) {
		if (n == PARTS_MAX)
			return bad(predicate, err);
		parts[n++] = s;
	}
	for (size_t i = 0; n && i < ARRAY_LEN(systems); i++)
		known |= strcmp(parts[0], systems[i]) == 0;
	if (!known)
		return bad(predicate, err);
	here = strcmp(parts[0], "linux") == 0;
	holds = here;
	if (n > 1 && !version_part(parts[1], here ? host->version : NULL, &known)) {
		if (!is_word(parts[1]))
			return bad(predicate, err);
		holds = here && is_distribution(host, parts[1]);
		if (n > 2) {
			if (!version_part(parts[2], here ? host->version : NULL, &known))
				return bad(predicate, err);
			holds &= known;
		}
	} else if (n > 2) {
		return bad(predicate, err);
	} else if (n > 1) {
		holds &= known;
	}
	return holds != not ;
}

/* ---- this machine ----------------------------------------------------------- */

static void take_value(char *out, size_t size, const char *s)
{
	size_t n = strcspn(s, "\n");

	if (n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s) {
		s++;
		n -= 2;
	}
	if (n >= size)
		n = size - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

void policy_host_read(struct policy_host *out)
{
	static const char *const places[] = {"/etc/os-release", "/usr/lib/os-release"};
	_cleanup_free_ char *text = NULL;

	*out = (struct policy_host){0};
	for (size_t i = 0; !text && i < ARRAY_LEN(places); i++)
		text = file_read(places[i], 65536, NULL, NULL);
	for (const char *s = text; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
		if (str_starts(s, "ID="))
			take_value(out->id, sizeof(out->id), s + strlen("ID="));
		else if (str_starts(s, "ID_LIKE="))
			take_value(out->id_like, sizeof(out->id_like), s + strlen("ID_LIKE="));
		else if (str_starts(s, "VERSION_ID="))
			take_value(out->version, sizeof(out->version), s + strlen("VERSION_ID="));
	}
}
