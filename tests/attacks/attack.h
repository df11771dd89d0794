/*
 * What the attack programs share. Each runs inside a session: `attack_files NAME`. Exit code 0: the
 * attack was refused; 1: it succeeded, with the evidence on stderr; 2: it could not be tried. A
 * test must treat 2 as a failure too, or it would prove nothing.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum outcome { REFUSED = 0, SUCCEEDED = 1, NOT_TRIED = 2 };

struct attack {
	const char *name;
	enum outcome (*run)(void);
};

#define SECRET_TEXT "TOPSECRET"

static inline const char *need(const char *var)
{
	const char *v = getenv(var);

	if (!v) {
		fprintf(stderr, "%s is not set\n", var);
		exit(NOT_TRIED);
	}
	return v;
}

static inline enum outcome won(const char *what)
{
	fprintf(stderr, "attack succeeded: %s\n", what);
	return SUCCEEDED;
}

static inline enum outcome not_tried(const char *what)
{
	fprintf(stderr, "could not try: %s: %s\n", what, strerror(errno));
	return NOT_TRIED;
}

static inline const char *secret(void)
{
	return need("ATTACK_SECRET");
}

static inline const char *secret_name(void)
{
	return strrchr(secret(), '/') + 1;
}

static inline const char *parent_of(const char *path)
{
	static char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	return dirname(copy);
}

/* A name in the workspace that is this process's own. */
static inline const char *in_work(const char *name)
{
	static char path[4][4096];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s.%d", need("WORK"), name, getpid());
	return path[turn];
}

/* Does this descriptor give the secret away? Closes it. */
static inline bool fd_leaks(int fd)
{
	char text[256] = "";
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && strstr(text, SECRET_TEXT);
}

static inline bool path_leaks(const char *path)
{
	return fd_leaks(open(path, O_RDONLY | O_CLOEXEC));
}

static inline enum outcome verdict(bool leaked, const char *what)
{
	return leaked ? won(what) : REFUSED;
}

static inline int attack_main(const struct attack *table, size_t n, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < n; i++)
			puts(table[i].name);
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < n; i++)
		if (strcmp(argv[1], table[i].name) == 0)
			return table[i].run();
	fprintf(stderr, "usage: %s --list | NAME\n", argv[0]);
	return NOT_TRIED;
}

#define ATTACK_MAIN(table)                                                                 \
	int main(int argc, char **argv)                                                    \
	{                                                                                  \
		return attack_main(table, sizeof(table) / sizeof((table)[0]), argc, argv); \
	}

#endif
