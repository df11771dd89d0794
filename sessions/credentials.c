/* Where secrets come from. */
#include "sessions/credentials.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sessions/sessions.h"

#define SECRET_MAX	  65536
#define KEYRING_TIMEOUT_S 30

/* ---- names ----------------------------------------------------------------- */

static bool is_account(const char *s)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (!(s[i] == '_' || (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') ||
		      (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return i > 0 && i < 128;
}

/* "openai_key" -> "OPENAI_KEY" */
char *credential_variable(const char *reference)
{
	char *name;

	if (!is_account(reference) || (reference[0] >= '0' && reference[0] <= '9'))
		return NULL;
	name = xstrdup(reference);
	for (char *c = name; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return name;
}

static int check_variable(const char *pair, size_t n, struct err *err)
{
	_cleanup_free_ char *name = xstrndup(pair, n);

	if (!is_account(name) || (name[0] >= '0' && name[0] <= '9'))
		return err_usage(err, "'%.100s' is not the name of a variable", name);
	if (!policy_env_settable(name))
		return err_usage(err,
				 "the variable %s can't hold a credential: it has a meaning "
				 "for programs or for nono",
				 name);
	return 0;
}

/* ---- sources --------------------------------------------------------------- */

/* As editors and "echo" leave it: one line. A secret with NUL or further lines is what it is. */
static int take_text(char *text, size_t n, const char *what, char **out, struct err *err)
{
	if (n && text[n - 1] == '\n')
		n--;
	if (n && text[n - 1] == '\r')
		n--;
	if (!n)
		return err_set(err, "credential %s: it is empty", what);
	if (memchr(text, '\0', n))
		return err_set(err, "credential %s: it holds a NUL byte", what);
	text[n] = '\0';
	*out = xstrndup(text, n);
	return 0;
}

static int from_env(const char *name, char **out, struct err *err)
{
	const char *v = getenv(name);

	if (!v || !*v)
		return err_set(err, "credential env://%s: the variable is not set", name);
	*out = xstrdup(v);
	return 0;
}

static int from_file(const char *path, char **out, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char text[SECRET_MAX + 1];
	struct stat st;
	ssize_t n;
	int r;

	if (path[0] != '/')
		return err_usage(err, "credential file://%s: the path must be absolute", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "credential file://%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "credential file://%s: not a file", path);
	n = read_full(fd, text, sizeof(text));
	if (n < 0)
		return err_errno(err, errno, "credential file://%s", path);
	r = n > SECRET_MAX
		? err_set(err, "credential file://%s: larger than %d bytes", path, SECRET_MAX)
		: take_text(text, (size_t)n, path, out, err);
	explicit_bzero(text, sizeof(text));
	return r;
}

static long keyring_timeout(void)
{
	const char *v = getenv("NONO_KEYRING_TIMEOUT_SECS");
	long n;

	return v && str_to_long(v, 1, 600, &n) == 0 ? n : KEYRING_TIMEOUT_S;
}

/* Reads until the end; -1 if that takes too long (a keyring that asks for its password). */
static ssize_t read_until(int fd, char *text, size_t size, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	while (n < size) {
		uint64_t now = clock_mono_ns();
		ssize_t r;

		if (now >= deadline_ns ||
		    (r = poll(&p, 1, (int)((deadline_ns - now) / 1000000u) + 1)) == 0)
			return -1;
		if (r < 0 && errno == EINTR)
			continue;
		r = read(fd, text + n, size - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -1 : (ssize_t)n;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static _Noreturn void exec_secret_tool(int out, const char *service, const char *account)
{
	const char *target = str_eq(service, "nono") ? "target" : NULL;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	/* The third attribute is how the keyring libraries of other languages mark a plain entry.
	 */
	execlp("secret-tool", "secret-tool", "lookup", "service", service, "username", account,
	       target, "default", (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

static int from_keyring(const char *service, const char *account, char **out, struct err *err)
{
	long timeout = keyring_timeout();
	char text[SECRET_MAX + 1], what[300];
	int pipe_fd[2], status = 0, r;
	ssize_t n;
	pid_t pid;

	snprintf(what, sizeof(what), "keyring://%.120s/%.120s", service, account);
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_errno(err, errno, "can't make a pipe");
	pid = fork();
	if (pid == 0)
		exec_secret_tool(pipe_fd[1], service, account);
	close(pipe_fd[1]);
	n = pid < 0 ? -1
		    : read_until(pipe_fd[0], text, sizeof(text),
				 clock_mono_ns() + (uint64_t)timeout * 1000000000u);
	close(pipe_fd[0]);
	if (pid < 0)
		return err_errno(err, errno, "can't fork");
	if (n < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n < 0)
		r = err_set(err, "credential %s: the keyring did not answer within %ld s", what,
			    timeout);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		r = err_set(err,
			    "credential %s: that takes the program secret-tool (package "
			    "libsecret-tools), which is not installed",
			    what);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		r = err_set(err, "credential %s: the keyring has no such entry", what);
	else if (n > SECRET_MAX)
		r = err_set(err, "credential %s: larger than %d bytes", what, SECRET_MAX);
	else
		r = take_text(text, (size_t)n, what, out, err);
	explicit_bzero(text, sizeof(text));
	return r;
}

static int from_keyring_path(const char *path, char **out, struct err *err)
{
	const char *slash = strchr(path, '/');
	_cleanup_free_ char *service = NULL;

	if (!slash || slash == path || !slash[1])
		return err_usage(err, "credential keyring://%s: it is keyring://SERVICE/ACCOUNT",
				 path);
	service = xstrndup(path, (size_t)(slash - path));
	return from_keyring(service, slash + 1, out, err);
}

static int load(const char *reference, char **out, struct err *err)
{
	static const struct {
		const char *prefix;
		int (*from)(const char *rest, char **out, struct err *err);
	} sources[] = {
	    {"env://", from_env}, {"file://", from_file}, {"keyring://", from_keyring_path}};
	const char *scheme = strstr(reference, "://");

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (str_starts(reference, sources[i].prefix))
			return sources[i].from(reference + strlen(sources[i].prefix), out, err);
	if (scheme)
		return err_set(err,
			       "credential %.100s: %.*s:// is not supported by this version; "
			       "env://, file:// and keyring:// are",
			       reference, (int)(scheme - reference), reference);
	if (!is_account(reference))
		return err_usage(err,
				 "credential '%.100s': not the name of an account (letters, "
				 "digits, '_') and no reference like env://NAME",
				 reference);
	return from_keyring("nono", reference, out, err);
}

/* ---- all of them ------------------------------------------------------------ */

int credentials_load(char *const *wanted, char ***out, struct err *err)
{
	size_t n = 0;

	while (wanted && wanted[n])
		n++;
	*out = xcalloc(n + 1, sizeof(**out));
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(wanted[i], '=');
		char *secret = NULL;

		if (!eq || check_variable(wanted[i], (size_t)(eq - wanted[i]), err) < 0 ||
		    load(eq + 1, &secret, err) < 0) {
			credentials_free(STEAL_PTR(*out));
			return -1;
		}
		(*out)[i] = xasprintf("%.*s=%s", (int)(eq - wanted[i]), wanted[i], secret);
		explicit_bzero(secret, strlen(secret));
		free(secret);
	}
	return 0;
}

void credentials_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		explicit_bzero(v[i], strlen(v[i]));
	strv_free(v);
}
