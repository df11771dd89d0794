/* Sessions started from a process without a loop. */
#include "tui/starter.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct start_reply {
	int result;
	char id[SESSION_ID_LEN + 1];
	struct err err;
};

/* ---- the command line ------------------------------------------------------ */

static bool add_char(char *word, size_t *n, size_t size, char c)
{
	if (*n + 1 >= size)
		return false;
	word[(*n)++] = c;
	return true;
}

/* One word from *p on; -1 with *err, else its length in word. */
static int take_word(const char **p, char *word, size_t size, struct err *err)
{
	char quote = 0;
	size_t n = 0;

	for (; **p && (quote || (**p != ' ' && **p != '\t')); (*p)++) {
		char c = **p;

		if (quote && c == quote) {
			quote = 0;
			continue;
		}
		if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			continue;
		}
		if (c == '\\' && quote != '\'' && (*p)[1]) {
			c = *++*p;
		} else if (!quote && strchr("|&;<>()`$*?", c)) {
			return err_usage(err,
					 "'%c' is for a shell, and none runs this line: use sh -c "
					 "'...', or quote it",
					 c);
		}
		if (!add_char(word, &n, size, c))
			return err_usage(err, "a word of the command is too long");
	}
	word[n] = 0;
	return quote ? err_usage(err, "the quote %c is not closed", quote) : 0;
}

char **words_split(const char *line, struct err *err)
{
	char **out = xcalloc(1, sizeof(*out));
	size_t n = 0;

	for (const char *p = line;;) {
		char word[1024];

		p += strspn(p, " \t");
		if (!*p)
			return out;
		if (take_word(&p, word, sizeof(word), err)) {
			strv_free(out);
			return NULL;
		}
		out = xrealloc_array(out, n + 2, sizeof(*out));
		out[n++] = xstrdup(word);
		out[n] = NULL;
	}
}

char *start_directory(const char *dir, struct err *err)
{
	_cleanup_free_ char *home = dir_home(), *full = NULL;
	struct stat st;

	if (dir[0] == '~' && (!dir[1] || dir[1] == '/'))
		full = xasprintf("%s%s", home, dir + 1);
	else
		full = xstrdup(dir);
	if (stat(full, &st)) {
		err_errno(err, errno, "%s", full);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		err_usage(err, "%s is not a directory", full);
		return NULL;
	}
	return path_real(full, err);
}

/* ---- in the starter ------------------------------------------------------------ */

static int serve_one(const struct start_request *r, char id[SESSION_ID_LEN + 1], struct err *err)
{
	_cleanup_free_ char *dir = start_directory(r->dir, err);
	char **words = dir ? words_split(r->command, err) : NULL;
	const char *const writable[] = {dir, NULL};
	struct session_options o = {
	    .argv = words,
	    .name = r->name[0] ? r->name : NULL,
	    .policy = {.profile = r->profile[0] ? r->profile : NULL,
		       .workdir = dir,
		       .allow = writable,
		       .block_net = -1,
		       .elevation = 1,
		       .protect_workspace = -1},
	    .terminal = true,
	    .cols = r->cols,
	    .rows = r->rows,
	    .silent = true,
	};
	int result = -1;

	if (!words)
		return -1;
	if (!words[0])
		err_usage(err, "which program should be started?");
	else
		result = session_start(&o, id, err);
	strv_free(words);
	return result;
}

static _Noreturn void serve(int fd)
{
	_cleanup_free_ struct start_request *r = xcalloc(1, sizeof(*r));

	setsid(); /* what is typed to stop the front end does not stop this one first */
	prctl(PR_SET_NAME, "nono-starter");
	while (read(fd, r, sizeof(*r)) == (ssize_t)sizeof(*r)) {
		struct start_reply reply = {0};

		reply.result = serve_one(r, reply.id, &reply.err);
		if (write(fd, &reply, sizeof(reply)) != (ssize_t)sizeof(reply))
			break;
	}
	_exit(0);
}

/* ---- in the front end ------------------------------------------------------------ */

int starter_begin(struct starter *s, struct err *err)
{
	int fds[2];

	s->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return err_errno(err, errno, "can't make a socket pair");
	s->pid = fork();
	if (s->pid < 0) {
		err_errno(err, errno, "can't fork");
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (s->pid == 0) {
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	s->fd = fds[0];
	return 0;
}

int starter_start(struct starter *s, const struct start_request *r, char id[SESSION_ID_LEN + 1],
		  struct err *err)
{
	struct start_reply reply;
	ssize_t n;

	if (s->fd < 0)
		return err_set(err, "nothing can be started from here");
	if (write(s->fd, r, sizeof(*r)) != (ssize_t)sizeof(*r))
		return err_errno(err, errno, "the process that starts sessions is gone");
	do
		n = read(s->fd, &reply, sizeof(reply));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(reply))
		return err_set(err, "the process that starts sessions is gone");
	if (reply.result) {
		if (err)
			*err = reply.err;
		return -1;
	}
	memcpy(id, reply.id, sizeof(reply.id));
	return 0;
}

void starter_end(struct starter *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
