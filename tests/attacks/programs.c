/*
 * Programs that must not be run, by every way to run one; programs that nobody has looked at.
 * ATTACK_PROGRAM: a copy of echo that is closed, ATTACK_SECRET: a closed file, WORK: a writable
 * folder with a folder "nested".
 */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "attack.h"

#define RAN_TEXT "LOCKED PROGRAM RAN"

/* What a child that runs f prints. */
static bool prints(void (*f)(void), const char *text)
{
	char out[65536];
	size_t n = 0;
	ssize_t r;
	int p[2];
	pid_t pid;

	if (pipe(p) < 0 || (pid = fork()) < 0)
		exit(not_tried("a child"));
	if (pid == 0) {
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		f();
		_exit(126);
	}
	close(p[1]);
	while (n < sizeof(out) - 1 && (r = read(p[0], out + n, sizeof(out) - 1 - n)) > 0)
		n += (size_t)r;
	out[n] = '\0';
	close(p[0]);
	waitpid(pid, NULL, 0);
	return memmem(out, n, text, strlen(text));
}

static char *const ran_argv[] = {(char *)"echo", (char *)RAN_TEXT, NULL};
static char *const no_env[] = {NULL};

static void exec_plain(void)
{
	execve(need("ATTACK_PROGRAM"), ran_argv, no_env);
}

static void exec_descriptor(void)
{
	char path[64];
	int fd = open(need("ATTACK_PROGRAM"), O_PATH | O_CLOEXEC);

	syscall(SYS_execveat, fd, "", ran_argv, no_env, AT_EMPTY_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execve(path, ran_argv, no_env);
}

static void exec_folder(void)
{
	const char *program = need("ATTACK_PROGRAM");
	int dir = open(parent_of(program), O_PATH | O_DIRECTORY | O_CLOEXEC);

	syscall(SYS_execveat, dir, strrchr(program, '/') + 1, ran_argv, no_env, 0);
}

static void exec_spelled(void)
{
	char path[8192];

	snprintf(path, sizeof(path), "/proc/self/root%s", need("ATTACK_PROGRAM"));
	execve(path, ran_argv, no_env);
}

static void exec_link(void)
{
	const char *link = in_work("program");

	if (symlink(need("ATTACK_PROGRAM"), link) == 0)
		execve(link, ran_argv, no_env);
	unlink(link);
}

static void exec_loader(void)
{
	static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2",
					      "/lib/ld-linux-aarch64.so.1"};
	char *const argv[] = {(char *)"ld.so", (char *)(uintptr_t)need("ATTACK_PROGRAM"),
			      (char *)RAN_TEXT, NULL};

	for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
		execve(loaders[i], argv, no_env);
}

static void exec_interpreter(void)
{
	const char *script = in_work("script");
	char text[8192];
	int fd = open(script, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	int n = snprintf(text, sizeof(text), "#!%s " RAN_TEXT "\n", need("ATTACK_PROGRAM"));

	if (fd >= 0 && write(fd, text, (size_t)n) == n) {
		close(fd);
		execve(script, ran_argv, no_env);
	}
	unlink(script);
}

static void exec_cat(void)
{
	execl("/bin/cat", "cat", need("ATTACK_PROGRAM"), secret(), NULL);
}

static void exec_echo(void)
{
	execve("/bin/echo", ran_argv, no_env);
}

static enum outcome closed_program(void)
{
	static const struct {
		void (*f)(void);
		const char *what;
	} ways[] = {
	    {exec_plain, "exec"},
	    {exec_descriptor, "exec of a descriptor"},
	    {exec_folder, "exec in its folder"},
	    {exec_spelled, "exec of another spelling"},
	    {exec_link, "exec of a link"},
	    {exec_loader, "exec by the loader"},
	    {exec_interpreter, "exec as an interpreter"},
	};

	if (!prints(exec_echo, RAN_TEXT))
		return not_tried("a program that may be run");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (prints(ways[i].f, RAN_TEXT))
			return won(ways[i].what);
	if (prints(exec_cat, SECRET_TEXT) || prints(exec_cat, "ELF"))
		return won("cat");
	return REFUSED;
}

static bool copy_self(int to)
{
	char buf[65536];
	ssize_t n;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (from < 0)
		return false;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return false;
	close(from);
	return n == 0;
}

static char *const child_argv[] = {(char *)"programs", (char *)"read", NULL};
static char *const list_argv[] = {(char *)"programs", (char *)"--list", NULL};

static void exec_memfd(void)
{
	char path[64];
	int fd = memfd_create("programs", 0);

	if (fd < 0 || !copy_self(fd))
		return;
	syscall(SYS_execveat, fd, "", child_argv, environ, AT_EMPTY_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	execve(path, child_argv, environ);
}

static void exec_own_copy(char *const argv[])
{
	/* In a folder that was there at the start: what is made beside a closed folder later has no
	 * rule of the kernel's, and can't be run at all. */
	const char *copy = in_work("nested/copy");
	int fd = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	if (fd < 0 || !copy_self(fd))
		return;
	close(fd);
	execve(copy, argv, environ);
}

static void exec_list(void)
{
	exec_own_copy(list_argv);
}

static void exec_copy(void)
{
	exec_own_copy(child_argv);
}

/* A program that nobody has looked at is confined like any other. */
static enum outcome own_program(void)
{
	if (!prints(exec_list, "own-program"))
		return not_tried("a copy of my own");
	return verdict(prints(exec_memfd, "attack succeeded") ||
			   prints(exec_copy, "attack succeeded"),
		       "a program of my own");
}

/* What the copies of this program try. */
static enum outcome read_it(void)
{
	return verdict(path_leaks(secret()) || fd_leaks(open(secret(), O_RDWR)), "read");
}

static const struct attack table[] = {
    {"read", read_it},
    {"closed-program", closed_program},
    {"own-program", own_program},
};

ATTACK_MAIN(table)
