/*
 * Things planted in the workspace that something outside would run later. WORK: the workspace, a
 * git repository with a nested one in WORK/nested. Whatever is made is named in the evidence.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "attack.h"

static const char *at_work(const char *name)
{
	static char path[4][4096];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", need("WORK"), name);
	return path[turn];
}

static void make_parents(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s", at_work(name));
	for (char *p = path + strlen(need("WORK")) + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(path, 0755);
			*p = '/';
		}
}

/* Every way to get bytes of mine under that name. */
static bool plant(const char *name)
{
	static const char text[] = "#!/bin/sh\necho planted\n";
	const char *target = at_work(name), *mine = at_work("innocent.txt");
	int fd;

	make_parents(name);
	fd = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd >= 0)
		return true;
	fd = open(target, O_WRONLY | O_APPEND);
	if (fd >= 0)
		return true;
	fd = open(mine, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0) {
		fprintf(stderr, "not even a plain file: %s\n", strerror(errno));
		exit(NOT_TRIED);
	}
	if (write(fd, text, sizeof(text) - 1) < 0)
		exit(NOT_TRIED);
	close(fd);
	if (rename(mine, target) == 0 || link(mine, target) == 0 ||
	    symlink("innocent.txt", target) == 0)
		return true;
	unlink(mine);
	fd = open(need("WORK"), O_TMPFILE | O_RDWR, 0755);
	if (fd >= 0) {
		char proc[64];

		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, proc, AT_FDCWD, target, AT_SYMLINK_FOLLOW) == 0)
			return true;
		close(fd);
	}
	return truncate(target, 0) == 0;
}

static enum outcome plant_all(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (plant(names[i]))
			return won(names[i]);
	return REFUSED;
}

static enum outcome hooks(void)
{
	static const char *const names[] = {".git/hooks/post-checkout", ".git/hooks/pre-commit",
					    "nested/.git/hooks/post-checkout",
					    "nested/.git/hooks/pre-push"};

	return plant_all(names, 4);
}

static enum outcome git_config(void)
{
	static const char *const names[] = {".git/config", "nested/.git/config",
					    ".git/config.worktree"};

	for (size_t i = 0; i < 3; i++)
		if (open(at_work(names[i]), O_WRONLY | O_APPEND) >= 0 ||
		    truncate(at_work(names[i]), 0) == 0)
			return won(names[i]);
	return REFUSED;
}

/* The way git itself takes: config.lock, then rename. */
static enum outcome git_config_rename(void)
{
	static const char *const evil[] = {
	    "[core]\n\tfsmonitor = ./evil\n",
	    "[core]\n\thooksPath = hooks\n",
	    "[CORE]\n\tFsMonitor = ./evil\n",
	    "[core] fsmonitor = ./evil\n",
	    "[core]\n\tfsmon\\\nitor = x\n\tsshCommand = ./evil\n",
	    "[alias]\n\tstatus = !./evil\n",
	    "[include]\n\tpath = ../evil\n",
	    "[includeIf \"gitdir:/\"]\n\tpath = ../evil\n",
	    "[filter \"x\"]\n\tclean = ./evil\n",
	    "[diff \"x\"]\n\ttextconv = ./evil\n",
	    "[diff]\n\texternal = ./evil\n",
	    "[credential]\n\thelper = !./evil\n",
	    "[gpg]\n\tprogram = ./evil\n",
	    "[remote \"o\"]\n\turl = ext::./evil\n",
	    "[remote \"o\"]\n\tuploadpack = ./evil\n",
	    "[url \"ext::sh -c\"]\n\tinsteadOf = https:\n",
	    "[submodule \"a\"]\n\tupdate = !./evil\n",
	    "[core]\n\tpager = ./evil\n",
	    "[core]\n\teditor = ./evil\n",
	    "[core]\n\tworktree = /\n",
	    "[core]\n\tattributesFile = ../a\n",
	    "[sequence]\n\teditor = ./evil\n",
	    "[merge \"x\"]\n\tdriver = ./evil\n",
	    "[pager]\n\tstatus = ./evil\n",
	};

	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		const char *lock = at_work(".git/config.lock"), *config = at_work(".git/config");
		int fd = open(lock, O_RDWR | O_CREAT | O_EXCL, 0644);

		if (fd < 0)
			continue; /* refused already here: fine, too */
		if (write(fd, evil[i], strlen(evil[i])) < 0)
			return not_tried("write");
		if (rename(lock, config) == 0)
			return won(evil[i]);
		close(fd);
		unlink(lock);
	}
	return REFUSED;
}

/* Innocent content, renamed into place, changed afterwards through the descriptor kept open. */
static enum outcome git_config_late(void)
{
	static const char good[] = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n";
	static const char evil[] = "[core]\n\tfsmonitor = ./evil\n#";
	const char *lock = at_work(".git/config.lock"), *config = at_work(".git/config");
	char text[4096] = "";
	int fd = open(lock, O_RDWR | O_CREAT | O_EXCL, 0644);

	if (fd < 0)
		return REFUSED;
	if (write(fd, good, sizeof(good) - 1) < 0)
		return not_tried("write");
	if (rename(lock, config) < 0) {
		unlink(lock);
		return REFUSED;
	}
	if (pwrite(fd, evil, sizeof(evil) - 1, 0) < 0)
		return REFUSED;
	close(fd);
	fd = open(config, O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "evil"))
		return won("the descriptor still reached the new configuration");
	return REFUSED;
}

static enum outcome move_git(void)
{
	const char *git = at_work(".git"), *away = at_work("git-away");

	if (rename(git, away) == 0) {
		rename(away, git);
		return won(".git was moved away");
	}
	git = at_work("nested/.git");
	if (rename(git, away) == 0) {
		rename(away, git);
		return won("nested/.git was moved away");
	}
	if (rename(at_work(".git/hooks"), at_work("hooks-away")) == 0)
		return won(".git/hooks was moved away");
	return REFUSED;
}

/* A whole prepared repository moved or linked into place. */
static enum outcome fake_git(void)
{
	mkdir(at_work("fresh"), 0755);
	mkdir(at_work("prepared"), 0755);
	mkdir(at_work("prepared/hooks"), 0755);
	if (open(at_work("prepared/hooks/post-checkout"), O_WRONLY | O_CREAT, 0755) < 0)
		return REFUSED;
	if (rename(at_work("prepared"), at_work("fresh/.git")) == 0)
		return won("a prepared folder became fresh/.git");
	if (symlink("../prepared", at_work("fresh/.git")) == 0)
		return won("fresh/.git is a link to a prepared folder");
	if (rename(at_work("prepared/hooks"), at_work("nested/.git/hooks")) == 0)
		return won("prepared hooks moved into a repository");
	return REFUSED;
}

static enum outcome new_repository(void)
{
	static const char *const names[] = {
	    "fresh2/.git/hooks/post-checkout", "a/b/c/.git/hooks/post-merge",
	    ".git/modules/sub/hooks/post-checkout", "fresh3/.GIT/hooks/post-checkout"};

	return plant_all(names, 4);
}

static enum outcome settings(void)
{
	static const char *const names[] = {
	    ".claude/settings.json",
	    ".claude/settings.local.json",
	    ".mcp.json",
	    ".vscode/settings.json",
	    ".vscode/tasks.json",
	    ".idea/workspace.xml",
	    ".github/workflows/x.yml",
	    ".envrc",
	    ".codex/config.toml",
	    ".gemini/settings.json",
	    ".devcontainer/devcontainer.json",
	    ".husky/pre-commit",
	    ".cursor/mcp.json",
	    "crushrc",
	    ".crush/crush.json",
	    ".agents/skills/x/SKILL.md",
	    "swival.toml",
	    ".swival/mcp.json",
	    "sub/.envrc",
	    "sub/.vscode/tasks.json",
	    ".bashrc",
	    ".profile",
	    ".zshrc",
	};

	return plant_all(names, sizeof(names) / sizeof(names[0]));
}

/* A folder that its owner can't read any more: git runs none of the hooks in it, and says nothing.
 */
static enum outcome unreadable(void)
{
	static const char *const names[] = {".git/hooks", "nested/.git/hooks", ".git",
					    ".git/config"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = at_work(names[i]);
		int fd = open(path, O_RDONLY);
		struct stat st;

		if (fd < 0)
			return not_tried(names[i]);
		chmod(path, 0);
		fchmod(fd, 0200);
		syscall(452 /* fchmodat2 */, fd, "", 0100, AT_EMPTY_PATH);
		if (fstat(fd, &st) < 0 || (st.st_mode & 0400) == 0)
			return won(names[i]);
		if (S_ISDIR(st.st_mode) && fchmod(fd, 0700) < 0)
			return not_tried("a mode that takes nothing away");
	}
	return REFUSED;
}

static enum outcome set_id(void)
{
	const char *path = at_work("plain");
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT, 04755);

	if (fd < 0) /* refused already: what follows needs the file */
		fd = open(path, O_WRONLY | O_CREAT, 0755);
	if (fd < 0)
		return not_tried("a plain file");
	fchmod(fd, 04755);
	fchmod(fd, 02755);
	chmod(path, 06755);
	(void)!fchmodat(AT_FDCWD, path, 04755, 0);
	syscall(452 /* fchmodat2 */, AT_FDCWD, path, 04755, 0);
	syscall(SYS_mknod, at_work("setid-node"), S_IFREG | 04755, 0);
	if (stat(path, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)))
		return won("a set-id bit");
	if (stat(at_work("setid-node"), &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)))
		return won("a set-id bit by mknod");
	return REFUSED;
}

static enum outcome device(void)
{
	if (mknod(at_work("dev"), S_IFBLK | 0600, makedev(254, 0)) == 0)
		return won("a block device");
	if (mknod(at_work("dev"), S_IFCHR | 0600, makedev(1, 1)) == 0)
		return won("a character device");
	return REFUSED;
}

/* The broker performs changes here on its own: a folder swapped for a link must not lead it out. */
static enum outcome swapped_folder(void)
{
	const char *out = need("ATTACK_OUTSIDE");
	char planted[4096];
	pid_t pid;
	bool hit = false;

	snprintf(planted, sizeof(planted), "%s/planted", out);
	mkdir(at_work("real"), 0755);
	pid = fork();
	if (pid == 0)
		for (;;) {
			rename(at_work("real"), at_work("held"));
			if (symlink(out, at_work("real")) == 0)
				unlink(at_work("real"));
			rename(at_work("held"), at_work("real"));
		}
	for (int i = 0; i < 3000 && !hit; i++) {
		int fd = open(at_work("real/planted"), O_WRONLY | O_CREAT, 0644);

		if (fd >= 0)
			close(fd);
		mkdir(at_work("real/planted.d"), 0755);
		hit = access(planted, F_OK) == 0;
		unlink(at_work("real/planted"));
		rmdir(at_work("real/planted.d"));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return verdict(hit, "a file made outside through a swapped folder");
}

static const struct attack table[] = {
    {"hooks", hooks},
    {"git-config", git_config},
    {"git-config-rename", git_config_rename},
    {"git-config-late", git_config_late},
    {"move-git", move_git},
    {"fake-git", fake_git},
    {"new-repository", new_repository},
    {"settings", settings},
    {"unreadable", unreadable},
    {"set-id", set_id},
    {"device", device},
    {"swapped-folder", swapped_folder},
};

ATTACK_MAIN(table)
