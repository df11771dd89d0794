/*
 * What the broker carries out: results and errno as the kernel gives them, and nothing but what was
 * checked, whatever happens to the names meanwhile. Sockets: with a real program in front.
 */
#include "tests/lib/engine.h"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "elevation/perform.h"

static struct elevation gate(void)
{
	return (struct elevation){.cfg.policy = scene_policy(false),
				  .notify_fd = -1,
				  .own = own_sockets_new(),
				  .pointers = pointers_new(),
				  .violations = violations_new()};
}

/* The place as the gate finds it: now. */
static void find(struct place *p, const char *below, bool follow)
{
	char dir[256];

	place_init(p);
	p->dir_only = str_ends(below, "/");
	str_copy(p->asked, sizeof(p->asked), at(below));
	path_clean(p->path, sizeof(p->path), at(below));
	str_copy(p->name, sizeof(p->name), path_base(p->path));
	str_copy(dir, sizeof(dir), p->path);
	*strrchr(dir, '/') = '\0';
	p->parent = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->fd = open(p->path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
	CHECK(p->parent >= 0);
	if (p->fd >= 0)
		CHECK(fstat(p->fd, &p->st) == 0);
}

static struct call *new_call(enum call_op op, const char *a, const char *b)
{
	static struct call c;

	place_close(&c.a);
	place_close(&c.b);
	memset(&c, 0, sizeof(c));
	c.op = op;
	c.umask = 022;
	c.verdict = (struct policy_verdict){.allowed = true, .route = POLICY_BROKER};
	c.access = NONO_WRITE;
	place_init(&c.b);
	find(&c.a, a, op == OP_TRUNCATE || op == OP_CHMOD);
	if (b) {
		c.access2 = NONO_WRITE;
		find(&c.b, b, false);
	}
	return &c;
}

static int run(struct elevation *e, struct call *c)
{
	struct answer a;

	perform(e, c, &a);
	CHECK(!a.cont && a.fd < 0);
	return a.err;
}

static int change(struct elevation *e, enum call_op op, const char *a, const char *b, int flags)
{
	struct call *c = new_call(op, a, b);

	c->flags = flags;
	c->mode = 0777;
	str_copy(c->text, sizeof(c->text), "target");
	return run(e, c);
}

static int open_it(struct elevation *e, const char *path, int flags, mode_t mode, int *fd)
{
	struct call *c = new_call(OP_OPEN, path, NULL);
	struct answer a;

	place_close(&c->a);
	find(&c->a, path, !(flags & O_NOFOLLOW) && !(flags & O_EXCL));
	c->flags = flags;
	c->mode = mode;
	perform(e, c, &a);
	*fd = a.fd;
	CHECK(a.err ? a.fd < 0 : a.fd >= 0);
	if (a.fd >= 0)
		CHECK((fcntl(a.fd, F_GETFD) & FD_CLOEXEC) && a.cloexec == !!(flags & O_CLOEXEC));
	return a.err;
}

static mode_t mode_of(const char *below)
{
	struct stat st;

	CHECK(lstat(at(below), &st) == 0);
	return st.st_mode;
}

static bool says(const char *below, const char *text)
{
	_cleanup_free_ char *s = file_read(at(below), 4096, NULL, NULL);

	return s && strcmp(s, text) == 0;
}

/* ---- open --------------------------------------------------------------------------------------
 */

static void opening(void *arg)
{
	struct elevation e = gate();
	int fd;

	(void)arg;
	umask(077); /* the broker's own is not the program's */
	CHECK(open_it(&e, "ws/new", O_RDWR | O_CREAT, 0666, &fd) == 0);
	CHECK((mode_of("ws/new") & 07777) == 0644 && write(fd, "abc", 3) == 3);
	close(fd);
	CHECK(open_it(&e, "ws/new", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666, &fd) == 0);
	CHECK((fcntl(fd, F_GETFL) & O_APPEND) && write(fd, "d", 1) == 1 && says("ws/new", "abcd"));
	close(fd);
	CHECK(open_it(&e, "ws/new", O_WRONLY | O_TRUNC, 0, &fd) == 0 && says("ws/new", ""));
	close(fd);
	CHECK(open_it(&e, "ws/new", O_RDWR | O_CREAT | O_EXCL, 0666, &fd) == EEXIST);
	CHECK(open_it(&e, "ws/none", O_RDWR, 0, &fd) == ENOENT);
	CHECK(open_it(&e, "ws/new/", O_RDWR, 0, &fd) == ENOTDIR);
	CHECK(open_it(&e, "ws/new/", O_RDWR | O_CREAT, 0666, &fd) == EISDIR);
	CHECK(open_it(&e, "ws/none/", O_RDWR | O_CREAT, 0666, &fd) == EISDIR);
	CHECK(open_it(&e, "ws/new", O_RDONLY | O_DIRECTORY, 0, &fd) == ENOTDIR);
	CHECK(open_it(&e, "ws/new", O_RDONLY | O_DIRECTORY | O_CREAT, 0, &fd) == EINVAL);
	CHECK(open_it(&e, "ws/sub", O_RDWR, 0, &fd) == EISDIR);
	CHECK(open_it(&e, "ws/sub", O_RDONLY | O_CREAT, 0666, &fd) == EISDIR);
	CHECK(open_it(&e, "ws/link", O_RDWR | O_NOFOLLOW, 0, &fd) == ELOOP);
	CHECK(open_it(&e, "ws/link", O_RDWR | O_CREAT | O_EXCL, 0666, &fd) == EEXIST);
	CHECK(open_it(&e, "ws/sub", O_RDONLY | O_DIRECTORY, 0, &fd) == 0);
	close(fd);
	CHECK(open_it(&e, "ws/link", O_PATH | O_NOFOLLOW, 0, &fd) == 0);
	close(fd);
	/* A nameless file, given a name by its descriptor. */
	CHECK(open_it(&e, "ws/sub", O_TMPFILE | O_RDONLY, 0666, &fd) == EINVAL);
	CHECK(open_it(&e, "ws/file", O_TMPFILE | O_RDWR, 0666, &fd) == ENOTDIR);
	CHECK(open_it(&e, "ws/sub", O_TMPFILE | O_RDWR, 0666, &fd) == 0);
	struct call *c = new_call(OP_LINK, "ws/file", "ws/named");
	close(c->a.fd);
	c->a.fd = open(".", O_PATH);
	CHECK(dup2(fd, c->a.fd) >= 0 && fstat(fd, &c->a.st) == 0);
	close(fd);
	CHECK(run(&e, c) == 0 && (mode_of("ws/named") & 07777) == 0644);
}

/* Between the look and the open the name becomes something else. */
static void open_races(void *arg)
{
	struct elevation e = gate();
	struct answer a;
	struct call *c;

	(void)arg;
	/* An existing file, swapped for a link to a closed one: the file that was checked is
	 * opened. */
	c = new_call(OP_OPEN, "ws/file", NULL);
	c->flags = O_RDONLY;
	CHECK(unlink(at("ws/file")) == 0 && symlink(at("ws/hidden"), at("ws/file")) == 0);
	perform(&e, c, &a);
	char text[16] = "";
	CHECK(a.err == 0 && read(a.fd, text, 15) == 5 && strcmp(text, "plain") == 0);
	close(a.fd);
	/* A missing one, where a link appears. */
	c = new_call(OP_OPEN, "ws/fresh", NULL);
	c->flags = O_RDWR | O_CREAT | O_TRUNC;
	c->mode = 0666;
	CHECK(symlink(at("ws/hidden"), at("ws/fresh")) == 0);
	perform(&e, c, &a);
	CHECK(a.err == EACCES && a.fd < 0 && says("ws/hidden", "TOPSECRET"));
	/* A plain file of the same name is as good; not if it had to be new. */
	CHECK(unlink(at("ws/fresh")) == 0);
	c = new_call(OP_OPEN, "ws/fresh", NULL);
	c->flags = O_RDWR | O_CREAT;
	put("ws/fresh", "theirs");
	perform(&e, c, &a);
	CHECK(a.err == 0 && read(a.fd, text, 15) == 6);
	close(a.fd);
	CHECK(unlink(at("ws/fresh")) == 0);
	c = new_call(OP_OPEN, "ws/fresh", NULL);
	c->flags = O_RDWR | O_CREAT | O_EXCL;
	put("ws/fresh", "theirs");
	perform(&e, c, &a);
	CHECK(a.err == EEXIST);
	/* The folder is moved away and a link to elsewhere takes its name: nothing gets there. */
	c = new_call(OP_OPEN, "ws/sub/planted", NULL);
	c->flags = O_RDWR | O_CREAT;
	CHECK(rename(at("ws/sub"), at("ws/away")) == 0 && symlink(at("closed"), at("ws/sub")) == 0);
	perform(&e, c, &a);
	CHECK(a.err == 0 && access(at("closed/planted"), F_OK) < 0);
	CHECK(access(at("ws/away/planted"), F_OK) == 0);
	close(a.fd);
}

static void devices(void *arg)
{
	struct elevation e = gate();
	struct answer a;
	struct call *c = new_call(OP_OPEN, "ws/file", NULL);

	(void)arg;
	place_close(&c->a);
	place_init(&c->a);
	c->a.fd = open("/dev/tty", O_PATH);
	CHECK(c->a.fd >= 0 && fstat(c->a.fd, &c->a.st) == 0);
	c->flags = O_RDWR;
	CHECK(perform_blocks(c));
	perform(&e, c, &a);
	CHECK(a.err == ENXIO && a.fd < 0);
	place_close(&c->a);
	place_init(&c->a);
	c->a.fd = open("/dev/null", O_PATH);
	CHECK(fstat(c->a.fd, &c->a.st) == 0);
	c->verdict.allowed = false;
	c->granted = true;
	perform(&e, c, &a);
	CHECK(a.err == EACCES && a.fd < 0);
	c->verdict.allowed = true;
	perform(&e, c, &a);
	CHECK(a.err == 0 && write(a.fd, "x", 1) == 1);
	close(a.fd);
	/* A FIFO without the other end: not for ever, as nobody waits for it. */
	CHECK(mkfifo(at("ws/pipe"), 0600) == 0);
	c = new_call(OP_OPEN, "ws/pipe", NULL);
	c->flags = O_WRONLY;
	CHECK(perform_blocks(c));
	perform(&e, c, &a);
	CHECK(a.err == EINTR && a.fd < 0);
	c->flags = O_WRONLY | O_NONBLOCK;
	CHECK(!perform_blocks(c));
	perform(&e, c, &a);
	CHECK(a.err == ENXIO);
}

/* ---- changes -----------------------------------------------------------------------------------
 */

static void changing(void *arg)
{
	struct elevation e = gate();

	(void)arg;
	umask(077);
	CHECK(change(&e, OP_MKDIR, "ws/d", NULL, 0) == 0 && mode_of("ws/d") == (S_IFDIR | 0755));
	CHECK(change(&e, OP_MKDIR, "ws/d2/", NULL, 0) == 0);
	CHECK(change(&e, OP_MKDIR, "ws/d", NULL, 0) == EEXIST);
	CHECK(change(&e, OP_SYMLINK, "ws/l", NULL, 0) == 0 && S_ISLNK(mode_of("ws/l")));
	CHECK(change(&e, OP_SYMLINK, "ws/l", NULL, 0) == EEXIST);
	CHECK(change(&e, OP_LINK, "ws/file", "ws/hard", 0) == 0);
	CHECK(change(&e, OP_LINK, "ws/l", "ws/l2", 0) == 0 && S_ISLNK(mode_of("ws/l2")));
	CHECK(change(&e, OP_LINK, "ws/d", "ws/dd", 0) == EPERM);
	CHECK(change(&e, OP_LINK, "ws/none", "ws/dd", 0) == ENOENT);
	CHECK(change(&e, OP_UNLINK, "ws/hard", NULL, 0) == 0);
	CHECK(change(&e, OP_UNLINK, "ws/hard", NULL, 0) == ENOENT);
	CHECK(change(&e, OP_UNLINK, "ws/d", NULL, 0) == EISDIR);
	CHECK(change(&e, OP_UNLINK, "ws/file/", NULL, 0) == ENOTDIR);
	CHECK(change(&e, OP_RMDIR, "ws/file", NULL, 0) == ENOTDIR);
	CHECK(change(&e, OP_RMDIR, "ws/sub", NULL, 0) == ENOTEMPTY);
	CHECK(change(&e, OP_RMDIR, "ws/d2", NULL, 0) == 0);
	/* rename */
	put("ws/one", "1");
	put("ws/two", "2");
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/two", RENAME_NOREPLACE) == EEXIST);
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/two", RENAME_EXCHANGE) == 0 &&
	      says("ws/one", "2"));
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/none", RENAME_EXCHANGE) == ENOENT);
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/w", RENAME_WHITEOUT) == EPERM);
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/w", 64) == EINVAL);
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/two", 0) == 0 && says("ws/two", "2"));
	CHECK(change(&e, OP_RENAME, "ws/one", "ws/two", 0) == ENOENT);
	CHECK(change(&e, OP_RENAME, "ws/two", "ws/d", 0) == EISDIR);
	CHECK(change(&e, OP_RENAME, "ws/d", "ws/two", 0) == ENOTDIR);
	CHECK(change(&e, OP_RENAME, "ws/d", "ws/sub", 0) == ENOTEMPTY);
	CHECK(change(&e, OP_RENAME, "ws/two", "ws/three/", 0) == ENOTDIR);
	CHECK(change(&e, OP_RENAME, "ws/d", "ws/moved/", 0) == 0);
	CHECK(change(&e, OP_RENAME, "ws/sub", "ws/sub/deep/x", 0) == EINVAL);
	/* Into the workspace only as a copy; a folder not to where its names would mean more. */
	put("free/f", "x");
	CHECK(change(&e, OP_RENAME, "free/f", "ws/f", 0) == EXDEV);
	CHECK(change(&e, OP_RENAME, "ws/two", "free/g", 0) == 0);
	CHECK(mkdir(at("ws/.git/modules"), 0755) == 0 && mkdir(at("ws/.git/modules/a"), 0755) == 0);
	CHECK(mkdir(at("ws/p"), 0755) == 0 && mkdir(at("ws/p/hooks"), 0755) == 0);
	CHECK(change(&e, OP_RENAME, "ws/p", "ws/.git/modules/a/b", 0) == EXDEV);
	/* mknod */
	struct call *c = new_call(OP_MKNOD, "ws/fifo", NULL);
	c->mode = S_IFIFO | 0666;
	CHECK(run(&e, c) == 0 && mode_of("ws/fifo") == (S_IFIFO | 0644));
	c = new_call(OP_MKNOD, "ws/dev", NULL);
	c->mode = S_IFCHR | 0666;
	CHECK(run(&e, c) == EPERM);
	c = new_call(OP_MKNOD, "ws/setid", NULL);
	c->mode = S_IFREG | 04755;
	CHECK(run(&e, c) == EPERM);
}

static void change_races(void *arg)
{
	struct elevation e = gate();
	struct call *c;

	(void)arg;
	/* What was checked is gone, another object has its name. */
	c = new_call(OP_UNLINK, "ws/file", NULL);
	CHECK(rename(at("ws/file"), at("ws/kept")) == 0);
	put("ws/file", "other");
	CHECK(run(&e, c) == ENOENT && says("ws/file", "other"));
	c = new_call(OP_RENAME, "ws/file", "ws/target");
	CHECK(unlink(at("ws/file")) == 0 && mkdir(at("ws/file"), 0755) == 0);
	CHECK(run(&e, c) == ENOENT && access(at("ws/target"), F_OK) < 0);
	c = new_call(OP_RMDIR, "ws/file", NULL);
	CHECK(rmdir(at("ws/file")) == 0 && symlink("sub/deep", at("ws/file")) == 0);
	CHECK(run(&e, c) == ENOENT);
	/* The hard link is to what was checked. */
	c = new_call(OP_LINK, "ws/kept", "ws/linked");
	CHECK(unlink(at("ws/kept")) == 0 && symlink("hidden", at("ws/kept")) == 0);
	CHECK(run(&e, c) == ENOENT); /* removed: as the kernel says */
	/* A name that leads out is no name. */
	c = new_call(OP_MKDIR, "ws/x", NULL);
	str_copy(c->a.name, sizeof(c->a.name), "..");
	CHECK(run(&e, c) == EINVAL);
	str_copy(c->a.name, sizeof(c->a.name), "../closed/x");
	CHECK(run(&e, c) == EINVAL);
}

static void meta(void *arg)
{
	struct elevation e = gate();
	struct stat st;
	char value[8];

	(void)arg;
	struct call *c = new_call(OP_TRUNCATE, "ws/file", NULL);
	c->size = 2;
	CHECK(unlink(at("ws/file")) == 0 && symlink("hidden", at("ws/file")) == 0);
	CHECK(run(&e, c) == 0 && c->a.st.st_size == 5 && fstat(c->a.fd, &st) == 0 &&
	      st.st_size == 2);
	CHECK(says("ws/hidden", "TOPSECRET"));
	c = new_call(OP_TRUNCATE, "ws/sub", NULL);
	CHECK(run(&e, c) == EISDIR);
	c = new_call(OP_CHMOD, "ws/sub/file", NULL);
	c->mode = 0700;
	CHECK(run(&e, c) == 0 && mode_of("ws/sub/file") == (S_IFREG | 0700));
	c->mode = 04755;
	CHECK(run(&e, c) == EPERM);
	c = new_call(OP_CHMOD, "ws/none", NULL);
	CHECK(run(&e, c) == ENOENT);
	c = new_call(OP_CHOWN, "ws/sub/file", NULL);
	c->uid = getuid();
	c->gid = (gid_t)-1;
	CHECK(run(&e, c) == 0);
	c = new_call(OP_UTIMES, "ws/link", NULL); /* the link itself */
	c->has_times = true;
	c->times[0].tv_sec = c->times[1].tv_sec = 1000;
	CHECK(run(&e, c) == 0 && lstat(at("ws/link"), &st) == 0 && st.st_mtime == 1000);
	CHECK(stat(at("ws/secret/key"), &st) == 0 && st.st_mtime != 1000);
	c = new_call(OP_UTIMES, "ws/sub/file", NULL);
	CHECK(run(&e, c) == 0);
	c = new_call(OP_SETXATTR, "ws/sub/file", NULL);
	str_copy(c->text, sizeof(c->text), "user.test");
	c->value = (char *)"abc";
	c->size = 3;
	int err = run(&e, c);
	CHECK(err == 0 || err == EOPNOTSUPP);
	if (!err) {
		CHECK(getxattr(at("ws/sub/file"), "user.test", value, sizeof(value)) == 3);
		c->flags = XATTR_CREATE;
		CHECK(run(&e, c) == EEXIST);
		c->op = OP_REMOVEXATTR;
		CHECK(run(&e, c) == 0 && run(&e, c) == ENODATA);
	}
	c->op = OP_SETXATTR;
	c->size = XATTR_BYTES_MAX + 1;
	CHECK(run(&e, c) == E2BIG);
}

/* ---- auto-run files ----------------------------------------------------------------------------
 */

static int special(struct elevation *e, struct call *c)
{
	struct answer a = {.fd = -1};

	if (!special_harmless(e, c)) {
		special_perform(e, c, &a);
		CHECK(a.err == EACCES && a.fd < 0); /* it judges by itself */
		return -1;
	}
	special_perform(e, c, &a);
	CHECK(!a.cont && a.fd < 0);
	return a.err;
}

static int special_op(struct elevation *e, enum call_op op, const char *a, const char *b)
{
	struct call *c = new_call(op, a, b);

	c->mode = 0755;
	return special(e, c);
}

static void repositories(void *arg)
{
	static const char good[] = "[core]\n\tbare = false\n", evil[] = "[core]\n\teditor = x\n";
	struct elevation e = gate();

	(void)arg;
	CHECK(special_op(&e, OP_MKDIR, "ws/sub/.git", NULL) == 0);
	CHECK(special_op(&e, OP_MKDIR, "ws/sub/.git/hooks", NULL) == 0);
	CHECK(special_op(&e, OP_MKDIR, "ws/.github", NULL) == 0);
	CHECK(special_op(&e, OP_MKDIR, "ws/.vscode", NULL) == -1);
	CHECK(special_op(&e, OP_RMDIR, "ws/.git/hooks", NULL) == ENOTEMPTY);
	CHECK(special_op(&e, OP_RMDIR, "ws/sub/.git/hooks", NULL) == 0);
	CHECK(special_op(&e, OP_UNLINK, "ws/.git/hooks/pre-commit", NULL) == -1);
	CHECK(special_op(&e, OP_CHMOD, "ws/.git/hooks/pre-commit", NULL) == -1);
	CHECK(special_op(&e, OP_SYMLINK, "ws/sub/.git/hooks", NULL) == -1);
	CHECK(special_op(&e, OP_RENAME, "ws/.git", "ws/moved") == -1);
	/* The configuration: good content goes in, as a copy. */
	put("ws/.git/config.lock", good);
	int held = open(at("ws/.git/config.lock"), O_RDWR);
	CHECK(special_op(&e, OP_RENAME, "ws/.git/config.lock", "ws/.git/config") == 0);
	CHECK(says("ws/.git/config", good) && access(at("ws/.git/config.lock"), F_OK) < 0);
	CHECK(pwrite(held, evil, sizeof(evil) - 1, 0) > 0 && says("ws/.git/config", good));
	put("ws/.git/config.lock", evil);
	CHECK(special_op(&e, OP_RENAME, "ws/.git/config.lock", "ws/.git/config") == -1);
	CHECK(special_op(&e, OP_LINK, "ws/.git/config.lock", "ws/.git/config.worktree") == -1);
	CHECK(special_op(&e, OP_SYMLINK, "ws/.git/config.worktree", NULL) == -1);
	CHECK(says("ws/.git/config", good));
	/* A link in place of the new content is not followed. */
	CHECK(unlink(at("ws/.git/config.lock")) == 0);
	CHECK(symlink(at("free/f"), at("ws/.git/config.lock")) == 0);
	CHECK(special_op(&e, OP_RENAME, "ws/.git/config.lock", "ws/.git/config") == -1);
	CHECK(special_op(&e, OP_UNLINK, "ws/.git/config", NULL) == 0);
}

static int open_special(struct elevation *e, const char *path, int flags, struct answer *a)
{
	struct call *c = new_call(OP_OPEN, path, NULL);

	c->flags = flags;
	c->mode = 0666;
	*a = (struct answer){.fd = -1};
	if (!special_harmless(e, c))
		return -1;
	special_perform(e, c, a);
	return a->err;
}

static void pointers(void *arg)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	struct elevation e = gate();
	struct answer a;

	(void)arg;
	CHECK(mkdir(at("ws/wt"), 0755) == 0);
	CHECK(open_special(&e, "ws/wt/.git", flags, &a) == 0);
	CHECK(dprintf(a.fd, "gitdir: ../.git/worktrees/wt\n") > 0);
	pointers_flush(&e); /* it is not closed yet */
	CHECK(access(at("ws/wt/.git"), F_OK) < 0);
	close(a.fd);
	pointers_flush(&e);
	CHECK(says("ws/wt/.git", "gitdir: ../.git/worktrees/wt\n"));
	CHECK(mode_of("ws/wt/.git") == (S_IFREG | 0644));
	/* Anywhere else: it stays as it is. */
	CHECK(open_special(&e, "ws/wt/.git", flags, &a) == 0);
	CHECK(dprintf(a.fd, "gitdir: ../sub\n") > 0);
	close(a.fd);
	pointers_flush(&e);
	CHECK(says("ws/wt/.git", "gitdir: ../.git/worktrees/wt\n"));
	/* A mapping that can be written is as good as a descriptor. */
	CHECK(open_special(&e, "ws/wt/.git", O_RDWR | O_TRUNC, &a) == 0);
	CHECK(dprintf(a.fd, "gitdir: ../.git/worktrees/w2\n") > 0);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd, 0);
	CHECK(map != MAP_FAILED);
	close(a.fd);
	pointers_flush(&e);
	CHECK(says("ws/wt/.git", "gitdir: ../.git/worktrees/wt\n"));
	CHECK(munmap(map, 4096) == 0);
	pointers_flush(&e);
	CHECK(says("ws/wt/.git", "gitdir: ../.git/worktrees/w2\n"));
	/* Not over what came meanwhile, and not a part of it. */
	CHECK(open_special(&e, "ws/sub/.git", flags, &a) == 0);
	CHECK(dprintf(a.fd, "gitdir: ../.git\n") > 0 && mkdir(at("ws/sub/.git"), 0755) == 0);
	close(a.fd);
	pointers_flush(&e);
	CHECK(S_ISDIR(mode_of("ws/sub/.git")));
	CHECK(open_special(&e, "ws/wt/.git", O_WRONLY, &a) == -1);
	CHECK(open_special(&e, "ws/.git/config", flags, &a) == -1);
	CHECK(open_special(&e, "ws/.git/hooks/x", flags, &a) == -1);
	pointers_free(e.pointers);
}

/* ---- sockets -----------------------------------------------------------------------------------
 */

static struct sockaddr_un name_of(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	str_copy(a.sun_path, sizeof(a.sun_path), path);
	return a;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = name_of(path);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if (s >= 0 && (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 4) < 0)) {
		int code = errno;
		close(s);
		errno = code;
		return -1;
	}
	return s;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = name_of(path);
	int s = socket(AF_UNIX, SOCK_STREAM, 0), r = connect(s, (struct sockaddr *)&a, sizeof(a));

	if (r == 0)
		return s;
	int code = errno;
	close(s);
	errno = code;
	return -1;
}

static void talk(int listener, int client)
{
	char b;
	int s = accept(listener, NULL, NULL);

	CHECK(s >= 0 && client >= 0 && write(client, "x", 1) == 1 && read(s, &b, 1) == 1);
	close(s);
	close(client);
}

static void sockets_inside(void *arg)
{
	struct sockaddr_un a;
	socklen_t n = sizeof(a);

	(void)arg;
	/* Bound by the broker, and where the kernel's rules suffice: each keeps its name. */
	static const char *const mine[] = {"ws/s", "free/s"};
	for (size_t i = 0; i < 2; i++) {
		umask(i ? 022 : 077);
		int s = listen_at(at(mine[i]));
		n = sizeof(a);
		CHECK(s >= 0 && getsockname(s, (struct sockaddr *)&a, &n) == 0);
		CHECK(strcmp(a.sun_path, at(mine[i])) == 0);
		CHECK(mode_of(mine[i]) == (S_IFSOCK | (i ? 0755 : 0700)));
		talk(s, connect_to(at(mine[i])));
		REFUSED(listen_at(at(mine[i])), EADDRINUSE);
		close(s);
		REFUSED(connect_to(at(mine[i])), ECONNREFUSED);
	}
	/* Somebody else's, also under a name that I bound before. */
	REFUSED(connect_to(at("ws/theirs")), EACCES);
	REFUSED(connect_to(at("free/theirs")), EACCES);
	CHECK(unlink(at("free/s")) == 0);
	int s = listen_at(at("free/s"));
	CHECK(s >= 0 && unlink(at("free/s")) == 0);
	REFUSED(rename(at("free/theirs"), at("free/s")), EACCES);
	REFUSED(link(at("free/theirs"), at("free/s")), EACCES);
	REFUSED(renameat2(AT_FDCWD, at("free/theirs"), AT_FDCWD, at("free/x"), RENAME_NOREPLACE),
		EACCES);
	s = listen_at(at("free/s"));
	CHECK(s >= 0 && rename(at("free/s"), at("free/other")) == 0);
	talk(s, connect_to(at("free/other")));
	REFUSED(connect_to(at("ws/none")), ENOENT);
	REFUSED(connect_to(at("ws/file")), ECONNREFUSED);
	REFUSED(listen_at(at("ws/secret/s")), EACCES);
	REFUSED(listen_at(at("ws/.git/hooks/s")), EACCES);
	/* Abstract: mine, not theirs. */
	a = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(a.sun_path, "\0mine", 5);
	n = offsetof(struct sockaddr_un, sun_path) + 5;
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(s, (struct sockaddr *)&a, n) == 0 && listen(s, 1) == 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c, (struct sockaddr *)&a, n) == 0);
	talk(s, c);
	n = offsetof(struct sockaddr_un, sun_path) +
	    (socklen_t)snprintf(a.sun_path + 1, 100, "%s", scene) + 1;
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	REFUSED(connect(c, (struct sockaddr *)&a, n), EACCES);
	REFUSED(connect(c, (struct sockaddr *)&a, 1), EINVAL);
	REFUSED(connect(999, (struct sockaddr *)&a, n), EACCES);
	c = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(c >= 0);
	a.sun_family = AF_UNSPEC;
	CHECK(connect(c, (struct sockaddr *)&a, sizeof(struct sockaddr)) == 0);
}

static void sockets(void *arg)
{
	struct engine en = {.elevation = false};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s, length;

	(void)arg;
	CHECK(listen_at(at("ws/theirs")) >= 0 && listen_at(at("free/theirs")) >= 0);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	length = snprintf(a.sun_path + 1, 100, "%s", scene) + 1;
	CHECK(bind(s, (struct sockaddr *)&a,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)) == 0 &&
	      listen(s, 4) == 0);
	CHECK(engine_run(&en, sockets_inside, NULL) == 0);
	CHECK(en.leaked == 0);
}

/* ---- who runs it --------------------------------------------------------------------------------
 */

static void scened(void *fn)
{
	scene_up();
	((void (*)(void *))fn)(NULL);
	scene_down();
}

#define TEST(name)                                                           \
	static void test_##name(void **state)                                \
	{                                                                    \
		assert_int_equal(in_child(scened, (void *)name, *state), 0); \
	}
TEST(opening)
TEST(open_races)
TEST(devices)
TEST(changing)
TEST(change_races)
TEST(meta)
TEST(repositories)
TEST(pointers)
TEST(sockets)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    AS_BOTH(test_opening),	AS_BOTH(test_open_races),   AS_BOTH(test_devices),
	    AS_BOTH(test_changing),	AS_BOTH(test_change_races), AS_BOTH(test_meta),
	    AS_BOTH(test_repositories), AS_BOTH(test_pointers),	    AS_BOTH(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
