/*
 * A person says yes to ATTACK_ASKED while the program makes something else of its call.
 * ATTACK_ASKED: a file that may be asked for, of the same name as ATTACK_SECRET, which is never
 * granted here; WORK: a writable folder. The caller says yes to ATTACK_ASKED only, half a second
 * after the question.
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>

#include "attack.h"

#define SWAP_AFTER_US 200000

static char path[4096];
static int dir;
static bool leaked;

static const char *name_of(const char *file)
{
	return strrchr(file, '/') + 1;
}

/* Opens what it means now, after the question. */
static void *open_path(void *arg)
{
	const char *how = arg;
	int fd;

	if (strcmp(how, "descriptor") == 0)
		fd = openat(dir, name_of(need("ATTACK_SECRET")), O_RDONLY);
	else if (strcmp(how, "current") == 0)
		fd = open(name_of(need("ATTACK_SECRET")), O_RDONLY);
	else
		fd = open(path, O_RDONLY);
	leaked = fd_leaks(fd);
	return NULL;
}

static enum outcome while_asked(const char *how, void (*swap)(void), const char *what)
{
	pthread_t t;

	if (pthread_create(&t, NULL, open_path, (void *)(uintptr_t)how) != 0)
		return not_tried("a thread");
	usleep(SWAP_AFTER_US);
	swap();
	pthread_join(t, NULL);
	return verdict(leaked, what);
}

/* That a yes does open the file, or the others would prove nothing. */
static enum outcome plain(void)
{
	char text[100] = "";
	int fd = open(need("ATTACK_ASKED"), O_RDONLY);

	const bool granted =
	    fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "HARMLESS");

	if (!granted)
		return not_tried("a granted request");
	return verdict(path_leaks(need("ATTACK_SECRET")), "the yes was for more");
}

static void swap_memory(void)
{
	snprintf(path, sizeof(path), "%s", need("ATTACK_SECRET"));
}

static enum outcome memory(void)
{
	snprintf(path, sizeof(path), "%s", need("ATTACK_ASKED"));
	return while_asked("path", swap_memory, "a path changed during the question");
}

static void swap_link(void)
{
	const char *new = in_work("new");

	if (symlink(need("ATTACK_SECRET"), new) < 0 || rename(new, path) < 0)
		exit(not_tried("changing the link"));
}

static enum outcome link_to_it(void)
{
	enum outcome o;

	snprintf(path, sizeof(path), "%s", in_work("link"));
	if (symlink(need("ATTACK_ASKED"), path) < 0)
		return not_tried("a link");
	o = while_asked("path", swap_link, "a link changed during the question");
	unlink(path);
	return o;
}

static void swap_descriptor(void)
{
	int other = open(parent_of(need("ATTACK_SECRET")), O_PATH | O_DIRECTORY);

	if (other >= 0)
		dup2(other, dir);
}

static enum outcome descriptor(void)
{
	dir = open(parent_of(need("ATTACK_ASKED")), O_PATH | O_DIRECTORY);
	if (dir < 0)
		return not_tried("the folder of what is asked for");
	return while_asked("descriptor", swap_descriptor,
			   "a descriptor changed during the question");
}

static void swap_current(void)
{
	/* Where the folder is hidden there is nothing to go to. */
	if (chdir(parent_of(need("ATTACK_SECRET"))) < 0 && chdir("/") < 0)
		exit(not_tried("another current folder"));
}

static enum outcome current(void)
{
	if (chdir(parent_of(need("ATTACK_ASKED"))) < 0)
		return not_tried("the folder of what is asked for");
	return while_asked("current", swap_current,
			   "the current folder changed during the question");
}

/* Reading was granted: not writing, nor what lies beside it. */
static enum outcome more(void)
{
	char beside[4200];

	if (plain() != REFUSED)
		return not_tried("a granted request");
	if (open(need("ATTACK_ASKED"), O_WRONLY) >= 0 || open(need("ATTACK_ASKED"), O_RDWR) >= 0)
		return won("writing where reading was granted");
	if (truncate(need("ATTACK_ASKED"), 0) == 0 || chmod(need("ATTACK_ASKED"), 0777) == 0 ||
	    rename(need("ATTACK_ASKED"), in_work("moved")) == 0)
		return won("changing where reading was granted");
	snprintf(beside, sizeof(beside), "%s.beside", need("ATTACK_ASKED"));
	return verdict(path_leaks(beside), "the file beside the granted one");
}

static const struct attack table[] = {
    {"plain", plain},		{"memory", memory},   {"link", link_to_it},
    {"descriptor", descriptor}, {"current", current}, {"more", more},
};

ATTACK_MAIN(table)
